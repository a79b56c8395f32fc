"""The clock of a request to take a picture down: each step is spoken of once, whoever runs it, and none expires."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.cases import priority, takedowns
from bot.cases.aging import LONGER, AgingService
from bot.model import (
    CallKind,
    Case,
    CaseState,
    Category,
    Decision,
    ReportState,
)
from bot.reports.takedowns import Acting, Ask
from bot.settings import ReviewSettings
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, MODERATOR, REVIEW, Desk, picture

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SHOWN, ADVISER = 60, 61
ALERTED, ELDERS, GUARDIANS, SAFE_CHANNEL = 71, 72, 73, 31


@pytest.fixture(autouse=True)
async def roles(desk: Desk) -> None:
    await desk.guilds.change(
        GUILD, alert_role_id=ALERTED, escalation_role_id=ELDERS, child_safety_role_id=GUARDIANS, escalate_hours=0
    )


async def asked(desk: Desk, seed: int = 1, member_id: int = SHOWN, category: Category = Category.OTHER) -> Case:
    guild = await desk.guilds.get(GUILD)
    message = await desk.post(picture(seed))
    ask = Ask(member_id, Acting.SELF, category)
    answer = await desk.takedowns.by_message(guild, ask, message, [desk.item(message, picture(seed))])
    await desk.settle()
    return (await desk.cases.view(answer.case_ids[0])).case


async def withdrawn(desk: Desk, case: Case, number: int = 0) -> None:
    """What taking a request back does to its case."""
    async with desk.store.write() as tx:
        report = (await tx.reports.by_case(case.id))[number]
        await tx.reports.set_state([report.id], ReportState.STANDING, ReportState.WITHDRAWN)
        await priority.prioritise(tx, await tx.cases.touch(case.id), desk.time)


async def later(desk: Desk, time: timedelta) -> None:
    """So much later, the clock's work is done, three times over."""
    desk.time += time
    for _ in range(3):
        await desk.aging.run()
    await desk.settle()


async def state(desk: Desk, case: Case) -> CaseState:
    return (await desk.cases.view(case.id)).case.state


def late(desk: Desk, channel_id: int = REVIEW) -> list[tuple[object, str]]:
    """Whom the clock called, and what it said, without the case's link."""
    return [
        (call.payload["mention_role"], str(call.payload["text"]).split("): ")[-1])
        for call in desk.discord.calls
        if call.kind is CallKind.LOG_LINE
        and call.payload["channel_id"] == channel_id
        and call.key.startswith("alert:")
        and ":takedown:" in call.key
    ]


def rel(time) -> str:
    return f"<t:{int(time.timestamp())}:R>"


async def test_each_step_is_spoken_of_once(desk):
    case = await asked(desk)
    since = desk.time
    await later(desk, HOUR - SECOND)
    assert late(desk) == []
    await later(desk, SECOND)
    text = (
        f"a takedown was requested {rel(since)}. The target of one hour has passed without a decision; the law's 48 "
        f"hours end {rel(since + 48 * HOUR)}."
    )
    assert late(desk) == [(ELDERS, text)]
    await later(desk, 35 * HOUR - SECOND)
    assert len(late(desk)) == 1
    await later(desk, SECOND)
    assert late(desk)[1:] == [(ELDERS, text.replace("The target of one hour has", "36 hours have"))]
    await later(desk, 12 * HOUR)
    over = (
        f"a takedown was requested {rel(since)}. The law's 48 hours are over without a decision, and it is escalated."
    )
    assert late(desk)[2:] == [(ELDERS, over)]
    await later(desk, 20 * DAY)
    assert len(late(desk)) == 3
    shown = await desk.cases.view(case.id)
    assert [event.detail for event in shown.events if event.kind == "takedown_late"] == [
        "1 hour without a decision.",
        "36 hours without a decision.",
        "48 hours without a decision.",
    ]
    first = next(call for call in desk.discord.calls if ":takedown:" in call.key)
    card = desk.discord.cards[case.id].message_id
    link = f"[#{case.id}](https://discord.com/channels/{GUILD}/{REVIEW}/{card})"
    assert str(first.payload["text"]).startswith(f"<@&{ELDERS}> Case {link}: a takedown")


