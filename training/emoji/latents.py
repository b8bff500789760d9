"""Latents of many scenes, made once per autoencoder and then kept on the device: training reads nothing else."""

import random
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from . import scenes, vae as autoencoder


class Latents:
    """`z` is `[n, 4, h, w]` half precision, scaled to unit variance; `scenes[i]` describes `z[i]`."""

    def __init__(self, z, scene_list):
        self.z, self.scenes = z, scene_list


def build(data, preset, vae, path: Path, device, seed=1):
    """Composes and encodes `preset.variants` scenes of every drawing; reads them back if the file is there."""
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        return Latents(kept["z"].to(device), [scene(row) for row in kept["scenes"]])
    rng = random.Random(seed)
    listed, parts = [], []
    vae = vae.to(device, memory_format=torch.channels_last).eval()
    for variant in range(preset.variants):
        some = [scenes.draw_scene(data, drawing, rng) for drawing in range(len(data.of))]
        for start in range(0, len(some), 256):
            part = some[start : start + 256]
            pixels = np.stack([scenes.picture(data, one, preset.resolution) for one in part])
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
            z = autoencoder.encode_all(vae, x, device) * vae.config.scaling_factor
            parts.append(z.half())
        listed += some
        print(f"latents: {variant + 1} of {preset.variants} scenes of every drawing", flush=True)
    z = torch.cat(parts)
    torch.save({"z": z, "scenes": [row(one) for one in listed]}, path)
    return Latents(z.to(device), listed)


def row(one):
    """Plain numbers, which `torch.load(weights_only=True)` reads."""
    return asdict(one)


def scene(numbers):
    """What `row` wrote."""
    numbers["drawings"] = tuple(numbers["drawings"])
    return scenes.Scene(**numbers)
