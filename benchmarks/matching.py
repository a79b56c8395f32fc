"""What the matcher finds after 74 edits and what it finds wrongly, beside other ways of finding copies.

Photographs of a folder are listed, together with quarters of others and pictures that are easily mistaken; each
photograph is asked for after every edit, and many more pictures are asked for that nothing is to be found of. All of
them are made here, from the folder and by code, with fixed seeds; every query is an encoded file.

    uv run --group bench python -m benchmarks.matching --photos FOLDER [--quick] [--jobs 2] [--json FILE] [--plot FILE]

A pair of a query and a listed picture is unrelated when they show nothing in common, and hard when they share a
template, an interface, a banner, a scene, a person, a burst or a photo of which they are disjoint halves. Pairs that
show the same photo otherwise, such as a photo and its own quarter, do not count. See :mod:`benchmarks.photos` for the
folders of faces and scenes that are used where they are there. Times run from the bytes of a file to the verdict.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from .edits import ALL_EDITS
from .peers import PEERS, Maker
from .plans import QUICK, Sizes, make_plan
from .report import figures, show
from .run import run
from .stanguard import Stanguard

WIDTH = 130
"""Columns of the tables where there is no terminal to ask."""

OWN: dict[str, Maker] = {
    "stanguard": Stanguard,
    "wholes": lambda: Stanguard("wholes"),
    "hashes": lambda: Stanguard("pdq"),
    "bundles": lambda: Stanguard("bundle"),
}
"""The product as it is installed, and, measured only when asked for, with less kept of each entry."""

DEFAULT = ("stanguard", *PEERS)


def chosen(names: Iterable[str], console: Console) -> list[Maker]:
    """How to make the contenders of these names; those whose module is missing are left out, and it is said."""
    makers: list[Maker] = []
    for name in names:
        if name in OWN:
            makers.append(OWN[name])
            continue
        maker, modules = PEERS[name]
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            console.print(f"{name} is left out: {' and '.join(missing)} must be installed.")
        else:
            makers.append(maker)
    return makers


def _names(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks.matching", description="Matching quality on a folder of photographs."
    )
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, for a first look")
    parser.add_argument("--references", type=int, help="photographs that are asked for after every edit")
    parser.add_argument("--entries", type=int, help="quarters of photographs that are listed besides")
    parser.add_argument("--negatives", type=int, help="photographs of which nothing is to be found")
    parser.add_argument("--edits", type=_names(tuple(ALL_EDITS)), default=tuple(ALL_EDITS), help="only these, by comma")
    parser.add_argument("--with", dest="contenders", type=_names((*OWN, *PEERS)), default=DEFAULT, help="only these")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1); more make times less exact")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="draw recall by edit here, as a PNG")
    return parser


def main() -> None:
    parser = _parser()
    options = parser.parse_args()
    given = {name: getattr(options, name) for name in ("references", "entries", "negatives")}
    sizes = replace(
        QUICK if options.quick else Sizes(), **{name: size for name, size in given.items() if size is not None}
    )
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    try:
        plan = make_plan(options.photos, sizes, options.edits)
    except ValueError as error:
        parser.error(str(error))
    found = figures(plan, run(plan, chosen(options.contenders, console), options.jobs, console))
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.plot:
        from .plot import draw

        draw(found, options.plot)


if __name__ == "__main__":
    main()
