"""The listing behind the matcher: what is read while it changes, and what is left when something is taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.listing import Listing, check
from bot.model import BankKind, Entry

from .builders import BANKS, BASES, GUILDS, bank, bare, entries, entry, oriented, picture


@given(entries())
def test_a_listing_has_the_active_entries_and_their_files(listed: list[Entry]) -> None:
    listing = Listing(None, BANKS, listed)
    for one in listed:
        found = listing.get(one.id)
        if one.revoked_at is not None:
            assert found is None
            continue
        assert found is not None
        assert (found.bank_id, found.category, found.fingerprint) == (one.bank_id, one.category, one.fingerprint)
        of_bank = next(bank for bank in BANKS if bank.id == one.bank_id)
        for guild in GUILDS:
            same = listing.same_file(one.fingerprint.sha256, guild, of_bank.kind)
            assert ((one.id, found) in same) == (of_bank.guild_id in (None, guild))
            assert [number for number, _ in same] == sorted(number for number, _ in same)


@given(entries(), st.randoms())
def test_putting_and_removing_leaves_the_files_of_the_others(listed: list[Entry], chance) -> None:
    banks = {bank.id: bank for bank in BANKS}
    listing = Listing(None, BANKS)
    listing.put([(banks[one.bank_id], one) for one in listed])
    chance.shuffle(listed)
    half = listed[: len(listed) // 2]
    for one in half:
        listing.remove(one.id)
        listing.remove(one.id)
        assert listing.get(one.id) is None
    left = Listing(None, BANKS, listed[len(half) :])
    assert listing._listed == left._listed
    assert _files(listing) == _files(left)
    for one in listed:
        listing.remove(one.id)
    assert (listing._listed, listing._files) == ({}, {})
    assert all(len(index) == 0 for index in listing.indexes(banks))


def _files(listing: Listing) -> dict[bytes, set[int]]:
    return {digest: set(ids) for digest, ids in listing._files.items()}


@pytest.mark.parametrize("kind", BankKind)
def test_a_guild_sees_its_own_banks_and_those_of_nobody(kind: BankKind) -> None:
    listing = Listing(None, BANKS)
    for guild in GUILDS:
        expected = {bank.id for bank in BANKS if bank.kind is kind and bank.guild_id in (None, guild)}
        assert set(listing.visible(guild, kind)) == expected


def test_a_bank_that_changes_hands_is_seen_by_its_new_guild_alone() -> None:
    own = bank(9, guild_id=100)
    listing = Listing(None, [own], [entry(1, 9, picture(oriented(BASES[0])))])
    assert listing.visible(100, BankKind.BLOCK) == [9]
    listing.put_bank(replace(own, guild_id=200))
    assert listing.visible(100, BankKind.BLOCK) == []
    assert listing.visible(200, BankKind.BLOCK) == [9]
    assert len(listing.indexes([9])[0]) == 1
    listing.put_bank(replace(own, guild_id=None, kind=BankKind.KNOWN_GOOD))
    assert listing.visible(300, BankKind.KNOWN_GOOD) == [9]
    assert listing.visible(300, BankKind.BLOCK) == []


def test_an_entry_that_moves_to_another_bank_leaves_the_first() -> None:
    listing = Listing(None, BANKS, [entry(1, 1, picture(BASES[0], b"s" * 32))])
    listing.put([(BANKS[2], entry(1, 3, picture(BASES[1], b"t" * 32)))])
    first, third = listing.indexes([1, 3])
    assert (len(first), len(third), len(first.wholes)) == (0, 1, 0)
    assert listing.same_file(b"s" * 32, 100, BankKind.BLOCK) == []
    assert [number for number, _ in listing.same_file(b"t" * 32, 100, BankKind.BLOCK)] == [1]
    assert listing.same_file(b"t" * 32, 200, BankKind.BLOCK) == []


def test_an_entry_given_twice_is_listed_once() -> None:
    first, second = picture(BASES[0]), picture(BASES[1])
    listing = Listing(None, BANKS, [entry(1, 1, first), entry(1, 1, second)])
    found = listing.get(1)
    assert found is not None
    assert found.fingerprint == first
    assert len(listing.indexes([1])[0].wholes) == 1


def test_what_is_known_of_a_file_only_passes() -> None:
    for look in (bare(sha256=b"s" * 32), bare(md5=b"m" * 16), bare(b"", bytes(32)), bare(BASES[0])):
        check(entry(1, 1, look))
