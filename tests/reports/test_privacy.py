"""What a member is shown, what they have deleted, and what no way leads around."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import Category, ReportKind, ReportState
from bot.ops import retention
from bot.store.looking import Exposure
from tests.desk import GUILD, MODERATOR, Desk, picture

from .reported import MEMBER, OTHER, decide, report

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
OTHER_GUILD = 11


async def appealed(desk: Desk, author: int = MEMBER) -> None:
    """A member whose message was removed appeals."""
    await desk.block(picture(9))
    await desk.post(picture(9), author=author)
    await desk.settle()
    async with desk.store.read() as tx:
        case = (await tx.cases.list(GUILD))[0]
    await desk.appeals.appeal(case.id, author, "It was mine")


async def test_a_member_is_shown_all_that_is_held_on_them(desk: Desk):
    await report(desk)
    await report(desk, OTHER, "Not theirs")
    await report(desk, seed=2, words="")
    await appealed(desk)
    async with desk.store.write() as tx:
        reporter = tx.reports.digest(GUILD, MEMBER)
        await tx.reporters.change(GUILD, reporter, silent=True, muted_until=desk.now() + DAY, muted_by=MODERATOR)
        await tx.looking.add(guild_id=GUILD, user_id=MEMBER, case_id=1, at=desk.now(), kind=Exposure.DECIDED)
        await tx.looking.opt_out(GUILD, MEMBER, [Category.SCAM])
    held = await desk.privacy.show(GUILD, MEMBER)
    assert [(one.words, one.reporter_id) for one in held.reports] == [("", MEMBER), ("My words", MEMBER)]
    assert [one.statement for one in held.appeals] == ["It was mine"]
    assert (held.reporter.silent, held.muted_until, held.opted_out) == (True, desk.now() + DAY, {Category.SCAM})
    assert held.traces._asdict() == {"messages": 1, "events": 1, "entries": 0, "exposures": 1, "sweeps": 0}
    assert held.waiting == 2
    empty = await desk.privacy.show(OTHER_GUILD, MEMBER)
    assert (empty.reports, empty.appeals, empty.muted_until, empty.traces) == ((), (), None, (0, 0, 0, 0, 0))


async def test_after_a_deletion_nothing_leads_to_the_member(desk: Desk):
    case = await report(desk)
    await report(desk, OTHER, "Not theirs")
    await appealed(desk)
    await desk.settle()
    desk.time += 2 * DAY
    deletion = await desk.privacy.delete(GUILD, MEMBER)
    assert (deletion.reports, deletion.appeals, deletion.until) == (1, 1, None)
    held = await desk.privacy.show(GUILD, MEMBER)
    assert (held.reports, held.waiting) == ((), 0)
    assert [one.statement for one in held.appeals] == [""]
    assert held == deletion.left
    again = await desk.privacy.delete(GUILD, MEMBER)
    assert (again.reports, again.appeals, again.exposures, again.left) == (0, 0, 0, held)
    view = await desk.cases.view(case.id)
    assert view.report_count == 2, "the report itself stays, as that of somebody"
    assert [one.words for one in (await desk.privacy.show(GUILD, OTHER)).reports] == ["Not theirs"]


async def test_no_outcome_is_told_after_a_deletion_not_even_one_that_waits(desk: Desk):
    first = await report(desk)
    await report(desk, OTHER)
    await desk.outbox.stop()
    await decide(desk, first)
    await desk.privacy.delete(GUILD, MEMBER)
    await desk.outbox.start(desk.discord)
    second = await report(desk, OTHER, seed=2)
    await desk.settle()
    await decide(desk, second)
    await desk.settle()
    assert desk.discord.told(MEMBER) == []
    assert len(desk.discord.told(OTHER)) == 2
    async with desk.store.read() as tx:
        assert all(one.outcome_sent for one in await tx.reports.by_case(first.id)), "and nothing goes on trying"


async def test_deleting_is_no_way_around_the_limits_on_reports(desk: Desk):
    made = [desk.now()]
    await report(desk)
    desk.time += DAY - MINUTE
    made.append(desk.now())
    await report(desk, seed=2)
    reporter_since = desk.now() - DAY + MINUTE
    deletion = await desk.privacy.delete(GUILD, MEMBER)
    assert (deletion.reports, deletion.until) == (2, made[1] + DAY)
    assert deletion.left.reporter.erase_at == made[1] + DAY
    assert [(one.reporter_id, one.words) for one in deletion.left.reports] == [(None, ""), (None, "")]
    async with desk.store.read() as tx:
        reporter = tx.reports.digest(GUILD, MEMBER)
        assert await tx.reports.made_since(GUILD, reporter, ReportKind.REPORT, reporter_since) == 2
    for later, left in ((2 * MINUTE, 2), (DAY - 3 * MINUTE, 2), (MINUTE, 0)):
        desk.time += later
        await retention.forget_reporters(desk.store, identity_days=30, now=desk.now())
        assert len((await desk.privacy.show(GUILD, MEMBER)).reports) == left, later
    assert (await desk.privacy.show(GUILD, MEMBER)).reporter.erase_at is None


async def test_the_same_picture_cannot_be_reported_again_by_deleting(desk: Desk):
    case = await report(desk)
    await desk.privacy.delete(GUILD, MEMBER)
    await report(desk)
    async with desk.store.read() as tx:
        assert await tx.reports.count_by_case(case.id) == 1


async def test_what_is_reported_after_a_deletion_is_heard_of(desk: Desk):
    await report(desk)
    await desk.privacy.delete(GUILD, MEMBER)
    case = await report(desk, seed=2)
    await decide(desk, case)
    await desk.settle()
    assert len(desk.discord.told(MEMBER)) == 1


async def test_what_was_taken_back_and_erased_can_be_reported_anew(desk: Desk):
    case = await report(desk)
    async with desk.store.write() as tx:
        (made,) = await tx.reports.by_case(case.id)
        await tx.reports.set_state([made.id], ReportState.STANDING, ReportState.WITHDRAWN)
    await desk.privacy.delete(GUILD, MEMBER)
    desk.time += MINUTE
    await report(desk, words="Again")
    desk.time += 2 * DAY
    await retention.forget_reporters(desk.store, identity_days=30, now=desk.now())
    (again,) = (await desk.privacy.show(GUILD, MEMBER)).reports
    assert (again.id, again.words, again.reporter_id) == (made.id, "Again", MEMBER)


async def test_a_mute_outlives_a_deletion_and_then_goes(desk: Desk):
    async with desk.store.write() as tx:
        reporter = tx.reports.digest(GUILD, MEMBER)
        until = desk.now() + 7 * DAY
        await tx.reporters.change(GUILD, reporter, silent=True, muted_until=until, muted_by=MODERATOR)
    deletion = await desk.privacy.delete(GUILD, MEMBER)
    assert (deletion.left.muted_until, deletion.left.reporter.silent) == (until, False)
    desk.time = until
    assert (await desk.privacy.show(GUILD, MEMBER)).muted_until is None


async def test_a_moderators_limits_do_not_begin_anew(desk: Desk):
    async with desk.store.write() as tx:
        for days in (0, 3):
            at = desk.now() - days * DAY
            await tx.looking.add(guild_id=GUILD, user_id=MEMBER, case_id=1, at=at, kind=Exposure.REVEALED)
        await tx.looking.opt_out(GUILD, MEMBER, [Category.SCAM])
    deletion = await desk.privacy.delete(GUILD, MEMBER)
    assert (deletion.exposures, deletion.left.traces.exposures, deletion.left.opted_out) == (1, 1, frozenset())
    desk.time += DAY + MINUTE
    assert (await desk.privacy.delete(GUILD, MEMBER)).left.traces.exposures == 0


@pytest.mark.parametrize("back", [True, False])
async def test_whoever_uses_the_bot_is_back(desk: Desk, back: bool):
    await report(desk)
    async with desk.store.write() as tx:
        await tx.reporters.change(GUILD, tx.reports.digest(GUILD, MEMBER), left_at=desk.now())
    if back:
        await desk.privacy.seen(GUILD, MEMBER)
    await desk.privacy.seen(GUILD, OTHER)
    desk.time += 31 * DAY
    await retention.forget_reporters(desk.store, identity_days=30, now=desk.now())
    assert len((await desk.privacy.show(GUILD, MEMBER)).reports) == back
    async with desk.store.read() as tx:
        assert await tx.reporters.get(GUILD, tx.reports.digest(GUILD, OTHER)) is not None
        assert (await tx.reporters.get(GUILD, tx.reports.digest(GUILD, MEMBER))).left_at is None
