"""Why a media item could not be scanned."""

from __future__ import annotations

from bot.errors import StanguardError
from bot.model import Fingerprint, Unscannable


class MediaError(StanguardError):
    """A media item could not be fetched or read; ``str(error)`` is ``reason.sentence``.

    ``partial`` is the fingerprint of what could be read of a damaged or very long picture. It may prove a match, but
    it can clear nothing, because there is more in the file.
    """

    def __init__(self, reason: Unscannable, *, partial: Fingerprint | None = None) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
        self.partial = partial
