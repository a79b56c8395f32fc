import asyncio

import pytest

from bot.model import BankKind, BankLevel, Category, Fingerprint
from bot.store.engine import Store

from .samples import GUILD, MINUTE, NOW, OTHER_GUILD, add_entry, fingerprint, open_case


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
        assert await tx.banks.unrevoke(entry.id)
        assert not await tx.banks.unrevoke(entry.id)
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
        lambda tx, entry: tx.banks.set_level(entry.bank_id, BankLevel.OBSERVE),
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
    other = await Store.open(store.url)
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
