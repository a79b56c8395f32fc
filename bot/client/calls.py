"""The outbox's calls, carried out against Discord's REST interface.

Every call may happen twice (a crash after the request, before it was written down), so each is made harmless to
repeat: a delete of what is gone is a success, a message carries a nonce that Discord deduplicates for some minutes,
and a call whose earlier attempt has an unknown end is first looked for in the channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import aiohttp
import discord
from discord.http import handle_message_parameters

from bot.errors import NotFoundError
from bot.model import Call, CallKind, CaseView
from bot.outbox import CallError, CallResult

from .bot import StanguardBot
from .permissions import HISTORY, MANAGE_MESSAGES, SEND, VIEW

NONCE_LENGTH = 25
LONGEST_MESSAGE = 2000
"""Characters of text that Discord takes in one message."""

LOOK_BACK = 50
"""Messages of a channel that are searched for the result of an attempt with an unknown end."""

UNKNOWN_CHANNEL = 10003
UNKNOWN_MEMBER = 10007
UNKNOWN_MESSAGE = 10008
UNKNOWN_USER = 10013
UNKNOWN_BAN = 10026
MISSING_ACCESS = 50001
MISSING_PERMISSIONS = 50013
DMS_CLOSED = 50007
ACTION_REFUSED = 50021
ARCHIVED_THREAD = 50083

Payload = Mapping[str, Any]
"""A message as Discord describes it."""


def card_prefix(case_id: int) -> str:
    """How the custom ids of a case's buttons begin."""
    return f"stanguard:case:{case_id}:"


