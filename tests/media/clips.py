"""Videos made by code: a camera that moves over pictures, each shown for some seconds, then the next."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .pictures import picture

av = pytest.importorskip("av", reason='PyAV is not installed: pip install "stanguard[video]"')

SCENE_SECONDS = 2.0
SCENES = 3
SIZE = (320, 180)
_ART = (448, 252)


def scene(seed: int, seconds: float) -> Image.Image:
    """What the camera sees at a time."""
    number = int(seconds / SCENE_SECONDS) % SCENES
    art = picture(1000 + SCENES * seed + number, _ART)
    phase = seconds % SCENE_SECONDS / SCENE_SECONDS
    left, top = round(phase * (_ART[0] - SIZE[0])), round(phase * (_ART[1] - SIZE[1]))
    return art.crop((left, top, left + SIZE[0], top + SIZE[1]))


@cache
def clip(
    seed: int, *, seconds: float = 6.0, start: float = 0.0, size: tuple[int, int] = SIZE, rate: int = 12, **how: Any
) -> bytes:
    """A video of what the camera sees from ``start`` on."""
    frames = [scene(seed, start + number / rate).resize(size) for number in range(round(seconds * rate))]
    return video(frames, rate=rate, **how)


def video(
    frames: Sequence[Image.Image],
    *,
    rate: Fraction | int = 12,
    kind: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    tracks: int = 1,
    full_range: bool = False,
    aspect: Fraction | None = None,
    **options: str,
) -> bytes:
    """A file of these frames; ``times`` are their times in frames of ``rate``, one after another if there are none."""
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    target = BytesIO()
    flags = {"movflags": options.pop("movflags")} if "movflags" in options else {}
    with av.open(target, "w", format=kind, container_options=flags) as container:
        streams = [container.add_stream(codec, rate=rate, options=options) for _ in range(tracks)]
        for stream in streams:
            stream.width, stream.height = frames[0].size
            stream.pix_fmt = pixels
            stream.thread_count = 1
            if full_range:
                stream.codec_context.color_range = 2
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
        for number, image in enumerate(frames):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24")
                frame = frame.reformat(format=pixels, dst_color_range=2 if full_range else 1)
                frame.pts = number if times is None else times[number]
                frame.time_base = 1 / Fraction(rate)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return target.getvalue()


def sound() -> bytes:
    """An MP4 without pictures."""
    target = BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        for number in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def turned(data: bytes, quarters: int) -> bytes:
    """An MP4 whose header says that the camera was held turned clockwise by so many quarters."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    one = 1 << 16

    def matrix(*cells: int) -> bytes:
        return b"".join(cell.to_bytes(4, "big", signed=True) for cell in cells)

    upright = matrix(one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    header = data.index(b"tkhd")
    at = data.index(upright, header)
    rotated = matrix(cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    return data[:at] + rotated + data[at + len(rotated) :]


def all_key_frames(data: bytes, count: int) -> bytes:
    """An MP4 of one track whose header calls all of its so many frames key frames."""
    at = data.index(b"stss") - 4
    size = int.from_bytes(data[at : at + 4])
    numbers = b"".join(number.to_bytes(4) for number in (0, count, *range(1, count + 1)))
    table = (8 + len(numbers)).to_bytes(4) + b"stss" + numbers
    changed = bytearray(data[:at] + table + data[at + size :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        field = slice(data.index(parent) - 4, data.index(parent))
        changed[field] = (int.from_bytes(data[field]) + len(table) - size).to_bytes(4)
    return bytes(changed)
