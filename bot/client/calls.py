"""The outbox's calls, carried out against Discord's REST interface.

Every call may happen twice (a crash after the request, before it was written down), so each is made harmless to
repeat: a delete of what is gone is a success, a message carries a nonce that Discord deduplicates for some minutes,
and a call whose earlier attempt has an unknown end is first looked for in the channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import aiohttp
import discord
from discord.http import handle_message_parameters

from bot.cases.calls import card_channel
from bot.errors import NotFoundError
from bot.language import mark, say
from bot.model import Call, CallKind, CaseView, Language
from bot.outbox import CallError, CallResult

from .bot import StanguardBot
from .deletes import Deletes
from .obstacles import ACTS
from .payloads import LONGEST_MESSAGE, button, lacks, mentioned_role, moment, number, text
from .permits import Need, need_of
from .refusals import MISSING_PERMISSIONS, refused
from .sanctions import sanction

NONCE_LENGTH = 25

SIGNATURE = mark("From the moderators of {server}")

TOKEN_WAIT = 60.0
"""Seconds until a call is tried again whose token was not accepted: the program ends before."""

LOOK_BACK = 50
"""Messages of a channel that are searched for the result of an attempt with an unknown end."""

Payload = Mapping[str, Any]
"""A message as Discord describes it."""


def card_prefix(case_id: int) -> str:
    """How the custom ids of a case's buttons begin."""
    return f"stanguard:case:{case_id}:"


