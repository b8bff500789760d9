//! One evaluation taken apart: what the model predicts without the prompt, with it, and what guidance makes of the two.
//! The model is run again for it, on latents that were kept: cheaper than keeping both answers of every evaluation.

use super::Pipeline;
use crate::error::Result;
use crate::exec::Executor;
use crate::models;
use crate::schedulers::Eval;
use crate::weights::Source;
use protocol::GenerateRequest;

/// Three predictions of the clean latents, each `[h, w, C]` as the sampler has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// By the negative prompt, or none.
    pub without: Vec<f32>,
    /// By the prompt.
    pub with: Vec<f32>,
    /// Of both answers, combined as the run combined them.
    pub combined: Vec<f32>,
}

impl<E: Executor, S: Source> Pipeline<E, S> {
    /// Evaluates `latents` (`[h, w, C]`, before the evaluation) once more; `None` for a run without guidance. A step after
    /// `guidance_stop` is combined as if it were guided. The run must be the latest one: a UNet made for inpainting reads its mask again.
    ///
    /// # Errors
    /// Those of the device.
    pub async fn split(&mut self, request: &GenerateRequest, eval: &Eval, latents: &[f32]) -> Result<Option<Split>> {
        if !self.is_guided(request) {
            return Ok(None);
        }
        let size = self.latent_size(request);
        let (text, _) = self.text(request, true).await?;
        let unet = self.prepare_unet([2, size[0], size[1], text.tokens]).await?;
        let conditions = self.conditions(request, &text, 2)?;
        let exec = &self.exec;
        let scale = eval.input_scale as f32;
        let input: Vec<f32> = latents.iter().map(|x| x * scale).collect();
        let input = exec.upload(&input.repeat(2))?;
        let timestep = exec.upload(&models::timestep_embedding(&self.model.unet, eval.timestep, 2))?;
        let mut inputs = vec![("latents", &input), ("timestep", &timestep)];
        inputs.extend(conditions.iter().map(|(name, value)| (*name, value)));
        let out = exec.run(&self.unets[unet].1, &inputs).await?;
        let out = exec.download(&out[0]).await?;
        let (without, with) = out.split_at(latents.len());
        let guidance = request.guidance_scale as f32;
        let combined: Vec<f32> = without.iter().zip(with).map(|(u, c)| u + guidance * (c - u)).collect();
        let [without, with, combined] = [without, with, &combined].map(|answer| denoised(eval, latents, answer));
        Ok(Some(Split { without, with, combined }))
    }
}

/// The clean latents that an answer of the model predicts.
fn denoised(eval: &Eval, latents: &[f32], answer: &[f32]) -> Vec<f32> {
    let [a, b] = eval.to_denoised.map(|factor| factor as f32);
    let limit = eval.clip.map_or(f32::INFINITY, |limit| limit as f32);
    latents.iter().zip(answer).map(|(x, out)| (a * x + b * out).clamp(-limit, limit)).collect()
}
