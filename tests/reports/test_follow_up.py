"""What became of a report: told once, listed always, and taken back while nobody has decided."""

from __future__ import annotations

import pytest

from bot.errors import NotFoundError, RefusedError
from bot.model import (
    AppealOutcome,
    CallKind,
    CaseState,
    Category,
    Decision,
    Language,
    Mode,
    ReportKind,
    ReportState,
    Unscannable,
    Weight,
)
from bot.outbox import CallError
from bot.reports.follow_up import Became
from bot.store import tables
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

ABUSE = picture(1)
AUTHOR, REPORTER, SECOND = 51, 60, 61
OTHER_GUILD = GUILD + 1


async def report(desk: Desk, message, shown, reporter=REPORTER, category=Category.SCAM, **how) -> int:
    """Report a message; the number of the report."""
    guild = await desk.guilds.get(GUILD)
    answer = await desk.reports.report(guild, reporter, category, message, [desk.item(message, shown)], **how)
    async with desk.store.read() as tx:
        digest = tx.reports.digest(GUILD, reporter)
        (made,) = [one for one in await tx.reports.by_case(answer.case_ids[0]) if one.reporter == digest]
    return made.id


async def posted(desk: Desk, shown=ABUSE, **how) -> int:
    return await report(desk, await desk.post(shown, author=AUTHOR), shown, **how)


async def decide(desk: Desk, decision: Decision, **how) -> None:
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, decision, **how)


async def undo(desk: Desk) -> None:
    case = await desk.only_case()
    await desk.decisions.undo(case.id, case.version, MODERATOR)


async def became(desk: Desk, reporter: int = REPORTER) -> Became:
    ((followed,), total) = await desk.follow_up.made_by(GUILD, reporter, limit=10)
    assert total == 1
    return followed.became


async def withdraw(desk: Desk, number: int, reporter: int = REPORTER, language=Language.ENGLISH) -> str:
    return await desk.follow_up.withdraw(await desk.guilds.get(GUILD), reporter, number, language)


# ------------------------------------------------------------------------------------------- the one message


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision.CONFIRM, "its one copy here is being removed"),
        (Decision.NOT_A_MATCH, "does not break the rules"),
        (Decision.HARMLESS_EDIT, "does not break the rules"),
        (Decision.NO_ACTION, "closed it without doing anything"),
    ],
)
async def test_the_outcome_says_what_was_done(desk, decision, said):
    number = await posted(desk)
    await decide(desk, decision)
    await desk.settle()
    (text,) = desk.discord.told(REPORTER)
    assert said in text
    assert f"report {number}." in text
    for who in (AUTHOR, MODERATOR, REPORTER):
        assert str(who) not in text


async def test_the_outcome_counts_the_copies_that_go(desk):
    await posted(desk)
    await posted(desk, picture(1, away=9), reporter=SECOND)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    for reporter in (REPORTER, SECOND):
        assert "its 2 copies here are being removed" in desk.discord.told(reporter)[0]


async def test_a_copy_that_was_left_out_is_no_success(desk):
    await posted(desk)
    message = await desk.post(picture(1, away=9), author=AUTHOR)
    await report(desk, message, picture(1, away=9), reporter=SECOND)
    view = await desk.cases.view((await desk.only_case()).id)
    (second,) = [one.id for one in view.sightings if one.message.message_id == message.message_id]
    async with desk.store.write() as tx:
        await tx.sightings.set_excepted(view.case.id, [second], MODERATOR)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert "its one copy here" in desk.discord.told(REPORTER)[0]
    assert "does not break the rules" in desk.discord.told(SECOND)[0]
    assert (await became(desk), await became(desk, SECOND)) == (Became.CONFIRMED, Became.WITHIN_RULES)


