//! Where a run starts: noise alone, a picture with noise on top, or a picture of which a part is kept. The order in which
//! the generator is asked is upstream's, because every number that it gives moves it on.

use super::{Inputs, Pipeline, channels_last};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::graph::optimise;
use crate::models::VaeConfig;
use crate::rng::Generator;
use crate::schedulers::Plan;
use crate::weights::{self, Source};
use protocol::{FieldError, GenerateRequest};

/// Latents to start from. All tensors `[h, w, C]`.
pub(super) struct Begin {
    /// Already scaled.
    pub latents: Vec<f32>,
    /// What is painted over after every evaluation, for a UNet that knows nothing of masks.
    pub kept: Option<Kept>,
    /// Mask and masked picture `[h, w, 1 + C]`, for a UNet that reads them.
    pub mask_channels: Option<Vec<f32>>,
}

/// The part of a picture that is to stay as it is.
pub(super) struct Kept {
    /// Clean latents of the picture.
    pub picture: Vec<f32>,
    /// The noise that the run began with.
    pub noise: Vec<f32>,
    /// 1 where the picture is painted anew; one number for each of the latents' numbers.
    pub mask: Vec<f32>,
}

impl Kept {
    /// What the kept part is after an evaluation, `factors` being [`crate::schedulers::Eval::known`].
    pub fn at(&self, factors: [f64; 2]) -> Vec<f32> {
        mix(factors, &self.picture, &self.noise)
    }
}

fn mix(factors: [f64; 2], a: &[f32], b: &[f32]) -> Vec<f32> {
    let [p, q] = factors.map(|factor| factor as f32);
    a.iter().zip(b).map(|(a, b)| p * a + q * b).collect()
}

impl<E: Executor, S: Source> Pipeline<E, S> {
    /// Draws the noise and encodes the picture, if there is one.
    pub(super) async fn begin(
        &mut self,
        request: &GenerateRequest,
        inputs: &Inputs<'_>,
        plan: &Plan,
        rng: &mut Generator,
    ) -> Result<Begin> {
        let size = self.latent_size(request);
        let channels = self.model.unet.out_channels;
        let len = channels * size[0] * size[1];
        let scaled = |noise: &[f32]| noise.iter().map(|x| x * plan.init_noise_sigma as f32).collect::<Vec<f32>>();
        let Some(init) = request.init else {
            let latents = match inputs.latents {
                Some(latents) if latents.len() == len => scaled(latents),
                Some(latents) => {
                    let message = format!("the latents have {} numbers, this size needs {len}", latents.len());
                    return Err(FieldError::new("latents", message).into());
                }
                None => {
                    let noise = self.shared.noise(request.rng, request.seed, len, rng);
                    scaled(&channels_last(&noise, channels))
                }
            };
            return Ok(Begin { latents, kept: None, mask_channels: None });
        };
        let pixels = (request.width * request.height) as usize;
        let picture = inputs.picture.filter(|picture| picture.len() == 3 * pixels).ok_or_else(|| {
            FieldError::new("picture", format!("The picture is not {}x{} pixels.", request.width, request.height))
        })?;
        let mask = inputs.mask.filter(|_| init.mask);
        if init.mask && mask.is_none_or(|mask| mask.len() != pixels) {
            let message = format!("The mask is not {}x{} pixels.", request.width, request.height);
            return Err(FieldError::new("mask", message).into());
        }
        let picture: Vec<f32> = picture.iter().map(|x| 2.0 * x - 1.0).collect();
        match mask {
            Some(mask) => {
                // Upstream takes a value of 0.5 as set.
                let set: Vec<bool> = mask.iter().map(|value| *value >= 0.5).collect();
                let all_noise = init.strength == 1.0;
                self.begin_with_mask(&picture, &set, all_noise, size, plan, rng).await
            }
            None => {
                let encoded = self.encode_picture(&picture, size, rng).await?;
                let noise = channels_last(&rng.randn(len), channels);
                let latents = mix(plan.start, &self.model.latents_from_vae(&encoded), &noise);
                Ok(Begin { latents, kept: None, mask_channels: None })
            }
        }
    }

