"""Appeals: who can, when, against what, who answers them, and that their author hears it once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.cases import notices
from bot.errors import NotAllowedError, StaleCaseError
from bot.model import (
    AppealOutcome,
    BankKind,
    CallKind,
    CaseState,
    Category,
    Decision,
    Mode,
    PolicyReason,
    SanctionKind,
    SanctionOrder,
    SanctionState,
)
from bot.store.cases import CaseChanges
from bot.store.tables import appeals as appeal_rows
from tests.desk import FANS, GUILD, MODERATOR, OTHER_MODERATOR, REVIEW, Desk, picture

ABUSE = picture(1)
FAR = picture(1, away=55)
AUTHOR, OTHER_AUTHOR, STRANGER = 51, 52, 53
WORDS = "I drew this myself."
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))
UPHELD, OVERTURNED = AppealOutcome.UPHELD, AppealOutcome.OVERTURNED
DAY = timedelta(days=1)


@pytest.fixture
async def removed(desk: Desk) -> Desk:
    """Case 1: a message of AUTHOR and one of OTHER_AUTHOR that were removed automatically."""
    await desk.guilds.change(GUILD, mode=Mode.REMOVE)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")
    for author in (AUTHOR, OTHER_AUTHOR):
        await desk.post(ABUSE, author=author)
    await desk.settle()
    return desk


async def decide(desk: Desk, decision: Decision = Decision.CONFIRM, by: int = MODERATOR, **options):
    case = (await desk.cases.view(1)).case
    decided = await desk.decisions.decide(1, case.version, by, decision, **options)
    await desk.settle()
    return decided


async def answer(desk: Desk, outcome: AppealOutcome, by: int = OTHER_MODERATOR, **options):
    case = (await desk.cases.view(1)).case
    answered = await desk.appeals.answer(1, case.version, by, outcome, **options)
    await desk.settle()
    return answered


async def refusal(desk: Desk, author: int = AUTHOR, case_id: int = 1) -> str:
    """Why this author cannot appeal; said the same before and after they wrote something."""
    with pytest.raises(NotAllowedError) as checked:
        await desk.appeals.check(case_id, author)
    with pytest.raises(NotAllowedError) as appealed:
        await desk.appeals.appeal(case_id, author, WORDS)
    assert str(checked.value) == str(appealed.value)
    return str(appealed.value)


def about_appeals(desk: Desk, author: int = AUTHOR) -> list[str]:
    return [text for text in desk.discord.told(author) if "our appeal" in text]


# ------------------------------------------------------------------------------------------- before a decision


async def test_an_appeal_against_a_removal_waits_for_the_decision(removed):
    before = (await removed.cases.view(1)).case
    after = await removed.appeals.appeal(1, AUTHOR, WORDS)
    assert (after.state, after.version) == (CaseState.OPEN, before.version)
    (appeal,) = (await removed.cases.view(1)).appeals
    assert (appeal.statement, appeal.decision_number, appeal.outcome) == (WORDS, 0, None)
    await removed.settle()
    assert removed.discord.calls[-1].kind is CallKind.EDIT_CARD
    assert about_appeals(removed) == []


async def test_a_confirmation_answers_it_and_can_be_appealed_itself(removed):
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await decide(removed, sanction=TIMEOUT)
    (text,) = about_appeals(removed)
    assert "A moderator read your appeal about your message" in text
    assert "it stays removed.\n**The penalty is a timeout" in text
    assert len(removed.discord.told(AUTHOR)) == 2, "of the removal, and of the answer; not of the decision besides"
    (appeal,) = (await removed.cases.view(1)).appeals
    assert (appeal.outcome, appeal.answered_by) == (UPHELD, MODERATOR)
    await removed.appeals.appeal(1, AUTHOR, "Once more.")
    assert [one.decision_number for one in (await removed.cases.view(1)).appeals] == [0, 1]


async def test_a_mistake_grants_it(removed):
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await decide(removed, Decision.NOT_A_MATCH)
    (text,) = about_appeals(removed)
    assert "was granted: nothing is held against you, and you may post the picture again" in text
    assert "it was a mistake" in removed.discord.told(OTHER_AUTHOR)[-1]
    assert "favour" in await refusal(removed)


async def test_a_warned_appellant_hears_the_warning_and_the_answer(removed):
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await decide(removed, sanction=SanctionOrder(SanctionKind.WARN))
    _, warning, text = removed.discord.told(AUTHOR)
    assert "This is a warning" in warning
    assert about_appeals(removed) == [text]
    assert "warning" not in text
    assert {one.state for one in (await removed.cases.view(1)).sanctions} == {SanctionState.DONE}


async def test_expiry_grants_it(removed):
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    case = (await removed.cases.view(1)).case
    async with removed.store.write() as tx:
        expired = await tx.cases.compare_and_set(1, case.version, **CaseChanges(state=CaseState.EXPIRED))
        await notices.expired(tx, expired, await removed.guilds.get(GUILD), removed.now())
    await removed.settle()
    (text,) = about_appeals(removed)
    assert "granted, because nobody confirmed in time" in text
    assert len(removed.discord.told(AUTHOR)) == 2
    (appeal,) = (await removed.cases.view(1)).appeals
    assert (appeal.outcome, appeal.answered_by) == (OVERTURNED, None)
    assert "Nobody confirmed it in time" in await refusal(removed)


# ------------------------------------------------------------------------------------------- after a decision


async def test_an_appeal_brings_a_decided_case_back(removed):
    await removed.guilds.change(GUILD, alert_role_id=77)
    decided = await decide(removed)
    appealed = await removed.appeals.appeal(1, AUTHOR, WORDS)
    assert (appealed.state, appealed.claimed_by) == (CaseState.APPEALED, None)
    assert (appealed.decision, appealed.decision_number) == (Decision.CONFIRM, decided.decision_number)
    await removed.settle()
    (alert,) = [call for call in removed.discord.calls if call.kind is CallKind.LOG_LINE]
    assert (alert.payload["channel_id"], alert.payload["mention_role"]) == (REVIEW, 77)
    assert f"somebody else than <@{MODERATOR}> answers it" in alert.payload["text"]
    assert WORDS not in str([call.payload for call in removed.discord.calls])
    assert removed.discord.calls[-1].kind is CallKind.EDIT_CARD


async def test_a_second_author_of_an_appealed_case_calls_nobody_again(removed):
    await decide(removed)
    first = await removed.appeals.appeal(1, AUTHOR, WORDS)
    second = await removed.appeals.appeal(1, OTHER_AUTHOR, WORDS)
    await removed.settle()
    assert removed.discord.count(CallKind.LOG_LINE) == 1
    with pytest.raises(StaleCaseError):
        await removed.appeals.answer(1, first.version, OTHER_MODERATOR, UPHELD)
    await removed.appeals.answer(1, second.version, OTHER_MODERATOR, UPHELD)
    await removed.settle()
    assert (len(about_appeals(removed)), len(about_appeals(removed, OTHER_AUTHOR))) == (1, 1)


async def test_who_upholds_closes_the_case_and_the_decision_stays(removed):
    await decide(removed, sanction=TIMEOUT)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    closed = await answer(removed, UPHELD)
    assert (closed.state, closed.decision, closed.decided_by) == (CaseState.CLOSED, Decision.CONFIRM, MODERATOR)
    (text,) = about_appeals(removed)
    assert "another moderator looked at it and found, too, that the picture breaks the rule" in text
    assert "The decision and its penalty stay." in text
    assert f"@{OTHER_MODERATOR}" not in text
    view = await removed.cases.view(1)
    assert (view.appeals[0].outcome, view.appeals[0].answered_by) == (UPHELD, OTHER_MODERATOR)
    assert view.events[-1].kind in {"upheld", "appealed"}
    assert view.sanctions[0].state is SanctionState.DONE
    assert "answered already" in await refusal(removed)
    assert removed.discord.count(CallKind.LIFT_TIMEOUT) == 0


async def test_another_author_can_still_appeal_what_was_upheld(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await answer(removed, UPHELD)
    again = await removed.appeals.appeal(1, OTHER_AUTHOR, WORDS)
    assert again.state is CaseState.APPEALED
    await answer(removed, UPHELD)
    assert (len(about_appeals(removed)), len(about_appeals(removed, OTHER_AUTHOR))) == (1, 1)


async def test_who_overturns_takes_everything_back_and_decides_anew(removed):
    await decide(removed, sanction=TIMEOUT)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    decided = await answer(removed, OVERTURNED)
    assert (decided.state, decided.decision, decided.decided_by) == (
        CaseState.DECIDED,
        Decision.NOT_A_MATCH,
        OTHER_MODERATOR,
    )
    assert decided.decision_number == 2
    (text,) = about_appeals(removed)
    assert (
        "was granted: nothing is held against you, and you may post the picture again. Your timeout is lifted." in text
    )
    assert "Your timeout is lifted." in removed.discord.told(OTHER_AUTHOR)[-1]
    assert removed.discord.count(CallKind.LIFT_TIMEOUT) == 2
    again = await removed.post(ABUSE, author=AUTHOR)
    await removed.settle()
    assert again.message_id not in removed.discord.deleted, "the entry is off the list"
    kinds = [event.kind for event in (await removed.cases.view(1)).events]
    assert kinds.index("overturned") < kinds.index("not_a_match") < kinds.index("entry_revoked")


async def test_what_the_decision_had_listed_goes_when_it_is_overturned(removed):
    far = await removed.post(FAR, author=STRANGER)
    await removed.settle()
    assert far.message_id not in removed.discord.deleted
    await decide(removed)
    assert far.message_id in removed.discord.deleted
    await removed.appeals.appeal(1, STRANGER, WORDS)
    await answer(removed, OVERTURNED, decision=Decision.HARMLESS_EDIT, reason=PolicyReason.SATIRE)
    again = await removed.post(FAR, author=STRANGER)
    await removed.settle()
    assert again.message_id not in removed.discord.deleted
    assert (await removed.cases.view(1)).case.policy_reason is PolicyReason.SATIRE


async def test_an_overturned_appeal_can_be_undone_and_is_not_answered_again(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    decided = await answer(removed, OVERTURNED)
    await removed.decisions.undo(1, decided.version, OTHER_MODERATOR)
    await removed.settle()
    assert "look at it again" in removed.discord.told(AUTHOR)[-1]
    removed.time += timedelta(minutes=1)
    await decide(removed)
    assert len(about_appeals(removed)) == 1
    assert "A moderator decided about your message" in removed.discord.told(AUTHOR)[-1]
    assert (await removed.appeals.check(1, AUTHOR)).decided


# ------------------------------------------------------------------------------------------- who answers


async def test_nobody_answers_an_appeal_against_their_own_decision(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    for outcome in AppealOutcome:
        with pytest.raises(NotAllowedError, match="decision of yours, so another moderator"):
            await answer(removed, outcome, by=MODERATOR)
    assert (await removed.cases.view(1)).case.state is CaseState.APPEALED


async def test_no_author_answers(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    with pytest.raises(NotAllowedError, match="message of yours"):
        await answer(removed, OVERTURNED, by=OTHER_AUTHOR)


async def test_what_somebody_else_holds_is_theirs_to_answer(removed):
    await decide(removed)
    appealed = await removed.appeals.appeal(1, AUTHOR, WORDS)
    await removed.claims.claim(1, appealed.version, 42)
    with pytest.raises(NotAllowedError, match="<@42> is working on case 1"):
        await answer(removed, UPHELD)
    await answer(removed, UPHELD, by=42)


async def test_only_an_appealed_case_has_an_appeal_to_answer(removed):
    await decide(removed)
    for outcome in AppealOutcome:
        with pytest.raises(NotAllowedError, match="There is no appeal to answer"):
            await answer(removed, outcome, by=MODERATOR)


@pytest.mark.parametrize("decision", [Decision.CONFIRM, Decision.DUPLICATE])
async def test_granting_needs_a_decision_in_the_authors_favour(removed, decision):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    with pytest.raises(NotAllowedError, match="in favour of the author"):
        await answer(removed, OVERTURNED, decision=decision)


async def test_of_two_answers_at_once_one_counts(removed):
    await decide(removed)
    appealed = await removed.appeals.appeal(1, AUTHOR, WORDS)
    results = await asyncio.gather(
        removed.appeals.answer(1, appealed.version, OTHER_MODERATOR, UPHELD),
        removed.appeals.answer(1, appealed.version, 42, OVERTURNED),
        return_exceptions=True,
    )
    assert sum(isinstance(result, StaleCaseError) for result in results) == 1
    await removed.settle()
    assert len(about_appeals(removed)) == 1


async def test_the_same_press_twice_changes_nothing(removed):
    await decide(removed)
    for _ in range(2):
        appealed = await removed.appeals.appeal(1, AUTHOR, WORDS, request_id=1)
    for _ in range(2):
        await removed.appeals.answer(1, appealed.version, OTHER_MODERATOR, UPHELD, request_id=2)
    await removed.settle()
    kinds = [event.kind for event in (await removed.cases.view(1)).events]
    assert (kinds.count("appealed"), kinds.count("upheld")) == (1, 1)
    assert len(about_appeals(removed)) == 1


# ------------------------------------------------------------------------------------------- who can appeal


@pytest.mark.parametrize("case_id", [1, 99])
async def test_a_stranger_learns_nothing_about_a_case(removed, case_id):
    assert "no message of yours was removed" in await refusal(removed, STRANGER, case_id)


async def test_an_author_whose_message_stands_has_nothing_to_appeal(desk):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")
    await desk.post(ABUSE, author=AUTHOR)
    await desk.settle()
    assert "no message of yours was removed" in await refusal(desk)


async def test_each_decision_is_appealed_once(removed):
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    assert "You have appealed already" in await refusal(removed)
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    assert "You have appealed already" in await refusal(removed)
    await answer(removed, UPHELD)
    assert "answered already" in await refusal(removed)


async def test_of_two_appeals_at_once_one_counts(removed):
    await decide(removed)
    results = await asyncio.gather(
        *(removed.appeals.appeal(1, AUTHOR, WORDS) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, NotAllowedError) for result in results) == 2
    assert len((await removed.cases.view(1)).appeals) == 1


@pytest.mark.parametrize("decided", [True, False])
async def test_after_thirty_days_it_is_too_late(removed, decided):
    if decided:
        removed.time += 5 * DAY
        await decide(removed)
    removed.time += 30 * DAY
    assert await removed.appeals.check(1, AUTHOR)
    removed.time += timedelta(seconds=1)
    assert "It is too late to appeal" in await refusal(removed)
    assert await removed.appeals.open_for(GUILD, AUTHOR) == []


async def test_whose_copies_were_left_out_has_nothing_to_appeal(removed):
    view = await removed.cases.view(1)
    theirs = [one.id for one in view.sightings if one.message.author_id == AUTHOR]
    await removed.claims.except_sightings(1, MODERATOR, theirs, excepted=True)
    await decide(removed)
    assert "in your favour" in await refusal(removed)
    assert (await removed.appeals.check(1, OTHER_AUTHOR)).decided


async def test_the_button_of_a_duplicate_leads_to_the_case_that_holds_its_copies(removed):
    await decide(removed)
    await removed.post(FAR, author=STRANGER)
    await removed.settle()
    second = (await removed.cases.view(2)).case
    await removed.decisions.decide(2, second.version, MODERATOR, Decision.DUPLICATE, duplicate_of=1)
    await removed.settle()
    appealed = await removed.appeals.appeal(2, STRANGER, WORDS)
    assert (appealed.id, appealed.state) == (1, CaseState.APPEALED)


async def test_an_appeal_in_a_duplicate_is_answered_with_the_other_case(removed):
    await removed.post(picture(9), author=STRANGER)
    guild = await removed.guilds.get(GUILD)
    message = removed.message(STRANGER)
    await removed.reports.report(guild, 60, Category.OTHER, message, [removed.item(message, picture(9))])
    second = (await removed.cases.view(2)).case
    async with removed.store.write() as tx:
        await tx.sightings.mark_deleted(message.message_id, removed.now())
    await removed.appeals.appeal(2, STRANGER, WORDS)
    await removed.decisions.decide(2, second.version, MODERATOR, Decision.DUPLICATE, duplicate_of=1)
    await removed.settle()
    assert about_appeals(removed, STRANGER) == []
    await decide(removed)
    assert len(about_appeals(removed, STRANGER)) == 1


async def test_an_empty_appeal_is_refused_and_a_long_one_cut(removed):
    with pytest.raises(NotAllowedError, match="empty"):
        await removed.appeals.appeal(1, AUTHOR, " \n ")
    await removed.appeals.appeal(1, AUTHOR, "x" * 5000)
    (appeal,) = (await removed.cases.view(1)).appeals
    assert appeal.statement == "x" * 1000


# ------------------------------------------------------------------------------------------- what is shown and kept


async def test_what_can_be_appealed_is_listed_newest_first(removed):
    removed.time += DAY
    bank = await removed.banks.own(GUILD, BankKind.BLOCK)
    await removed.banks.add(bank, picture(3), Category.NCII_SYNTHETIC, source="test")
    await removed.post(picture(3), author=AUTHOR)
    await removed.settle()
    case = (await removed.cases.view(2)).case
    await removed.decisions.decide(2, case.version, MODERATOR, Decision.CONFIRM)
    await removed.settle()
    found = await removed.appeals.open_for(GUILD, AUTHOR)
    assert [(one.case_id, one.decided, one.reason) for one in found] == [
        (2, True, PolicyReason.SEXUAL_DEEPFAKE),
        (1, False, None),
    ]
    assert found[0].at == removed.now()
    assert found[0].channel_id == FANS
    assert await removed.appeals.open_for(GUILD + 1, AUTHOR) == []
    assert await removed.appeals.open_for(GUILD, STRANGER) == []


async def test_a_suspected_minor_is_listed_without_detail(removed):
    case = (await removed.cases.view(1)).case
    await removed.claims.mark_minor(1, case.version, MODERATOR)
    await decide(removed)
    (found,) = await removed.appeals.open_for(GUILD, AUTHOR)
    assert (found.decided, found.reason) == (True, None)


async def test_the_alert_about_a_suspected_minor_goes_to_its_own_channel(removed):
    await removed.guilds.change(GUILD, child_safety_channel_id=31, child_safety_role_id=78, alert_role_id=77)
    case = (await removed.cases.view(1)).case
    await removed.claims.mark_minor(1, case.version, MODERATOR)
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await removed.settle()
    (alert,) = [call for call in removed.discord.calls if call.kind is CallKind.LOG_LINE]
    assert (alert.payload["channel_id"], alert.payload["mention_role"]) == (31, 78)


async def test_a_statement_lies_sealed_and_stands_in_no_other_row(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    async with removed.store.read() as tx:
        (row,) = (await tx.connection.execute(appeal_rows.select())).all()
    assert WORDS.encode() not in row.statement
    assert WORDS not in str([event.detail for event in (await removed.cases.view(1)).events])


async def test_what_a_member_wrote_is_erased_and_what_was_decided_stays(removed):
    await decide(removed)
    await removed.appeals.appeal(1, AUTHOR, WORDS)
    await removed.appeals.appeal(1, OTHER_AUTHOR, "Mine, too.")
    await answer(removed, UPHELD)
    assert await removed.appeals.erase(AUTHOR, GUILD + 1) == 0
    assert await removed.appeals.erase(AUTHOR) == 1
    assert await removed.appeals.erase(AUTHOR) == 0
    first, second = (await removed.cases.view(1)).appeals
    assert (first.statement, first.outcome, second.statement) == ("", UPHELD, "Mine, too.")
