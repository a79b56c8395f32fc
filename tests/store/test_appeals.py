import asyncio

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import Appeal, AppealOutcome
from bot.store import tables
from bot.store.engine import Store, Tx
from bot.store.tables import appeals

from .samples import DAY, GUILD, MINUTE, NOW, expire, open_case

AUTHOR, MODERATOR = 2**63 - 1, 2**60
WORDS = "It is my own drawing. 그림이에요."


async def appeal(
    tx: Tx, case_id: int, *, author_id: int = AUTHOR, number: int = 1, guild_id: int = GUILD
) -> Appeal | None:
    return await tx.appeals.add(
        case_id=case_id, guild_id=guild_id, author_id=author_id, decision_number=number, statement=WORDS, at=NOW
    )


async def test_an_appeal_keeps_everything_and_its_words_lie_sealed(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        made = await appeal(tx, case.id, number=0)
    assert made == Appeal(1, case.id, GUILD, AUTHOR, 0, WORDS, NOW)
    async with store.read() as tx:
        assert await tx.appeals.by_case(case.id) == [made]
        sealed = await tx.connection.scalar(sa.select(appeals.c.statement))
    assert b"drawing" not in sealed


async def test_an_author_appeals_each_decision_once(store: Store):
    async with store.write() as tx:
        case, other = await open_case(tx), await open_case(tx)

    async def press():
        async with store.write() as tx:
            return await appeal(tx, case.id)

    made = await asyncio.gather(*(press() for _ in range(6)))
    assert sum(one is not None for one in made) == 1
    async with store.write() as tx:
        assert await appeal(tx, case.id, number=2) is not None
        assert await appeal(tx, case.id, author_id=7) is not None
        assert await appeal(tx, other.id) is not None
        assert await appeal(tx, case.id, number=2) is None


async def test_an_answer_is_given_once_to_all_who_wait(store: Store):
    async with store.write() as tx:
        case, other = await open_case(tx), await open_case(tx)
        await appeal(tx, case.id)
        await appeal(tx, case.id, author_id=7)
        await appeal(tx, other.id)
    async with store.write() as tx:
        answered = await tx.appeals.answer(case.id, AppealOutcome.OVERTURNED, MODERATOR, NOW + MINUTE)
        assert [(one.author_id, one.outcome, one.answered_by, one.answered_at) for one in answered] == [
            (AUTHOR, AppealOutcome.OVERTURNED, MODERATOR, NOW + MINUTE),
            (7, AppealOutcome.OVERTURNED, MODERATOR, NOW + MINUTE),
        ]
        assert await tx.appeals.answer(case.id, AppealOutcome.UPHELD, 9, NOW + DAY) == []
        assert await tx.appeals.by_case(case.id) == answered
        assert [one.outcome for one in await tx.appeals.by_case(other.id)] == [None]


async def test_without_the_vault_nothing_is_kept_and_no_word_is_read(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await appeal(tx, case.id)
    bare = await Store.open(store.url, migrate=False)
    async with bare.read() as tx:
        assert [one.statement for one in await tx.appeals.by_case(case.id)] == [None]
    with pytest.raises(DatabaseError, match="vault's key"):
        async with bare.write() as tx:
            await appeal(tx, case.id, number=2)
    await bare.close()


async def test_words_that_were_moved_to_another_appeal_are_not_read_as_its_own(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await appeal(tx, case.id)
        await tx.connection.execute(appeals.update().values(author_id=7))
        assert [one.statement for one in await tx.appeals.by_case(case.id)] == [None]


async def test_a_purged_case_takes_its_appeals_with_it(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await appeal(tx, case.id)
        await tx.cases.compare_and_set(case.id, 1, state=case.state.DECIDED, decided_at=NOW - DAY)
        assert await expire(tx, tables.cases, NOW) == 1
        assert await tx.appeals.by_case(case.id) == []
