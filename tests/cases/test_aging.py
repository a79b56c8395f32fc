"""What happens to cases by the clock: each step once and only once, whoever else runs it, and whatever fails."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bot.cases.aging import LONGER, MOST_DRAWN, AgingService
from bot.cases.aging_texts import MOST_LINKS
from bot.model import (
    BankKind,
    Call,
    CallKind,
    Case,
    CaseState,
    CaseView,
    Category,
    Decision,
    GuildSettings,
    MessageRef,
    Mode,
    PriorityPart,
    Weight,
)
from bot.ops import retention
from bot.outbox import CallError
from bot.settings import RetentionSettings, ReviewSettings
from bot.store.engine import Store, Tx
from bot.store.tables import cases as case_rows
from bot.store.tables import chores, guilds
from tests.conftest import VAULT
from tests.desk import FANS, GUILD, MODERATOR, OTHER_MODERATOR, REVIEW, Desk, picture

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ANOTHER_GUILD, SAFE_CHANNEL, LOG_CHANNEL, ELDERS = 11, 31, 32, 45


async def opened(
    desk: Desk, seed: int = 1, category: Category = Category.NCII_SYNTHETIC, guild_id: int = GUILD
) -> Case:
    """A new case about a picture of the guild's blocklist that somebody just posted."""
    bank = await desk.banks.own(guild_id, BankKind.BLOCK)
    await desk.banks.add(bank, picture(seed), category, source="test")
    message = MessageRef(guild_id, FANS, 500_000 + 1000 * guild_id + seed, 50)
    await desk.see(message, desk.item(message, picture(seed)))
    await desk.settle()
    async with desk.store.read() as tx:
        return (await tx.cases.list(guild_id))[0]


async def later(desk: Desk, time: timedelta) -> None:
    """So much later, the clock's work is done, three times over."""
    desk.time += time
    for _ in range(3):
        await desk.aging.run()
    await desk.settle()


async def view(desk: Desk, case: Case) -> CaseView:
    return await desk.cases.view(case.id)


def kinds(shown: CaseView) -> Counter[str]:
    return Counter(event.kind for event in shown.events)


def lines(desk: Desk, channel_id: int = REVIEW) -> list[str]:
    return [
        str(call.payload["text"])
        for call in desk.discord.calls
        if call.kind is CallKind.LOG_LINE and call.payload["channel_id"] == channel_id
    ]


def about(desk: Desk, word: str, channel_id: int = REVIEW) -> list[str]:
    return [line for line in lines(desk, channel_id) if word in line]


# ------------------------------------------------------------------------------------------------ leases


async def test_a_lease_that_ran_out_gives_the_case_back_once(desk):
    case = await opened(desk)
    await desk.claims.claim(case.id, case.version, MODERATOR)
    await later(desk, timedelta(minutes=9))
    assert (await view(desk, case)).case.claimed_by == MODERATOR
    drawn = desk.discord.count(CallKind.EDIT_CARD)
    await later(desk, timedelta(minutes=1))
    shown = await view(desk, case)
    assert (shown.case.state, shown.case.claimed_by, shown.case.claimed_until) == (CaseState.OPEN, None, None)
    assert kinds(shown)["lease_ended"] == 1
    assert desk.discord.count(CallKind.EDIT_CARD) == drawn + 1


async def test_activity_keeps_a_claim_and_an_assignment_has_no_end(desk):
    case = await opened(desk)
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += timedelta(minutes=9)
    await desk.claims.renew(case.id, MODERATOR)
    await later(desk, timedelta(minutes=9))
    assert (await view(desk, case)).case.state is CaseState.CLAIMED
    await desk.claims.assign(case.id, claimed.version, OTHER_MODERATOR, MODERATOR)
    await later(desk, 6 * DAY)
    assert (await view(desk, case)).case.claimed_by == OTHER_MODERATOR


async def test_an_escalated_case_loses_its_claim_and_stays_escalated(desk):
    case = await opened(desk)
    escalated = await desk.claims.escalate(case.id, case.version, MODERATOR)
    await desk.claims.claim(case.id, escalated.version, OTHER_MODERATOR)
    await later(desk, timedelta(minutes=10))
    shown = await view(desk, case)
    assert (shown.case.state, shown.case.claimed_by) == (CaseState.ESCALATED, None)
    assert kinds(shown)["lease_ended"] == 1


