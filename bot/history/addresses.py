"""Addresses of media that waited too long: Discord signs them for about a day, and refuses them after that."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from bot.media import surfaces
from bot.model import MediaRef, MessageRef, SeenMedia, Surface, Unscannable, UnscannableRef

from .discord import ChannelGoneError, History, NoAnswerError, UnreadableError

log = structlog.get_logger(__name__)

_EXPIRY = re.compile(r"[?&]ex=([0-9a-fA-F]{1,16})(?:&|$)", re.ASCII)
_MARGIN = timedelta(minutes=1)
_UNSIGNED = timedelta(hours=20)
"""An attachment whose address does not say until when it holds is looked up after this time."""

_LAST_SECOND = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


class Addresses:
    """Implements :class:`bot.pipeline.Addresses`: asks Discord for the message again."""

    def __init__(self, history: History, *, cdn_url: str, clock: Callable[[], datetime]) -> None:
        self._history = history
        self._cdn_url = cdn_url
        self._clock = clock

    def expired(self, media: SeenMedia, waiting_since: datetime) -> bool:
        """Whether the address of a media item holds no more, or will not for another minute."""
        if not isinstance(media, MediaRef):
            return False
        now = self._clock()
        signed = _EXPIRY.search(media.url)
        if signed is None:
            return media.surface is Surface.ATTACHMENT and waiting_since < now - _UNSIGNED
        seconds = min(int(signed[1], 16), _LAST_SECOND)
        return datetime.fromtimestamp(seconds, UTC) < now + _MARGIN

    async def renewed(self, message: MessageRef, media: tuple[SeenMedia, ...]) -> tuple[SeenMedia, ...] | None:
        """The media items of a message with addresses that hold now; what is gone from it cannot be scanned.

        None: Discord gives no answer at present.
        """
        try:
            data = await self._history.message(message.channel_id, message.message_id)
        except ChannelGoneError:
            data = None
        except UnreadableError as error:
            log.warning("history.unreadable", channel_id=message.channel_id, reason=str(error))
            return media  # the media host will say what it has to say of the old addresses
        except NoAnswerError as error:
            log.warning("history.no_answer", channel_id=message.channel_id, reason=str(error))
            return None
        fresh: dict[str, SeenMedia] = {}
        if data is not None:
            placed = {**data, "channel_id": str(message.channel_id)}
            walked = surfaces.walk_message(placed, guild_id=message.guild_id, cdn_url=self._cdn_url, avatars=True)
            fresh = {} if walked is None else {item.media_id: item for item in walked[1]}
        return tuple(fresh.get(item.media_id) or _gone(item) for item in media)


def _gone(item: SeenMedia) -> SeenMedia:
    if isinstance(item, UnscannableRef):
        return item
    return UnscannableRef(item.media_id, item.surface, Unscannable.GONE, item.forwarded)
