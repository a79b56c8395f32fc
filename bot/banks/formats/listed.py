"""What every list format reads into, and how one refuses a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from bot.errors import StanguardError
from bot.model import Category, Fingerprint

MAX_ENTRIES = 1_000_000

MIN_ONES, MAX_ONES = 96, 128
"""A perceptual hash marks the values above their median, so at most half of its 256 bits are ones, and of nearly every
picture exactly half. With far fewer (stripes, kaleidoscopes, nothing at all) it lies near every other such hash and
would match what it should not; with more, it is no hash of a picture."""

MAX_PDQ_ONES = 160
"""Other programs count values at the median differently, so a PDQ hash may have somewhat more ones."""


class ListFormatError(StanguardError):
    """A list file that cannot be used; the sentence names the line."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a list says about itself: what its publisher calls it, and when it was written."""

    name: str
    exported_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list. Only what the list tells is known of it: it may be nothing but one hash."""

    category: Category
    fingerprint: Fingerprint


def refuse(number: int, reason: str) -> NoReturn:
    """Refuse a whole file for its line ``number``."""
    raise ListFormatError(
        f"Line {number} of the list is not usable ({reason}), so nothing was imported; ask its publisher for a "
        "correct file."
    )


def ones(packed: bytes) -> int:
    """How many bits of a hash are ones."""
    return int.from_bytes(packed).bit_count()