class DiscordCalls:
    """Implements :class:`bot.outbox.Calls`. Safe to call from many tasks at once."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        """Do what the call says. ``uncertain``: an earlier attempt may have done it already.

        Raises CallError with a sentence for people, and whether trying again can help.
        """
        if not self._bot.logged_in:
            raise CallError("The bot is not connected to Discord yet.", permanent=False, retry_after=1.0)
        try:
            match call.kind:
                case CallKind.DELETE_MESSAGE:
                    return await self._delete(call)
                case CallKind.POST_CARD:
                    return await self._post_card(call, _number(call, "channel_id"), uncertain=uncertain)
                case CallKind.EDIT_CARD:
                    return await self._edit_card(call, uncertain=uncertain)
                case CallKind.NOTIFY:
                    return await self._notify(call, uncertain=uncertain)
                case CallKind.LOG_LINE:
                    channel_id = _number(call, "channel_id")
                    return await self._write(call, channel_id, _text(call), uncertain=uncertain)
                case CallKind.STATS_POST:
                    return await self._post_stats(call, _number(call, "channel_id"), uncertain=uncertain)
                case CallKind.TIMEOUT | CallKind.KICK | CallKind.BAN | CallKind.LIFT_TIMEOUT | CallKind.UNBAN:
                    return await self._sanction(call)
        except discord.HTTPException as error:
            raise _refused(call, error) from None
        except discord.RateLimited as error:
            raise CallError("Discord asks to wait.", permanent=False, retry_after=error.retry_after) from None
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:
            # RuntimeError is what a closed session raises while the bot shuts down.
            sentence = f"Discord could not be reached ({type(error).__name__})."
            raise CallError(sentence, permanent=False, retry_after=None) from None

    async def _delete(self, call: Call) -> CallResult:
        channel_id, message_id = _number(call, "channel_id"), _number(call, "message_id")
        reason = call.payload.get("reason")
        try:
            await self._bot.http.delete_message(channel_id, message_id, reason=None if reason is None else str(reason))
        except discord.NotFound as error:
            if error.code not in {0, UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}:
                raise
        return CallResult(channel_id, message_id)

    async def _sanction(self, call: Call) -> CallResult:
        """Each of these is harmless to repeat: Discord sets a state, and what is lifted already is a success."""
        http, reason = self._bot.http, str(call.payload.get("reason") or "")
        if call.guild_id is None:
            raise CallError(f"A pending call ({call.kind}) lacks its server.", permanent=True)
        guild_id, user_id = call.guild_id, _number(call, "user_id")
        try:
            match call.kind:
                case CallKind.TIMEOUT:
                    until = call.payload.get("until")
                    await http.edit_member(guild_id, user_id, reason=reason, communication_disabled_until=until)
                case CallKind.LIFT_TIMEOUT:
                    await http.edit_member(guild_id, user_id, reason=reason, communication_disabled_until=None)
                case CallKind.KICK:
                    await http.kick(user_id, guild_id, reason=reason)
                case CallKind.BAN:
                    await http.ban(user_id, guild_id, _number(call, "delete_message_seconds"), reason=reason)
                case _:
                    await http.unban(user_id, guild_id, reason=reason)
        except discord.NotFound as error:
            if call.kind is CallKind.TIMEOUT or error.code not in {0, UNKNOWN_MEMBER, UNKNOWN_BAN, UNKNOWN_USER}:
                raise
        return CallResult()

    # --------------------------------------------------------------------------------------------- cards

    async def _post_card(self, call: Call, channel_id: int, *, uncertain: bool, again: str = "") -> CallResult:
        view = await self._view(call)
        if uncertain:
            prefix = card_prefix(view.case.id)
            standing = await self._own_message(channel_id, lambda message: _has_custom_id(message, prefix))
            if standing is not None:
                await self._edit(channel_id, standing, view)
                return CallResult(channel_id, standing)
        message_id = await self._send(channel_id, call.key + again, view=self._drawn(view))
        return CallResult(channel_id, message_id)

    async def _edit_card(self, call: Call, *, uncertain: bool) -> CallResult:
        view = await self._view(call)
        channel_id, message_id = view.case.card_channel_id, view.case.card_message_id
        if channel_id is not None and message_id is not None:
            try:
                await self._edit(channel_id, message_id, view)
            except discord.NotFound:
                pass  # somebody deleted the card, or its channel; the case needs one
            else:
                return CallResult(channel_id, message_id)
        guild = await self._bot.app.guilds.current(view.case.guild_id)
        if guild.review_channel_id is None:
            raise CallError(
                "The card of this case is gone and no review channel is set; choose one with /setup.",
                permanent=True,
                retry_after=None,
            )
        return await self._post_card(call, guild.review_channel_id, uncertain=uncertain, again=f":after:{message_id}")

    async def _view(self, call: Call) -> CaseView:
        if call.case_id is None:
            raise CallError("A card was asked for without its case.", permanent=True, retry_after=None)
        try:
            return await self._bot.app.cases.view(call.case_id)
        except NotFoundError as error:
            raise CallError(str(error), permanent=True, retry_after=None) from None

    def _drawn(self, view: CaseView) -> discord.ui.LayoutView:
        if self._bot.card_renderer is None:
            raise CallError("The review extension is not loaded yet.", permanent=False, retry_after=1.0)
        return self._bot.card_renderer(view)

    async def _edit(self, channel_id: int, message_id: int, view: CaseView) -> None:
        with handle_message_parameters(
            view=self._drawn(view), allowed_mentions=discord.AllowedMentions.none()
        ) as params:
            await self._bot.http.edit_message(channel_id, message_id, params=params)

    # --------------------------------------------------------------------------------------------- numbers

    async def _post_stats(self, call: Call, channel_id: int, *, uncertain: bool) -> CallResult:
        """Post a guild's numbers; without their chart where the bot may not attach files."""
        render, until = self._bot.stats_renderer, call.payload.get("until")
        if call.guild_id is None or not isinstance(until, str):
            raise CallError(f"A pending call ({call.kind}) lacks its server or its time.", permanent=True)
        if render is None:
            raise CallError("The statistics extension is not loaded yet.", permanent=False, retry_after=1.0)
        view, files = await render(call.guild_id, datetime.fromisoformat(until), chart=True)
        if uncertain:
            # The numbers may have changed since the first attempt; the title names the week.
            title = next(part.content for part in view.walk_children() if isinstance(part, discord.ui.TextDisplay))
            standing = await self._own_message(channel_id, lambda message: _has_text(message, title))
            if standing is not None:
                return CallResult(channel_id, standing)
        try:
            message_id = await self._send(channel_id, call.key, view=view, files=files)
        except discord.Forbidden as error:
            if error.code != MISSING_PERMISSIONS:
                raise
            view, _ = await render(call.guild_id, datetime.fromisoformat(until), chart=False)
            message_id = await self._send(channel_id, call.key, view=view)
        return CallResult(channel_id, message_id)

    # --------------------------------------------------------------------------------------------- plain messages

    async def _notify(self, call: Call, *, uncertain: bool) -> CallResult:
        channel = await self._bot.http.start_private_message(_number(call, "user_id"))
        return await self._write(call, int(channel["id"]), self._signed(call), uncertain=uncertain)

    def _signed(self, call: Call) -> str:
        """The text of a direct message with the server that it comes from: a member may share several with the bot."""
        guild = None if call.guild_id is None else self._bot.get_guild(call.guild_id)
        if guild is None:
            return _text(call)
        signature = f"\n-# From the moderators of {discord.utils.escape_markdown(guild.name)}"
        return _text(call)[: LONGEST_MESSAGE - len(signature)] + signature

    async def _write(self, call: Call, channel_id: int, text: str, *, uncertain: bool) -> CallResult:
        if uncertain:
            standing = await self._own_message(channel_id, lambda message: message.get("content") == text)
            if standing is not None:
                return CallResult(channel_id, standing)
        return CallResult(channel_id, await self._send(channel_id, call.key, content=text))

    async def _send(
        self,
        channel_id: int,
        key: str,
        *,
        content: str = discord.utils.MISSING,
        view: discord.ui.LayoutView = discord.utils.MISSING,
        files: Sequence[discord.File] = discord.utils.MISSING,
    ) -> int:
        with handle_message_parameters(
            content,
            view=view,
            files=files,
            nonce=hashlib.sha256(key.encode()).hexdigest()[:NONCE_LENGTH],
            allowed_mentions=discord.AllowedMentions.none(),
        ) as params:
            message = await self._bot.http.send_message(channel_id, params=params)
        return int(message["id"])

    async def _own_message(self, channel_id: int, wanted: Callable[[Payload], bool]) -> int | None:
        """The bot's newest message in the channel's recent history that is ``wanted``."""
        me = self._bot.user
        history = cast("list[Payload]", await self._bot.http.logs_from(channel_id, LOOK_BACK))
        for message in history:
            author = message.get("author")
            if me is not None and author is not None and int(author["id"]) == me.id and wanted(message):
                return int(message["id"])
        return None


