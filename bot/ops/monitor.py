"""What watches over one process from its first to its last moment: the server, the lag, and systemd's watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.settings import HealthSettings

from .health_state import LIVENESS, WELL, Health, Part, State, failing
from .measuring import measure_lag
from .sd_notify import notify, watchdog_seconds
from .server import HealthServer

STARTING = "It is being started."
STOPPING = "It is being stopped."

_SIGNS_A_PERIOD = 3
"""How often systemd hears of us in the time after which it would give us up."""


class Monitor:
    """Starts before everything else of the process, and ends after it."""

    def __init__(self, settings: HealthSettings, health: Health, measure: Callable[[], Awaitable[None]]) -> None:
        self._health = health
        self._server = HealthServer(settings, health, measure)
        self._reason = STARTING
        self._tasks: list[asyncio.Task[None]] = []
        health.probe(Part.SERVICES, self._services)

    @property
    def running(self) -> bool:
        """Whether everything has been started and nothing is being stopped."""
        return not self._reason

    async def start(self) -> None:
        """Be there for questions. Never fails."""
        await self._server.start()
        self._tasks = [asyncio.create_task(measure_lag(), name="loop-lag")]
        seconds = watchdog_seconds()
        if seconds is not None:
            sign = self._give_signs(seconds / _SIGNS_A_PERIOD)
            self._tasks.append(asyncio.create_task(sign, name="watchdog-signs"))

    def started(self) -> None:
        """Everything runs: say so, also to systemd."""
        self._reason = ""
        notify("READY=1", "STATUS=On watch.")

    def stopping(self) -> None:
        """The end has begun: say so, also to systemd."""
        self._reason = STOPPING
        notify("STOPPING=1", "STATUS=Finishing what is under way.")

    async def stop(self) -> None:
        """Answer no questions any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._server.stop()

    def _services(self) -> State:
        return failing(self._reason) if self._reason else WELL

    async def _give_signs(self, seconds: float) -> None:
        """Tell systemd that the process is alive. From a loop that hangs, or without its loops, it hears nothing."""
        while True:
            problems = await self._health.problems(LIVENESS)
            if problems:
                notify(f"STATUS={' '.join(problems.values())}")
            else:
                notify("WATCHDOG=1")
            await asyncio.sleep(seconds)
