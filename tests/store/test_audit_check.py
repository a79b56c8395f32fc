"""Whoever changes the audit log, or the history of a case behind it, is found out: the first broken row is named."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from bot.model import INSTALLATION, CaseEvent
from bot.store import admin
from bot.store.audit_check import REMEDY
from bot.store.engine import Store
from bot.store.tables import audit, case_events
from bot.vault import Vault

from .chains import MODERATOR, broken_row, fill, problems, rows_of, without_triggers
from .samples import GUILD, MINUTE, NOW, OTHER_GUILD, VAULT, open_case

STORED = {
    "at": NOW - MINUTE,
    "actor": b"x" * 16,
    "action": "other",
    "case_id": 4711,
    "event_id": 4711,
    "subject": "E-4711",
    "payload_sha256": b"x" * 32,
    "prev": b"x" * 32,
    "hash": b"x" * 32,
    "guild_id": 4711,
}


@pytest.mark.parametrize("column", STORED)
@pytest.mark.parametrize("seq", [1, 3, 5])
async def test_a_changed_row_is_named(store: Store, column: str, seq: int):
    await fill(store)
    await fill(store, 2, OTHER_GUILD)
    change = audit.update().where(audit.c.guild_id == GUILD, audit.c.seq == seq).values({column: STORED[column]})
    await without_triggers(store, change)
    found = await problems(store)
    assert (GUILD, seq) in [broken_row(problem) for problem in found]
    assert all(problem.endswith(f"{REMEDY}.") for problem in found)
    assert OTHER_GUILD not in [broken_row(problem)[0] for problem in found]


@pytest.mark.parametrize("seq", [1, 3])
async def test_a_deleted_row_is_named(store: Store, seq: int):
    await fill(store)
    await without_triggers(store, audit.delete().where(audit.c.seq == seq))
    [problem] = await problems(store)
    assert broken_row(problem) == (GUILD, seq)
    assert "is missing" in problem


async def test_rows_that_changed_places_are_named(store: Store):
    await fill(store)
    swap = [audit.update().where(audit.c.seq == old).values(seq=new) for old, new in ((3, 99), (4, 3), (99, 4))]
    await without_triggers(store, *swap)
    [problem] = await problems(store)
    assert broken_row(problem) == (GUILD, 3)


@pytest.mark.parametrize("left", [4, 2, 0])
async def test_a_tail_that_was_cut_off_is_named_by_the_history_of_the_case(store: Store, left: int):
    await fill(store)
    await without_triggers(store, audit.delete().where(audit.c.seq > left))
    [problem] = await problems(store)
    assert broken_row(problem) == (GUILD, left + 1)
    assert "is gone" in problem


async def test_a_tail_that_was_cut_off_with_its_case_is_named_by_an_anchor_alone(store: Store):
    await fill(store)
    async with store.read() as tx:
        head = await tx.audit.head(GUILD)
    assert head is not None
    assert await problems(store, anchors=[head]) == []
    await fill(store, 1)
    assert await problems(store, anchors=[head]) == []
    await without_triggers(store, case_events.delete(), audit.delete().where(audit.c.seq > 2))
    assert await problems(store) == []
    [problem] = await problems(store, anchors=[head])
    assert broken_row(problem) == (GUILD, 5)
    assert "cut off" in problem


async def test_a_chain_that_was_written_anew_is_named_by_an_anchor_alone(store: Store):
    case_id = await fill(store)
    async with store.read() as tx:
        head = await tx.audit.head(GUILD)
    assert head is not None
    await without_triggers(store, case_events.delete(), audit.delete())
    async with store.write() as tx:
        for number in range(5):
            await tx.events.add(CaseEvent(case_id, NOW, "noted", None, f"other words {number}"))
    assert await problems(store) == []
    [problem] = await problems(store, anchors=[head])
    assert broken_row(problem) == (GUILD, 5)
    assert "was changed or replaced" in problem


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"detail": "other words"}, "does not fit"),
        ({"kind": "other"}, "does not fit"),
        ({"at": NOW - MINUTE}, "does not fit"),
        ({"salt": b"x" * 16}, "does not fit"),
        ({"salt": None}, "does not fit"),
        ({"actor_id": MODERATOR + 1}, "names another person"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("place", [0, 1])
async def test_a_history_that_was_changed_is_named(store: Store, changes: dict[str, Any], clause: str, place: int):
    case_id = await fill(store)
    async with store.write() as tx:
        told = await tx.audit.told(case_id)
        await tx.connection.execute(
            case_events.update().where(case_events.c.id == told[place].event_id).values(changes)
        )
    [problem] = await problems(store)
    assert broken_row(problem) == (GUILD, place + 1)
    assert clause in problem
    assert f"case {case_id}" in problem


async def test_an_event_that_was_written_by_hand_is_named(store: Store):
    case_id = await fill(store)
    forged = {"case_id": case_id, "at": NOW, "kind": "confirm", "actor_id": MODERATOR, "detail": ""}
    async with store.write() as tx:
        await tx.connection.execute(case_events.insert().values(forged))
    [problem] = await problems(store)
    assert broken_row(problem) == (GUILD, 6)


async def test_what_is_erased_is_no_problem(store: Store):
    """An event that is erased, and a person whose id is: the row with the digest and the pseudonym stays."""
    case_id = await fill(store)
    erased = await fill(store, 2)
    async with store.write() as tx:
        told = await tx.audit.told(case_id)
        await tx.connection.execute(case_events.delete().where(case_events.c.id == told[2].event_id))
        await tx.connection.execute(case_events.update().values(actor_id=None))
        await tx.connection.execute(sa.text(f"DELETE FROM cases WHERE id = {erased}"))
    assert await problems(store) == []
    assert len(await rows_of(store)) == 7


async def test_events_from_before_there_was_a_log_are_no_problem(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        old = {"case_id": case.id, "at": NOW, "kind": "opened", "actor_id": MODERATOR, "detail": ""}
        await tx.connection.execute(case_events.insert().values(old))
    assert await problems(store) == []
    async with store.write() as tx:
        await tx.events.add(CaseEvent(case.id, NOW, "noted", MODERATOR, ""))
    assert await problems(store) == []


async def test_without_the_key_the_chain_is_proven_all_the_same(store: Store):
    await fill(store)
    await without_triggers(store, audit.update().where(audit.c.seq == 2).values(action="other"))
    assert [broken_row(problem) for problem in await problems(store, None) if "audit log" in problem] == [(GUILD, 2)]


# ------------------------------------------------------------------------------------------------ another secret


async def test_a_renewed_secret_makes_new_pseudonyms_and_no_problem(store: Store):
    case_id = await fill(store, 2)
    (_, before) = await rows_of(store)
    await store.close()
    await admin.forget_features(store.url, VAULT, clock=lambda: NOW + 10 * MINUTE)
    again = await Store.open(store.url, VAULT)
    async with again.write() as tx:
        await tx.events.add(CaseEvent(case_id, NOW + 20 * MINUTE, "noted", MODERATOR, ""))
    assert (await rows_of(again))[-1].actor not in {None, before.actor}
    assert [row.action for row in await rows_of(again, INSTALLATION)] == ["secret_renewed"]
    assert await problems(again) == []
    async with again.write() as tx:
        newest = sa.select(sa.func.max(case_events.c.id)).scalar_subquery()
        await tx.connection.execute(
            case_events.update().where(case_events.c.id == newest).values(actor_id=MODERATOR + 1)
        )
    [problem] = await problems(again)
    assert broken_row(problem) == (GUILD, 3)
    await again.close()


async def test_the_signing_key_is_made_once_for_all_processes(store: Store):
    other = await Store.open(store.url, VAULT)
    seeds = await asyncio.gather(*(opened.signing_seed() for opened in (store, other) * 5))
    assert len(set(seeds)) == 1
    assert len(seeds[0]) == 32
    assert seeds[0] != store.secret
    assert await admin.signing_seed(store.url, VAULT) == seeds[0]
    async with store.read() as tx:
        assert seeds[0] not in (await tx.installation.sealed_signing_key() or b"")
    await other.close()


async def test_asking_for_the_signing_key_makes_none(store: Store):
    assert await admin.signing_seed(store.url, VAULT) is None
    async with store.read() as tx:
        assert await tx.installation.sealed_signing_key() is None


async def test_a_database_without_vault_has_no_signing_key(store: Store):
    bare = await Store.open(store.url)
    with pytest.raises(RuntimeError, match="without a vault"):
        await bare.signing_seed()
    await bare.close()


@pytest.mark.parametrize("kept", [True, False], ids=["the key is here", "the key is lost"])
async def test_forgetting_features_keeps_the_signing_key_if_it_can_be_opened(store: Store, kept: bool):
    seed, secret = await store.signing_seed(), store.secret
    await store.close()
    other = Vault([b"another key of 32 bytes, no less"])
    vault = VAULT if kept else other
    await admin.forget_features(store.url, vault)
    again = await Store.open(store.url, vault)
    assert again.secret != secret
    assert (await again.signing_seed() == seed) is kept
    await again.close()
    assert await admin.check(store.url, vault) == []


async def test_the_signing_key_is_checked_and_resealed(store: Store):
    from bot.store.reseal import reseal

    seed = await store.signing_seed()
    new = b"another key of 32 bytes, no less"
    [problem] = await problems(store, Vault([new]))
    assert problem.startswith("2 of 2 sealed values cannot be opened")
    both = Vault([new, bytes(range(32))])
    opened = await Store.open(store.url, both)
    assert await reseal(opened, both) == 2
    assert await reseal(opened, both) == 0
    await opened.close()
    assert await admin.signing_seed(store.url, Vault([new])) == seed
    assert await problems(store, Vault([new])) == []