def _has_custom_id(message: Payload, prefix: str) -> bool:
    """Whether a component of the message, at any depth, has a custom id that begins so."""
    return any(
        isinstance(custom_id := part.get("custom_id"), str) and custom_id.startswith(prefix)
        for part in _components(message)
    )


def _has_text(message: Payload, text: str) -> bool:
    """Whether a component of the message, at any depth, is this text."""
    return any(part.get("content") == text for part in _components(message))


def _components(message: Payload) -> Iterator[Payload]:
    """The components of a message, at any depth."""
    waiting: list[Any] = [message.get("components")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Sequence) and not isinstance(part, str):
            waiting.extend(cast("Sequence[Any]", part))
        elif isinstance(part, Mapping):
            component = cast("Payload", part)
            yield component
            waiting.extend((component.get("components"), component.get("accessory")))


def _refused(call: Call, error: discord.HTTPException) -> CallError:
    """What Discord's answer means: the sentence, and whether trying again can help."""
    if error.status == 429:
        after = error.response.headers.get("Retry-After")
        return CallError("Discord asks to wait.", permanent=False, retry_after=_seconds(after))
    if error.status >= 500 or error.status == 401:
        return CallError(f"Discord answered {error.status}.", permanent=False, retry_after=None)
    place = f"<#{call.payload['channel_id']}>" if "channel_id" in call.payload else "the review channel"
    if error.code == DMS_CLOSED or call.kind is CallKind.NOTIFY:
        sentence = "The member does not take direct messages, so they were not told."
    elif error.code == UNKNOWN_CHANNEL:
        sentence = f"The channel {place} does not exist any more; choose another with /setup."
    elif error.code == ACTION_REFUSED:
        sentence = f"Discord does not let anybody delete this kind of message in {place}."
    elif error.code == ARCHIVED_THREAD:
        sentence = f"The thread {place} is locked; give the bot the permission Manage Threads there."
    elif error.status == 403:
        names = _needed(call.kind, error.code)
        sentence = f"The bot lacks {names} in {place}; give it to the bot's role there, or run /setup to see all gaps."
    else:
        sentence = f"Discord refused it (status {error.status}, code {error.code})."
    return CallError(sentence, permanent=True, retry_after=None)


def _needed(kind: CallKind, code: int) -> str:
    if code == MISSING_ACCESS:
        return f"the permission {VIEW.name}"
    if kind is CallKind.DELETE_MESSAGE:
        return f"the permission {MANAGE_MESSAGES.name}"
    return f"the permission {SEND.name} or {HISTORY.name}"


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None


def _number(call: Call, name: str) -> int:
    value = call.payload.get(name)
    if not isinstance(value, int):
        raise CallError(f"A pending call ({call.kind}) lacks its {name}.", permanent=True, retry_after=None)
    return value


def _text(call: Call) -> str:
    return str(call.payload.get("text") or "")[:LONGEST_MESSAGE]
