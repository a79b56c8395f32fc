import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import BankKind, BankLevel, Category, Fingerprint, Form, View
from bot.store.engine import Store, Tx
from bot.store.entry_rows import identity
from bot.store.tables import entry_views

from .samples import GUILD, MINUTE, NOW, OTHER_GUILD, VAULT, add_entry, fingerprint, open_case


async def test_a_bank_is_made_once_for_each_name_kind_and_guild(store: Store):
    async with store.write() as tx:
        own = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
        again = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.OBSERVE)
        others = [
            await tx.banks.ensure("own", BankKind.KNOWN_GOOD, GUILD, BankLevel.REMOVE),
            await tx.banks.ensure("own", BankKind.BLOCK, OTHER_GUILD, BankLevel.REMOVE),
            await tx.banks.ensure("own", BankKind.BLOCK, None, BankLevel.REMOVE),
            await tx.banks.ensure("second", BankKind.BLOCK, None, BankLevel.REMOVE),
        ]
        repeated = await tx.banks.ensure("own", BankKind.BLOCK, None, BankLevel.REMOVE)
    assert again == own
    assert repeated == others[2]
    async with store.read() as tx:
        assert await tx.banks.all() == [own, *others]
        assert await tx.banks.get(own.id) == own
        assert await tx.banks.find("own", BankKind.BLOCK, None) == others[2]
        assert await tx.banks.find("third", BankKind.BLOCK, None) is None


async def test_two_that_make_the_same_bank_at_once_get_the_same(store: Store):
    async def ensure():
        async with store.write() as tx:
            return await tx.banks.ensure("default", BankKind.BLOCK, None, BankLevel.REMOVE)

    made = await asyncio.gather(*(ensure() for _ in range(8)))
    assert len(set(made)) == 1


async def test_an_entry_keeps_everything(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        bank = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.REVIEW)
        added = await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.MINOR_SUSPECTED,
            fingerprint=fingerprint(views=5),
            note="seen on 3 servers, “again”",
            added_by=2**63 - 1,
            source="import:list.csv",
            added_at=NOW,
            case_id=case.id,
            hunted_at=NOW + MINUTE,
        )
    async with store.read() as tx:
        kept = await tx.banks.entry(added.id)
    assert kept == added
    assert kept.fingerprint == fingerprint(views=5)
    assert (kept.case_id, kept.added_at, kept.hunted_at) == (case.id, NOW, NOW + MINUTE)


async def test_a_plain_picture_can_be_listed_by_its_file_alone(store: Store):
    plain = Fingerprint(b"p" * 32, (), 10, 10, 1, 0)
    async with store.write() as tx:
        entry = await add_entry(tx)
        kept = await tx.banks.add_entry(
            bank_id=entry.bank_id,
            category=Category.OTHER,
            fingerprint=plain,
            note="",
            added_by=None,
            source="cli",
            added_at=NOW,
        )
    async with store.read() as tx:
        assert await tx.banks.find_exact(b"p" * 32, [entry.bank_id]) == [kept]


async def test_entries_come_newest_first_in_pages(store: Store):
    async with store.write() as tx:
        made = [await add_entry(tx, seed) for seed in range(5)]
        foreign = await add_entry(tx, 9, guild_id=OTHER_GUILD)
        await tx.banks.revoke(made[3].id, None, NOW)
    async with store.read() as tx:
        bank = made[0].bank_id
        listed = await tx.banks.entries([bank])
        assert [entry.id for entry in listed] == [made[4].id, made[2].id, made[1].id, made[0].id]
        assert [entry.fingerprint for entry in listed] == [fingerprint(seed) for seed in (4, 2, 1, 0)]
        assert await tx.banks.entries([bank], limit=2, offset=1) == listed[1:3]
        assert await tx.banks.entries([bank], offset=3) == listed[3:]
        assert len(await tx.banks.entries([bank, foreign.bank_id], active=False)) == 6
        assert await tx.banks.entries([]) == []
        assert await tx.banks.count([bank]) == 4
        assert await tx.banks.count([bank, foreign.bank_id], active=False) == 6


async def test_an_exact_file_is_found_in_the_given_banks_only(store: Store):
    async with store.write() as tx:
        here = await add_entry(tx, 5)
        there = await add_entry(tx, 5, guild_id=OTHER_GUILD)
        await add_entry(tx, 6)
    async with store.read() as tx:
        sha256 = fingerprint(5).sha256
        assert await tx.banks.find_exact(sha256, [here.bank_id]) == [here]
        assert await tx.banks.find_exact(sha256, [here.bank_id, there.bank_id]) == [there, here]
    async with store.write() as tx:
        await tx.banks.revoke(here.id, None, NOW)
        assert await tx.banks.find_exact(sha256, [here.bank_id]) == []


