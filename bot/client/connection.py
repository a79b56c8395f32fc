"""What can be told of the connection to Discord's gateway: by shard, from the events that discord.py gives out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from bot.ops import metrics
from bot.ops.health_state import WELL, Part, State, failing

from .bot import ShardedStanguardBot, StanguardBot

RESUME_SECONDS = 60.0
"""How long a lost connection may take to come back before the bot does not count as ready any more."""

NEVER_CONNECTED = "It is not connected to Discord yet."
LOST = "The connection to Discord was lost and has not come back in time."


class Connection:
    """Implements :class:`bot.ops.watch.Gateway`, and tells the health and the metrics of its bot's app.

    To be made before the bot connects.
    """

    def __init__(self, bot: StanguardBot, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._clock = clock
        settings = bot.app.settings.discord
        shards = range(settings.shard_count or 1) if settings.shard_ids is None else settings.shard_ids
        self._away_since: dict[int, float | None] = dict.fromkeys(shards, -math.inf)
        """None for a shard that is connected; minus infinity for one that never was."""
        if isinstance(bot, ShardedStanguardBot):
            bot.add_listener(self._new, "on_shard_connect")
            bot.add_listener(self._resumed, "on_shard_resumed")
            bot.add_listener(self._lost, "on_shard_disconnect")
        else:
            bot.add_listener(self._new, "on_connect")
            bot.add_listener(self._resumed, "on_resumed")
            bot.add_listener(self._lost, "on_disconnect")
        bot.add_sink(bot.app.contents.message)
        bot.app.health.probe(Part.GATEWAY, self.look)
        metrics.GATEWAY_LATENCY.set_function(self.latency)
        metrics.GATEWAY_SHARDS.labels("connected").set_function(lambda: sum(self.shards().values()))
        metrics.GATEWAY_SHARDS.labels("away").set_function(lambda: sum(not up for up in self.shards().values()))

    def shards(self) -> Mapping[int, bool]:
        """The shards of this process, and whether each is connected."""
        return {shard: since is None for shard, since in self._away_since.items()}

    def serves(self, guild_id: int) -> bool:
        """Whether the bot is in a server; True as long as Discord has not said where it is."""
        guild = self._bot.get_guild(guild_id)
        return guild is not None or not self._bot.is_ready()

    def latency(self) -> float:
        """Seconds between a heartbeat and its answer, of the slowest shard; not a number while there is none."""
        bot = self._bot
        known = [seconds for _, seconds in bot.latencies] if isinstance(bot, ShardedStanguardBot) else [bot.latency]
        return max((seconds for seconds in known if math.isfinite(seconds)), default=math.nan)

    def look(self) -> State:
        """Whether every shard is connected, or has been lost for so short a time that it will be resumed."""
        away = [since for since in self._away_since.values() if since is not None]
        if -math.inf in away:
            return failing(NEVER_CONNECTED)
        if any(self._clock() - since >= RESUME_SECONDS for since in away):
            return failing(LOST)
        return WELL

    async def _new(self, shard: int = 0) -> None:
        self._away_since[shard] = None
        metrics.GATEWAY_SESSIONS.labels("new").inc()

    async def _resumed(self, shard: int = 0) -> None:
        self._away_since[shard] = None
        metrics.GATEWAY_SESSIONS.labels("resumed").inc()

    async def _lost(self, shard: int = 0) -> None:
        # Every attempt that fails is told as another loss.
        if self._away_since[shard] is None:
            self._away_since[shard] = self._clock()
