"""What differs between a run on two CPU cores and one on a data-centre GPU, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """One size of the recipe. Minutes are the budget of each stage; `--minutes` overrides the stage's own."""

    name: str
    resolution: int
    """Pixels of a training picture; latents have an eighth."""
    everyday_only: bool
    """Only concepts that everybody names (see `sources.everyday`)."""
    variants: int
    """Pictures composed, encoded and kept per drawing."""
    vae_channels: tuple[int, ...]
    unet_channels: tuple[int, ...]
    unet_layers: int
    unet_heads: int
    text_width: int
    text_layers: int
    vocabulary: int
    vae_batch: int
    batch: int
    learning_rate: float
    ema: float
    """Decay of the averaged weights at the end of the run; it grows from 0."""
    vae_minutes: float
    diffusion_minutes: float
    distill_minutes: float


CPU = Preset(
    name="cpu",
    resolution=128,
    everyday_only=True,
    variants=24,
    vae_channels=(32, 64, 96, 128),
    unet_channels=(64, 128, 192),
    unet_layers=1,
    unet_heads=4,
    text_width=192,
    text_layers=3,
    vocabulary=2048,
    vae_batch=16,
    batch=64,
    learning_rate=4e-4,
    ema=0.9995,
    vae_minutes=30,
    diffusion_minutes=100,
    distill_minutes=20,
)

GPU = Preset(
    name="gpu",
    resolution=256,
    everyday_only=False,
    variants=32,
    vae_channels=(32, 64, 128, 128),
    unet_channels=(96, 192, 256),
    unet_layers=1,
    unet_heads=4,
    text_width=256,
    text_layers=4,
    vocabulary=4096,
    vae_batch=64,
    batch=512,
    learning_rate=8e-4,
    ema=0.9995,
    vae_minutes=6,
    diffusion_minutes=13,
    distill_minutes=3,
)

PRESETS = {preset.name: preset for preset in (CPU, GPU)}
