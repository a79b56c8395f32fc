"""A bot that is killed at any step between a report and its outcome tells every reporter, and each of them once."""

from pathlib import Path

from tests.crashes import needs_fork, reports

pytestmark = needs_fork

STEPS = {
    "reported, not committed",
    "decided, not committed",
    "claimed, not committed",
    "before notify",
    "after notify",
    "done, not committed",
    "done",
}


async def test_a_crash_at_any_step_leaves_nobody_untold_and_tells_nobody_twice(database_url: str, tmp_path: Path):
    found = await reports("tests.reports.outcome_crash", database_url, tmp_path)
    assert {report["step"] for report in found} == STEPS
    for report in found:
        assert report == {
            "step": report["step"],
            "pending": 0,
            "state": "decided",
            "sent": [True, True],
            "told": [1, 1],
        }
