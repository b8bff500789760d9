"""Scenes: which drawing on which background where, the picture of it, and the captions that fit.

A scene is a few small numbers, so tens of thousands are kept beside their latents and get a fresh caption every time.
"""

import random
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

COLOURS = {
    "white": (255, 255, 255),
    "black": (24, 24, 27),
    "gray": (156, 163, 175),
    "red": (220, 60, 60),
    "orange": (249, 145, 50),
    "yellow": (250, 215, 70),
    "green": (80, 180, 95),
    "blue": (65, 125, 230),
    "purple": (145, 85, 220),
    "pink": (245, 150, 195),
    "brown": (135, 90, 60),
}
COLOUR_NAMES = list(COLOURS)
KINDS = ("plain", "gradient", "striped", "dotted")
PLACES = {"": (0.5, 0.5), "left": (0.31, 0.5), "right": (0.69, 0.5), "top": (0.5, 0.31), "bottom": (0.5, 0.69)}
PLACE_NAMES = list(PLACES)
RELATIONS = ("left of", "above")
# One in this many combinations of concept, style and colour is never trained on, nor one in this many pairs of concepts.
HELD_OUT = 12


@dataclass
class Scene:
    """What is in a picture. Indices point into `Drawings`, `COLOUR_NAMES`, `KINDS`, `PLACE_NAMES`, `RELATIONS`."""

    drawings: tuple[int, ...]
    colour: int = 0
    colour2: int = 0
    kind: int = 0
    place: int = 0
    relation: int = 0
    scale: float = 0.85
    seed: int = field(default=0, repr=False)