async def test_a_lease_that_was_renewed_after_it_was_read_as_over_holds(desk):
    """Renewing changes no version, so the lease itself is looked at again under the lock of the case."""
    case = await opened(desk)
    await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += timedelta(minutes=11)
    async with desk.store.read() as tx:
        due = await tx.aging.leases(desk.time)
    async with desk.store.write() as tx:
        await tx.connection.execute(
            case_rows.update().where(case_rows.c.id == case.id).values(claimed_until=desk.time + HOUR)
        )
    await desk.aging._change("leases", due, MOST_DRAWN, desk.aging._end_leases, desk.time)
    assert (await view(desk, case)).case.claimed_by == MODERATOR


# ------------------------------------------------------------------------------------------------ reminders


async def test_unclaimed_cases_are_brought_up_once_in_one_line_that_links_them(desk):
    cases = [await opened(desk, seed) for seed in range(1, 4)]
    await later(desk, 6 * HOUR - timedelta(seconds=1))
    assert about(desk, "wait") == []
    await later(desk, timedelta(seconds=1))
    (line,) = about(desk, "wait")
    named = ", ".join(
        f"[#{case.id}](https://discord.com/channels/{GUILD}/{REVIEW}/{desk.discord.cards[case.id].message_id})"
        for case in cases
    )
    assert line == f"**3 cases** wait for a claim, open for more than 6 hours: {named}."
    for case in cases:
        shown = await view(desk, case)
        assert kinds(shown)["reminded"] == 1
        assert shown.case.bumped_at == desk.time
        assert shown.case.version == case.version
    await later(desk, 6 * HOUR)
    assert len(about(desk, "wait")) == 1


async def test_a_long_list_is_cut_and_still_fits_into_one_message(desk):
    cases = [await opened(desk, seed) for seed in range(1, MOST_LINKS + 4)]
    await later(desk, 7 * HOUR)
    (line,) = about(desk, "wait")
    assert line.count("](https://") == MOST_LINKS
    assert line.endswith(" and 3 more.")
    assert len(line) < 2000
    assert [kinds(await view(desk, case))["reminded"] for case in cases] == [1] * len(cases)


async def test_a_case_that_is_open_again_is_brought_up_again(desk):
    case = await opened(desk)
    await later(desk, 6 * HOUR)
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NO_ACTION)
    await later(desk, 6 * HOUR)
    await desk.decisions.undo(case.id, decided.version, MODERATOR)
    await later(desk, 5 * HOUR)
    assert len(about(desk, "wait")) == 1
    await later(desk, HOUR)
    assert len(about(desk, "wait")) == 2
    assert kinds(await view(desk, case))["reminded"] == 2


async def test_nobody_is_reminded_of_a_claimed_case_or_where_it_is_switched_off(desk):
    case = await opened(desk)
    await desk.claims.assign(case.id, case.version, MODERATOR, MODERATOR)
    await later(desk, 7 * HOUR)
    assert about(desk, "wait") == []
    await desk.guilds.change(GUILD, remind_hours=0, escalate_hours=0)
    other = await opened(desk, 2)
    await later(desk, 6 * DAY)
    assert about(desk, "wait") == []
    assert (await view(desk, other)).case.state is CaseState.OPEN


async def test_suspected_minors_are_brought_up_in_their_channel_without_detail_and_not_escalated(desk):
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL, escalation_role_id=ELDERS)
    case = await opened(desk, 1, Category.MINOR_SUSPECTED)
    ordinary = await opened(desk, 2)
    await later(desk, 7 * HOUR)
    (line,) = about(desk, "wait", SAFE_CHANNEL)
    assert line.startswith("**Suspected minors**: 1 case waits for a claim, open for more than 6 hours: [#")
    (other,) = about(desk, "wait")
    assert f"[#{case.id}]" not in other
    await later(desk, 29 * DAY)
    assert (await view(desk, case)).case.state is CaseState.OPEN
    assert (await view(desk, ordinary)).case.state is CaseState.ESCALATED
    assert all(f"[#{case.id}]" not in line for line in lines(desk))


async def test_without_a_channel_of_their_own_suspected_minors_are_brought_up_in_the_review_channel(desk):
    await opened(desk, 1, Category.MINOR_SUSPECTED)
    await later(desk, 7 * HOUR)
    (line,) = about(desk, "wait")
    assert line.startswith("**Suspected minors**: 1 case waits")


# ------------------------------------------------------------------------------------------------ escalation


