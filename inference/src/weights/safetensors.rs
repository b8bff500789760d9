//! A safetensors file, read piece by piece: the header tells where each tensor lies, a tensor is then one range.

use super::names::candidates;
use super::source::Source;
use crate::error::{Error, Result};
use crate::exec::WeightData;
use crate::graph::{Weight, WeightLayout};
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

/// A header larger than this is not a header: the largest published ones have a few hundred kilobytes.
const MAX_HEADER: u64 = 100 << 20;

/// A file whose header has been read.
#[derive(Clone, Debug)]
pub struct WeightFile {
    path: String,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data: u64,
    bytes: u64,
}

impl WeightFile {
    /// Reads the header of the first of `paths` that exists. Checks that the file is as long as its header says.
    pub async fn open(source: &impl Source, paths: &[String]) -> Result<Self> {
        for path in paths {
            if let Some(bytes) = source.size(path).await? {
                return Self::read_header(source, path, bytes).await;
            }
        }
        let first = paths.first().cloned().unwrap_or_default();
        Err(Error::Missing { path: first, reason: "weights must be in the safetensors format".into() })
    }

    async fn read_header(source: &impl Source, path: &str, bytes: u64) -> Result<Self> {
        let broken = |reason: String| Error::broken(path, reason);
        if bytes < 8 {
            return Err(broken(format!("{bytes} bytes are too few for a safetensors file")));
        }
        let prefix: [u8; 8] =
            source.read(path, 0..8).await?.try_into().map_err(|_| broken("its first bytes cannot be read".into()))?;
        let length = u64::from_le_bytes(prefix);
        if length > MAX_HEADER || length > bytes - 8 {
            return Err(broken(format!("its header claims {length} bytes of the file's {bytes}")));
        }
        let header = source.read(path, 8..8 + length).await?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| broken(format!("its header is not valid: {error}")))?;
        let data = 8 + length;
        let end = metadata.tensors().values().map(|info| info.data_offsets.1 as u64).max().unwrap_or(0);
        if data + end != bytes {
            return Err(broken(format!("it has {bytes} bytes, its header promises {}", data + end)));
        }
        Ok(Self { path: path.to_owned(), metadata, data, bytes })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Numbers in all tensors.
    pub fn parameters(&self) -> u64 {
        self.metadata.tensors().values().map(|info| info.shape.iter().product::<usize>() as u64).sum()
    }

    /// Whether a tensor is in it, under its own name or an older one.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    fn find(&self, name: &str) -> Result<&TensorInfo> {
        candidates(name)
            .iter()
            .find_map(|name| self.metadata.info(name))
            .ok_or_else(|| Error::broken(&self.path, format!("tensor {name} is not in it")))
    }

    /// Where a weight's first part begins.
    pub fn position(&self, weight: &Weight) -> usize {
        weight.parts.first().and_then(|(name, _)| self.find(name).ok()).map_or(0, |info| info.data_offsets.0)
    }

    /// Whether all parts of a weight are there in the right shape and a known precision.
    pub fn check(&self, weight: &Weight) -> Result<()> {
        for (name, n) in &weight.parts {
            let info = self.find(name)?;
            let shapes = weight.file_shapes(*n);
            if !shapes.contains(&info.shape) {
                let reason = format!("tensor {name} has shape {:?}, the config asks for {:?}", info.shape, shapes[0]);
                return Err(Error::broken(&self.path, reason));
            }
            if !matches!(info.dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
                let reason = format!("tensor {name} is {:?}; F16, BF16 and F32 can be read", info.dtype);
                return Err(Error::broken(&self.path, reason));
            }
        }
        Ok(())
    }

    /// Reads a weight and lays it out as `[K, N]`.
    pub async fn read(&self, source: &impl Source, weight: &Weight) -> Result<WeightData> {
        let mut parts = Vec::with_capacity(weight.parts.len());
        for (name, n) in &weight.parts {
            let info = self.find(name)?;
            let (start, end) = info.data_offsets;
            let range = self.data + start as u64..self.data + end as u64;
            let bytes = source.read(&self.path, range).await?;
            parts.push((*n, info.dtype, bytes));
        }
        if !weight.is_vector() && parts.iter().all(|(_, dtype, _)| *dtype == Dtype::F16) {
            let number = |b: &[u8]| f16::from_le_bytes([b[0], b[1]]);
            return Ok(WeightData::F16(lay_out(weight, &parts, |_| (2, number))));
        }
        Ok(WeightData::F32(lay_out(weight, &parts, |dtype| match dtype {
            Dtype::F16 => (2, |b: &[u8]| f16::from_le_bytes([b[0], b[1]]).to_f32()),
            Dtype::BF16 => (2, |b: &[u8]| bf16::from_le_bytes([b[0], b[1]]).to_f32()),
            _ => (4, |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        })))
    }
}

/// Copies every number of the parts to its place in `[K, N]`. `decode` gives a precision's size and reader.
fn lay_out<T: Copy + Default>(
    weight: &Weight,
    parts: &[(usize, Dtype, Vec<u8>)],
    decode: impl Fn(Dtype) -> (usize, fn(&[u8]) -> T),
) -> Vec<T> {
    let (k, n) = (weight.k(), weight.n());
    let mut out = vec![T::default(); k * n];
    let mut first = 0;
    for (columns, dtype, bytes) in parts {
        let (size, number) = decode(*dtype);
        let at = |i: usize| number(&bytes[i * size..][..size]);
        match weight.layout {
            WeightLayout::Vector => (0..*columns).for_each(|j| out[first + j] = at(j)),
            WeightLayout::Table { rows } => {
                for row in 0..rows {
                    (0..*columns).for_each(|j| out[row * n + first + j] = at(row * columns + j));
                }
            }
            WeightLayout::Linear { k } => {
                for j in 0..*columns {
                    (0..k).for_each(|i| out[i * n + first + j] = at(j * k + i));
                }
            }
            WeightLayout::Conv { channels, kernel } => {
                let area = kernel[0] * kernel[1];
                for j in 0..*columns {
                    for c in 0..channels {
                        for p in 0..area {
                            out[(p * channels + c) * n + first + j] = at((j * channels + c) * area + p);
                        }
                    }
                }
            }
        }
        first += columns;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32_bytes(numbers: impl IntoIterator<Item = f32>) -> Vec<u8> {
        numbers.into_iter().flat_map(f32::to_le_bytes).collect()
    }

    fn read(weight: &Weight, parts: &[(usize, Dtype, Vec<u8>)]) -> Vec<f32> {
        lay_out(weight, parts, |_| (4, |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    }

    #[test]
    fn joined_linear_layers_lie_side_by_side() {
        let weight = Weight { parts: vec![("a".into(), 1), ("b".into(), 2)], layout: WeightLayout::Linear { k: 2 } };
        let parts = [(1, Dtype::F32, f32_bytes([1., 2.])), (2, Dtype::F32, f32_bytes([3., 4., 5., 6.]))];
        assert_eq!(read(&weight, &parts), [1., 3., 5., 2., 4., 6.]);
    }

    #[test]
    fn a_convolution_runs_over_kernel_then_channel() {
        let layout = WeightLayout::Conv { channels: 2, kernel: [1, 2] };
        let weight = Weight { parts: vec![("c".into(), 2)], layout };
        // [N=2][C=2][1][2]: number = n·100 + c·10 + kx.
        let numbers = [0., 1., 10., 11., 100., 101., 110., 111.];
        let read = read(&weight, &[(2, Dtype::F32, f32_bytes(numbers))]);
        assert_eq!(read, [0., 100., 10., 110., 1., 101., 11., 111.]);
    }
}
