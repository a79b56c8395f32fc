"""Reports that are refused: in words, and before anything is fetched for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.model import MOST_WORDS, BankKind, Category, Decision, Language, Reporter, ReportKind, ReportState, Unscannable
from tests.desk import GUILD, MODERATOR, picture

from .steps import ABUSE, COPY, OTHER, File, decide, limit, open_cases, post, report

WINDOW = timedelta(minutes=10)


async def mute(desk, member: int, until) -> Reporter:
    async with desk.store.write() as tx:
        digest = tx.reports.digest(GUILD, member)
        await tx.reporters.change(GUILD, digest, muted_until=until, muted_by=MODERATOR)
        return await tx.reporters.get(GUILD, digest)


async def made(desk, member: int = 60) -> int:
    async with desk.store.read() as tx:
        digest = tx.reports.digest(GUILD, member)
        return await tx.reports.made_since(GUILD, digest, ReportKind.REPORT, desk.now() - timedelta(days=1))


async def test_ones_own_message_is_not_reported(desk):
    message = desk.message(author=60)
    answer = await report(desk, message, ABUSE, reporter=60)
    assert "you can delete it yourself" in answer.sentence
    assert (answer.case_ids, desk.media.fetched) == ((), [])
    assert await open_cases(desk) == []


async def test_a_picture_of_oneself_that_somebody_else_posted_is(desk):
    answer = await report(desk, desk.message(author=61), ABUSE, reporter=60)
    assert "A moderator will look" in answer.sentence


async def test_who_is_muted_hears_until_when_and_what_stays_open(desk):
    until = desk.now() + timedelta(days=2)
    await mute(desk, 60, until)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.HARASSMENT, source="test")
    answer = await report(desk, desk.message(), COPY)
    assert f"<t:{int(until.timestamp())}:f>" in answer.sentence
    assert "*Report Message*" in answer.sentence
    assert "`/takedown`" in answer.sentence
    assert desk.media.fetched == []


async def test_a_mute_ends(desk):
    await mute(desk, 60, desk.now() + timedelta(days=2))
    desk.time += timedelta(days=2)
    assert (await report(desk, desk.message(), ABUSE)).case_ids


async def test_a_mute_that_comes_during_the_scan_counts(desk, monkeypatch):
    fetch = desk.media.fetch

    async def meanwhile(url):
        await mute(desk, 60, desk.now() + WINDOW)
        return await fetch(url)

    monkeypatch.setattr(desk.media, "fetch", meanwhile)
    answer = await report(desk, desk.message(), ABUSE)
    assert "take no reports from you" in answer.sentence
    assert await open_cases(desk) == []


async def test_ten_minutes_have_a_window(desk):
    limit(desk, per_member_10_minutes=3)
    answers = [await report(desk, desk.message(), picture(10 + number)) for number in range(5)]
    assert [bool(answer.case_ids) for answer in answers] == [True, True, True, False, False]
    assert "in the last ten minutes" in answers[3].sentence
    assert (await made(desk), len(desk.media.fetched)) == (3, 3)
    assert (await report(desk, desk.message(), picture(20), reporter=61)).case_ids
    desk.time += WINDOW + timedelta(seconds=1)
    assert (await report(desk, desk.message(), picture(21))).case_ids


async def test_a_day_has_a_window(desk):
    limit(desk, per_member_10_minutes=2, per_member_day=3)
    for number in range(3):
        assert (await report(desk, desk.message(), picture(10 + number))).case_ids
        desk.time += WINDOW
    answer = await report(desk, desk.message(), picture(20))
    assert "in the last 24 hours" in answer.sentence
    desk.time += timedelta(days=1)
    assert (await report(desk, desk.message(), picture(20))).case_ids


async def test_the_windows_outlive_a_restart(desk):
    limit(desk, per_member_10_minutes=2)
    for number in range(2):
        await report(desk, desk.message(), picture(10 + number))
    limit(desk, per_member_10_minutes=2)  # another process: its memory is empty
    fetched = len(desk.media.fetched)
    assert "in the last ten minutes" in (await report(desk, desk.message(), picture(20))).sentence
    assert len(desk.media.fetched) == fetched


async def test_two_processes_that_take_a_report_at_once_keep_the_window(desk):
    """The turn of the guild is the last word: what the memory of another process does not know, the rows do."""
    limit(desk, per_member_10_minutes=1)
    first = desk.reports
    limit(desk, per_member_10_minutes=1)
    guild, messages = await desk.guilds.get(GUILD), [desk.message(), desk.message()]
    items = [desk.item(message, picture(10 + at)) for at, message in enumerate(messages)]
    answers = await asyncio.gather(
        *(
            service.report(guild, 60, Category.OTHER, message, [item])
            for service, message, item in zip((first, desk.reports), messages, items, strict=True)
        )
    )
    assert sorted(bool(answer.case_ids) for answer in answers) == [False, True]
    assert await made(desk) == 1


async def test_reports_at_the_same_moment_do_not_slip_past(desk):
    limit(desk, per_member_10_minutes=4)
    answers = await asyncio.gather(*(report(desk, desk.message(), picture(10 + number)) for number in range(12)))
    assert sum(bool(answer.case_ids) for answer in answers) == 4
    assert (await made(desk), len(desk.media.fetched)) == (4, 4)


async def test_a_report_with_more_pictures_than_there_is_room_for_is_cut(desk):
    limit(desk, per_member_10_minutes=2)
    answer = await report(desk, desk.message(), [picture(10 + number) for number in range(4)])
    assert len(answer.case_ids) == 2
    assert "Only the first 2 pictures were looked at" in answer.sentence


async def test_a_report_takes_ten_pictures(desk):
    limit(desk, per_member_10_minutes=40)
    answer = await report(desk, desk.message(), [picture(10 + number) for number in range(12)])
    assert (len(answer.case_ids), len(desk.media.fetched)) == (10, 10)
    assert "One report takes 10 pictures" in answer.sentence


async def test_ten_pictures_need_no_word_about_it(desk):
    answer = await report(desk, desk.message(), [picture(10 + number) for number in range(10)])
    assert len(answer.case_ids) == 10
    assert answer.sentence == "Thank you. A moderator will look at it; you will hear once what came of it."


# ------------------------------------------------------------------------------------------------- the server's window


async def test_the_server_has_a_window_for_new_cases(desk):
    limit(desk, cases_per_server_hour=2)
    messages = [await post(desk, picture(10 + number)) for number in range(3)]
    for number in range(2):
        await report(desk, messages[number], picture(10 + number), reporter=60 + number)
    refused = await report(desk, messages[2], picture(12), reporter=62)
    assert "more new reports within an hour" in refused.sentence
    assert refused.case_ids == ()
    assert (await report(desk, messages[0], picture(10), reporter=62)).case_ids, "it joins"
    desk.time += timedelta(hours=1, seconds=1)
    assert (await report(desk, messages[2], picture(12), reporter=62)).case_ids


async def test_the_servers_window_never_holds_up_a_match_or_a_minor(desk):
    limit(desk, cases_per_server_hour=1)
    await report(desk, desk.message(), OTHER)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.HARASSMENT, source="test")
    message = desk.message()
    assert "removed now" in (await report(desk, message, COPY)).sentence
    assert (await report(desk, desk.message(), picture(11), category=Category.MINOR_SUSPECTED)).case_ids
    assert (await report(desk, desk.message(), picture(12))).case_ids == ()
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_what_of_a_report_is_refused_is_said(desk):
    limit(desk, cases_per_server_hour=1)
    answer = await report(desk, desk.message(), [picture(10), picture(11), picture(12)])
    assert len(answer.case_ids) == 1
    assert answer.sentence.startswith("Thank you. A moderator will look at it")
    assert "2 of the pictures were not taken" in answer.sentence


# ------------------------------------------------------------------------------------------------- what else they hear


async def test_who_took_a_report_back_can_make_it_again(desk):
    message = await post(desk, ABUSE)
    (case_id,) = (await report(desk, message, ABUSE)).case_ids
    async with desk.store.write() as tx:
        (made_before,) = await tx.reports.by_case(case_id)
        await tx.reports.set_state([made_before.id], made_before.state, ReportState.WITHDRAWN)
    answer = await report(desk, message, ABUSE)
    assert "A moderator will look" in answer.sentence
    assert (await desk.cases.view(case_id)).report_count == 1


async def test_somebody_who_reported_already_and_now_suspects_a_minor_is_heard(desk):
    message = await post(desk, ABUSE)
    await report(desk, message, ABUSE)
    await desk.settle()
    await report(desk, message, ABUSE, category=Category.MINOR_SUSPECTED)
    await desk.settle()
    case = await desk.only_case()
    assert case.in_lane
    assert desk.discord.calls[-1].key == f"card:{case.id}:v{case.version}"


async def test_words_are_kept_as_far_as_a_report_holds_them(desk):
    (case_id,) = (await report(desk, desk.message(), ABUSE, words=f"  {'x' * 2000} ")).case_ids
    async with desk.store.read() as tx:
        (kept,) = await tx.reports.by_case(case_id)
    assert kept.words == "x" * MOST_WORDS


async def test_answers_are_in_the_members_language_where_it_has_words_for_them(desk):
    """Without a translation a sentence stays English; its values are filled in either way."""
    await mute(desk, 60, desk.now() + WINDOW)
    answer = await report(desk, desk.message(), ABUSE, language=Language.KOREAN)
    assert f"<t:{int((desk.now() + WINDOW).timestamp())}:f>" in answer.sentence
    assert "{" not in answer.sentence


@pytest.mark.parametrize("unreadable", [Unscannable.BROKEN, Unscannable.GONE])
async def test_an_upload_of_which_a_part_is_unreadable_opens_cases_for_the_rest(desk, unreadable):
    answer = await report(desk, None, [ABUSE, unreadable])
    assert len(answer.case_ids) == 1
    assert "One of the files cannot be read" in answer.sentence


async def test_an_unreadable_upload_opens_nothing(desk):
    answer = await report(desk, None, Unscannable.BROKEN)
    assert answer.case_ids == ()
    assert "nothing was reported" in answer.sentence


async def test_many_answers_in_one_sentence_each(desk):
    known = File.of(picture(30))
    await report(desk, await post(desk, known), known, reporter=61)
    decided = await decide(desk, Decision.NO_ACTION)
    answer = await report(desk, desk.message(), [known, picture(31)])
    assert decided.id not in answer.case_ids
    assert answer.sentence == (
        "Thank you. A moderator will look at it; you will hear once what came of it. One of the pictures needs nobody "
        "to look again: the moderators had decided about it before."
    )
