"""Several moderators, new copies and the outbox at once, in any order: nothing is lost and nothing happens twice."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from .stage import PRESSED, Press, Stage, script_of

# Every script is as likely as every other one: of what it makes itself, hypothesis would repeat the shortest.
SCRIPTS = st.integers(0, 2**64 - 1).map(lambda seed: script_of(random.Random(seed)))


def play_all(url: str, number: int) -> Counter[str]:
    with asyncio.Runner() as runner:
        opening = Stage.open(url)
        stage = runner.run(opening.__aenter__())

        @settings(
            max_examples=number,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(script=SCRIPTS, refused=st.booleans())
        def scenes(script: list[list[Press]], refused: bool) -> None:
            runner.run(stage.play(script, refused=refused))

        try:
            with capture_logs() as logs:
                scenes()
            assert stage.played >= number
            assert {entry["event"] for entry in logs} <= {"outbox.gave_up"}, "nobody was in anybody's way"
        finally:
            runner.run(opening.__aexit__(None, None, None))
    return stage.outcomes


def assert_happened(outcomes: Counter[str], *actions: str) -> None:
    """A test in which every press of a kind is refused would show nothing about it."""
    for action in actions:
        assert outcomes[action] > 0, action
    assert any(outcome.endswith("StaleCaseError") for outcome in outcomes)


def test_a_thousand_interleavings_on_sqlite(migrated_sqlite: Path, tmp_path: Path):
    outcomes: Counter[str] = Counter()
    for number in range(10):
        path = tmp_path / f"{number}.db"
        shutil.copyfile(migrated_sqlite, path)
        outcomes += play_all(f"sqlite:///{path}", 100)
    assert_happened(outcomes, *PRESSED)


def test_interleavings_on_postgresql_where_transactions_overlap(postgres_url: str):
    outcomes = play_all(postgres_url, 60)
    assert_happened(outcomes, "confirm and time out", "duplicate of the other", "undo")
