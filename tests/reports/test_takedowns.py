"""Requests to take a picture down: to the top of the queue, and nothing is removed by a request alone."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest

from bot.errors import NotAllowedError, RefusedError
from bot.model import (
    BankKind,
    CallKind,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Language,
    Mode,
    ReportKind,
    ReportState,
    Scope,
    Unscannable,
    Weight,
)
from bot.reports.takedowns import Acting, Ask, Outcome
from bot.settings import ReportSettings
from tests.desk import GUILD, MODERATOR, REVIEW, Desk, picture

SHOWN, ADVISER, READER = 60, 61, 62
ALERTED, ELDERS, GUARDIANS, SAFE_CHANNEL = 71, 72, 73, 31
HER = picture(1)
COPY = picture(1, away=9)
DAY = timedelta(days=1)
MOST = ReportSettings().takedowns_per_member_day


def ask(member_id: int = SHOWN, **changes) -> Ask:
    return Ask(**{"member_id": member_id, "acting": Acting.SELF, **changes})


async def by_message(desk: Desk, message, shown, asked: Ask | None = None):
    guild = await desk.guilds.get(GUILD)
    return await desk.takedowns.by_message(guild, asked or ask(), message, [desk.item(message, shown)])


async def by_file(desk: Desk, sha256: bytes, asked: Ask | None = None):
    return await desk.takedowns.by_file(await desk.guilds.get(GUILD), asked or ask(), sha256)


async def reports(desk: Desk, case_id: int):
    async with desk.store.read() as tx:
        return await tx.reports.by_case(case_id)


async def cases(desk: Desk):
    async with desk.store.read() as tx:
        return await tx.cases.list(GUILD)


async def decided(desk: Desk, case_id: int, decision: Decision):
    case = (await desk.cases.view(case_id)).case
    case = await desk.decisions.decide(case.id, case.version, MODERATOR, decision)
    await desk.settle()
    return case


def alerts(desk: Desk) -> list[tuple[object, object, str]]:
    return [
        (call.payload["channel_id"], call.payload["mention_role"], str(call.payload["text"]))
        for call in desk.discord.calls
        if call.kind is CallKind.LOG_LINE and call.key.startswith("alert:")
    ]


# ------------------------------------------------------------------------------------------------ by a message


async def test_a_request_about_a_message_opens_a_case_at_the_top_and_removes_nothing(desk):
    await desk.guilds.change(GUILD, alert_role_id=ALERTED)
    message = await desk.post(HER, author=51)
    answer = await by_message(desk, message, HER, ask(words="It is me.", language=Language.KOREAN))
    await desk.settle()
    case = await desk.only_case()
    assert (answer.outcome, answer.case_ids, answer.own) == (Outcome.WAITS, (case.id,), False)
    assert (case.origin, case.state, case.takedown_at) == (CaseOrigin.REPORT, CaseState.OPEN, desk.time)
    assert (case.priority[0].weight, case.priority[0].points) == (Weight.TAKEDOWN, 1000)
    (report,) = await reports(desk, case.id)
    assert (report.kind, report.reporter_id, report.words) == (ReportKind.TAKEDOWN, SHOWN, "It is me.")
    assert (report.language, report.message_id) == (Language.KOREAN, message.message_id)
    view = await desk.cases.view(case.id)
    assert [(sighting.message.message_id, sighting.message.author_id) for sighting in view.sightings] == [
        (message.message_id, 51)
    ]
    (event,) = [event for event in view.events if event.kind == "takedown"]
    assert (event.actor_id, event.detail) == (None, "by the person shown")
    assert desk.discord.deleted == []
    text = f"<@&{ALERTED}> Case {case.id}: a takedown was requested: target one hour. Its card has the buttons."
    assert alerts(desk) == [(REVIEW, ALERTED, text)]


async def test_the_call_comes_after_the_card_and_once_for_a_case(desk):
    await desk.guilds.change(GUILD, escalation_role_id=ELDERS)
    first, second = await desk.post(HER), await desk.post(COPY)
    await by_message(desk, first, HER)
    await by_message(desk, second, COPY, ask(ADVISER, acting=Acting.FOR_THEM))
    await desk.settle()
    case = await desk.only_case()
    of_case = [call.kind for call in desk.discord.calls if call.case_id == case.id]
    assert of_case.index(CallKind.POST_CARD) < of_case.index(CallKind.LOG_LINE)
    assert [role for _, role, _ in alerts(desk)] == [ELDERS]
    assert (await desk.cases.view(case.id)).report_count == 2


async def test_a_case_with_a_request_comes_before_every_other(desk):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, picture(5), Category.MINOR_SUSPECTED, source="test")
    await desk.post(picture(5))
    reported = await desk.post(picture(6))
    guild = await desk.guilds.get(GUILD)
    escalated = await desk.reports.report(guild, READER, Category.OTHER, reported, [desk.item(reported, picture(6))])
    await desk.claims.escalate(escalated.case_ids[0], 1, MODERATOR)
    answer = await by_message(desk, await desk.post(HER), HER)
    async with desk.store.read() as tx:
        line = await tx.casebook.next_case(
            GUILD,
            MODERATOR,
            Scope(ordinary=True, lane=True),
            may_escalated=True,
            opted_out=(),
            now=desk.time,
        )
    assert line is not None
    assert (line.id,) == answer.case_ids


async def test_what_matches_an_entry_is_removed_at_once(desk):
    message = await desk.post(COPY)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, HER, Category.NCII_SYNTHETIC, source="test")
    answer = await by_message(desk, message, COPY)
    await desk.settle()
    assert answer.outcome is Outcome.REMOVED
    assert desk.discord.deleted == [message.message_id]


async def test_an_ordinary_report_of_the_same_member_becomes_a_request(desk):
    message = await desk.post(HER)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, SHOWN, Category.OTHER, message, [desk.item(message, HER)])
    case = await desk.only_case()
    assert case.takedown_at is None
    desk.time += timedelta(hours=5)
    answer = await by_message(desk, message, HER, ask(words="It is me."))
    (report,) = await reports(desk, case.id)
    assert answer == type(answer)(Outcome.WAITS, (case.id,))
    assert (report.kind, report.created_at, report.words) == (ReportKind.TAKEDOWN, desk.time, "It is me.")
    assert (await desk.only_case()).takedown_at == desk.time
    assert (await by_message(desk, message, HER)).outcome is Outcome.AGAIN
    again = await desk.reports.report(guild, SHOWN, Category.OTHER, message, [desk.item(message, HER)])
    assert "already" in again.sentence
    assert (await desk.cases.view(case.id)).report_count == 1


async def test_a_request_that_was_found_to_be_in_bad_faith_is_not_made_again(desk):
    message = await desk.post(HER)
    await by_message(desk, message, HER)
    case = await desk.only_case()
    (report,) = await reports(desk, case.id)
    async with desk.store.write() as tx:
        await tx.reports.set_state([report.id], ReportState.STANDING, ReportState.DROPPED)
        await tx.cases.prioritise(case.id, (), None)
    assert (await by_message(desk, message, HER)).outcome is Outcome.REFUSED
    assert (await desk.only_case()).takedown_at is None


async def test_who_is_muted_as_a_reporter_can_still_ask(desk):
    async with desk.store.write() as tx:
        digest = tx.reports.digest(GUILD, SHOWN)
        await tx.reporters.change(GUILD, digest, muted_until=desk.time + DAY, muted_by=MODERATOR)
    assert (await by_message(desk, await desk.post(HER), HER)).outcome is Outcome.WAITS


async def test_of_ones_own_message_the_answer_says_so(desk):
    answer = await by_message(desk, await desk.post(HER, author=SHOWN), HER)
    assert (answer.outcome, answer.own) == (Outcome.WAITS, True)


async def test_every_picture_of_a_message_is_asked_for(desk):
    guild = await desk.guilds.get(GUILD)
    message = desk.message()
    items = [desk.item(message, HER, 0), desk.item(message, picture(2), 1), desk.item(message, COPY, 2)]
    answer = await desk.takedowns.by_message(guild, ask(), message, items)
    assert len(answer.case_ids) == 2
    counts = sorted([(await desk.cases.view(number)).sighting_count for number in answer.case_ids])
    assert counts == [1, 2]


async def test_a_file_that_the_bot_cannot_read_still_reaches_a_person(desk):
    answer = await by_message(desk, await desk.post(Unscannable.VIDEO), Unscannable.VIDEO)
    assert answer.outcome is Outcome.WAITS
    assert (await desk.cases.view(answer.case_ids[0])).sighting_count == 1


async def test_a_message_without_a_picture_is_refused_in_words(desk):
    with pytest.raises(RefusedError, match="no picture in that message"):
        await desk.takedowns.by_message(await desk.guilds.get(GUILD), ask(), desk.message(), [])


async def test_a_picture_that_moderators_called_harmless_is_looked_at_again_and_confirm_counts(desk):
    """The person shown says what the moderators did not know, and the known-good entry would shield every copy."""
    message = await desk.post(HER)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, READER, Category.OTHER, message, [desk.item(message, HER)])
    await decided(desk, (await desk.only_case()).id, Decision.NOT_A_MATCH)
    answer = await by_message(desk, message, HER)
    (newer, older) = await cases(desk)
    assert answer.case_ids == (newer.id,)
    assert older.state is CaseState.DECIDED
    case = await decided(desk, newer.id, Decision.CONFIRM)
    assert desk.discord.deleted == [message.message_id]
    again = await desk.post(HER)
    await desk.settle()
    assert again.message_id in desk.discord.deleted
    await desk.decisions.undo(case.id, (await desk.cases.view(case.id)).case.version, MODERATOR)
    await desk.settle()
    after = await desk.post(HER)
    await desk.settle()
    assert after.message_id not in desk.discord.deleted
    assert desk.matcher.known_good_exact(HER.sha256, GUILD) is not None


async def test_confirming_any_other_report_leaves_known_good_alone(desk):
    bank = await desk.banks.own(GUILD, BankKind.KNOWN_GOOD)
    await desk.banks.add(bank, HER, Category.OTHER, source="test")
    message = await desk.post(HER)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, READER, Category.OTHER, message, [desk.item(message, HER)])
    await decided(desk, (await desk.only_case()).id, Decision.CONFIRM)
    assert desk.matcher.known_good_exact(HER.sha256, GUILD) is not None


async def test_whoever_asked_hears_the_outcome_once(desk):
    message = await desk.post(HER)
    await by_message(desk, message, HER)
    case = await decided(desk, (await desk.only_case()).id, Decision.CONFIRM)
    assert desk.discord.deleted == [message.message_id]
    reopened = await desk.decisions.undo(case.id, case.version, MODERATOR)
    await desk.decisions.decide(case.id, reopened.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    (told,) = desk.discord.told(SHOWN)
    assert "granted your request" in told


# ------------------------------------------------------------------------------------------------ by a file


async def test_a_file_that_nobody_posted_is_listed_by_confirm(desk):
    answer = await by_file(desk, HER.sha256)
    await desk.settle()
    case = await desk.only_case()
    assert (answer.outcome, answer.case_ids) == (Outcome.WAITS, (case.id,))
    assert (case.origin, case.takedown_at) == (CaseOrigin.REPORT, desk.time)
    assert case.fingerprint is not None
    assert (case.fingerprint.sha256, case.fingerprint.file_alone) == (HER.sha256, True)
    view = await desk.cases.view(case.id)
    assert view.sighting_count == 0
    assert [event.detail for event in view.events if event.kind == "takedown"] == [
        "by the person shown, by the fingerprint of the file"
    ]
    await decided(desk, case.id, Decision.CONFIRM)
    guild = await desk.guilds.get(GUILD)
    assert desk.scanner.judge_file(HER.sha256, guild).delete
    assert not desk.scanner.judge_file(COPY.sha256, guild).delete


async def test_not_a_match_about_a_file_that_nobody_saw_lets_nothing_through(desk):
    """Else anybody could have their next file put on the known-good list."""
    answer = await by_file(desk, HER.sha256)
    await decided(desk, answer.case_ids[0], Decision.NOT_A_MATCH)
    assert desk.matcher.known_good_exact(HER.sha256, GUILD) is None


async def test_posts_of_the_file_that_stand_are_tied_to_the_case_and_go_with_confirm(desk):
    first, second, other = await desk.post(HER), await desk.post(HER), await desk.post(picture(2))
    answer = await by_file(desk, HER.sha256)
    view = await desk.cases.view(answer.case_ids[0])
    assert [one.message.message_id for one in view.sightings] == [first.message_id, second.message_id]
    await desk.settle()
    assert desk.discord.deleted == []
    await decided(desk, answer.case_ids[0], Decision.CONFIRM)
    assert sorted(desk.discord.deleted) == [first.message_id, second.message_id]
    edited = await desk.post(COPY)  # a copy showed how the picture looks
    await desk.settle()
    assert edited.message_id in desk.discord.deleted
    assert other.message_id not in desk.discord.deleted


@pytest.mark.parametrize("plain", [False, True])
async def test_posts_between_the_request_and_confirm_go_too(desk, plain):
    shown = picture(3, plain=plain)
    answer = await by_file(desk, shown.sha256)
    message = await desk.post(shown)
    await decided(desk, answer.case_ids[0], Decision.CONFIRM)
    assert desk.discord.deleted == [message.message_id]
    assert (await desk.cases.view(answer.case_ids[0])).sighting_count == 1


async def test_posts_of_another_server_are_left_alone(desk):
    elsewhere = await desk.post(HER)
    async with desk.store.write() as tx:
        await tx.connection.exec_driver_sql("UPDATE sightings SET guild_id = 11")
    answer = await by_file(desk, HER.sha256)
    await decided(desk, answer.case_ids[0], Decision.CONFIRM)
    assert (await desk.cases.view(answer.case_ids[0])).sighting_count == 0
    assert elsewhere.message_id not in desk.discord.deleted


async def test_a_file_of_an_open_case_joins_it(desk):
    message = await desk.post(HER)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, READER, Category.OTHER, message, [desk.item(message, HER)])
    case = await desk.only_case()
    assert (await by_file(desk, HER.sha256)).case_ids == (case.id,)
    assert (await desk.only_case()).takedown_at == desk.time


async def test_a_message_with_a_file_that_was_named_joins_its_case(desk):
    answer = await by_file(desk, HER.sha256)
    message = await desk.post(HER)
    assert (await by_message(desk, message, HER, ask(ADVISER))).case_ids == answer.case_ids
    assert (await desk.cases.view(answer.case_ids[0])).report_count == 2


async def test_a_listed_file_needs_no_decision(desk):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, HER, Category.NCII_SYNTHETIC, source="test")
    answer = await by_file(desk, HER.sha256)
    assert (answer.outcome, answer.case_ids) == (Outcome.LISTED, ())
    assert await cases(desk) == []


async def test_what_still_stands_of_a_listed_file_is_removed_at_once(desk):
    shown = picture(3, plain=True)
    message = await desk.post(shown)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, shown, Category.NCII_SYNTHETIC, source="test")
    answer = await by_file(desk, shown.sha256)
    await desk.settle()
    assert answer.outcome is Outcome.LISTED
    assert desk.discord.deleted == [message.message_id]


async def test_where_nothing_is_removed_alone_a_listed_file_waits_for_a_person(desk):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, HER, Category.NCII_SYNTHETIC, source="test")
    answer = await by_file(desk, HER.sha256)
    assert answer.outcome is Outcome.WAITS
    assert (await desk.only_case()).match is not None


async def test_the_answer_about_a_file_does_not_tell_whether_it_was_posted(desk):
    await desk.post(HER)
    seen, unseen = await by_file(desk, HER.sha256), await by_file(desk, picture(2).sha256)
    assert (seen.outcome, seen.own) == (unseen.outcome, unseen.own)


# ------------------------------------------------------------------------------------------------ how often


async def test_a_member_asks_so_often_in_a_day_and_no_more(desk):
    for number in range(MOST):
        await by_file(desk, hashlib.sha256(str(number).encode()).digest())
    message = await desk.post(HER)
    for refused in (by_file(desk, HER.sha256), by_message(desk, message, HER)):
        with pytest.raises(NotAllowedError, match="as many pictures to be taken down as one member can"):
            await refused
    assert (await by_message(desk, message, HER, ask(ADVISER))).outcome is Outcome.WAITS
    desk.time += DAY + timedelta(seconds=1)
    assert (await by_file(desk, picture(2).sha256)).outcome is Outcome.WAITS


async def test_ordinary_reports_do_not_count(desk):
    guild = await desk.guilds.get(GUILD)
    for seed in range(10, 11 + MOST):
        message = await desk.post(picture(seed))
        await desk.reports.report(guild, SHOWN, Category.OTHER, message, [desk.item(message, picture(seed))])
    assert (await by_file(desk, HER.sha256)).outcome is Outcome.WAITS


async def test_requests_at_once_count_as_well_and_make_one_case(desk):
    message = await desk.post(HER)
    answers = await asyncio.gather(*(by_message(desk, message, HER, ask(100 + number)) for number in range(6)))
    await desk.settle()
    assert {answer.case_ids for answer in answers} == {((await desk.only_case()).id,)}
    assert len(alerts(desk)) == 1
    files = (hashlib.sha256(bytes([number])).digest() for number in range(MOST + 3))
    tried = await asyncio.gather(*(by_file(desk, sha256) for sha256 in files), return_exceptions=True)
    assert sum(isinstance(one, NotAllowedError) for one in tried) == 3


# ------------------------------------------------------------------------------------------------ suspected minors


async def test_a_suspected_minor_goes_into_the_lane_and_its_own_channel(desk):
    await desk.guilds.change(
        GUILD, alert_role_id=ALERTED, child_safety_role_id=GUARDIANS, child_safety_channel_id=SAFE_CHANNEL
    )
    message = await desk.post(HER)
    await by_message(desk, message, HER, ask(category=Category.MINOR_SUSPECTED))
    await desk.settle()
    case = await desk.only_case()
    assert case.in_lane
    ((channel, role, text),) = alerts(desk)
    assert (channel, role) == (SAFE_CHANNEL, GUARDIANS)
    assert "a takedown was requested" in text
    assert all(call.payload.get("channel_id") != REVIEW for call in desk.discord.calls)


async def test_where_others_read_it_nothing_says_what_a_suspected_minor_is_about(desk):
    await desk.guilds.change(GUILD, alert_role_id=ALERTED, child_safety_role_id=GUARDIANS)
    answer = await by_file(desk, HER.sha256, ask(category=Category.MINOR_SUSPECTED))
    await desk.settle()
    text = f"<@&{GUARDIANS}> Case {answer.case_ids[0]} is urgent and waits for you: please look within an hour."
    assert alerts(desk) == [(REVIEW, GUARDIANS, text)]


# ------------------------------------------------------------------------------------------------ duplicates


async def test_a_request_goes_on_in_the_case_that_its_own_is_a_duplicate_of(desk):
    guild = await desk.guilds.get(GUILD)
    other_message = await desk.post(picture(2))
    await desk.reports.report(guild, READER, Category.OTHER, other_message, [desk.item(other_message, picture(2))])
    other = await desk.only_case()
    answer = await by_message(desk, await desk.post(HER), HER)
    mine = (await desk.cases.view(answer.case_ids[0])).case
    merged = await desk.decisions.decide(mine.id, mine.version, MODERATOR, Decision.DUPLICATE, duplicate_of=other.id)
    assert (await desk.cases.view(other.id)).case.takedown_at == desk.time
    await desk.decisions.undo(mine.id, merged.version, MODERATOR)
    assert (await desk.cases.view(other.id)).case.takedown_at is None
    assert (await desk.cases.view(mine.id)).case.takedown_at == desk.time
