"""A guild that switched local features off keeps none of them: not in its cases, nor in what decisions list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bot.matching.packing import LocalView
from bot.matching.stored import to_bytes
from bot.model import BankKind, BankLevel, Category, Decision, Fingerprint
from tests.desk import GUILD, MODERATOR, Desk, picture


def featured(shown: Fingerprint) -> Fingerprint:
    """The fingerprint with a few local features."""
    local = LocalView(
        np.arange(9, dtype=np.uint16),
        np.ones((9, 2), np.uint64),
        np.ones(9, np.uint32),
        np.zeros(9, np.uint8),
        512,
        384,
    )
    (view,) = shown.views
    return replace(shown, views=(replace(view, features=to_bytes(local)),))


ABUSE, NEAR = featured(picture(1)), featured(picture(1, away=55))


async def flagged(desk: Desk, *, guild_id: int | None = None) -> None:
    """The picture stands on a list that may only flag."""
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("list", BankKind.BLOCK, guild_id, BankLevel.REVIEW)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.OTHER,
            fingerprint=ABUSE,
            note="",
            added_by=None,
            source="test",
            added_at=desk.now(),
            hunted_at=desk.now(),
        )
    await desk.banks.refresh()


async def learned(desk: Desk, kind: BankKind) -> Fingerprint:
    """The fingerprint of the only entry of the guild's own bank."""
    async with desk.store.read() as tx:
        banks = [bank.id for bank in await tx.banks.all() if (bank.guild_id, bank.kind) == (GUILD, kind)]
        pages = [page async for page in tx.banks.stream(banks)]
    (entry,) = [entry for page in pages for entry in page]
    return entry.fingerprint


DECISIONS = [(Decision.CONFIRM, BankKind.BLOCK), (Decision.NOT_A_MATCH, BankKind.KNOWN_GOOD)]


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(("decision", "kind"), DECISIONS)
async def test_a_decision_lists_local_features_only_where_they_are_on(desk, decision, kind, on) -> None:
    await desk.guilds.change(GUILD, local_features=on)
    await flagged(desk)
    await desk.post(NEAR)
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, decision)
    found = await learned(desk, kind)
    assert found.views[0].hashes == NEAR.views[0].hashes
    assert found.has_features is on


@pytest.mark.parametrize(("decision", "kind"), DECISIONS)
async def test_switching_them_off_takes_them_from_cases_that_wait(desk, decision, kind) -> None:
    await flagged(desk)
    await desk.post(NEAR)
    assert (await desk.only_case()).fingerprint.has_features
    await desk.guilds.drop_features(GUILD)
    case = await desk.only_case()
    assert case.fingerprint == NEAR.without_features()
    await desk.decisions.decide(case.id, case.version, MODERATOR, decision)
    assert not (await learned(desk, kind)).has_features


@pytest.mark.parametrize("on", [True, False])
async def test_a_case_keeps_them_only_where_they_are_on(desk, on) -> None:
    """Whatever the picture came with: a file that another list knows comes with all that is known there."""
    await desk.guilds.change(GUILD, local_features=on)
    await flagged(desk)
    await desk.post(NEAR)
    assert (await desk.only_case()).fingerprint.has_features is on


@pytest.mark.parametrize("on", [True, False])
async def test_blocking_lists_them_only_where_they_are_on(desk, on) -> None:
    await desk.guilds.change(GUILD, local_features=on)
    await desk.block(ABUSE)
    assert (await learned(desk, BankKind.BLOCK)).has_features is on
