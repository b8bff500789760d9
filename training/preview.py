"""Fits the quick preview of a model: a linear map from each latent pixel's neighbourhood to a patch of colour, by least
squares against the model's own decoder, over the clean latents that real runs predict on their way.

    python training/preview.py public/models/emoji

Writes `preview`, `files` (sizes and sha256) and nothing else into the folder's `stepscope.json`.
Needs torch, diffusers and transformers as pinned in tests/fixtures/requirements.txt.
"""

import hashlib
import json
import pathlib
import re
import sys

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, StableDiffusionPipeline

KERNEL, SCALE, STEPS = 3, 4, 6
PICTURES = 64


def clean_latents(pipe, prompts):
    """Predicted clean latents of every step of a run for each prompt."""
    kept = []
    step = pipe.scheduler.step

    def spy(*args, **kwargs):
        out = step(*args, **kwargs)
        kept.append(out.pred_original_sample.detach())
        return out

    def whole(*args, **kwargs):
        kwargs["return_dict"] = True
        return (spy(*args, **kwargs).prev_sample,)

    pipe.scheduler.step = whole
    for seed in range(0, len(prompts), 8):
        batch = prompts[seed : seed + 8]
        generator = torch.Generator("cpu").manual_seed(seed)
        pipe(batch, num_inference_steps=STEPS, guidance_scale=4.0, generator=generator, output_type="latent")
    return torch.cat(kept)


def fit(latents, pixels):
    """Least squares: rows (ky, kx, channel), columns (py, px, rgb)."""
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
    print(f"{len(rows)} patches, error {error:.3f} of the range from black to white")
    return solution


def main(folder):
    torch.set_num_threads(1)
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    path = folder / "stepscope.json"
    about = json.loads(path.read_text())
    examples = about["example_prompts"]
    prompts = [examples[i % len(examples)] for i in range(PICTURES)]
    with torch.no_grad():
        latents = clean_latents(pipe, prompts)
        decoded = torch.cat(
            [pipe.vae.decode(part / pipe.vae.config.scaling_factor).sample for part in latents.split(16)]
        ).clamp(-1, 1)
    solution = fit(latents, F.interpolate(decoded, scale_factor=SCALE / (decoded.shape[-1] // latents.shape[-1]), mode="area"))
    rounded = [[round(float(x), 4) for x in row] for row in solution]
    about["preview"] = {"kernel": KERNEL, "scale": SCALE, "factors": rounded[:-1], "bias": rounded[-1]}
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != path)
    about["files"] = [
        {"path": p.relative_to(folder).as_posix(), "size": p.stat().st_size, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()}
        for p in files
    ]
    text = json.dumps(about, indent=1, ensure_ascii=False)
    # A row of numbers reads better on one line.
    text = re.sub(r"\[[\s\d.,e-]+\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)
    path.write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
