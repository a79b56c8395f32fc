"""Imported lists may flag, not remove; what leaves the installation is fingerprints that may leave it."""

from datetime import UTC, datetime

import pytest

from bot.banks.formats.listed import Listed
from bot.banks.lists import BATCH, Export, import_list
from bot.banks.service import BankService
from bot.errors import RefusedError
from bot.matching.matcher import Matcher
from bot.model import BankKind, BankLevel, Category, Fingerprint, Form, Thresholds, View

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def exact(number: int, category: Category = Category.SCAM) -> Listed:
    return Listed(category, Fingerprint(number.to_bytes(32), (), 0, 0, 0, 0))


@pytest.fixture
def banks(store):
    return BankService(store, Matcher(Thresholds()), clock=lambda: NOW)


@pytest.fixture
def take(store, banks):
    async def take(listed, *, name="friends", level=None, hunt=True):
        return await import_list(
            store,
            banks,
            listed,
            name=name,
            level=level,
            source="list friends",
            clock=lambda: NOW,
            hunt=hunt,
        )

    return take


async def test_a_new_list_may_only_flag(store, take):
    result = await take([exact(1), exact(2)])
    assert result.bank.level is BankLevel.REVIEW
    assert (result.added, result.existing, result.colliding) == (2, 0, 0)
    async with store.read() as tx:
        bank = await tx.banks.find("friends", BankKind.BLOCK, None)
        assert bank == result.bank
        (newest, _) = await tx.banks.entries([bank.id])
    assert newest.source == "list friends"
    assert newest.added_at == NOW
    assert newest.note == ""
    assert newest.hunted_at is None


async def test_an_import_can_be_repeated(take):
    listed = [exact(number) for number in range(BATCH + 3)]
    assert (await take(listed)).added == BATCH + 3
    again = await take([*listed, exact(10**6)])
    assert (again.added, again.existing) == (1, BATCH + 3)


async def test_doubles_inside_a_list_are_listed_once(take):
    result = await take([exact(1), exact(1)])
    assert (result.added, result.existing) == (1, 1)


@pytest.mark.parametrize("level", BankLevel)
async def test_an_admin_may_choose_the_level(take, level):
    assert (await take([exact(1)], level=level)).bank.level is level


async def test_a_list_that_may_remove_on_more_evidence_takes_no_foreign_entries(store, take):
    await take([exact(1)], level=BankLevel.STRICT)
    with pytest.raises(RefusedError, match="--level remove"):
        await take([exact(2)])


async def test_a_list_that_may_remove_takes_no_foreign_entries(store, banks, take):
    await banks.own(None, BankKind.BLOCK, "ours")
    with pytest.raises(RefusedError, match="--level remove"):
        await take([exact(1)], name="ours")
    async with store.read() as tx:
        bank = await tx.banks.find("ours", BankKind.BLOCK, None)
        assert bank is not None
        assert await tx.banks.count([bank.id]) == 0


async def test_the_own_list_is_never_made_by_an_import(store, take):
    with pytest.raises(RefusedError):
        await take([exact(1)], name="default")
    async with store.read() as tx:
        assert await tx.banks.all() == []


async def test_only_active_entries_that_may_leave_are_exported(store, take):
    result = await take([exact(1), exact(2, Category.MINOR_SUSPECTED), exact(3), exact(4)])
    async with store.write() as tx:
        newest, *_ = await tx.banks.entries([result.bank.id])
        await tx.banks.revoke(newest.id, None, NOW)
    export = Export(store, result.bank)
    assert [entry async for entry in export] == [exact(1), exact(3)]
    assert (export.exported, export.left_out) == (2, 1)


# ------------------------------------------------------------------------------------------------- foreign hashes


def pdq(*numbers: int) -> Listed:
    hashes = tuple(bytes([number] * 32) for number in numbers)
    return Listed(Category.SCAM, Fingerprint(b"", (), 0, 0, 0, 0, pdq=hashes))


def md5(number: int) -> Listed:
    return Listed(Category.SCAM, Fingerprint(b"", (), 0, 0, 0, 0, md5=number.to_bytes(16)))


def phash(number: int) -> Listed:
    return Listed(Category.SCAM, Fingerprint(b"", (View(Form.WHOLE, 0, number.to_bytes(32)),), 0, 0, 0, 0))


async def test_hashes_alone_are_listed_once_each(store, take):
    listed = [pdq(1), md5(1), phash(1), pdq(1, 2), pdq(1), md5(1), phash(1), phash(2), exact(1)]
    assert (await take(listed)).added == 6
    again = await take([*listed, md5(2)])
    assert (again.added, again.existing) == (1, len(listed))
    export = Export(store, again.bank, bundle=True)
    assert {entry async for entry in export} == {*listed, md5(2)}


@pytest.mark.parametrize(("hunt", "wanted"), [(True, 2), (False, 0)])
async def test_only_what_can_be_found_among_sightings_is_hunted(store, take, hunt, wanted):
    await take([pdq(1), md5(1), phash(1), exact(1)], hunt=hunt)
    async with store.read() as tx:
        entries = await tx.banks.unhunted()
        bank_ids = [bank.id for bank in await tx.banks.all()]
        assert await tx.banks.count(bank_ids) == 4
    assert len(entries) == wanted
    assert all(entry.fingerprint.sha256 or entry.fingerprint.views for entry in entries)


async def test_one_pdq_hash_leaves_unless_the_bundle_is_wanted(store, take):
    result = await take([pdq(1, 2, 3), pdq(4)])
    assert [entry async for entry in Export(store, result.bank)] == [pdq(1), pdq(4)]
    assert [entry async for entry in Export(store, result.bank, bundle=True)] == [pdq(1, 2, 3), pdq(4)]


async def test_local_features_and_grids_never_leave(store):
    view = View(Form.WHOLE, 0, b"h" * 256, b"g" * 136, b"local features")
    async with store.write() as tx:
        bank = await tx.banks.ensure("ours", BankKind.BLOCK, None, BankLevel.REMOVE)
        picture = Fingerprint(b"s" * 32, (view,), 640, 480, 1, 80)
        await tx.banks.add_entries(bank.id, [(Category.SCAM, picture)], source="cli", added_at=NOW)
        [kept] = await tx.banks.entries([bank.id])
    [entry] = [entry async for entry in Export(store, bank, bundle=True)]
    assert kept.fingerprint.views == (view,)
    assert entry.fingerprint.views == (View(Form.WHOLE, 0, b"h" * 256),)
