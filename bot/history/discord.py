"""What reading history asks of Discord. :mod:`bot.client.history` implements it; tests have their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from bot.errors import StanguardError

PAGE = 100
"""Messages that Discord gives out at once."""


class UnreadableError(StanguardError):
    """The bot may not read the history of a channel."""


class ChannelGoneError(StanguardError):
    """There is no such channel any more."""


class NoAnswerError(StanguardError):
    """Discord did not answer, or asks to wait: trying again later can help. ``retry_after``: seconds, if it said."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ChannelHead(NamedTuple):
    """A channel or thread in which messages stand, with its newest message; None if there is none.

    ``readable``: whether the bot has what it needs to read its history.
    """

    channel_id: int
    last_message_id: int | None
    readable: bool


class History(Protocol):
    """Reads what stands in channels. Safe to call from many tasks at once."""

    @property
    def me(self) -> int | None:
        """The bot's own account, whose messages are not looked at; None before it logged in."""
        ...

    async def page(self, channel_id: int, before_id: int, *, limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        """The newest messages of a channel before an id as raw JSON, newest first.

        Raises UnreadableError, ChannelGoneError and NoAnswerError.
        """
        ...

    async def message(self, channel_id: int, message_id: int) -> Mapping[str, Any] | None:
        """One message as raw JSON, with addresses that are valid now; None if it is gone. Raises as :meth:`page`."""
        ...

    async def channels(self, guild_id: int) -> Sequence[ChannelHead]:
        """The channels and active threads of a guild that this process serves; none for any other guild."""
        ...

    async def archived(self, guild_id: int, since: datetime) -> Sequence[ChannelHead]:
        """The threads of a guild that were archived since then, as far as the bot may see them. Raises as above."""
        ...
