//! Goldens that are tensors, and pipelines that are folders.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use super::{assert_close, golden, golden_path};
use inference::weights::FolderSource;
use safetensors::SafeTensors;
use std::collections::HashMap;

/// A golden pipeline folder.
pub fn folder(name: &str) -> FolderSource {
    FolderSource::new(golden_path(name))
}

/// A tensor of a golden file.
#[derive(Clone, Debug)]
pub struct Golden {
    /// As the file has it.
    pub shape: Vec<usize>,
    /// As the file has it; integers become floats.
    pub data: Vec<f32>,
}

impl Golden {
    /// `[B, C, H, W]` to `[B, H, W, C]`; other shapes as they are.
    pub fn channels_last(&self) -> Vec<f32> {
        let &[batch, channels, height, width] = self.shape.as_slice() else { return self.data.clone() };
        let image = channels * height * width;
        (0..batch)
            .flat_map(|b| inference::pipeline::channels_last(&self.data[b * image..][..image], channels))
            .collect()
    }
}

/// All tensors of a file, and its `info` metadata.
pub fn read_safetensors(name: &str) -> (HashMap<String, Golden>, serde_json::Value) {
    let bytes = golden(name);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let info = metadata.metadata().as_ref().and_then(|m| m.get("info")).map_or("{}", String::as_str);
    let info = serde_json::from_str(info).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let read = |name: &str| {
        let view = tensors.tensor(name).unwrap();
        let numbers = view.data().chunks_exact(4).map(|b| <[u8; 4]>::try_from(b).unwrap());
        let data = match view.dtype() {
            safetensors::Dtype::F32 => numbers.map(f32::from_le_bytes).collect(),
            safetensors::Dtype::I32 => numbers.map(|b| i32::from_le_bytes(b) as f32).collect(),
            other => panic!("{name}: {other:?}"),
        };
        (name.to_owned(), Golden { shape: view.shape().to_vec(), data })
    };
    (tensors.names().into_iter().map(read).collect(), info)
}

/// Compares by the share of the expected tensor's largest magnitude, and returns the worst one.
#[track_caller]
pub fn assert_tensor_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) -> f32 {
    let scale = want.iter().fold(1e-6_f32, |max, x| max.max(x.abs()));
    assert_close(what, got, want, tolerance, scale);
    got.iter().zip(want).map(|(got, want)| (got - want).abs() / scale).fold(0.0, f32::max)
}
