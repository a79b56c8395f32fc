"""A whole server to test against: the real bot, its services and an SQLite file, in a simulated Discord.

async with World(sqlite_url) as world:
    await world.block(picture)
    message = await world.fan.send(world.fans, attachments=[("a.jpg", picture)])
    await world.settle()
    assert world.gone(message)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import discord
import simcord
import structlog
from aiohttp import web
from simcord import interactions as simcord_interactions
from simcord.results import to_discord_message

from bot.app import App, utc_now
from bot.banks.service import Added
from bot.client import DiscordCalls, StanguardBot, create_bot
from bot.demo.cdn import LoopbackCdn
from bot.errors import StanguardError
from bot.model import (
    BankKind,
    Call,
    CaseView,
    Category,
    Fingerprint,
    GuildSettings,
    MediaRef,
    MessageRef,
    Mode,
    Surface,
)
from bot.outbox import CallError, CallResult
from bot.settings import Settings
from tests.unmarked import only_marked_texts

SETTLE_SECONDS = 60.0
"""simcord gives up on work of the bot that takes longer: generous, because the machine may be busy."""


MOST_ROUNDS = 1000
"""Rounds of work after which a server that still finds something to do never comes to rest."""


class WatchedCdn(LoopbackCdn):
    """The demo's media host, which notes the path of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def store_sticker(self, sticker_id: int, format_type: int, data: bytes) -> str:
        return self.publish(f"stickers/{sticker_id}.{'gif' if format_type == 4 else 'png'}", data)

    async def _serve(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        return await super()._serve(request)


@contextlib.contextmanager
def _spoken(locales: Mapping[str, str]) -> Iterator[None]:
    """Interactions of these users, by id, carry their locale."""
    build = simcord_interactions.base_payload

    def with_locale(*args: Any, **kwargs: Any) -> Any:
        record, payload = build(*args, **kwargs)
        user = payload.get("user") or payload["member"]["user"]
        payload["locale"] = locales.get(user["id"], payload["locale"])
        return record, payload

    simcord_interactions.base_payload = with_locale
    try:
        yield
    finally:
        simcord_interactions.base_payload = build


class Switch:
    """Passes the outbox's calls on to whichever bot is running, over restarts."""

    def __init__(self) -> None:
        self.calls: DiscordCalls | None = None

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        if self.calls is None:
            raise CallError("No bot is running.", permanent=False, retry_after=0.01)
        return await self.calls.carry_out(call, uncertain=uncertain)


class World:
    """One server with its people and channels, the bot in it, and the services behind the bot.

    People: ``owner``, ``moderator`` (has the moderators' role), ``guardian`` (the child-safety role), ``fan`` and
    ``other`` (plain members). Channels: ``fans`` (open), ``review`` (closed to members).
    ``errors`` is what the program logged as errors and what simcord caught; what a test did not look at fails it.
    So does a text that was said in another language than English without being marked for translation.
    """

    env: simcord.Env
    app: App
    bot: StanguardBot

    def __init__(
        self,
        database_url: str,
        *,
        mode: Mode = Mode.REMOVE,
        configured: bool = True,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.cdn = WatchedCdn()
        self._database_url = database_url
        self._mode = mode
        self._configured = configured
        self._settings = settings or {}
        self._switch = Switch()
        self.passed = timedelta()
        self.locales: dict[str, str] = {}
        self._stack = contextlib.AsyncExitStack()
        self._logged: list[Any] = []
        self._acknowledged: list[Any] = []

    # ------------------------------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        self._logged = stack.enter_context(structlog.testing.capture_logs())
        await self.cdn.start()
        stack.push_async_callback(self.cdn.close)
        self.app = await App.open(self._loaded_settings(), clock=lambda: utc_now() + self.passed)
        stack.push_async_callback(self.app.stop)
        # Before simcord attaches: tasks started later would count as the bot's own and never come to rest.
        await self.app.start(self._switch)
        self.bot = self._new_bot()
        # Not simcord.run(): its context variable cannot be reset from the task that ends a pytest fixture.
        self.env = simcord.Env(self.bot, settle_timeout=SETTLE_SECONDS)
        self.env.backend.cdn = self.cdn
        await self.env.start()
        stack.push_async_callback(self.env.shutdown)
        stack.enter_context(_spoken(self.locales))
        stack.enter_context(only_marked_texts())
        await self._populate()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.settle()
        await self._stack.__aexit__(kind, error, trace)
        if kind is None:
            unseen = [error for error in self._errors() if error not in self._acknowledged]
            assert not unseen, f"errors happened that the test did not look at: {unseen}"

    async def _populate(self) -> None:
        env = self.env
        owner = env.create_user("owner")
        self.guild = guild = env.create_guild("Moonlark fans", owner=owner)
        self.owner = simcord.MemberActor(env, guild, owner)
        self.moderators = guild.create_role("Moderators", permissions=discord.Permissions(manage_messages=True))
        self.child_safety = guild.create_role("Child safety")
        self.moderator = guild.add_member(env.create_user("mina"), roles=[self.moderators])
        self.second_moderator = guild.add_member(env.create_user("hana"), roles=[self.moderators])
        self.guardian = guild.add_member(env.create_user("guri"), roles=[self.child_safety])
        self.fan = guild.add_member(env.create_user("faye"))
        self.other = guild.add_member(env.create_user("oro"))
        self.fans = guild.create_text_channel("fan-art")
        closed = discord.PermissionOverwrite(view_channel=False)
        seen = discord.PermissionOverwrite(view_channel=True)
        bot_role = next(role for role in guild.roles.values() if role._role.managed)
        self.review = guild.create_text_channel(
            "review",
            overwrites={
                guild.default_role: closed,
                self.moderators: seen,
                self.child_safety: seen,
                bot_role: seen,
            },
        )
        await env.settle()
        if self._configured:
            await self.change(
                mode=self._mode,
                review_channel_id=self.review.id,
                moderator_role_id=self.moderators.id,
                child_safety_role_id=self.child_safety.id,
            )

    def _loaded_settings(self) -> Settings:
        values: dict[str, dict[str, Any]] = {
            "store": {"url": self._database_url},
            "media": {"allowed_hosts": [self.cdn.host], "allow_http": True, "workers": 1},
            "discord": {"cdn_url": self.cdn.address},
        }
        for section, changes in self._settings.items():
            values.setdefault(section, {}).update(changes)
        return Settings(**values)

    def _new_bot(self) -> StanguardBot:
        bot = create_bot(self.app)
        self._switch.calls = DiscordCalls(bot)
        return bot

    async def restart(self) -> None:
        """The bot's Discord side goes and comes back; the server, the database and the services stay."""
        self._switch.calls = None
        self.bot = create_bot(self.app)
        await self.env.restart_bot(self.bot)
        self._switch.calls = DiscordCalls(self.bot)
        await self.settle()

    async def time_passes(self, time: timedelta) -> None:
        """So much later, everything that happens by the clock has happened."""
        self.passed += time
        await self.app.aging.run()
        await self.settle()

    async def settle(self) -> None:
        """Return when neither the bot nor the services have anything left to do."""
        for _ in range(MOST_ROUNDS):
            before = len(self.env.backend.transcript)
            await self.env.settle()
            await self.app.idle()
            await self.env.settle()
            if len(self.env.backend.transcript) == before:
                return
        raise AssertionError(f"it does not come to rest: {self.env.backend.transcript[-3:]}")

    # ------------------------------------------------------------------------------------ arranging

    def speaks(self, member: simcord.MemberActor, locale: str) -> None:
        """From now on this member's Discord is set to a locale, such as ``ko``: simcord itself knows only English."""
        self.locales[str(member.id)] = locale

    async def change(self, **changes: Any) -> GuildSettings:
        """Change the server's settings as ``/setup`` would."""
        return await self.app.guilds.change(self.guild.id, **changes)

    async def server(self) -> GuildSettings:
        return await self.app.guilds.get(self.guild.id)

    async def fingerprint(self, picture: bytes) -> Fingerprint:
        return await self.app.scanner.reference_of(picture)

    async def block(self, picture: bytes, category: Category = Category.NCII_SYNTHETIC, *, note: str = "") -> Added:
        """Put a picture on the server's own blocklist, before anybody posts it."""
        return await self._list(BankKind.BLOCK, picture, category, note)

    async def know(self, picture: bytes, *, note: str = "") -> Added:
        """Put a picture on the server's known-good list."""
        return await self._list(BankKind.KNOWN_GOOD, picture, Category.OTHER, note)

    async def _list(self, kind: BankKind, picture: bytes, category: Category, note: str) -> Added:
        bank = await self.app.banks.own(self.guild.id, kind)
        fingerprint = await self.fingerprint(picture)
        return await self.app.banks.add(bank, fingerprint, category, note=note, source="test")

    async def post(self, author: simcord.MemberActor, picture: bytes, name: str = "picture.jpg") -> discord.Message:
        """A member posts a picture in the open channel, and everything that follows has happened."""
        message = await author.send(self.fans, attachments=[(name, picture)])
        await self.settle()
        return message

    async def arrange(
        self, author_id: int, content: str = "", *, channel_id: int | None = None, **parts: Any
    ) -> discord.Message:
        """A message with any parts that simcord's backend knows (embeds, stickers, components, flags and so on)."""
        where = channel_id or self.fans.id
        stored = self.env.backend.create_message(where, author_id, content, **parts)
        await self.settle()
        return to_discord_message(self.env, stored)

    def reveal(self, command: str, member: simcord.MemberActor, *, menu: bool = False) -> None:
        """Let a member use a command that is hidden from them by default, as an admin of the server can."""
        found = self.env.backend.find_command(command, self.guild.id, type=3 if menu else 1)
        self.guild.set_command_permissions(int(found["id"]), {member: True})

    def upload(self, picture: bytes, name: str = "picture.jpg") -> MediaRef:
        """A picture on the media host that no message shows."""
        url = self.cdn.publish(f"uploads/{name}", picture)
        return MediaRef(f"upload:{name}", Surface.COMMAND, url, name, len(picture))

    # ------------------------------------------------------------------------------------ looking

    def gone(self, message: discord.Message | simcord.ResponseMessage) -> bool:
        """Whether the message was removed."""
        channel_id = message.channel_id if isinstance(message, simcord.ResponseMessage) else message.channel.id
        return message.id not in self.env.backend.messages[channel_id]

    def cards(self) -> list[discord.Message]:
        """The messages of the bot in the review channel that show a case, oldest first."""
        return [message for message in self.review.history() if self.buttons(message)]

    def card(self) -> discord.Message:
        """The only card in the review channel."""
        (card,) = self.cards()
        return card

    def text(self, message: discord.Message | simcord.ResponseMessage) -> str:
        """Everything that a message says, wherever it says it."""
        stored = self._stored(message)
        return "\n".join(
            [stored.content, *(part["content"] for part in _walk(stored.components) if part.get("type") == 10)]
        )

    def buttons(self, message: discord.Message | simcord.ResponseMessage) -> list[str]:
        """The labels of a message's buttons."""
        return [part["label"] for part in _walk(self._stored(message).components) if part.get("type") == 2]

    def parts(self, message: discord.Message | simcord.ResponseMessage) -> list[dict[str, Any]]:
        """Every component of a message, at any depth."""
        return list(_walk(self._stored(message).components))

    def called(self) -> list[int]:
        """The roles that the bot's messages mentioned so that their members are notified, in order."""
        bodies = [request.json for request in self.env.http_requests if request.method == "POST" and request.json]
        return [
            int(role_id)
            for body in bodies
            for role_id in (body.get("allowed_mentions") or {}).get("roles", ())
            if f"<@&{role_id}>" in str(body)
        ]

    def answer(self, result: simcord.InteractionResult) -> str:
        """Everything that the bot answered to an interaction; it must have been seen by this person alone."""
        shown = [message for message in (result.response, *result.followups) if message is not None]
        shown = [message for message in shown if message.ephemeral]
        assert shown, "the bot answered nothing that only this person sees"
        return "\n".join(self.text(message) for message in shown)

    async def view(self, case_id: int) -> CaseView:
        return await self.app.cases.view(case_id)

    async def sighting_count(self) -> int:
        """How many media items were written down."""
        async with self.app.store.read() as tx:
            counts = await tx.sightings.counts(self.guild.id, self.app.cases.now().replace(year=2000))
        return sum(counts.values())

    def ref(self, message: discord.Message) -> MessageRef:
        return MessageRef(self.guild.id, message.channel.id, message.id, message.author.id)

    @property
    def errors(self) -> list[Any]:
        """What was logged as an error so far, and what the bot's handlers raised; looking at it makes it expected."""
        self._acknowledged = self._errors()
        return list(self._acknowledged)

    def _errors(self) -> list[Any]:
        logged = [entry for entry in self._logged if entry["log_level"] in {"error", "critical"}]
        # A StanguardError out of a form is a sentence for a person, which tests read in the answer.
        return [*logged, *(error for error in self.env.errors if not isinstance(error, StanguardError))]

    def _stored(self, message: discord.Message | simcord.ResponseMessage) -> Any:
        channel_id = message.channel_id if isinstance(message, simcord.ResponseMessage) else message.channel.id
        return self.env.backend.get_message(channel_id, message.id)


def _walk(components: Any) -> Iterator[dict[str, Any]]:
    for component in components:
        yield component
        yield from _walk(component.get("components") or ())
