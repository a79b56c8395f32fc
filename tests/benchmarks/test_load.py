"""A tiny flood through the real bot: the program runs, and its last line says what came of it."""

from __future__ import annotations

import json
import math
from io import BytesIO

import pytest
from PIL import Image

from benchmarks import load
from benchmarks.flood import SHARES, Upload
from benchmarks.measure import slope
from bot.demo import pictures
from bot.matching.extract import extract
from bot.matching.query import Wanted


def test_a_flood_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    load.main(pictures=20, accounts=3, channels=2, seconds=1.0, rest=2, looks=3, soak=None, peer=False, as_json=True)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: figures[name] for name in ("pictures", "blocked", "lost", "not_deleted", "wrongly_deleted")} == {
        "pictures": 20,
        "blocked": 2,
        "lost": 0,
        "not_deleted": 0,
        "wrongly_deleted": 0,
    }
    for name in ("p50_ms", "p99_ms", "quiet_p99_ratio", "peak_rss_mb", "loop_lag_p99_ms"):
        assert figures[name] > 0
    assert figures["aims_held"].keys() == load.AIMS.keys()


def test_an_upload_is_the_same_picture_in_a_file_of_its_own() -> None:
    file = pictures.encode(pictures.picture(1, (320, 400)))
    first, second = Upload(file), Upload(file)
    assert bytes(first) != bytes(second)
    assert len(bytes(first)) == len(first)
    shown = [extract(Image.open(BytesIO(data)), Wanted.NOTHING, sha256=b"") for data in (file, bytes(first))]
    assert shown[0].fingerprint == shown[1].fingerprint


def test_shares_are_of_a_hundred() -> None:
    assert sum(SHARES.values()) == 100


def test_a_slope_is_growth_in_a_second() -> None:
    assert slope([(at, 5 + 2 * at) for at in range(10)]) == pytest.approx(2)
    assert math.isnan(slope([(1, 1)]))
