"""The local features of a view as bytes: what an entry and a case keep of them, sealed at rest.

Little-endian: the number of features n (2 bytes), width and height of their frame in pixels (2 bytes each), then the
columns one after another: n words (2 bytes), n signatures (16), n points (4) and n marks of mirroring (1).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .packing import LocalView, check_view

_HEAD = struct.Struct("<HHH")
_WORD, _SIGNATURE, _POINT, _MARK = (np.dtype(name) for name in ("<u2", "<u8", "<u4", "u1"))
_FEATURE_BYTES = _WORD.itemsize + 2 * _SIGNATURE.itemsize + _POINT.itemsize + _MARK.itemsize


def to_bytes(view: LocalView) -> bytes:
    """The bytes of a view. Raises ValueError for one that the layout cannot hold."""
    check_view(view)
    try:
        head = _HEAD.pack(len(view.words), view.width, view.height)
    except struct.error:
        raise ValueError("a view has at most 65,535 features in a frame of at most 65,535 pixels a side") from None
    return b"".join(
        (
            head,
            view.words.astype(_WORD, copy=False).tobytes(),
            view.signatures.astype(_SIGNATURE, copy=False).tobytes(),
            view.points.astype(_POINT, copy=False).tobytes(),
            view.mirrored.tobytes(),
        )
    )


def from_bytes(data: bytes) -> LocalView:
    """The view that :func:`to_bytes` wrote. Raises ValueError for any other bytes."""
    if len(data) < _HEAD.size:
        raise ValueError("the features are cut off")
    count, width, height = _HEAD.unpack_from(data)
    if len(data) != _HEAD.size + count * _FEATURE_BYTES or not (width and height):
        raise ValueError("the features have another length than their head says")
    at = _HEAD.size

    def column(kind: np.dtype[Any], across: int = 1) -> NDArray[Any]:
        nonlocal at
        found = np.frombuffer(data, kind, count * across, at)
        at += found.nbytes
        return found.astype(kind.newbyteorder("="), copy=False)

    view = LocalView(
        column(_WORD), column(_SIGNATURE, 2).reshape(count, 2), column(_POINT), column(_MARK), width, height
    )
    if count and int(view.mirrored.max()) > 1:
        raise ValueError("a mark of mirroring is neither 0 nor 1")
    return view
