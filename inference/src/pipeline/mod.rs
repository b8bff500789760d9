//! The step loop, top to bottom: prompt to embeddings, noise to latents, one UNet call per evaluation, latents to
//! pixels. Written once for every executor; whoever watches gets every outer step as it is done.

mod shared;
mod split;
mod start;
mod text;

use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::graph::{Graph, optimise};
use crate::image::{Picture, denormalize, to_rgba};
use crate::model::{Family, Model};
use crate::models;
use crate::rng::{Brownian, Generator};
use crate::schedulers::{self, AYS_SD, AYS_SDXL, Draw, Eval, Plan, PlanOptions};
use crate::weights::{self, Source};
use protocol::{Cut, FieldError, GenerateRequest, Timesteps};
use shared::{Shared, TextKey};
pub use split::Split;
use start::Begin;
use text::Embedded;
use web_time::Instant;

/// A model on a device, ready to run.
pub struct Pipeline<E: Executor, S: Source> {
    exec: E,
    source: S,
    model: Model,
    /// One for each text encoder.
    text: Vec<E::Module>,
    /// By batch, height and width in latents, and tokens. All share the weights of the first.
    unets: Vec<([usize; 4], E::Module)>,
    decoders: Vec<([usize; 2], E::Module)>,
    /// Empty until a run starts from a picture.
    encoders: Vec<([usize; 2], E::Module)>,
    shared: Shared,
    /// What the UNet of the latest run was told of a mask: `[h, w, 1 + C]`.
    mask_channels: Option<Vec<f32>>,
}

/// What a run may be given besides its request. Pixels and latents are channels last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// `[h, w, C]` of unit variance, in place of the seed's noise, of which they consume nothing.
    pub latents: Option<&'a [f32]>,
    /// `[H, W, 3]` in 0..1, where `request.init` asks for a picture.
    pub picture: Option<&'a [f32]>,
    /// `[H, W]` in 0..1, where it asks for a mask; 0.5 and above is painted anew.
    pub mask: Option<&'a [f32]>,
}

/// One outer step, as it is handed to whoever watches. Tensors are channels last, batch 1.
pub struct Step<'a> {
    /// Counted from 0.
    pub index: usize,
    /// The step's first evaluation.
    pub eval: &'a Eval,
    /// Milliseconds of the step's evaluations.
    pub ms: f64,
    /// How many evaluations those were.
    pub evaluations: usize,
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
    /// What to expect of an unusual combination, one sentence each.
    pub warnings: Vec<String>,
    /// Prompt text that did not fit.
    pub cut: Vec<Cut>,
    /// `[B, T, D]`, negative first.
    pub prompt_embeds: &'a [f32],
    /// `[B, P]`, where the model reads the whole text in one vector too.
    pub pooled_prompt_embeds: Option<&'a [f32]>,
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

/// A run whose steps are done and whose picture is not decoded.
pub struct Sampled {
    /// `[h, w, C]`, as the sampler left them.
    pub latents: Vec<f32>,
    /// Height and width of the latents.
    pub size: [usize; 2],
    /// Whether the text was encoded for an earlier run, so that its time is none.
    pub text_reused: bool,
    /// Text encoding, evaluations: milliseconds.
    pub ms: [f64; 2],
}

/// A finished picture.
pub struct Finished {
    /// `[H, W, 3]` in 0..1.
    pub image: Vec<f32>,
    /// The same as RGBA.
    pub picture: Picture,
    /// `[h, w, C]`, as the sampler left them: what was decoded.
    pub latents: Vec<f32>,
    /// Whether the text was encoded for an earlier run, so that its time is none.
    pub text_reused: bool,
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

impl<E: Executor, S: Source> Pipeline<E, S> {
    /// Loads all weights and prepares the model's default size, with guidance.
    pub async fn load(exec: E, source: S, model: Model) -> Result<Self> {
        let info = model.info();
        let scale = model.vae.scale_factor();
        let (h, w) = (info.defaults.height as usize / scale, info.defaults.width as usize / scale);
        let mut text = Vec::with_capacity(model.text.len());
        for encoder in &model.text {
            text.push(weights::load(&exec, &source, &encoder.file, optimise(encoder.graph())).await?);
        }
        let key = [2, h, w, model.tokens()];
        let unet = weights::load(&exec, &source, &model.unet_file, unet_graph(&model, key)?).await?;
        let decoder = weights::load(&exec, &source, &model.vae_file, decoder_graph(&model, [h, w])).await?;
        let (unets, decoders) = (vec![(key, unet)], vec![([h, w], decoder)]);
        Ok(Self {
            exec,
            source,
            model,
            text,
            unets,
            decoders,
            encoders: Vec::new(),
            shared: Shared::default(),
            mask_channels: None,
        })
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
        if self.model.needs_mask() && !request.init.is_some_and(|init| init.mask) {
            let message = "This model repaints a part of a picture: give it a picture and a mask.";
            return Err(FieldError::new("picture", message).into());
        }
        Ok(())
    }

