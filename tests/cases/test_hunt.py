"""Blocking by a moderator, and the hunt for earlier copies."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

from bot.guilds import GuildService
from bot.model import (
    BankKind,
    BankLevel,
    CallKind,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Mode,
    Strictness,
    Verdict,
)
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

ABUSE = picture(1)
MIRRORED_COPY = picture(1, away=10)
SIMILAR = picture(1, away=55)
HARMLESS = picture(2)


async def test_blocking_a_message_removes_it_and_its_earlier_copies_as_one_case(desk):
    earlier = [await desk.post(MIRRORED_COPY), await desk.post(ABUSE), await desk.post(HARMLESS)]
    shown = await desk.post(ABUSE, author=51)
    blocked = await desk.block(ABUSE, shown)
    await desk.settle()
    assert sorted(desk.discord.deleted) == sorted([earlier[0].message_id, earlier[1].message_id, shown.message_id])
    assert blocked.earlier.removed == 2
    case = await desk.only_case()
    assert (case.origin, case.state, case.decision, case.decided_by) == (
        CaseOrigin.BLOCK,
        CaseState.DECIDED,
        Decision.CONFIRM,
        MODERATOR,
    )
    view = await desk.cases.view(case.id)
    assert view.sighting_count == 3
    assert 51 in {sighting.message.author_id for sighting in view.sightings}
    assert desk.discord.count(CallKind.POST_CARD) == 1


async def test_a_moderators_own_decision_removes_in_a_guild_that_reviews(desk):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    earlier = await desk.post(MIRRORED_COPY)
    shown = await desk.post(ABUSE)
    await desk.block(ABUSE, shown)
    await desk.settle()
    assert sorted(desk.discord.deleted) == [earlier.message_id, shown.message_id]


async def test_nothing_is_removed_in_a_guild_that_observes(desk):
    await desk.guilds.change(GUILD, mode=Mode.OBSERVE)
    await desk.post(MIRRORED_COPY)
    shown = await desk.post(ABUSE)
    await desk.block(ABUSE, shown)
    await desk.settle()
    assert desk.discord.deleted == []


async def test_a_similar_earlier_picture_waits_for_a_person_in_a_case_of_its_own(desk):
    similar = await desk.post(SIMILAR)
    await desk.block(ABUSE)
    await desk.settle()
    assert desk.discord.deleted == []
    async with desk.store.read() as tx:
        (waiting,) = await tx.cases.open_cases(GUILD)
        (sighting,) = await tx.sightings.by_message(similar.message_id)
    assert waiting.origin is CaseOrigin.HUNT
    assert sighting.case_id == waiting.id


async def test_calling_a_hunted_picture_harmless_protects_it_and_not_the_blocked_one(desk):
    await desk.post(SIMILAR)
    await desk.block(ABUSE)
    async with desk.store.read() as tx:
        (waiting,) = await tx.cases.open_cases(GUILD)
    await desk.decisions.decide(waiting.id, waiting.version, MODERATOR, Decision.NOT_A_MATCH)
    again, harmless = await desk.post(ABUSE), await desk.post(SIMILAR)
    await desk.settle()
    assert desk.discord.deleted == [again.message_id]
    async with desk.store.read() as tx:
        (sighting,) = await tx.sightings.by_message(harmless.message_id)
    assert sighting.verdict is Verdict.CLEAR


async def test_a_case_in_the_lane_of_suspected_minors_is_not_decided_by_a_block(desk):
    shown = await desk.post(ABUSE)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, 60, Category.MINOR_SUSPECTED, shown, [desk.item(shown, ABUSE)])
    blocked = await desk.block(ABUSE, shown, Category.OTHER)
    await desk.settle()
    case = await desk.only_case()
    assert (case.state, case.category, case.entry_id) == (CaseState.OPEN, Category.MINOR_SUSPECTED, blocked.entry.id)
    assert blocked.entry.category is Category.MINOR_SUSPECTED
    assert desk.discord.deleted == [shown.message_id]
    assert desk.discord.told(60) == []
    await desk.decisions.decide(case.id, case.version, OTHER_MODERATOR, Decision.NOT_A_MATCH)
    again = await desk.post(ABUSE)
    await desk.settle()
    assert again.message_id not in desk.discord.deleted


async def test_an_entry_moves_into_that_lane_when_a_moderator_suspects_a_minor(desk):
    first = await desk.block(ABUSE)
    second = await desk.block(ABUSE, category=Category.MINOR_SUSPECTED)
    assert not second.existing
    assert (await desk.banks.show(first.entry.id, guild_id=GUILD))[0].revoked_at is not None
    await desk.post(ABUSE)
    async with desk.store.read() as tx:
        assert (await tx.cases.find_open(GUILD)).category is Category.MINOR_SUSPECTED
    third = await desk.block(ABUSE)
    assert (third.existing, third.entry.id) == (True, second.entry.id)


async def test_the_hunt_goes_by_what_each_guild_decided_last_in_whichever_process(desk):
    await desk.post(ABUSE)
    elsewhere = GuildService(desk.store, Strictness.STANDARD)
    await elsewhere.change(GUILD, mode=Mode.OBSERVE)
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("default", BankKind.BLOCK, None, BankLevel.REMOVE)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_REAL,
            fingerprint=ABUSE,
            note="",
            added_by=None,
            source="cli",
            added_at=desk.now(),
        )
    await desk.settle()
    assert desk.discord.deleted == []


async def test_an_entry_that_the_index_does_not_have_yet_is_hunted_all_the_same(desk):
    """Another process may list one between this process's look at the index and its look for what is not hunted."""
    here = await desk.post(ABUSE)
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("default", BankKind.BLOCK, None, BankLevel.REMOVE)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_REAL,
            fingerprint=ABUSE,
            note="",
            added_by=None,
            source="cli",
            added_at=desk.now(),
        )
    await desk.hunter.hunt_new()
    await desk.outbox.idle()
    assert desk.discord.deleted == [here.message_id]


