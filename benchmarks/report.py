"""The figures of a run as data and as tables."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .edits import EDITS, EXTRAS, GROUPS
from .plans import SHARES, Plan
from .run import Outcome, Tampered
from .scores import UNRELATED

NEW_LINE = "\n"


def figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All figures of a run, ready to be written as JSON. What nothing was asked of is null."""
    found = {
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "references": plan.references,
        "entries": len(plan.entries),
        "queries": sum(len(task.edits) for task in plan.tasks),
        "contenders": [_contender(outcome) for outcome in outcomes],
    }
    return _without_nan(found)


def _contender(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.contender.name,
        "refused_entries": outcome.refused,
        "refused_references": outcome.refused_references,
        "median_ms": round(outcome.score.median_ms, 3),
        "mib": round(outcome.mib, 2),
        "tiers": {
            name: outcome.score.figures(tier, list(EDITS), GROUPS)
            | {"tampered": {one.label: _tampered(one, tier) for one in outcome.tampered}}
            for tier, name in enumerate(outcome.contender.tiers, start=1)
        },
    }


def _tampered(counted: Tampered, tier: int) -> dict[str, Any]:
    return {
        str(share): {
            "original_found": counted.originals[share, tier],
            "original_queries": counted.original_queries,
            "copy_found": counted.copies[share, tier],
            "copy_queries": counted.copy_queries[share],
        }
        for share in SHARES
    }


def _without_nan(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_nan(one) for key, one in value.items()}
        case list():
            return [_without_nan(one) for one in value]
        case float() if math.isnan(value):
            return None
        case _:
            return value


def columns(figures: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The tiers of all contenders: (contender, tier) to its figures."""
    return {
        (contender["name"], tier): found
        for contender in figures["contenders"]
        for tier, found in contender["tiers"].items()
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    console.print(_recall(figures))
    console.print(_false_positives(figures))
    console.print(_originals(figures))
    console.print(_costs(figures))


def _table(title: str, figures: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for name, tier in columns(figures):
        table.add_column(f"{name.replace(' ', NEW_LINE, 1)}\n{tier}", justify="right", vertical="bottom")
    return table


def _recall(figures: dict[str, Any]) -> Table:
    table = _table(f"Recall of {figures['references']} pictures by group of edits", figures)
    tiers = columns(figures).values()
    for group in GROUPS:
        table.add_row(group, *(_share(found["recall_by_group"][group]) for found in tiers))
    table.add_section()
    table.add_row(f"mean of {len(EDITS)} edits", *(_share(found["mean_recall"]) for found in tiers), style="bold")
    for extra in EXTRAS:
        table.add_row(extra, *(_share(found["recall_by_edit"].get(extra)) for found in tiers))
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _false_positives(figures: dict[str, Any]) -> Table:
    table = _table(f"False positives: pairs of a query and one of {figures['entries']:,} listed pictures", figures)
    tiers = columns(figures).values()
    families = dict.fromkeys(family for found in tiers for family in found["false_positives"])
    for family in sorted(families, key=lambda family: family != UNRELATED):
        counts = [found["false_positives"].get(family, {"pairs": 0, "false_pairs": 0}) for found in tiers]
        pairs = max(count["pairs"] for count in counts)
        table.add_row(f"{family}, of {pairs:,} pairs", *(str(count["false_pairs"]) for count in counts))
        if family == UNRELATED:
            table.add_row(
                f"  queries, of {figures['queries']:,}", *(str(count.get("false_queries", 0)) for count in counts)
            )
            table.add_section()
    return table


def _originals(figures: dict[str, Any]) -> Table:
    table = _table(
        "Tampered copies are blocked: what is found of their innocent originals and of copies, by changed area", figures
    )
    tiers = columns(figures).values()
    for label in dict.fromkeys(label for found in tiers for label in found["tampered"]):
        for share in SHARES:
            counted = [found["tampered"].get(label, {}).get(str(share)) for found in tiers]
            table.add_row(f"{share} %, {label}: originals", *(_ratio(one, "original") for one in counted))
            table.add_row("  copies", *(_ratio(one, "copy") for one in counted))
        table.add_section()
    return table


def _ratio(counted: dict[str, int] | None, what: str) -> str:
    return "" if counted is None else _share(counted[f"{what}_found"] / max(1, counted[f"{what}_queries"]))


def _costs(figures: dict[str, Any]) -> Table:
    table = Table(title=f"Costs with {figures['entries']:,} entries", title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "ms from bytes to verdict, median", "MiB for the entries", "refused", "of the references"):
        table.add_column(name, justify="right" if name else "left")
    for contender in figures["contenders"]:
        table.add_row(
            contender["name"],
            f"{contender['median_ms']:.1f}",
            "?" if contender["mib"] is None else f"{contender['mib']:.1f}",
            str(contender["refused_entries"]),
            str(contender["refused_references"]),
        )
    return table
