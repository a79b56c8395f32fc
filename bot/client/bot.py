"""The Discord side of the program: one client, few intents, nothing cached that is not needed."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypedDict, Unpack

import discord
import structlog
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.app import App
from bot.errors import DatabaseError
from bot.model import CaseView, GuildSettings
from bot.ops import metrics
from bot.settings import DiscordSettings
from bot.store.chores import INSTALLATION

from .departures import sinks_of
from .permits import Permits
from .raw import MESSAGE_EVENTS, Sink, guard, where
from .restraint import NOT_ACCEPTED, Restraint
from .translator import CatalogueTranslator
from .watchdog import Watchdog

log = structlog.get_logger(__name__)

EXTENSIONS = (
    "cogs.errors",
    "cogs.intake",
    "cogs.review",
    "cogs.casebook",
    "cogs.report",
    "cogs.takedown",
    "cogs.blocklist",
    "cogs.known_good",
    "cogs.setup",
    "cogs.setup_review",
    "cogs.setup_reports",
    "cogs.reporters",
    "cogs.looking",
    "cogs.stats",
    "cogs.scan",
    "cogs.appeal",
    "cogs.guide",
    "cogs.privacy",
)
"""Loaded by name: the product does not import its Discord extensions."""

LONGEST_WAIT = 30.0
"""Seconds that a request may wait for a rate limit inside discord.py; longer waits are the outbox's."""

IDENTIFY_SECONDS = 5.0
"""Seconds between two sessions that begin, as Discord wants it."""

# The bot never joins a voice channel, so nobody needs to install what voice would need.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False

CardRenderer = Callable[[CaseView, GuildSettings], discord.ui.LayoutView]


class StatsRenderer(Protocol):
    """Writes the numbers of a guild's seven days before a midnight as a message, with its files."""

    async def __call__(
        self, guild_id: int, until: datetime, *, chart: bool
    ) -> tuple[discord.ui.LayoutView, list[discord.File]]:
        """``chart`` False: the message shows no file."""
        ...


_API_URL = Route.BASE
_GATEWAY_URL = DiscordWebSocket.DEFAULT_GATEWAY


def intents() -> discord.Intents:
    """What the bot hears: servers and their channels, messages, and what is in them (privileged)."""
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.message_content = True
    return wanted


class Sharding(TypedDict, total=False):
    """Which part of Discord's gateway a process takes, in discord.py's words."""

    shard_count: int
    shard_ids: list[int] | None


