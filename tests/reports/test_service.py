"""Reports: the same scan, the same queue."""

from __future__ import annotations

from bot.model import BankKind, CallKind, CaseOrigin, CaseState, Category, Decision, MediaRef, Surface, Unscannable
from bot.outbox import CallError
from tests.desk import GUILD, MODERATOR, picture

ABUSE = picture(1)
COPY = picture(1, away=9)
OTHER = picture(2)


async def report(desk, message, shown, reporter=60, category=Category.NCII_SYNTHETIC):
    guild = await desk.guilds.get(GUILD)
    return await desk.reports.report(guild, reporter, category, message, [desk.item(message, shown)])


async def test_a_reported_picture_opens_a_case_with_a_card(desk):
    message = await desk.post(ABUSE, author=51)
    answer = await report(desk, message, ABUSE)
    await desk.settle()
    case = await desk.only_case()
    assert answer.case_ids == (case.id,)
    assert (case.origin, case.state, case.entry_id) == (CaseOrigin.REPORT, CaseState.OPEN, None)
    view = await desk.cases.view(case.id)
    assert (view.report_count, view.sighting_count) == (1, 1)
    assert view.sightings[0].message.author_id == 51
    assert desk.discord.count(CallKind.POST_CARD) == 1
    assert desk.discord.deleted == []


async def test_reports_of_copies_join_one_case(desk):
    first, second = await desk.post(ABUSE), await desk.post(COPY)
    await report(desk, first, ABUSE, reporter=60)
    await report(desk, second, COPY, reporter=61)
    view = await desk.cases.view((await desk.only_case()).id)
    assert (view.report_count, view.sighting_count) == (2, 2)


async def test_reporting_twice_counts_once_and_says_so(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, ABUSE)
    answer = await report(desk, message, ABUSE)
    assert "already" in answer.sentence
    assert (await desk.cases.view((await desk.only_case()).id)).report_count == 1


async def test_a_reported_picture_that_matches_is_removed_at_once(desk):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    message = await desk.post(COPY)
    async with desk.store.write() as tx:
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_REAL,
            fingerprint=ABUSE,
            note="",
            added_by=None,
            source="test",
            added_at=desk.now(),
            hunted_at=desk.now(),
        )
    await desk.banks.refresh()
    answer = await report(desk, message, COPY)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]
    assert "removed now" in answer.sentence


async def test_confirming_a_report_lists_the_picture_and_removes_every_copy(desk):
    first, second = await desk.post(ABUSE), await desk.post(COPY)
    await report(desk, first, ABUSE)
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert sorted(desk.discord.deleted) == [first.message_id, second.message_id]
    (text,) = desk.discord.told(60)
    assert "confirmed" in text


async def test_the_reporter_hears_the_outcome_once_even_when_it_is_undone(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, ABUSE)
    case = await desk.only_case()
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.settle()
    reopened = await desk.decisions.undo(case.id, decided.version, MODERATOR)
    await desk.decisions.decide(case.id, reopened.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert len(desk.discord.told(60)) == 1


async def test_an_uploaded_picture_opens_a_case_without_a_message(desk):
    guild = await desk.guilds.get(GUILD)
    desk.media.pictures["upload"] = ABUSE
    item = MediaRef("attachment:1", Surface.COMMAND, "upload")
    await desk.reports.report(guild, 60, Category.SCAM, None, [item])
    view = await desk.cases.view((await desk.only_case()).id)
    assert (view.report_count, view.sighting_count, view.case.category) == (1, 0, Category.SCAM)


async def test_a_report_that_names_a_minor_moves_the_case_into_that_lane(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, ABUSE, reporter=60)
    await report(desk, message, ABUSE, reporter=61, category=Category.MINOR_SUSPECTED)
    assert (await desk.only_case()).category is Category.MINOR_SUSPECTED


async def test_a_report_tries_a_deletion_again_that_was_given_up(desk):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.HARASSMENT, source="test")
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError("The bot lacks Manage Messages.", permanent=True)
    message = await desk.post(COPY)
    await desk.settle()
    desk.discord.refuse.clear()
    await report(desk, message, COPY)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_a_file_that_cannot_be_read_still_reaches_a_person(desk):
    message = await desk.post(Unscannable.VIDEO)
    answer = await report(desk, message, Unscannable.VIDEO)
    assert "moderator will look" in answer.sentence
    assert (await desk.cases.view((await desk.only_case()).id)).sighting_count == 1


async def test_a_message_without_a_picture_is_answered_in_words(desk):
    guild = await desk.guilds.get(GUILD)
    answer = await desk.reports.report(guild, 60, Category.OTHER, desk.message(), [])
    assert answer.case_ids == ()
    assert "no picture" in answer.sentence


async def test_a_report_of_two_pictures_makes_two_cases(desk):
    guild = await desk.guilds.get(GUILD)
    message = desk.message()
    items = [desk.item(message, ABUSE, 0), desk.item(message, OTHER, 1)]
    answer = await desk.reports.report(guild, 60, Category.HARASSMENT, message, items)
    assert len(answer.case_ids) == 2
