"""Reads files in this process and says how near the outcome lies to a picture."""

from PIL import Image

from bot.matching.fingerprint import fingerprint
from bot.media.decode import read
from bot.media.wire import Limits
from bot.model import PHASH_BYTES, Fingerprint, Unscannable

LIMITS = Limits(max_pixels=20_000_000, max_frames=16, seconds=60)


def decoded(data: bytes, limits: Limits = LIMITS) -> Fingerprint:
    reply = read(data, limits)
    assert reply.reason is None
    assert reply.fingerprint is not None
    return reply.fingerprint


def refused(data: bytes, limits: Limits = LIMITS) -> Unscannable:
    reply = read(data, limits)
    assert reply.fingerprint is None
    assert reply.reason is not None
    return reply.reason


def upright(image: Image.Image) -> bytes:
    (view,) = fingerprint([(0, image)], sha256=bytes(32), total_frames=1).views
    return view.hashes[:PHASH_BYTES]


def apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def nearest(found: Fingerprint, image: Image.Image) -> int:
    return min(apart(view.hashes[:PHASH_BYTES], upright(image)) for view in found.views)
