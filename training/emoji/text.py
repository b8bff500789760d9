"""The text side: a byte-pair vocabulary learned from the captions, in CLIP's format, and a small `CLIPTextModel`."""

import json
import random
from collections import Counter
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizerFast

from . import scenes

CONTEXT = 32


def learn_tokenizer(data, vocabulary, folder: Path, seed=0):
    """Learns the merges from 40,000 captions and writes `vocab.json`, `merges.txt` and what `transformers` needs."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    rng = random.Random(seed)
    captions = [scenes.caption(data, scenes.draw_scene(data, rng.randrange(len(data.of)), rng), rng) for _ in range(40_000)]
    captions += [word for concept in data.concepts for word in (concept.name, *concept.keywords)]
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    # CLIP's own pattern: words, single digits, runs of anything else; then bytes.
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    from tokenizers import Regex

    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 2, initial_alphabet=sorted(alphabet), end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator(captions, trainer)
    learned = json.loads(learner.to_str())["model"]
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in learned["merges"]]
    # CLIP's order: bytes, bytes that end a word, merges, start and end of text.
    characters = sorted(alphabet)
    tokens = characters + [c + "</w>" for c in characters] + [merge.replace(" ", "") for merge in merges]
    tokens = list(Counter(tokens))[: vocabulary - 2] + ["<|startoftext|>", "<|endoftext|>"]
    known = set(tokens)
    merges = [m for m in merges if m.replace(" ", "") in known]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=CONTEXT).save_pretrained(folder)


def load_tokenizer(folder: Path):
    """The tokenizer of a diffusers folder."""
    return CLIPTokenizerFast.from_pretrained(folder)


def build(preset, tokenizer):
    """A fresh text encoder for a tokenizer."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=preset.text_width,
            intermediate_size=4 * preset.text_width,
            num_hidden_layers=preset.text_layers,
            num_attention_heads=preset.text_width // 48,
            max_position_embeddings=CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def ids(tokenizer, captions):
    """Token ids `[n, 32]`."""
    return tokenizer(captions, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt").input_ids


def encode(model, tokens):
    """Last hidden states `[n, 32, width]`, as `StableDiffusionPipeline` reads them: no attention mask."""
    return model(tokens).last_hidden_state


def embed(model, tokenizer, captions, device):
    """Captions to states without a gradient."""
    with torch.no_grad():
        return encode(model, ids(tokenizer, captions).to(device))
