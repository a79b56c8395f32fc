"""How much one member may report in a time, and how many new cases reports may open in one server.

What a member reported is counted twice: by the reports that stand in the database, which outlive a restart, and by what
was fetched for them, which is kept in memory alone. A picture that is answered from a decision leaves no report, but it
was fetched and compared; and of two reports at the same moment neither has written anything yet.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import ReportKind
from bot.settings import ReportSettings
from bot.store.engine import Tx

MOST_PICTURES = 10
"""Pictures of one report, as many as Discord lets a message have attachments."""

SHORT = timedelta(minutes=10)
LONG = timedelta(days=1)
SERVER = timedelta(hours=1)

REMEMBERED = 5000
"""Members whose fetches are kept in memory, those who reported last."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many pictures of a member are taken now. ``span``: of the window that leaves so few."""

    number: int
    span: timedelta


class Windows:
    """The windows of all members of this process. A guild's reports reach one process, as its events do."""

    def __init__(self, settings: ReportSettings) -> None:
        self._limits = ((SHORT, settings.per_member_10_minutes), (LONG, settings.per_member_day))
        self._of_server = settings.cases_per_server_hour
        self._fetched: OrderedDict[tuple[int, bytes], deque[datetime]] = OrderedDict()

    async def room(self, tx: Tx, guild_id: int, reporter: bytes, now: datetime) -> Room:
        """What the reports of a member leave room for."""
        rooms = [
            Room(limit - await tx.reports.made_since(guild_id, reporter, ReportKind.REPORT, now - span), span)
            for span, limit in self._limits
        ]
        return min(rooms, key=lambda room: room.number)

    def take(self, guild_id: int, reporter: bytes, wanted: int, now: datetime) -> Room:
        """Let a member have as many as ``wanted`` pictures fetched, or as many as earlier ones leave room for.

        It counts them at once, so that two reports of one member never have the same room.
        """
        times = self._fetched.setdefault((guild_id, reporter), deque())
        while times and times[0] <= now - LONG:
            times.popleft()
        rooms = [Room(limit - sum(time > now - span for time in times), span) for span, limit in self._limits]
        room = min(rooms, key=lambda room: room.number)
        taken = max(0, min(wanted, room.number))
        times.extend([now] * taken)
        self._fetched.move_to_end((guild_id, reporter))
        if len(self._fetched) > REMEMBERED:
            self._fetched.popitem(last=False)
        return Room(taken, room.span)

    async def server_full(self, tx: Tx, guild_id: int, now: datetime) -> bool:
        """Whether reports have opened as many cases in a server as its moderators are given in an hour."""
        return await tx.reports.cases_opened_since(guild_id, now - SERVER) >= self._of_server
