"""What it costs to read what files say about themselves, and what is found, beside Pillow and sd-parsers.

uv run [--with sd-parsers] python -m benchmarks.signals [--rounds 30] [--side 1024] [--json FILE]

The costs are medians of milliseconds of processor time, of generated pictures that say nothing and of those that do;
the picture is decoded and extracted from as a scan does it, with and without the reader by turns. What is found is
counted on small files of every generator, made by tests/media/statements.py as the generators write them: real files
may differ. Apart from the rest are those of the generators that sd-parsers looks for. It wants to know the settings as
well, and leaves out the smallest of these files; Pillow gives what stands in a file, and here it is searched for words.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.console import Console
from rich.table import Table

from bot.matching.query import Wanted
from bot.media import decode, wire
from bot.media.formats import sniff
from bot.media.signals import manifests
from bot.media.signals.read import read
from bot.model import SignalKind
from tests.media import statements
from tests.media.pictures import encoded, picture

WANTED = Wanted.FEATURES | Wanted.VIEWS
LIMITS = wire.Limits(max_pixels=1 << 25, max_frames=16, seconds=600, wanted=WANTED)

SOUGHT = ("WebUI", "ComfyUI", "NovelAI", "InvokeAI", "Fooocus")
"""Generators that sd-parsers looks for, too."""

Peer = Callable[[bytes], object]


def files(side: int) -> dict[str, bytes]:
    """Pictures of this many pixels a side, that say nothing and that do."""
    image = picture(1, (side, side))
    texts = PngInfo()
    for keyword, text in (("parameters", statements.PARAMETERS), ("prompt", statements.PROMPT)):
        texts.add_text(keyword, text)
    exif = statements.exif(comment=statements.comment(statements.PARAMETERS))
    found = {
        "JPEG, nothing": encoded(image, "JPEG", quality=90),
        "JPEG, EXIF": encoded(image, "JPEG", quality=90, exif=exif),
        "PNG, nothing": encoded(image),
        "PNG, texts": encoded(image, pnginfo=texts),
        "WebP, nothing": encoded(image, "WEBP", quality=90),
        "WebP, EXIF": encoded(image, "WEBP", quality=90, exif=exif),
    }
    if manifests.readable():
        from tests.media.manifests import action, signed

        made = action("trainedAlgorithmicMedia", agent="Adobe Firefly")
        for name, kind in (("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WebP", "image/webp")):
            found[f"{name}, manifest"] = signed(found[f"{name}, nothing"], made, kind=kind)
    return found


def median(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds."""
    return statistics.median(_timed(work) for _ in range(rounds))


def by_turns(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The medians of two works in milliseconds, each in turn first, so that both meet the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            times[which].append(_timed((one, other)[which]))
    return statistics.median(times[0]), statistics.median(times[1])


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def _decode(data: bytes) -> object:
    kind = sniff(data)
    return decode._read(data, kind, LIMITS, time.monotonic() + LIMITS.seconds)


def pillow(data: bytes) -> bool:
    """What Pillow gives of a file; recognised is what a program would look for in it by name."""
    with Image.open(BytesIO(data)) as image:
        texts = {**image.info, **getattr(image, "text", {})}
        exif = image.getexif()
        fields = [*exif.values(), *exif.get_ifd(statements.EXIF).values()]
    keys = {"parameters", "prompt", "workflow", "sd-metadata", "invokeai_metadata", "Dream"}
    said = " ".join(str(value) for value in (*texts.values(), *fields))
    return bool(keys & texts.keys()) or any(word in said for word in ("NovelAI", "Steps: ", "trainedAlgorithmicMedia"))


def peers() -> dict[str, Peer]:
    """Others who read the same."""
    found: dict[str, Peer] = {"Pillow": pillow}
    if find_spec("sd_parsers") is not None:
        from sd_parsers import ParserManager  # pyright: ignore[reportMissingImports]

        manager = ParserManager()
        found["sd-parsers"] = lambda data: manager.parse(BytesIO(data)) is not None
    return found


def costs(side: int, rounds: int) -> list[dict[str, Any]]:
    """A row a file."""
    rows: list[dict[str, Any]] = []
    for name, data in files(side).items():
        kind = sniff(data)
        alone, together = by_turns(lambda data=data: _decode(data), lambda data=data: decode.read(data, LIMITS), rounds)
        row: dict[str, Any] = {
            "file": name,
            "kilobytes": len(data) / 1000,
            "decode_ms": alone,
            "decode_and_read_ms": together,
            "ratio": together / alone,
            "reader_ms": median(lambda data=data, kind=kind: read(data, kind), 20 * rounds),
            "manifest_ms": None,
        }
        if read(data, kind).manifest and manifests.readable():
            row["manifest_ms"] = median(lambda data=data: manifests.read(data), 5 * rounds)
        for peer, work in peers().items():
            row[f"{peer}_ms"] = median(lambda data=data, work=work: work(data), 2 * rounds)
        rows.append(row)
    return rows


def found() -> list[dict[str, Any]]:
    """How many of the generators' files each recognises, and how many that say nothing it takes for theirs."""
    made = {
        name: data
        for name, (data, said) in statements.samples().items()
        if any(one.kind is SignalKind.AI_MADE for one in said)
    }
    common = [data for name, data in made.items() if name.startswith(SOUGHT)]
    other = [data for name, data in made.items() if not name.startswith(SOUGHT)]
    clean = list(statements.clean().values())

    def ours(data: bytes) -> bool:
        return any(one.kind is SignalKind.AI_MADE for one in read(data, sniff(data)).signals)

    return [
        {
            "reader": name,
            "of_generators_sought_by_all": f"{sum(bool(work(data)) for data in common)} of {len(common)}",
            "of_others": f"{sum(bool(work(data)) for data in other)} of {len(other)}",
            "wrongly_of_clean": f"{sum(bool(work(data)) for data in clean)} of {len(clean)}",
        }
        for name, work in {"stanguard": ours, **peers()}.items()
    ]


def show(console: Console, rows: Sequence[dict[str, Any]], title: str) -> None:
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(
            *(
                "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
                for value in row.values()
            )
        )
    console.print(table)


def main(
    rounds: Annotated[int, typer.Option(help="Measurements of a file; cheap ones are repeated more often.")] = 30,
    side: Annotated[int, typer.Option(help="Pixels of a side of the pictures.")] = 1024,
    output: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
) -> None:
    """Measure and print."""
    manifests.prepare()
    _decode(encoded(picture(2)))  # what is compiled once is no cost of a file
    report = {"costs": costs(side, rounds), "found": found()}
    console = Console(width=200)
    show(console, report["costs"], f"milliseconds, {side} x {side} pixels, medians of {rounds} rounds")
    show(console, report["found"], "files of generators")
    if output is not None:
        output.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
