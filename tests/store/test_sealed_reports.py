"""Who reported and what they wrote, when keys change: resealed, checked, and given up with a lost key."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import Category, Report, Reporter
from bot.store import admin, sealed_reports
from bot.store.engine import Store, Tx
from bot.store.reseal import reseal
from bot.vault import Vault, VaultError

from .samples import DAY, GUILD, NOW, VAULT, open_case

OTHER_KEY = b"another key of 32 bytes, no less"
OTHER_VAULT = Vault([OTHER_KEY])
MEMBERS = (123456789012345678, 7, 2**63 - 1)
SILENT, FORGOTTEN, WORDLESS = MEMBERS


async def add(tx: Tx, member: int, words: str, at=NOW) -> Report:
    case = await open_case(tx)
    report = await tx.reports.add(
        case_id=case.id, guild_id=GUILD, reporter_id=member, category=Category.OTHER, at=at, words=words
    )
    assert report is not None
    return report


async def fill(url: str, vault: Vault = VAULT) -> None:
    """Two reports of one member, one of whom the id is forgotten; one without words; one that was erased."""
    store = await Store.open(url, vault)
    async with store.write() as tx:
        first = await add(tx, SILENT, "old", NOW - 31 * DAY)
        await tx.privacy.forget_ids(NOW - 30 * DAY, limit=9)
        await add(tx, SILENT, "new")
        await tx.reporters.change(GUILD, first.reporter, silent=True)
        forgotten = await add(tx, FORGOTTEN, "gone", NOW - 40 * DAY)
        await tx.privacy.forget_ids(NOW - 30 * DAY, limit=9)
        await tx.reporters.change(GUILD, forgotten.reporter, muted_until=NOW + DAY, muted_by=40)
        await add(tx, WORDLESS, "")
        await tx.privacy.erase(GUILD, (await add(tx, 99, "erased", NOW - 2 * DAY)).reporter, NOW)
        await tx.cases.drop_features()
    await store.close()


async def found(url: str, vault: Vault) -> dict[int, list[tuple[int | None, str | None]]]:
    """By member, the newest first: who the reports say that they are, and their words. 0: all that nobody finds."""
    store = await Store.open(url, vault)
    async with store.read() as tx:
        by = {
            member: await tx.reports.by_reporter(GUILD, tx.reports.digest(GUILD, member)) for member in (*MEMBERS, 99)
        }
        known = {report.id for reports in by.values() for report in reports}
        ids = (await tx.connection.execute(sa.text("SELECT id FROM reports ORDER BY id"))).scalars().all()
        by[0] = [report for id_ in ids if id_ not in known and (report := await tx.reports.get(id_)) is not None]
    await store.close()
    return {member: [(report.reporter_id, report.words) for report in reports] for member, reports in by.items()}


WHOLE = {
    SILENT: [(SILENT, "new"), (None, "old")],
    FORGOTTEN: [(None, "gone")],
    WORDLESS: [(WORDLESS, "")],
    99: [],
    0: [(None, "")],
}


async def test_after_resealing_the_older_key_is_needed_no_more(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sealed_reports, "_BATCH", 2)
    await fill(database_url)
    assert await found(database_url, VAULT) == WHOLE
    both = Vault([OTHER_KEY, bytes(range(32))])
    store = await Store.open(database_url, both)
    assert await reseal(store, both) == 1 + 2 + 3, "the secret, two ids, and three texts"
    assert await reseal(store, both) == 0
    await store.close()
    assert await admin.check(database_url, OTHER_VAULT, clock=lambda: NOW) == []
    assert await found(database_url, OTHER_VAULT) == WHOLE
    with pytest.raises(VaultError):
        await Store.open(database_url, VAULT)
    [problem] = await admin.check(database_url, VAULT, clock=lambda: NOW)
    assert problem.startswith("6 of 6 sealed values cannot be opened")


async def test_what_no_key_opens_is_found_and_not_resealed(database_url: str):
    await fill(database_url)
    store = await Store.open(database_url, VAULT)
    async with store.write() as tx:
        await tx.connection.execute(sa.text("UPDATE reports SET reporter = :other WHERE words <> :none"), MOVED)
    both = Vault([OTHER_KEY, bytes(range(32))])
    with pytest.raises(VaultError):
        await reseal(store, both)
    await store.close()
    [problem] = await admin.check(database_url, both, clock=lambda: NOW)
    assert problem.startswith("4 of 6 sealed values cannot be opened"), "of another reporter they are not to be read"


MOVED = {"other": bytes(16), "none": b""}


async def kept(url: str, vault: Vault, member: int) -> Reporter:
    store = await Store.open(url, vault)
    async with store.read() as tx:
        reporter = await tx.reporters.get(GUILD, tx.reports.digest(GUILD, member))
    await store.close()
    return reporter


async def test_who_is_known_goes_over_to_the_new_secret(database_url: str):
    await fill(database_url)
    store = await Store.open(database_url, VAULT)
    await store.signing_seed()
    await store.close()
    before = await kept(database_url, VAULT, SILENT)
    await admin.forget_features(database_url, VAULT)
    after = await kept(database_url, VAULT, SILENT)
    assert (before.silent, after.silent) == (True, True)
    assert before.reporter != after.reporter
    assert await found(database_url, VAULT) == {**WHOLE, FORGOTTEN: [], 0: [(None, "gone"), (None, "")]}
    assert (await kept(database_url, VAULT, FORGOTTEN)).muted_until is None
    assert await reporter_rows(database_url) == 1, "nobody finds the other one any more"
    assert await admin.check(database_url, VAULT, clock=lambda: NOW) == []


@pytest.mark.parametrize("vault", [None, OTHER_VAULT], ids=["none", "another"])
async def test_with_a_lost_key_the_reports_are_those_of_somebody(database_url: str, vault: Vault | None):
    await fill(database_url)
    await admin.forget_features(database_url, vault)
    assert await found(database_url, OTHER_VAULT) == {**{member: [] for member in (*MEMBERS, 99)}, 0: [(None, "")] * 5}
    assert await reporter_rows(database_url) == 0
    assert await admin.check(database_url, OTHER_VAULT, clock=lambda: NOW) == []
    store = await Store.open(database_url, OTHER_VAULT)
    async with store.write() as tx:
        assert (await add(tx, SILENT, "again")).reporter_id == SILENT
    await store.close()
    with pytest.raises((VaultError, DatabaseError)):
        await Store.open(database_url, VAULT)


async def test_one_of_two_keys_is_lost(database_url: str):
    """What was sealed since with the key that is still here is known; what the lost one sealed is not."""
    await fill(database_url)
    store = await Store.open(database_url, Vault([OTHER_KEY, bytes(range(32))]))
    async with store.write() as tx:
        await add(tx, SILENT, "newest")
    await store.close()
    await admin.forget_features(database_url, OTHER_VAULT)
    now = await found(database_url, OTHER_VAULT)
    assert now[SILENT] == [(SILENT, "newest"), (None, ""), (None, "")]
    assert (await kept(database_url, OTHER_VAULT, SILENT)).silent


async def reporter_rows(url: str) -> int:
    store = await Store.open(url)
    async with store.read() as tx:
        number = (await tx.connection.execute(sa.text("SELECT count(*) FROM reporters"))).scalar_one()
    await store.close()
    return number


async def test_what_is_erased_meanwhile_is_not_written_back(database_url: str):
    await fill(database_url)
    both = Vault([OTHER_KEY, bytes(range(32))])
    store = await Store.open(database_url, both)
    async with store.write() as tx:
        for member in MEMBERS:
            await tx.privacy.erase(GUILD, tx.reports.digest(GUILD, member), NOW + 2 * DAY)
        resealing = asyncio.create_task(reseal(store, both))
        await asyncio.sleep(0.5)  # by then it waits for this transaction
    assert await resealing == 1, "the secret alone"
    await store.close()
    assert await found(database_url, OTHER_VAULT) == {**{member: [] for member in (*MEMBERS, 99)}, 0: [(None, "")] * 5}