async def test_what_nobody_claims_is_escalated_once_and_calls_the_role(desk):
    await desk.guilds.change(GUILD, escalation_role_id=ELDERS)
    cases = [await opened(desk, seed) for seed in (1, 2)]
    await later(desk, 24 * HOUR)
    (call,) = [call for call in desk.discord.calls if call.payload.get("mention_role") == ELDERS]
    assert str(call.payload["text"]).startswith(f"<@&{ELDERS}> **2 cases** are escalated to you, open for more than 24")
    for case in cases:
        shown = await view(desk, case)
        assert (shown.case.state, shown.case.escalated_at) == (CaseState.ESCALATED, desk.time)
        (event,) = [event for event in shown.events if event.kind == "escalated"]
        assert (event.actor_id, event.detail) == (None, "Nobody claimed it for 24 hours.")


async def test_a_reminder_calls_nobody_and_neither_does_an_escalation_without_a_role(desk):
    await opened(desk)
    await later(desk, 6 * HOUR)
    await later(desk, 18 * HOUR)
    said = [call for call in desk.discord.calls if call.kind is CallKind.LOG_LINE]
    assert len(about(desk, "to whoever has *Manage Server*")) == 1
    assert all(call.payload["mention_role"] is None for call in said)
    assert not any("<@" in str(call.payload["text"]) for call in said)


async def test_the_history_does_not_say_that_nobody_claimed_what_somebody_gave_back(desk):
    case = await opened(desk)
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    await desk.claims.release(case.id, claimed.version, MODERATOR)
    await later(desk, 24 * HOUR)
    assert [event.detail for event in (await view(desk, case)).events if event.kind == "escalated"] == [
        "Nobody decided it for 24 hours."
    ]


async def test_after_a_long_rest_a_case_is_escalated_and_not_reminded_of_or_expired(desk):
    case = await opened(desk)
    await later(desk, 10 * DAY)
    shown = await view(desk, case)
    assert shown.case.state is CaseState.ESCALATED
    assert not kinds(shown)["reminded"]


# ------------------------------------------------------------------------------------------------ expiry


async def test_a_case_that_nobody_decides_expires_once_and_counts_against_nobody(desk):
    await desk.guilds.change(GUILD, escalate_hours=0, reveal=True)
    case = await opened(desk)
    guild = await desk.guilds.get(GUILD)
    message = desk.message(51)
    await desk.reports.report(guild, 60, Category.OTHER, message, [desk.item(message, picture(1))])
    async with desk.store.write() as tx:
        await tx.cases.keep_thumbhash(case.id, b"t" * 25)
    await later(desk, 7 * DAY - timedelta(seconds=1))
    assert (await view(desk, case)).case.state is CaseState.OPEN
    await later(desk, timedelta(seconds=1))
    shown = await view(desk, case)
    assert (shown.case.state, shown.case.decision, shown.case.decided_by) == (CaseState.EXPIRED, None, None)
    assert (shown.case.decided_at, shown.case.thumbhash) == (desk.time, None)
    assert [event.detail for event in shown.events if event.kind == "expired"] == ["Nobody decided it for 7 days."]
    _, told = desk.discord.told(50)  # the first one said that it was removed
    assert "nothing is held against you" in told
    (answer,) = desk.discord.told(60)
    assert "did not get to it in time" in answer
    assert shown.sanctions == ()


async def test_nothing_is_learnt_by_expiry_and_a_new_copy_opens_a_new_case(desk):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW, escalate_hours=0)
    case = await opened(desk)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    async with desk.store.read() as tx:
        before = [entries async for entries in tx.banks.stream([bank.id])]
    await later(desk, 8 * DAY)
    await desk.post(picture(1))
    async with desk.store.read() as tx:
        assert [entries async for entries in tx.banks.stream([bank.id])] == before
        newest = (await tx.cases.list(GUILD))[0]
    assert (newest.state, newest.id != case.id) == (CaseState.OPEN, True)
    assert desk.discord.told(50) == [], "the message was never removed, so there is nothing to be told"


