from datetime import timedelta

import pytest

from bot.model import Fingerprint, MessageRef, Plan, Scan, Sighting, Surface, Unscannable, Verdict
from bot.store import tables
from bot.store.engine import Store, Tx

from .samples import (
    DAY,
    GUILD,
    MINUTE,
    NOW,
    OTHER_GUILD,
    add_entry,
    expire,
    fingerprint,
    match,
    message,
    open_case,
    scan,
)


def unscannable(reason: Unscannable) -> Scan:
    return Scan(Plan(Verdict.UNSCANNABLE), unscannable=reason)


async def see(tx: Tx, number: int, *, at=NOW, guild_id: int = GUILD, case_id: int | None = None) -> int:
    added = await tx.sightings.add(
        message(number, guild_id=guild_id), "a", Surface.ATTACHMENT, scan(number), seen_at=at, case_id=case_id
    )
    assert added is not None
    return added


async def test_a_sighting_keeps_what_is_needed_and_upright_hashes_only(store: Store):
    ref = MessageRef(GUILD, 2**61, 2**62, author_id=2**60, author_is_bot=True, webhook_id=2**59, edited=True)
    async with store.write() as tx:
        entry = await add_entry(tx)
        case = await open_case(tx, entry)
        found = scan(3, verdict=Verdict.REMOVE, match=match(entry, 12))
        added = await tx.sightings.add(ref, "att:1", Surface.STICKER, found, seen_at=NOW, case_id=case.id)
    async with store.read() as tx:
        [kept] = await tx.sightings.by_message(2**62)
    assert added is not None
    assert kept == Sighting(
        id=added,
        message=ref,
        media_id="att:1",
        surface=Surface.STICKER,
        seen_at=NOW,
        verdict=Verdict.REMOVE,
        fingerprint=fingerprint(3).upright(),
        entry_id=entry.id,
        distance=12,
        margin=30,
        case_id=case.id,
        agreement=0.9375,
    )


async def test_the_same_file_at_the_same_place_is_recorded_once(store: Store):
    async with store.write() as tx:
        assert await tx.sightings.add(message(), "a", Surface.ATTACHMENT, scan(1), seen_at=NOW) is not None
        assert await tx.sightings.add(message(), "a", Surface.ATTACHMENT, scan(1), seen_at=NOW) is None
        assert await tx.sightings.add(message(), "a", Surface.ATTACHMENT, scan(2), seen_at=NOW) is not None
        assert await tx.sightings.add(message(), "b", Surface.ATTACHMENT, scan(1), seen_at=NOW) is not None
        assert await tx.sightings.add(message(2), "a", Surface.ATTACHMENT, scan(1), seen_at=NOW) is not None
        gone = unscannable(Unscannable.GONE)
        assert await tx.sightings.add(message(), "a", Surface.ATTACHMENT, gone, seen_at=NOW) is not None
        assert await tx.sightings.add(message(), "a", Surface.ATTACHMENT, gone, seen_at=NOW) is None


@pytest.mark.parametrize(
    ("verdict", "in_case", "kept"),
    [
        (Verdict.CLEAR, False, False),
        (Verdict.UNSCANNABLE, False, False),
        (Verdict.REVIEW, False, True),
        (Verdict.REMOVE, False, True),
        (Verdict.CLEAR, True, True),
    ],
)
async def test_the_author_is_kept_only_if_it_matters(store: Store, verdict: Verdict, in_case: bool, kept: bool):
    async with store.write() as tx:
        case = await open_case(tx)
        case_id = case.id if in_case else None
        await tx.sightings.add(
            message(author_id=77), "a", Surface.ATTACHMENT, scan(1, verdict=verdict), seen_at=NOW, case_id=case_id
        )
        [sighting] = await tx.sightings.by_message(message().message_id)
    assert sighting.message.author_id == (77 if kept else None)


async def test_an_exact_hit_and_an_unscannable_item_have_no_fingerprint(store: Store):
    exact = Scan(Plan(Verdict.REMOVE), sha256=b"e" * 32)
    plain = Scan(
        Plan(Verdict.UNSCANNABLE), Fingerprint(b"p" * 32, (), 8, 8, 1, 0), b"p" * 32, unscannable=Unscannable.TOO_PLAIN
    )
    async with store.write() as tx:
        await tx.sightings.add(message(1), "a", Surface.ATTACHMENT, exact, seen_at=NOW)
        await tx.sightings.add(message(2), "a", Surface.ATTACHMENT, unscannable(Unscannable.VIDEO), seen_at=NOW)
        await tx.sightings.add(message(3), "a", Surface.ATTACHMENT, plain, seen_at=NOW)
    async with store.read() as tx:
        kept = [(await tx.sightings.by_message(message(number).message_id))[0] for number in (1, 2, 3)]
    assert [sighting.fingerprint for sighting in kept] == [None, None, plain.fingerprint]
    assert [sighting.unscannable for sighting in kept] == [None, Unscannable.VIDEO, Unscannable.TOO_PLAIN]


