"""Fits the quick preview of a model: a linear map from each latent pixel's neighbourhood to a patch of colour, by least
squares against the model's own decoder, over the clean latents that real runs predict on their way."""

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler

KERNEL, SCALE, STEPS = 3, 4, 6
PICTURES = 64


def fit_pipeline(pipe, examples, guidance):
    """The `preview` entry of `stepscope.json` for a pipeline in float32."""
    pipe.set_progress_bar_config(disable=True)
    kept = pipe.scheduler
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    prompts = [examples[i % len(examples)] for i in range(PICTURES)]
    with torch.no_grad():
        latents = clean_latents(pipe, prompts, guidance)
        scaled = latents / pipe.vae.config.scaling_factor
        decoded = torch.cat([pipe.vae.decode(part).sample for part in scaled.split(16)]).clamp(-1, 1)
    pipe.scheduler = kept
    small = F.interpolate(decoded, scale_factor=SCALE / (decoded.shape[-1] // latents.shape[-1]), mode="area")
    rounded = [[round(float(x), 4) for x in row] for row in fit(latents, small)]
    return {"kernel": KERNEL, "scale": SCALE, "factors": rounded[:-1], "bias": rounded[-1]}


def clean_latents(pipe, prompts, guidance):
    """Predicted clean latents of every step of a run for each prompt."""
    kept = []
    step = pipe.scheduler.step

    def spy(*args, **kwargs):
        kwargs["return_dict"] = True
        out = step(*args, **kwargs)
        kept.append(out.pred_original_sample.detach())
        return (out.prev_sample,)

    pipe.scheduler.step = spy
    for seed in range(0, len(prompts), 8):
        batch = prompts[seed : seed + 8]
        generator = torch.Generator("cpu").manual_seed(seed)
        pipe(batch, num_inference_steps=STEPS, guidance_scale=guidance, generator=generator, output_type="latent")
    return torch.cat(kept)


def fit(latents, pixels):
    """Least squares: rows (ky, kx, channel) and a bias, columns (py, px, rgb)."""
    n, c, h, w = latents.shape
    # unfold gives (channel, ky, kx); the file wants (ky, kx, channel).
    edged = F.pad(latents, [KERNEL // 2] * 4, mode="replicate")
    rows = F.unfold(edged, KERNEL).reshape(n, c, KERNEL * KERNEL, h * w)
    rows = rows.permute(0, 3, 2, 1).reshape(n * h * w, KERNEL * KERNEL * c)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1).double()
    patches = pixels.reshape(n, 3, h, SCALE, w, SCALE).permute(0, 2, 4, 3, 5, 1)
    patches = patches.reshape(n * h * w, SCALE * SCALE * 3).double()
    solution = torch.linalg.lstsq(rows, patches).solution
    error = (rows @ solution - patches).pow(2).mean().sqrt() / 2
    print(f"preview: {len(rows)} patches, error {error:.3f} of the range from black to white")
    return solution
