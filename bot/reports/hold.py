"""Holding by reports: what enough members report who were right before is deleted until somebody decides.

Off unless a guild wants it, and never against its mode. A report counts here only by its member's own earlier reports,
as people decided them; any number of others holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cases import calls
from bot.cases.clusters import MOST_SIGHTINGS
from bot.cases.service import CaseService
from bot.model import Case, GuildSettings, MessageRef, Mode, Report
from bot.policy import waits_for_report
from bot.store.engine import Tx

HELD = (
    "Held: as many members who were right before reported it as this server asks for, so it is deleted, and somebody "
    "decides afterwards."
)
"""The reason that a case is given when its messages are held."""


async def hold(tx: Tx, cases: CaseService, guild: GuildSettings, case: Case, now: datetime) -> Case:
    """Have the messages of a case deleted that trusted members reported, if there are enough of these members.

    Each message once; whatever was decided or deleted already is left alone, and dropping reports later brings nothing
    back. To be called after the reports of a case changed, in the guild's turn. Returns the case as it is now.
    """
    if not _may_hold(guild, case):
        return case
    reports = [report for report in await tx.reports.by_case(case.id) if report.counts]
    if len(reports) < guild.hold_reports:
        return case
    standings = await tx.reports.standings(case.guild_id, {report.reporter for report in reports}, now)
    trusted = [report for report in reports if standings[report.reporter].trusted]
    if len(trusted) < guild.hold_reports:
        return case
    pending = [
        calls.delete(message, case.id, reason=calls.HOLD_REASON) for message in await _standing(tx, case, trusted)
    ]
    new = await tx.outbox.put(pending, now)
    if not new:
        return case
    await cases.event(tx, case, "held", None, "1 message." if new == 1 else f"{new} messages.")
    return await explain(tx, case, HELD)


async def explain(tx: Tx, case: Case, reason: str) -> Case:
    """Give a case that nobody else can change now a further reason, once. Returns the case as it is now."""
    if reason in case.reasons:
        return case
    explained = await tx.cases.compare_and_set(case.id, case.version, reasons=(*case.reasons, reason))
    assert explained is not None, "the row of the case is locked by this very transaction"
    return explained


def _may_hold(guild: GuildSettings, case: Case) -> bool:
    """Whether reports may hold anything of a case: nobody has decided about it yet, and the guild wants removals."""
    return (
        guild.hold_reports > 0
        and guild.mode is Mode.REMOVE
        and case.state.undecided
        and not case.decision_number
        and not waits_for_report(guild, case.category)
    )


async def _standing(tx: Tx, case: Case, reports: Sequence[Report]) -> list[MessageRef]:
    """The messages that these reports are about and that still stand. Copies that others reported are not meant."""
    named = {report.message_id for report in reports}
    found = {
        sighting.message.message_id: sighting.message
        for sighting in await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
        if sighting.deleted_at is None and sighting.excepted_by is None and sighting.message.message_id in named
    }
    return list(found.values())