async def test_nothing_is_said_to_be_removed_where_nothing_is(desk):
    await desk.guilds.change(GUILD, mode=Mode.OBSERVE)
    await posted(desk)
    await desk.block(ABUSE)
    await desk.settle()
    (text,) = desk.discord.told(REPORTER)
    assert "is removed if somebody posts it here" in text
    assert desk.discord.deleted == []


async def test_a_file_that_nobody_can_list_is_said_to_go(desk):
    await posted(desk, Unscannable.VIDEO)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert "what you reported is being removed" in desk.discord.told(REPORTER)[0]


async def test_a_request_to_take_a_picture_down_has_words_of_its_own(desk):
    message = await desk.post(ABUSE, author=AUTHOR)
    await report(desk, message, ABUSE)
    case = await desk.only_case()
    async with desk.store.write() as tx:
        await tx.reports.add(
            case_id=case.id,
            guild_id=GUILD,
            reporter_id=SECOND,
            category=Category.NCII_REAL,
            at=desk.now(),
            kind=ReportKind.TAKEDOWN,
        )
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.told(SECOND)[0].startswith("A moderator granted your request ")


async def test_nobody_decided_in_time(desk):
    await posted(desk)
    case = await desk.only_case()
    async with desk.store.write() as tx:
        expired = await tx.cases.compare_and_set(case.id, case.version, state=CaseState.EXPIRED, decided_at=desk.now())
        assert expired is not None
        await desk.cases.tell_reporters(tx, expired)
    await desk.settle()
    assert "nothing was decided" in desk.discord.told(REPORTER)[0]
    assert await became(desk) is Became.UNDECIDED


async def test_a_decision_that_is_taken_back_in_time_is_told_to_nobody(desk):
    await desk.outbox.stop()
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    await undo(desk)
    await desk.outbox.start(desk.discord)
    await desk.settle()
    assert desk.discord.told(REPORTER) == []
    assert await became(desk) is Became.AGAIN
    await decide(desk, Decision.NOT_A_MATCH)
    await desk.settle()
    assert len(desk.discord.told(REPORTER)) == 1
    assert "does not break the rules" in desk.discord.told(REPORTER)[0]


async def test_a_decision_that_is_taken_back_later_is_not_told_twice_but_listed(desk):
    await posted(desk)
    await decide(desk, Decision.NOT_A_MATCH)
    await desk.settle()
    assert await became(desk) is Became.WITHIN_RULES
    await undo(desk)
    assert await became(desk) is Became.AGAIN
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert len(desk.discord.told(REPORTER)) == 1
    assert await became(desk) is Became.CONFIRMED


async def test_an_appeal_changes_the_list_and_is_not_told(desk):
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    case = await desk.appeals.appeal((await desk.only_case()).id, AUTHOR, "It is official.")
    assert await became(desk) is Became.AGAIN
    await desk.appeals.answer(case.id, case.version, OTHER_MODERATOR, AppealOutcome.OVERTURNED)
    await desk.settle()
    assert len(desk.discord.told(REPORTER)) == 1
    assert await became(desk) is Became.WITHIN_RULES


async def test_closed_direct_messages_leave_the_list(desk):
    await posted(desk)
    edits = desk.discord.count(CallKind.EDIT_CARD)
    desk.discord.refuse[CallKind.NOTIFY] = CallError("The member takes no direct messages.", permanent=True)
    await decide(desk, Decision.NO_ACTION)
    await desk.settle()
    assert desk.discord.count(CallKind.EDIT_CARD) == edits + 1  # the decision, and nothing about the reporter
    assert await became(desk) is Became.NOTHING_DONE


async def test_who_wants_no_messages_gets_none_even_if_it_was_written_already(desk):
    await posted(desk)
    await desk.outbox.stop()
    await decide(desk, Decision.CONFIRM)
    await desk.follow_up.tell(GUILD, REPORTER, wanted=False)
    await desk.outbox.start(desk.discord)
    await desk.settle()
    assert desk.discord.told(REPORTER) == []
    assert await became(desk) is Became.CONFIRMED


