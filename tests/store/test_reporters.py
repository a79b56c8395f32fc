from bot.model import Language, Reporter
from bot.store.engine import Store

from .samples import DAY, GUILD, NOW, OTHER_GUILD

ONE, TWO = b"1" * 16, b"2" * 16


async def test_what_is_not_changed_stays(store: Store):
    async with store.write() as tx:
        assert await tx.reporters.get(GUILD, ONE) == Reporter(GUILD, ONE)
        await tx.reporters.change(GUILD, ONE, silent=True)
        await tx.reporters.change(GUILD, ONE, muted_until=NOW + DAY, muted_by=40)
        await tx.reporters.change(GUILD, TWO, left_at=NOW)
        muted = Reporter(GUILD, ONE, silent=True, muted_until=NOW + DAY, muted_by=40)
        found = await tx.reporters.some(GUILD, [ONE, TWO])
        assert found == {ONE: muted, TWO: Reporter(GUILD, TWO, left_at=NOW)}
        assert await tx.reporters.get(OTHER_GUILD, ONE) == Reporter(OTHER_GUILD, ONE)


async def test_a_guide_for_each_language(store: Store):
    async with store.write() as tx:
        await tx.guides.save(GUILD, Language.KOREAN, "one")
        await tx.guides.save(GUILD, Language.KOREAN, "two")
        await tx.guides.save(GUILD, Language.ENGLISH, "three")
        assert await tx.guides.get(GUILD, Language.KOREAN) == "two"
        assert await tx.guides.get(OTHER_GUILD, Language.KOREAN) is None
        assert await tx.guides.languages(GUILD) == [Language.ENGLISH, Language.KOREAN]
        await tx.guides.save(GUILD, Language.KOREAN, None)
        assert await tx.guides.get(GUILD, Language.KOREAN) is None
