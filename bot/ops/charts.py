"""The chart of a guild's numbers as a PNG: three panels over the same days, on a ground of its own.

It is looked at on telephones, where Discord shows it 300 to 400 units wide in a frame, so it is drawn for 320 units and
with the pixels of a sharp screen. The ground is dark and opaque, so that it reads the same in light and dark clients.
The colours are Okabe and Ito's, which people of every colour vision tell apart (https://jfly.uni-koeln.de/color/);
series differ by shape as well.

Matplotlib takes half a second and 40 MB to import, so that happens with the first chart and not at the start.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import platformdirs

from bot.model import DayNumbers, Numbers

Axes = Any
Figure = Any
"""Matplotlib's own classes: it is not imported here, and its types are too incomplete to check against."""

WIDTH, HEIGHT = 320, 384
"""Units, as Discord counts them."""

SCALE = 2.5
"""Pixels to the unit."""

_UNITS_PER_INCH = 72.0
_CACHE_VARIABLE = "MPLCONFIGDIR"

GROUND, INK, FAINT, LINE = "#23262b", "#f2f3f5", "#b5bac1", "#43474f"
BLUE, ORANGE, YELLOW, GREEN = "#56b4e9", "#e69f00", "#f0e442", "#2fc79a"
FONT = "DejaVu Sans"
"""Comes with matplotlib, so that the same numbers are the same bytes everywhere."""

LINEAR = 20
"""Up to so many a day, heights are in proportion; above, they are square roots."""

LONGEST_ALTERNATIVE = 1024
"""Characters that Discord takes as the description of an attachment."""

_TIMES = (
    (timedelta(minutes=1), "1 min"),
    (timedelta(minutes=10), "10 min"),
    (timedelta(hours=1), "1 h"),
    (timedelta(hours=6), "6 h"),
    (timedelta(days=1), "1 day"),
    (timedelta(days=7), "7 days"),
    (timedelta(days=30), "30 days"),
)
"""Where a time is written at the axis of times, which is logarithmic: a minute and a day have to fit on it."""


class Charts:
    """Draws charts in a thread, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def draw(self, numbers: Numbers) -> bytes:
        """The chart of these numbers as a PNG; what it shows in words is :func:`alternative`."""
        async with self._turn:
            return await asyncio.to_thread(png, numbers.days)


def alternative(numbers: Numbers) -> str:
    """What the chart shows, for people who cannot see it."""
    days = numbers.days
    busiest = max(days, key=lambda day: day.scanned)
    scanned, removed = sum(day.scanned for day in days), sum(day.removed for day in days)
    reviewed, mistaken = sum(day.reviewed for day in days), sum(day.mistaken for day in days)
    parts = [f"Chart of {_written(days[0].day)} to {_written(days[-1].day)}."]
    if scanned:
        parts.append(f"{scanned:,} pictures checked, most of them ({busiest.scanned:,}) on {_written(busiest.day)}.")
    else:
        parts.append("No pictures were checked.")
    parts.append(f"{removed:,} removed, {reviewed:,} cases decided, {mistaken:,} of them removed by mistake.")
    medians = [day.median for day in days if day.median is not None]
    if medians:
        parts.append(
            f"Median time to decision between {span(min(medians))} on the fastest day and {span(max(medians))} on the "
            "slowest."
        )
    return " ".join(parts)[:LONGEST_ALTERNATIVE]


def _written(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def span(time: timedelta) -> str:
    """A time as people say it, in one or two units: ``40 s``, ``12 min``, ``3 h 20 min``, ``2 days 4 h``."""
    seconds = round(time.total_seconds())
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(hours + minutes / 60), 24)
    name = "1 day" if days == 1 else f"{days:,} days"
    return f"{name} {hours} h" if hours else name


def png(days: Sequence[DayNumbers]) -> bytes:
    """Draw the chart. Slow, and one at a time: matplotlib's text layout has one state for all threads."""
    figure = _figure()
    scanned, acted, took = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": (1.0, 1.15, 1.1)})
    figure.subplots_adjust(left=0.165, right=0.94, top=0.925, bottom=0.07, hspace=0.43)
    bars = _bars(days)
    length = "week" if len(bars) < len(days) else "day"
    _frame(scanned, f"Pictures checked each {length}")
    _columns(scanned, bars, [bar.scanned for bar in bars], BLUE, "checked")
    _counts(scanned, max((bar.scanned for bar in bars), default=0))
    _frame(acted)
    _acted(acted, bars)
    _frame(took, "Median time to decision")
    _took(took, days)
    _dates(took, [day.day for day in days])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_UNITS_PER_INCH * SCALE, facecolor=GROUND, metadata={"Software": None})
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Bar:
    """The counts of a day, or of a week where there are too many days to tell apart. Places are days from the first."""

    place: float
    width: float
    scanned: int
    removed: int
    reviewed: int
    mistaken: int


