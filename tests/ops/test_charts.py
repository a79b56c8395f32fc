"""The chart of a server's numbers: the right size, the same every time, off the event loop, and described in words."""

from __future__ import annotations

import asyncio
import io
import struct
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from bot.model import DayNumbers, Numbers
from bot.ops import charts

FIRST = date(2026, 9, 1)
HOUR = timedelta(hours=1)


def days(number: int, **changes) -> tuple[DayNumbers, ...]:
    return tuple(
        DayNumbers(
            FIRST + timedelta(days=day),
            **(
                {"scanned": 100 + day, "removed": day % 5, "reviewed": day % 3, "mistaken": day % 2, "median": HOUR}
                | changes
            ),
        )
        for day in range(number)
    )


def numbers(of: tuple[DayNumbers, ...]) -> Numbers:
    since = datetime(2026, 9, 1, tzinfo=UTC)
    return Numbers(10, since, since + timedelta(days=len(of)), of)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has(png: bytes, colour: str) -> bool:
    """Whether the colour is on the chart, not only blended at an edge."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((pixels(png) == wanted).all(axis=2).sum()) > 20


HUGE = {"scanned": 2**62, "removed": 10**15, "reviewed": 10**12, "mistaken": 10**9, "median": timedelta(days=4000)}
NONE = {"scanned": 0, "removed": 0, "reviewed": 0, "mistaken": 0, "median": None}


@pytest.mark.parametrize("number", [1, 7, 30, 90])
@pytest.mark.parametrize("changes", [{}, HUGE, NONE, {"median": timedelta(0)}])
def test_it_is_a_png_as_wide_as_sharp_screens_need_it(number, changes):
    png = charts.png(days(number, **changes))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (800, 960)
    assert len(png) < 200_000


def test_the_same_numbers_are_the_same_bytes():
    assert charts.png(days(30)) == charts.png(days(30))
    assert charts.png(days(30)) != charts.png(days(30, removed=9))


def test_its_ground_is_opaque_so_that_it_reads_in_light_and_dark_clients():
    picture = Image.open(io.BytesIO(charts.png(days(7)))).convert("RGBA")
    assert picture.getchannel("A").getextrema() == (255, 255)
    assert picture.getpixel((0, 0)) == (0x23, 0x26, 0x2B, 255)


@pytest.mark.parametrize(
    ("series", "colour"),
    [("removed", charts.ORANGE), ("reviewed", charts.GREEN), ("mistaken", charts.YELLOW)],
)
def test_every_series_is_drawn(series, colour):
    drawn, legend = charts.png(days(7, **(NONE | {series: 3}))), charts.png(days(7, **NONE))
    count = [
        (pixels(png) == [int(colour[place : place + 2], 16) for place in (1, 3, 5)]).all(axis=2).sum()
        for png in (drawn, legend)
    ]
    assert count[0] > count[1] + 100


@pytest.mark.parametrize("series", ["scanned", "median"])
def test_pictures_and_times_are_drawn(series):
    value = HOUR if series == "median" else 3
    assert has(charts.png(days(7, **(NONE | {series: value}))), charts.BLUE)
    assert not has(charts.png(days(7, **NONE)), charts.BLUE)


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", ["INK", "FAINT", "BLUE", "ORANGE", "YELLOW", "GREEN"])
def test_everything_stands_out_from_the_ground(colour):
    bright, dark = luminance(getattr(charts, colour)), luminance(charts.GROUND)
    assert (bright + 0.05) / (dark + 0.05) > 4.5


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (6, 6), (7, 10), (11, 20), (60, 60), (61, 100), (2_345, 4_000)],
)
def test_axes_end_at_round_numbers(most, top):
    assert charts._round_up(most) == top


@pytest.mark.parametrize(
    ("number", "label"), [(0, "0"), (5, "5"), (999, "999"), (1500, "1.5k"), (20_000_000, "20M"), (10**19, "10E")]
)
def test_labels_are_short(number, label):
    assert charts._short(number) == label


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=40), "40 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=12, seconds=20), "12 min"),
        (timedelta(minutes=59, seconds=40), "1 h"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(hours=23, minutes=59, seconds=50), "1 day"),
        (timedelta(days=2, hours=4), "2 days 4 h"),
        (timedelta(days=4000), "4,000 days"),
    ],
)
def test_times_are_said_in_one_or_two_units(time, words):
    assert charts.span(time) == words


def test_it_is_described_for_those_who_cannot_see_it():
    of = (
        *days(6, scanned=5, removed=2, reviewed=1, mistaken=0),
        DayNumbers(date(2026, 9, 7), 1_000, 1, 1, 1, 3 * HOUR),
    )
    assert charts.alternative(numbers(of)) == (
        "Chart of 1 September 2026 to 7 September 2026. 1,030 pictures checked, most of them (1,000) on 7 September "
        "2026. 13 removed, 7 cases decided, 1 of them removed by mistake. Median time to decision between 1 h on the "
        "fastest day and 3 h on the slowest."
    )
    assert charts.alternative(numbers(days(7, **NONE))) == (
        "Chart of 1 September 2026 to 7 September 2026. No pictures were checked. 0 removed, 0 cases decided, 0 of "
        "them removed by mistake."
    )
    assert len(charts.alternative(numbers(days(90, **HUGE)))) <= charts.LONGEST_ALTERNATIVE


async def test_it_is_drawn_off_the_event_loop_and_one_at_a_time(monkeypatch):
    drawing: list[int] = []
    loop_thread = threading.get_ident()
    entered, release = threading.Event(), threading.Event()

    def slow(of):
        assert threading.get_ident() != loop_thread
        drawing.append(len(of))
        entered.set()
        release.wait()
        drawing.append(-len(of))
        return b""

    monkeypatch.setattr(charts, "png", slow)
    room = charts.Charts()
    tasks = [asyncio.create_task(room.draw(numbers(days(number)))) for number in (1, 2, 3)]
    await asyncio.to_thread(entered.wait)
    await asyncio.sleep(0)
    assert drawing == [1]
    release.set()
    await asyncio.gather(*tasks)
    assert drawing == [1, -1, 2, -2, 3, -3]


PROGRAM = """
import sys
import bot.app, bot.ops.charts, cogs.stats
assert not [name for name in sys.modules if name.startswith("matplotlib")], "imported at the start"
from datetime import date
from bot.model import DayNumbers
bot.ops.charts.png([DayNumbers(date(2026, 9, 1))])
assert "matplotlib.figure" in sys.modules
assert "matplotlib.pyplot" not in sys.modules, "figures of pyplot are never freed"
"""


def test_matplotlib_comes_with_the_first_chart_and_without_pyplot():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_its_list_of_fonts_goes_where_the_program_keeps_such_things(tmp_path):
    """A service may have no home that it can write to; its cache folder is given by the environment."""
    program = PROGRAM + "import matplotlib; print(matplotlib.get_cachedir())"
    environment = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / "stanguard" / "matplotlib")
