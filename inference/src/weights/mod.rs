//! Weights: headers first, then tensors by byte range, each straight to its place on the device. No whole file is ever
//! held in memory.

mod names;
mod safetensors;
mod source;

#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(not(target_arch = "wasm32"))]
mod folder;

#[cfg(target_arch = "wasm32")]
pub use fetch::FetchSource;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderSource;
pub use safetensors::WeightFile;
pub use source::Source;

use crate::error::Result;
use crate::exec::Executor;
use crate::graph::{Graph, WeightId};

/// Compiles a graph and fills it from a file.
pub async fn load<E: Executor>(exec: &E, source: &impl Source, file: &WeightFile, graph: Graph) -> Result<E::Module> {
    // In the order in which they lie in the file: a disk and a network like that best.
    let mut order: Vec<WeightId> = (0..graph.weights.len()).map(WeightId).collect();
    let weights = graph.weights.clone();
    for weight in &weights {
        file.check(weight)?;
    }
    order.sort_by_key(|id| file.position(&weights[id.0]));
    let mut module = exec.compile(graph, None).await?;
    for id in order {
        let data = file.read(source, &weights[id.0]).await?;
        exec.put(&mut module, id, data).await?;
    }
    exec.finish().await?;
    Ok(module)
}