def _bars(days: Sequence[DayNumbers]) -> list[_Bar]:
    """One bar a day up to a month; beyond that one a week, of which the last ends with the last day."""
    length = 1 if len(days) <= 31 else 7
    bars: list[_Bar] = []
    for end in range(len(days), 0, -length):
        start = max(0, end - length)
        part = days[start:end]
        bars.append(
            _Bar(
                place=(start + end - 1) / 2,
                width=(end - start) * 0.72,
                scanned=sum(day.scanned for day in part),
                removed=sum(day.removed for day in part),
                reviewed=sum(day.reviewed for day in part),
                mistaken=sum(day.mistaken for day in part),
            )
        )
    return bars[::-1]


def _figure() -> Figure:
    """An empty figure with a canvas of its own: nothing is registered with pyplot, whose figures are never freed."""
    if not os.environ.get(_CACHE_VARIABLE):
        # Its list of fonts takes seconds to make. It goes where the rest of the program keeps what it made; where that
        # cannot be written, matplotlib takes a folder for the time being.
        folder = Path(platformdirs.user_cache_dir("stanguard", appauthor=False)) / "matplotlib"
        os.environ[_CACHE_VARIABLE] = str(folder)
    figures = importlib.import_module("matplotlib.figure")
    agg = importlib.import_module("matplotlib.backends.backend_agg")
    figure = figures.Figure(figsize=(WIDTH / _UNITS_PER_INCH, HEIGHT / _UNITS_PER_INCH), facecolor=GROUND)
    agg.FigureCanvasAgg(figure)
    return figure


def _frame(axes: Axes, title: str = "") -> None:
    """The looks that the panels share: faint horizontal lines, a title on the left, nothing around."""
    axes.set_facecolor(GROUND)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.set_axisbelow(True)
    axes.grid(visible=True, axis="y", color=LINE, linewidth=0.8)
    axes.tick_params(axis="both", length=0, labelsize=10, labelcolor=FAINT, labelfontfamily=FONT, pad=3)
    axes.set_title(title, loc="left", color=INK, fontsize=11.5, fontfamily=FONT, fontweight="bold", pad=7)


def _columns(axes: Axes, bars: Sequence[_Bar], heights: Sequence[int], colour: str, label: str) -> None:
    axes.bar(
        [bar.place for bar in bars],
        [float(height) for height in heights],
        width=[bar.width for bar in bars],
        color=colour,
        linewidth=0,
        label=label,
    )


