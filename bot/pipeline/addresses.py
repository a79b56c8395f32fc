"""What the pipeline asks when an address of a media item holds no more. :mod:`bot.history.addresses` implements it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.model import MessageRef, SeenMedia


class Addresses(Protocol):
    """Knows how long an address of Discord's media hosts holds, and gets new ones."""

    def expired(self, media: SeenMedia, waiting_since: datetime) -> bool:
        """Whether the address of a media item holds no more."""
        ...

    async def renewed(self, message: MessageRef, media: tuple[SeenMedia, ...]) -> tuple[SeenMedia, ...] | None:
        """As many media items of a message, with addresses that hold now. None: nobody can say at present."""
        ...
