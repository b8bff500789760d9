//! `--trace`: every number on the way to a picture, in torch's layout, for comparison with other programs.

use crate::generate::written;
use inference::Result;
use inference::pipeline::{Start, Step, Watch, channels_first};
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// Collects every tensor of a run, in torch's layout.
pub struct Trace {
    channels: usize,
    wanted: bool,
    size: [usize; 2],
    guided: bool,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
}

impl Trace {
    /// Collects only where it is wanted.
    pub fn new(channels: usize, wanted: bool) -> Self {
        Self { channels, wanted, size: [0; 2], guided: false, tensors: Vec::new() }
    }

    /// Adds a tensor.
    pub fn push(&mut self, name: &str, shape: Vec<usize>, data: Vec<f32>) {
        let bytes = data.into_iter().flat_map(f32::to_le_bytes).collect();
        self.tensors.push((name.to_owned(), shape, bytes));
    }

    fn push_latents(&mut self, name: &str, data: &[f32]) {
        let shape = vec![1, self.channels, self.size[0], self.size[1]];
        self.push(name, shape, channels_first(data, self.channels));
    }

    /// Writes the safetensors file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let views: std::result::Result<Vec<_>, _> = self
            .tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect();
        views
            .and_then(|views| safetensors::serialize_to_file(views, None, path))
            .map_err(|error: safetensors::SafeTensorError| written(path, error))
    }
}

impl Watch for Trace {
    fn wants_noise_pred(&self) -> bool {
        self.wanted
    }

    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        for cut in &start.cut {
            eprintln!(
                "stepscope: {} tokens of the {} beyond the limit of {} were cut",
                cut.tokens, cut.field, cut.limit
            );
        }
        for warning in &start.warnings {
            eprintln!("stepscope: {warning}");
        }
        if self.wanted {
            (self.size, self.guided) = (start.size, start.guided);
            let batch = if start.guided { 2 } else { 1 };
            let tokens = start.tokens;
            let shape = vec![batch, tokens, start.prompt_embeds.len() / batch / tokens];
            self.push("prompt_embeds", shape, start.prompt_embeds.to_vec());
            if let Some(pooled) = start.pooled_prompt_embeds {
                self.push("pooled_prompt_embeds", vec![batch, pooled.len() / batch], pooled.to_vec());
            }
            self.push_latents("latents.init", start.latents);
        }
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        if let Some(noise_pred) = &step.noise_pred {
            self.push_latents(&format!("noise_pred.{}", step.index), noise_pred);
            self.push_latents(&format!("latents.{}", step.index), &step.latents);
        }
        Ok(())
    }
}