async def test_without_an_escalation_role_the_alert_role_is_called(desk):
    await desk.guilds.change(GUILD, escalation_role_id=None)
    await asked(desk)
    await later(desk, HOUR)
    assert [role for role, _ in late(desk)] == [ALERTED]


async def test_after_a_long_rest_only_the_last_step_is_spoken_of(desk):
    await asked(desk)
    await later(desk, 40 * HOUR)
    ((_, text),) = late(desk)
    assert "36 hours have passed" in text


async def test_a_decision_stops_the_clock_and_undoing_it_starts_it_again(desk):
    case = await asked(desk)
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NO_ACTION)
    await later(desk, 2 * HOUR)
    assert late(desk) == []
    await desk.decisions.undo(case.id, decided.version, MODERATOR)
    await later(desk, HOUR)
    assert len(late(desk)) == 1


async def test_a_request_that_was_taken_back_stops_the_clock(desk):
    case = await asked(desk)
    await withdrawn(desk, case)
    await later(desk, 3 * DAY)
    assert late(desk) == []
    assert await state(desk, case) is CaseState.OPEN


async def test_of_two_requests_the_other_one_goes_on_by_its_own_time(desk):
    case = await asked(desk)
    desk.time += 30 * timedelta(minutes=1)
    assert (await asked(desk, member_id=ADVISER)).id == case.id
    await later(desk, 30 * timedelta(minutes=1))
    assert len(late(desk)) == 1
    await withdrawn(desk, case)
    await later(desk, 29 * timedelta(minutes=1))
    assert len(late(desk)) == 1
    await later(desk, timedelta(minutes=1))
    assert len(late(desk)) == 2, "the target of the second request, which is the oldest one now"
    await later(desk, HOUR)
    assert len(late(desk)) == 2


async def test_a_request_taken_back_after_it_was_read_as_late_is_not_spoken_of(desk):
    """Taking it back changes no version, so the request is looked at again under the lock of the case."""
    case = await asked(desk)
    desk.time += HOUR
    async with desk.store.read() as tx:
        due = await tx.aging.takedowns(desk.time, takedowns.STEPS, takedowns.LATE)
    assert [one.case_id for one in due] == [case.id]
    await withdrawn(desk, case)
    await desk.aging._change("takedown", due, 25, desk.aging._hurry, desk.time)
    await desk.settle()
    assert late(desk) == []


async def test_several_processes_at_once_speak_once(desk):
    cases = [await asked(desk), await asked(desk, 2)]
    others = [Store.open(desk.store.url, VAULT) for _ in range(3)]
    stores = await asyncio.gather(*others)
    try:
        services = [
            AgingService(store, desk.guilds, desk.cases, ReviewSettings(), clock=desk.now, wake=lambda: None)
            for store in stores
        ]
        for time in (HOUR, 35 * HOUR, 12 * HOUR):
            desk.time += time
            await asyncio.gather(*(service.run() for service in services))
            await desk.settle()
    finally:
        await asyncio.gather(*(store.close() for store in stores))
    assert len(late(desk)) == 6
    for case in cases:
        kinds = [event.kind for event in (await desk.cases.view(case.id)).events]
        assert (kinds.count("takedown_late"), kinds.count("escalated")) == (3, 1)


async def test_at_48_hours_a_case_that_somebody_works_on_is_left_to_them_and_an_idle_one_is_escalated(desk):
    held, idle, lent = await asked(desk, 1), await asked(desk, 2), await asked(desk, 3)
    await desk.claims.assign(lent.id, lent.version, MODERATOR, 99)
    desk.time += 48 * HOUR - timedelta(minutes=5)
    await desk.claims.claim(held.id, held.version, MODERATOR)
    await later(desk, timedelta(minutes=5))
    assert [await state(desk, case) for case in (held, idle, lent)] == [
        CaseState.CLAIMED,
        CaseState.ESCALATED,
        CaseState.ESCALATED,
    ]
    assert (await desk.cases.view(lent.id)).case.claimed_by is None
    assert sum("and it is escalated" in text for _, text in late(desk)) == 2


