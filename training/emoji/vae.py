"""The autoencoder: `AutoencoderKL`, a picture to an eighth of its size in 4 channels and back.

Loss: absolute and squared difference of pixels and of their slopes (edges are what emoji are made of), and a very small
pull of the latents towards a unit normal. Most steps see crops, which hold more edges per pixel than whole pictures; the
last fifth sees whole pictures, so that the borders come out right too.
"""

import random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from . import scenes
from .loop import Loop, autocast, grid

KL_WEIGHT = 2e-6


def build(preset):
    """A fresh autoencoder without attention: latents of emoji do not need it, and it would cost memory at large sizes."""
    levels = len(preset.vae_channels)
    return AutoencoderKL(
        block_out_channels=preset.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=preset.resolution,
        mid_block_add_attention=False,
    )


def batch(data, rng, size, count, crop):
    """`[count, 3, crop, crop]` in -1..1, random scenes, cut at random."""
    out = np.empty((count, crop, crop, 3), np.uint8)
    for i in range(count):
        scene = scenes.draw_scene(data, rng.randrange(len(data.of)), rng)
        # Larger than the frame now and then: an edge is an edge.
        scene.scale *= rng.uniform(0.9, 1.4) if crop < size else 1.0
        picture = scenes.picture(data, scene, size)
        x, y = (rng.randrange(size - crop + 1) for _ in "xy")
        out[i] = picture[y : y + crop, x : x + crop]
    return torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1


def slopes(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def loss_of(vae, x):
    posterior = vae.encode(x).latent_dist
    decoded = vae.decode(posterior.sample()).sample.float()
    mean, logvar = posterior.mean.float(), posterior.logvar.float()
    error = F.l1_loss(decoded, x) + F.mse_loss(decoded, x)
    edges = sum(F.l1_loss(a, b) for a, b in zip(slopes(decoded), slopes(x)))
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum((1, 2, 3)).mean()
    return error + 0.5 * edges + KL_WEIGHT * kl


def train(data, preset, vae, folder, minutes, device, seed=0):
    """Trains in place; returns the averaged autoencoder, its `scaling_factor` set so that latents have unit variance."""
    rng = random.Random(seed)
    vae.to(device, memory_format=torch.channels_last)
    loop = Loop("vae", folder, {"vae": vae}, minutes, 4e-4, 0.998, device, weight_decay=0.0)
    rng.seed(seed + loop.steps)
    size = preset.resolution

    def step(progress):
        crop, count = (size // 2, preset.vae_batch) if progress < 0.8 else (size, preset.vae_batch // 2)
        x = batch(data, rng, size, count, crop).to(device, memory_format=torch.channels_last)
        with autocast(device):
            return loss_of(vae, x)

    shown = batch(data, random.Random(99), size, 12, size)

    def on_checkpoint(loop):
        averaged = loop.averaged["vae"]
        again = decode_all(averaged, encode_all(averaged, shown, device), device)
        grid(torch.cat([shown, again]), 12, folder / f"vae-{loop.steps:06}.png")
        print(f"vae: PSNR {psnr(shown, again):.2f} dB on 12 scenes", flush=True)

    loop.run(step, on_checkpoint)
    averaged = loop.averaged["vae"]
    with torch.no_grad():
        spread = encode_all(averaged, batch(data, random.Random(98), size, 256, size), device).std().item()
    averaged.register_to_config(scaling_factor=1 / spread)
    return averaged


@torch.no_grad()
def encode_all(vae, pictures, device, count=32):
    """Means of the posterior, unscaled, on the CPU."""
    out = []
    for part in pictures.split(count):
        with autocast(device):
            out.append(vae.encode(part.to(device, memory_format=torch.channels_last)).latent_dist.mode().float().cpu())
    return torch.cat(out)


@torch.no_grad()
def decode_all(vae, latents, device, count=32):
    """Pictures in -1..1, on the CPU. `latents` are unscaled."""
    out = []
    for part in latents.split(count):
        with autocast(device):
            out.append(vae.decode(part.to(device)).sample.float().clamp(-1, 1).cpu())
    return torch.cat(out)


def psnr(a, b):
    """Mean over pictures in -1..1, dB."""
    return (-10 * ((a - b) / 2).square().mean((1, 2, 3)).log10()).mean().item()
