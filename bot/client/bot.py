"""The Discord side of the program: one client, few intents, nothing cached that is not needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

import discord
import structlog
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.app import App
from bot.model import CaseView, GuildSettings
from bot.ops import metrics
from bot.settings import DiscordSettings

from .raw import Sink, guard, where

log = structlog.get_logger(__name__)

EXTENSIONS = (
    "cogs.errors",
    "cogs.intake",
    "cogs.review",
    "cogs.casebook",
    "cogs.report",
    "cogs.blocklist",
    "cogs.known_good",
    "cogs.setup",
    "cogs.setup_review",
    "cogs.looking",
    "cogs.stats",
    "cogs.appeal",
)
"""Loaded by name: the product does not import its Discord extensions."""

LONGEST_WAIT = 30.0
"""Seconds that a request may wait for a rate limit inside discord.py; longer waits are the outbox's."""

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
    """

    def __init__(self, app: App, **sharding: Unpack[Sharding]) -> None:
        self.app = app
        self.card_renderer: CardRenderer | None = None
        self.stats_renderer: StatsRenderer | None = None
        self.logged_in = False
        self._sinks: list[Sink] = []
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            intents=intents(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=LONGEST_WAIT,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            **sharding,
        )
        guard(self._connection.parsers, self._sinks)

    async def setup_hook(self) -> None:
        """Load the extensions and publish the commands; without the commands the bot still protects."""
        for extension in EXTENSIONS:
            await self.load_extension(extension)
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

    def add_sink(self, sink: Sink) -> None:
        """Hand the raw JSON of every created or changed message to ``sink``, before discord.py sees it."""
        self._sinks.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Stop handing messages to ``sink``; nothing happens if it was not there."""
        if sink in self._sinks:
            self._sinks.remove(sink)

    def stop_intake(self) -> None:
        """Take no more messages in, so that what is under way can end before the connection does."""
        self._sinks.clear()

    async def on_ready(self) -> None:
        """Say that the bot is on watch, and where: after a new session too."""
        log.info("bot.ready", servers=len(self.guilds))

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

    @property
    def publishes_commands(self) -> bool:
        """Whether this process has the first shard."""
        return not self.shard_ids or 0 in self.shard_ids


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
