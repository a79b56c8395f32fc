"""Who works on a case: leases, skips, escalation, notes, copies left out, and the lane of suspected minors."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.errors import NotAllowedError, StaleCaseError
from bot.model import CallKind, CaseState, Category, Decision, LaneOrder, Mode, PolicyReason
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, REVIEW, Desk, picture

from .steps import ABUSE, ANOTHER, FAR, case_of, kinds_of, listed, opened, reported, sightings_of

LEASE = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
ELDERS, ALERTED, GUARDIANS, SAFE_CHANNEL = 71, 72, 73, 31


@pytest.fixture
async def case(desk: Desk):
    await listed(desk)
    return await opened(desk)


# --------------------------------------------------------------------------------------------------- the lease


async def test_a_claim_holds_for_ten_minutes_and_is_named_to_others(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    assert (claimed.state, claimed.claimed_by, claimed.claimed_until) == (
        CaseState.CLAIMED,
        MODERATOR,
        desk.now() + LEASE,
    )
    until = f"<t:{int(claimed.claimed_until.timestamp())}:R>"
    for refused in (
        desk.claims.claim(case.id, claimed.version, OTHER_MODERATOR),
        desk.claims.escalate(case.id, claimed.version, OTHER_MODERATOR),
        desk.claims.except_sightings(case.id, OTHER_MODERATOR, [1], excepted=True),
        desk.decisions.decide(case.id, claimed.version, OTHER_MODERATOR, Decision.CONFIRM),
    ):
        with pytest.raises(NotAllowedError) as caught:
            await refused
        assert f"<@{MODERATOR}> is working on" in str(caught.value)
        assert until in str(caught.value)
    assert await case_of(desk, case) == claimed


async def test_a_lease_that_ran_out_binds_nobody(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += LEASE - timedelta(milliseconds=1)
    with pytest.raises(NotAllowedError):
        await desk.claims.claim(case.id, claimed.version, OTHER_MODERATOR)
    desk.time += timedelta(milliseconds=1)
    taken = await desk.claims.claim(case.id, claimed.version, OTHER_MODERATOR)
    assert taken.claimed_by == OTHER_MODERATOR
    desk.time += LEASE
    decided = await desk.decisions.decide(case.id, taken.version, MODERATOR, Decision.CONFIRM)
    assert (decided.claimed_by, decided.claimed_until) == (None, None)


@pytest.mark.parametrize("active", ["note", "except", "renew", "claim"])
async def test_activity_renews_the_lease(desk, case, active):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += 9 * MINUTE
    (sighting,) = await sightings_of(desk, case)
    await {
        "note": lambda: desk.claims.note(case.id, MODERATOR, "I asked the agency."),
        "except": lambda: desk.claims.except_sightings(case.id, MODERATOR, [sighting.id], excepted=True),
        "renew": lambda: desk.claims.renew(case.id, MODERATOR),
        "claim": lambda: desk.claims.claim(case.id, claimed.version, MODERATOR),
    }[active]()
    assert (await case_of(desk, case)).claimed_until == desk.now() + LEASE


async def test_what_others_do_does_not_renew_it_nor_does_activity_after_its_end(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += MINUTE
    await desk.claims.note(case.id, OTHER_MODERATOR, "Seen before.")
    await desk.claims.renew(case.id, OTHER_MODERATOR)
    assert (await case_of(desk, case)).claimed_until == claimed.claimed_until
    desk.time += LEASE
    await desk.claims.renew(case.id, MODERATOR)
    await desk.claims.note(case.id, MODERATOR, "Late.")
    assert (await case_of(desk, case)).held_by(desk.now()) is None


async def test_of_two_who_claim_at_once_one_holds_it(desk, case):
    results = await asyncio.gather(
        desk.claims.claim(case.id, case.version, MODERATOR),
        desk.claims.claim(case.id, case.version, OTHER_MODERATOR),
        return_exceptions=True,
    )
    assert sum(isinstance(result, StaleCaseError) for result in results) == 1
    assert (await kinds_of(desk, case)).count("claimed") == 1


async def test_the_same_press_delivered_twice_changes_nothing_the_second_time(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR, request_id=900)
    assert await desk.claims.claim(case.id, case.version, MODERATOR, request_id=900) == claimed
    released = await desk.claims.release(case.id, claimed.version, MODERATOR, request_id=901)
    assert await desk.claims.release(case.id, claimed.version, MODERATOR, request_id=901) == released
    for _ in range(2):
        await desk.claims.note(case.id, MODERATOR, "Once.", request_id=902)
        await desk.claims.skip(case.id, MODERATOR, request_id=903)
    assert (await kinds_of(desk, case))[-4:] == ["claimed", "released", "note", "skipped"]


# ------------------------------------------------------------------------------------------ giving back, giving on


async def test_release_ends_ones_own_claim_and_an_admin_ends_anybodys(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    with pytest.raises(NotAllowedError, match="have not claimed"):
        await desk.claims.release(case.id, claimed.version, OTHER_MODERATOR)
    released = await desk.claims.release(case.id, claimed.version, OTHER_MODERATOR, admin=True)
    assert (released.state, released.claimed_by, released.claimed_until) == (CaseState.OPEN, None, None)
    with pytest.raises(NotAllowedError, match="have not claimed"):
        await desk.claims.release(case.id, released.version, MODERATOR, admin=True)


async def test_whoever_holds_a_case_can_give_it_back_when_a_message_of_theirs_joins_it(desk, case):
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    await desk.post(FAR, author=MODERATOR)
    with pytest.raises(NotAllowedError, match="message of yours"):
        await desk.decisions.decide(case.id, claimed.version, MODERATOR, Decision.NO_ACTION)
    assert (await desk.claims.release(case.id, claimed.version, MODERATOR)).claimed_by is None


async def test_a_skip_ends_ones_own_claim_and_nobody_elses(desk, case):
    await desk.claims.claim(case.id, case.version, MODERATOR)
    held = await desk.claims.skip(case.id, OTHER_MODERATOR)
    assert held.claimed_by == MODERATOR
    left = await desk.claims.skip(case.id, MODERATOR)
    assert (left.state, left.claimed_by) == (CaseState.OPEN, None)
    skips = [event for event in (await desk.cases.view(case.id)).events if event.kind == "skipped"]
    assert [(event.actor_id, event.detail) for event in skips] == [(OTHER_MODERATOR, ""), (MODERATOR, "")]


async def test_an_assigned_case_has_no_lease_and_waits_for_its_member(desk, case):
    assigned = await desk.claims.assign(case.id, case.version, MODERATOR, by=OTHER_MODERATOR)
    assert (assigned.state, assigned.claimed_by, assigned.claimed_until) == (CaseState.CLAIMED, MODERATOR, None)
    desk.time += timedelta(days=3)
    with pytest.raises(NotAllowedError, match=f"<@{MODERATOR}> has been given"):
        await desk.claims.claim(case.id, assigned.version, OTHER_MODERATOR)
    await desk.claims.note(case.id, MODERATOR, "On it.")
    assert (await case_of(desk, case)).claimed_until is None
    await desk.decisions.decide(case.id, assigned.version, MODERATOR, Decision.CONFIRM)


async def test_nobody_gets_or_takes_a_case_with_a_message_of_their_own(desk, case):
    await desk.post(FAR, author=MODERATOR)
    case = await case_of(desk, case)
    with pytest.raises(NotAllowedError, match="message of that member"):
        await desk.claims.assign(case.id, case.version, MODERATOR, by=OTHER_MODERATOR)
    for refused in (
        desk.claims.claim(case.id, case.version, MODERATOR),
        desk.claims.escalate(case.id, case.version, MODERATOR),
        desk.claims.except_sightings(case.id, MODERATOR, [1], excepted=True),
    ):
        with pytest.raises(NotAllowedError, match="message of yours"):
            await refused


async def test_there_is_nothing_to_claim_or_skip_in_a_decided_case(desk, case):
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NO_ACTION)
    with pytest.raises(NotAllowedError, match="nothing left to decide"):
        await desk.claims.claim(case.id, decided.version, OTHER_MODERATOR)
    with pytest.raises(NotAllowedError, match="was faster"):
        await desk.claims.skip(case.id, OTHER_MODERATOR)
    with pytest.raises(NotAllowedError, match="take the decision back"):
        await desk.claims.except_sightings(case.id, OTHER_MODERATOR, [1], excepted=True)
    await desk.claims.note(case.id, OTHER_MODERATOR, "For the next time.")


# --------------------------------------------------------------------------------------------------- escalation


async def test_an_escalation_calls_those_who_decide_it_once(desk, case):
    await desk.guilds.change(GUILD, escalation_role_id=ELDERS)
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    escalated = await desk.claims.escalate(case.id, claimed.version, MODERATOR, PolicyReason.LEGAL, request_id=900)
    await desk.claims.escalate(case.id, claimed.version, MODERATOR, PolicyReason.LEGAL, request_id=900)
    with pytest.raises(NotAllowedError, match="cannot be escalated"):
        await desk.claims.escalate(case.id, escalated.version, MODERATOR)
    await desk.settle()
    assert (escalated.state, escalated.claimed_by, escalated.escalated_at) == (CaseState.ESCALATED, None, desk.now())
    (alert,) = [call for call in desk.discord.calls if call.kind is CallKind.LOG_LINE]
    assert (alert.payload["channel_id"], alert.payload["mention_role"]) == (REVIEW, ELDERS)
    assert (await desk.cases.view(case.id)).events[-1].detail == "legal"


async def test_an_escalation_needs_a_reason_that_goes_with_it(desk, case):
    with pytest.raises(NotAllowedError, match="does not go with an escalation"):
        await desk.claims.escalate(case.id, case.version, MODERATOR, PolicyReason.FAN_EDIT)
    assert await case_of(desk, case) == case


async def test_a_claim_of_an_escalated_case_changes_only_who_holds_it(desk, case):
    escalated = await desk.claims.escalate(case.id, case.version, MODERATOR)
    claimed = await desk.claims.claim(case.id, escalated.version, OTHER_MODERATOR)
    assert (claimed.state, claimed.claimed_by) == (CaseState.ESCALATED, OTHER_MODERATOR)
    released = await desk.claims.release(case.id, claimed.version, OTHER_MODERATOR)
    assert (released.state, released.claimed_by) == (CaseState.ESCALATED, None)


async def test_an_escalated_case_whose_decision_is_taken_back_is_still_theirs_who_decide_it(desk, case):
    escalated = await desk.claims.escalate(case.id, case.version, MODERATOR)
    decided = await desk.decisions.decide(case.id, escalated.version, OTHER_MODERATOR, Decision.CONFIRM)
    undone = await desk.decisions.undo(case.id, decided.version, MODERATOR)
    assert (undone.state, undone.escalated_at) == (CaseState.ESCALATED, escalated.escalated_at)


# ------------------------------------------------------------------------------------------- notes and exceptions


async def test_a_note_is_kept_as_one_line_of_at_most_500_characters(desk, case):
    await desk.claims.note(case.id, MODERATOR, f"  The agency\n knows.{' x' * 400}")
    note = (await desk.cases.view(case.id)).events[-1]
    assert (note.kind, note.actor_id) == ("note", MODERATOR)
    assert note.detail.startswith("The agency knows. x x")
    assert len(note.detail) == 499, "the space at which it was cut is left out"
    with pytest.raises(NotAllowedError, match="empty"):
        await desk.claims.note(case.id, MODERATOR, " \n ")


async def test_copies_are_left_out_and_taken_in_again(desk):
    await listed(desk)
    case = await opened(desk, 51, 52, 53)
    first, second, third = await sightings_of(desk, case)
    stranger = await opened(desk, 54, shown=picture(1, away=60))
    assert stranger.id == case.id  # the same picture, once more
    await desk.claims.except_sightings(case.id, MODERATOR, [first.id, second.id, 9999], excepted=True)
    await desk.claims.except_sightings(case.id, MODERATOR, [second.id], excepted=False)
    view = await desk.cases.view(case.id)
    assert view.excepted_count == 1
    assert [event.detail for event in view.events if event.kind == "excepted"] == [
        "2 copies left out.",
        "1 copy taken in again.",
    ]
    await desk.claims.except_sightings(case.id, OTHER_MODERATOR, [first.id], excepted=True)
    assert (await sightings_of(desk, case))[0].excepted_by == MODERATOR, "whoever left it out first is named"
    await desk.decisions.decide(case.id, view.case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert first.message.message_id not in desk.discord.deleted
    assert {second.message.message_id, third.message.message_id} < set(desk.discord.deleted)


async def test_a_copy_of_another_case_cannot_be_left_out_by_its_number(desk, case):
    await listed(desk, ANOTHER)
    other = await opened(desk, shown=ANOTHER)
    (foreign,) = await sightings_of(desk, other)
    await desk.claims.except_sightings(case.id, MODERATOR, [foreign.id], excepted=True)
    assert (await sightings_of(desk, other))[0].excepted_by is None


# ------------------------------------------------------------------------------------------ the lane of minors


async def with_rendering(desk: Desk, case) -> None:
    async with desk.store.write() as tx:
        await tx.cases.keep_thumbhash(case.id, b"t" * 25)


async def test_marking_a_minor_forgets_the_rendering_ends_the_claim_and_moves_the_card(desk, case):
    await desk.guilds.change(
        GUILD, child_safety_channel_id=SAFE_CHANNEL, child_safety_role_id=GUARDIANS, alert_role_id=ALERTED, reveal=True
    )
    await with_rendering(desk, case)
    assert (await case_of(desk, case)).thumbhash == b"t" * 25
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    await desk.settle()
    card = claimed.card_message_id
    before = len(desk.discord.calls)
    marked = await desk.claims.mark_minor(case.id, claimed.version, OTHER_MODERATOR, request_id=900)
    again = await desk.claims.mark_minor(case.id, claimed.version, OTHER_MODERATOR, request_id=900)
    assert again.version == marked.version
    await desk.settle()
    assert (marked.category, marked.thumbhash, marked.state, marked.claimed_by) == (
        Category.MINOR_SUSPECTED,
        None,
        CaseState.OPEN,
        None,
    )
    retired, posted = [call for call in desk.discord.calls[before:] if call.kind is not CallKind.EDIT_CARD]
    assert (retired.kind, retired.payload["channel_id"], retired.payload["message_id"]) == (
        CallKind.DELETE_MESSAGE,
        REVIEW,
        card,
    )
    assert (posted.kind, posted.payload["channel_id"], posted.payload["mention_role"]) == (
        CallKind.POST_CARD,
        SAFE_CHANNEL,
        GUARDIANS,
    )
    assert (await case_of(desk, case)).card_channel_id == SAFE_CHANNEL
    await with_rendering(desk, case)
    assert (await case_of(desk, case)).thumbhash is None


async def test_the_card_of_a_minor_that_waits_is_never_posted_where_everybody_looks(desk):
    await listed(desk)
    await desk.outbox.stop()
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL)
    await desk.post(FAR)
    case = await desk.only_case()
    await desk.claims.mark_minor(case.id, case.version, MODERATOR)
    await desk.outbox.start(desk.discord)
    await desk.settle()
    assert {call.payload["channel_id"] for call in desk.discord.calls if call.kind is CallKind.POST_CARD} == {
        SAFE_CHANNEL
    }


async def test_the_card_of_a_minor_that_is_on_its_way_goes_on_to_its_own_channel(desk):
    await listed(desk)
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL)
    desk.discord.hold = asyncio.Event()
    await desk.post(FAR)
    case = await desk.only_case()
    await desk.discord.sent.wait()
    await desk.claims.mark_minor(case.id, case.version, MODERATOR)
    desk.discord.hold.set()
    await desk.settle()
    assert [call.payload["channel_id"] for call in desk.discord.calls if call.kind is CallKind.POST_CARD] == [
        REVIEW,
        SAFE_CHANNEL,
    ]
    (retired,) = [call for call in desk.discord.calls if call.kind is CallKind.DELETE_MESSAGE]
    assert retired.payload["channel_id"] == REVIEW
    case = await case_of(desk, case)
    assert case.card_channel_id == SAFE_CHANNEL
    assert case.card_message_id != retired.payload["message_id"]


async def test_a_report_that_suspects_a_minor_ends_the_claim_of_who_may_not_decide_there(desk):
    case = await reported(desk, ANOTHER)
    claimed = await desk.claims.assign(case.id, case.version, MODERATOR, by=OTHER_MODERATOR)
    await reported(desk, ANOTHER, reporter=61, category=Category.MINOR_SUSPECTED)
    case = await case_of(desk, case)
    assert case.version > claimed.version
    assert (case.in_lane, case.state, case.claimed_by) == (True, CaseState.OPEN, None)


async def test_a_duplicate_of_a_suspected_minor_goes_into_the_lane_with_it(desk, case):
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL, reveal=True)
    await listed(desk, ANOTHER)
    same = await opened(desk, shown=ANOTHER)
    await with_rendering(desk, same)
    same = await desk.decisions.decide(same.id, same.version, MODERATOR, Decision.DUPLICATE, duplicate_of=case.id)
    case = await case_of(desk, case)
    await desk.claims.mark_minor(case.id, case.version, OTHER_MODERATOR)
    await desk.settle()
    for one in (case, same):
        moved = await case_of(desk, one)
        assert (moved.in_lane, moved.thumbhash, moved.card_channel_id) == (True, None, SAFE_CHANNEL)
    same = await case_of(desk, same)
    assert (await desk.decisions.undo(same.id, same.version, MODERATOR)).in_lane


async def test_a_decided_case_is_not_moved_into_the_lane(desk, case):
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NO_ACTION)
    with pytest.raises(NotAllowedError, match="take the decision back first"):
        await desk.claims.mark_minor(case.id, decided.version, MODERATOR)


async def test_an_escalation_in_the_lane_calls_its_own_role(desk, case):
    await desk.guilds.change(
        GUILD, child_safety_channel_id=SAFE_CHANNEL, child_safety_role_id=GUARDIANS, escalation_role_id=ELDERS
    )
    marked = await desk.claims.mark_minor(case.id, case.version, MODERATOR)
    await desk.claims.escalate(case.id, marked.version, MODERATOR)
    await desk.settle()
    (alert,) = [call for call in desk.discord.calls if call.kind is CallKind.LOG_LINE]
    assert (alert.payload["channel_id"], alert.payload["mention_role"]) == (SAFE_CHANNEL, GUARDIANS)


async def test_what_stands_for_the_report_to_discord_goes_when_it_was_made(desk):
    await desk.guilds.change(GUILD, lane_order=LaneOrder.ALERT_FIRST)
    await listed(desk, category=Category.MINOR_SUSPECTED)
    case = await opened(desk, 51, 52, shown=ABUSE)
    assert desk.discord.deleted == []
    first, second = await sightings_of(desk, case)
    await desk.claims.except_sightings(case.id, MODERATOR, [second.id], excepted=True)
    done = await desk.claims.reported(case.id, case.version, MODERATOR, request_id=900)
    await desk.settle()
    assert desk.discord.deleted == [first.message.message_id]
    assert done.state is CaseState.OPEN, "whether it was a match is still to be decided"
    assert (await kinds_of(desk, case)).count("reported_to_discord") == 1


async def test_only_a_suspected_minor_waits_for_a_report_to_discord(desk, case):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    with pytest.raises(NotAllowedError, match="Only a case of a suspected minor"):
        await desk.claims.reported(case.id, case.version, MODERATOR)
    marked = await desk.claims.mark_minor(case.id, case.version, MODERATOR)
    decided = await desk.decisions.decide(case.id, marked.version, MODERATOR, Decision.CONFIRM)
    with pytest.raises(NotAllowedError, match="was faster"):
        await desk.claims.reported(case.id, decided.version, OTHER_MODERATOR)
