"""What files say about themselves is found in every container, and nothing else of theirs gets out."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest
from PIL import Image

from bot.media.formats import sniff
from bot.media.signals import blocks as limits
from bot.media.signals import iptc, names, png
from bot.media.signals.read import read
from bot.model import MOST_SIGNALS, Signal, SignalKind, SignalSource

from . import statements as made
from .pictures import animation, encoded, picture

BOMB = zlib.compress(bytes(1 << 26), 9)
"""64 MB of nothing in 64 kB."""


def said(data: bytes) -> tuple[Signal, ...]:
    return read(data, sniff(data)).signals


@pytest.mark.parametrize("name", made.samples())
def test_what_generators_editors_and_cameras_write_is_found(name: str) -> None:
    data, expected = made.samples()[name]
    assert set(said(data)) == set(expected)


@pytest.mark.parametrize("name", made.clean())
def test_a_file_without_a_statement_says_nothing(name: str) -> None:
    assert said(made.clean()[name]) == ()


@pytest.mark.parametrize("name", made.samples())
def test_a_picture_encoded_anew_says_nothing(name: str) -> None:
    """Discord's own preview of a file is such a one."""
    data, _ = made.samples()[name]
    with Image.open(BytesIO(data)) as image:
        again = image.convert("RGB")
    again.info.clear()
    assert said(encoded(again, "WEBP")) == ()


@pytest.mark.parametrize("name", made.samples())
def test_a_signal_carries_a_name_of_the_list_and_no_other_word(name: str) -> None:
    for signal in said(made.samples()[name][0]):
        assert signal.tool in names.NAMES
        assert not signal.signed


