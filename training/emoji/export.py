"""The finished folder: diffusers layout, weights in half precision, `stepscope.json`, the model card's data.

`Folders` finds each component: what this run has trained, or what it was told to start from.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel

from . import diffusion, preview, text

LIMIT = 32_000_000
LICENSE = (
    "Apache-2.0. Trained on Noto Emoji (Google, Apache-2.0), Fluent Emoji (Microsoft, MIT), Twemoji (Twitter, Inc and other "
    "contributors, CC-BY-4.0) and FxEmojis (Mozilla, Apache-2.0)."
)
EXAMPLES = [
    "red heart", "rainbow", "strawberry", "taxi, yellow background", "evergreen tree", "mushroom", "hamburger",
    "balloon, blue background",
]  # fmt: skip


class Folders:
    """Where components lie: `work/NAME` once trained, else the folder that the run starts from."""

    def __init__(self, work: Path, init: Path | None):
        self.work, self.init = work, init
        if init and not (work / "init.txt").is_file():
            about = init / "stepscope.json"
            name = json.loads(about.read_text())["display_name"] if about.is_file() else init.name
            (work / "init.txt").write_text(f"an earlier model ({name})\n")

    def tokenizer(self, learn):
        """The tokenizer of the folder to start from, or one learned now; a copy lies in `work`."""
        own = self.work / "tokenizer"
        if not own.is_dir():
            if self.init:
                text.load_tokenizer(self.init / "tokenizer").save_pretrained(own)
            else:
                learn(own)
        return text.load_tokenizer(own)

    def vae(self):
        return AutoencoderKL.from_pretrained(self.init, subfolder="vae", torch_dtype=torch.float32)

    def unet(self):
        return UNet2DConditionModel.from_pretrained(self.init, subfolder="unet", torch_dtype=torch.float32)

    def text_encoder(self):
        return CLIPTextModel.from_pretrained(self.init, subfolder="text_encoder", dtype=torch.float32)

    def trained_vae(self):
        """Frozen: everything after the first stage reads it."""
        return AutoencoderKL.from_pretrained(self.work / "vae").requires_grad_(False).eval()

    def trained(self, device):
        """The pipeline as trained so far, in float32."""
        unet = UNet2DConditionModel.from_pretrained(self.work / "unet")
        encoder = CLIPTextModel.from_pretrained(self.work / "text_encoder")
        return Trained(
            diffusion.prepare(unet.requires_grad_(False).eval(), device),
            encoder.requires_grad_(False).eval().to(device),
            text.load_tokenizer(self.work / "tokenizer"),
            self.trained_vae().to(device),
        )


class Trained:
    """UNet, text encoder, tokenizer and autoencoder of one model."""

    def __init__(self, unet, encoder, tokenizer, vae):
        self.unet, self.encoder, self.tokenizer, self.vae = unet, encoder, tokenizer, vae


def write(data, preset, work: Path, out: Path, init):
    """Writes the base model to `out`, and the few-step one to `out` + `-lcm` where it was distilled."""
    folders = Folders(work, init)
    model = folders.trained("cpu")
    base = DDIMScheduler(**diffusion.SCHEDULE)
    about = {"display_name": f"Emoji {preset.resolution}", "steps": 20, "scheduler": "dpmpp-2m", "guidance": 4.0, "trained": None}
    folder(model, model.unet, base, preset, out, about, init)
    student = work / "unet-lcm"
    if student.is_dir():
        unet = UNet2DConditionModel.from_pretrained(student)
        # The few-step model learned guidance along: it runs without a negative prompt.
        few = LCMScheduler(**{**diffusion.SCHEDULE, "timestep_spacing": "leading"}, original_inference_steps=50)
        about = {"display_name": f"Emoji {preset.resolution} fast", "steps": 4, "scheduler": "lcm", "guidance": 1.0, "trained": [1, 8]}
        folder(model, unet, few, preset, out.with_name(out.name + "-lcm"), about, init)


def folder(model, unet, scheduler, preset, out: Path, about, init):
    """One diffusers folder in half precision with `stepscope.json`."""
    pipe = StableDiffusionPipeline(
        vae=model.vae, text_encoder=model.encoder, tokenizer=model.tokenizer, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.to(torch.float16).save_pretrained(out)
    if init:
        # Its files as they are: vocabulary and merges too, which transformers 5 no longer writes.
        shutil.copytree(init / "tokenizer", out / "tokenizer", dirs_exist_ok=True)
    for config in out.rglob("*.json"):
        # Where a component was loaded from is nobody's business.
        values = json.loads(config.read_text())
        if isinstance(values, dict) and values.pop("_name_or_path", None) is not None:
            config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    size = preset.resolution
    stepscope = {
        "display_name": about["display_name"],
        "license": LICENSE,
        "trained_steps": about["trained"],
        "defaults": {k: about[k] for k in ("steps", "scheduler", "guidance")} | {"width": size, "height": size},
        "size": {"min": size // 2, "max": size * 2, "multiple": 32},
        "example_prompts": EXAMPLES,
    }
    pipe.to(torch.float32)
    stepscope["preview"] = preview.fit_pipeline(pipe, EXAMPLES, guidance=max(about["guidance"], 1.0))
    stepscope["files"] = listing(out)
    total = sum(file["size"] for file in stepscope["files"])
    if total > LIMIT:
        raise ValueError(f"{out.name} has {total / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f} MB: narrow `unet_channels` in presets.py")
    (out / "stepscope.json").write_text(json_text(stepscope))
    print(f"{out}: {total / 1e6:.1f} MB")


def listing(out: Path):
    """Every file with its size and sha256."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name not in ("stepscope.json", "README.md"))
    return [
        {"path": p.relative_to(out).as_posix(), "size": p.stat().st_size, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()}
        for p in files
    ]


def json_text(value):
    """JSON whose rows of numbers stay on one line."""
    written = json.dumps(value, indent=1, ensure_ascii=False)
    return re.sub(r"\[[\s\d.,e-]+\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), written) + "\n"
