import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.guilds import GuildService
from bot.model import CaseState, Category, GuildSettings, Strictness
from bot.store import tables
from bot.store.engine import Store, Tx
from bot.store.looking import Exposure, Exposures
from bot.store.tables import cases

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, expire, open_case

MINA, HANA = 2**60 + 1, 2**60 + 2
THUMBHASH = bytes(range(24))


async def face(tx: Tx, case_id: int = 1, *, user_id: int = MINA, guild_id: int = GUILD, minutes: int = 0, **changes):
    kind = changes.get("kind", Exposure.REVEALED)
    await tx.looking.add(guild_id=guild_id, user_id=user_id, case_id=case_id, at=NOW - minutes * MINUTE, kind=kind)


async def test_exposures_are_counted_for_one_person_in_one_guild(store: Store):
    async with store.write() as tx:
        await face(tx, 1, minutes=1)
        await face(tx, 1, minutes=5)
        await face(tx, 2, minutes=90)
        await face(tx, 3, minutes=2, kind=Exposure.DECIDED)
        await face(tx, 4, user_id=HANA)
        await face(tx, 5, guild_id=OTHER_GUILD)
    async with store.read() as tx:
        assert await tx.looking.count(GUILD, MINA, NOW - 60 * MINUTE) == Exposures(revealed=2, decided=1)
        assert await tx.looking.count(GUILD, MINA, NOW - DAY) == Exposures(revealed=3, decided=1)
        assert await tx.looking.count(GUILD, 5, NOW - DAY) == Exposures(0, 0)
        assert await tx.looking.times(GUILD, MINA, Exposure.REVEALED, NOW - DAY) == [
            NOW - minutes * MINUTE for minutes in (1, 5, 90)
        ]
        assert await tx.looking.count_cases(GUILD, MINA, NOW - 60 * MINUTE) == 2
        assert await tx.looking.count_cases(GUILD, MINA, NOW - 2 * MINUTE) == 1


async def test_exposures_are_forgotten_after_their_time(store: Store):
    async with store.write() as tx:
        for minutes in (0, 59, 60, 61):
            await face(tx, minutes=minutes)
        assert await expire(tx, tables.exposures, NOW - 60 * MINUTE) == 1
        assert await tx.looking.count(GUILD, MINA, NOW - DAY) == Exposures(3, 0)


async def test_what_a_person_opted_out_of_is_kept_changed_and_forgotten(store: Store):
    both = {Category.SCAM, Category.NCII_REAL}
    async with store.write() as tx:
        assert await tx.looking.opted_out(GUILD, MINA) == frozenset()
        await tx.looking.opt_out(GUILD, MINA, both)
        await tx.looking.opt_out(OTHER_GUILD, MINA, [Category.OTHER])
    async with store.write() as tx:
        assert await tx.looking.opted_out(GUILD, MINA) == both
        assert await tx.looking.opted_out(GUILD, HANA) == frozenset()
        await tx.looking.opt_out(GUILD, MINA, [Category.SCAM])
        assert await tx.looking.opted_out(GUILD, MINA) == {Category.SCAM}
        await tx.looking.opt_out(GUILD, MINA, [])
        assert await tx.looking.opted_out(GUILD, MINA) == frozenset()
        assert await tx.looking.opted_out(OTHER_GUILD, MINA) == {Category.OTHER}


async def test_a_person_is_forgotten_in_one_guild_and_nobody_else_is(store: Store):
    async with store.write() as tx:
        for user_id, guild_id in ((MINA, GUILD), (MINA, OTHER_GUILD), (HANA, GUILD)):
            await face(tx, user_id=user_id, guild_id=guild_id)
            await tx.looking.opt_out(guild_id, user_id, [Category.SCAM])
    async with store.write() as tx:
        assert await tx.looking.erase(GUILD, MINA) == 1
    async with store.read() as tx:
        for user_id, guild_id, left in ((MINA, GUILD, 0), (MINA, OTHER_GUILD, 1), (HANA, GUILD, 1)):
            assert (await tx.looking.count(guild_id, user_id, NOW - DAY)).revealed == left
            assert len(await tx.looking.opted_out(guild_id, user_id)) == left


# ------------------------------------------------------------------------------------------------- renderings of cases


async def allow(tx: Tx, *guild_ids: int, reveal: bool = True) -> None:
    for guild_id in guild_ids:
        await tx.guilds.save(GuildSettings(guild_id, reveal=reveal))


async def kept(tx: Tx, case_id: int) -> bytes | None:
    return (await tx.cases.touch(case_id)).thumbhash


async def test_a_case_keeps_its_first_rendering(store: Store):
    async with store.write() as tx:
        await allow(tx, GUILD)
        case = await open_case(tx)
        await tx.cases.keep_thumbhash(case.id, THUMBHASH)
        await tx.cases.keep_thumbhash(case.id, THUMBHASH[::-1])
        assert await kept(tx, case.id) == THUMBHASH
        assert (await tx.cases.touch(case.id)).version == case.version


@pytest.mark.parametrize("why", ["lane", "decided", "off", "never set up"])
async def test_no_rendering_is_kept_where_there_must_be_none(store: Store, why: str):
    async with store.write() as tx:
        if why != "never set up":
            await allow(tx, GUILD, reveal=why != "off")
        case = await open_case(tx)
        if why == "lane":
            await tx.cases.compare_and_set(case.id, 1, category=Category.MINOR_SUSPECTED)
        if why == "decided":
            await tx.cases.compare_and_set(case.id, 1, state=CaseState.DECIDED, decided_at=NOW)
        await tx.cases.keep_thumbhash(case.id, THUMBHASH)
        assert await kept(tx, case.id) is None


@pytest.mark.parametrize(
    "values", [{"thumbhash": THUMBHASH, "category": Category.MINOR_SUSPECTED}, {"thumbhash": bytes(33)}]
)
async def test_the_database_itself_refuses_a_rendering_of_a_suspected_minor_and_one_that_is_too_fine(
    store: Store, values: dict[str, object]
):
    async with store.write() as tx:
        case = await open_case(tx)
    with pytest.raises(DatabaseError):
        async with store.write() as tx:
            await tx.connection.execute(cases.update().where(cases.c.id == case.id).values(**values))


async def test_a_guild_that_allows_none_any_more_has_none(store: Store):
    guilds = GuildService(store, Strictness.STANDARD)
    async with store.write() as tx:
        await allow(tx, GUILD, OTHER_GUILD)
        mine = [await open_case(tx), await open_case(tx)]
        foreign = await open_case(tx, guild_id=OTHER_GUILD)
        for case in (*mine, foreign):
            await tx.cases.keep_thumbhash(case.id, THUMBHASH)
    await guilds.change(GUILD, tell_authors=False)
    async with store.read() as tx:
        assert await kept(tx, mine[0].id) == THUMBHASH
    await guilds.change(GUILD, reveal=False)
    async with store.read() as tx:
        left = (await tx.connection.execute(sa.select(cases.c.id).where(cases.c.thumbhash.is_not(None)))).scalars()
        assert list(left) == [foreign.id]
    async with store.write() as tx:
        assert await tx.cases.drop_thumbhashes(OTHER_GUILD) == 1
        assert await tx.cases.drop_thumbhashes(OTHER_GUILD) == 0