async def test_a_case_in_somebodys_hands_does_not_expire_and_an_assigned_one_does(desk):
    await desk.guilds.change(GUILD, escalate_hours=0)
    held, assigned = await opened(desk, 1), await opened(desk, 2)
    await desk.claims.assign(assigned.id, assigned.version, MODERATOR, MODERATOR)
    desk.time += 7 * DAY - timedelta(minutes=5)
    await desk.claims.claim(held.id, held.version, MODERATOR)
    await later(desk, timedelta(minutes=9))
    assert (await view(desk, held)).case.claimed_by == MODERATOR
    shown = (await view(desk, assigned)).case
    assert (shown.state, shown.claimed_by) == (CaseState.EXPIRED, None)
    await later(desk, timedelta(minutes=1))
    await later(desk, timedelta(minutes=1))
    assert (await view(desk, held)).case.state is CaseState.EXPIRED


@pytest.mark.parametrize("category", [Category.NCII_SYNTHETIC, Category.MINOR_SUSPECTED])
async def test_escalated_cases_and_suspected_minors_wait_for_thirty_days(desk, category):
    case = await opened(desk, 1, category)
    if category is not Category.MINOR_SUSPECTED:
        await desk.claims.escalate(case.id, case.version, MODERATOR)
    await later(desk, LONGER - timedelta(seconds=1))
    assert (await view(desk, case)).case.state.undecided
    await later(desk, timedelta(seconds=1))
    assert (await view(desk, case)).case.state is CaseState.EXPIRED
    told = desk.discord.told(50)  # the first one said that it was removed
    assert len(told) == (1 if category is Category.MINOR_SUSPECTED else 2)


async def test_authors_are_not_told_where_the_guild_tells_nobody(desk):
    await desk.guilds.change(GUILD, escalate_hours=0, tell_authors=False)
    await opened(desk)
    await later(desk, 8 * DAY)
    assert desk.discord.told(50) == []


async def test_the_days_until_expiry_are_a_setting(desk):
    await desk.guilds.change(GUILD, escalate_hours=0)
    case = await opened(desk)
    desk.time += 2 * DAY
    await served(desk, settings=ReviewSettings(expire_days=2)).run()
    assert (await view(desk, case)).case.state is CaseState.EXPIRED


# ------------------------------------------------------------------------------------------------ closing, retention


async def test_a_decision_is_closed_after_the_time_to_undo_it(desk):
    case = await opened(desk)
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    async with desk.store.write() as tx:
        await tx.cases.keep_thumbhash(case.id, b"t" * 25)
    await later(desk, 24 * HOUR - timedelta(seconds=1))
    assert (await view(desk, case)).case.state is CaseState.DECIDED
    drawn = desk.discord.count(CallKind.EDIT_CARD)
    await later(desk, timedelta(seconds=1))
    shown = await view(desk, case)
    assert (shown.case.state, shown.case.decision) == (CaseState.CLOSED, Decision.CONFIRM)
    assert shown.case.thumbhash is None
    assert kinds(shown)["closed"] == 1
    assert desk.discord.count(CallKind.EDIT_CARD) == drawn + 1


async def test_many_cards_are_drawn_again_a_few_at_a_time(desk):
    for seed in range(1, MOST_DRAWN + 4):
        case = await opened(desk, seed)
        await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    desk.time += DAY
    await desk.aging.run()
    async with desk.store.read() as tx:
        assert len(await tx.cases.list(GUILD, state=CaseState.CLOSED, limit=1000)) == MOST_DRAWN
    await desk.aging.run()
    async with desk.store.read() as tx:
        assert len(await tx.cases.list(GUILD, state=CaseState.DECIDED)) == 0


async def test_closed_and_expired_cases_are_erased_like_decided_ones(desk):
    await desk.guilds.change(GUILD, escalate_hours=0)
    closed, expired = await opened(desk, 1), await opened(desk, 2)
    await desk.decisions.decide(closed.id, closed.version, MODERATOR, Decision.CONFIRM)
    await later(desk, 7 * DAY)
    waiting = await opened(desk, 3)
    async with desk.store.read() as tx:
        states = {case.id: case.state for case in await tx.cases.list(GUILD)}
    assert (states[closed.id], states[expired.id]) == (CaseState.CLOSED, CaseState.EXPIRED)
    await retention.purge(desk.store, RetentionSettings(cases_days=30), exposure_days=90, now=desk.time + 29 * DAY)
    async with desk.store.read() as tx:
        assert {case.id for case in await tx.cases.list(GUILD)} == {expired.id, waiting.id}
    await retention.purge(desk.store, RetentionSettings(cases_days=30), exposure_days=90, now=desk.time + 31 * DAY)
    async with desk.store.read() as tx:
        assert [case.id for case in await tx.cases.list(GUILD)] == [waiting.id]


