"""Runs the bot from login to a graceful end, and turns what can go wrong on the way into sentences."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Generator

import aiohttp
import discord
import structlog

from bot.app import App
from bot.errors import ConfigError, why_unreachable
from bot.settings import TOKEN_VARIABLE, DiscordSettings
from bot.store.vitals import Vitals

from .bot import StanguardBot, create_bot
from .calls import DiscordCalls
from .connection import Connection
from .departures import DiscordServers
from .history import DiscordHistory
from .members import DiscordMembers
from .watchdog import Watchdog

log = structlog.get_logger(__name__)

STOP_SECONDS = 8.5
"""How long an orderly end may take: who supervises the process waits for ten seconds before it is killed."""

SWITCH_SECONDS = 0.0005
"""How long another thread may keep the interpreter from the event loop: a tenth of Python's own. The database has a
thread for each connection and matching has some, and each time that the loop waits for one of them it pays for those
that are at work then. In a flood that is most of what a picture of a quiet server waits for."""

GOODBYE_SECONDS = 1.0
"""What of it is kept for the connection to Discord."""

BAD_TOKEN = (
    f"Discord does not accept the token; reset it in the Developer Portal (Bot, Reset Token) and set {TOKEN_VARIABLE}."
)
NO_TOKEN = f"There is no token; copy it from the Developer Portal (Bot, Reset Token) and set {TOKEN_VARIABLE}."
NOT_A_TOKEN = (
    f"What {TOKEN_VARIABLE} holds is not a bot's token ({{what}}); copy the token from the Developer Portal (Bot, "
    "Reset Token) and set it without quotes and without the word Bot."
)
NO_INTENT = (
    "Discord does not let the bot read messages; turn on Message Content Intent in the Developer Portal "
    "(Bot, Privileged Gateway Intents) and start again."
)

_CLOSE_CODES = {
    4004: BAD_TOKEN,
    4010: "Discord refused the shard; check discord.shard_ids and discord.shard_count.",
    4011: "The bot is in too many servers for one shard; set discord.shard_count.",
    4012: "Discord does not speak this version of the gateway any more; update stanguard.",
    4013: "Discord does not know the intents that the bot asked for; update stanguard.",
    4014: NO_INTENT,
}


_NO_TOKENS = (
    (re.compile(r"Bot\s.*", re.IGNORECASE | re.DOTALL), "it begins with the word Bot"),
    (re.compile(r"['\"].*|.*['\"]", re.DOTALL), "it has quotes around it"),
    (re.compile(r".*\s.*", re.DOTALL), "there is a space or a line break in it"),
    (re.compile(r".*[^!-~].*", re.DOTALL), "there is a letter in it that no token has"),
    (re.compile(r"[0-9]{15,20}"), "it looks like the application's id"),
    (re.compile(r"[0-9a-f]{64}"), "it looks like the application's public key"),
    (re.compile(r"[\w-]{32}"), "it looks like the client secret"),
)
"""What people paste by mistake. Anything else is for Discord to judge."""


def token_of(settings: DiscordSettings) -> str:
    """The token from the environment; ConfigError when there is none, or something that cannot be one."""
    token = "" if settings.token is None else settings.token.get_secret_value().strip()
    if not token:
        raise ConfigError(NO_TOKEN)
    for pattern, what in _NO_TOKENS:
        if pattern.fullmatch(token):
            raise ConfigError(NOT_A_TOKEN.format(what=what))
    return token


@contextlib.contextmanager
def explained() -> Generator[None]:
    """Turn what discord.py raises at login and on the connection into ConfigError with one sentence."""
    try:
        yield
    except discord.LoginFailure:
        raise ConfigError(BAD_TOKEN) from None
    except discord.PrivilegedIntentsRequired:
        raise ConfigError(NO_INTENT) from None
    except discord.ConnectionClosed as error:
        sentence = _CLOSE_CODES.get(error.code, f"Discord closed the connection (code {error.code}); start again.")
        raise ConfigError(sentence) from None
    except discord.HTTPException as error:
        raise ConfigError(
            f"Discord answered {error.status} at login; see https://discordstatus.com and start again later."
        ) from None
    except (TimeoutError, discord.GatewayNotFound, aiohttp.ClientError, OSError) as error:
        raise ConfigError(
            f"Discord cannot be reached ({why_unreachable(error)}); check the network, and discord.api_url and "
            "discord.gateway_url if they are set."
        ) from None


async def run(app: App, *, stopping: Callable[[], None] = lambda: None) -> None:
    """Run the bot until SIGINT or SIGTERM, then take nothing more in, finish what is under way, and disconnect.

    ``app`` is open and not started; it is stopped at the end in any case, within :data:`STOP_SECONDS`. ``stopping`` is
    called when the end begins. Raises, with one sentence each, ConfigError when Discord does not let the bot in, or not
    any more, LostError when the gateway stays silent, and DamagedDatabaseError.
    """
    bot: StanguardBot | None = None
    connection: asyncio.Task[None] | None = None
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        await app.monitor.start()
        token = token_of(app.settings.discord)
        bot = create_bot(app)
        gateway = Connection(bot)
        with explained():
            await bot.login(token)
        log.info("bot.logged_in", user=str(bot.user))
        bot.add_guild_sinks(appeared=app.gaps.appeared, left=app.gaps.left)
        await app.start(
            DiscordCalls(bot),
            members=DiscordMembers(bot),
            history=DiscordHistory(bot),
            gateway=gateway,
            servers=DiscordServers(bot),
        )
        watchdog = Watchdog(
            bot,
            resume_seconds=app.settings.discord.resume_seconds,
            silent_seconds=app.settings.discord.silent_seconds,
        )
        connection = asyncio.create_task(watchdog.run(), name="gateway")
        with explained():
            await _until_asked_to_stop(connection, app.store.vitals)
    finally:
        stopping()
        until = time.monotonic() + STOP_SECONDS
        if bot is not None:
            bot.stop_intake()
        try:
            # Before the connection ends: what is due still goes out.
            await app.stop(within=STOP_SECONDS - GOODBYE_SECONDS)
        finally:
            try:
                await _disconnect(bot, connection, within=max(GOODBYE_SECONDS, until - time.monotonic()))
            finally:
                await app.monitor.stop()
    log.info("bot.stopped")


async def _until_asked_to_stop(connection: asyncio.Task[None], vitals: Vitals) -> None:
    """Return at the first SIGINT or SIGTERM, or when Discord ends the connection; raise what that raised.

    Raises DamagedDatabaseError as soon as the database turns out to be damaged.
    """
    asked = asyncio.Event()
    with _signals(asked):
        stop = asyncio.create_task(asked.wait(), name="signals")
        damaged = asyncio.create_task(vitals.damaged.wait(), name="damage")
        await asyncio.wait({connection, stop, damaged}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        damaged.cancel()
    if vitals.damage is not None:
        raise vitals.damage
    if connection.done():
        await connection
    log.info("bot.stopping")


async def _disconnect(bot: StanguardBot | None, connection: asyncio.Task[None] | None, *, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            if bot is not None:
                await bot.close()
    except TimeoutError:
        log.warning("gateway.no_goodbye")
    if connection is not None:
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)


@contextlib.contextmanager
def _signals(asked: asyncio.Event) -> Generator[None]:
    """Set the event on the first SIGINT or SIGTERM; a second one ends the process the hard way."""
    loop = asyncio.get_running_loop()
    caught: list[signal.Signals] = []

    def stop() -> None:
        asked.set()
        release()

    def release() -> None:
        while caught:
            loop.remove_signal_handler(caught.pop())

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows, or not in the main thread
            loop.add_signal_handler(number, stop)
            caught.append(number)
    try:
        yield
    finally:
        release()
