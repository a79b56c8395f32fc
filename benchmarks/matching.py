"""How much the matcher finds after an edit, and what it finds wrongly, beside the common way in the same run.

Some photographs of a folder are blocked; each is searched for after every edit, and all the others must find nothing.
A pair is wrong when a query lies near a blocked picture that it was not made from. The common way is
``imagehash.phash`` of the whole picture as it lies, 64 bits with distances up to 8, and 256 bits with the distance at
which this program removes. Times are of this machine and leave decoding out, which all of them need alike.

    uv run python -m benchmarks.matching --photos FOLDER [--references 60] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import imagehash
from PIL import Image, ImageOps, UnidentifiedImageError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bot.matching.fingerprint import fingerprint
from bot.matching.matcher import Matcher
from bot.model import Bank, BankKind, BankLevel, Category, Entry, Fingerprint, Thresholds

from .edits import EDITS

SEED = 20261122
EDITS_PER_NEGATIVE = 3
BANK = Bank(1, "benchmark", BankKind.BLOCK, None, BankLevel.REMOVE)


class Contender(Protocol):
    """A way of matching. ``bands`` are its columns: a name and the distance up to which it counts."""

    bands: dict[str, int]

    def hash(self, data: bytes, image: Image.Image) -> Any: ...

    def block(self, number: int, hashed: Any) -> bool:
        """List a picture; False if it is refused."""
        ...

    def near(self, hashed: Any) -> dict[int, int]:
        """The listed pictures within the widest band, with their distances."""
        ...


class Stanguard:
    """The product: fingerprint and matcher."""

    def __init__(self) -> None:
        limits = Thresholds()
        self.bands = {"stanguard remove": limits.remove, "stanguard review": limits.review}
        self._matcher = Matcher(limits)
        self._matcher.load([BANK], [])

    def hash(self, data: bytes, image: Image.Image) -> Fingerprint:
        return fingerprint([(0, image)], sha256=sha256(data).digest(), total_frames=1)

    def block(self, number: int, hashed: Fingerprint) -> bool:
        if not hashed.plain:
            now = datetime.now(UTC)
            self._matcher.add(BANK, Entry(number, BANK.id, Category.OTHER, hashed, "", None, now, "benchmark"))
        return not hashed.plain

    def near(self, hashed: Fingerprint) -> dict[int, int]:
        return {match.entry_id: match.distance for match in self._matcher.match(hashed, None)}


class CommonWay:
    """``imagehash.phash`` and a scan in Python, as most moderation bots do it."""

    def __init__(self, hash_size: int, limit: int) -> None:
        self.bands = {f"phash {hash_size**2} bit d≤{limit}": limit}
        self._hash_size, self._limit = hash_size, limit
        self._listed: dict[int, imagehash.ImageHash] = {}

    def hash(self, data: bytes, image: Image.Image) -> imagehash.ImageHash:
        del data
        return imagehash.phash(image, hash_size=self._hash_size)

    def block(self, number: int, hashed: imagehash.ImageHash) -> bool:
        self._listed[number] = hashed
        return True

    def near(self, hashed: imagehash.ImageHash) -> dict[int, int]:
        distances = {number: int(hashed - listed) for number, listed in self._listed.items()}
        return {number: distance for number, distance in distances.items() if distance <= self._limit}


@dataclass
class Result:
    """What one contender did. Recall counts a refused reference as missed."""

    bands: dict[str, int]
    refused: int = 0
    found: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: Counter[str] = field(default_factory=Counter)
    wrong_queries: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    hash_ms: list[float] = field(default_factory=list)
    match_ms: list[float] = field(default_factory=list)

    def count(self, edit: str, right: int | None, near: dict[int, int], listed: int) -> None:
        """Count one query; ``right`` is the reference it was made from."""
        self.pairs += listed - (right is not None)
        for band, limit in self.bands.items():
            hits = {number for number, distance in near.items() if distance <= limit}
            self.found[edit][band] += right in hits
            wrong = len(hits - {right})
            self.wrong[band] += wrong
            self.wrong_queries[band] += wrong > 0


def run(photos: Sequence[Path], references: int, console: Console) -> dict[str, Any]:
    """Measure and return all figures."""
    photos = list(photos)
    random.Random(SEED).shuffle(photos)
    contenders: list[Contender] = [Stanguard(), CommonWay(8, 8), CommonWay(16, Thresholds().remove)]
    results = [Result(contender.bands) for contender in contenders]
    blocked, others = photos[:references], photos[references:]
    for number, path in enumerate(track(blocked, "blocking", console=console, transient=True), start=1):
        data = path.read_bytes()
        for contender, result in zip(contenders, results, strict=True):
            result.refused += not contender.block(number, contender.hash(data, _decode(data)))
    queries = references * len(EDITS) + len(others) * (1 + EDITS_PER_NEGATIVE)
    for edit, right, data in track(_queries(blocked, others), "searching", queries, console=console, transient=True):
        image = _decode(data)
        for contender, result in zip(contenders, results, strict=True):
            start = time.perf_counter()
            hashed = contender.hash(data, image)
            middle = time.perf_counter()
            near = contender.near(hashed)
            result.hash_ms.append(1000 * (middle - start))
            result.match_ms.append(1000 * (time.perf_counter() - middle))
            result.count(edit if right is not None else "", right, near, references)
    return {
        "references": references,
        "negatives": len(others),
        "queries": queries,
        "contenders": [_figures(result, references) for result in results],
    }


def _queries(blocked: Sequence[Path], others: Sequence[Path]) -> Iterator[tuple[str, int | None, bytes]]:
    """Every query as (edit, number of the reference or None, file)."""
    for number, path in enumerate(blocked, start=1):
        image = _decode(path.read_bytes())
        for name, edit in EDITS.items():
            yield name, number, edit(image, random.Random(f"{SEED}:{path.name}:{name}"))
    for path in others:
        image = _decode(path.read_bytes())
        rng = random.Random(f"{SEED}:{path.name}")
        for name in ("none", *rng.sample(sorted(EDITS.keys() - {"none"}), EDITS_PER_NEGATIVE)):
            yield name, None, EDITS[name](image, rng)


def _decode(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")


def _figures(result: Result, references: int) -> dict[str, Any]:
    return {
        "bands": {
            band: {
                "distance": limit,
                "recall": {edit: result.found[edit][band] / references for edit in EDITS},
                "mean_recall": sum(result.found[edit][band] for edit in EDITS) / references / len(EDITS),
                "wrong_pairs": result.wrong[band],
                "wrong_queries": result.wrong_queries[band],
            }
            for band, limit in result.bands.items()
        },
        "refused_references": result.refused,
        "unrelated_pairs": result.pairs,
        "median_hash_ms": round(median(result.hash_ms), 2),
        "median_match_ms": round(median(result.match_ms), 3),
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    contenders = figures["contenders"]
    bands = {name: band for contender in contenders for name, band in contender["bands"].items()}
    table = Table(title=f"Recall of {figures['references']} blocked photographs by edit")
    table.add_column("edit")
    for name, band in bands.items():
        table.add_column(name if "≤" in name else f"{name} d≤{band['distance']}", justify="right")
    for edit in EDITS:
        table.add_row(edit, *(f"{band['recall'][edit]:.3f}" for band in bands.values()))
    table.add_section()
    table.add_row("mean", *(f"{band['mean_recall']:.3f}" for band in bands.values()))
    table.add_row("wrong pairs", *(str(band["wrong_pairs"]) for band in bands.values()))
    table.add_row("wrong queries", *(str(band["wrong_queries"]) for band in bands.values()))
    console.print(table)
    for contender in contenders:
        names = " and ".join(contender["bands"])
        console.print(
            f"{names}: {contender['unrelated_pairs']:,} unrelated pairs in {figures['queries']:,} queries; "
            f"{contender['refused_references']} references refused; "
            f"{contender['median_hash_ms']} ms to hash, {contender['median_match_ms']} ms to match (medians)."
        )


def photographs(folder: Path) -> list[Path]:
    """The files of a folder that Pillow can open, sorted by name."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        try:
            with Image.open(path):
                found.append(path)
        except (OSError, UnidentifiedImageError):
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.matching", description="Matching quality on a folder of photos.")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--references", type=int, default=60, help="how many of them are blocked (default 60)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    photos = photographs(options.photos)
    if len(photos) < 2:
        parser.error(f"{options.photos} holds fewer than two pictures")
    console = Console()
    figures = run(photos, min(options.references, len(photos) - 1), console)
    show(figures, console)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