# ------------------------------------------------------------------------------------------------ digests


async def test_the_digest_counts_what_is_open_once_a_day(desk):
    await desk.guilds.change(GUILD, escalate_hours=0)
    oldest = await opened(desk, 1)
    await later(desk, timedelta(minutes=59))
    assert about(desk, "The queue") == []
    done = await opened(desk, 2)
    await desk.decisions.decide(done.id, done.version, MODERATOR, Decision.CONFIRM)
    await later(desk, timedelta(minutes=1))
    (first,) = about(desk, "The queue")
    assert first.startswith("**The queue today:** 1 case is open, 1 for less than 6 hours.\nThe oldest: ")
    assert first.endswith(" Decided in the last 24 hours: 1.")
    claimed = await opened(desk, 3)
    await desk.claims.assign(claimed.id, claimed.version, MODERATOR, MODERATOR)
    await later(desk, 23 * HOUR)
    assert len(about(desk, "The queue")) == 1
    escalated = await opened(desk, 4)
    await desk.claims.escalate(escalated.id, escalated.version, MODERATOR)
    await later(desk, HOUR)
    (_, second) = about(desk, "The queue")
    link = f"[#{oldest.id}](https://discord.com/channels/{GUILD}/{REVIEW}/{desk.discord.cards[oldest.id].message_id})"
    assert second == (
        "**The queue today:** 3 cases are open, 1 for less than 6 hours, 2 for more than a day.\n"
        "Of these: 1 claimed, 1 escalated.\n"
        f"The oldest: {link}, opened <t:{int(oldest.opened_at.timestamp())}:R>. Decided in the last 24 hours: 0."
    )


async def test_the_digest_names_first_what_must_not_wait(desk):
    await desk.guilds.change(GUILD, escalate_hours=0)
    cases = [await opened(desk, seed) for seed in range(1, 6)]
    quiet, wanted, loud, reported, claimed = (case.id for case in cases)
    weights = {loud: 90, reported: 40, claimed: 160}
    async with desk.store.write() as tx:
        for number, points in weights.items():
            await tx.cases.prioritise(number, [PriorityPart(Weight.REPORTS, points, 1)], None)
        await tx.cases.prioritise(wanted, [PriorityPart(Weight.TAKEDOWN, 1000, 1)], desk.now())
    await desk.claims.assign(claimed, cases[-1].version, MODERATOR, MODERATOR)
    at = f"<t:{int(desk.time.timestamp())}:R>"
    await later(desk, HOUR)
    (line,) = about(desk, "The queue")
    first, then, *_ = re.sub(r"\(\S+\)", "", line).splitlines()
    assert first == f"▲ **1 takedown request waits**, made {at}: [#{wanted}]."
    assert then == f"Then: [#{loud}], [#{reported}], for the reasons on their cards."
    async with desk.store.write() as tx:
        await tx.cases.prioritise(quiet, [PriorityPart(Weight.TAKEDOWN, 1000, 1)], desk.now())
    await later(desk, DAY)
    first = re.sub(r"\(\S+\)", "", about(desk, "The queue")[-1]).splitlines()[0]
    assert first == f"▲ **2 takedown requests wait**, the oldest made {at}: [#{wanted}], [#{quiet}]."


async def test_a_digest_names_nothing_twice(desk):
    case = await opened(desk)
    async with desk.store.write() as tx:
        await tx.cases.prioritise(case.id, [PriorityPart(Weight.REPORTS, 40, 1)], None)
    await later(desk, HOUR)
    (line,) = about(desk, "The queue")
    assert line.startswith("**The queue today:**")


async def test_a_reminder_names_what_is_urgent_first(desk):
    cases = [await opened(desk, seed) for seed in range(1, 4)]
    async with desk.store.write() as tx:
        await tx.cases.prioritise(cases[1].id, [PriorityPart(Weight.REPORTS, 40, 1)], None)
        await tx.cases.prioritise(cases[2].id, [PriorityPart(Weight.TAKEDOWN, 1000, 1)], desk.now())
    await later(desk, 6 * HOUR)
    (line,) = about(desk, "for a claim")
    assert re.findall(r"\[#(\d+)\]", line) == [str(cases[at].id) for at in (2, 1, 0)]


async def test_no_digest_where_nothing_is_open(desk):
    case = await opened(desk)
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await later(desk, 3 * DAY)
    assert lines(desk) == []


