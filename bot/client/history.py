"""Reads messages that were posted before, as the raw JSON that Discord sends."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import aiohttp
import discord

from bot.history.discord import PAGE, ChannelGoneError, ChannelHead, NoAnswerError, UnreadableError

from .bot import StanguardBot
from .permissions import lacks_to_read
from .refusals import UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MESSAGE, passing

T = TypeVar("T")
Json = Mapping[str, Any]

_REMEMBERED = 10_000
"""Archived threads of which it is remembered in which channel they are."""

_MOST_PAGES = 20
"""Pages of archived threads that are looked through for one channel."""

_Holder = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread


class Pacer:
    """Lets so many calls a second through, in the order in which they come."""

    def __init__(self, per_second: float) -> None:
        self._apart = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until it is the caller's turn."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._apart
        if at > now:
            await asyncio.sleep(at - now)


class DiscordHistory:
    """Implements :class:`bot.history.discord.History`, at the pace that the settings allow."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._pacer = Pacer(bot.app.settings.catch_up.requests_per_second)
        self._parents: OrderedDict[int, int] = OrderedDict()

    @property
    def me(self) -> int | None:
        """The bot's own account."""
        return None if self._bot.user is None else self._bot.user.id

    async def page(self, channel_id: int, before_id: int, *, limit: int = PAGE) -> Sequence[Json]:
        """The newest messages of a channel before an id, newest first.

        Raises UnreadableError, ChannelGoneError and NoAnswerError.
        """
        # Asked without the permission, Discord answers that there are no messages.
        await self._require_readable(channel_id)
        messages = await self._ask(lambda: self._bot.http.logs_from(channel_id, limit, before=before_id))
        return cast("Sequence[Json]", messages)

    async def message(self, channel_id: int, message_id: int) -> Json | None:
        """One message, with addresses that are valid now; None if it is gone. Raises as :meth:`page`."""
        message = await self._ask(lambda: self._bot.http.get_message(channel_id, message_id), gone=UNKNOWN_MESSAGE)
        return cast("Json | None", message)

    async def channels(self, guild_id: int) -> Sequence[ChannelHead]:
        """The channels and active threads of a guild that this process serves; none for any other guild."""
        guild = self._bot.get_guild(guild_id)
        if guild is None:
            return []
        holders: Iterable[_Holder] = itertools.chain(
            guild.text_channels, guild.voice_channels, guild.stage_channels, guild.threads
        )
        return [ChannelHead(one.id, one.last_message_id, not self._lacking(one)) for one in holders]

    async def archived(self, guild_id: int, since: datetime) -> Sequence[ChannelHead]:
        """The threads of a guild that were archived since then, as far as the bot may see them.

        Raises NoAnswerError; channels that the bot may not read are left out.
        """
        guild = self._bot.get_guild(guild_id)
        if guild is None:
            raise NoAnswerError("The server is not available.")
        found: list[ChannelHead] = []
        for parent in (*guild.text_channels, *guild.forums):
            if self._lacking(parent):
                continue
            found += await self._archived_in(parent, since, private=False)
            if isinstance(parent, discord.TextChannel) and not parent.is_news():
                found += await self._archived_in(parent, since, private=True)
        return found

    async def _archived_in(
        self, parent: discord.TextChannel | discord.ForumChannel, since: datetime, *, private: bool
    ) -> list[ChannelHead]:
        """The archived threads of one channel; without Manage Threads, of the private ones those the bot is in."""
        http, joined = self._bot.http, private and not parent.permissions_for(parent.guild.me).manage_threads
        if joined:
            ask = http.get_joined_private_archived_threads
        else:
            ask = http.get_private_archived_threads if private else http.get_public_archived_threads
        found: list[ChannelHead] = []
        before: str | int | None = None
        for _ in range(_MOST_PAGES):
            try:
                answer = cast("Json", await self._ask(lambda before=before: ask(parent.id, before=before, limit=100)))
            except (UnreadableError, ChannelGoneError):
                break
            threads = cast("list[Json]", answer.get("threads") or [])
            late = [thread for thread in threads if _archived_at(thread) >= since]
            for thread in late:
                thread_id, last = int(thread["id"]), thread.get("last_message_id")
                self._remember(thread_id, parent.id)
                found.append(ChannelHead(thread_id, None if last is None else int(last), readable=True))
            # They come the newest first, by when they were archived; those that the bot is in, by their id.
            if not threads or not answer.get("has_more") or (len(late) < len(threads) and not joined):
                break
            before = int(threads[-1]["id"]) if joined else str(threads[-1]["thread_metadata"]["archive_timestamp"])
        return found

    # ------------------------------------------------------------------------------------------- permissions

    async def _require_readable(self, channel_id: int) -> None:
        channel = self._bot.get_channel(channel_id) or self._bot.get_channel(self._parents.get(channel_id, 0))
        if channel is None:  # an archived thread is in no list that Discord sends
            data = cast("Json", await self._ask(lambda: self._bot.http.get_channel(channel_id)))
            parent_id = data.get("parent_id")
            if parent_id is not None:
                self._remember(channel_id, int(parent_id))
                channel = self._bot.get_channel(int(parent_id))
        lacking = self._lacking(channel) if isinstance(channel, _Holder) else ()
        if lacking:
            raise UnreadableError(
                f"The bot lacks {' and '.join(lacking)} in <#{channel_id}>; give it to the bot's role there."
            )

    def _lacking(self, channel: _Holder) -> tuple[str, ...]:
        """The names of the permissions that reading a channel needs and that the bot does not have."""
        me = cast("discord.Member | None", channel.guild.me)
        if me is None:
            return ()  # Discord says
        return lacks_to_read(channel, me)

    def _remember(self, thread_id: int, parent_id: int) -> None:
        self._parents[thread_id] = parent_id
        if len(self._parents) > _REMEMBERED:
            self._parents.popitem(last=False)

    # ------------------------------------------------------------------------------------------- asking

    async def _ask(self, request: Callable[[], Awaitable[T]], *, gone: int | None = None) -> T | None:
        """What Discord answers; None if it answers that this is ``gone``, by its code."""
        if not self._bot.logged_in:
            raise NoAnswerError("The bot is not connected to Discord yet.")
        await self._pacer.turn()
        try:
            return await request()
        except discord.HTTPException as error:
            again = passing(error)
            if again is not None:
                raise NoAnswerError(str(again), retry_after=again.retry_after) from None
            if gone is not None and error.code == gone:
                return None
            if error.code in {UNKNOWN_CHANNEL, UNKNOWN_GUILD} or error.status == 404:
                raise ChannelGoneError("The channel does not exist any more.") from None
            raise UnreadableError(f"Discord refused it (status {error.status}, code {error.code}).") from None
        except discord.RateLimited as error:
            raise NoAnswerError("Discord asks to wait.", retry_after=error.retry_after) from None
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:
            # RuntimeError is what a closed session raises while the bot shuts down.
            raise NoAnswerError(f"Discord could not be reached ({type(error).__name__}).") from None


def _archived_at(thread: Json) -> datetime:
    return discord.utils.parse_time(str(thread["thread_metadata"]["archive_timestamp"]))