@pytest.mark.parametrize("name", made.samples())
def test_a_file_cut_off_anywhere_says_no_more_than_the_whole(name: str) -> None:
    data, expected = made.samples()[name]
    kind = sniff(data)
    for cut in range(0, len(data), max(1, len(data) // 150)):
        assert {signal.kind for signal in read(data[:cut], kind).signals} <= {signal.kind for signal in expected}


def test_names_are_few_enough_for_a_byte_and_fit_for_a_card() -> None:
    assert len(names.NAMES) <= 256
    assert names.NAMES[0] == ""
    for name in names.NAMES:
        assert len(name) <= 60
        assert name.isprintable()
        assert not set(name) & set("*_~`|<>@#[]\\")


def test_every_term_of_the_vocabulary_is_known_by_each_of_its_forms() -> None:
    for name, kind in iptc.SOURCE_TYPES.items():
        for form in ("http://cv.iptc.org/newscodes/digitalsourcetype/", "digsrctype:", ""):
            assert iptc.source_type(f" {form}{name} ") is kind
    assert iptc.source_type("") is None


def test_no_more_signals_than_are_kept_and_those_of_models_first() -> None:
    programs = ["GIMP", "Krita", "Canva", "Picsart", "Snapseed", "VSCO", "Remini", "FaceApp", "Procreate", "darktable"]
    chunks = [made.chunk(b"tEXt", b"Software\0" + program.encode()) for program in programs]
    chunks.append(made.chunk(b"tEXt", b"Software\0NovelAI"))
    found = said(made.png_with(*chunks))
    assert len(found) == MOST_SIGNALS
    assert found[0] == Signal(SignalKind.AI_MADE, SignalSource.PNG_TEXT, "NovelAI")


def test_a_text_that_inflates_without_end_is_read_to_its_limit() -> None:
    for most in (limits.LONGEST, limits.LONGEST_XMP):
        assert len(limits.inflated(BOMB, most)) == most


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_bomb_hides_no_other_text_and_is_none_itself(kind: bytes) -> None:
    head = b"parameters\0\0" if kind == b"zTXt" else b"XML:com.adobe.xmp\0\1\0\0\0"
    data = made.png_with(
        *[made.chunk(kind, head + BOMB)] * 20, made.chunk(b"tEXt", b"parameters\0" + made.PARAMETERS.encode())
    )
    assert [signal.tool for signal in said(data)] == [names.WEBUI]


def test_a_statement_before_the_damage_of_a_packed_text_is_found() -> None:
    packed = zlib.compress(made.PARAMETERS.encode() + bytes(200_000) + made.WORDS.encode(), 0)
    broken = packed[:50_000] + b"\xff" * 5000
    assert said(made.png_with(made.chunk(b"zTXt", b"parameters\0\0" + broken)))


def test_chunks_past_the_limit_are_not_walked_over() -> None:
    statement = made.chunk(b"tEXt", b"Software\0NovelAI")
    empty = made.chunk(b"vpAg", b"")
    within = made.png_with(*[empty] * (png.MOST_CHUNKS - 10), statement)
    past = made.png_with(*[empty] * png.MOST_CHUNKS, statement)
    assert said(within)
    assert said(past) == ()


def test_texts_past_the_limit_are_not_read() -> None:
    empty = made.chunk(b"tEXt", b"Comment\0nothing")
    statement = made.chunk(b"tEXt", b"Software\0NovelAI")
    assert said(made.png_with(*[empty] * (limits.MOST - 1), statement))
    assert said(made.png_with(*[empty] * limits.MOST, statement)) == ()


def test_a_chunk_that_claims_more_than_there_is() -> None:
    data = made.png()[:33] + b"\xff\xff\xff\xfftEXtSoftware\0NovelAI"
    assert [signal.tool for signal in said(data)] == ["NovelAI"]


def test_a_directory_that_leads_back_to_itself_is_read_once() -> None:
    block = made.tiff([(made.EXIF, 4, 1, 8), (made.EXIF, 4, 1, 8), (made.SOFTWARE, 2, 8, 50)], b"NovelAI\0")
    assert [signal.tool for signal in said(made.jpeg(made.segment(0xE1, b"Exif\0\0" + block)))] == ["NovelAI"]


@pytest.mark.parametrize(
    "entry",
    [
        (made.SOFTWARE, 2, 0xFFFFFFFF, 0xFFFFFFF0),
        (made.SOFTWARE, 2, 0xFFFFFFFF, 8),
        (made.EXIF, 4, 1, 0xFFFFFFFF),
        (made.COMMENT, 7, 0x7FFFFFFF, 0),
        (made.SOFTWARE, 12, 8, 26),
    ],
)
def test_a_field_that_lies_nowhere_says_nothing(entry: tuple[int, int, int, int]) -> None:
    for body in (b"", bytes(60_000)):
        block = made.tiff([entry] * 4000 if body else [entry], body[:100])
        assert said(made.jpeg(made.segment(0xE1, b"Exif\0\0" + block[:65_000]))) == ()


def test_xmp_is_not_parsed_as_xml() -> None:
    """Entities stay what they are: an attack on an XML parser is a text without a meaning here."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))
    laughs = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "NovelAI">{entities}]>'.encode()
    outside = b'<!DOCTYPE x [<!ENTITY out SYSTEM "file:///etc/passwd">]>'
    for head in (laughs, outside):
        packet = head + made.xmp("<xmp:CreatorTool>&l29;&out;</xmp:CreatorTool>")
        assert said(encoded(made.image(), "WEBP", xmp=packet)) == ()


def test_deep_and_endless_xmp_is_read_to_its_limit() -> None:
    deep = b"<a:DigitalSourceType>" * 12_000
    endless = b"<x:xmpmeta>" + b":CreatorTool " * 40_000
    quoted = b'<a b:CreatorTool="' + b"x" * 500_000
    for packet in (deep, endless, quoted):
        assert said(encoded(made.image(), "WEBP", xmp=packet)) == ()


def test_an_end_of_an_element_is_no_value() -> None:
    packet = made.xmp(
        "<xmp:CreatorTool></xmp:CreatorTool><dc:x>NovelAI</dc:x><xmp:CreatorToolkit>NovelAI</xmp:CreatorToolkit>"
    )
    assert said(made.jpeg(xmp=packet)) == ()


def test_an_animation_says_it_too() -> None:
    frames = [picture(1, made.SMALL), picture(2, made.SMALL)]
    data = animation(frames, "WEBP", exif=made.exif(comment=made.comment(made.PARAMETERS)))
    assert [signal.tool for signal in said(data)] == [names.WEBUI]
