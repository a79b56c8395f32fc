from bot.model import Category
from bot.store.engine import Store

from .samples import GUILD, MINUTE, NOW, open_case


async def test_a_member_reports_a_case_once(store: Store):
    async with store.write() as tx:
        case, other = await open_case(tx), await open_case(tx)
        first = await tx.reports.add(case.id, GUILD, 2**63 - 1, Category.HARASSMENT, NOW)
        assert await tx.reports.add(case.id, GUILD, 2**63 - 1, Category.SCAM, NOW + MINUTE) is None
        second = await tx.reports.add(case.id, GUILD, 7, Category.SCAM, NOW + MINUTE)
        elsewhere = await tx.reports.add(other.id, GUILD, 7, Category.SCAM, NOW)
    assert first is not None
    assert (first.reporter_id, first.category, first.created_at) == (2**63 - 1, Category.HARASSMENT, NOW)
    async with store.read() as tx:
        assert await tx.reports.by_case(case.id) == [first, second]
        assert await tx.reports.by_case(other.id) == [elsewhere]
        assert await tx.reports.count_by_case(case.id) == 2


async def test_the_outcome_is_told_once(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        report = await tx.reports.add(case.id, GUILD, 7, Category.SCAM, NOW)
        assert report is not None
        assert await tx.reports.mark_outcome(report.id)
        assert not await tx.reports.mark_outcome(report.id)
        assert [kept.outcome_sent for kept in await tx.reports.by_case(case.id)] == [True]