    /// Height and width in latents.
    fn latent_size(&self, request: &GenerateRequest) -> [usize; 2] {
        let scale = self.model.vae.scale_factor();
        [request.height as usize / scale, request.width as usize / scale]
    }

    /// The timesteps that a request names, where it does.
    fn timesteps(&self, request: &GenerateRequest) -> Result<Option<Vec<u32>>> {
        if request.timesteps == Timesteps::Spaced {
            return Ok(None);
        }
        let list = if self.model.family == Family::Xl { AYS_SDXL } else { AYS_SD };
        if request.num_inference_steps as usize != list.len() {
            let message = format!("Align Your Steps has {} steps, not {}.", list.len(), request.num_inference_steps);
            return Err(FieldError::new("steps", message).into());
        }
        Ok(Some(list.to_vec()))
    }

    /// Makes a picture.
    pub async fn generate(
        &mut self,
        request: &GenerateRequest,
        inputs: Inputs<'_>,
        watch: &mut impl Watch,
    ) -> Result<Finished> {
        let sampled = self.sample(request, inputs, watch).await?;
        self.finish(sampled).await
    }

    /// Decodes what the steps have made.
    pub async fn finish(&mut self, sampled: Sampled) -> Result<Finished> {
        let Sampled { latents, size, text_reused, ms: [text_ms, evaluations_ms] } = sampled;
        let begin = Instant::now();
        let image = self.decode(&latents, size).await?;
        let scale = self.model.vae.scale_factor();
        let picture = to_rgba(&image, (size[1] * scale) as u32, (size[0] * scale) as u32);
        let ms = [text_ms, evaluations_ms, ms_since(begin)];
        Ok(Finished { image, picture, latents, text_reused, ms })
    }

    /// Whether each evaluation runs the model for the negative prompt too. A guidance-distilled UNet is told the scale
    /// and runs once, as upstream does.
    fn is_guided(&self, request: &GenerateRequest) -> bool {
        let is_told = self.model.unet.time_cond_proj_dim.is_some() || self.model.family == Family::Lcm;
        request.guidance_scale > 1.0 && !is_told
    }

    /// Embeddings of the request's text, and whether they were there already.
    async fn text(&mut self, request: &GenerateRequest, guided: bool) -> Result<(Embedded, bool)> {
        let key = TextKey::new(request, guided);
        if let Some(embedded) = self.shared.text(&key) {
            return Ok((embedded, true));
        }
        let embedded = self.encode(request, guided).await?;
        self.shared.keep_text(key, &embedded);
        Ok((embedded, false))
    }

    /// What the UNet reads at every evaluation alike.
    fn conditions(
        &self,
        request: &GenerateRequest,
        text: &Embedded,
        batch: usize,
    ) -> Result<Vec<(&'static str, E::Value)>> {
        let exec = &self.exec;
        let mut conditions = vec![("embeds", exec.upload(&text.embeds)?)];
        if let Some(dim) = self.model.unet.time_cond_proj_dim {
            conditions.push(("timestep_cond", exec.upload(&guidance_embedding(request.guidance_scale, dim))?));
        }
        if let Some(pooled) = &text.pooled {
            conditions.push(("added", exec.upload(&self.added(pooled, batch, request))?));
        }
        if let Some(channels) = &self.mask_channels {
            conditions.push(("mask", exec.upload(&channels.repeat(batch))?));
        }
        Ok(conditions)
    }

