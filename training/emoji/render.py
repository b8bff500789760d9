"""Drawings become pixels once: RGBA at 256 px, trimmed to their ink, kept as WebP in one archive."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from . import sources

SIZE = 256


def archive(packages: Path, out: Path, everyday_only: bool):
    """Renders every drawing into `out`, a zip of WebP pictures and one index; nothing happens if it is there."""
    if out.is_file():
        return
    concepts, drawings = sources.load(packages, everyday_only)
    part = out.with_suffix(".part")
    kept = []
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as file:
        for number, drawing in enumerate(drawings):
            try:
                picture = render(drawing.svg)
            except ValueError as error:
                print(f"left out {concepts[drawing.concept].name} ({sources.STYLE_NAMES[drawing.style]}): {error}")
                continue
            bytes_out = io.BytesIO()
            # All 6,796 drawings without loss would be 111 MB; at this quality they are 56.
            options = {"lossless": True, "quality": 60} if everyday_only else {"quality": 85}
            picture.save(bytes_out, "webp", **options)
            file.writestr(f"{len(kept):05}.webp", bytes_out.getvalue())
            kept.append([drawing.concept, drawing.style])
            if number % 500 == 499:
                print(f"rendered {number + 1} of {len(drawings)}", flush=True)
        index = {"styles": sources.STYLE_NAMES, "concepts": [asdict(c) for c in concepts], "drawings": kept}
        file.writestr("index.json", json.dumps(index))
    part.rename(out)
    print(f"{len(concepts)} concepts, {len(kept)} drawings, {out.stat().st_size / 1e6:.1f} MB")


def render(svg):
    """A square RGBA picture whose ink touches two opposite edges.

    Raises ValueError for a drawing without ink, and whatever resvg refuses.
    """
    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, skip_system_fonts=True)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    box = picture.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    if box is None:
        raise ValueError("nothing is drawn")
    picture = picture.crop(box)
    side = max(picture.size)
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


class Drawings:
    """The archive, unpacked at one size. `pixels[i]` is a premultiplied float RGBA picture, `[size, size, 4]` uint8."""

    def __init__(self, path: Path, size: int):
        with zipfile.ZipFile(path) as file:
            index = json.loads(file.read("index.json"))
            self.styles = index["styles"]
            self.concepts = [sources.Concept(c["name"], c["group"], tuple(c["keywords"])) for c in index["concepts"]]
            self.of = [tuple(pair) for pair in index["drawings"]]
            self.pixels = np.empty((len(self.of), size, size, 4), np.uint8)
            for i in range(len(self.of)):
                picture = Image.open(io.BytesIO(file.read(f"{i:05}.webp"))).convert("RGBA")
                # Resizing with premultiplied alpha keeps dark fringes away.
                picture = picture.convert("RGBa").resize((size, size), Image.Resampling.BOX)
                self.pixels[i] = np.asarray(picture)
