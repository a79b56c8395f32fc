"""Work on the same picture that several want at the same time, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from .errors import MediaError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flights(Generic[K, V]):
    """Work on the same thing that several want at the same time: the first does it, and the others get what came out.

    A failure is passed on only if it is one of the thing itself (``lasting``). After any other, the others do the work
    on their own, side by side.
    """

    def __init__(self, lasting: Callable[[MediaError], bool]) -> None:
        self._lasting = lasting
        self._under_way: dict[K, asyncio.Future[V | None]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether somebody is at it."""
        return key in self._under_way

    async def share(self, key: K, work: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """What comes out of ``work``, which is never None, and whether somebody else did it. Raises what it raises."""
        flight = self._under_way.get(key)
        if flight is not None:
            # Shielded: who stops waiting does not stop the others.
            value = await asyncio.shield(flight)
            return (await work(), False) if value is None else (value, True)
        flight = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            value = await work()
            flight.set_result(value)
        except MediaError as error:
            if self._lasting(error):
                flight.set_exception(error)
                flight.exception()  # nobody has to be waiting for it
            raise
        finally:
            del self._under_way[key]
            if not flight.done():
                flight.set_result(None)
        return value, False