    /// Takes all steps.
    pub async fn sample(
        &mut self,
        request: &GenerateRequest,
        inputs: Inputs<'_>,
        watch: &mut impl Watch,
    ) -> Result<Sampled> {
        self.check(request)?;
        let size = self.latent_size(request);
        let channels = self.model.unet.out_channels;
        let len = channels * size[0] * size[1];
        let n = request.num_inference_steps as usize;
        let options = PlanOptions {
            eta: request.eta,
            strength: request.init.map(|init| init.strength),
            timesteps: self.timesteps(request)?,
            // Latent consistency models have an image-to-image pipeline of their own, and none for inpainting.
            strength_shortens_distillation: self.model.family == Family::Lcm
                && request.init.is_some_and(|init| !init.mask),
        };
        let plan = schedulers::plan(request.scheduler, &self.model.scheduler, n, &options)
            .map_err(|error| Error::Scheduler(error.to_string()))?;

        let guided = self.is_guided(request);
        let begin = Instant::now();
        let (text, text_reused) = self.text(request, guided).await?;
        let text_ms = ms_since(begin);

        let mut rng = Generator::new(request.rng, request.seed);
        let Begin { latents, kept, mask_channels } = self.begin(request, &inputs, &plan, &mut rng).await?;
        self.mask_channels = mask_channels;
        let start = Start {
            plan: &plan,
            guided,
            warnings: [plan.warnings.clone(), self.model.warnings(request)].concat(),
            cut: text.cut.clone(),
            prompt_embeds: &text.embeds,
            pooled_prompt_embeds: text.pooled.as_deref(),
            tokens: text.tokens,
            latents: &latents,
            size,
        };
        watch.start(start).await?;

        let outer_steps = plan.evals.last().map_or(0, |eval| eval.outer_step + 1);
        let guided_steps = if guided { request.guided_steps(outer_steps as u32) as usize } else { 0 };
        // The model as it runs with guidance, and without: most runs need one of the two.
        let mut calls = Vec::new();
        for batch in [2, 1] {
            let is_needed = if batch == 2 { guided_steps > 0 } else { guided_steps < outer_steps };
            if is_needed {
                let key = [batch, size[0], size[1], text.tokens];
                self.prepare_unet(key).await?;
                let part = if guided && batch == 1 { text.prompt_alone() } else { text.clone() };
                calls.push((key, self.conditions(request, &part, batch)?));
            }
        }
        let exec = &self.exec;
        let blend = kept.as_ref().map(|kept| exec.upload(&kept.mask)).transpose()?;
        let path = plan.brownian.map(|path| {
            let seed = path.seed.unwrap_or(request.seed);
            Brownian::new(seed, path.sigma_min, path.sigma_max, len).with_rng(request.rng)
        });
        let mut sampler = exec.sampler(&latents)?;
        let begin = Instant::now();
        let mut step_begin = begin;
        let mut first = 0;
        for (i, eval) in plan.evals.iter().enumerate() {
            let is_guided = eval.outer_step < guided_steps;
            let batch = if is_guided { 2 } else { 1 };
            let Some((key, conditions)) = calls.iter().find(|(key, _)| key[0] == batch) else {
                return Err(Error::Internal(format!("the model was not prepared for {batch} at once")));
            };
            let Some((_, unet)) = self.unets.iter().find(|(known, _)| known == key) else {
                return Err(Error::Internal(format!("the model for {batch} at once is gone")));
            };
            let timestep = exec.upload(&models::timestep_embedding(&self.model.unet, eval.timestep, batch))?;
            let input = exec.model_input(&sampler, eval.input_scale, batch)?;
            let mut inputs = vec![("latents", &input), ("timestep", &timestep)];
            inputs.extend(conditions.iter().map(|(name, value)| (*name, value)));
            let out = exec.run(unet, &inputs).await?;
            let noise = match eval.noise {
                Draw::None => None,
                Draw::Normal => Some(channels_last(&rng.randn(len), channels)),
                Draw::Brownian { from, to } => {
                    path.as_ref().map(|path| channels_last(&path.between(from, to), channels))
                }
            };
            let guidance = is_guided.then_some(request.guidance_scale);
            exec.guide_and_step(&mut sampler, eval, &out[0], guidance, noise.as_deref())?;
            if let (Some(kept), Some(blend)) = (&kept, &blend) {
                exec.blend(&mut sampler, &exec.upload(&kept.at(eval.known))?, blend)?;
            }
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
            let (index, eval, evaluations) = (eval.outer_step, &plan.evals[first], i + 1 - first);
            let ms = ms_since(step_begin);
            watch.step(Step { index, eval, ms, evaluations, latents, denoised, noise_pred }).await?;
            first = i + 1;
            step_begin = Instant::now();
        }
        let evaluations_ms = ms_since(begin);

        let latents = self.exec.download(&self.exec.latents(&sampler)).await?;
        Ok(Sampled { latents, size, text_reused, ms: [text_ms, evaluations_ms] })
    }

