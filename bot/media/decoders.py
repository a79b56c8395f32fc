"""The decoders of a bot: many processes, and one more for a picture that shall not wait for those of other servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.matching.query import Query, Wanted
from bot.model import Passing
from bot.settings import MediaSettings

from .errors import MediaError
from .sandbox import Sandbox

_AHEAD = 0
"""The niceness of the one process: on a busy machine it gets as much of a processor as the bot's own process does."""


class Decoders:
    """As many processes as the settings say, and one besides that comes before them when the processors are busy."""

    def __init__(self, settings: MediaSettings, *, restarted: Callable[[], None]) -> None:
        """``restarted`` is called when the many, or the one, are replaced."""
        self._many = Sandbox(settings, restarted=restarted)
        self._one = Sandbox(settings, workers=1, niceness=_AHEAD, restarted=restarted)

    @property
    def answered_at(self) -> float | None:
        """When one of the many said something about a file last, by :func:`time.monotonic`; None: never."""
        return self._many.answered_at

    @property
    def failing_since(self) -> float | None:
        """Since when nothing can be decoded, as a time of :func:`time.monotonic`; None: it can, as far as is known."""
        return self._many.failing_since

    async def start(self) -> None:
        """Start the processes and wait until one of each kind answers. Raises StanguardError if none can be started."""
        await self._many.start()
        try:
            await self._one.start()
        except BaseException:
            await self._many.stop()
            raise

    async def stop(self, *, within: float = 10.0) -> None:
        """End all processes; as :meth:`Sandbox.stop`."""
        await asyncio.gather(self._many.stop(within=within), self._one.stop(within=within))

    async def query(self, data: bytes, wanted: Wanted = Wanted.NOTHING, *, ahead: bool = False) -> Query:
        """As :meth:`Sandbox.query`. ``ahead``: by the one, if it is free. It helps out where the many are all busy."""
        if self._one.free and (ahead or not self._many.free):
            try:
                return await self._one.query(data, wanted)
            except MediaError as error:
                if error.passing is not Passing.BLIND:
                    raise
        return await self._many.query(data, wanted)

    async def answers(self) -> bool:
        """Whether one of the many answers now. Without the other one pictures are late, but none is left unscanned."""
        return await self._many.answers()
