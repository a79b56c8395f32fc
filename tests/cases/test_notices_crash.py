"""A bot that is killed at any step of a removal, a decision and an appeal tells its author everything, and once."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked on this system")

STEPS = {"claimed, not committed"} | {
    f"{step} {kind}{end}"
    for kind in ("delete_message", "notify", "timeout")
    for step, end in (("before", ""), ("after", ""), ("done", ", not committed"), ("done", ""))
}


async def test_a_crash_at_any_step_leaves_nobody_untold_and_tells_nobody_twice(database_url: str, tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.cases.notices_crash",
        database_url,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found = [json.loads(line) for line in out.decode().splitlines()]
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