async def test_messages_can_be_wanted_again(desk):
    await desk.follow_up.tell(GUILD, REPORTER, wanted=False)
    await desk.follow_up.tell(GUILD, REPORTER, wanted=True)
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert len(desk.discord.told(REPORTER)) == 1


async def test_the_language_of_the_report_goes_with_its_message(desk):
    number = await posted(desk, language=Language.KOREAN)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    (call,) = [call for call in desk.discord.calls if call.key == f"outcome:{number}"]
    assert call.payload["language"] == "ko"


# ------------------------------------------------------------------------------------------- the list


async def test_the_list_has_ones_own_reports_alone_newest_first(desk):
    first = await posted(desk, words="Please look.")
    second = await posted(desk, picture(2))
    await posted(desk, picture(3), reporter=SECOND)
    found, total = await desk.follow_up.made_by(GUILD, REPORTER, limit=10)
    assert ([one.report.id for one in found], total) == ([second, first], 2)
    assert found[1].report.words == "Please look."
    found, total = await desk.follow_up.made_by(GUILD, REPORTER, limit=1, offset=1)
    assert ([one.report.id for one in found], total) == ([first], 2)
    assert await desk.follow_up.made_by(OTHER_GUILD, REPORTER, limit=10) == ([], 0)


async def test_the_list_links_the_message_until_it_is_gone(desk):
    message = await desk.post(ABUSE, author=AUTHOR)
    await report(desk, message, ABUSE)
    ((before,), _) = await desk.follow_up.made_by(GUILD, REPORTER, limit=10)
    assert (before.link, before.became) == (message.link, Became.WAITING)
    async with desk.store.write() as tx:
        await tx.sightings.mark_deleted(message.message_id, desk.now())
    ((after,), _) = await desk.follow_up.made_by(GUILD, REPORTER, limit=10)
    assert (after.link, after.became) == (None, Became.REMOVED_FIRST)


