"""Messages that enough trusted members report are deleted until somebody decides, and nothing else is."""

from __future__ import annotations

import pytest

from bot.model import CallKind, Category, Decision, LaneOrder, Mode, ReportState
from bot.reports.hold import HELD
from tests.desk import GUILD

from .steps import ABUSE, COPY, File, decide, kinds, open_cases, post, report, trust

FILE = File.of(ABUSE)
TRUSTED = (61, 62, 63)


@pytest.fixture
async def held(desk):
    """A guild in which two trusted reports hold a message."""
    await desk.guilds.change(GUILD, hold_reports=2)
    await trust(desk, *TRUSTED)
    return desk


async def test_as_many_trusted_members_as_the_guild_says_hold_a_message(held):
    message = await post(held, ABUSE, author=51)
    await report(held, message, ABUSE, reporter=61)
    await held.settle()
    assert held.discord.deleted == []
    (case_id,) = (await report(held, message, ABUSE, reporter=62)).case_ids
    await held.settle()
    assert held.discord.deleted == [message.message_id]
    case = (await held.cases.view(case_id)).case
    assert case.state.undecided
    assert case.reasons.count(HELD) == 1
    (deletion,) = [call for call in held.discord.calls if call.kind is CallKind.DELETE_MESSAGE]
    assert deletion.payload["reason"] == f"stanguard: reported by members, held until somebody decides (case {case_id})"


async def test_it_happens_once(held):
    message = await post(held, ABUSE)
    for reporter in (*TRUSTED, 70):
        (case_id,) = (await report(held, message, ABUSE, reporter=reporter)).case_ids
    await held.settle()
    assert held.discord.deleted == [message.message_id]
    assert (await kinds(held, case_id)).count("held") == 1
    assert (await held.cases.view(case_id)).case.reasons.count(HELD) == 1


async def test_a_case_that_stands_for_long_is_held_by_its_last_report(held):
    message = await post(held, ABUSE)
    for reporter in (70, 71, 61, 72):
        await report(held, message, ABUSE, reporter=reporter)
    await held.settle()
    assert held.discord.deleted == []
    await report(held, message, ABUSE, reporter=62)
    await held.settle()
    assert held.discord.deleted == [message.message_id]


async def test_any_number_of_others_hold_nothing(held):
    message = await post(held, ABUSE)
    for reporter in range(100, 150):
        await report(held, message, ABUSE, reporter=reporter)
    await held.settle()
    assert held.discord.deleted == []
    (case,) = await open_cases(held)
    assert (await held.cases.view(case.id)).report_count == 50


async def test_only_what_trusted_members_reported_goes(held):
    first, second, third = await post(held, ABUSE), await post(held, COPY), await post(held, COPY)
    await report(held, third, COPY, reporter=70)
    await report(held, first, ABUSE, reporter=61)
    await report(held, second, COPY, reporter=62)
    await held.settle()
    assert sorted(held.discord.deleted) == [first.message_id, second.message_id]


async def test_a_copy_that_a_further_trusted_member_reports_goes_too(held):
    first, second = await post(held, ABUSE), await post(held, COPY)
    for reporter in (61, 62):
        (case_id,) = (await report(held, first, ABUSE, reporter=reporter)).case_ids
    await held.settle()
    await report(held, second, COPY, reporter=63)
    await held.settle()
    assert held.discord.deleted == [first.message_id, second.message_id]
    assert (await held.cases.view(case_id)).case.reasons.count(HELD) == 1


@pytest.mark.parametrize("state", [ReportState.WITHDRAWN, ReportState.DROPPED])
async def test_a_report_that_counts_no_more_holds_nothing(held, state):
    message = await post(held, ABUSE)
    (case_id,) = (await report(held, message, ABUSE, reporter=61)).case_ids
    async with held.store.write() as tx:
        ids = [one.id for one in await tx.reports.by_case(case_id)]
        await tx.reports.set_state(ids, ReportState.STANDING, state)
    await report(held, message, ABUSE, reporter=62)
    await held.settle()
    assert held.discord.deleted == []


