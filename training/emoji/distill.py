"""The few-step model: latent consistency distillation (Luo et al. 2023, arXiv 2310.04378) of the trained UNet.

The student learns to jump from any of 50 noise levels straight to where the teacher's guided path ends: what it predicts
at one level must equal what its own average predicts one teacher step further down. Guidance is learned along at one
scale, so the student runs without a negative prompt, at half the cost a step. diffusers' `LCMScheduler` samples it.
"""

import copy
import random
from pathlib import Path

import torch

from . import diffusion, scenes, text
from .loop import Loop, autocast, grid

LEVELS = 50
GUIDANCE = 4.0
# The boundary condition of `LCMScheduler`: sigma_data 0.5, timestep_scaling 10.
SIGMA_DATA, TIMESTEP_SCALING = 0.5, 10.0
HUBER = 0.001


def boundary(t):
    """c_skip and c_out at integer timesteps."""
    scaled = (t.float() * TIMESTEP_SCALING)[:, None, None, None]
    skip = SIGMA_DATA**2 / (scaled.square() + SIGMA_DATA**2)
    out = scaled / (scaled.square() + SIGMA_DATA**2).sqrt()
    return skip, out


def train(data, latents, preset, teacher, folder: Path, minutes, device, seed=3):
    """Returns the averaged student UNet. `teacher` is an `export.Trained`."""
    student = diffusion.prepare(copy.deepcopy(teacher.unet).requires_grad_(True).train(), device)
    loop = Loop("distill", folder, {"unet": student}, minutes, preset.learning_rate / 4, 0.99, device)
    average = diffusion.prepare(loop.averaged["unet"], device)
    rng = random.Random(seed + loop.steps)
    generator = torch.Generator(device).manual_seed(seed + loop.steps)
    abar = diffusion.alphas_cumprod(device)
    order = diffusion.Order(len(latents.scenes), rng)
    stride = 1000 // LEVELS

    def at(t):
        a = abar[t.clamp_min(0)][:, None, None, None]
        return a.sqrt(), (1 - a).sqrt()

    def clean(unet, x, t, states):
        """The consistency function: clean latents from any level."""
        a, s = at(t)
        v = unet(x, t, states).sample.float()
        skip, out = boundary(t)
        return skip * x + out * (a * x - s * v)

    def step(_progress):
        picked = order.take(preset.batch // 2)
        captions = [scenes.caption(data, latents.scenes[i], rng) for i in picked]
        states = text.embed(teacher.encoder, teacher.tokenizer, captions + [""], device)
        states, empty = states[:-1], states[-1:].expand(len(picked), -1, -1)
        z = latents.z[torch.tensor(picked, device=device)].float()
        noise = torch.randn(z.shape, generator=generator, device=device)
        t = (torch.randint(1, LEVELS + 1, (len(z),), generator=generator, device=device)) * stride - 1
        before = (t - stride).clamp_min(0)
        a, s = at(t)
        x = (a * z + s * noise).to(memory_format=torch.channels_last)
        with torch.no_grad(), autocast(device):
            both = teacher.unet(torch.cat([x, x]), torch.cat([t, t]), torch.cat([states, empty])).sample.float()
            yes, no = both.chunk(2)
            v = no + GUIDANCE * (yes - no)
            # One DDIM step of the guided teacher.
            a2, s2 = at(before)
            x2 = a2 * (a * x - s * v) + s2 * (s * x + a * v)
            target = clean(average, x2, before, states)
            target = torch.where((t < stride)[:, None, None, None], a * x - s * v, target)
        with autocast(device):
            predicted = clean(student, x, t, states)
        return ((predicted - target).square() + HUBER**2).sqrt().mean() - HUBER

    def on_checkpoint(loop):
        pictures = [sample(loop.averaged["unet"], teacher, diffusion.SHOWN[:8], device, steps) for steps in (1, 2, 4, 8)]
        grid(torch.cat(pictures), 8, folder / f"distill-{loop.steps:06}.png")

    loop.run(step, on_checkpoint, every_minutes=10)
    return loop.averaged["unet"]


@torch.no_grad()
def sample(unet, teacher, prompts, device, steps, seed=0):
    """Pictures in -1..1 by `LCMScheduler`."""
    from diffusers import LCMScheduler

    from .vae import decode_all

    scheduler = LCMScheduler(**diffusion.SCHEDULE, original_inference_steps=LEVELS)
    scheduler.set_timesteps(steps, device=device)
    size = unet.config.sample_size
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((len(prompts), 4, size, size), generator=generator).to(device)
    states = text.embed(teacher.encoder, teacher.tokenizer, list(prompts), device)
    for t in scheduler.timesteps:
        with autocast(device):
            out = unet(x, t, states).sample.float()
        x = scheduler.step(out, t, x, generator=generator).prev_sample
    return decode_all(teacher.vae, x.cpu() / teacher.vae.config.scaling_factor, device)
