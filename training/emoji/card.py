"""The model card, written from what was measured."""

import json
from pathlib import Path

SOURCES = """| Set | Licence | Attribution |
|---|---|---|
| [Noto Emoji](https://github.com/googlefonts/noto-emoji) | Apache-2.0 | Google Inc |
| [Fluent Emoji](https://github.com/microsoft/fluentui-emoji), 3D and flat | MIT | Microsoft Corporation |
| [Twemoji](https://github.com/jdecked/twemoji) | CC-BY-4.0 | Twitter, Inc and other contributors |
| [FxEmojis](https://github.com/mozilla/fxemoji) | Apache-2.0 | Mozilla |
| [unicode-emoji-json](https://github.com/muan/unicode-emoji-json), [emojilib](https://github.com/muan/emojilib) (names, keywords) | MIT | Mu-An Chiou |"""


def table(rows):
    """Figures against steps, as Markdown."""
    out = ["| Steps | Concept, top 1 | Concept, top 5 | Style | Background | Distance |", "|---|---|---|---|---|---|"]
    for steps, row in rows.items():
        shares = " | ".join(f"{100 * row[key]:.1f} %" for key in ("concept_top1", "concept_top5", "style", "colour"))
        out.append(f"| {steps} | {shares} | {row['distance']:.2f} |")
    return "\n".join(out)


def how(preset, work: Path):
    """Steps and minutes of every stage, as its loss curve recorded them."""
    batches = {"vae": preset.vae_batch, "diffusion": preset.batch, "distill": preset.batch // 2}
    lines = []
    for stage, batch in batches.items():
        path = work / f"{stage}-loss.json"
        if path.is_file() and (losses := json.loads(path.read_text())):
            steps, seconds, loss = losses[-1]
            lines.append(f"* {stage}: {steps:,} steps of {batch}, {seconds / 60:.0f} minutes, last loss {loss:.4f}")
    if (work / "init.txt").is_file():
        lines.append(f"* started from the weights of {(work / 'init.txt').read_text().strip()}, not from random ones")
    return "\n".join([f"The `{preset.name}` preset of the recipe."] + [""] + lines)


def write(data, preset, figures, work: Path, out: Path):
    """Writes `README.md` into the exported folder."""
    trained = how(preset, work)
    few = ""
    if figures["few_step"]:
        few = f"\n### The few-step model (`LCMScheduler`, guidance 1)\n\n{table(figures['few_step'])}\n"
    out.joinpath("README.md").write_text(f"""# Emoji {preset.resolution}: a small text-to-image model

A Stable Diffusion in miniature that draws emoji: {len(data.concepts)} concepts in {len(data.styles)} styles
({", ".join(data.styles)}), on plain, gradient, striped and dotted backgrounds, at {preset.resolution} × {preset.resolution}
pixels. It exists to show what sampling steps do: fast enough for any device, good enough to tell one step count from
another. Made by `training/train.py`; the recipe is in `training/README.md`.

## Prompts

`cat face`, `pizza, noto style`, `rocket, flat style on a blue background`, `small sun at the top`, `dog left of tree`. A prompt
without a style gets any style, one without a background white. Keywords of emoji work, sentences do not: it knows nothing but
emoji.

## Figures

200 prompts that name a concept, a style and a background never shown together in training, two seeds each, DPM++ 2M, guidance
4. The judge is a small network trained on real drawings alone; on fresh real scenes it is right in
{100 * figures["real"]["concept_top1"]:.1f} % (concept, first guess), {100 * figures["real"]["concept_top5"]:.1f} % (first five),
{100 * figures["real"]["style"]:.1f} % (style) and {100 * figures["real"]["colour"]:.1f} % (background). Distance is the Fréchet
distance in its features; real against real gives {figures["real"]["distance"]:.2f}.

{table(figures["base"])}
{few}
![Curves](evaluation.png)

Autoencoder: {figures["vae_psnr"]:.1f} dB on 200 random scenes.

## Training

{trained}

## Data and licences

{SOURCES}

The weights are offered under Apache-2.0, with the attributions above. Flags and keycaps are left out.

## Limits

Small pictures of single objects. Two objects at once, and words outside the emoji's names and keywords, often fail. Faces that
differ in one stroke are mixed up. Concepts carry the biases of the emoji sets that drew them.
""")
