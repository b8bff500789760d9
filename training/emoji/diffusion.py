"""The diffusion model: `UNet2DConditionModel` and text encoder, trained together to predict v on the usual schedule.

v-prediction (Salimans and Ho 2022, arXiv 2202.00512) with diffusers' `scaled_linear` schedule: no weight blows up at either
end, and every sampler of diffusers runs the result. One caption in ten is empty, for classifier-free guidance.
"""

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from . import scenes, text, vae as autoencoder
from .loop import Loop, autocast, grid

EMPTY = 0.1
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
SHOWN = [
    "cat face", "red apple, noto style", "rocket", "pizza, flat style", "guitar", "penguin, twemoji style",
    "sunflower, fluent style", "red heart", "ghost on a blue background", "castle", "automobile, noto style, yellow background",
    "rainbow", "dog left of tree", "crab, flat style on a green background", "hamburger", "unicorn, noto style",
]  # fmt: skip


def build(preset):
    """A fresh UNet: attention at every level but the smallest, as Stable Diffusion has it."""
    down = ("CrossAttnDownBlock2D",) * (len(preset.unet_channels) - 1) + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (len(preset.unet_channels) - 1)
    return UNet2DConditionModel(
        sample_size=preset.resolution // 8,
        in_channels=4,
        out_channels=4,
        block_out_channels=preset.unet_channels,
        down_block_types=down,
        up_block_types=up,
        layers_per_block=preset.unet_layers,
        attention_head_dim=preset.unet_heads,
        cross_attention_dim=preset.text_width,
        norm_num_groups=16,
    )


def alphas_cumprod(device):
    return DDIMScheduler(**SCHEDULE).alphas_cumprod.to(device)


def prepare(unet, device):
    """Onto the device, in the layout and with the attention that are fast there."""
    unet.to(device, memory_format=torch.channels_last)
    if torch.device(device).type == "cpu":
        # torch's fused attention on the CPU takes 4 times as long as plain products at this size (384 against 90 ms).
        unet.set_attn_processor(AttnProcessor())
    return unet


def train(data, latents, preset, unet, encoder, tokenizer, vae, folder: Path, minutes, device, seed=2):
    """Trains in place; returns the averaged UNet and text encoder."""
    prepare(unet, device)
    encoder.to(device)
    loop = Loop("diffusion", folder, {"unet": unet, "text_encoder": encoder}, minutes, preset.learning_rate, preset.ema, device)
    prepare(loop.averaged["unet"], device)
    rng = random.Random(seed + loop.steps)
    generator = torch.Generator(device).manual_seed(seed + loop.steps)
    abar = alphas_cumprod(device)
    forward = torch.compile(unet) if torch.device(device).type == "cuda" else unet
    order = Order(len(latents.scenes), rng)

    def step(_progress):
        picked = order.take(preset.batch)
        captions = ["" if rng.random() < EMPTY else scenes.caption(data, latents.scenes[i], rng) for i in picked]
        z = latents.z[torch.tensor(picked, device=device)].float()
        noise = torch.randn(z.shape, generator=generator, device=device)
        t = torch.randint(0, 1000, (len(z),), generator=generator, device=device)
        a = abar[t].sqrt()[:, None, None, None]
        s = (1 - abar[t]).sqrt()[:, None, None, None]
        noisy = (a * z + s * noise).to(memory_format=torch.channels_last)
        with autocast(device):
            states = text.encode(encoder, text.ids(tokenizer, captions).to(device))
            predicted = forward(noisy, t, states).sample
        return F.mse_loss(predicted.float(), a * noise - s * z)

    def on_checkpoint(loop):
        pictures = sample(loop.averaged["unet"], loop.averaged["text_encoder"], tokenizer, vae, SHOWN, device)
        grid(pictures, 8, folder / f"diffusion-{loop.steps:06}.png")

    loop.run(step, on_checkpoint, every_minutes=10)
    return loop.averaged["unet"], loop.averaged["text_encoder"]


class Order:
    """Every index once in random order, then again: no scene is seen twice before all were seen."""

    def __init__(self, count, rng):
        self.count, self.rng, self.left = count, rng, []

    def take(self, count):
        out = []
        while len(out) < count:
            if not self.left:
                self.left = list(range(self.count))
                self.rng.shuffle(self.left)
            out.append(self.left.pop())
        return out


@torch.no_grad()
def sample(unet, encoder, tokenizer, vae, prompts, device, steps=20, guidance=4.0, seed=0, batch=32):
    """Pictures in -1..1 by DPM++ 2M: each prompt's noise depends on `seed` and its place alone."""
    latents = []
    size = unet.config.sample_size
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        scheduler = DPMSolverMultistepScheduler.from_config(SCHEDULE)
        scheduler.set_timesteps(steps, device=device)
        noise = [torch.randn((4, size, size), generator=torch.Generator().manual_seed(seed * 100_003 + start + i)) for i in range(len(part))]
        x = torch.stack(noise).to(device) * scheduler.init_noise_sigma
        states = text.embed(encoder, tokenizer, part + [""] * len(part), device)
        for t in scheduler.timesteps:
            with autocast(device):
                both = unet(scheduler.scale_model_input(torch.cat([x, x]), t), t, states).sample.float()
            yes, no = both.chunk(2)
            x = scheduler.step(no + guidance * (yes - no), t, x).prev_sample
        latents.append(x.cpu())
    return autoencoder.decode_all(vae, torch.cat(latents) / vae.config.scaling_factor, device)
