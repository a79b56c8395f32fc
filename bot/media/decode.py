"""Untrusted bytes to what can be compared of a picture. Runs in a decoder process only, never in the bot itself.

A picture is decoded strictly first. One that turns out to be damaged is decoded once more as clients do, who show
what there is: a file with its last bytes cut off is still seen by everybody, so it must still match. Whatever even
that cannot read, or there is no time for, makes the outcome partial: it can prove a match and clear nothing.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO

from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ExifTags import Base as ExifTag

from bot.matching import planes
from bot.matching.extract import Extraction
from bot.model import Unscannable

from . import video
from .errors import MediaError
from .formats import VIDEOS, sniff
from .sampling import spread
from .signals import manifests
from .signals.read import read as read_signals
from .wire import Limits, Reply

_PLUGINS = {
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "GIF": GifImagePlugin,
    "WEBP": WebPImagePlugin,
    "AVIF": AvifImagePlugin,
}
"""Imported here, so that opening a file never loads a plugin; Pillow may have been built without some of them."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1

GRACE = 0.7
"""Share of the time allowed after which no further frame is begun, so that the outcome still gets out."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = int(ExifTag.Orientation)
_SIDEWAYS = frozenset({5, 6, 7, 8})


def read(data: bytes, limits: Limits) -> Reply:
    """What is wanted of a file, or why there is none, or both where only a part of it could be read.

    What the file says about itself comes along.
    """
    deadline = time.monotonic() + GRACE * limits.seconds
    try:
        kind = sniff(data)
    except MediaError as error:
        return Reply(None, error.reason)
    reply = _read(data, kind, limits, deadline)
    if reply.query is None:
        return reply
    said = read_signals(data, kind)
    return Reply(replace(reply.query, signals=said.signals), reply.reason, said.manifest and manifests.readable())


def _read(data: bytes, kind: str, limits: Limits, deadline: float) -> Reply:
    if kind in VIDEOS:
        return video.read(data, kind, limits, deadline)
    if not getattr(_PLUGINS[kind], "SUPPORTED", True):
        return Reply(None, Unscannable.NOT_A_PICTURE)
    with _pillow(max_pixels=limits.max_pixels, lenient=False):
        reply = _attempt(data, kind, limits, deadline)
    if reply.reason is not Unscannable.BROKEN:
        return reply
    with _pillow(max_pixels=limits.max_pixels, lenient=True):
        reply = _attempt(data, kind, limits, deadline)
    if reply.query is None or reply.query.plain:
        return Reply(None, reply.reason or Unscannable.BROKEN)
    return reply


def _attempt(data: bytes, kind: str, limits: Limits, deadline: float) -> Reply:
    frames = _Frames(data, kind, limits.max_frames, deadline)
    extraction = Extraction(limits.wanted)
    for number, plane in frames:
        extraction.add(number, plane, max(frames.width, frames.height) / max(plane.size))
    found = extraction.query(
        sha256=hashlib.sha256(data).digest(),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        size=(frames.width, frames.height),
        total_frames=frames.total,
    )
    return Reply(None if frames.failure is not None and found.plain else found, frames.failure)


class _Frames:
    """The frames of a file, in order, as small luminance planes. What stopped the reading is left in ``failure``."""

    def __init__(self, data: bytes, kind: str, max_frames: int, deadline: float) -> None:
        self.failure: Unscannable | None = None
        self.total = 1
        self.width = self.height = 0
        self._data = data
        self._kind = kind
        self._max_frames = max_frames
        self._deadline = deadline

    def __iter__(self) -> Iterator[tuple[int, Image.Image]]:
        try:
            yield from self._read()
        except MediaError as error:
            self.failure = error.reason
        except MemoryError:
            self.failure = Unscannable.OUT_OF_MEMORY
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            self.failure = Unscannable.TOO_MANY_PIXELS
        except Exception:  # noqa: BLE001 - over a hostile file, decoders raise anything at all
            self.failure = Unscannable.BROKEN

    def _read(self) -> Iterator[tuple[int, Image.Image]]:
        image = self._open()
        self.width, self.height = image.size
        self.total = self._count(image)
        wanted = set(spread(self.total, self._max_frames))
        image.draft("L", _enough(image.size))
        turn = None
        for number in range(max(wanted) + 1):
            self._check_time()
            image.seek(number)
            image.load()
            if number == 0:
                turn = self._turn(image)
            if number in wanted:
                for plane in planes.planes(image):
                    yield number, plane if turn is None else plane.transpose(turn)

    def _open(self) -> ImageFile.ImageFile:
        return Image.open(BytesIO(self._data), formats=(self._kind,))

    def _count(self, image: ImageFile.ImageFile) -> int:
        """How many frames there are. The further pictures of a JPEG (depth maps, previews) are shown by no client."""
        if self._kind == "JPEG":
            return 1
        try:
            return max(1, int(getattr(image, "n_frames", 1)))
        except (EOFError, IndexError, OSError, SyntaxError):
            if not ImageFile.LOAD_TRUNCATED_IMAGES:
                raise
        return self._count_readable()

    def _count_readable(self) -> int:
        """How many frames come before the point where a GIF breaks off within the header of one."""
        image = self._open()
        number = 1
        with suppress(EOFError, IndexError, OSError, SyntaxError):
            while True:
                self._check_time()
                image.seek(number)
                number += 1
        return number

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise MediaError(Unscannable.DECODE_TIMEOUT)

    def _turn(self, image: ImageFile.ImageFile) -> Image.Transpose | None:
        """How the camera was held. A picture whose EXIF block is nonsense is shown as it lies."""
        try:
            orientation = int(image.getexif().get(_ORIENTATION, 1))
        except Exception:  # noqa: BLE001 - EXIF parsing fails in as many ways as there are files
            return None
        if orientation in _SIDEWAYS:
            self.width, self.height = self.height, self.width
        return _TURNS.get(orientation)


def _enough(size: tuple[int, int]) -> tuple[int, int]:
    """The size below which a format that can must not reduce a picture while it decodes it."""
    longest = max(size)
    width, height = (max(1, min(side, planes.SIDE * side // longest)) for side in size)
    return width, height


@contextmanager
def _pillow(*, max_pixels: int, lenient: bool) -> Generator[None]:
    """Pillow's global switches for one attempt. Above ``max_pixels`` it raises before it allocates a picture."""
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = max_pixels, lenient
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before
