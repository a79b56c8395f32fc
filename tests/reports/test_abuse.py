"""What people do who want to use reports against somebody, or against the moderators."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from bot.model import CallKind
from bot.store.tables import metadata
from tests.desk import picture

from .steps import ABUSE, COPY, File, know_good, open_cases, post, report, trust

OFFICIAL = File.of(ABUSE)
MEMBERS = range(700_000_000_001, 700_000_000_051)


async def test_one_member_who_reports_two_hundred_messages(desk):
    messages = [await post(desk, picture(1000 + number)) for number in range(200)]
    desk.media.fetched.clear()
    answers = [await report(desk, message, picture(1000 + at)) for at, message in enumerate(messages)]
    await desk.settle()
    taken = [answer for answer in answers if answer.case_ids]
    assert (len(taken), len(await open_cases(desk))) == (10, 10)
    assert desk.media.fetched == [], "the bot has seen these very attachments"
    assert {answer.sentence for answer in answers[10:]} == {answers[10].sentence}
    assert "as one member can" in answers[10].sentence
    assert desk.discord.count(CallKind.POST_CARD) == 10


async def test_two_hundred_reports_of_what_needs_no_case_are_not_fetched_either(desk):
    await know_good(desk, OFFICIAL)
    answers = [await report(desk, desk.message(), OFFICIAL) for _ in range(200)]
    assert len(desk.media.fetched) == 10
    assert "official or harmless" in answers[9].sentence
    assert "as one member can" in answers[10].sentence


async def test_fifty_members_who_report_the_file_of_an_official_photo(desk):
    await know_good(desk, OFFICIAL)
    message = await post(desk, OFFICIAL)
    answers = [await report(desk, message, OFFICIAL, reporter=member) for member in MEMBERS]
    await desk.settle()
    assert all("official or harmless" in answer.sentence for answer in answers)
    assert await open_cases(desk) == []
    assert desk.discord.calls == []


async def test_fifty_members_who_report_a_copy_of_an_official_photo(desk):
    await desk.guilds.change(10, hold_reports=1)
    entry_id = await know_good(desk, OFFICIAL)
    message = await post(desk, COPY)
    answers = [await report(desk, message, COPY, reporter=member) for member in MEMBERS]
    await desk.settle()
    (case,) = await open_cases(desk)
    view = await desk.cases.view(case.id)
    assert {answer.case_ids for answer in answers} == {(case.id,)}
    assert (view.report_count, view.sighting_count) == (50, 1)
    assert any(f"Near known-good entry E-{entry_id}" in reason for reason in case.reasons)
    assert desk.discord.count(CallKind.POST_CARD) == 1
    assert desk.discord.deleted == []


async def test_twenty_members_at_once_make_one_case(desk):
    message = await post(desk, ABUSE)
    answers = await asyncio.gather(*(report(desk, message, ABUSE, reporter=member) for member in MEMBERS[:20]))
    await desk.settle()
    (case,) = await open_cases(desk)
    assert {answer.case_ids for answer in answers} == {(case.id,)}
    assert (await desk.cases.view(case.id)).report_count == 20
    assert desk.discord.count(CallKind.POST_CARD) == 1


async def test_twenty_members_at_once_on_copies_that_were_never_seen_make_one_case(desk):
    messages = [desk.message() for _ in range(20)]
    await asyncio.gather(
        *(report(desk, message, ABUSE, reporter=member) for message, member in zip(messages, MEMBERS, strict=False))
    )
    (case,) = await open_cases(desk)
    view = await desk.cases.view(case.id)
    assert (view.report_count, view.sighting_count) == (20, 20)


async def test_who_reported_stands_nowhere_in_clear(desk):
    await desk.guilds.change(10, hold_reports=2)
    await trust(desk, *MEMBERS[:2])
    message = await post(desk, ABUSE)
    secret = "she is my cousin"
    for member in MEMBERS[:4]:
        await report(desk, message, ABUSE, reporter=member, words=secret)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]
    async with desk.store.read() as tx:
        for table in metadata.sorted_tables:
            for row in (await tx.connection.execute(sa.select(table))).all():
                for value in row:
                    kept = value if isinstance(value, bytes) else str(value).encode()
                    assert secret.encode() not in kept, table.name
                    for member in MEMBERS[:4]:
                        assert str(member).encode() not in kept, table.name
                        assert member.to_bytes(8, "big") not in kept, table.name
                        assert member.to_bytes(8, "little") not in kept, table.name
        (case,) = [case for case in await tx.cases.list(10) if case.state.undecided]
        reported = [event for event in await tx.events.of_case(case.id) if event.kind == "reported"]
    assert len(reported) == 4
    assert {event.actor_id for event in reported} == {None}
