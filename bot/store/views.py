"""All that the card of a case shows, gathered from every subject that knows something of it."""

from __future__ import annotations

from bot.model import CaseView

from .appeals import Appeals
from .banks import Banks
from .cases import Cases
from .events import Events
from .reports import Reports
from .sanctions import Sanctions
from .sightings import Sightings


class Views:
    """Cases as their cards show them. Reads only."""

    __slots__ = ("_appeals", "_banks", "_cases", "_events", "_reports", "_sanctions", "_sightings")

    def __init__(
        self,
        *,
        cases: Cases,
        events: Events,
        banks: Banks,
        sightings: Sightings,
        reports: Reports,
        sanctions: Sanctions,
        appeals: Appeals,
    ) -> None:
        self._cases = cases
        self._events = events
        self._banks = banks
        self._sightings = sightings
        self._reports = reports
        self._sanctions = sanctions
        self._appeals = appeals

    async def of_case(self, case_id: int) -> CaseView | None:
        """All that the card of a case shows; None if there is no such case."""
        case = await self._cases.get(case_id)
        if case is None:
            return None
        entry = None if case.entry_id is None else await self._banks.entry(case.entry_id)
        numbers = await self._sightings.count_by_case(case_id)
        return CaseView(
            case=case,
            bank=None if entry is None else await self._banks.get(entry.bank_id),
            entry=entry,
            sightings=tuple(await self._sightings.by_case(case_id)),
            sighting_count=numbers.total,
            removed_count=numbers.removed,
            report_count=await self._reports.count_by_case(case_id),
            events=tuple(await self._events.of_case(case_id)),
            excepted_count=numbers.excepted,
            author_count=numbers.authors,
            channel_count=numbers.channels,
            sanctions=tuple(await self._sanctions.by_case(case_id)),
            appeals=tuple(await self._appeals.by_case(case_id)),
            duplicates=tuple(await self._cases.duplicates_of(case_id)),
        )
