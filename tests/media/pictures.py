"""Pictures made by code: each seed another one, with structure at every scale like a photograph's."""

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

SIZE = (320, 240)


@cache
def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """An RGB picture of clouds, edges and grain."""
    width, height = size
    random = np.random.default_rng(seed)
    channels = []
    for _ in range(3):
        plane = np.zeros((height, width))
        for cells, strength in ((3, 90), (6, 60), (12, 35), (24, 20)):
            grid = Image.fromarray(random.normal(0, strength, (cells, cells)).astype(np.float32))
            plane += np.asarray(grid.resize(size, Image.Resampling.BICUBIC))
        channels.append(plane)
    pixels = np.stack(channels, axis=2)
    pixels = 0.75 * pixels.mean(axis=2, keepdims=True) + 0.25 * pixels + 128
    left, top = random.integers(0, width // 2), random.integers(0, height // 2)
    pixels[top : top + height // 3, left : left + width // 4] += random.choice((-70, 70))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def animation(images: list[Image.Image], kind: str, **options: object) -> bytes:
    return encoded(images[0], kind, save_all=True, append_images=images[1:], duration=100, loop=0, **options)
