"""Coverage-guided fuzzing of the two parsers that strangers reach. Not part of the test run; Linux only.

    uv run --with atheris python -m tests.fuzz.media surfaces -max_total_time=60
    uv run --with atheris python -m tests.fuzz.media decode -max_total_time=600 -timeout=20

Everything after the target's name goes to libFuzzer. Whatever it finds belongs into tests/media as a test.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bot", "PIL"]):
    from bot.media import wire
    from bot.media.decode import read
    from tests.media.payloads import attachment, media, message
    from tests.media.test_decode_fuzz import originals
    from tests.media.test_surfaces_fuzz import check

LIMITS = wire.Limits(max_pixels=200_000, max_frames=4, seconds=10)


def surfaces(data: bytes) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        check(json.loads(data))


def decode(data: bytes) -> None:
    reply = read(data, LIMITS)
    assert wire.unpack(wire.pack(reply)) == reply


def seeds(target: str) -> list[bytes]:
    if target == "decode":
        return list(originals().values())
    rich = message(
        attachments=[attachment(1)],
        embeds=[{"image": media(), "video": media(), "author": {"proxy_icon_url": "https://x"}}],
        components=[{"type": 12, "items": [{"media": media()}]}],
        sticker_items=[{"id": "3", "format_type": 4}],
        message_snapshots=[{"message": {"attachments": [attachment(4)]}}],
        poll={"answers": [{"poll_media": {"emoji": {"id": "6"}}}]},
        content="<a:e:7>",
    )
    return [json.dumps(rich).encode()]


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else ""
    if target not in {"surfaces", "decode"}:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(target)):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *sys.argv[2:], corpus], {"surfaces": surfaces, "decode": decode}[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