    /// Upstream's inpainting pipelines. `all_noise`: nothing of the picture shines through where it is painted anew.
    async fn begin_with_mask(
        &mut self,
        picture: &[f32],
        set: &[bool],
        all_noise: bool,
        size: [usize; 2],
        plan: &Plan,
        rng: &mut Generator,
    ) -> Result<Begin> {
        let channels = self.model.unet.out_channels;
        let reads_mask = self.model.needs_mask();
        // They only scale; SDXL's statistics of latents are left to image to image.
        let factor = self.model.vae.scaling_factor() as f32;
        let scale = |latents: Vec<f32>| latents.into_iter().map(|x| x * factor).collect::<Vec<f32>>();
        let clean =
            if reads_mask && all_noise { None } else { Some(scale(self.encode_picture(picture, size, rng).await?)) };
        let noise = channels_last(&rng.randn(channels * size[0] * size[1]), channels);
        let latents = match &clean {
            Some(clean) if !all_noise => mix(plan.start, clean, &noise),
            _ => mix([plan.init_noise_sigma, 0.0], &noise, &noise),
        };
        let masked = picture.iter().enumerate().map(|(i, value)| if set[i / 3] { 0.0 } else { *value });
        // Also where nothing reads it: it moves the generator on.
        let masked = scale(self.encode_picture(&masked.collect::<Vec<f32>>(), size, rng).await?);
        let mask = shrink(set, self.model.vae.scale_factor(), size);
        if reads_mask {
            let rows = mask.iter().zip(masked.chunks_exact(channels));
            let channels = rows.flat_map(|(mask, row)| std::iter::once(*mask).chain(row.iter().copied()));
            return Ok(Begin { latents, kept: None, mask_channels: Some(channels.collect()) });
        }
        let mask = mask.iter().flat_map(|value| std::iter::repeat_n(*value, channels)).collect();
        let kept = clean.map(|picture| Kept { picture, noise, mask });
        Ok(Begin { latents, kept, mask_channels: None })
    }

    /// A picture `[H, W, 3]` in -1..1 to latents as the encoder has them, drawn from its distribution if it has one.
    async fn encode_picture(&mut self, picture: &[f32], size: [usize; 2], rng: &mut Generator) -> Result<Vec<f32>> {
        let encoder = self.prepare_encoder(size).await?;
        let input = self.exec.upload(picture)?;
        let out = self.exec.run(&self.encoders[encoder].1, &[("image", &input)]).await?;
        let out = self.exec.download(&out[0]).await?;
        let channels = self.model.vae.latent_channels();
        Ok(match &self.model.vae {
            VaeConfig::Tiny(_) => out,
            VaeConfig::Kl(_) => sample(&out, channels, rng),
        })
    }

    async fn prepare_encoder(&mut self, key: [usize; 2]) -> Result<usize> {
        if let Some(i) = self.encoders.iter().position(|(known, _)| *known == key) {
            return Ok(i);
        }
        if !self.model.info().has_encoder {
            let reason = "it has no encoder, so no run can start from a picture";
            return Err(Error::broken("vae/diffusion_pytorch_model.safetensors", reason));
        }
        let scale = self.model.vae.scale_factor();
        let graph = optimise(self.model.vae.encoder(1, scale * key[0], scale * key[1]));
        let module = match self.encoders.first() {
            Some((_, donor)) => self.exec.compile(graph, Some(donor)).await?,
            // Most runs start from noise: its weights are read when they are needed first.
            None => weights::load(&self.exec, &self.source, &self.model.vae_file, graph).await?,
        };
        self.encoders = vec![(key, module)];
        Ok(0)
    }
}

/// Upstream's `DiagonalGaussianDistribution.sample`, from `[h, w, 2C]`.
fn sample(moments: &[f32], channels: usize, rng: &mut Generator) -> Vec<f32> {
    let noise = channels_last(&rng.randn(moments.len() / 2), channels);
    let rows = moments.chunks_exact(2 * channels).zip(noise.chunks_exact(channels));
    rows.flat_map(|(row, noise)| {
        let (mean, log_variance) = row.split_at(channels);
        let one = |((mean, log_variance), noise): ((&f32, &f32), &f32)| {
            mean + (0.5 * log_variance.clamp(-30.0, 20.0)).exp() * noise
        };
        mean.iter().zip(log_variance).zip(noise).map(one).collect::<Vec<_>>()
    })
    .collect()
}

/// A mask at the latents' size: `interpolate`'s nearest, which reads the first pixel of each square.
fn shrink(set: &[bool], scale: usize, size: [usize; 2]) -> Vec<f32> {
    let pixel = |i: usize| set[(i / size[1] * scale * size[1] + i % size[1]) * scale];
    (0..size[0] * size[1]).map(|i| f32::from(u8::from(pixel(i)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shrinks_to_the_first_pixel_of_each_square() {
        let mut set = vec![false; 8 * 4];
        set[4] = true;
        set[2 * 8 + 1] = true;
        assert_eq!(shrink(&set, 2, [2, 4]), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