@pytest.mark.parametrize(
    "changes", [{"mode": Mode.OBSERVE}, {"mode": Mode.REVIEW}, {"hold_reports": 0}], ids=["observe", "review", "off"]
)
async def test_it_needs_a_guild_that_wants_it(held, changes):
    await held.guilds.change(GUILD, **changes)
    message = await post(held, ABUSE)
    for reporter in TRUSTED:
        await report(held, message, ABUSE, reporter=reporter)
    await held.settle()
    assert held.discord.deleted == []


@pytest.mark.parametrize("order", LaneOrder)
async def test_a_suspected_minor_waits_for_the_report_to_discord_where_that_comes_first(held, order):
    await held.guilds.change(GUILD, lane_order=order)
    message = await post(held, ABUSE)
    for reporter in TRUSTED:
        await report(held, message, ABUSE, reporter=reporter, category=Category.MINOR_SUSPECTED)
    await held.settle()
    assert held.discord.deleted == ([] if order is LaneOrder.ALERT_FIRST else [message.message_id])


async def test_what_people_decided_once_is_not_held_by_reports(held):
    message = await post(held, FILE)
    await report(held, message, FILE, reporter=70)
    (case,) = await open_cases(held)
    decided = await decide(held, Decision.NO_ACTION, case.id)
    await held.decisions.undo(decided.id, decided.version, 40)
    for reporter in TRUSTED:
        assert (await report(held, message, FILE, reporter=reporter)).case_ids == (case.id,)
    await held.settle()
    assert held.discord.deleted == []


async def test_a_copy_that_was_left_out_stays(held):
    message = await post(held, ABUSE)
    (case_id,) = (await report(held, message, ABUSE, reporter=61)).case_ids
    (sighting,) = (await held.cases.view(case_id)).sightings
    await held.claims.except_sightings(case_id, 40, [sighting.id], excepted=True)
    await report(held, message, ABUSE, reporter=62)
    await held.settle()
    assert held.discord.deleted == []


async def test_the_author_hears_of_the_hold_and_of_the_mistake_and_may_post_it_again(held):
    message = await post(held, FILE, author=51)
    for reporter in (61, 62):
        (case_id,) = (await report(held, message, FILE, reporter=reporter)).case_ids
    await held.settle()
    (told,) = held.discord.told(51)
    assert "removed until a moderator has looked at it, because members of this server reported the picture" in told
    assert "No penalty was applied." in told
    assert all(str(member) not in told.replace(f"<#{message.channel_id}>", "") for member in TRUSTED)
    (notice,) = [call for call in held.discord.calls if call.kind is CallKind.NOTIFY]
    assert "button" in notice.payload, "it can be appealed"

    await decide(held, Decision.NOT_A_MATCH, case_id)
    (_, mended) = held.discord.told(51)
    assert "found that it was a mistake" in mended
    assert "you may post the picture again" in mended

    again = await post(held, FILE, author=51)
    for reporter in TRUSTED:
        answer = await report(held, again, FILE, reporter=reporter)
        assert "within the rules" in answer.sentence
    await held.settle()
    assert held.discord.deleted == [message.message_id]


async def test_nothing_is_brought_back_when_reports_are_dropped_and_a_confirmation_is_no_news(held):
    message = await post(held, ABUSE, author=51)
    for reporter in (61, 62):
        (case_id,) = (await report(held, message, ABUSE, reporter=reporter)).case_ids
    await held.settle()
    async with held.store.write() as tx:
        ids = [one.id for one in await tx.reports.by_case(case_id)]
        await tx.reports.set_state(ids, ReportState.STANDING, ReportState.DROPPED)
    await decide(held, Decision.CONFIRM, case_id)
    assert len(held.discord.told(51)) == 1
    assert held.discord.deleted == [message.message_id]


async def test_about_a_suspected_minor_the_author_hears_no_reason(held):
    message = await post(held, ABUSE, author=51)
    for reporter in (61, 62):
        await report(held, message, ABUSE, reporter=reporter, category=Category.MINOR_SUSPECTED)
    await held.settle()
    (told,) = held.discord.told(51)
    assert "reported" not in told
    assert "until a person has checked it" in told
