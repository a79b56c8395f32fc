"""Similarities, affine and projective maps of the plane: applied, fitted by weighted least squares, and judged.

A transform is float64 (3, 3) and acts on (x, y, 1) in homogeneous coordinates. Everything here is compiled code for
other kernels to call, and safe for all numbers, finite or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel

SIMILARITY, AFFINE, PROJECTIVE = range(3)

LARGEST_ANISOTROPY = 2.2
"""Ratio of the scales along two axes up to which a transform is believed."""

LEAST_AREA = 1e-3
"""Area to which a believable transform reduces a unit square at the most."""

LEAST_DEPTH = 1e-6
"""Homogeneous denominator below which a point counts as seen from the edge or from behind."""

_ERROR = 2.0
"""Standard error of a feature's place, in pixels."""

_DEPARTURE = 0.1
"""What an affine map is expected to depart from a similarity, and a projective one from an affine one, as a share."""


@kernel
def image_of(transform: NDArray[np.float64], x: float, y: float) -> tuple[bool, float, float]:
    """Whether a point is in front of the viewer, and if so its image."""
    depth = transform[2, 0] * x + transform[2, 1] * y + transform[2, 2]
    if not depth > LEAST_DEPTH:
        return False, 0.0, 0.0
    u = (transform[0, 0] * x + transform[0, 1] * y + transform[0, 2]) / depth
    v = (transform[1, 0] * x + transform[1, 1] * y + transform[1, 2]) / depth
    return True, u, v


@kernel
def jacobian(transform: NDArray[np.float64], x: float, y: float) -> tuple[float, float, float, float]:
    """The derivatives du/dx, du/dy, dv/dx and dv/dy of a point's image (u, v); zeros where it has none."""
    depth = transform[2, 0] * x + transform[2, 1] * y + transform[2, 2]
    in_front, u, v = image_of(transform, x, y)
    if not in_front:
        return 0.0, 0.0, 0.0, 0.0
    return (
        (transform[0, 0] - u * transform[2, 0]) / depth,
        (transform[0, 1] - u * transform[2, 1]) / depth,
        (transform[1, 0] - v * transform[2, 0]) / depth,
        (transform[1, 1] - v * transform[2, 1]) / depth,
    )


@kernel
def is_plausible(transform: NDArray[np.float64], points: NDArray[np.float64], chosen: NDArray[np.bool_]) -> bool:
    """Whether a transform neither mirrors nor crushes nor stretches much about any chosen point.

    ``points`` is (2, m): x and y; ``chosen`` is (m,).
    """
    for i in range(len(chosen)):
        if chosen[i]:
            a, b, c, d = jacobian(transform, points[0, i], points[1, i])
            # The singular values of a 2 x 2 matrix are the sum and the difference of these two.
            mean, half = np.hypot(a + d, c - b) / 2, np.hypot(a - d, c + b) / 2
            if not (a * d - b * c >= LEAST_AREA and mean + half <= LARGEST_ANISOTROPY * (mean - half)):
                return False
    return True


@kernel
def least_squares(points: NDArray[np.float64], weights: NDArray[np.float64], model: int) -> NDArray[np.float64]:
    """The SIMILARITY, AFFINE or PROJECTIVE map that takes points nearest to their targets; zeros if they leave it open.

    ``points`` is (4, m): x, y and the targets' u, v, all finite; ``weights``, (m,), is at least 0. The affine part is
    drawn toward the similarity and the projective part toward nothing, as far as points in a cluster or on a line leave
    them open: a ridge regression, with the pull that errors and departures of the usual size (above) warrant.
    """
    mass = weights.sum()
    if not mass > 0:
        return np.zeros((3, 3), np.float64)
    centre = np.empty((4, 1), np.float64)
    for k in range(4):
        centre[k, 0] = (weights * points[k]).sum() / mass
    x, y, u, v = points - centre
    spread = (weights * (x * x + y * y)).sum()
    along = (weights * (u * x + v * y)).sum()
    across = (weights * (v * x - u * y)).sum()
    # Less than a pixel apart on average, or targets without any common rotation.
    if spread <= mass or along * along + across * across <= 1e-6 * spread * spread:
        return np.zeros((3, 3), np.float64)
    unit = np.sqrt(spread / mass)
    # Unknowns of (p0 x + p1 y + p2, p3 x + p4 y + p5) / (p6 x + p7 y + 1), for x and y in this unit.
    unknowns = np.zeros(8, np.float64)
    unknowns[0] = unknowns[4] = along / spread * unit
    unknowns[3], unknowns[1] = across / spread * unit, -across / spread * unit
    if model != SIMILARITY:
        system = _normal_equations(x / unit, y / unit, u, v, weights, unknowns, model)
        _eliminate(system)
        unknowns[: len(system)] += system[:, len(system)]
    solution = np.ones((3, 3), np.float64)
    solution.ravel()[:8] = unknowns
    solution[:, :2] /= unit
    solution[:, 2] -= solution[:, 0] * centre[0, 0] + solution[:, 1] * centre[1, 0]
    solution[0] += centre[2, 0] * solution[2]
    solution[1] += centre[3, 0] * solution[2]
    return solution


@kernel
def _normal_equations(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
    model: int,
) -> NDArray[np.float64]:
    """The augmented system, (k, k + 1), for what an affine (k = 6) or projective map (k = 8) adds to the start."""
    count = 6 if model == AFFINE else 8
    system = np.zeros((count, count + 1), np.float64)
    pull = (_ERROR / _DEPARTURE) ** 2
    for k in range(count):
        system[k, k] = pull if k >= 6 else pull / (start[0] ** 2 + start[3] ** 2)
    row = np.zeros(9, np.float64)
    for i in range(len(weights)):
        if weights[i] <= 0:
            continue
        for axis in range(2):
            target, place = (u[i], 0) if axis == 0 else (v[i], 3)
            row[:] = 0
            row[place], row[place + 1], row[place + 2] = x[i], y[i], 1.0
            row[6], row[7] = -target * x[i], -target * y[i]
            row[count] = target - start[place] * x[i] - start[place + 1] * y[i]
            for k in range(count):
                for j in range(count + 1):
                    system[k, j] += weights[i] * row[k] * row[j]
    return system


@kernel
def _eliminate(system: NDArray[np.float64]) -> None:
    """Solve a positive definite system in place (Gauss and Jordan); the solution replaces the last column."""
    for k in range(len(system)):
        system[k] /= system[k, k]
        for i in range(len(system)):
            if i != k:
                system[i] -= system[i, k] * system[k]
