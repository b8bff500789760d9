"""Trains the embedded text-to-emoji model, stage by stage. See README.md beside this file.

    python training/train.py --stage data|vae|diffusion|distill|export|eval [--device cpu|cuda] [--minutes M]

Every stage reads what the stages before it left in `--work` and can be stopped and started again.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAGES = ("data", "vae", "diffusion", "distill", "export", "eval")


def arguments():
    parser = argparse.ArgumentParser(description="The recipe of the embedded text-to-emoji model.")
    parser.add_argument("--stage", choices=STAGES, required=True, help="what to do; the stages build on each other in this order")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cpu: 128 px, everyday concepts; cuda: 256 px, all concepts")
    parser.add_argument("--preset", choices=("cpu", "gpu"), help="the size of the recipe, if not the device's own")
    parser.add_argument("--minutes", type=float, help="training time of this stage in all, earlier starts counted in")
    parser.add_argument("--work", type=Path, help="where checkpoints go (default target/training/PRESET)")
    parser.add_argument("--packages", type=Path, default=HERE / "node_modules", help="where `npm ci` put the emoji sets")
    parser.add_argument("--init", type=Path, help="a diffusers folder to start from instead of random weights (same layout)")
    parser.add_argument("--out", type=Path, help="export: the folder to write (default WORK/export)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; with the other core busy, one is faster than two")
    return parser.parse_args()


def main():
    args = arguments()
    try:
        run(args)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        name = getattr(error, "filename", None) or error
        sys.exit(f"error: {name} is missing: run the stages before `{args.stage}` first, and `npm ci` and `pip install -r requirements.txt` in training/")


def run(args):
    import torch

    from emoji import distill, evaluate, export, latents, presets, render, text
    from emoji import diffusion, vae

    torch.set_num_threads(args.threads)
    if args.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    preset = presets.PRESETS[args.preset or {"cpu": "cpu", "cuda": "gpu"}[args.device]]
    work = args.work or HERE.parent / "target" / "training" / preset.name
    work.mkdir(parents=True, exist_ok=True)
    drawings = work / "drawings.zip"
    if args.stage == "data":
        return render.archive(args.packages, drawings, preset.everyday_only)
    data = render.Drawings(drawings, preset.resolution)
    folders = export.Folders(work, args.init)

    if args.stage == "vae":
        model = folders.vae() if args.init else vae.build(preset)
        trained = vae.train(data, preset, model, work, args.minutes or preset.vae_minutes, args.device)
        return trained.save_pretrained(work / "vae")

    autoencoder = folders.trained_vae().to(args.device, memory_format=torch.channels_last)
    if args.stage == "diffusion":
        tokenizer = folders.tokenizer(lambda folder: text.learn_tokenizer(data, preset.vocabulary, folder))
        encoder = folders.text_encoder() if args.init else text.build(preset, tokenizer)
        unet = folders.unet() if args.init else diffusion.build(preset)
        scenes = latents.build(data, preset, autoencoder, work / "latents.pt", args.device)
        minutes = args.minutes or preset.diffusion_minutes
        unet, encoder = diffusion.train(data, scenes, preset, unet, encoder, tokenizer, autoencoder, work, minutes, args.device)
        unet.save_pretrained(work / "unet")
        return encoder.save_pretrained(work / "text_encoder")

    model = folders.trained(args.device)
    if args.stage == "distill":
        scenes = latents.build(data, preset, autoencoder, work / "latents.pt", args.device)
        student = distill.train(data, scenes, preset, model, work, args.minutes or preset.distill_minutes, args.device)
        return student.save_pretrained(work / "unet-lcm")
    if args.stage == "export":
        return export.write(data, preset, work, args.out or work / "export", args.init)
    return evaluate.evaluate(data, preset, model, work, args.out or work / "export", args.device)


if __name__ == "__main__":
    main()
