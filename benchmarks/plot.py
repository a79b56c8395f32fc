"""Recall by edit and method as one picture: a heat map, the edits that are hardest for the peers at the bottom."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .edits import EDITS, EXTRAS
from .report import columns
from .scores import UNRELATED

COLOURS = LinearSegmentedColormap.from_list(
    "recall", ["#fbe9dd", "#f3c9a9", "#d9c9ae", "#9cc4b2", "#4fa39c", "#1c7a80", "#0b4f5f"]
)
"""From a miss to a hit. Lightness falls all the way, so that it can be read without telling colours apart."""

NOTHING = {"pairs": 0, "false_pairs": 0}
INK, FAINT = "#1b2a32", "#7d868c"
ROW, COLUMN, GAP = 0.205, 0.72, 0.3
"""Inches of a row and of a column; the gap between contenders, and below the means, in rows or columns."""

LEFT, RIGHT, TOP, BOTTOM = 1.6, 0.35, 1.9, 0.7
"""Inches around the cells."""


def draw(figures: dict[str, Any], path: Path) -> None:
    """Write the heat map as a PNG."""
    tiers = columns(figures)
    edits = _sorted_edits(tiers)
    first_row = 3 + GAP
    places = _places(list(tiers))
    across, down = places[-1] + 1, len(edits) + first_row
    width, height = LEFT + COLUMN * across + RIGHT, TOP + ROW * down + BOTTOM
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK}):
        figure = Figure(figsize=(width, height), dpi=160)
        axes = figure.add_axes((LEFT / width, BOTTOM / height, COLUMN * across / width, ROW * down / height))
        axes.set(xlim=(0, across), ylim=(down, 0))
        axes.axis("off")
        _headings(axes, list(tiers), places)
        _label(axes, 0, f"mean of {len(EDITS)} edits", bold=True)
        _label(axes, 1, "false pairs, unrelated")
        _label(axes, 2, "ms a picture")
        for row, edit in enumerate(edits):
            _label(axes, row + first_row, f"{edit} *" if edit in EXTRAS else edit)
        for place, found in zip(places, tiers.values(), strict=True):
            _cell(axes, place, 0, found["mean_recall"], bold=True)
            _plain_cell(axes, place, 1, f"{found['false_positives'].get(UNRELATED, NOTHING)['false_pairs']:,}")
            for row, edit in enumerate(edits):
                _cell(axes, place, row + first_row, found["recall_by_edit"].get(edit))
        _times(axes, figures, places)
        _words(figure, figures, (width, height))
        figure.savefig(path, format="png")


def _sorted_edits(tiers: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """The edits that were asked for, by what all contenders but the first find of them, then by what it finds."""
    first = next(iter(tiers))[0]
    own = [found["recall_by_edit"] for (name, _), found in tiers.items() if name == first]
    peers = [found["recall_by_edit"] for (name, _), found in tiers.items() if name != first]
    asked = own[0]
    return sorted(
        (edit for edit in (*EDITS, *EXTRAS) if edit in asked),
        key=lambda edit: (-sum(one[edit] for one in peers), -sum(one[edit] for one in own)),
    )


def _places(tiers: list[tuple[str, str]]) -> list[float]:
    """Where the columns begin: those of one contender side by side, the first apart from the others."""
    first = tiers[0][0]
    return [number + (GAP if name != first else 0) for number, (name, _) in enumerate(tiers)]


def _headings(axes: Axes, tiers: list[tuple[str, str]], places: list[float]) -> None:
    for (_, tier), place in zip(tiers, places, strict=True):
        axes.text(place + 0.5, -0.45, tier, ha="center", va="bottom", fontsize=8, color=INK)
    by_name = groupby(zip(tiers, places, strict=True), key=lambda column: column[0][0])
    for number, (name, columns_of_it) in enumerate(by_name):
        own = [place for _, place in columns_of_it]
        middle = (own[0] + own[-1] + 1) / 2
        words = name if len(own) > 1 else name.replace(" ", "\n")
        axes.plot([own[0] + 0.08, own[-1] + 0.92], [-1.55, -1.55], color=FAINT, linewidth=0.8, clip_on=False)
        weight = "bold" if number == 0 else "normal"
        axes.text(middle, -1.75, words, ha="center", va="bottom", fontsize=9, weight=weight, linespacing=1.15)


def _label(axes: Axes, row: float, words: str, *, bold: bool = False) -> None:
    weight = "bold" if bold else "normal"
    axes.text(-0.14, row + 0.5, words, ha="right", va="center", fontsize=8, weight=weight)


def _cell(axes: Axes, place: float, row: float, recall: float | None, *, bold: bool = False) -> None:
    if recall is None:
        return
    axes.add_patch(Rectangle((place + 0.02, row + 0.045), 0.96, 0.91, facecolor=COLOURS(recall), linewidth=0))
    words = f"{recall:.3f}" if bold else "1" if recall == 1 else "0" if recall == 0 else f"{recall:.2f}".lstrip("0")
    ink = "#ffffff" if recall > 0.62 else INK if recall > 0 else "#b98d6d"
    weight = "bold" if bold else "normal"
    axes.text(place + 0.5, row + 0.52, words, ha="center", va="center", fontsize=7.5, color=ink, weight=weight)


def _plain_cell(axes: Axes, place: float, row: float, words: str, width: float = 1) -> None:
    axes.add_patch(Rectangle((place + 0.02, row + 0.045), width - 0.04, 0.91, facecolor="#f1f3f3", linewidth=0))
    axes.text(place + width / 2, row + 0.52, words, ha="center", va="center", fontsize=7.5, color=INK)


def _times(axes: Axes, figures: dict[str, Any], places: list[float]) -> None:
    """One cell for all tiers of a contender: they share its time."""
    left = iter(places)
    for contender in figures["contenders"]:
        own = [next(left) for _ in contender["tiers"]]
        _plain_cell(axes, own[0], 2, f"{contender['median_ms']:.1f}", own[-1] + 1 - own[0])


def _words(figure: Figure, figures: dict[str, Any], size: tuple[float, float]) -> None:
    """Title, scale and what the figures rest on."""
    width, height = size
    left = 0.3 / width
    figure.text(left, 1 - 0.3 / height, "Share of edited copies that are found", fontsize=15, weight="bold", va="top")
    pairs = max(found["false_positives"].get(UNRELATED, NOTHING)["pairs"] for found in columns(figures).values())
    what = (
        f"{figures['references']} pictures, each after every edit, among {figures['entries']:,} listed ones; "
        f"{pairs / 1e6:.1f} million unrelated pairs."
    )
    figure.text(left, 1 - 0.66 / height, what, fontsize=8.5, va="top", color=FAINT)
    extra = f"* not among the {len(EDITS)}. " if EXTRAS else ""
    note = f"{extra}Edits are sorted by what the peers find. x8: all eight orientations are listed."
    figure.text(left, 0.42 / height, note, fontsize=8, va="top", color=FAINT)
    scale = figure.add_axes((1 - (RIGHT + 1.6) / width, 0.36 / height, 1.6 / width, 0.11 / height))
    bar = figure.colorbar(ScalarMappable(cmap=COLOURS), cax=scale, orientation="horizontal", ticks=[0, 0.5, 1])
    bar.ax.tick_params(labelsize=7.5, length=0, pad=2, colors=FAINT)
    bar.ax.set_xticklabels(["none", "half", "all"])
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
