"""Concepts and drawings: which emoji exist, what they are called, and which set draws which.

The sets are npm packages of SVG (`training/package.json` pins them); names and groups come from `unicode-emoji-json`,
keywords from `emojilib`. About 1,650 concepts once flags are left out.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

# Package → what a caption calls the style.
STYLES = {
    "noto": "noto",
    "fluent-emoji": "fluent",
    "fluent-emoji-flat": "flat",
    "twemoji": "twemoji",
    "fxemoji": "firefox",
}
STYLE_NAMES = list(STYLES.values())

# Groups whose classic drawings (in the first emoji of 2010) the short recipe learns.
EVERYDAY = {"Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects", "Smileys & Emotion"}
# Near-copies of one picture, drawings of writing, and things that few people ask for: a small model would spend itself on
# telling them apart.
CROWDED = re.compile(
    r"o’clock|moon face|mailbox|envelope|yen|page |bookmark|chart|tray|videocassette|fax|pager|disk|mahjong|dvd|index|ledger|"
    r"post office|love hotel|store|tanabata|pine decor|dolls|moon viewing|wind chime|oden|dango|rice cracker|cooked rice|curry|"
    r"custard|sake|bento|hot springs|foggy|station|metro|railway|bus stop|construction|seat|barber|anger symbol|dashing|zzz|"
    r"squinting|smirking|unamused|relieved|pensive|confounded|persevering|disappointed|weary|flushed|ogre|goblin|kissing|"
    r"pouting|suit|joker|performing|receiver|womans |mans |clutch|file folder|locked|memo|black nib|link|moai|first quarter|"
    r"gibbous|new moon|heart decoration|revolving|beating|growing|love letter|kiss mark|sport utility|bullet train|carp|"
    r"sheaf|map of|globe|round pushpin|wedding|orange book|green book|musical score|video camera|carousel|flag in|sparkler"
)
# Young emoji that everybody asks for by name.
BELOVED = {
    "unicorn", "lion", "fox", "owl", "shark", "butterfly", "crab", "duck", "eagle", "bat", "sloth", "otter", "swan",
    "hedgehog", "lizard", "spider", "scorpion", "flamingo", "peacock", "parrot", "zebra", "giraffe face", "gorilla",
    "avocado", "taco", "burrito", "hot dog", "popcorn", "carrot", "broccoli", "cucumber", "croissant", "pretzel",
    "pancakes", "bacon", "cheese wedge", "kiwi fruit", "lemon", "pear", "mango", "coconut", "blueberries", "potato",
    "cupcake", "pie", "sandwich", "canned food", "egg", "waffle", "bagel", "onion", "garlic", "bell pepper",
    "robot", "smiling face with sunglasses", "thinking face", "nerd face", "star-struck", "partying face", "clown face",
    "orange heart", "brown heart", "black heart", "white heart", "flying saucer", "helicopter", "tractor", "motorcycle",
    "racing car", "desert island", "mountain", "camping", "medal", "ladder", "broom", "teddy bear", "lotus",
    "evergreen tree", "deciduous tree", "sun with face", "ringed planet", "bone", "wilted flower", "kick scooter",
}  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """One emoji, whatever the style."""

    name: str
    group: str
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Drawing:
    """One concept in one style."""

    concept: int
    style: int
    svg: str


def plain(name):
    """A name as a caption writes it: lower case, no quotes, no colons."""
    return re.sub(r"\s+", " ", name.lower().replace("’", "").replace(":", "").replace("“", "").replace("”", "")).strip()


def everyday(name, entry):
    """Whether the short recipe learns this concept."""
    if name in BELOVED:
        return True
    classic = entry["group"] in EVERYDAY and float(entry["emoji_version"]) <= 0.6
    return classic and len(name.split()) <= 3 and not CROWDED.search(name.lower())


def load(packages: Path, everyday_only: bool):
    """Every concept that at least two sets draw, and the drawings."""
    sets = {}
    for package in STYLES:
        folder = packages / "@iconify-json" / package
        icons = json.loads((folder / "icons.json").read_text())
        sets[package] = (icons, {re.sub(r"[^a-z0-9]", "", key): key for key in icons["icons"]})
    names = json.loads((packages / "unicode-emoji-json" / "data-by-emoji.json").read_text())
    keywords = json.loads((packages / "emojilib" / "dist" / "emoji-en-US.json").read_text())
    concepts, drawings = [], []
    for symbol, entry in names.items():
        if entry["group"] == "Flags" or entry["name"].startswith("keycap"):
            continue
        if everyday_only and not everyday(entry["name"], entry):
            continue
        slug = re.sub(r"[^a-z0-9]", "", entry["slug"].replace("_", ""))
        found = [(style, icons, keys[slug]) for style, (icons, keys) in enumerate(sets.values()) if slug in keys]
        if len(found) < 2:
            continue
        words = tuple(plain(word.replace("_", " ")) for word in keywords.get(symbol, [])[1:9])
        concepts.append(Concept(plain(entry["name"]), entry["group"], words))
        drawings += [Drawing(len(concepts) - 1, style, svg(icons, key)) for style, icons, key in found]
    return concepts, drawings


def svg(icons, key):
    """A whole SVG document of one icon."""
    icon = icons["icons"][key]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">{icon["body"]}</svg>'
