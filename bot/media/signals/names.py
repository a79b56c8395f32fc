"""The programs and makers that a signal may name. Whatever else a file names is not taken out of the decoder."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.model import SignalKind

LONGEST_NAME = 200
"""Characters of a field that a name is looked for in."""


class Known(NamedTuple):
    """A name on the list, and what a file says that names it as its program."""

    name: str
    kind: SignalKind


WEBUI = "Stable Diffusion WebUI"
STABLE_DIFFUSION = "Stable Diffusion"
COMFYUI = "ComfyUI"
NOVELAI = "NovelAI"
INVOKEAI = "InvokeAI"
MIDJOURNEY = "Midjourney"
FOOOCUS = "Fooocus"
SWARMUI = "SwarmUI"
EASY_DIFFUSION = "Easy Diffusion"
DRAW_THINGS = "Draw Things"
GOOGLE_AI = "Google AI"
META_AI = "Imagine with Meta AI"
CREDITED = frozenset({GOOGLE_AI, META_AI})
"""What a line of credit may name: these write it themselves, in words that mean nothing else."""

_PROGRAMS: dict[SignalKind, dict[str, tuple[str, ...]]] = {
    SignalKind.AI_MADE: {
        NOVELAI: ("novelai",),
        MIDJOURNEY: ("midjourney",),
        COMFYUI: ("comfyui",),
        INVOKEAI: ("invokeai", "invoke ai"),
        FOOOCUS: ("fooocus",),
        SWARMUI: ("swarmui", "stableswarmui"),
        DRAW_THINGS: ("draw things",),
        EASY_DIFFUSION: ("easy diffusion",),
        STABLE_DIFFUSION: ("stable diffusion", "stablediffusion", "stable-diffusion", "dreamstudio"),
        "FLUX": ("flux", "black forest labs"),
        "DALL·E": ("dall·e", "dall-e", "dalle"),
        "ChatGPT": ("chatgpt", "gpt-4o", "gpt-image"),
        "OpenAI": ("openai",),
        "Sora": ("sora",),
        "Adobe Firefly": ("firefly",),
        "Bing Image Creator": ("bing image creator",),
        "Microsoft Designer": ("microsoft designer",),
        "Gemini": ("gemini",),
        GOOGLE_AI: ("made with google ai",),
        META_AI: ("imagined with ai", "imagine with meta ai", "meta ai"),
        "Grok": ("grok",),
        "Ideogram": ("ideogram",),
        "Leonardo.Ai": ("leonardo.ai", "leonardo ai"),
        "Recraft": ("recraft",),
        "Runway": ("runway", "runwayml"),
        "Craiyon": ("craiyon",),
        "NightCafe": ("nightcafe",),
        "PixAI": ("pixai",),
        "SeaArt": ("seaart",),
        "Tensor.Art": ("tensor.art",),
        "Civitai": ("civitai",),
    },
    SignalKind.AI_EDITED: {
        GOOGLE_AI: ("edited with google ai",),
        "FaceFusion": ("facefusion",),
        "DeepFaceLab": ("deepfacelab",),
    },
    SignalKind.SOFTWARE: {
        "Adobe Photoshop": ("photoshop",),
        "Adobe Lightroom": ("lightroom",),
        "Adobe Illustrator": ("illustrator",),
        "Adobe Express": ("adobe express",),
        "Affinity Photo": ("affinity photo",),
        "B612": ("b612",),
        "Canva": ("canva",),
        "CapCut": ("capcut",),
        "Capture One": ("capture one",),
        "CLIP STUDIO PAINT": ("clip studio paint", "celsys"),
        "darktable": ("darktable",),
        "FaceApp": ("faceapp",),
        "Facetune": ("facetune",),
        "GIMP": ("gimp",),
        "ibisPaint": ("ibispaint",),
        "ImageMagick": ("imagemagick",),
        "Krita": ("krita",),
        "Meitu": ("meitu", "beautycam"),
        "paint.net": ("paint.net",),
        "Picsart": ("picsart",),
        "Pixelmator": ("pixelmator",),
        "Procreate": ("procreate",),
        "Reface": ("reface",),
        "Remini": ("remini",),
        "Snapseed": ("snapseed",),
        "VSCO": ("vsco",),
    },
}

_MAKERS: dict[str, tuple[str, ...]] = {
    "Apple": ("apple",),
    "ASUS": ("asus",),
    "Canon": ("canon",),
    "Casio": ("casio",),
    "DJI": ("dji", "hasselblad dji"),
    "Fujifilm": ("fujifilm", "fuji photo film"),
    "Google": ("google", "pixel"),
    "GoPro": ("gopro",),
    "Hasselblad": ("hasselblad",),
    "HONOR": ("honor",),
    "HUAWEI": ("huawei",),
    "Insta360": ("insta360", "arashi vision"),
    "Kodak": ("kodak", "eastman kodak"),
    "Leica": ("leica",),
    "LG": ("lg", "lge"),
    "Motorola": ("motorola",),
    "Nikon": ("nikon",),
    "Nokia": ("nokia", "hmd global"),
    "Nothing": ("nothing",),
    "Olympus": ("olympus", "om digital solutions"),
    "OnePlus": ("oneplus",),
    "OPPO": ("oppo",),
    "Panasonic": ("panasonic",),
    "Pentax": ("pentax",),
    "realme": ("realme",),
    "Ricoh": ("ricoh",),
    "Samsung": ("samsung",),
    "Sigma": ("sigma",),
    "Sony": ("sony",),
    "vivo": ("vivo",),
    "Xiaomi": ("xiaomi", "redmi"),
    "ZTE": ("zte",),
}

NAMES = ("", *sorted({WEBUI, *_MAKERS, *(name for group in _PROGRAMS.values() for name in group)}))
"""Every name that a signal may carry. Processes of one program number them alike, and number 0 is no name."""

_BY_WORD = {word: Known(name, kind) for kind, group in _PROGRAMS.items() for name in group for word in group[name]}
_BY_MAKER = {word: name for name, words in _MAKERS.items() for word in words}


def _anyof(words: dict[str, Known] | dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_PROGRAM = re.compile(rf"(?<![a-z0-9])(?:{_anyof(_BY_WORD)})(?![a-z])")
_MAKER = re.compile(rf"\s*({_anyof(_BY_MAKER)})(?![a-z0-9])")


def program(text: str) -> Known | None:
    """The program that a field like ``Software`` names; one that makes or edits by a model before any other."""
    found = [_BY_WORD[match[0]] for match in _PROGRAM.finditer(text[:LONGEST_NAME].lower())]
    return next((known for known in found if known.kind is not SignalKind.SOFTWARE), found[0] if found else None)


def maker(text: str) -> str | None:
    """The maker that a camera's name begins with."""
    match = _MAKER.match(text[:LONGEST_NAME].lower())
    return _BY_MAKER[match[1]] if match else None
