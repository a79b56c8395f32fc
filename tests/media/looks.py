"""Reads files in this process and says how near the outcome lies to a picture."""

from PIL import Image

from bot.matching.extract import extract
from bot.matching.query import Wanted
from bot.media.decode import read
from bot.media.wire import Limits, Reply
from bot.model import PHASH_BYTES, Fingerprint, Unscannable

LIMITS = Limits(max_pixels=20_000_000, max_frames=16, seconds=60)


def decoded(data: bytes, limits: Limits = LIMITS) -> Fingerprint:
    reply = read(data, limits)
    assert reply.reason is None
    return fingerprint_of(reply)


def fingerprint_of(reply: Reply) -> Fingerprint:
    assert reply.query is not None
    return reply.query.fingerprint


def refused(data: bytes, limits: Limits = LIMITS) -> Unscannable:
    reply = read(data, limits)
    assert reply.query is None
    assert reply.reason is not None
    return reply.reason


def upright(image: Image.Image) -> bytes:
    (view,) = extract(image, Wanted.NOTHING, sha256=bytes(32)).fingerprint.views
    return view.hashes[:PHASH_BYTES]


def apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def nearest(found: Fingerprint, image: Image.Image) -> int:
    return min(apart(view.hashes[:PHASH_BYTES], upright(image)) for view in found.views)
