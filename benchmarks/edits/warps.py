"""Edits that bend the picture: a photo of a screen, a slight change of perspective, a wave."""

from __future__ import annotations

import random

import cv2
import numpy as np
from PIL import Image, ImageFilter

from .base import from_pixels, generator, pixels


def _corners(width: float, height: float) -> np.ndarray:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _moved(width: int, height: int, shift: float, rng: random.Random) -> np.ndarray:
    """The corners, each moved inward by up to a share of the sides, but one at least by most of it."""
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    moves = np.array([[rng.uniform(0, shift), rng.uniform(0, shift)] for _ in range(4)], np.float32)
    moves[rng.randrange(4)] = shift
    return _corners(width, height) + inward * moves * np.array([width, height], np.float32)


def photographed(image: Image.Image, rng: random.Random) -> Image.Image:
    """A photo of a screen that shows the picture: strong homography, moiré, glare, a little blur and grain."""
    width, height = image.size
    dark = rng.randint(10, 70)
    matrix = cv2.getPerspectiveTransform(_corners(width, height), _moved(width, height, 0.16, rng))
    scene = cv2.warpPerspective(
        pixels(image), matrix, (width, height), flags=cv2.INTER_AREA, borderValue=(dark, dark, dark + 8)
    )
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, step = rng.uniform(0, np.pi), rng.uniform(3.2, 5.5)
    stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / step)
    beat = np.sin((x * np.cos(angle + 0.08) + y * np.sin(angle + 0.08)) * 2 * np.pi / (step * 1.03))
    scene *= (1 + 0.10 * stripes * beat + 0.04 * stripes)[..., None]
    centre = rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.85) * height
    reach = rng.uniform(0.18, 0.32) * max(width, height)
    glare = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / reach**2)
    scene += 140 * glare[..., None]
    scene += generator(rng).normal(0, 4, scene.shape)
    return from_pixels(scene).filter(ImageFilter.GaussianBlur(0.7))


def slanted(image: Image.Image, rng: random.Random) -> Image.Image:
    """Seen a little from the side: a quadrangle whose corners lie up to 5 % inside becomes the whole picture."""
    width, height = image.size
    matrix = cv2.getPerspectiveTransform(_moved(width, height, 0.05, rng), _corners(width, height))
    return from_pixels(cv2.warpPerspective(pixels(image), matrix, (width, height), flags=cv2.INTER_CUBIC))


def wave(image: Image.Image, rng: random.Random) -> Image.Image:
    """A sine warp on both axes, up to 1 % of the long side, two to four waves across."""
    width, height = image.size
    long = max(width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    reach = 0.01 * long
    pace = 2 * np.pi * rng.uniform(2, 4) / long
    phase_x, phase_y = rng.uniform(0, 6.28), rng.uniform(0, 6.28)
    across = x + np.float32(reach) * np.sin(pace * y + phase_x).astype(np.float32)
    down = y + np.float32(reach) * np.sin(pace * x + phase_y).astype(np.float32)
    bent = cv2.remap(pixels(image), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return from_pixels(bent)
