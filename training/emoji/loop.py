"""The training loop that every stage shares: a budget in minutes, resumable checkpoints, averaged weights, loss curves."""

import copy
import json
import math
import time
from pathlib import Path

import torch


class Loop:
    """Runs `step(progress) -> loss` until the stage has trained for `minutes` in all, over as many starts as it takes.

    `modules` are trained together. Learning rate: a short warm-up, then a cosine down to a twentieth; `progress` (0..1)
    is time, so a slower machine ends the same curve with fewer steps. An interrupted stage resumes from its checkpoint.
    """

    def __init__(self, name, folder: Path, modules: dict, minutes, learning_rate, ema, device, weight_decay=0.01):
        self.name, self.folder, self.modules, self.device = name, folder, modules, device
        self.minutes, self.learning_rate, self.ema_decay = minutes, learning_rate, ema
        self.averaged = {key: copy.deepcopy(module).requires_grad_(False).eval() for key, module in modules.items()}
        self.parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True)
        self.steps, self.seconds, self.losses = 0, 0.0, []
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.pt"
        if self.path.is_file():
            self.resume()

    def resume(self):
        state = torch.load(self.path, map_location=self.device, weights_only=True)
        for key, module in self.modules.items():
            module.load_state_dict(state["modules"][key])
            self.averaged[key].load_state_dict(state["averaged"][key])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.seconds, self.losses = state["steps"], state["seconds"], state["losses"]
        print(f"{self.name}: resumed after {self.steps} steps, {self.seconds / 60:.1f} minutes", flush=True)

    def save(self):
        part = self.path.with_suffix(".part")
        torch.save(
            {
                "modules": {key: module.state_dict() for key, module in self.modules.items()},
                "averaged": {key: module.state_dict() for key, module in self.averaged.items()},
                "optimizer": self.optimizer.state_dict(),
                "steps": self.steps,
                "seconds": self.seconds,
                "losses": self.losses,
            },
            part,
        )
        part.rename(self.path)
        (self.folder / f"{self.name}-loss.json").write_text(json.dumps(self.losses))
        curve(self.losses, self.folder / f"{self.name}-loss.png", self.name)

    def run(self, step, on_checkpoint=None, every_minutes=6.0):
        """Trains; calls `on_checkpoint(loop)` with every checkpoint, for a sample grid."""
        budget = self.minutes * 60
        saved, report, running = time.monotonic(), time.monotonic(), None
        while self.seconds < budget:
            began = time.monotonic()
            progress = self.seconds / budget
            rate = self.learning_rate * min(1.0, (self.steps + 1) / 100) * (0.525 + 0.475 * math.cos(math.pi * progress))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = step(progress)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.steps += 1
            self.average()
            value = loss.item()
            if not math.isfinite(value):
                raise RuntimeError(f"{self.name}: the loss is {value} at step {self.steps}; start again from the last checkpoint with a smaller learning rate")
            running = value if running is None else 0.98 * running + 0.02 * value
            now = time.monotonic()
            self.seconds += now - began
            if now - report > 30:
                self.losses.append([self.steps, round(self.seconds, 1), round(running, 5)])
                print(f"{self.name} {self.steps} steps, {self.seconds / 60:.1f} of {self.minutes:g} min, loss {running:.4f}", flush=True)
                report = now
            if now - saved > every_minutes * 60:
                self.checkpoint(on_checkpoint)
                saved = time.monotonic()
        self.checkpoint(on_checkpoint)

    def checkpoint(self, on_checkpoint):
        self.save()
        if on_checkpoint:
            with torch.no_grad():
                on_checkpoint(self)

    @torch.no_grad()
    def average(self):
        decay = min(self.ema_decay, (1 + self.steps) / (10 + self.steps))
        for key, module in self.modules.items():
            mine, theirs = list(self.averaged[key].parameters()), list(module.parameters())
            torch._foreach_lerp_(mine, theirs, 1 - decay)


def curve(losses, path, title):
    """Draws a loss curve."""
    if len(losses) < 2:
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot([row[1] / 60 for row in losses], [row[2] for row in losses])
    axes.set(xlabel="minutes", ylabel="loss", title=title, yscale="log")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def grid(pictures, columns, path):
    """Writes `[n, 3, h, w]` in -1..1 as one picture."""
    from PIL import Image

    n, _, h, w = pictures.shape
    rows = -(-n // columns)
    out = Image.new("RGB", (columns * w, rows * h), "white")
    pixels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    for i in range(n):
        out.paste(Image.fromarray(pixels[i]), (i % columns * w, i // columns * h))
    out.save(path)


def autocast(device):
    """bfloat16 where the processor multiplies it: GPUs, and CPUs with AMX (5 times float32 there)."""
    return torch.autocast(torch.device(device).type, torch.bfloat16)
