//! A model folder on a web server, by way of the browser's cache. A file is fetched once, checked against its checksum
//! while it streams in, kept as a `Blob` (which browsers hold outside wasm's memory, usually on disk) and read from
//! there by range. The next visit takes it from the Cache API without asking the network.

use super::Source;
use crate::error::{Error, Result};
use js_sys::{Array, Uint8Array};
use protocol::{FileEntry, MODEL_CACHE, StepscopeJson, model_cache_key};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, DedicatedWorkerGlobalScope, ReadableStreamDefaultReader, Response};

const MANIFEST: &str = "stepscope.json";

/// Called with the path that is being fetched, the bytes so far of all files together, and the total (0 if unknown).
pub type OnProgress = Box<dyn Fn(&str, u64, u64)>;

/// Fetches files below an address.
pub struct FetchSource {
    models_url: String,
    base: String,
    cache: Option<Cache>,
    manifest: HashMap<String, FileEntry>,
    blobs: RefCell<HashMap<String, Option<Blob>>>,
    received: Cell<u64>,
    total: u64,
    on_progress: OnProgress,
}

fn reason(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{value:?}"),
    }
}

fn failed(path: &str) -> impl Fn(JsValue) -> Error + '_ {
    move |error| Error::Read { path: path.into(), reason: reason(&error) }
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

impl FetchSource {
    /// The folder `id` below an address with a trailing slash. Reads its `stepscope.json`, if there is one.
    pub async fn open(models_url: &str, id: &str, on_progress: OnProgress) -> Result<Self> {
        // Private windows and insecure addresses have no cache; everything works without, only not offline.
        let cache = match scope().caches() {
            // The binding promises an object; an insecure address gives it `undefined`.
            Ok(caches) if !caches.is_undefined() => {
                JsFuture::from(caches.open(MODEL_CACHE)).await.ok().map(JsCast::unchecked_into)
            }
            _ => None,
        };
        let (manifest, blobs) = (HashMap::new(), RefCell::new(HashMap::new()));
        let (models_url, base) = (models_url.to_owned(), format!("{models_url}{id}/"));
        let mut source =
            Self { models_url, base, cache, manifest, blobs, received: Cell::new(0), total: 0, on_progress };
        if let Some(bytes) = source.read_all(MANIFEST).await? {
            let about: StepscopeJson =
                serde_json::from_slice(&bytes).map_err(|error| Error::broken(MANIFEST, error.to_string()))?;
            source.total = about.files.iter().map(|file| file.size).sum();
            source.manifest = about.files.into_iter().map(|file| (file.path.clone(), file)).collect();
        }
        source.received.set(0);
        Ok(source)
    }

    /// Address of a file; its checksum is part of it, so that a new version never meets an old copy.
    fn url(&self, path: &str) -> String {
        match self.manifest.get(path) {
            Some(file) => format!("{}{path}?sha256={}", self.base, file.sha256),
            None => format!("{}{path}", self.base),
        }
    }

    /// Under which address the browser's cache keeps a file.
    fn key(&self, path: &str) -> String {
        self.manifest.get(path).map_or_else(|| self.url(path), |file| model_cache_key(&self.models_url, file))
    }

    async fn cached(&self, url: &str) -> Option<Blob> {
        let found = JsFuture::from(self.cache.as_ref()?.match_with_str(url)).await.ok()?;
        let blob = found.dyn_into::<Response>().ok()?.blob().ok()?;
        JsFuture::from(blob).await.ok()?.dyn_into().ok()
    }

    /// The file as a blob: from memory, from the cache, from the network. `None` if the server has no such file.
    async fn blob(&self, path: &str) -> Result<Option<Blob>> {
        if let Some(blob) = self.blobs.borrow().get(path) {
            return Ok(blob.clone());
        }
        let listed = self.manifest.get(path);
        if listed.is_none() && !self.manifest.is_empty() {
            return Ok(None);
        }
        let url = self.url(path);
        let blob = match (listed, self.cached(&self.key(path)).await) {
            // The address names the content, so the copy is as good as the original.
            (Some(file), Some(blob)) if blob.size() == file.size as f64 => {
                self.progress(path, file.size);
                Some(blob)
            }
            (_, cached) => match (self.download(path, &url).await, cached) {
                (Ok(blob), _) => blob,
                (Err(Error::Read { .. }), Some(blob)) if listed.is_none() => Some(blob),
                (Err(error), _) => return Err(error),
            },
        };
        self.blobs.borrow_mut().insert(path.to_owned(), blob.clone());
        Ok(blob)
    }

    fn progress(&self, path: &str, bytes: u64) {
        self.received.set(self.received.get() + bytes);
        (self.on_progress)(path, self.received.get(), self.total);
    }

    async fn download(&self, path: &str, url: &str) -> Result<Option<Blob>> {
        let response: Response =
            JsFuture::from(scope().fetch_with_str(url)).await.map_err(failed(path))?.unchecked_into();
        if response.status() == 404 {
            return Ok(None);
        }
        if !response.ok() {
            let reason = format!("the server answered {} {}", response.status(), response.status_text());
            return Err(Error::Read { path: path.into(), reason });
        }
        let before = self.received.get();
        let result = self.stream(path, &response).await;
        if result.is_err() {
            self.received.set(before);
        }
        let blob = result?;
        if let Some(cache) = &self.cache
            && let Ok(copy) = Response::new_with_opt_blob(Some(&blob))
        {
            // A full disk costs the next visit a download, no more.
            let _ = JsFuture::from(cache.put_with_str(&self.key(path), &copy)).await;
        }
        Ok(Some(blob))
    }

    /// Collects a response's chunks outside wasm's memory, checking size and checksum on the way.
    async fn stream(&self, path: &str, response: &Response) -> Result<Blob> {
        let chunks = Array::new();
        let mut hash = Sha256::new();
        let mut bytes = 0;
        if let Some(body) = response.body() {
            let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
            loop {
                let result = JsFuture::from(reader.read()).await.map_err(failed(path))?;
                let get = |key: &str| js_sys::Reflect::get(&result, &key.into()).unwrap_or(JsValue::UNDEFINED);
                if get("done").is_truthy() {
                    break;
                }
                let chunk: Uint8Array = get("value").unchecked_into();
                hash.update(chunk.to_vec());
                bytes += u64::from(chunk.length());
                self.progress(path, u64::from(chunk.length()));
                chunks.push(&chunk);
            }
        }
        if let Some(file) = self.manifest.get(path) {
            if bytes != file.size {
                return Err(Error::broken(path, format!("{bytes} bytes arrived, it should have {}", file.size)));
            }
            let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            if sha256 != file.sha256 {
                return Err(Error::broken(path, "its content does not match its checksum"));
            }
        }
        Blob::new_with_u8_array_sequence(&chunks).map_err(failed(path))
    }
}

impl Source for FetchSource {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        Ok(self.blob(path).await?.map(|blob| blob.size() as u64))
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let blob = self.blob(path).await?;
        let blob = blob.ok_or_else(|| Error::Missing { path: path.into(), reason: String::new() })?;
        let slice = blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(failed(path))?;
        let buffer = JsFuture::from(slice.array_buffer()).await.map_err(failed(path))?;
        let bytes = Uint8Array::new(&buffer).to_vec();
        if bytes.len() as u64 != range.end - range.start {
            return Err(Error::broken(path, format!("it ends before byte {}", range.end)));
        }
        Ok(bytes)
    }
}
