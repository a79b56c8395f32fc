"""Imported lists may flag, not remove; what leaves the installation is fingerprints that may leave it."""

from datetime import UTC, datetime

import pytest

from bot.banks.formats.jsonl import Listed
from bot.banks.lists import BATCH, export_list, import_list
from bot.banks.service import BankService
from bot.errors import RefusedError
from bot.matching.matcher import Matcher
from bot.model import BankKind, BankLevel, Category, Fingerprint, Thresholds

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def exact(number: int, category: Category = Category.SCAM) -> Listed:
    return Listed(category, Fingerprint(number.to_bytes(32), (), 0, 0, 0, 0))


@pytest.fixture
def banks(store):
    return BankService(store, Matcher(Thresholds()), Thresholds(), clock=lambda: NOW)


@pytest.fixture
def take(store, banks):
    async def take(listed, *, name="friends", level=None):
        return await import_list(store, banks, listed, name=name, level=level, source="list friends", clock=lambda: NOW)

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
    listed, left_out = await export_list(store, result.bank)
    assert listed == [exact(1), exact(3)]
    assert left_out == 1