async def test_a_known_good_picture_is_not_hunted_down(desk):
    official = picture(1, away=30)
    bank = await desk.banks.own(GUILD, BankKind.KNOWN_GOOD)
    await desk.banks.add(bank, official, Category.OTHER, source="test")
    kept = await desk.post(official)
    await desk.block(ABUSE)
    await desk.settle()
    assert kept.message_id not in desk.discord.deleted


async def test_what_is_past_the_window_is_not_hunted(desk):
    await desk.post(ABUSE)
    desk.time += timedelta(days=31)
    blocked = await desk.block(ABUSE)
    await desk.settle()
    assert blocked.earlier.removed == 0
    assert desk.discord.deleted == []


async def test_undo_of_a_block_lets_the_picture_be_posted_again(desk):
    shown = await desk.post(ABUSE)
    blocked = await desk.block(ABUSE, shown)
    await desk.decisions.undo(blocked.case.id, blocked.case.version, MODERATOR)
    again = await desk.post(ABUSE)
    await desk.settle()
    assert again.message_id not in desk.discord.deleted


async def test_a_picture_that_is_listed_already_is_not_listed_twice(desk):
    first = await desk.block(ABUSE)
    shown = await desk.post(HARMLESS)
    second = await desk.block(ABUSE, shown)
    await desk.settle()
    assert second.existing
    assert second.entry.id == first.entry.id
    assert (await desk.banks.list(GUILD, BankKind.BLOCK))[1] == 1
    assert shown.message_id in desk.discord.deleted


async def test_a_plain_picture_is_listed_by_its_file_alone_and_that_is_said(desk):
    """Nothing that it looks like can match; its own file does."""
    plain = picture(3, plain=True)
    message = desk.message()
    item = desk.item(message, plain)
    file = hashlib.sha256(await desk.media.fetch(item.url)).digest()
    before = await desk.post(picture(4, plain=True))
    blocked = await desk.block(replace(plain, sha256=file))
    assert any("too plain" in warning for warning in blocked.warnings)
    assert blocked.earlier.removed == 0
    await desk.see(message, item)
    other = await desk.post(picture(5, plain=True))
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]
    assert not {before.message_id, other.message_id} & set(desk.discord.deleted)


async def test_a_collision_with_a_known_good_picture_is_said(desk):
    bank = await desk.banks.own(GUILD, BankKind.KNOWN_GOOD)
    good = await desk.banks.add(bank, picture(1, away=12), Category.OTHER, source="test")
    blocked = await desk.block(ABUSE)
    assert any(f"E-{good.entry.id}" in warning for warning in blocked.warnings)


async def test_an_entry_added_by_another_process_is_hunted_in_every_guild(desk):
    """The program's own commands write to the database while the bot runs."""
    here = await desk.post(ABUSE)
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("default", BankKind.BLOCK, None, BankLevel.REMOVE)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_REAL,
            fingerprint=ABUSE,
            note="",
            added_by=None,
            source="cli",
            added_at=desk.now(),
        )
    await desk.settle()
    assert desk.discord.deleted == [here.message_id]
    async with desk.store.read() as tx:
        assert await tx.banks.unhunted() == []


async def test_a_hunt_that_a_crash_cut_short_is_done_again_without_doubling(desk):
    shown = await desk.post(ABUSE)
    blocked = await desk.block(ABUSE)
    await desk.hunter.hunt(blocked.entry)
    await desk.settle()
    assert desk.discord.deleted == [shown.message_id]
    assert (await desk.cases.view(blocked.case.id)).sighting_count == 1


async def test_the_hunt_in_the_background_takes_no_copies_from_the_answer_to_a_moderator(desk, monkeypatch):
    earlier = await desk.post(ABUSE)
    refresh = desk.banks.refresh

    async def while_the_loop_looks() -> None:
        monkeypatch.undo()
        await desk.hunter.hunt_new()
        await refresh()

    monkeypatch.setattr(desk.banks, "refresh", while_the_loop_looks)
    blocked = await desk.block(ABUSE)
    assert blocked.earlier.removed == 1
    await desk.settle()
    assert desk.discord.deleted == [earlier.message_id]


async def test_reporters_of_a_picture_hear_of_its_block_once(desk):
    shown = await desk.post(ABUSE)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, 60, Category.NCII_SYNTHETIC, shown, [desk.item(shown, ABUSE)])
    await desk.block(ABUSE, shown)
    await desk.settle()
    assert len(desk.discord.told(60)) == 1


async def test_an_entry_that_another_process_hunts_is_left_to_it(postgres_url):
    stores = [await Store.open(postgres_url, VAULT) for _ in range(2)]
    desk = Desk(stores[0])
    await desk.open()
    try:
        shown = await desk.post(ABUSE)
        bank = await desk.banks.own(GUILD, BankKind.BLOCK)
        await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")
        async with stores[1].alone(f"hunt:{ABUSE.sha256.hex()}"):
            await desk.hunter.hunt_new()
            await desk.outbox.idle()
            assert desk.discord.deleted == []
        await desk.hunter.hunt_new()
        await desk.outbox.idle()
        assert desk.discord.deleted == [shown.message_id]
    finally:
        await desk.outbox.stop()
        for store in stores:
            await store.close()
