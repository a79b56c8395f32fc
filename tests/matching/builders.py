"""Banks, entries and fingerprints from plain numbers, and a strategy for all three that makes near ones likely."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from bot.model import (
    GRID_BYTES,
    ORIENTATIONS,
    PHASH_BYTES,
    Bank,
    BankKind,
    BankLevel,
    Category,
    Entry,
    Fingerprint,
    Form,
    View,
)

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
BASES = tuple(random.Random(number).randbytes(PHASH_BYTES) for number in range(4))
"""Four hashes about 128 bits apart."""


def flipped(hash_: bytes, bits: int, seed: int = 0) -> bytes:
    """The hash with exactly this many bits flipped, other ones for another seed."""
    number = int.from_bytes(hash_)
    for place in random.Random(seed).sample(range(8 * PHASH_BYTES), bits):
        number ^= 1 << place
    return number.to_bytes(PHASH_BYTES)


def toward(hash_: bytes, other: bytes, bits: int) -> bytes:
    """The hash with this many of the bits in which it differs from the other one taken from there."""
    number, apart = int.from_bytes(hash_), int.from_bytes(hash_) ^ int.from_bytes(other)
    for _ in range(bits):
        lowest = apart & -apart
        number, apart = number ^ lowest, apart ^ lowest
    return number.to_bytes(PHASH_BYTES)


def oriented(upright: bytes, **others: bytes) -> bytes:
    """A full view whose other seven hashes are far from everything, unless given as ``at3=hash``."""
    hashes = [upright, *(random.Random(upright + bytes([place])).randbytes(PHASH_BYTES) for place in range(1, 8))]
    for name, hash_ in others.items():
        hashes[int(name.removeprefix("at"))] = hash_
    return b"".join(hashes)


def gridded(seed: int = 0, changed: float = 0.0) -> bytes:
    """A grid at random, all of it reliable, with about this share of its signs changed."""
    signs = random.Random(seed).getrandbits(32 * 17)
    turned = random.Random(seed + 99).sample(range(32 * 17), round(changed * 32 * 17))
    for place in turned:
        signs ^= 1 << place
    rows = ((signs >> 32 * row & 0xFFFF_FFFF) | 0xFFFF_FFFF << 32 for row in range(17))
    packed = b"".join(row.to_bytes(8, "little") for row in rows)
    assert len(packed) == GRID_BYTES
    return packed


def fingerprint(views: Iterable[View], sha256: bytes | None = None) -> Fingerprint:
    views = tuple(views)
    if sha256 is None:
        sha256 = random.Random(b"".join(view.hashes for view in views)).randbytes(32)
    return Fingerprint(sha256, views, 640, 480, max((view.frame for view in views), default=0) + 1, 90)


GRID = gridded()


def view(hashes: bytes, form: Form = Form.WHOLE, frame: int = 0, grid: bytes = GRID) -> View:
    return View(form, frame, hashes, grid)


def picture(hashes: bytes, sha256: bytes | None = None, *, grid: bytes = GRID) -> Fingerprint:
    """A fingerprint of one whole view."""
    return fingerprint([view(hashes, grid=grid)], sha256)


def bare(hashes: bytes = b"", *pdq: bytes, sha256: bytes = b"", md5: bytes = b"") -> Fingerprint:
    """What a foreign list knows of a picture: a hash and nothing else."""
    views = (View(Form.WHOLE, 0, hashes),) if hashes else ()
    return Fingerprint(sha256, views, 0, 0, 1, 100, md5, pdq)


def bank(bank_id: int, kind: BankKind = BankKind.BLOCK, guild_id: int | None = None) -> Bank:
    return Bank(bank_id, f"bank {bank_id}", kind, guild_id, BankLevel.REMOVE)


def entry(entry_id: int, bank_id: int, look: Fingerprint, *, revoked: bool = False) -> Entry:
    return Entry(
        entry_id,
        bank_id,
        list(Category)[entry_id % len(Category)],
        look,
        "",
        None,
        WHEN,
        "test",
        revoked_at=WHEN if revoked else None,
    )


BANKS: tuple[Bank, ...] = (
    bank(1),
    bank(2, BankKind.KNOWN_GOOD),
    bank(3, BankKind.BLOCK, 100),
    bank(4, BankKind.KNOWN_GOOD, 100),
    bank(5, BankKind.BLOCK, 200),
    bank(6, BankKind.KNOWN_GOOD, 200),
)
GUILDS: tuple[int | None, ...] = (None, 100, 200, 300)

COMPLEMENT = bytes(byte ^ 0xFF for byte in BASES[0])

hashes = st.builds(
    flipped,
    st.sampled_from((*BASES, COMPLEMENT)),
    st.sampled_from((0, 0, 6, 24, 43, 47, 48, 64, 65, 76, 90)),
    st.integers(0, 3),
)
"""Few different ones, so that equal distances are common."""

grids = st.builds(gridded, st.sampled_from((0, 0, 0, 1)), st.sampled_from((0, 0, 0.01, 0.05, 0.13, 0.18, 0.25, 1.0)))


@st.composite
def views(draw: st.DrawFn) -> View:
    count = draw(st.sampled_from((1, ORIENTATIONS)))
    packed = b"".join(draw(st.lists(hashes, min_size=count, max_size=count)))
    return View(draw(st.sampled_from(Form)), draw(st.integers(0, 3)), packed, draw(grids | st.just(b"")))


sha256s = st.integers(0, 5).map(lambda number: bytes([number]) * 32)
fingerprints = st.builds(fingerprint, st.lists(views(), max_size=4), sha256s)


@st.composite
def entries(draw: st.DrawFn, max_size: int = 8) -> Sequence[Entry]:
    """Entries with ids from 1, each in one of BANKS, some revoked."""
    looks = draw(st.lists(fingerprints, max_size=max_size))
    return [
        entry(number, draw(st.sampled_from(BANKS)).id, look, revoked=draw(st.integers(0, 9)) == 0)
        for number, look in enumerate(looks, start=1)
    ]
