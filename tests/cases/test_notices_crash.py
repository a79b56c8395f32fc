"""A bot that is killed at any step of a removal, a decision and an appeal tells its author everything, and once."""

from pathlib import Path

from tests.crashes import needs_fork, reports

pytestmark = needs_fork

STEPS = {"claimed, not committed"} | {
    f"{step} {kind}{end}"
    for kind in ("delete_message", "notify", "timeout")
    for step, end in (("before", ""), ("after", ""), ("done", ", not committed"), ("done", ""))
}


async def test_a_crash_at_any_step_leaves_nobody_untold_and_tells_nobody_twice(database_url: str, tmp_path: Path):
    found = await reports("tests.cases.notices_crash", database_url, tmp_path)
    assert {report["step"] for report in found} == STEPS
    for report in found:
        assert report == {
            "step": report["step"],
            "pending": 0,
            "state": "closed",
            "message_stands": False,
            "told": [
                "A moderator decided about your",
                "Your appeal about your message",
                "Your message with a picture in",
            ],
            "sanctions": ["done"],
            "outcomes": ["upheld"],
        }
