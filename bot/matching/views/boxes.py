"""Arithmetic of boxes, given as left, top, right and bottom with right and bottom exclusive."""

from __future__ import annotations

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the plane; right and bottom exclusive."""


def overlap(one: Box, other: Box) -> float:
    """The shared area over the area of both together, 0 to 1."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / (area(one) + area(other) - across * down)


def area(box: Box) -> int:
    """In pixels of the plane."""
    return (box[2] - box[0]) * (box[3] - box[1])


def short_side(box: Box) -> int:
    """In pixels of the plane."""
    return min(box[2] - box[0], box[3] - box[1])


def aspect(box: Box) -> float:
    """The longer side over the shorter one."""
    across, down = box[2] - box[0], box[3] - box[1]
    return max(across / down, down / across)


def shifted(box: Box, by: Box) -> Box:
    """A box found in a part of the plane, in the coordinates of the plane; ``by`` is the part."""
    return box[0] + by[0], box[1] + by[1], box[2] + by[0], box[3] + by[1]
