"""Texts that are compared with files to the letter, so that a change of them is seen by whoever reviews it.

``STANGUARD_WRITE_SNAPSHOTS=1 uv run pytest PATH`` writes the files anew: read their diff before you commit it.
"""

import os
from pathlib import Path

WRITE = "STANGUARD_WRITE_SNAPSHOTS"


def same_as_stored(path: Path, text: str) -> bool:
    """Whether a file holds this text and a line break after it; with the variable set the file is written first."""
    if os.environ.get(WRITE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return path.read_text(encoding="utf-8") == f"{text}\n"