async def test_a_duplicate_shows_the_decision_of_the_other_case(desk):
    await posted(desk)
    other = await desk.only_case()
    await posted(desk, picture(2), reporter=SECOND)
    async with desk.store.read() as tx:
        (case,) = [case for case in await tx.cases.list(GUILD) if case.id != other.id]
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.DUPLICATE, duplicate_of=other.id)
    assert await became(desk, SECOND) is Became.WAITING
    other = (await desk.cases.view(other.id)).case
    await desk.decisions.decide(other.id, other.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert await became(desk, SECOND) is Became.CONFIRMED
    assert len(desk.discord.told(SECOND)) == 1


async def test_a_dropped_report_looks_like_one_that_led_to_nothing(desk):
    number = await posted(desk)
    async with desk.store.write() as tx:
        await tx.reports.set_state([number], ReportState.STANDING, ReportState.DROPPED)
    assert await became(desk) is Became.NOTHING_DONE
    with pytest.raises(RefusedError, match="decided already"):
        await withdraw(desk, number)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.told(REPORTER) == []


# ------------------------------------------------------------------------------------------- taking back


async def test_a_report_that_is_taken_back_counts_no_more_but_its_case_stays(desk):
    number = await posted(desk, category=Category.NCII_REAL)
    case = await desk.only_case()
    async with desk.store.write() as tx:
        await tx.cases.prioritise(case.id, (), desk.now())  # as if it had been asked to be taken down
    await desk.settle()
    edits = desk.discord.count(CallKind.EDIT_CARD)
    assert f"report {number} is taken back" in await withdraw(desk, number)
    await desk.settle()
    view = await desk.cases.view(case.id)
    assert (view.case.state, view.report_count, view.case.takedown_at) == (CaseState.OPEN, 0, None)
    assert all(part.weight is not Weight.REPORTS for part in view.case.priority)
    assert desk.discord.count(CallKind.EDIT_CARD) == edits + 1
    (event,) = [event for event in view.events if event.kind == "report_withdrawn"]
    assert (event.actor_id, event.detail, event.request_id) == (None, "", None)
    assert await became(desk) is Became.TAKEN_BACK
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.told(REPORTER) == []


async def test_taking_back_twice_is_taking_back_once(desk):
    number = await posted(desk)
    await withdraw(desk, number)
    assert "taken back already" in await withdraw(desk, number)
    view = await desk.cases.view((await desk.only_case()).id)
    assert [event.kind for event in view.events].count("report_withdrawn") == 1


async def test_others_reports_still_count(desk):
    await posted(desk)
    second = await posted(desk, reporter=SECOND)
    await withdraw(desk, second, SECOND)
    assert (await desk.cases.view((await desk.only_case()).id)).report_count == 1
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert (len(desk.discord.told(REPORTER)), desk.discord.told(SECOND)) == (1, [])


async def test_nobody_takes_back_what_is_not_theirs(desk):
    number = await posted(desk)
    for reporter, wrong in ((SECOND, number), (REPORTER, number + 1), (REPORTER, -1)):
        with pytest.raises(NotFoundError, match="no such report of yours"):
            await withdraw(desk, wrong, reporter)
    elsewhere = await desk.guilds.get(OTHER_GUILD)
    with pytest.raises(NotFoundError):
        await desk.follow_up.withdraw(elsewhere, REPORTER, number)
    assert await became(desk) is Became.WAITING


@pytest.mark.parametrize("appealed", [False, True])
async def test_what_was_decided_cannot_be_taken_back(desk, appealed):
    number = await posted(desk)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    if appealed:
        await desk.appeals.appeal((await desk.only_case()).id, AUTHOR, "It is official.")
    ((followed,), _) = await desk.follow_up.made_by(GUILD, REPORTER, limit=10)
    assert not followed.open
    with pytest.raises(RefusedError, match="decided already"):
        await withdraw(desk, number)
    assert (await desk.cases.view((await desk.only_case()).id)).report_count == 1


async def test_the_report_of_a_duplicate_is_taken_back_while_the_other_case_is_open(desk):
    await posted(desk)
    other = await desk.only_case()
    number = await posted(desk, picture(2), reporter=SECOND)
    async with desk.store.read() as tx:
        (case,) = [case for case in await tx.cases.list(GUILD) if case.id != other.id]
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.DUPLICATE, duplicate_of=other.id)
    await withdraw(desk, number, SECOND)
    await desk.decisions.decide(other.id, (await desk.cases.view(other.id)).case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.told(SECOND) == []


async def test_a_report_can_be_taken_back_made_again_and_taken_back_again(desk):
    message = await desk.post(ABUSE, author=AUTHOR)
    number = await report(desk, message, ABUSE)
    await withdraw(desk, number)
    desk.time = desk.time.replace(minute=desk.time.minute + 1)
    assert await report(desk, message, ABUSE) == number
    assert await became(desk) is Became.WAITING
    await desk.settle()
    edits = desk.discord.count(CallKind.EDIT_CARD)
    await withdraw(desk, number)
    await desk.settle()
    assert desk.discord.count(CallKind.EDIT_CARD) == edits + 1
    assert await became(desk) is Became.TAKEN_BACK


async def test_taking_back_works_after_the_id_was_forgotten(desk):
    number = await posted(desk)
    await forget(desk)
    assert await became(desk) is Became.WAITING
    await withdraw(desk, number)
    assert await became(desk) is Became.TAKEN_BACK


async def test_whose_id_was_forgotten_is_told_nothing(desk):
    await posted(desk)
    await forget(desk)
    await decide(desk, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.told(REPORTER) == []


async def forget(desk: Desk) -> None:
    """As the privacy clock does: the digest stays, the id goes."""
    async with desk.store.write() as tx:
        await tx.reports._run(tables.reports.update().values(sealed_id=None))
