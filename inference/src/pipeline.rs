//! The step loop, top to bottom: prompt to embeddings, noise to latents, one UNet call per evaluation, latents to
//! pixels. Written once for every executor; whoever watches gets every outer step as it is done.

use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::graph::{Graph, optimise};
use crate::image::{Picture, denormalize, to_rgba};
use crate::model::Model;
use crate::models;
use crate::rng::TorchCpu;
use crate::schedulers::{self, Draw, Eval, Plan, PlanOptions};
use crate::weights::{self, Source};
use protocol::{Cut, FieldError, GenerateRequest};
use web_time::Instant;

/// A model on a device, ready to run.
pub struct Pipeline<E: Executor> {
    exec: E,
    model: Model,
    text: E::Module,
    /// By batch, height and width in latents. All share the weights of the first.
    unets: Vec<([usize; 3], E::Module)>,
    decoders: Vec<([usize; 2], E::Module)>,
}

/// One outer step, as it is handed to whoever watches. Tensors are channels last, batch 1.
pub struct Step<'a> {
    /// Counted from 0.
    pub index: usize,
    /// The step's first evaluation.
    pub eval: &'a Eval,
    /// Milliseconds of the step's evaluations.
    pub ms: f64,
    /// Latents after the step.
    pub latents: Vec<f32>,
    /// Clean latents as the step's last evaluation predicts them.
    pub denoised: Vec<f32>,
    /// The model's answer of the last evaluation after guidance; only where [`Watch::wants_noise_pred`].
    pub noise_pred: Option<Vec<f32>>,
}

/// What is known before the first step.
pub struct Start<'a> {
    /// What the sampler will do.
    pub plan: &'a Plan,
    /// Whether each evaluation runs the model for the negative prompt too.
    pub guided: bool,
    /// Prompt text that did not fit.
    pub cut: Vec<Cut>,
    /// `[B, T, D]`, negative first.
    pub prompt_embeds: &'a [f32],
    /// T: tokens of context.
    pub tokens: usize,
    /// Initial latents, already scaled.
    pub latents: &'a [f32],
    /// Height and width of the latents.
    pub size: [usize; 2],
}

/// Whoever watches a run. An error ends it at once; [`Error::Cancelled`] is the polite one.
#[allow(async_fn_in_trait, reason = "single-threaded by design: one worker, one run")]
pub trait Watch {
    /// Whether steps should carry the model's answer.
    fn wants_noise_pred(&self) -> bool {
        false
    }