def _counts(axes: Axes, most: int) -> None:
    """An axis of counts from nought to a round number, with three short labels."""
    top = _round_up(most)
    axes.set_ylim(0, top * 1.04)
    ticks = (0, top // 2, top)
    axes.set_yticks([float(tick) for tick in ticks], [_short(tick) for tick in ticks])


def _root_counts(axes: Axes, most: int) -> None:
    """An axis of counts on which a raid does not flatten the other days: the heights are square roots."""
    top = _round_up(most)
    axes.set_yscale("function", functions=(_root, _square))
    axes.set_ylim(0, top * 1.04)
    ticks = (0, top // 10, 4 * top // 10, top)
    axes.set_yticks([float(tick) for tick in ticks], [_short(tick) for tick in ticks])


def _root(values: Any) -> Any:  # noqa: ANN401 - an array of numpy's
    return values.clip(min=0) ** 0.5


def _square(values: Any) -> Any:  # noqa: ANN401 - an array of numpy's
    return values**2


def _round_up(number: int) -> int:
    """The next of 2, 4, 6, 10, 20, 40, 60, 100 and so on: its half is round as well."""
    unit = 1
    while number > 10 * unit:
        unit *= 10
    return next(step * unit for step in (2, 4, 6, 10) if number <= step * unit)


def _short(number: int) -> str:
    """A number in at most four characters: ``950``, ``1.5k``, ``20M``."""
    for power, letter in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g}{letter}"
    return f"{number:g}"


def _acted(axes: Axes, bars: Sequence[_Bar]) -> None:
    """What was removed as bars, what was decided as a line, and what should not have been removed as crosses."""
    _columns(axes, bars, [bar.removed for bar in bars], ORANGE, "removed")
    axes.plot(
        [bar.place for bar in bars],
        [float(bar.reviewed) for bar in bars],
        color=GREEN,
        linewidth=1.6,
        marker="o",
        markersize=4,
        label="decided",
        clip_on=False,
    )
    wrong = [bar for bar in bars if bar.mistaken]
    axes.plot(
        [bar.place for bar in wrong],
        [float(bar.mistaken) for bar in wrong],
        color=YELLOW,
        linestyle="none",
        marker="X",
        markersize=8,
        markeredgecolor=GROUND,
        markeredgewidth=1.0,
        label="by mistake",
        clip_on=False,
        zorder=4,
    )
    most = max((max(bar.removed, bar.reviewed, bar.mistaken) for bar in bars), default=0)
    (_root_counts if most > LINEAR else _counts)(axes, most)
    handles, labels = axes.get_legend_handles_labels()
    order = [labels.index(name) for name in ("removed", "decided", "by mistake")]
    axes.legend(
        [handles[place] for place in order],
        [labels[place] for place in order],
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=3,
        frameon=False,
        labelcolor=INK,
        prop={"family": FONT, "size": 10.5},
        handlelength=1.0,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0.0,
        borderpad=0.3,
    )


def _took(axes: Axes, days: Sequence[DayNumbers]) -> None:
    """The median of each day on which something was decided, on a logarithmic axis."""
    took = [(place, max(day.median.total_seconds(), 30.0)) for place, day in enumerate(days) if day.median is not None]
    if not took:
        axes.set_yticks([])
        axes.text(
            0.5,
            0.5,
            "nothing was decided",
            color=FAINT,
            fontsize=10,
            fontfamily=FONT,
            ha="center",
            va="center",
            transform=axes.transAxes,
        )
        return
    seconds = [value for _, value in took]
    axes.set_yscale("log")
    low, high = _span_of_times(seconds)
    axes.set_ylim(low, high)
    ticks = [(time.total_seconds(), name) for time, name in _TIMES if low <= time.total_seconds() <= high]
    if len(ticks) > 5:
        ticks = ticks[::2]
    axes.set_yticks([tick for tick, _ in ticks], [name for _, name in ticks])
    axes.minorticks_off()
    axes.plot(
        [place for place, _ in took],
        seconds,
        color=BLUE,
        linewidth=1.0 if len(days) <= 31 else 0,
        marker="D",
        markersize=5 if len(days) <= 31 else 4,
        clip_on=False,
    )


def _span_of_times(seconds: Sequence[float]) -> tuple[float, float]:
    """From the label below the shortest time to the label above the longest."""
    marks = [time.total_seconds() for time, _ in _TIMES]
    shortest, longest = min(seconds), max(seconds)
    low = max((mark for mark in marks if mark <= shortest), default=shortest)
    high = min((mark for mark in marks if mark >= longest and mark > low), default=longest * 1.2)
    return low * 0.9, high * 1.1


def _dates(axes: Axes, days: Sequence[date]) -> None:
    """Dates below the last panel: every day of a week, else so many as there is room for; the last day always."""
    axes.set_xlim(-0.6, len(days) - 0.4)
    most = 7 if len(days) <= 7 else 5
    step = max(1, -(-len(days) // most))
    places = sorted(range(len(days) - 1, -1, -step))
    names = [f"{day:%a}"[:2] + f" {day.day}" if len(days) <= 7 else f"{day.day} {day:%b}" for day in days]
    axes.set_xticks(places, [names[place] for place in places])