async def test_the_digest_of_the_review_channel_says_nothing_of_suspected_minors(desk):
    await desk.guilds.change(GUILD, child_safety_channel_id=SAFE_CHANNEL)
    case = await opened(desk, 1, Category.MINOR_SUSPECTED)
    await later(desk, HOUR)
    assert lines(desk) == []
    (line,) = lines(desk, SAFE_CHANNEL)
    assert line.startswith(f"**Suspected minors**: 1 case is open. The oldest: [#{case.id}](")


def served(
    desk: Desk, store: Store | None = None, settings: ReviewSettings | None = None, **seams: Any
) -> AgingService:
    """Another process's service, on a store of its own if given."""
    return AgingService(
        store or desk.store,
        desk.guilds,
        desk.cases,
        settings or ReviewSettings(),
        clock=desk.now,
        wake=desk.outbox.wake,
        **seams,
    )


async def test_the_head_of_the_audit_chain_is_posted_once_a_day_and_the_numbers_once_a_week(desk):
    async def head(tx: Tx, guild_id: int) -> str | None:
        return f"head of {guild_id}"

    async def weekly(tx: Tx, guild: GuildSettings, now: Any) -> list[Call]:
        return [Call(CallKind.STATS_POST, f"stats:{now}", "stats", {"channel_id": LOG_CHANNEL}, guild_id=GUILD)]

    aging = served(desk, head_line=head, weekly=weekly)
    for hours in range(0, 9 * 24, 12):
        if hours == 48:
            await desk.guilds.change(GUILD, log_channel_id=LOG_CHANNEL)
        await aging.run()
        await aging.run()
        await desk.settle()
        desk.time += 12 * HOUR
    assert (lines(desk), lines(desk, LOG_CHANNEL)) == ([f"head of {GUILD}"], [f"head of {GUILD}"] * 7)
    assert desk.discord.count(CallKind.STATS_POST) == 1, "the first day and week begin when a guild is first looked at"


async def test_a_guild_without_a_chain_hears_nothing_of_it(desk):
    async def no_head(tx: Tx, guild_id: int) -> str | None:
        return None

    aging = served(desk, head_line=no_head)
    await aging.run()
    desk.time += DAY
    await aging.run()
    await desk.settle()
    assert lines(desk) == []


# ------------------------------------------------------------------------------------------------ trouble


async def test_two_processes_at_once_do_nothing_twice(desk, database_url):
    await desk.guilds.change(GUILD, escalation_role_id=ELDERS)
    cases = [await opened(desk, seed) for seed in range(1, 9)]
    await desk.claims.claim(cases[0].id, cases[0].version, MODERATOR)
    await desk.decisions.decide(cases[1].id, cases[1].version, MODERATOR, Decision.CONFIRM)
    await desk.guilds.change(ANOTHER_GUILD, mode=Mode.REMOVE, review_channel_id=REVIEW, escalate_hours=0)
    other = await opened(desk, 20, guild_id=ANOTHER_GUILD)
    second = await Store.open(database_url, VAULT)
    try:
        both = (desk.aging, served(desk, second))
        for time in (timedelta(minutes=10), 6 * HOUR, 18 * HOUR, 7 * DAY, 30 * DAY):
            desk.time += time
            await asyncio.gather(*(service.run() for service in both))
        for _ in range(2):  # what one left to the other, because it had the case in hand
            await asyncio.gather(*(service.run() for service in both))
    finally:
        await second.close()
    await desk.settle()
    for case in (*cases, other):
        counted = kinds(await view(desk, case))
        once = ("lease_ended", "reminded", "escalated", "expired", "closed")
        assert all(counted[kind] <= 1 for kind in once)
        assert counted["expired"] + counted["closed"] == 1
    assert len({call.key for call in desk.discord.calls}) == len(desk.discord.calls)
    assert len([line for line in lines(desk) if "escalated to you" in line]) == 1
    told = desk.discord.told(50)
    removed = [text for text in told if "was removed automatically, because" in text]
    assert len(told) - len(removed) == 8, "once for each case but the decided one: they have the same author"