async def test_what_could_not_be_fetched_is_tried_again_and_nothing_else(store: Store):
    async with store.write() as tx:
        for media_id, found in {
            "clear": scan(1),
            "too large": unscannable(Unscannable.TOO_LARGE),
            "no proxy": unscannable(Unscannable.NO_PROXY),
            "timeout": unscannable(Unscannable.FETCH_TIMEOUT),
            "late": unscannable(Unscannable.FETCH_FAILED),
        }.items():
            await tx.sightings.add(message(), media_id, Surface.ATTACHMENT, found, seen_at=NOW)
        await tx.sightings.add(message(), "late", Surface.ATTACHMENT, scan(2), seen_at=NOW)
        asked = {"clear", "too large", "no proxy", "timeout", "late", "never seen"}
        assert await tx.sightings.known(message().message_id, asked) == {"clear", "too large", "late"}
        assert await tx.sightings.known(message().message_id, {"never seen"}) == set()
        assert await tx.sightings.known(message(2).message_id, asked) == set()


async def test_a_case_counts_its_sightings_and_the_deleted_ones(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        ids = [await see(tx, number, at=NOW - number * MINUTE, case_id=case.id) for number in range(4)]
        await tx.sightings.mark_deleted(message(1).message_id, NOW)
        await tx.sightings.mark_deleted(message(1).message_id, NOW + DAY)
        assert (await tx.sightings.count_by_case(case.id))[:2] == (4, 1)
        assert (await tx.sightings.count_by_case(case.id + 1))[:2] == (0, 0)
        kept = await tx.sightings.by_case(case.id, limit=3)
    assert [sighting.id for sighting in kept] == [ids[3], ids[2], ids[1]]
    assert kept[2].deleted_at == NOW


async def test_the_stream_gives_what_can_be_compared_and_still_stands(store: Store):
    plain = Scan(Plan(Verdict.CLEAR), Fingerprint(b"p" * 32, (), 8, 8, 1, 0), b"p" * 32)
    async with store.write() as tx:
        wanted = [await see(tx, number, at=NOW + (number // 3) * MINUTE) for number in range(10)]
        await see(tx, 20, at=NOW - timedelta(milliseconds=1))
        await see(tx, 21)
        await tx.sightings.mark_deleted(message(21).message_id, NOW)
        await see(tx, 22, guild_id=OTHER_GUILD)
        await tx.sightings.add(message(23), "a", Surface.ATTACHMENT, unscannable(Unscannable.VIDEO), seen_at=NOW)
        await tx.sightings.add(message(24), "a", Surface.ATTACHMENT, plain, seen_at=NOW)
    async with store.read() as tx:
        for batch in (1, 3, 4, 10, 2000):
            parts = [part async for part in tx.sightings.stream(GUILD, NOW, batch=batch)]
            assert all(0 < len(part) <= batch for part in parts)
            assert [sighting.id for part in parts for sighting in part] == wanted
        assert sum([len(part) async for part in tx.sightings.stream(None, NOW)]) == len(wanted) + 1


async def test_sightings_are_tied_to_a_case_later(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        case = await open_case(tx, entry)
        first, second, third = [await see(tx, number) for number in range(3)]
        await tx.sightings.attach([first, second], case.id, entry.id, {first: 3, second: 40})
        await tx.sightings.attach([third], case.id, None, {}, author_id=77)
        await tx.sightings.attach([], case.id, entry.id, {})
        kept = await tx.sightings.by_case(case.id)
    assert [(sighting.id, sighting.entry_id, sighting.distance) for sighting in kept] == [
        (first, entry.id, 3),
        (second, entry.id, 40),
        (third, None, None),
    ]
    assert [sighting.message.author_id for sighting in kept] == [None, None, 77]


async def test_counts_tell_every_ending(store: Store):
    async with store.write() as tx:
        await see(tx, 1)
        await see(tx, 2)
        await see(tx, 3, at=NOW - DAY)
        await see(tx, 4, guild_id=OTHER_GUILD)
        await tx.sightings.add(message(5), "a", Surface.ATTACHMENT, scan(5, verdict=Verdict.REMOVE), seen_at=NOW)
        for number, reason in enumerate((Unscannable.VIDEO, Unscannable.VIDEO, Unscannable.GONE), 6):
            await tx.sightings.add(message(number), "a", Surface.ATTACHMENT, unscannable(reason), seen_at=NOW)
    async with store.read() as tx:
        expected = {"clear": 2, "remove": 1, "unscannable:video": 2, "unscannable:gone": 1}
        assert await tx.sightings.counts(GUILD, NOW) == expected
        assert await tx.sightings.counts(None, NOW - DAY) == expected | {"clear": 4}


async def test_only_old_sightings_without_a_case_are_forgotten(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await see(tx, 1, at=NOW - timedelta(milliseconds=1))
        fresh = await see(tx, 2)
        held = await see(tx, 3, at=NOW - DAY, case_id=case.id)
        assert await expire(tx, tables.sightings, NOW) == 1
        assert await tx.sightings.by_message(message(1).message_id) == []
        assert [kept.id for kept in await tx.sightings.by_message(message(2).message_id)] == [fresh]
        assert [kept.id for kept in await tx.sightings.by_case(case.id)] == [held]
