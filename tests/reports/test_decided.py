"""A report of what people decided before is answered at once, from the decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import BankKind, CallKind, Category, Decision, LaneOrder, Mode
from bot.outbox import CallError
from tests.desk import GUILD, MODERATOR, picture

from .steps import ABUSE, COPY, File, decide, know_good, open_cases, post, report

FILE = File.of(ABUSE)
HARMLESS = [Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT, Decision.NO_ACTION]


async def counted(desk) -> tuple[int, int]:
    """Cases, and reports."""
    async with desk.store.read() as tx:
        cases = await tx.cases.list(GUILD, limit=1000)
        return len(cases), sum([await tx.reports.count_by_case(case.id) for case in cases])


def mentions_people(sentence: str) -> bool:
    return "<@" in sentence or any(str(number) in sentence for number in (60, 61, MODERATOR))


@pytest.mark.parametrize("decision", HARMLESS)
async def test_what_was_found_harmless_is_answered_with_the_day(desk, decision):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    case = await decide(desk, decision)
    posts = desk.discord.count(CallKind.POST_CARD)
    answer = await report(desk, message, FILE)
    elsewhere = await report(desk, await post(desk, FILE), FILE, reporter=62)
    await desk.settle()
    for one in (answer, elsewhere):
        assert f"<t:{int(case.decided_at.timestamp())}:D>" in one.sentence
        assert "within the rules" in one.sentence
        assert one.case_ids == ()
        assert not mentions_people(one.sentence)
    assert await counted(desk) == (1, 1)
    assert desk.discord.count(CallKind.POST_CARD) == posts
    assert desk.discord.deleted == []


async def test_a_very_file_that_was_confirmed_is_removed_and_joins_its_case(desk):
    first = await post(desk, FILE)
    await report(desk, first, FILE, reporter=61)
    case = await decide(desk, Decision.CONFIRM)
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)  # so that the copy is still there to be reported
    desk.time += timedelta(minutes=1)
    second = desk.message(author=52)
    answer = await report(desk, second, FILE)
    await desk.settle()
    assert "has confirmed this picture before, and it is being removed" in answer.sentence
    assert not mentions_people(answer.sentence)
    assert answer.case_ids == ()
    assert sorted(desk.discord.deleted) == [first.message_id, second.message_id]
    view = await desk.cases.view(case.id)
    assert (view.sighting_count, view.removed_count, view.report_count) == (2, 2, 1)
    assert await counted(desk) == (1, 1)
    assert desk.discord.count(CallKind.POST_CARD) == 1
    (told,) = desk.discord.told(52)
    assert "already confirmed" in told


async def test_a_confirmed_message_that_could_not_be_removed_is_tried_again(desk):
    message = await post(desk, ABUSE)
    await report(desk, message, ABUSE, reporter=61)
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError("The bot lacks Manage Messages.", permanent=True)
    await decide(desk, Decision.CONFIRM)
    desk.discord.refuse.clear()
    assert "has confirmed" in (await report(desk, message, ABUSE)).sentence
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_a_closed_case_answers_as_well(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    await decide(desk, Decision.NO_ACTION)
    await desk.aging.run()
    async with desk.store.write() as tx:
        case = await tx.cases.touch((await tx.cases.list(GUILD))[0].id)
        await tx.cases.compare_and_set(case.id, case.version, state="closed")
    assert "within the rules" in (await report(desk, message, FILE)).sentence


async def test_a_decision_that_was_taken_back_answers_nobody(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    decided = await decide(desk, Decision.NOT_A_MATCH)
    await desk.decisions.undo(decided.id, decided.version, MODERATOR)
    await desk.settle()
    answer = await report(desk, message, FILE)
    assert answer.case_ids == (decided.id,)
    elsewhere = await report(desk, desk.message(), FILE, reporter=62)
    assert elsewhere.case_ids == (decided.id,)


async def test_a_picture_that_only_looks_the_same_is_not_answered(desk):
    await report(desk, await post(desk, ABUSE), ABUSE, reporter=61)
    case = await decide(desk, Decision.NO_ACTION)
    answer = await report(desk, await post(desk, COPY), COPY)
    assert answer.case_ids
    assert answer.case_ids != (case.id,)


async def test_a_guild_that_only_observes_removes_no_further_copy_by_an_old_decision(desk):
    await report(desk, await post(desk, FILE), FILE, reporter=61)
    case = await decide(desk, Decision.CONFIRM)
    await desk.guilds.change(GUILD, mode=Mode.OBSERVE)
    removed = list(desk.discord.deleted)
    answer = await report(desk, desk.message(), FILE)
    await desk.settle()
    assert answer.case_ids
    assert answer.case_ids != (case.id,)
    assert desk.discord.deleted == removed


async def test_what_was_taken_off_the_list_again_is_looked_at_again(desk):
    await report(desk, await post(desk, FILE), FILE, reporter=61)
    case = await decide(desk, Decision.CONFIRM)
    view = await desk.cases.view(case.id)
    await desk.banks.revoke(view.case.entry_id, guild_id=GUILD, by=MODERATOR)
    removed = list(desk.discord.deleted)
    answer = await report(desk, desk.message(), FILE)
    await desk.settle()
    assert answer.case_ids not in ((), (case.id,))
    assert desk.discord.deleted == removed


async def test_an_upload_of_what_was_confirmed_is_answered(desk):
    await report(desk, await post(desk, FILE), FILE, reporter=61)
    await decide(desk, Decision.CONFIRM)
    answer = await report(desk, None, FILE)
    assert "report the message itself" in answer.sentence
    assert answer.case_ids == ()


async def test_a_suspected_minor_is_not_answered_from_another_question(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    decided = await decide(desk, Decision.NO_ACTION)
    answer = await report(desk, message, FILE, category=Category.MINOR_SUSPECTED)
    (case_id,) = answer.case_ids
    assert case_id != decided.id
    view = await desk.cases.view(case_id)
    assert view.case.in_lane
    assert [sighting.message.message_id for sighting in view.sightings] == [message.message_id]


async def test_nobody_is_answered_while_the_very_file_is_looked_at_again(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    await decide(desk, Decision.NO_ACTION)
    again = (await report(desk, message, FILE, reporter=62, category=Category.MINOR_SUSPECTED)).case_ids
    assert (await report(desk, await post(desk, FILE), FILE)).case_ids == again


async def test_a_suspected_minor_is_answered_where_that_was_the_question(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61, category=Category.MINOR_SUSPECTED)
    await decide(desk, Decision.NO_ACTION)
    answer = await report(desk, message, FILE, category=Category.MINOR_SUSPECTED)
    assert "within the rules" in answer.sentence
    again = await report(desk, desk.message(), FILE, reporter=62)
    assert again.case_ids, "another copy is looked at: whoever reports it to Discord hears of every one"


async def test_a_copy_that_was_left_out_of_a_confirmed_case_stays(desk):
    kept, gone = await post(desk, FILE), await post(desk, FILE)
    for message in (kept, gone):
        await report(desk, message, FILE, reporter=61)
    case = await desk.only_case()
    (first, _) = (await desk.cases.view(case.id)).sightings
    assert first.message.message_id == kept.message_id
    await desk.claims.except_sightings(case.id, MODERATOR, [first.id], excepted=True)
    await decide(desk, Decision.CONFIRM)
    answer = await report(desk, kept, FILE)
    await desk.settle()
    assert "within the rules" in answer.sentence
    assert desk.discord.deleted == [gone.message_id]


async def test_about_a_copy_that_was_left_out_of_another_decision_nothing_was_said(desk):
    out, message = await post(desk, FILE), await post(desk, FILE)
    for one in (out, message):
        await report(desk, one, FILE, reporter=61)
    case = await desk.only_case()
    (first, _) = (await desk.cases.view(case.id)).sightings
    await desk.claims.except_sightings(case.id, MODERATOR, [first.id], excepted=True)
    await decide(desk, Decision.NO_ACTION)
    (case_id,) = (await report(desk, out, FILE)).case_ids
    assert case_id != case.id
    assert [one.message.message_id for one in (await desk.cases.view(case_id)).sightings] == [out.message_id]


async def test_what_expired_is_looked_at_when_it_is_reported_again(desk):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    async with desk.store.write() as tx:
        case = await tx.cases.touch((await tx.cases.list(GUILD))[0].id)
        await tx.cases.compare_and_set(case.id, case.version, state="expired", decided_at=desk.now())
    (case_id,) = (await report(desk, message, FILE)).case_ids
    assert case_id != case.id
    assert (await desk.cases.view(case_id)).sighting_count == 1


# ------------------------------------------------------------------------------------------------- known-good


@pytest.mark.parametrize("category", Category)
async def test_the_very_file_of_a_known_good_picture_is_answered_whatever_it_is_called(desk, category):
    await know_good(desk, FILE)
    answer = await report(desk, await post(desk, FILE), FILE, category=category)
    await desk.settle()
    assert "official or harmless" in answer.sentence
    assert answer.case_ids == ()
    assert await open_cases(desk) == []
    assert desk.discord.calls == []


async def test_an_upload_of_a_known_good_picture_is_answered(desk):
    await know_good(desk, FILE)
    assert "official or harmless" in (await report(desk, None, FILE)).sentence


@pytest.mark.parametrize("category", [Category.NCII_SYNTHETIC, Category.MINOR_SUSPECTED])
async def test_not_a_match_makes_the_very_file_known_good(desk, category):
    message = await post(desk, FILE)
    await report(desk, message, FILE, reporter=61)
    await decide(desk, Decision.NOT_A_MATCH)
    answer = await report(desk, message, FILE, category=category)
    assert answer.case_ids == ()
    assert ("within the rules" in answer.sentence) is (category is Category.NCII_SYNTHETIC)


async def test_a_known_good_file_is_never_removed_by_an_older_decision(desk):
    await report(desk, await post(desk, FILE), FILE, reporter=61)
    await decide(desk, Decision.CONFIRM)
    await know_good(desk, FILE)
    removed = list(desk.discord.deleted)
    answer = await report(desk, desk.message(), FILE)
    await desk.settle()
    assert "official or harmless" in answer.sentence
    assert desk.discord.deleted == removed


async def test_a_near_known_good_picture_is_never_answered_but_the_case_says_so(desk):
    entry_id = await know_good(desk, FILE)
    answer = await report(desk, await post(desk, COPY), COPY)
    (case_id,) = answer.case_ids
    assert "A moderator will look" in answer.sentence
    case = (await desk.cases.view(case_id)).case
    assert any(f"Near known-good entry E-{entry_id}" in reason for reason in case.reasons)


async def test_a_case_hears_of_a_known_good_picture_that_was_listed_later(desk):
    first, second = await post(desk, ABUSE), await post(desk, COPY)
    (case_id,) = (await report(desk, first, ABUSE, reporter=61)).case_ids
    entry_id = await know_good(desk, picture(1, away=4))
    for reporter in (62, 63):
        assert (await report(desk, second, COPY, reporter=reporter)).case_ids == (case_id,)
    reasons = (await desk.cases.view(case_id)).case.reasons
    assert sum(f"E-{entry_id}" in reason for reason in reasons) == 1


async def test_alert_first_keeps_a_further_copy_for_the_report_to_discord(desk):
    await desk.guilds.change(GUILD, lane_order=LaneOrder.ALERT_FIRST)
    await report(desk, await post(desk, FILE), FILE, reporter=61, category=Category.MINOR_SUSPECTED)
    case = await decide(desk, Decision.CONFIRM)
    removed = list(desk.discord.deleted)
    answer = await report(desk, desk.message(), FILE)
    await desk.settle()
    assert answer.case_ids not in ((), (case.id,))
    assert desk.discord.deleted == removed


async def test_a_match_with_the_list_goes_before_what_was_decided_about_another_file(desk):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.HARASSMENT, source="test")
    message = desk.message()
    assert "removed now" in (await report(desk, message, COPY)).sentence
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_a_file_that_was_posted_while_it_counted_as_harmless_goes_when_that_was_a_mistake(desk):
    first = await post(desk, FILE)
    await report(desk, first, FILE)
    case = await decide(desk, Decision.NOT_A_MATCH)
    while_harmless = await post(desk, FILE)
    await desk.decisions.undo(case.id, case.version, MODERATOR)
    await decide(desk, Decision.CONFIRM)
    assert sorted(desk.discord.deleted) == [first.message_id, while_harmless.message_id]