async def test_a_request_never_expires_before_its_time(desk):
    """Not even in a case that was about to, and not where nobody ever escalates."""
    message = await desk.post(picture(1))
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, ADVISER, Category.OTHER, message, [desk.item(message, picture(1))])
    case = await desk.only_case()
    desk.time += 7 * DAY - HOUR
    await desk.takedowns.by_message(guild, Ask(SHOWN, Acting.SELF), message, [desk.item(message, picture(1))])
    await later(desk, 2 * HOUR)
    assert await state(desk, case) is CaseState.OPEN
    await later(desk, 46 * HOUR)
    assert await state(desk, case) is CaseState.ESCALATED
    await later(desk, LONGER - SECOND)
    assert await state(desk, case) is CaseState.ESCALATED
    await later(desk, SECOND)
    assert await state(desk, case) is CaseState.EXPIRED


async def test_an_old_escalated_case_waits_on_after_a_request(desk):
    message = await desk.post(picture(1))
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, ADVISER, Category.OTHER, message, [desk.item(message, picture(1))])
    case = await desk.only_case()
    await desk.claims.escalate(case.id, case.version, MODERATOR)
    desk.time += LONGER - HOUR
    await desk.takedowns.by_message(guild, Ask(SHOWN, Acting.SELF), message, [desk.item(message, picture(1))])
    await later(desk, 48 * HOUR)
    assert await state(desk, case) is CaseState.ESCALATED
    assert "over without a decision" in late(desk)[-1][1]


async def test_a_request_made_after_the_case_was_read_as_expired_keeps_it(desk):
    message = await desk.post(picture(1))
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, ADVISER, Category.OTHER, message, [desk.item(message, picture(1))])
    case = await desk.only_case()
    desk.time += 8 * DAY
    async with desk.store.read() as tx:
        due = await tx.aging.undecided(desk.time, ordinary=7 * DAY, longer=LONGER)
    assert [one.case_id for one in due] == [case.id]
    await desk.takedowns.by_message(guild, Ask(SHOWN, Acting.SELF), message, [desk.item(message, picture(1))])
    await desk.aging._change("expiry", due, 25, desk.aging._expire, desk.time)
    assert await state(desk, case) is CaseState.OPEN


async def test_an_appeal_against_a_decision_starts_no_clock(desk):
    case = await asked(desk)
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    await desk.appeals.appeal(case.id, 50, "It is mine.")
    await later(desk, 3 * DAY)
    assert await state(desk, case) is CaseState.APPEALED
    assert late(desk) == []


async def test_suspected_minors_are_called_in_their_channel_and_never_escalated(desk):
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL)
    case = await asked(desk, category=Category.MINOR_SUSPECTED)
    for time in (HOUR, 35 * HOUR, 12 * HOUR):
        await later(desk, time)
    assert [role for role, _ in late(desk, SAFE_CHANNEL)] == [GUARDIANS] * 3
    assert late(desk) == []
    assert await state(desk, case) is CaseState.OPEN


async def test_where_others_read_it_nothing_says_what_a_suspected_minor_is_about(desk):
    case = await asked(desk, category=Category.MINOR_SUSPECTED)
    await later(desk, HOUR)
    ((role, text),) = late(desk)
    card = desk.discord.cards[case.id].message_id
    link = f"[#{case.id}](https://discord.com/channels/{GUILD}/{REVIEW}/{card})"
    assert (role, text) == (GUARDIANS, f"<@&{GUARDIANS}> Case {link} is urgent and still waits for you.")


async def test_a_server_without_a_channel_is_not_asked_for_again_and_again(desk):
    await desk.guilds.change(GUILD, review_channel_id=None)
    case = await asked(desk)
    await later(desk, 3 * DAY)
    async with desk.store.read() as tx:
        assert await tx.aging.takedowns(desk.time, takedowns.STEPS, takedowns.LATE) == []
    assert await state(desk, case) is CaseState.OPEN
