"""Real files of every format, mutated: whatever comes out is a well-formed answer."""

import struct
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.media import wire
from bot.media.decode import read
from bot.media.wire import Limits
from tests.matching.replies import same

from .pictures import animation, encoded, picture

LIMITS = Limits(max_pixels=200_000, max_frames=4, seconds=20)
SMALL = (72, 56)
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@cache
def originals() -> dict[str, bytes]:
    first, second = picture(1, SMALL), picture(2, SMALL)
    return {
        "jpeg": encoded(first, "JPEG"),
        "progressive jpeg": encoded(first, "JPEG", progressive=True),
        "cmyk jpeg": encoded(first.convert("CMYK"), "JPEG"),
        "png": encoded(first),
        "palette png": encoded(first.quantize(32)),
        "16 bit png": encoded(first.convert("L").convert("I;16")),
        "apng": animation([first, second], "PNG"),
        "gif": animation([first, second, first], "GIF"),
        "webp": encoded(first.convert("RGBA"), "WEBP"),
        "animated webp": animation([first, second], "WEBP"),
        "avif": encoded(first, "AVIF"),
        "animated avif": animation([first, second], "AVIF"),
    }


Step = tuple[str, int, int, bytes]
steps = st.lists(
    st.tuples(
        st.sampled_from(["flip", "number", "delete", "insert", "repeat", "cut", "splice"]),
        st.integers(0, 2**20),
        st.integers(0, 2**20),
        st.binary(max_size=24),
    ),
    min_size=1,
    max_size=6,
)


def mutated(data: bytes, mutations: list[Step]) -> bytes:
    result = bytearray(data)
    for kind, where, much, filling in mutations:
        at = where % (len(result) + 1)
        if kind == "flip" and at < len(result):
            result[at] ^= 1 << much % 8
        elif kind == "number":
            result[at : at + 4] = struct.pack(">I" if where % 2 else "<I", INTERESTING[much % len(INTERESTING)])
        elif kind == "delete":
            del result[at : at + much % 64]
        elif kind == "insert":
            result[at:at] = filling
        elif kind == "repeat":
            result[at:at] = result[at : at + much % 256]
        elif kind == "cut":
            del result[max(1, at) :]
        elif kind == "splice":
            other = list(originals().values())[much % len(originals())]
            result[at:] = other[at:]
    return bytes(result)


@pytest.mark.parametrize("name", originals())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations=steps)
def test_mutated_files_have_a_well_formed_outcome(name: str, mutations: list[Step]) -> None:
    reply = read(mutated(originals()[name], mutations), LIMITS)
    assert reply.query is not None or reply.reason is not None
    assert same(wire.unpack(wire.pack(reply)), reply)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_have_a_reason(data: bytes) -> None:
    assert read(data, LIMITS).reason is not None