def mix(*numbers):
    """A hash that is the same everywhere (Python's own is not)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = ((state ^ number) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        state ^= state >> 31
    return state


def held_out(concept, style, colour):
    """Whether this combination is kept for the evaluation. White is the default and always trained."""
    return colour != 0 and mix(concept, style, colour) % HELD_OUT == 0


def held_out_pair(first, second):
    """Whether these two concepts are never shown together, in either order."""
    return mix(*sorted((first, second)), 7) % HELD_OUT == 0


def draw_scene(data, drawing, rng: random.Random, pairs=0.1):
    """A random scene around a drawing, none that is held out."""
    concept, style = data.of[drawing]
    if rng.random() < pairs:
        while True:
            other = rng.randrange(len(data.of))
            if data.of[other][1] == style and data.of[other][0] != concept and not held_out_pair(concept, data.of[other][0]):
                break
        colour = 0 if rng.random() < 0.6 else rng.randrange(len(COLOUR_NAMES))
        return Scene((drawing, other), colour, relation=rng.randrange(2), scale=rng.uniform(0.42, 0.48), seed=rng.getrandbits(32))
    while True:
        colour = 0 if rng.random() < 0.45 else rng.randrange(len(COLOUR_NAMES))
        if not held_out(concept, style, colour):
            break
    kind = 0 if colour == 0 or rng.random() < 0.8 else rng.randrange(1, len(KINDS))
    colour2 = rng.choice([i for i in range(len(COLOUR_NAMES)) if i != colour])
    place = rng.randrange(1, len(PLACE_NAMES)) if rng.random() < 0.1 else 0
    scale = rng.uniform(0.48, 0.56) if place else rng.uniform(0.8, 0.9)
    return Scene((drawing,), colour, colour2, kind, place, 0, scale, rng.getrandbits(32))


def picture(data, scene: Scene, size):
    """RGB pixels, `[size, size, 3]` uint8."""
    rng = random.Random(scene.seed)
    canvas = background(scene, size, rng)
    if len(scene.drawings) == 2:
        centres = ((0.26, 0.5), (0.74, 0.5)) if scene.relation == 0 else ((0.5, 0.26), (0.5, 0.74))
    else:
        centres = (PLACES[PLACE_NAMES[scene.place]],)
    for drawing, (x, y) in zip(scene.drawings, centres):
        side = max(8, round(scene.scale * size))
        ink = Image.fromarray(data.pixels[drawing], "RGBa").resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2)
        ink = np.asarray(ink).astype(np.float32)
        jitter = 0.0 if len(scene.drawings) == 2 else 0.02
        left = round((x + rng.uniform(-jitter, jitter)) * size - side / 2)
        top = round((y + rng.uniform(-jitter, jitter)) * size - side / 2)
        paste(canvas, ink, left, top)
    return np.clip(canvas, 0, 255).round().astype(np.uint8)


def background(scene, size, rng):
    """Float RGB canvas."""
    first = np.array(COLOURS[COLOUR_NAMES[scene.colour]], np.float32)
    canvas = np.broadcast_to(first, (size, size, 3)).copy()
    if scene.kind == 0:
        return canvas
    second = np.array(COLOURS[COLOUR_NAMES[scene.colour2]], np.float32)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    if KINDS[scene.kind] == "gradient":
        share = y
    elif KINDS[scene.kind] == "striped":
        share = ((x + y) * 4 % 1 > 0.5).astype(np.float32)
    else:
        share = ((x * 6 % 1 - 0.5) ** 2 + (y * 6 % 1 - 0.5) ** 2 < 0.06).astype(np.float32)
    return canvas + (second - first) * share[..., None]


def paste(canvas, ink, left, top):
    """Puts a premultiplied picture onto a canvas, cut at the edges."""
    size, side = len(canvas), len(ink)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, size), min(top + side, size)
    if x0 >= x1 or y0 >= y1:
        return
    part = ink[y0 - top : y1 - top, x0 - left : x1 - left]
    canvas[y0:y1, x0:x1] = part[..., :3] + canvas[y0:y1, x0:x1] * (1 - part[..., 3:] / 255)


def names(concept):
    """What a caption may call a concept, the usual name first."""
    known = [concept.name]
    if concept.name.endswith(" face") and concept.group.startswith("Animals"):
        known.append(concept.name.removesuffix(" face"))
    if concept.name == "automobile":
        known += ["car", "red car"]
    if concept.name == "red apple":
        known.append("apple")
    if concept.name == "evergreen tree":
        known.append("tree")
    if concept.name == "red heart":
        known.append("heart")
    return known


def caption(data, scene: Scene, rng: random.Random):
    """One of the many sentences that describe a scene. Everything unusual in it is named; the style mostly is."""
    things = []
    for drawing in scene.drawings:
        concept = data.concepts[data.of[drawing][0]]
        thing = rng.choice(names(concept)) if rng.random() < 0.5 else concept.name
        dice = rng.random()
        if dice < 0.08 and concept.keywords and len(scene.drawings) == 1:
            thing = rng.choice(concept.keywords)
        elif dice < 0.2 and concept.keywords:
            thing = f"{thing}, {rng.choice(concept.keywords)}"
        elif dice < 0.4:
            thing = f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"
        things.append(thing)
    text = things[0]
    if len(things) == 2:
        text = f"{things[0]} {RELATIONS[scene.relation]} {things[1]}"
        if rng.random() < 0.25:
            text = f"{things[0]} and {things[1]}"
    elif rng.random() < 0.06:
        text += " emoji"
    place = PLACE_NAMES[scene.place]
    if place:
        text = rng.choice((f"small {text} at the {place}", f"{text} at the {place}"))
    style = data.styles[data.of[scene.drawings[0]][1]]
    parts = []
    if rng.random() < 0.75:
        parts.append(f"{style} style")
    colour, other = COLOUR_NAMES[scene.colour], COLOUR_NAMES[scene.colour2]
    if scene.kind:
        kind = KINDS[scene.kind]
        parts.append(f"{colour} to {other} gradient background" if kind == "gradient" else f"{colour} and {other} {kind} background")
    elif scene.colour or rng.random() < 0.12:
        parts.append(f"{colour} background")
    if rng.random() < 0.4:
        rng.shuffle(parts)
    for part in parts:
        text += f" on a {part}" if part.endswith("background") and rng.random() < 0.35 else f", {part}"
    return text
