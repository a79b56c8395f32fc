"""Why a media item could not be scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import StanguardError
from bot.model import Passing, Unscannable

if TYPE_CHECKING:  # numpy comes with it, which the command line does not need to name an error
    from bot.matching.query import Query


class MediaError(StanguardError):
    """A media item could not be fetched or read; ``str(error)`` is ``reason.sentence``.

    ``partial`` is what could be compared of what could be read of a damaged or very long picture. It may prove a match,
    but it can clear nothing, because there is more in the file. ``passing``: it is worth another try later.
    """

    def __init__(self, reason: Unscannable, *, partial: Query | None = None, passing: Passing | None = None) -> None:
        super().__init__(reason.sentence)
        self.passing = passing
        self.reason = reason
        self.partial = partial


class NotFetchedError(MediaError):
    """The bytes are not to be had: a failure of the way to them, and none of the file."""
