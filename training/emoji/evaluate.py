"""How good the model is, and how many steps it needs: held-out prompts, a judge that knows only real drawings, curves.

A prompt names a concept, a style and a background that training never showed together. Each is drawn with two seeds at
1 to 64 steps. Figures go to `evaluation.json` and `evaluation.png` in the exported folder, and into its model card.
"""

import json
import random
import shutil
from pathlib import Path

import torch

from . import card, diffusion, distill, judge, loop, scenes, vae as autoencoder

STEPS = (1, 2, 4, 8, 16, 20, 32, 64)
FEW_STEPS = (1, 2, 4, 8)
PROMPTS, SEEDS = 200, (0, 1)


def held_out_prompts(data, count=PROMPTS, seed=6):
    """Prompts with their labels: (text, concept, style, colour), every concept as often as any other."""
    possible = [
        (concept, style, colour)
        for concept, style in sorted(set(data.of))
        for colour in range(1, len(scenes.COLOUR_NAMES))
        if scenes.held_out(concept, style, colour)
    ]
    rng = random.Random(seed)
    rng.shuffle(possible)
    chosen, seen = [], set()
    for concept, style, colour in possible:
        if concept not in seen:
            seen.add(concept)
            chosen.append((concept, style, colour))
    chosen = (chosen + possible)[:count]
    return [
        (f"{data.concepts[c].name}, {data.styles[s]} style, {scenes.COLOUR_NAMES[k]} background", c, s, k) for c, s, k in chosen
    ]


def evaluate(data, preset, model, work: Path, out: Path, device):
    """Measures, prints, and writes figures, curves and the model card."""
    out.mkdir(parents=True, exist_ok=True)
    critic = judge.train(data, work / "judge.pt", device)
    prompts = held_out_prompts(data)
    texts = [text for text, *_ in prompts]
    labels = torch.tensor([row[1:] for row in prompts])
    rng = random.Random(8)
    real, real_labels = judge.batch(data, rng, 1000, held_out=True)
    figures = {"real": judge.score(critic, real, real_labels, device), "base": {}, "few_step": {}}
    figures["real"]["distance"] = judge.frechet(critic, real[:500], real[500:], device)
    print("real", rounded(figures["real"]), flush=True)
    shown = []
    for steps in STEPS:
        made = torch.cat([
            diffusion.sample(model.unet, model.encoder, model.tokenizer, model.vae, texts, device, steps, seed=seed) for seed in SEEDS
        ])  # fmt: skip
        figures["base"][steps] = measure(critic, made, labels.repeat(len(SEEDS), 1), real, device)
        shown.append(made[:12])
        print("base", steps, rounded(figures["base"][steps]), flush=True)
    loop.grid(torch.cat(shown), 12, out / "steps.png")
    if (work / "unet-lcm").is_dir():
        from diffusers import UNet2DConditionModel

        student = diffusion.prepare(UNet2DConditionModel.from_pretrained(work / "unet-lcm").eval(), device)
        shown = []
        for steps in FEW_STEPS:
            made = torch.cat([
                distill.sample(student, model, texts[i : i + 50], device, steps, seed=seed * 1000 + i)
                for seed in SEEDS for i in range(0, len(texts), 50)
            ])  # fmt: skip
            figures["few_step"][steps] = measure(critic, made, labels.repeat(len(SEEDS), 1), real, device)
            shown.append(made[:12])
            print("few-step", steps, rounded(figures["few_step"][steps]), flush=True)
        loop.grid(torch.cat(shown), 12, out / "steps-fast.png")
    pictures = autoencoder.batch(data, random.Random(9), preset.resolution, 200, preset.resolution)
    again = autoencoder.decode_all(model.vae, autoencoder.encode_all(model.vae, pictures, device), device)
    figures["vae_psnr"] = autoencoder.psnr(pictures, again)
    print(f"autoencoder: {figures['vae_psnr']:.2f} dB", flush=True)
    (out / "evaluation.json").write_text(json.dumps(figures, indent=1) + "\n")
    curves(figures, out / "evaluation.png")
    card.write(data, preset, figures, work, out)
    # One card tells of both models.
    twin = out.with_name(f"{out.name}-lcm")
    if twin.is_dir():
        for name in ("README.md", "evaluation.json", "evaluation.png"):
            shutil.copy(out / name, twin / name)


def measure(critic, made, labels, real, device):
    """All figures of one set of pictures in -1..1."""
    small = torch.nn.functional.interpolate(made, size=judge.SIZE, mode="area")
    return judge.score(critic, small, labels, device) | {"distance": judge.frechet(critic, real, small, device)}


def rounded(figures):
    return {key: round(value, 3) for key, value in figures.items()}


def curves(figures, path):
    """Every figure against the number of steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = {"concept_top1": "right concept", "concept_top5": "among the first five", "style": "right style", "colour": "right background"}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for kind, dashes in (("base", "-"), ("few_step", "--")):
        rows = {int(steps): row for steps, row in figures[kind].items()}
        if not rows:
            continue
        suffix = "" if kind == "base" else " (few-step model)"
        for i, (key, name) in enumerate(names.items()):
            left.plot(list(rows), [100 * row[key] for row in rows.values()], dashes, color=f"C{i}", marker="o", ms=3, label=name + suffix)
        right.plot(list(rows), [row["distance"] for row in rows.values()], dashes, color="C4", marker="o", ms=3, label="distance" + suffix)
    right.axhline(figures["real"]["distance"], color="gray", lw=0.8, label="real against real")
    left.set(xscale="log", xlabel="steps", ylabel="% of 400 pictures", title="What the judge sees")
    right.set(xscale="log", yscale="log", xlabel="steps", title="Distance to real pictures")
    for axes in (left, right):
        axes.set_xticks(STEPS, [str(n) for n in STEPS])
        axes.minorticks_off()
    figure.legend(loc="outside lower center", ncols=4, fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)
