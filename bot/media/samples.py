"""A small file of every supported format, to see whether this machine's decoders work."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import numpy as np
from PIL import Image

from .formats import videos_readable

_SIDE = 96
_SAVED_AS = {
    "JPEG": ("JPEG", False),
    "PNG": ("PNG", False),
    "APNG": ("PNG", True),
    "GIF": ("GIF", True),
    "WebP": ("WEBP", True),
    "AVIF": ("AVIF", False),
}


def pictures() -> dict[str, bytes]:
    """The format's name to a file of it; animated where the format's animation matters. Videos only if they are read.

    A format that this machine cannot even write gets a file of no format, so that decoding it fails.
    """
    files = {name: _file(*how) for name, how in _SAVED_AS.items()}
    return files | ({"MP4": _video()} if videos_readable() else {})


def _file(kind: str, animated: bool) -> bytes:
    frames = [_frame(turns) for turns in ((0, 1) if animated else (0,))]
    target = BytesIO()
    try:
        frames[0].save(target, kind, **({"save_all": True, "append_images": frames[1:]} if animated else {}))
    except (KeyError, OSError):
        return b"not supported here"
    return target.getvalue()


def _video() -> bytes:
    import av
    from av.error import FFmpegError

    target = BytesIO()
    try:
        with av.open(target, "w", format="mp4") as container:
            stream = cast("Any", container).add_stream("mpeg4", rate=10)
            stream.width = stream.height = _SIDE
            stream.pix_fmt = "yuv420p"
            for turns in (0, 1):
                frame = av.VideoFrame.from_ndarray(np.asarray(_frame(turns)), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (FFmpegError, ValueError):
        return b"not supported here"
    return target.getvalue()


def _frame(turns: int) -> Image.Image:
    """Bars and rings: enough structure to have a fingerprint."""
    down, across = np.mgrid[0:_SIDE, 0:_SIDE]
    light = np.sin(across / 3.0) + np.cos(np.hypot(across - _SIDE / 3, down - _SIDE / 2) / 4.0)
    pixels = np.clip(127.5 + 63 * light, 0, 255).astype(np.uint8)
    return Image.fromarray(np.rot90(pixels, turns).copy()).convert("RGB")
