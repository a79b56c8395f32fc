"""Altered copies of photographs with the map from the photograph to the copy, for the training programs beside it."""  # noqa: INP001

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Map = NDArray[np.float64]

_LONGEST = 1280
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Copy(NamedTuple):
    """A luminance plane and the projective map (3, 3) from pixels of the photograph to pixels of the plane."""

    plane: Plane
    map: Map


def read_photographs(folder: Path) -> list[Plane]:
    """Luminance planes of all pictures of a folder, in the order of their names, at most 1280 pixels long."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    planes = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    return [scaled(plane, min(1.0, _LONGEST / max(plane.shape))).plane for plane in planes if plane is not None]


def scaled(plane: Plane, factor: float) -> Copy:
    """A plane at another size."""
    height, width = plane.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return Copy(cv2.resize(plane, size, interpolation=method), stretch(size[0] / width, size[1] / height))


def stretch(across: float, down: float, x: float = 0, y: float = 0) -> Map:
    """Scale the axes about the corner of the picture, then shift; pixel centres have whole coordinates."""
    return np.array([[across, 0, 0.5 * across - 0.5 + x], [0, down, 0.5 * down - 0.5 + y], [0, 0, 1]], np.float64)


def altered(photographs: Sequence[Plane], number: int, rng: np.random.Generator) -> Copy:
    """One photograph after an edit drawn at random."""
    edit = _EDITS[int(rng.integers(len(_EDITS)))]
    copy = edit(photographs, photographs[number], rng)
    return Copy(_jpeg(copy.plane, int(rng.integers(60, 92))), copy.map)


def _jpeg(plane: Plane, quality: int) -> Plane:
    _, data = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _collage(photographs: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    rows = int(rng.integers(2, 4))
    height = int(rng.integers(300, 520))
    width = int(height * rng.uniform(0.8, 1.4))
    sheet = np.zeros((rows * height, rows * width), np.uint8)
    place = int(rng.integers(rows * rows))
    found = np.eye(3)
    for cell in range(rows * rows):
        picture = photograph if cell == place else photographs[int(rng.integers(len(photographs)))]
        part = scaled(picture, max(height / picture.shape[0], width / picture.shape[1]) * 1.001)
        top, left = (part.plane.shape[0] - height) // 2, (part.plane.shape[1] - width) // 2
        y, x = cell // rows * height, cell % rows * width
        sheet[y : y + height, x : x + width] = part.plane[top : top + height, left : left + width]
        if cell == place:
            found = stretch(1, 1, x - left, y - top) @ part.map
    return Copy(sheet, found)


def _inset(photographs: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    host = photographs[int(rng.integers(len(photographs)))].copy()
    share = rng.uniform(0.2, 0.45)
    part = scaled(photograph, share * min(host.shape[0] / photograph.shape[0], host.shape[1] / photograph.shape[1]))
    height, width = part.plane.shape
    y, x = int(rng.integers(host.shape[0] - height + 1)), int(rng.integers(host.shape[1] - width + 1))
    host[y : y + height, x : x + width] = part.plane
    return Copy(host, stretch(1, 1, x, y) @ part.map)


def _crop(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    height, width = photograph.shape
    keep, aspect = rng.uniform(0.25, 0.8), rng.uniform(0.8, 1.25)
    across, down = min(width, int(width * (keep * aspect) ** 0.5)), min(height, int(height * (keep / aspect) ** 0.5))
    x, y = int(rng.integers(width - across + 1)), int(rng.integers(height - down + 1))
    return Copy(photograph[y : y + down, x : x + across], stretch(1, 1, -x, -y))


def _turn(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    height, width = photograph.shape
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), rng.uniform(-45, 45), 1)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    across, down = int(width * cos + height * sin), int(height * cos + width * sin)
    turn[:2, 2] += (across - width) / 2, (down - height) / 2
    return Copy(np.asarray(cv2.warpAffine(photograph, turn[:2], (across, down)), np.uint8), turn)


def _tilt(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    height, width = photograph.shape
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = frame + rng.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * np.array([width, height], np.float32)
    tilt = cv2.getPerspectiveTransform(frame, seen)
    return Copy(np.asarray(cv2.warpPerspective(photograph, tilt, (width, height)), np.uint8), tilt)


def _shrink(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    return scaled(photograph, rng.uniform(240, 600) / max(photograph.shape))


def _compress(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    small = scaled(photograph, rng.uniform(500, 700) / max(photograph.shape))
    return Copy(_jpeg(small.plane, int(rng.integers(12, 35))), small.map)


def _blur(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    sigma = max(photograph.shape) * rng.uniform(0.002, 0.007)
    return Copy(np.asarray(cv2.GaussianBlur(photograph, (0, 0), sigma), np.uint8), np.eye(3))


def _tones(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    levels = np.arange(256) / 255
    if rng.random() < 0.5:
        curve = levels ** np.exp(rng.uniform(-0.8, 0.8))
    else:
        middle = photograph.mean() / 255
        curve = (levels - middle) * np.exp(rng.uniform(-0.9, 0.6)) + middle
    return Copy((255 * np.clip(curve, 0, 1)).astype(np.uint8)[photograph], np.eye(3))


def _noise(_: Sequence[Plane], photograph: Plane, rng: np.random.Generator) -> Copy:
    noise = rng.normal(0, rng.uniform(5, 20), photograph.shape)
    return Copy(np.clip(photograph + noise, 0, 255).astype(np.uint8), np.eye(3))


_EDITS: Sequence[Callable[[Sequence[Plane], Plane, np.random.Generator], Copy]] = (
    _collage, _inset, _crop, _turn, _tilt, _shrink, _compress, _blur, _tones, _noise,
)  # fmt: skip
