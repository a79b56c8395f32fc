"""A dispatcher that is killed at any step loses nothing, and nothing that a person would see happens twice."""

from pathlib import Path

from tests.crashes import needs_fork, reports

pytestmark = needs_fork

KINDS = ("delete_message", "post_card", "edit_card")
STEPS = {"claimed, not committed"} | {
    f"{step} {kind}{end}"
    for kind in KINDS
    for step, end in (("before", ""), ("after", ""), ("done", ", not committed"), ("done", ""))
}


async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(database_url: str, tmp_path: Path):
    found = await reports("tests.outbox_crash", database_url, tmp_path, "careful")
    assert {report["step"] for report in found} == STEPS
    for report in found:
        assert report == {
            "step": report["step"],
            "pending": 0,
            "events": sorted(KINDS),
            "message_stands": False,
            "cards": ["edited"],
        }


async def test_without_looking_first_a_crash_would_double_a_card(sqlite_url: str, tmp_path: Path):
    found = await reports("tests.outbox_crash", sqlite_url, tmp_path, "careless")
    doubled = {report["step"] for report in found if len(report["cards"]) > 1}
    assert doubled == {"after post_card", "done post_card, not committed"}
