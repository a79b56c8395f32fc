"""Videos: what is wanted of untrusted bytes, where PyAV is installed (the extra ``video``).

A posted video is looked at sparsely, one that becomes an entry densely; see :mod:`bot.media.sampling` for why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import imagehash
import numpy as np
from PIL import Image

from bot.matching import planes
from bot.matching.borders import content_box
from bot.matching.extract import Extraction
from bot.matching.fingerprint import HASH_SIZE, SIDE
from bot.matching.query import Query, Wanted
from bot.model import Unscannable

from .clip import Clip, Look
from .errors import MediaError
from .formats import videos_readable
from .sampling import COARSER, SAME_SCENE, distinct, spread
from .wire import Limits, Reply

MOST_VIEWS = 128
"""Views of an entry made from a video."""

MOST_FEATURED = 24
"""Frames of an entry whose local features are kept: about 9 KB each, twenty times as much as all the rest of a view."""

_DENSE_PIXELS = 1 << 30
"""Pixels decoded for an entry, about 1,100 frames of 1280 x 720; of a longer video only a part is decoded."""

_HELD = 2 * MOST_VIEWS
"""Planes held at once, of a quarter of a megabyte each."""


class _Kept(NamedTuple):
    look: Look
    hash: int
    views: int


def read(data: bytes, kind: str, limits: Limits, deadline: float) -> Reply:
    """What is wanted of a video of a kind that :func:`bot.media.formats.sniff` names, or why there is none, or both.

    ``deadline``: the moment, of the monotonic clock, after which no further frame is begun.
    """
    if not videos_readable():
        return Reply(None, Unscannable.VIDEO)
    clip = Clip(deadline)
    try:
        clip.open(data, kind, limits)
        make = _reference if limits.wanted & Wanted.REFERENCE else _query
        found = make(clip, data, limits)
    except MediaError as error:
        return Reply(None, error.reason)
    except MemoryError:
        return Reply(None, Unscannable.OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - over a hostile file, decoders raise anything at all
        return Reply(None, Unscannable.BROKEN)
    return Reply(None if clip.failure is not None and found.plain else found, clip.failure)


def _query(clip: Clip, data: bytes, limits: Limits) -> Query:
    extraction = Extraction(limits.wanted)
    for look in clip.trusted(lambda timeline: timeline.sparse(limits.max_frames), hurried=True):
        extraction.add(*look)
    return _finished(extraction, clip, data)


def _reference(clip: Clip, data: bytes, limits: Limits) -> Query:
    """Frames so dense that every frame of a copy is near one, as far as time and the number of views allow.

    Key frames come first: they cover the whole of a video that is too long to be decoded densely.
    """
    apart = SAME_SCENE
    kept = [_kept(look) for look in clip.trusted(lambda timeline: timeline.key_frames(MOST_VIEWS // 2))]
    timeline = clip.timeline
    known = {one.look.number for one in kept}
    failure = clip.failure
    cost = len(timeline) * clip.width * clip.height
    hurried = cost > _DENSE_PIXELS
    share = min(1.0, (1 + hurried) * _DENSE_PIXELS / cost)
    for look in clip.looks(timeline.runs(timeline.dense(), share), hurried=hurried):
        if look.number not in known:
            kept.append(_kept(look))
        if len(kept) > _HELD:
            kept, apart = _thinned(kept, apart, MOST_VIEWS)
    if kept:
        clip.failure = failure  # the key frames were all seen, so nothing is missing but density
    kept, _ = _thinned(kept, apart, MOST_VIEWS)
    return _extracted(clip, data, kept, limits.wanted)


def _thinned(kept: list[_Kept], apart: int, most: int) -> tuple[list[_Kept], int]:
    """In order, without frames too like the one before; how like that is grows until at most ``most`` views are left.

    Returns the frames and the bits at which they fit. So the views are spread over what there is to see, not over time.
    """
    kept = sorted(kept, key=lambda one: one.look.number)
    while True:
        kept = [kept[at] for at in distinct([one.hash for one in kept], apart)]
        if sum(one.views for one in kept) <= most:
            return kept, apart
        apart += COARSER


def _extracted(clip: Clip, data: bytes, kept: Sequence[_Kept], wanted: Wanted) -> Query:
    """Hashes and grids of all frames, local features of some that are spread over them."""
    featured = set(spread(len(kept), MOST_FEATURED))
    full, bare = Extraction(wanted), Extraction(Wanted.NOTHING)
    for at, one in enumerate(kept):
        (full if at in featured else bare).add(*one.look)
    query, rest = _finished(full, clip, data), _finished(bare, clip, data).fingerprint
    fingerprint = query.fingerprint
    return replace(
        query,
        fingerprint=replace(
            fingerprint,
            views=(*fingerprint.views, *rest.views)[:MOST_VIEWS],
            quality=max(fingerprint.quality, rest.quality),
        ),
    )


def _finished(extraction: Extraction, clip: Clip, data: bytes) -> Query:
    return extraction.query(
        sha256=hashlib.sha256(data).digest(),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        size=clip.size,
        total_frames=len(clip.timeline),
    )


def _kept(look: Look) -> _Kept:
    reduced = planes.small(look.plane)
    untyped = cast("Any", imagehash.phash(reduced.resize((SIDE, SIDE), Image.Resampling.LANCZOS), hash_size=HASH_SIZE))
    bits = int.from_bytes(np.packbits(untyped.hash).tobytes())
    return _Kept(look, bits, 1 if content_box(np.asarray(reduced)) is None else 2)
