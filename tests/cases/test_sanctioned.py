"""Sanctions that go with a decision: whom they meet, that they happen once, and what taking the decision back lifts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cases import sanctions
from bot.errors import NotAllowedError
from bot.model import CallKind, Decision, MessageRef, SanctionKind, SanctionOrder, SanctionState
from bot.outbox import CallError
from tests.desk import FANS, GUILD, MODERATOR, OTHER_MODERATOR, Desk

from .steps import FAR, NEAR, case_of, kinds_of, listed, opened, sightings_of

HOUR = timedelta(hours=1)
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, duration=HOUR)
BAN = SanctionOrder(SanctionKind.BAN, delete_messages=timedelta(days=1))
KICK = SanctionOrder(SanctionKind.KICK)
WARN = SanctionOrder(SanctionKind.WARN)
SANCTIONS = {CallKind.TIMEOUT, CallKind.KICK, CallKind.BAN, CallKind.LIFT_TIMEOUT, CallKind.UNBAN}


async def confirm(desk: Desk, case, order: SanctionOrder, **more):
    case = await case_of(desk, case)
    return await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM, sanction=order, **more)


async def undo(desk: Desk, case):
    case = await case_of(desk, case)
    return await desk.decisions.undo(case.id, case.version, OTHER_MODERATOR)


def carried_out(desk: Desk) -> list[tuple[CallKind, object]]:
    return [(call.kind, call.payload["user_id"]) for call in desk.discord.calls if call.kind in SANCTIONS]


async def states_of(desk: Desk, case) -> list[SanctionState]:
    return [sanction.state for sanction in (await desk.cases.view(case.id)).sanctions]


@pytest.fixture
async def case(desk: Desk):
    await listed(desk)
    return await opened(desk, 51)


async def test_a_sanction_meets_every_member_once_and_no_webhook_bot_or_left_out_copy(desk):
    await listed(desk)
    case = await opened(desk, 51, 51, 52, 53)
    for number, who in enumerate(({"webhook_id": 9}, {"author_is_bot": True})):
        message = MessageRef(GUILD, FANS, number + 1, 60 + number, **who)
        await desk.see(message, desk.item(message, FAR))
    left_out = [sighting.id for sighting in await sightings_of(desk, case) if sighting.message.author_id == 53]
    await desk.claims.except_sightings(case.id, MODERATOR, left_out, excepted=True)
    await confirm(desk, case, BAN)
    await desk.settle()
    assert sorted(carried_out(desk)) == [(CallKind.BAN, 51), (CallKind.BAN, 52)]
    sanctioned = (await desk.cases.view(case.id)).sanctions
    assert [(one.user_id, one.state, one.ordered_by, one.decision_number) for one in sanctioned] == [
        (51, SanctionState.DONE, MODERATOR, 1),
        (52, SanctionState.DONE, MODERATOR, 1),
    ]
    assert {one.delete_message_seconds for one in sanctioned} == {86_400}
    assert {call.payload["delete_message_seconds"] for call in desk.discord.calls if call.kind is CallKind.BAN} == {
        86_400
    }
    (line,) = [event for event in (await desk.cases.view(case.id)).events if event.kind == "sanctioned"]
    assert line.detail == "2 bans with 1 day of messages deleted."


async def test_only_a_confirmation_sanctions(desk, case):
    for decision in Decision:
        if decision is Decision.CONFIRM:
            continue
        with pytest.raises(NotAllowedError):
            await desk.decisions.decide(case.id, case.version, MODERATOR, decision, sanction=KICK)
    assert await case_of(desk, case) == case
    assert await states_of(desk, case) == []


async def test_the_same_press_twice_sanctions_once_and_the_next_decision_once_more(desk, case):
    for _ in range(2):
        await desk.decisions.decide(
            case.id, case.version, MODERATOR, Decision.CONFIRM, sanction=TIMEOUT, request_id=900
        )
    await desk.settle()
    assert carried_out(desk) == [(CallKind.TIMEOUT, 51)]
    await undo(desk, case)
    await confirm(desk, case, TIMEOUT)
    await desk.settle()
    assert carried_out(desk) == [(CallKind.TIMEOUT, 51), (CallKind.LIFT_TIMEOUT, 51), (CallKind.TIMEOUT, 51)]
    assert await states_of(desk, case) == [SanctionState.LIFTED, SanctionState.DONE]


async def test_a_timeout_ends_when_it_was_meant_to_end(desk, case):
    await confirm(desk, case, TIMEOUT)
    await desk.settle()
    until = (desk.now() + HOUR).isoformat()
    assert [call.payload["until"] for call in desk.discord.calls if call.kind is CallKind.TIMEOUT] == [until]


@pytest.mark.parametrize(("order", "lift"), [(TIMEOUT, CallKind.LIFT_TIMEOUT), (BAN, CallKind.UNBAN)])
async def test_undo_lifts_what_is_in_force(desk, case, order, lift):
    await confirm(desk, case, order)
    await desk.settle()
    await undo(desk, case)
    (state,) = await states_of(desk, case)
    assert state in (SanctionState.LIFTING, SanctionState.LIFTED)  # the outbox goes on meanwhile
    await desk.settle()
    assert carried_out(desk)[-1] == (lift, 51)
    assert await states_of(desk, case) == [SanctionState.LIFTED]


@pytest.mark.parametrize("order", [TIMEOUT, BAN, KICK])
async def test_undo_cancels_what_nobody_has_taken_up_yet(desk, case, order):
    await desk.outbox.stop()
    await confirm(desk, case, order)
    await undo(desk, case)
    assert await states_of(desk, case) == [SanctionState.LIFTED]
    assert "cannot be taken back" not in (await desk.cases.view(case.id)).events[-1].detail
    await desk.outbox.start(desk.discord)
    await desk.settle()
    assert carried_out(desk) == []


@pytest.mark.parametrize(("order", "words"), [(KICK, "1 kick cannot"), (WARN, "1 warning cannot")])
async def test_undo_says_what_lasts(desk, case, order, words):
    await confirm(desk, case, order)
    await desk.settle()
    await undo(desk, case)
    undone = (await desk.cases.view(case.id)).events[-1]
    assert undone.kind == "undone"
    assert words in undone.detail


async def test_a_sanction_that_fails_is_shown_with_its_sentence_and_nothing_is_lifted(desk, case):
    desk.discord.refuse[CallKind.BAN] = CallError("The bot's role is below this member's.", permanent=True)
    await confirm(desk, case, BAN)
    await desk.settle()
    view = await desk.cases.view(case.id)
    assert [(one.state, one.error) for one in view.sanctions] == [
        (SanctionState.FAILED, "The bot's role is below this member's.")
    ]
    assert "call_failed" in await kinds_of(desk, case)
    assert desk.discord.calls[-1].kind is CallKind.EDIT_CARD
    await undo(desk, case)
    await desk.settle()
    assert carried_out(desk) == []
    assert await states_of(desk, case) == [SanctionState.FAILED]


async def test_a_sanction_that_fails_after_it_was_taken_back_leaves_nothing_to_lift(desk, case):
    """It was on its way when the decision was taken back, so that its lift waits behind it."""
    desk.discord.hold, desk.discord.held = asyncio.Event(), {CallKind.BAN}
    desk.discord.refuse[CallKind.BAN] = CallError("The bot's role is below this member's.", permanent=True)
    await confirm(desk, case, BAN)
    await desk.discord.sent.wait()
    await undo(desk, case)
    assert await states_of(desk, case) == [SanctionState.LIFTING]
    desk.discord.hold.set()
    await desk.settle()
    assert carried_out(desk) == []
    assert await states_of(desk, case) == [SanctionState.FAILED]


async def test_a_lift_that_fails_leaves_the_sanction_in_force_and_says_so(desk, case):
    await confirm(desk, case, BAN)
    await desk.settle()
    desk.discord.refuse[CallKind.UNBAN] = CallError("The bot lacks Ban Members.", permanent=True)
    await undo(desk, case)
    await desk.settle()
    (sanction,) = (await desk.cases.view(case.id)).sanctions
    assert (sanction.state, sanction.error) == (SanctionState.DONE, "The bot lacks Ban Members.")
    assert (await desk.cases.view(case.id)).events[-1].detail == "The bot lacks Ban Members."


async def test_a_sanction_comes_after_the_notices_to_the_same_member(desk):
    """Whoever is banned cannot be told any more."""
    await listed(desk)
    case = await opened(desk, 51, 51, shown=NEAR)
    first, _ = await sightings_of(desk, case)
    await desk.claims.except_sightings(case.id, MODERATOR, [first.id], excepted=True)
    await confirm(desk, case, BAN)
    await desk.settle()
    kinds = [
        call.kind
        for call in desk.discord.calls
        if call.payload.get("user_id") == 51 and call.kind in {CallKind.NOTIFY, CallKind.BAN}
    ]
    assert kinds[-1] is CallKind.BAN


async def test_a_case_that_another_decision_reopens_loses_its_sanctions(desk):
    await listed(desk)
    first = await opened(desk, 51, shown=NEAR)
    await confirm(desk, first, BAN)
    second = await opened(desk, 52, shown=replace(NEAR, sha256=b"o" * 32))
    assert second.id != first.id
    await desk.decisions.decide(second.id, second.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.settle()
    assert (await kinds_of(desk, first)).count("reopened") == 1
    assert await states_of(desk, first) == [SanctionState.LIFTED]
    assert carried_out(desk) == [(CallKind.BAN, 51), (CallKind.UNBAN, 51)]


def test_spans_and_numbers_read_well():
    assert sanctions.in_words(TIMEOUT, 1) == "1 timeout for 1 hour"
    assert sanctions.in_words(SanctionOrder(SanctionKind.TIMEOUT, timedelta(days=28)), 3) == "3 timeouts for 28 days"
    assert sanctions.in_words(SanctionOrder(SanctionKind.TIMEOUT, timedelta(seconds=90)), 1) == (
        "1 timeout for 90 seconds"
    )
    assert sanctions.in_words(WARN, 2) == "2 warnings"