class DiscordCalls:
    """Implements :class:`bot.outbox.Calls`. Safe to call from many tasks at once."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._deletes = Deletes(lambda: bot.http)

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        """Do what the call says. ``uncertain``: an earlier attempt may have done it already.

        Raises CallError with a sentence for people, and whether trying again can help.
        """
        if not self._bot.logged_in:
            raise CallError("The bot is not connected to Discord yet.", permanent=False, retry_after=1.0)
        try:
            if call.kind in ACTS:
                await sanction(self._bot, call)
                return CallResult()
            if "channel_id" not in call.payload:
                return await self._carry_out(call, uncertain=uncertain)
            async with self._bot.permits.asked(call, number(call, "channel_id")):
                return await self._carry_out(call, uncertain=uncertain)
        except discord.HTTPException as error:
            raise refused(call, error) from None
        except discord.RateLimited as error:
            raise CallError("Discord asks to wait.", permanent=False, retry_after=error.retry_after) from None
        except discord.LoginFailure:
            sentence = "Discord does not accept the bot's token any more."
            raise CallError(sentence, permanent=False, retry_after=TOKEN_WAIT) from None
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:
            # RuntimeError is what a closed session raises while the bot shuts down.
            sentence = f"Discord could not be reached ({type(error).__name__})."
            raise CallError(sentence, permanent=False, retry_after=None) from None

    async def _carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        """Do a call about a message. Raises CallError, and what discord.py raises."""
        match call.kind:
            case CallKind.DELETE_MESSAGE:
                return await self._delete(call)
            case CallKind.POST_CARD:
                return await self._post_card(call, number(call, "channel_id"), uncertain=uncertain)
            case CallKind.EDIT_CARD:
                return await self._edit_card(call, uncertain=uncertain)
            case CallKind.NOTIFY:
                return await self._notify(call, uncertain=uncertain)
            case CallKind.LOG_LINE:
                return await self._write(call, number(call, "channel_id"), text(call), uncertain=uncertain)
            case _:
                return await self._post_stats(call, number(call, "channel_id"), uncertain=uncertain)

    async def _delete(self, call: Call) -> CallResult:
        channel_id, message_id = number(call, "channel_id"), number(call, "message_id")
        reason = call.payload.get("reason")
        await self._deletes.delete(
            channel_id,
            message_id,
            reason=None if reason is None else str(reason),
            case_id=call.case_id,
            own=need_of(call) is Need.DELETE_OWN,
        )
        return CallResult(channel_id, message_id)

    # --------------------------------------------------------------------------------------------- cards

    async def _post_card(self, call: Call, channel_id: int, *, uncertain: bool, again: str = "") -> CallResult:
        view = await self._view(call)
        drawn = await self._drawn(view)
        if uncertain:
            prefix = card_prefix(view.case.id)
            standing = await self._own_message(
                channel_id, lambda message: any(one.startswith(prefix) for one in _custom_ids(message))
            )
            if standing is not None:
                await self._edit(channel_id, standing, drawn)
                return CallResult(channel_id, standing)
        role_id = None if again else mentioned_role(call)
        if role_id is not None:
            drawn.add_item(discord.ui.TextDisplay(f"<@&{role_id}>"))
        message_id = await self._send(channel_id, call.key + again, view=drawn, role_id=role_id)
        return CallResult(channel_id, message_id)

    async def _edit_card(self, call: Call, *, uncertain: bool) -> CallResult:
        view = await self._view(call)
        channel_id, message_id = view.case.card_channel_id, view.case.card_message_id
        if channel_id is not None and message_id is not None:
            try:
                drawn = await self._drawn(view)
                async with self._bot.permits.asked(call, channel_id):
                    await self._edit(channel_id, message_id, drawn)
            except discord.NotFound:
                pass  # somebody deleted the card, or its channel; the case needs one
            else:
                return CallResult(channel_id, message_id)
        guild = await self._bot.app.guilds.current(view.case.guild_id)
        channel_id = card_channel(view.case, guild)
        if channel_id is None:
            raise CallError(
                "The card of this case is gone and no review channel is set; choose one with /setup.",
                permanent=True,
                retry_after=None,
            )
        async with self._bot.permits.asked(call, channel_id):
            return await self._post_card(call, channel_id, uncertain=uncertain, again=f":after:{message_id}")

    async def _view(self, call: Call) -> CaseView:
        if call.case_id is None:
            raise CallError("A card was asked for without its case.", permanent=True, retry_after=None)
        try:
            return await self._bot.app.cases.view(call.case_id)
        except NotFoundError as error:
            raise CallError(str(error), permanent=True, retry_after=None) from None

    async def _drawn(self, view: CaseView) -> discord.ui.LayoutView:
        if self._bot.card_renderer is None:
            raise CallError("The review extension is not loaded yet.", permanent=False, retry_after=1.0)
        return self._bot.card_renderer(view, await self._bot.app.guilds.current(view.case.guild_id))

    async def _edit(self, channel_id: int, message_id: int, drawn: discord.ui.LayoutView) -> None:
        with handle_message_parameters(view=drawn, allowed_mentions=discord.AllowedMentions.none()) as params:
            await self._bot.http.edit_message(channel_id, message_id, params=params)

    # --------------------------------------------------------------------------------------------- numbers

    async def _post_stats(self, call: Call, channel_id: int, *, uncertain: bool) -> CallResult:
        """Post a guild's numbers; without their chart where the bot may not attach files."""
        render, until = self._bot.stats_renderer, moment(call, "until")
        if call.guild_id is None:
            raise lacks(call, "server")
        if render is None:
            raise CallError("The statistics extension is not loaded yet.", permanent=False, retry_after=1.0)
        view, files = await render(call.guild_id, until, chart=True)
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
            view, _ = await render(call.guild_id, until, chart=False)
            message_id = await self._send(channel_id, call.key, view=view)
        return CallResult(channel_id, message_id)

    # --------------------------------------------------------------------------------------------- plain messages

    async def _notify(self, call: Call, *, uncertain: bool) -> CallResult:
        user_id = await self._recipient(call)
        if user_id is None:
            return CallResult()
        channel = await self._bot.http.start_private_message(user_id)
        signed = await self._signed(call)
        return await self._write(call, int(channel["id"]), signed, uncertain=uncertain, below=button(call))

    async def _recipient(self, call: Call) -> int | None:
        """Whom a direct message is for. A reporter is known to the reports alone: None if they want none any more."""
        if "report_id" not in call.payload:
            return number(call, "user_id")
        return await self._bot.app.follow_up.recipient(number(call, "report_id"))

    async def _signed(self, call: Call) -> str:
        """The text of a direct message with the server that it comes from: a member may share several with the bot."""
        if call.guild_id is None:
            return text(call)
        try:  # another process may have the server's shard, and this one has never heard of it
            guild = self._bot.get_guild(call.guild_id) or await self._bot.fetch_guild(call.guild_id, with_counts=False)
        except (discord.NotFound, discord.Forbidden):
            return text(call)
        language = Language.of(str(call.payload.get("language") or ""))
        server = discord.utils.escape_markdown(guild.name)
        signature = f"\n-# {say(language, SIGNATURE, server=server)}"
        return text(call)[: LONGEST_MESSAGE - len(signature)] + signature

    async def _write(
        self,
        call: Call,
        channel_id: int,
        content: str,
        *,
        uncertain: bool,
        below: discord.ui.Button[discord.ui.View] | None = None,
    ) -> CallResult:
        """Write a message, with the button ``below`` if there is one."""
        custom_ids = [] if below is None else [below.custom_id]
        if uncertain:
            standing = await self._own_message(
                channel_id,
                lambda message: message.get("content") == content and list(_custom_ids(message)) == custom_ids,
            )
            if standing is not None:
                return CallResult(channel_id, standing)
        sent = await self._send(channel_id, call.key, content=content, view=_only(below), role_id=mentioned_role(call))
        return CallResult(channel_id, sent)

    async def _send(
        self,
        channel_id: int,
        key: str,
        *,
        content: str = discord.utils.MISSING,
        view: discord.ui.LayoutView | discord.ui.View = discord.utils.MISSING,
        files: Sequence[discord.File] = discord.utils.MISSING,
        role_id: int | None = None,
    ) -> int:
        """Post a message; its id. Nobody is notified but the members of the role, where one is mentioned."""
        roles = [] if role_id is None else [discord.Object(role_id)]
        # Sent below discord.py's objects, which would keep every view for its presses; ours find their own way.
        with handle_message_parameters(
            content,
            view=view,
            files=files,
            nonce=hashlib.sha256(key.encode()).hexdigest()[:NONCE_LENGTH],
            allowed_mentions=discord.AllowedMentions(everyone=False, users=False, roles=roles),
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


def _only(item: discord.ui.Button[discord.ui.View] | None) -> discord.ui.View:
    """A view of this one button; without one, discord.py's word for no view."""
    if item is None:
        return discord.utils.MISSING
    view = discord.ui.View(timeout=None)
    view.add_item(item)
    return view


def _custom_ids(message: Payload) -> Iterator[str]:
    """The custom ids of the message's components, at any depth."""
    for part in _components(message):
        custom_id = part.get("custom_id")
        if isinstance(custom_id, str):
            yield custom_id


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