async def test_a_guild_without_a_review_channel_is_left_alone_until_its_cases_expire(desk):
    await desk.guilds.change(GUILD, review_channel_id=None)
    case = await opened(desk)
    await later(desk, 6 * DAY)
    shown = await view(desk, case)
    assert (shown.case.state, shown.case.bumped_at) == (CaseState.OPEN, None)
    await later(desk, DAY)
    assert (await view(desk, case)).case.state is CaseState.EXPIRED
    assert {call.kind for call in desk.discord.calls} == {CallKind.DELETE_MESSAGE, CallKind.NOTIFY}


async def test_a_deleted_review_channel_stops_nothing(desk):
    case = await opened(desk)
    gone = CallError("The channel does not exist any more.", permanent=True)
    desk.discord.refuse = {CallKind.LOG_LINE: gone, CallKind.EDIT_CARD: gone, CallKind.POST_CARD: gone}
    await later(desk, 6 * HOUR)
    await later(desk, 18 * HOUR)
    await later(desk, 30 * DAY)
    shown = await view(desk, case)
    assert shown.case.state is CaseState.EXPIRED
    assert len(desk.discord.told(50)) == 2  # that it was removed, and that nobody decided


async def test_one_guilds_failure_does_not_stop_the_others(desk):
    await desk.guilds.change(ANOTHER_GUILD, mode=Mode.REMOVE, review_channel_id=REVIEW)
    broken, sound = await opened(desk, 1), await opened(desk, 2, guild_id=ANOTHER_GUILD)
    within = desk.guilds.within

    async def failing(tx: Tx, guild_id: int) -> GuildSettings:
        if guild_id == GUILD:
            raise RuntimeError("settings that cannot be read")
        return await within(tx, guild_id)

    desk.guilds.within = failing
    with structlog.testing.capture_logs() as logged:
        await later(desk, 6 * HOUR)
    assert {(entry["step"], entry["guild_id"]) for entry in logged if entry["event"] == "aging.failed"} == {
        ("reminder", GUILD),
        ("digest", GUILD),
    }
    assert not kinds(await view(desk, broken))["reminded"]
    assert kinds(await view(desk, sound))["reminded"] == 1
    del desk.guilds.within
    await desk.aging.run()
    assert kinds(await view(desk, broken))["reminded"] == 1, "tried again as soon as it works"


# ------------------------------------------------------------------------------------------------ cost


async def test_two_thousand_cases_at_rest_cost_a_few_statements_and_no_fingerprint(desk):
    await opened(desk)
    await later(desk, 6 * HOUR)
    async with desk.store.write() as tx:
        row = dict((await tx.connection.execute(sa.select(case_rows))).mappings().one())
        del row["id"]
        states = [
            {"state": CaseState.OPEN, "bumped_at": desk.time},
            {"state": CaseState.ESCALATED, "escalated_at": desk.time},
            {"state": CaseState.DECIDED, "decided_at": desk.time, "decision": Decision.CONFIRM},
            {"state": CaseState.CLOSED, "decided_at": desk.time - 5 * DAY, "decision": Decision.CONFIRM},
        ]
        empty = {"escalated_at": None, "decided_at": None, "decision": None, "bumped_at": None}
        await tx.connection.execute(case_rows.insert(), [row | empty | states[at % 4] for at in range(2000)])
        names = [{"guild_id": at, "name": "digest", "at": desk.time} for at in range(100, 400)]
        await tx.connection.execute(chores.insert(), names)
        settings = dict((await tx.connection.execute(sa.select(guilds))).mappings().one())
        await tx.connection.execute(guilds.insert(), [settings | {"guild_id": at} for at in range(100, 400)])
    seen: list[tuple[str, Any]] = []

    def note(connection, cursor, statement, parameters, context, executemany):
        seen.append((statement, parameters))

    # PostgreSQL's reader is a view of its writer, which hears of everything.
    readers = [desk.store._reader] if desk.store.dialect == "sqlite" else []
    engines = [engine.sync_engine for engine in (desk.store._writer, *readers)]
    desk.time += HOUR
    await desk.outbox.stop()
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    await desk.aging.run()
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)
    asked = [(statement, parameters) for statement, parameters in seen if statement.startswith("SELECT")]
    assert len(asked) == 7
    assert len(seen) <= 9
    assert not [statement for statement, _ in seen if "fingerprint" in statement or "features" in statement]
    if desk.store.dialect == "sqlite":
        async with desk.store.read() as tx:
            steps = [
                str(row[-1])
                for statement, parameters in asked
                for row in await tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
        assert not [step for step in steps if step.startswith("SCAN") and "guilds" not in step]
