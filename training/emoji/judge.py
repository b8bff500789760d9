"""The judge of the evaluation: a small convolutional network trained on real drawings alone.

It never sees a generated picture while it learns. It names the concept, the style and the background's colour of a scene,
and its last features are where the distance to the real pictures is measured.
"""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import scenes

SIZE = 64


class Judge(nn.Module):
    """`[n, 3, 64, 64]` in -1..1 to logits of concept, style, colour, and 256 features."""

    def __init__(self, concepts, styles):
        super().__init__()
        widths = (32, 64, 128, 256)
        layers, before = [], 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1, stride=2 if before > 3 else 1), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList([nn.Linear(4 * before, n) for n in (concepts, styles, len(scenes.COLOURS))])

    def features(self, x):
        # Where things are matters a little: a 2 × 2 grid of averages.
        return F.adaptive_avg_pool2d(self.trunk(x), 2).flatten(1)

    def forward(self, x):
        features = self.features(x)
        return [head(features) for head in self.heads]


def batch(data, rng, count, held_out=False):
    """Scenes with one drawing, and their labels `[count, 3]`."""
    out, labels = np.empty((count, SIZE, SIZE, 3), np.uint8), []
    for i in range(count):
        drawing = rng.randrange(len(data.of))
        concept, style = data.of[drawing]
        scene = scenes.draw_scene(data, drawing, rng, pairs=0.0)
        if held_out:
            scene.kind, scene.place, scene.scale = 0, 0, rng.uniform(0.8, 0.9)
        out[i] = scenes.picture(data, scene, SIZE)
        labels.append((concept, style, scene.colour))
    x = torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x, torch.tensor(labels)


def blur(x, rng):
    """What an autoencoder does to a picture, roughly: the judge must not read sharpness as style."""
    if rng.random() < 0.5:
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1) * (k := rng.random()) + x * (1 - k)
    return x + torch.randn_like(x) * rng.uniform(0, 0.08)


def train(data, path, device, steps=2500, seed=4):
    """Trains a judge, or reads the one at `path`; prints how often it is right on fresh real scenes."""
    model = Judge(len(data.concepts), len(data.styles)).to(device, memory_format=torch.channels_last)
    if path.is_file():
        model.load_state_dict(torch.load(path, map_location=device, weights_only=True))
        return model.eval()
    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    for step in range(steps):
        x, labels = batch(data, rng, 96)
        x, labels = blur(x, rng).to(device, memory_format=torch.channels_last), labels.to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = sum(F.cross_entropy(logits.float(), labels[:, i]) for i, logits in enumerate(model(x)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 249:
            print(f"judge: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    torch.save(model.state_dict(), path)
    model.eval()
    x, labels = batch(data, random.Random(5), 1000, held_out=True)
    print("judge on 1,000 fresh real scenes:", {k: round(v, 3) for k, v in score(model, x, labels, device).items()})
    return model


@torch.no_grad()
def score(model, x, labels, device):
    """Shares of right answers."""
    logits = [torch.cat(parts) for parts in zip(*[[o.cpu() for o in model(part.to(device))] for part in x.split(100)])]
    top5 = logits[0].topk(5, 1).indices
    return {
        "concept_top1": (top5[:, 0] == labels[:, 0]).float().mean().item(),
        "concept_top5": (top5 == labels[:, :1]).any(1).float().mean().item(),
        "style": (logits[1].argmax(1) == labels[:, 1]).float().mean().item(),
        "colour": (logits[2].argmax(1) == labels[:, 2]).float().mean().item(),
    }


@torch.no_grad()
def frechet(model, real, made, device):
    """Fréchet distance between two sets of pictures in the judge's features (Heusel et al. 2017's formula)."""
    a, b = (torch.cat([model.features(p.to(device)).cpu() for p in x.split(100)]).double() for x in (real, made))
    # Averages of features: with 400 pictures, 256 numbers are all that a covariance can be estimated for.
    a, b = (f.reshape(len(f), -1, 4).mean(2) for f in (a, b))
    mean = (a.mean(0) - b.mean(0)).square().sum()
    ca, cb = a.T.cov(), b.T.cov()
    eigen = torch.linalg.eigvals(ca @ cb).real.clamp_min(0).sqrt().sum()
    return (mean + ca.trace() + cb.trace() - 2 * eigen).item()
