"""What each decision does, and what taking it back gives back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cases.reasons import FITTING
from bot.cases.states import UNDO_WINDOW
from bot.errors import NotAllowedError
from bot.model import (
    BankKind,
    CallKind,
    CaseState,
    Category,
    Decision,
    MessageRef,
    Mode,
    PolicyReason,
)
from tests.desk import FANS, GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

from .steps import ABUSE, ANOTHER, FAR, NEAR, case_of, kinds_of, listed, opened, reported, reports_of, sightings_of

OTHER_GUILD = 11
ALERTED = 72


@pytest.fixture
async def case(desk: Desk):
    await listed(desk)
    return await opened(desk)


async def blocked(desk: Desk) -> int:
    return (await desk.banks.list(GUILD, BankKind.BLOCK))[1]


async def known_good(desk: Desk) -> int:
    return (await desk.banks.list(GUILD, BankKind.KNOWN_GOOD))[1]


async def decide(desk: Desk, case, decision: Decision, by: int = MODERATOR, **more):
    case = await case_of(desk, case)
    decided = await desk.decisions.decide(case.id, case.version, by, decision, **more)
    await desk.settle()
    return decided


async def undo(desk: Desk, case, by: int = OTHER_MODERATOR, **more):
    case = await case_of(desk, case)
    undone = await desk.decisions.undo(case.id, case.version, by, **more)
    await desk.settle()
    return undone


def assert_open_again(undone) -> None:
    assert (undone.state, undone.decision, undone.decided_by, undone.decided_at, undone.policy_reason) == (
        CaseState.OPEN,
        None,
        None,
        None,
        None,
    )
    assert undone.duplicate_of is None


# ------------------------------------------------------------------------------------------ each one, and its undo


async def test_confirm_lists_and_removes_and_undo_takes_it_off_the_list(desk, case):
    decided = await decide(desk, case, Decision.CONFIRM)
    assert (decided.state, decided.decision_number, decided.policy_reason) == (
        CaseState.DECIDED,
        1,
        PolicyReason.SEXUAL_DEEPFAKE,
    )
    assert len(desk.discord.deleted) == 1
    assert await blocked(desk) == 2
    undone = await undo(desk, case)
    assert_open_again(undone)
    assert undone.decision_number == 1, "the number of a decision is never given to another one"
    assert await blocked(desk) == 1
    assert (await decide(desk, case, Decision.NO_ACTION)).decision_number == 2


async def test_not_a_match_knows_the_picture_and_undo_forgets_it(desk, case):
    await decide(desk, case, Decision.NOT_A_MATCH)
    assert (await known_good(desk), await blocked(desk)) == (1, 1)
    assert_open_again(await undo(desk, case))
    assert await known_good(desk) == 0


async def test_a_harmless_edit_stays_up_beside_the_entry_that_it_was_made_from(desk):
    entry = await listed(desk)
    case = await opened(desk, 51, shown=NEAR)
    await decide(desk, case, Decision.HARMLESS_EDIT, reason=PolicyReason.SATIRE)
    assert (await known_good(desk), await blocked(desk)) == (1, 1)
    assert "it was a mistake" in desk.discord.told(51)[-1]
    again, original = await desk.post(NEAR), await desk.post(ABUSE)
    await desk.settle()
    assert again.message_id not in desk.discord.deleted
    assert original.message_id in desk.discord.deleted
    assert_open_again(await undo(desk, case))
    assert await known_good(desk) == 0
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is None


@pytest.mark.parametrize("shown", [picture(1, away=2), ABUSE])
async def test_not_a_match_on_the_listed_picture_itself_revokes_it_and_a_harmless_edit_does_not(desk, shown):
    entry = await listed(desk)
    case = await opened(desk, 51, shown=shown)
    await decide(desk, case, Decision.HARMLESS_EDIT)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is None
    await undo(desk, case)
    await decide(desk, case, Decision.NOT_A_MATCH)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is not None
    await undo(desk, case)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is None


async def test_no_action_teaches_nothing_removes_nothing_and_answers_the_reporter(desk):
    case = await reported(desk, ANOTHER)
    decided = await decide(desk, case, Decision.NO_ACTION, reason=PolicyReason.CANNOT_TELL)
    assert decided.policy_reason is PolicyReason.CANNOT_TELL
    assert (await blocked(desk), await known_good(desk), desk.discord.deleted) == (0, 0, [])
    assert len(desk.discord.told(60)) == 1
    assert_open_again(await undo(desk, case))
    await decide(desk, case, Decision.CONFIRM)
    assert len(desk.discord.told(60)) == 1, "the outcome is told once, whatever is decided later"


async def test_the_author_of_a_wrongly_removed_message_hears_once_for_each_decision(desk):
    await listed(desk)
    case = await opened(desk, 51, 51, 52, shown=NEAR)
    await desk.see(MessageRef(GUILD, FANS, 1, 53, webhook_id=9), desk.item(MessageRef(GUILD, FANS, 1, 53), NEAR))
    await desk.settle()
    await decide(desk, case, Decision.NO_ACTION)
    told = [desk.discord.told(author) for author in (51, 52, 53)]
    assert [len(heard) for heard in told] == [2, 2, 0], "that it was removed, and that it should not have been"


async def test_the_author_of_a_copy_that_was_left_out_hears_that_it_was_a_mistake(desk):
    await listed(desk)
    case = await opened(desk, 51, 52, shown=NEAR)
    first, _ = await sightings_of(desk, case)
    await desk.claims.except_sightings(case.id, MODERATOR, [first.id], excepted=True)
    await decide(desk, case, Decision.CONFIRM)
    assert any("it was a mistake" in text for text in desk.discord.told(51))
    assert not any("it was a mistake" in text for text in desk.discord.told(52))


# --------------------------------------------------------------------------------------------------- duplicates


async def pair(desk: Desk, *, mode: Mode = Mode.REMOVE):
    """A case, and another one that somebody finds to show the same."""
    await desk.guilds.change(GUILD, mode=mode)
    await listed(desk)
    kept = await opened(desk, 51)
    await listed(desk, ANOTHER)
    return kept, await opened(desk, 52, shown=picture(5, away=55))


async def test_the_copies_of_a_duplicate_are_decided_with_the_other_case(desk):
    kept, same = await pair(desk)
    decided = await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    assert (decided.duplicate_of, decided.policy_reason) == (kept.id, PolicyReason.SAME_PICTURE)
    assert await sightings_of(desk, same) == []
    moved = await sightings_of(desk, kept)
    assert [(sighting.message.author_id, sighting.moved_from) for sighting in moved] == [(51, None), (52, same.id)]
    assert (await desk.cases.view(kept.id)).duplicates == (same.id,)
    assert (await desk.cases.view(kept.id)).events[-1].detail == f"1 copy of case {same.id}."
    await decide(desk, kept, Decision.CONFIRM)
    assert sorted(desk.discord.deleted) == [sighting.message.message_id for sighting in moved]


async def test_undo_parts_a_duplicate_from_the_other_case(desk):
    kept, same = await pair(desk)
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    assert_open_again(await undo(desk, same))
    (back,) = await sightings_of(desk, same)
    assert (back.message.author_id, back.moved_from) == (52, None)
    assert [sighting.message.author_id for sighting in await sightings_of(desk, kept)] == [51]
    assert (await desk.cases.view(kept.id)).events[-1].kind == "parted"
    await decide(desk, kept, Decision.CONFIRM)
    assert back.message.message_id not in desk.discord.deleted


async def test_who_reported_a_duplicate_hears_with_the_other_case_once(desk):
    kept = await reported(desk, ANOTHER, reporter=60)
    same = await reported(desk, picture(7), reporter=61)
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    assert desk.discord.told(61) == []
    await decide(desk, kept, Decision.CONFIRM)
    assert [len(desk.discord.told(reporter)) for reporter in (60, 61)] == [1, 1]
    assert "confirmed it" in desk.discord.told(61)[0]
    assert all(report.outcome_sent for report in [*await reports_of(desk, kept), *await reports_of(desk, same)])
    await undo(desk, same)
    await decide(desk, same, Decision.NO_ACTION)
    assert len(desk.discord.told(61)) == 1


async def test_a_duplicate_of_a_case_that_was_decided_shares_its_decision_at_once(desk):
    kept, same = await pair(desk)
    await desk.reports.report(
        await desk.guilds.get(GUILD), 61, Category.OTHER, None, [desk.item(desk.message(), picture(5, away=55))]
    )
    await decide(desk, kept, Decision.CONFIRM)
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    assert {sighting.message.message_id for sighting in await sightings_of(desk, kept)} == set(desk.discord.deleted)
    assert len(desk.discord.told(61)) == 1


async def test_the_authors_of_a_duplicate_of_a_mistake_hear_that_it_was_one(desk):
    await listed(desk)
    kept = await opened(desk, 51, shown=NEAR)
    await listed(desk, ANOTHER)
    same = await opened(desk, 52, shown=picture(5, away=10))
    await decide(desk, kept, Decision.NO_ACTION)
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    told = [desk.discord.told(author) for author in (51, 52)]
    assert [len(heard) for heard in told] == [2, 2]
    assert all("nothing is held against you" in heard[-1].lower() for heard in told), told


async def test_a_further_copy_of_a_duplicate_joins_the_other_case_while_that_is_open(desk):
    kept, same = await pair(desk)
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)
    cards = desk.discord.count(CallKind.POST_CARD)
    by_entry, by_look = await desk.post(picture(5, away=54)), await desk.post(picture(5, away=56))
    await reported(desk, picture(5, away=57))
    await desk.settle()
    assert {by_entry.message_id, by_look.message_id} < {
        sighting.message.message_id for sighting in await sightings_of(desk, kept)
    }
    assert desk.discord.count(CallKind.POST_CARD) == cards


async def test_what_cannot_take_a_duplicate_says_why(desk):
    kept, same = await pair(desk)
    third = await reported(desk, picture(9))
    lane = await reported(desk, picture(11), category=Category.MINOR_SUSPECTED)
    expired = await reported(desk, picture(13))
    async with desk.store.write() as tx:
        await tx.cases.compare_and_set(expired.id, expired.version, state=CaseState.EXPIRED)
    await desk.guilds.change(OTHER_GUILD, mode=Mode.REVIEW)
    foreign_message = MessageRef(OTHER_GUILD, FANS, 2, 50)
    answer = await desk.reports.report(
        await desk.guilds.get(OTHER_GUILD), 60, Category.OTHER, foreign_message, [desk.item(foreign_message, FAR)]
    )
    await decide(desk, same, Decision.DUPLICATE, duplicate_of=kept.id)

    async def refused(case, other: int | None, match: str, decision: Decision = Decision.DUPLICATE) -> None:
        before = await case_of(desk, case)
        with pytest.raises(NotAllowedError, match=match):
            await decide(desk, case, decision, duplicate_of=other)
        assert await case_of(desk, case) == before

    await refused(third, third.id, "no duplicate of itself")
    await refused(third, same.id, f"itself a duplicate of case {kept.id}")
    await refused(third, answer.case_ids[0], "no case .* in this server")
    await refused(third, lane.id, "no case .* in this server")
    await refused(third, expired.id, "expired")
    await refused(third, None, "needs the number")
    await refused(third, kept.id, "needs the number", Decision.CONFIRM)
    await refused(kept, third.id, "has duplicates of its own")


async def test_a_duplicate_from_the_lane_takes_the_other_case_with_it(desk):
    kept = await reported(desk, ANOTHER)
    held = await desk.claims.assign(kept.id, kept.version, MODERATOR, by=OTHER_MODERATOR)
    lane = await reported(desk, picture(11), category=Category.MINOR_SUSPECTED)
    await decide(desk, lane, Decision.DUPLICATE, by=OTHER_MODERATOR, duplicate_of=held.id)
    kept = await case_of(desk, kept)
    assert (kept.in_lane, kept.state, kept.claimed_by) == (True, CaseState.OPEN, None)
    await undo(desk, lane)
    assert (await case_of(desk, kept)).in_lane
    assert (await case_of(desk, lane)).in_lane


async def test_nobody_takes_back_a_duplicate_that_holds_a_message_of_their_own(desk):
    kept = await reported(desk, ANOTHER)
    same = await reported(desk, picture(7), author=MODERATOR)
    await decide(desk, same, Decision.DUPLICATE, by=OTHER_MODERATOR, duplicate_of=kept.id)
    for own in (same, kept):
        with pytest.raises(NotAllowedError, match="message of yours"):
            await undo(desk, own, by=MODERATOR)


# ------------------------------------------------------------------------------------------ reasons, times, presses


@pytest.mark.parametrize("decision", list(Decision))
async def test_every_reason_but_the_fitting_ones_is_refused(desk, case, decision):
    kept = await reported(desk, ANOTHER)
    other = kept.id if decision is Decision.DUPLICATE else None
    for reason in PolicyReason:
        if reason in FITTING[decision]:
            decided = await decide(desk, case, decision, reason=reason, duplicate_of=other)
            assert decided.policy_reason is reason
            await undo(desk, case)
        else:
            with pytest.raises(NotAllowedError, match="does not go with that decision"):
                await decide(desk, case, decision, reason=reason, duplicate_of=other)


@pytest.mark.parametrize("category", list(Category))
async def test_the_usual_reason_of_a_confirmation_is_its_category(desk, category):
    case = await reported(desk, ANOTHER, category=category)
    decided = await decide(desk, case, Decision.CONFIRM)
    assert decided.policy_reason in FITTING[Decision.CONFIRM]
    assert (decided.policy_reason is PolicyReason.MINOR_SAFETY) == (category is Category.MINOR_SUSPECTED)


async def test_a_decision_is_taken_back_within_a_day_by_anybody_and_after_it_by_an_admin(desk, case):
    await decide(desk, case, Decision.CONFIRM)
    desk.time += UNDO_WINDOW + timedelta(milliseconds=1)
    with pytest.raises(NotAllowedError, match="Manage Server"):
        await undo(desk, case)
    assert_open_again(await undo(desk, case, admin=True))
    await decide(desk, case, Decision.CONFIRM)
    desk.time += UNDO_WINDOW
    assert_open_again(await undo(desk, case))


async def test_a_closed_case_is_an_admins_to_open_again(desk, case):
    decided = await decide(desk, case, Decision.CONFIRM)
    async with desk.store.write() as tx:
        await tx.cases.compare_and_set(case.id, decided.version, state=CaseState.CLOSED)
    with pytest.raises(NotAllowedError, match="Manage Server"):
        await undo(desk, case)
    assert_open_again(await undo(desk, case, admin=True))


async def test_there_is_no_decision_to_take_back_in_an_open_case(desk, case):
    with pytest.raises(NotAllowedError, match="no decision to take back"):
        await undo(desk, case)


async def test_the_same_press_delivered_twice_decides_and_takes_back_once(desk, case):
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM, request_id=900)
    assert await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM, request_id=900) == decided
    undone = await desk.decisions.undo(case.id, decided.version, MODERATOR, request_id=901)
    assert await desk.decisions.undo(case.id, decided.version, MODERATOR, request_id=901) == undone
    assert await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM, request_id=900) == undone
    kinds = await kinds_of(desk, case)
    assert (kinds.count("confirm"), kinds.count("undone")) == (1, 1)


# ------------------------------------------------------------------------------------------ what comes after


async def test_a_confirmed_file_that_is_posted_again_joins_its_case_silently(desk):
    await desk.guilds.change(GUILD, alert_role_id=ALERTED)
    await listed(desk)
    case = await opened(desk, 51, shown=NEAR)
    await decide(desk, case, Decision.CONFIRM)
    again = await desk.post(NEAR, author=52)
    await desk.settle()
    assert again.message_id in desk.discord.deleted
    assert [sighting.message.author_id for sighting in await sightings_of(desk, case)] == [51, 52]
    assert desk.discord.count(CallKind.POST_CARD) == 1
    assert sum(call.payload.get("mention_role") == ALERTED for call in desk.discord.calls) == 1


async def test_a_look_alike_of_a_confirmed_file_is_looked_at_by_a_person(desk):
    await listed(desk)
    case = await opened(desk, 51, shown=NEAR)
    await decide(desk, case, Decision.CONFIRM)
    await desk.post(picture(1, away=11), author=52)
    await desk.settle()
    assert len(await sightings_of(desk, case)) == 1
    assert desk.discord.count(CallKind.POST_CARD) == 2


@pytest.mark.parametrize("ended", ["a day later", "taken back", "lane"])
async def test_a_confirmed_file_joins_no_longer_when(desk, ended):
    category = Category.MINOR_SUSPECTED if ended == "lane" else Category.OTHER
    await listed(desk, category=category)
    case = await opened(desk, 51, shown=NEAR)
    await decide(desk, case, Decision.CONFIRM)
    if ended == "a day later":
        desk.time += UNDO_WINDOW + timedelta(milliseconds=1)
    elif ended == "taken back":
        await undo(desk, case)
        await decide(desk, case, Decision.NO_ACTION)
    await desk.post(NEAR, author=52)
    await desk.settle()
    assert len(await sightings_of(desk, case)) == 1
    assert desk.discord.count(CallKind.POST_CARD) == 2


async def test_a_message_that_was_left_out_goes_all_the_same_when_somebody_blocks_it(desk):
    await listed(desk)
    message = await desk.post(FAR)
    case = await desk.only_case()
    (sighting,) = await sightings_of(desk, case)
    await desk.claims.except_sightings(case.id, MODERATOR, [sighting.id], excepted=True)
    await desk.block(FAR, message)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]
    assert (await sightings_of(desk, case))[0].excepted_by is None