async def test_revoking_has_an_inverse(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        assert await tx.banks.revoke(entry.id, 77, NOW)
        assert not await tx.banks.revoke(entry.id, 78, NOW + MINUTE)
        assert not await tx.banks.revoke(entry.id + 100, 77, NOW)
        revoked = await tx.banks.entry(entry.id)
        assert revoked is not None
        assert (revoked.revoked_by, revoked.revoked_at) == (77, NOW)
        assert await tx.banks.unrevoke(entry.id, None, NOW)
        assert not await tx.banks.unrevoke(entry.id, None, NOW)
        assert await tx.banks.entry(entry.id) == entry


async def test_what_a_case_made_is_revoked_with_it(store: Store):
    async with store.write() as tx:
        first = await add_entry(tx)
        case = await open_case(tx)
        made = [
            await tx.banks.add_entry(
                bank_id=first.bank_id,
                category=Category.OTHER,
                fingerprint=fingerprint(seed),
                note="",
                added_by=None,
                source="case",
                added_at=NOW,
                case_id=case.id,
            )
            for seed in (3, 4)
        ]
        await tx.banks.revoke(made[0].id, 1, NOW)
        assert await tx.banks.revoke_by_case(case.id, 2, NOW) == [made[1].id]
        assert [entry.id for entry in await tx.banks.entries([first.bank_id])] == [first.id]


async def test_only_active_block_entries_are_left_to_hunt(store: Store):
    async with store.write() as tx:
        first, second = await add_entry(tx, 1), await add_entry(tx, 2)
        revoked, hunted = await add_entry(tx, 3), await add_entry(tx, 4)
        await add_entry(tx, 5, kind=BankKind.KNOWN_GOOD)
        await tx.banks.revoke(revoked.id, None, NOW)
        await tx.banks.mark_hunted(hunted.id, NOW)
        assert await tx.banks.unhunted() == [second, first]


@pytest.mark.parametrize(
    "change",
    [
        lambda tx, entry: tx.banks.ensure("new", BankKind.BLOCK, None, BankLevel.REVIEW),
        lambda tx, entry: tx.banks.set_level(entry.bank_id, BankLevel.OBSERVE, None, NOW),
        lambda tx, entry: add_entry(tx, 2),
        lambda tx, entry: tx.banks.revoke(entry.id, None, NOW),
    ],
    ids=["bank", "level", "entry", "revoked"],
)
async def test_every_change_of_the_banks_is_told(store: Store, change):
    async with store.write() as tx:
        entry = await add_entry(tx)
        before = await tx.banks.change_number()
    async with store.write() as tx:
        await change(tx, entry)
    async with store.read() as tx:
        assert await tx.banks.change_number() > before


async def test_another_process_sees_the_change_number_grow(store: Store):
    other = await Store.open(store.url, VAULT)
    try:
        async with store.read() as tx:
            before = await tx.banks.change_number()
        async with other.write() as tx:
            entry = await add_entry(tx)
        async with store.read() as tx:
            assert await tx.banks.change_number() > before
            assert await tx.banks.entry(entry.id) == entry
    finally:
        await other.close()


async def test_what_was_rolled_back_is_not_told(store: Store):
    async with store.read() as tx:
        before = await tx.banks.change_number()

    async def add_and_fail():
        async with store.write() as tx:
            await add_entry(tx)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    async with store.read() as tx:
        assert await tx.banks.change_number() == before
        assert await tx.banks.all() == []


# ------------------------------------------------------------------------------------------------- foreign hashes


def hash_only(number: int = 1, **known: bytes | tuple[bytes, ...]) -> Fingerprint:
    """A picture of which only what is given is known."""
    picture = Fingerprint(b"", (), 0, 0, 0, 0)
    return replace(picture, **known) if known else replace(picture, md5=number.to_bytes(16, "big"))


PHASH = View(Form.WHOLE, 0, b"h" * 32)


@pytest.mark.parametrize(
    "known",
    [
        {"md5": b"m" * 16},
        {"pdq": (b"p" * 32,)},
        {"pdq": tuple(bytes([number] * 32) for number in range(8))},
        {"views": (PHASH,)},
        {"sha256": b"s" * 32},
    ],
    ids=["md5", "pdq", "bundle", "phash", "sha256"],
)
async def test_a_hash_alone_is_an_entry_and_known_again(store: Store, known: dict[str, Any]):
    picture = hash_only(**known)
    async with store.write() as tx:
        bank = await tx.banks.ensure("friends", BankKind.BLOCK, None, BankLevel.REVIEW)
        assert await tx.banks.listed(bank.id, [picture]) == set()
        await tx.banks.add_entries(bank.id, [(Category.SCAM, picture)], source="list", added_at=NOW)
        [entry] = await tx.banks.entries([bank.id])
        assert await tx.banks.listed(bank.id, [picture, hash_only(7)]) == {identity(picture)}
        assert await tx.banks.listed(bank.id + 1, [picture]) == set()
        await tx.banks.revoke(entry.id, None, NOW)
        assert await tx.banks.listed(bank.id, [picture]) == set()
    assert entry.fingerprint == picture
    assert (entry.source, entry.note, entry.added_by, entry.added_at) == ("list", "", None, NOW)


async def test_a_picture_is_not_the_same_as_its_hash_alone(store: Store):
    whole = replace(fingerprint(1), views=(PHASH,))
    async with store.write() as tx:
        bank = await tx.banks.ensure("friends", BankKind.BLOCK, None, BankLevel.REVIEW)
        await tx.banks.add_entries(bank.id, [(Category.SCAM, whole)], source="list", added_at=NOW)
        assert await tx.banks.listed(bank.id, [hash_only(views=(PHASH,))]) == set()


async def test_nothing_at_all_is_no_entry(store: Store):
    nothing = Fingerprint(b"", (), 0, 0, 0, 0)
    async with store.write() as tx:
        bank = await tx.banks.ensure("friends", BankKind.BLOCK, None, BankLevel.REVIEW)
        with pytest.raises(ValueError, match="at least"):
            await tx.banks.add_entries(bank.id, [(Category.SCAM, nothing)], source="list", added_at=NOW)
        assert await tx.banks.find_exact(b"", [bank.id]) == []


async def test_an_exact_file_is_found_by_either_digest(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx, 5)
        bank_ids = [entry.bank_id]
        known = entry.fingerprint
        assert await tx.banks.find_exact(known.sha256, bank_ids, md5=b"?" * 16) == [entry]
        assert await tx.banks.find_exact(b"?" * 32, bank_ids, md5=known.md5) == [entry]
        assert await tx.banks.find_exact(b"?" * 32, bank_ids, md5=b"?" * 16) == []


async def test_many_entries_are_written_at_once_each_with_its_own_views(store: Store):
    pictures = [(Category.SCAM, fingerprint(seed, views=seed % 4)) for seed in range(1200)]
    async with store.write() as tx:
        bank = await tx.banks.ensure("friends", BankKind.BLOCK, None, BankLevel.REVIEW)
        before = await tx.banks.change_number()
        await tx.banks.add_entries(bank.id, pictures, source="list", added_at=NOW, hunted_at=NOW)
        await tx.banks.add_entries(bank.id, [], source="list", added_at=NOW)
        changed = await tx.banks.changed_since(before)
        assert await tx.banks.unhunted() == []
    assert [entry.fingerprint for entry in changed[::-1]] == [picture for _, picture in pictures]


@pytest.mark.parametrize("batch", [1, 3, 7, 8, 100])
async def test_a_stream_gives_every_entry_once_oldest_first(store: Store, batch: int):
    async with store.write() as tx:
        made = [await add_entry(tx, seed) for seed in range(7)]
        foreign = await add_entry(tx, 9, guild_id=OTHER_GUILD)
        await tx.banks.revoke(made[3].id, None, NOW)
        banks = [made[0].bank_id, foreign.bank_id]
        batches = [found async for found in tx.banks.stream(banks, batch=batch)]
        whole = [entry async for found in tx.banks.stream(banks, active=False, batch=batch) for entry in found]
        assert [entry for found in batches for entry in found] == (await tx.banks.entries(banks))[::-1]
        assert whole == (await tx.banks.entries(banks, active=False))[::-1]
    assert all(0 < len(found) <= batch for found in batches)


# ------------------------------------------------------------------------------------------------- local features


async def raw_features(tx: Tx) -> list[bytes]:
    rows = await tx.connection.execute(sa.select(entry_views.c.features).where(entry_views.c.features.is_not(None)))
    return [row[0] for row in rows]


async def test_features_lie_sealed(store: Store):
    features = bytes(range(256))
    picture = replace(fingerprint(), views=(View(Form.WHOLE, 0, b"h" * 256, b"g" * 136, features),))
    async with store.write() as tx:
        entry = await add_entry(tx)
        await tx.banks.add_entries(entry.bank_id, [(Category.SCAM, picture)], source="list", added_at=NOW)
    async with store.read() as tx:
        *_, sealed = await raw_features(tx)
        newest, *_ = await tx.banks.entries([entry.bank_id])
    assert features[:16] not in sealed
    assert newest.fingerprint == picture


async def test_features_that_cannot_be_opened_are_left_away_and_counted(store: Store, capsys):
    async with store.write() as tx:
        entries = [await add_entry(tx, seed) for seed in (1, 2)]
        bank_ids = [entries[0].bank_id]
        first, second = await raw_features(tx)
        swapped = {first: second, second: first}
        for features, other in swapped.items():
            damaged = entry_views.update().where(entry_views.c.features == features)
            await tx.connection.execute(damaged.values(features=other[:40] + b"?" + other[41:]))
    async with store.read() as tx:
        loaded = await tx.banks.entries(bank_ids)
    assert [entry.fingerprint for entry in loaded] == [fingerprint(seed).without_features() for seed in (2, 1)]
    assert store.seals.unopened == 2
    assert capsys.readouterr().out.count("features_unopened") == 1


async def test_features_of_one_entry_do_not_open_in_another(store: Store):
    async with store.write() as tx:
        first, second = [await add_entry(tx, seed) for seed in (1, 2)]
        sealed, _ = await raw_features(tx)
        moved = entry_views.update().where(entry_views.c.entry_id == second.id, entry_views.c.features.is_not(None))
        await tx.connection.execute(moved.values(features=sealed))
        loaded = await tx.banks.entry(second.id)
        assert await tx.banks.entry(first.id) == first
    assert loaded is not None
    assert not loaded.fingerprint.has_features


async def test_without_the_key_entries_load_without_features_and_none_can_be_written(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
    other = await Store.open(store.url)

    async def add():
        async with other.write() as tx:
            await add_entry(tx, 2)

    try:
        async with other.read() as tx:
            loaded = await tx.banks.entry(entry.id)
        with pytest.raises(DatabaseError, match="the vault's key"):
            await add()
    finally:
        await other.close()
    assert loaded is not None
    assert loaded.fingerprint == entry.fingerprint.without_features()


async def test_dropped_features_are_gone_and_every_process_hears_of_it(store: Store):
    async with store.write() as tx:
        entries = [await add_entry(tx, seed) for seed in (1, 2)]
        await tx.banks.revoke(entries[1].id, None, NOW)
        other = await add_entry(tx, 3, guild_id=OTHER_GUILD)
        bare = replace(fingerprint(4), views=())
        await tx.banks.add_entries(entries[0].bank_id, [(Category.SCAM, bare)], source="list", added_at=NOW)
        before = await tx.banks.change_number()
    async with store.write() as tx:
        assert await tx.banks.drop_features([entries[0].bank_id]) == 2
        changed = await tx.banks.changed_since(before)
        assert [entry.id for entry in changed] == [entries[1].id, entries[0].id]
        assert not any(entry.fingerprint.has_features for entry in changed)
        assert [entry.fingerprint.views[1].grid for entry in changed] == [
            entry.fingerprint.views[1].grid for entry in entries[::-1]
        ]
        assert await tx.banks.entry(other.id) == other
        after = await tx.banks.change_number()
        assert await tx.banks.drop_features([entries[0].bank_id]) == 0
        assert await tx.banks.drop_features([]) == 0
        assert await tx.banks.change_number() == after


# ------------------------------------------------------------------------------------------------- large banks


async def test_no_lookup_reads_a_whole_bank(sqlite_url: str):
    seen: list[Any] = []
    store = await Store.open(sqlite_url, VAULT)
    async with store.write() as tx:
        entry = await add_entry(tx)
        bank_ids = [entry.bank_id]

        def note(connection, cursor, statement, parameters, context, executemany):
            seen.append((f"EXPLAIN QUERY PLAN {statement}", parameters))

        engine = tx.connection.sync_connection
        assert engine is not None
        sa.event.listen(engine, "before_cursor_execute", note)
        await tx.banks.find_exact(b"s" * 32, bank_ids, md5=b"m" * 16)
        everything = [hash_only(1), hash_only(pdq=(b"p" * 32,)), hash_only(sha256=b"s" * 32), hash_only(views=(PHASH,))]
        await tx.banks.listed(entry.bank_id, everything)
        assert [found async for found in tx.banks.stream(bank_ids)] == [[entry]]
        sa.event.remove(engine, "before_cursor_execute", note)
        steps = [str(row[-1]) for query in seen for row in await tx.connection.exec_driver_sql(*query)]
    await store.close()
    assert len(steps) > 6
    assert not [step for step in steps if "ix_entries_bank_id" in step or step.startswith("SCAN entries")]
