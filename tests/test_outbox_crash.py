"""A dispatcher that is killed at any step loses nothing, and nothing that a person would see happens twice."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked on this system")

KINDS = ("delete_message", "post_card", "edit_card")
STEPS = {"claimed, not committed"} | {
    f"{step} {kind}{end}"
    for kind in KINDS
    for step, end in (("before", ""), ("after", ""), ("done", ", not committed"), ("done", ""))
}


async def reports(url: str, folder: Path, how: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.outbox_crash",
        url,
        str(folder),
        how,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in out.decode().splitlines()]


async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(database_url: str, tmp_path: Path):
    found = await reports(database_url, tmp_path, "careful")
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
    found = await reports(sqlite_url, tmp_path, "careless")
    doubled = {report["step"] for report in found if len(report["cards"]) > 1}
    assert doubled == {"after post_card", "done post_card, not committed"}