class StanguardBot(commands.Bot):
    """Connects the services of an :class:`App` to Discord. Holds no state that would be missed after a restart.

    ``card_renderer`` draws a case as a message, and ``stats_renderer`` a guild's numbers; the extensions set them.
    ``restraint`` is what every request passes, ``permits`` what the bot may do where.
    """

    def __init__(self, app: App, **sharding: Unpack[Sharding]) -> None:
        self.app = app
        self.card_renderer: CardRenderer | None = None
        self.stats_renderer: StatsRenderer | None = None
        self.logged_in = False
        self.watchdog: Watchdog | None = None
        # Of several sinks of an event the first one hears of it first.
        self._sinks: dict[str, list[Sink]] = {event: [] for event in MESSAGE_EVENTS}
        self._sinks |= {event: [sink] for event, sink in sinks_of(app.departures).items()}
        self.restraint = Restraint()
        self.permits = Permits(self)
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            intents=intents(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=LONGEST_WAIT,
            http_trace=self.restraint.trace(),
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            **sharding,
        )
        self.restraint.limit(self.http)
        metrics.INVALID_ANSWERS.set_function(lambda: self.restraint.invalid)
        guard(self._connection.parsers, self._sinks)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay on the gateway. Raises discord.LoginFailure when Discord stops to accept the token, besides the rest."""
        connection = asyncio.create_task(super().connect(reconnect=reconnect), name="gateway-connection")
        refused = asyncio.create_task(self.restraint.token_refused.wait(), name="token-refused")
        try:
            await asyncio.wait((connection, refused), return_when=asyncio.FIRST_COMPLETED)
            if not connection.done():
                raise discord.LoginFailure(NOT_ACCEPTED)
            await connection
        finally:
            connection.cancel()
            refused.cancel()
            await asyncio.gather(connection, refused, return_exceptions=True)

    async def setup_hook(self) -> None:
        """Load the extensions and publish the commands; without the commands the bot still protects."""
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self.tree.set_translator(CatalogueTranslator())
        self.logged_in = True
        if not self.publishes_commands:
            return
        try:
            await self.tree.sync()
        except discord.HTTPException as error:
            log.error("commands.not_published", status=error.status, code=error.code)
        except discord.RateLimited as error:
            log.error("commands.not_published", status=429, retry_after=error.retry_after)

    @property
    def publishes_commands(self) -> bool:
        """Whether this process publishes the commands: of several processes, the one with the first shard."""
        return True

    def add_sink(self, sink: Sink, *events: str) -> None:
        """Hand the raw JSON of every message to ``sink`` before discord.py sees it, at these events or at all."""
        for event in events or MESSAGE_EVENTS:
            self._sinks[event].append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Stop handing messages to ``sink``; nothing happens if it was not there."""
        for event in MESSAGE_EVENTS:
            if sink in self._sinks[event]:
                self._sinks[event].remove(sink)

    def add_guild_sinks(self, *, appeared: Sink, left: Sink) -> None:
        """Hand the raw JSON of every GUILD_CREATE to one sink and of every GUILD_DELETE to another, before messages."""
        self._sinks["GUILD_CREATE"].append(appeared)
        self._sinks["GUILD_DELETE"].append(left)

    def stop_intake(self) -> None:
        """Take no more messages in, so that what is under way can end before the connection does."""
        for sinks in self._sinks.values():
            sinks.clear()

    @property
    def sharded(self) -> bool:
        """Whether this process has a connection for each of several shards."""
        return isinstance(self, ShardedStanguardBot)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait before a session is begun: Discord grants few of them."""
        if self.watchdog is not None:
            await self.watchdog.before_session()
        await super().before_identify_hook(shard_id, initial=initial)

    async def on_connect(self) -> None:
        """Note that there is a new session."""
        self._session(up=True)

    async def on_resumed(self) -> None:
        """Note that the session goes on."""
        self._session(up=True)

    async def on_disconnect(self) -> None:
        """Note that the connection broke."""
        self._session(up=False)

    def _session(self, *, up: bool, shard_id: int | None = None) -> None:
        if self.watchdog is None or self.sharded is (shard_id is None):
            return  # with several shards, discord.py tells of each twice: only one of the two says which it was
        (self.watchdog.up if up else self.watchdog.down)(shard_id or 0)

    async def on_ready(self) -> None:
        """Say that the bot is on watch, and where: after a new session too."""
        log.info("bot.ready", servers=len(self.guilds))
        await self.permits.look_everywhere()

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        """A role gained or lost a permission: the bot may be allowed now what it was refused."""
        if before.permissions != after.permissions:
            await self.permits.changed(after.guild.id)

    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        """A channel was opened or closed to somebody."""
        if before.overwrites != after.overwrites or before.category_id != after.category_id:
            await self.permits.changed(after.guild.id)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """The bot itself was given a role, or lost one, or its timeout ended: of others it does not hear."""
        if self.user is not None and after.id == self.user.id:
            del before
            await self.permits.changed(after.guild.id)

    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        """A thread was locked or unlocked."""
        if before.locked != after.locked:
            await self.permits.changed(after.guild.id)

    async def on_message(self, message: discord.Message, /) -> None:
        """There are no text commands, so nothing is parsed out of what members write."""
        del message

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        """Count and log an exception of an event handler, without its text: that may quote a member."""
        del args, kwargs
        error = sys.exc_info()[1]
        metrics.HANDLER_ERRORS.labels(event_method).inc()
        log.error("gateway.handler_failed", handler=event_method, error=where(error) if error else "")


class ShardedStanguardBot(StanguardBot, commands.AutoShardedBot):
    """The same bot for one process of several, each with its shards."""

    _at_once = 1
    _identified: frozenset[int] = frozenset()

    async def on_shard_connect(self, shard_id: int) -> None:
        """Note that a shard has a new session."""
        self._session(up=True, shard_id=shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        """Note that the session of a shard goes on."""
        self._session(up=True, shard_id=shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Note that the connection of a shard broke."""
        self._session(up=False, shard_id=shard_id)

    @property
    def publishes_commands(self) -> bool:
        """Whether this process has the first shard."""
        return not self.shard_ids or 0 in self.shard_ids

    async def launch_shards(self) -> None:
        """Ask Discord how many shards may begin a session at once, and start those of this process."""
        try:
            limits = await self.fetch_session_start_limits()
        except discord.GatewayNotFound:
            log.warning("gateway.no_limits")
        else:
            self._at_once = max(1, limits.max_concurrency)
            wanted = len(self.shard_ids or range(self.shard_count or 1))
            if limits.remaining < wanted:
                seconds = limits.reset_after // 1000
                log.warning("gateway.few_starts", remaining=limits.remaining, shards=wanted, reset_seconds=seconds)
        await super().launch_shards()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for the turn of a shard to begin a session.

        Discord takes one in five seconds of all shards whose number is the same modulo ``max_concurrency``, whichever
        process they belong to; so the turns are in the database. discord.py alone would wait five seconds before each.
        """
        del initial  # of this process; what counts is the first of all
        shard = shard_id or 0
        if shard in self._identified:  # its session was ended: Discord asks to wait up to five seconds
            await asyncio.sleep(random.uniform(1, IDENTIFY_SECONDS))  # noqa: S311 - spreads load only
        self._identified |= {shard}
        try:
            while not await self._takes_turn(shard % self._at_once):
                if self.is_closed():  # discord.py would try for ever to start a shard of a bot that is closed
                    raise asyncio.CancelledError
                await asyncio.sleep(0.25)
        except DatabaseError:
            log.warning("gateway.no_turn", shard=shard)
            await asyncio.sleep(IDENTIFY_SECONDS)

    async def _takes_turn(self, bucket: int) -> bool:
        now = datetime.now(UTC)
        async with self.app.store.write() as tx:
            before = now - timedelta(seconds=IDENTIFY_SECONDS)
            return await tx.chores.take(INSTALLATION, f"identify:{bucket}", now=now, not_since=before)


def create_bot(app: App) -> StanguardBot:
    """The bot for an installation's settings: for one process, or for one of several that share the shards."""
    settings = app.settings.discord
    apply_addresses(settings)
    if settings.shard_count is None:
        return StanguardBot(app)
    ids = None if settings.shard_ids is None else list(settings.shard_ids)
    return ShardedStanguardBot(app, shard_count=settings.shard_count, shard_ids=ids)


def apply_addresses(settings: DiscordSettings) -> None:
    """Point discord.py at the configured addresses, or back at Discord's own: it knows them as class attributes."""
    Route.BASE = settings.api_url.rstrip("/") if settings.api_url else _API_URL
    DiscordWebSocket.DEFAULT_GATEWAY = URL(settings.gateway_url) if settings.gateway_url else _GATEWAY_URL
