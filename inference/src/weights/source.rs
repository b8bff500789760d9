//! Where a model's files come from: a folder on disk, a web server by way of the browser's cache, later others.

use crate::error::{Error, Result};
use std::ops::Range;

/// The files of one model, by their path relative to its folder, with forward slashes.
#[allow(async_fn_in_trait, reason = "single-threaded by design: one worker, one model")]
pub trait Source {
    /// Bytes of a file, or `None` if there is no such file.
    async fn size(&self, path: &str) -> Result<Option<u64>>;

    /// Some bytes of a file. Fewer than asked for is an error.
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>>;

    /// A whole small file, or `None` if there is no such file.
    async fn read_all(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.size(path).await? {
            Some(size) => self.read(path, 0..size).await.map(Some),
            None => Ok(None),
        }
    }

    /// A whole small text file that must be there.
    async fn read_text(&self, path: &str) -> Result<String> {
        match self.read_all(path).await? {
            Some(bytes) => String::from_utf8(bytes).map_err(|_| Error::broken(path, "it is not UTF-8 text")),
            None => Err(Error::Missing { path: path.into(), reason: String::new() }),
        }
    }
}