    /// Before the first step.
    async fn start(&mut self, start: Start<'_>) -> Result<()>;

    /// After each outer step.
    async fn step(&mut self, step: Step<'_>) -> Result<()>;

    /// Between the evaluations of one step, so that a step of two model calls can be cancelled in its middle.
    async fn breathe(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A finished picture.
pub struct Finished {
    /// `[H, W, 3]` in 0..1.
    pub image: Vec<f32>,
    /// The same as RGBA.
    pub picture: Picture,
    /// Text encoding, evaluations, decoding: milliseconds.
    pub ms: [f64; 3],
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// `[C, H, W]` (how noise is drawn and traces are written) to `[H, W, C]`.
pub fn channels_last(data: &[f32], channels: usize) -> Vec<f32> {
    let area = data.len() / channels;
    (0..data.len()).map(|i| data[i % channels * area + i / channels]).collect()
}

/// `[H, W, C]` to `[C, H, W]`.
pub fn channels_first(data: &[f32], channels: usize) -> Vec<f32> {
    let area = data.len() / channels;
    (0..data.len()).map(|i| data[i % area * channels + i / area]).collect()
}

impl<E: Executor> Pipeline<E> {
    /// Loads all weights and prepares the model's default size, with guidance.
    pub async fn load(exec: E, source: &impl Source, model: Model) -> Result<Self> {
        let info = model.info();
        let scale = model.vae.scale_factor();
        let (h, w) = (info.defaults.height as usize / scale, info.defaults.width as usize / scale);
        let text = weights::load(&exec, source, &model.text_file, text_graph(&model)).await?;
        let unet = weights::load(&exec, source, &model.unet_file, unet_graph(&model, [2, h, w])?).await?;
        let decoder = weights::load(&exec, source, &model.vae_file, decoder_graph(&model, [h, w])).await?;
        Ok(Self { exec, model, text, unets: vec![([2, h, w], unet)], decoders: vec![([h, w], decoder)] })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The device.
    pub fn exec(&self) -> &E {
        &self.exec
    }

    /// Checks what depends on the model; the rest was checked when the request was parsed.
    pub fn check(&self, request: &GenerateRequest) -> Result<()> {
        let multiple = self.model.vae.scale_factor() as u32;
        for (field, size) in [("width", request.width), ("height", request.height)] {
            let small = multiple << (self.model.unet.block_out_channels.len() - 1);
            if !size.is_multiple_of(multiple) || size < small {
                let message = format!("{field} must be a multiple of {multiple} and at least {small}, not {size}.");
                return Err(FieldError::new(field, message).into());
            }
        }
        Ok(())
    }

    /// Makes a picture. `user_latents` (unit variance, channels last) replace the noise that the seed would give and
    /// consume nothing of it.
    pub async fn generate(
        &mut self,
        request: &GenerateRequest,
        user_latents: Option<&[f32]>,
        watch: &mut impl Watch,
    ) -> Result<Finished> {
        self.check(request)?;
        let scale = self.model.vae.scale_factor();
        let size = [request.height as usize / scale, request.width as usize / scale];
        let channels = self.model.unet.in_channels;
        let n = request.num_inference_steps as usize;
        let options = PlanOptions { eta: request.eta, ..PlanOptions::default() };
        let plan = schedulers::plan(request.scheduler, &self.model.scheduler, n, &options)
            .map_err(|error| Error::Scheduler(error.to_string()))?;

        // A guidance-distilled UNet is told the scale and runs once, as upstream does.
        let cond_dim = self.model.unet.time_cond_proj_dim;
        let guided = request.guidance_scale > 1.0 && cond_dim.is_none();
        let begin = Instant::now();
        let (embeds, cut) = self.encode(request, guided).await?;
        let text_ms = ms_since(begin);

        let mut rng = TorchCpu::new(request.seed);
        let len = channels * size[0] * size[1];
        let mut latents = match user_latents {
            Some(latents) if latents.len() == len => latents.to_vec(),
            Some(latents) => {
                let message = format!("the latents have {} numbers, this size needs {len}", latents.len());
                return Err(FieldError::new("latents", message).into());
            }
            None => channels_last(&rng.randn(len), channels),
        };
        latents.iter_mut().for_each(|x| *x *= plan.init_noise_sigma as f32);
        let tokens = self.model.text.max_position_embeddings;
        let start = Start { plan: &plan, guided, cut, prompt_embeds: &embeds, tokens, latents: &latents, size };
        watch.start(start).await?;

        let batch = if guided { 2 } else { 1 };
        let unet = self.prepare_unet([batch, size[0], size[1]]).await?;
        let exec = &self.exec;
        let embeds = exec.upload(&embeds)?;
        let cond = cond_dim.map(|dim| exec.upload(&guidance_embedding(request.guidance_scale, dim))).transpose()?;
        let mut sampler = exec.sampler(&latents)?;
        let begin = Instant::now();
        let mut step_begin = begin;
        let mut first = 0;
        for (i, eval) in plan.evals.iter().enumerate() {
            let timestep = exec.upload(&models::timestep_embedding(&self.model.unet, eval.timestep, batch))?;
            let input = exec.model_input(&sampler, eval.input_scale, batch)?;
            let mut inputs = vec![("latents", &input), ("timestep", &timestep), ("embeds", &embeds)];
            inputs.extend(cond.as_ref().map(|cond| ("timestep_cond", cond)));
            let out = exec.run(&self.unets[unet].1, &inputs).await?;
            let noise = (eval.noise != Draw::None).then(|| channels_last(&rng.randn(len), channels));
            let guidance = guided.then_some(request.guidance_scale);
            exec.guide_and_step(&mut sampler, eval, &out[0], guidance, noise.as_deref())?;
            if plan.evals.get(i + 1).is_some_and(|next| next.outer_step == eval.outer_step) {
                watch.breathe().await?;
                continue;
            }
            let mut values = vec![exec.latents(&sampler), exec.denoised(&sampler)];
            values.extend(watch.wants_noise_pred().then(|| exec.noise_pred(&sampler)));
            let mut values = exec.download_all(&values).await?.into_iter();
            let mut next = || values.next().unwrap_or_default();
            let (latents, denoised) = (next(), next());
            let noise_pred = watch.wants_noise_pred().then(next);
            let (index, eval) = (eval.outer_step, &plan.evals[first]);
            watch.step(Step { index, eval, ms: ms_since(step_begin), latents, denoised, noise_pred }).await?;
            first = i + 1;
            step_begin = Instant::now();
        }
        let evaluations_ms = ms_since(begin);

        let begin = Instant::now();
        let latents = self.exec.download(&self.exec.latents(&sampler)).await?;
        let image = self.decode(&latents, size).await?;
        let picture = to_rgba(&image, request.width, request.height);
        Ok(Finished { image, picture, ms: [text_ms, evaluations_ms, ms_since(begin)] })
    }

    /// Latents `[h, w, C]` as the sampler has them to `[H, W, 3]` in 0..1.
    pub async fn decode(&mut self, latents: &[f32], size: [usize; 2]) -> Result<Vec<f32>> {
        let decoder = self.prepare_decoder(size).await?;
        let scaling_factor = self.model.vae.scaling_factor() as f32;
        let scaled: Vec<f32> = latents.iter().map(|x| x / scaling_factor).collect();
        let input = self.exec.upload(&scaled)?;
        let out = self.exec.run(&self.decoders[decoder].1, &[("latents", &input)]).await?;
        Ok(denormalize(&self.exec.download(&out[0]).await?))
    }

    /// One UNet call on zeros, for measuring: milliseconds.
    pub async fn time_unet(&mut self, batch: usize, size: [usize; 2]) -> Result<f64> {
        let unet = self.prepare_unet([batch, size[0], size[1]]).await?;
        let config = &self.model.unet;
        let exec = &self.exec;
        let latents = exec.upload(&vec![0.5; batch * size[0] * size[1] * config.in_channels])?;
        let timestep = exec.upload(&models::timestep_embedding(config, 500.0, batch))?;
        let tokens = self.model.text.max_position_embeddings;
        let embeds = exec.upload(&vec![0.1; batch * tokens * config.cross_attention_dim])?;
        let cond = exec.upload(&guidance_embedding(7.5, config.time_cond_proj_dim.unwrap_or(2)).repeat(batch))?;
        let mut inputs = vec![("latents", &latents), ("timestep", &timestep), ("embeds", &embeds)];
        inputs.extend(config.time_cond_proj_dim.map(|_| ("timestep_cond", &cond)));
        let begin = Instant::now();
        let out = exec.run(&self.unets[unet].1, &inputs).await?;
        exec.download(&out[0]).await?;
        Ok(ms_since(begin))
    }

    /// Embeddings of the prompt, preceded by those of the negative prompt if guidance is on.
    async fn encode(&self, request: &GenerateRequest, guided: bool) -> Result<(Vec<f32>, Vec<Cut>)> {
        let negative = request.negative_prompt.as_deref().unwrap_or("");
        let mut embeds = Vec::new();
        let mut cut = Vec::new();
        let texts = [("negative", negative), ("prompt", request.prompt.as_str())];
        for (field, text) in texts.into_iter().skip(if guided { 0 } else { 1 }) {
            let encoded = self.model.tokenizer.encode(text)?;
            if encoded.dropped > 0 {
                let limit = self.model.text.max_position_embeddings as u32 - 2;
                cut.push(Cut { field: field.into(), tokens: encoded.dropped as u32, limit });
            }
            let ids = self.exec.upload_ids(&encoded.ids)?;
            let out = self.exec.run(&self.text, &[("ids", &ids)]).await?;
            embeds.extend(self.exec.download(&out[0]).await?);
        }
        Ok((embeds, cut))
    }

    /// Index of the UNet for a batch and size, compiled if it is new. Two are kept: a size with and without guidance.
    async fn prepare_unet(&mut self, key: [usize; 3]) -> Result<usize> {
        if let Some(i) = self.unets.iter().position(|(known, _)| *known == key) {
            return Ok(i);
        }
        let graph = unet_graph(&self.model, key)?;
        let module = self.exec.compile(graph, self.unets.first().map(|(_, module)| module)).await?;
        self.unets.truncate(1);
        self.unets.insert(0, (key, module));
        Ok(0)
    }

    async fn prepare_decoder(&mut self, key: [usize; 2]) -> Result<usize> {
        if let Some(i) = self.decoders.iter().position(|(known, _)| *known == key) {
            return Ok(i);
        }
        let graph = decoder_graph(&self.model, key);
        let module = self.exec.compile(graph, self.decoders.first().map(|(_, module)| module)).await?;
        self.decoders = vec![(key, module)];
        Ok(0)
    }
}

fn text_graph(model: &Model) -> Graph {
    optimise(models::text_encoder(&model.text, 1))
}

fn unet_graph(model: &Model, [batch, h, w]: [usize; 3]) -> Result<Graph> {
    Ok(optimise(models::unet(&model.unet, batch, h, w, model.text.max_position_embeddings)?))
}

fn decoder_graph(model: &Model, [h, w]: [usize; 2]) -> Graph {
    optimise(model.vae.decoder(1, h, w))
}

/// Upstream's `get_guidance_scale_embedding`: how a distilled UNet is told the guidance scale.
fn guidance_embedding(guidance_scale: f64, dim: usize) -> Vec<f32> {
    let w = (guidance_scale - 1.0) as f32 * 1000.0;
    let half = dim / 2;
    let step = (10000.0_f64.ln() / (half as f64 - 1.0)) as f32;
    let angle = |i: usize| w * (i as f32 * -step).exp();
    let mut row: Vec<f32> = (0..half).map(|i| angle(i).sin()).collect();
    row.extend((0..half).map(|i| angle(i).cos()));
    row.resize(dim, 0.0);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_inverse() {
        let data: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let last = channels_last(&data, 4);
        assert_eq!(last[..5], [0.0, 6.0, 12.0, 18.0, 1.0]);
        assert_eq!(channels_first(&last, 4), data);
    }
}