    /// Latents `[h, w, C]` as the sampler has them to `[H, W, 3]` in 0..1.
    pub async fn decode(&mut self, latents: &[f32], size: [usize; 2]) -> Result<Vec<f32>> {
        let decoder = self.prepare_decoder(size).await?;
        let input = self.exec.upload(&self.model.latents_to_vae(latents))?;
        let out = self.exec.run(&self.decoders[decoder].1, &[("latents", &input)]).await?;
        Ok(denormalize(&self.exec.download(&out[0]).await?))
    }

    /// One UNet call on zeros, for measuring: milliseconds.
    pub async fn time_unet(&mut self, batch: usize, size: [usize; 2]) -> Result<f64> {
        let unet = self.prepare_unet([batch, size[0], size[1], self.model.tokens()]).await?;
        let config = &self.model.unet;
        let exec = &self.exec;
        let area = batch * size[0] * size[1];
        let latents = exec.upload(&vec![0.5; area * config.out_channels])?;
        let mask = exec.upload(&vec![0.5; area * (config.in_channels - config.out_channels).max(1)])?;
        let timestep = exec.upload(&models::timestep_embedding(config, 500.0, batch))?;
        let embeds = exec.upload(&vec![0.1; batch * self.model.tokens() * config.cross_attention_dim.at(0)])?;
        let added = exec.upload(&vec![0.1; batch * config.projection_class_embeddings_input_dim.unwrap_or(1)])?;
        let cond = exec.upload(&guidance_embedding(7.5, config.time_cond_proj_dim.unwrap_or(2)).repeat(batch))?;
        let mut inputs = vec![("latents", &latents), ("timestep", &timestep), ("embeds", &embeds)];
        inputs.extend(config.time_cond_proj_dim.map(|_| ("timestep_cond", &cond)));
        inputs.extend(config.addition_embed_type.as_ref().map(|_| ("added", &added)));
        inputs.extend(self.model.needs_mask().then_some(("mask", &mask)));
        let begin = Instant::now();
        let out = exec.run(&self.unets[unet].1, &inputs).await?;
        exec.download(&out[0]).await?;
        Ok(ms_since(begin))
    }

    /// The `added` input of a UNet that reads the whole text and the picture's size.
    fn added(&self, pooled: &[f32], batch: usize, request: &GenerateRequest) -> Vec<f32> {
        let rows = pooled.chunks_exact(pooled.len() / batch);
        let row = |pooled| models::added_embedding(&self.model.unet, pooled, request.height, request.width);
        rows.flat_map(row).collect()
    }

    /// Index of the UNet for a batch and size, compiled if it is new. The two that were asked for last are kept: a size
    /// with and without guidance.
    async fn prepare_unet(&mut self, key: [usize; 4]) -> Result<usize> {
        if let Some(i) = self.unets.iter().position(|(known, _)| *known == key) {
            self.unets.swap(0, i);
            return Ok(0);
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

fn unet_graph(model: &Model, [batch, h, w, tokens]: [usize; 4]) -> Result<Graph> {
    Ok(optimise(models::unet(&model.unet, batch, h, w, tokens)?))
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
