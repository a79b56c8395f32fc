"""The latest moment of the end, in a process of its own: it is what ends the process."""

import subprocess
import sys

import pytest

STUCK = """
import sys, threading
from bot.cli import ending
ending.LONGEST_END = 0.1
deadline = ending.Deadline()
for said in sys.argv[1:]:
    getattr(deadline, said)()
threading.Event().wait()
"""


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (["begins"], 2, "stanguard: It did not end in time and was stopped;"),
        (["begins", "begins"], 2, "stanguard: It did not end in time and was stopped;"),
        (["begins", "closed"], 0, ""),
    ],
    ids=["stuck", "stuck, and asked twice", "all is closed"],
)
def test_a_process_that_does_not_end_by_itself_is_ended(said: list[str], status: int, words: str) -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK, *said], capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert ended.stderr.startswith(words)
    assert bool(ended.stderr) == bool(words)
