import asyncio
from datetime import timedelta

import pytest

from bot.model import Sanction, SanctionKind, SanctionOrder, SanctionState
from bot.store import tables
from bot.store.engine import Store, Tx

from .samples import DAY, GUILD, NOW, OTHER_GUILD, expire, open_case

MEMBER, MODERATOR = 2**63 - 1, 2**60


async def order(
    tx: Tx,
    case_id: int,
    *,
    user_id: int = MEMBER,
    number: int = 1,
    kind: SanctionKind = SanctionKind.KICK,
    guild_id: int = GUILD,
) -> Sanction | None:
    return await tx.sanctions.order(
        case_id=case_id,
        guild_id=guild_id,
        user_id=user_id,
        kind=kind,
        decision_number=number,
        ordered_by=MODERATOR,
        ordered_at=NOW,
    )


async def test_a_sanction_keeps_everything(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        ordered = await tx.sanctions.order(
            case_id=case.id,
            guild_id=GUILD,
            user_id=MEMBER,
            kind=SanctionKind.TIMEOUT,
            decision_number=3,
            ordered_by=MODERATOR,
            ordered_at=NOW,
            until=NOW + DAY,
            delete_message_seconds=604_800,
        )
    assert ordered == Sanction(
        id=1,
        case_id=case.id,
        guild_id=GUILD,
        user_id=MEMBER,
        kind=SanctionKind.TIMEOUT,
        decision_number=3,
        ordered_by=MODERATOR,
        ordered_at=NOW,
        state=SanctionState.PENDING,
        until=NOW + DAY,
        delete_message_seconds=604_800,
    )
    async with store.read() as tx:
        assert await tx.sanctions.get(1) == ordered
        assert await tx.sanctions.get(2) is None


async def test_a_decision_sanctions_a_member_once_whoever_orders_what(store: Store):
    async with store.write() as tx:
        case, other = await open_case(tx), await open_case(tx)

    async def press(kind: SanctionKind):
        async with store.write() as tx:
            return await order(tx, case.id, kind=kind)

    ordered = await asyncio.gather(*(press(kind) for kind in list(SanctionKind) * 2))
    assert sum(one is not None for one in ordered) == 1
    async with store.write() as tx:
        assert await order(tx, case.id, user_id=7) is not None
        assert await order(tx, case.id, number=2) is not None
        assert await order(tx, other.id) is not None
        assert await order(tx, case.id, number=2) is None


async def test_sanctions_are_found_by_case_and_by_member_of_a_guild(store: Store):
    async with store.write() as tx:
        case, foreign = await open_case(tx), await open_case(tx, guild_id=OTHER_GUILD)
        first = await order(tx, case.id)
        second = await order(tx, case.id, user_id=7)
        third = await order(tx, case.id, number=2)
        elsewhere = await order(tx, foreign.id, guild_id=OTHER_GUILD)
    async with store.read() as tx:
        assert await tx.sanctions.by_case(case.id) == [first, second, third]
        assert await tx.sanctions.by_member(GUILD, MEMBER) == [first, third]
        assert await tx.sanctions.by_member(OTHER_GUILD, MEMBER) == [elsewhere]
        assert await tx.sanctions.by_member(OTHER_GUILD, 7) == []


async def test_a_sanction_moves_on_only_from_where_it_is_expected(store: Store):
    async with store.write() as tx:
        one = await order(tx, (await open_case(tx)).id)
        assert one is not None
        standing = (SanctionState.PENDING, SanctionState.DONE)
        assert not await tx.sanctions.advance(one.id, (SanctionState.LIFTING,), SanctionState.LIFTED)
        assert await tx.sanctions.advance(one.id, standing, SanctionState.LIFTING, "Away.")
        assert not await tx.sanctions.advance(one.id, standing, SanctionState.LIFTING)
        assert not await tx.sanctions.advance(one.id + 1, (SanctionState.PENDING,), SanctionState.DONE)
        kept = await tx.sanctions.get(one.id)
    assert kept is not None
    assert (kept.state, kept.error) == (SanctionState.LIFTING, "Away.")


async def test_a_purged_case_takes_its_sanctions_with_it(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await order(tx, case.id)
        await tx.cases.compare_and_set(case.id, 1, state=case.state.DECIDED, decided_at=NOW - DAY)
        assert await expire(tx, tables.cases, NOW) == 1
        assert await tx.sanctions.by_member(GUILD, MEMBER) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": SanctionKind.TIMEOUT},
        {"kind": SanctionKind.BAN, "duration": DAY},
        {"kind": SanctionKind.TIMEOUT, "duration": timedelta(0)},
        {"kind": SanctionKind.TIMEOUT, "duration": timedelta(days=28, seconds=1)},
        {"kind": SanctionKind.KICK, "delete_messages": DAY},
        {"kind": SanctionKind.BAN, "delete_messages": timedelta(days=7, seconds=1)},
        {"kind": SanctionKind.BAN, "delete_messages": timedelta(seconds=-1)},
    ],
)
def test_what_discord_would_refuse_is_no_order(wrong: dict):
    with pytest.raises(ValueError, match=r"timeout|ban"):
        SanctionOrder(**wrong)


def test_what_discord_takes_at_most_is_an_order():
    assert SanctionOrder(SanctionKind.TIMEOUT, timedelta(days=28)).kind.lasting
    assert SanctionOrder(SanctionKind.BAN, delete_messages=timedelta(days=7)).kind.lasting
    assert not SanctionOrder(SanctionKind.WARN).kind.lasting
    assert not SanctionOrder(SanctionKind.KICK).kind.lasting
