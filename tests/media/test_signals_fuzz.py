"""Files with statements, mutated, and arbitrary blocks of every sort: never an error, never a word of a file's own."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.media.signals import exif, generators, iptc, names, packing, xmp
from bot.media.signals.read import read
from bot.model import MOST_SIGNALS, Signal, SignalKind, SignalSource, together
from tests.matching.replies import signals

from . import statements as made
from .test_decode_fuzz import mutated, steps

KINDS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "MP4", "WEBM")
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x1cftypavif", b"GIF89a", b"")
TOKENS = (
    *(
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"eXIf",
        b"EXIF",
        b"XMP ",
        b"meta",
        b"iinf",
        b"infe",
        b"iloc",
        b"Exif\0\0",
        b"8BIM\x04\x04",
    ),
    *(b"\xff\xe1", b"\xff\xed", b"\x1c\x02A", b"\x1c\x02n", b"Photoshop 3.0\0", b"http://ns.adobe.com/xap/1.0/\0"),
    *(
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"\x01\x0f",
        b"\x31\x01",
        b"\x69\x87",
        b"\x86\x92",
        b"\0\x02",
        b"\0\0\0\0",
    ),
    *(
        b"<x:xmpmeta",
        b":CreatorTool",
        b":DigitalSourceType",
        b'="',
        b"rdf:resource='",
        b"<rdf:li>",
        b"</",
        b">",
        b"NovelAI",
    ),
    *(
        b"trainedAlgorithmicMedia",
        b"parameters\0",
        b"Steps: 1, Seed: 1",
        b'{"class_type"',
        b"UNICODE\0",
        b"\xff\xff\xff\xff",
    ),
)

tokens = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=8), max_size=40).map(b"".join)


def check(found: tuple[Signal, ...]) -> None:
    assert len(found) <= MOST_SIGNALS
    assert packing.unpack(packing.pack(found)) == found


@pytest.mark.parametrize("name", made.samples())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations=steps, kind=st.sampled_from(KINDS))
def test_mutated_files_say_what_is_on_the_list_or_nothing(name: str, mutations: list, kind: str) -> None:
    data = mutated(made.samples()[name][0], mutations)
    for taken_for in (kind, *KINDS[:3]):
        check(read(data, taken_for).signals)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MAGIC), tokens, st.sampled_from(KINDS))
def test_heaps_of_pieces_say_what_is_on_the_list_or_nothing(magic: bytes, pieces: bytes, kind: str) -> None:
    check(read(magic + pieces, kind).signals)


@settings(max_examples=300, deadline=None)
@given(tokens | st.binary(max_size=300))
@example(b"\x1c\x02")
def test_blocks_of_anything_raise_what_the_reader_catches(block: bytes) -> None:
    for reader in (xmp.signals, iptc.signals):
        check(together(reader(block)))
    with contextlib.suppress(struct.error):
        check(together(exif.signals(b"II*\0" + block)))


@given(st.text(max_size=400))
def test_no_text_is_more_than_a_name_on_the_list(text: str) -> None:
    assert (generators.generator(text) or "") in names.NAMES
    for known in (names.program(text), generators.text("Software", text), generators.credit(text)):
        assert known is None or (known.name if isinstance(known, names.Known) else known.tool) in names.NAMES
    assert (names.maker(text) or "") in names.NAMES


@given(
    st.recursive(
        st.none() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=9), inner), max_leaves=9
    )
)
def test_json_that_no_generator_writes_says_nothing(thing: object) -> None:
    assert generators.generator(json.dumps(thing)) is None


@given(st.lists(signals, max_size=12))
def test_signals_come_back_as_they_were(found: list[Signal]) -> None:
    kept = together(found)
    assert len(kept) == min(len(set(found)), MOST_SIGNALS)
    assert packing.unpack(packing.pack(kept)) == kept
    assert together(kept, kept[::-1]) == kept


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_signals_on_the_list_or_refused(data: bytes) -> None:
    try:
        found = packing.unpack(data)
    except ValueError:
        return
    assert packing.pack(found) == data
    check(found)


@pytest.mark.parametrize("thing", [None, "text", [], bytes(3), bytes(packing.SIZE * (MOST_SIGNALS + 1)), bytes(8)])
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(ValueError, match=r"signals|twice"):
        packing.unpack(thing)


@pytest.mark.parametrize(
    "fields", [(5, 0, 0, 0), (0, 5, 0, 0), (0, 0, len(names.NAMES), 0), (0, 0, 0, 2), (0, 0, 0, 1)]
)
def test_each_field_is_checked(fields: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"signal|signature"):
        packing.unpack(bytes(fields))
    assert packing.unpack(bytes((0, 4, 1, 1))) == (Signal(SignalKind.AI_MADE, SignalSource.C2PA, names.NAMES[1], True),)
