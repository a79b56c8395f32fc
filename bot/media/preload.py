"""Imported once by the server that decoder processes are forked from, so that each is ready in milliseconds."""

import signal

# Before anything else: Ctrl+C is the bot's to handle, also while this module is still loading.
signal.signal(signal.SIGINT, signal.SIG_IGN)

import importlib  # noqa: E402
from io import BytesIO  # noqa: E402

from PIL import Image  # noqa: E402

from bot.matching.query import Wanted  # noqa: E402

from . import decode, wire  # noqa: E402 - with PyAV, where it is installed
from .signals import manifests  # noqa: E402

importlib.import_module("pebble")  # what a decoder process begins with
manifests.prepare()


def _warm_up() -> None:
    """Compile every kernel that a picture may need, here where they can be kept on disk: a decoder can write no file.

    A kernel is compiled once for each kind of array that it meets, so there is a picture for each: whole and with a
    border, on one ground and transparent.
    """
    whole = Image.effect_noise((240, 180), 100)
    bordered = Image.new("L", (320, 240), 255)
    bordered.paste(whole, (40, 30))
    transparent = bordered.convert("LA")
    transparent.putalpha(bordered)
    everything = Wanted.FEATURES | Wanted.VIEWS | Wanted.REFERENCE
    for picture in (whole, bordered, transparent):
        data = BytesIO()
        picture.save(data, "PNG")
        decode.read(data.getvalue(), wire.Limits(max_pixels=1 << 17, max_frames=1, seconds=600, wanted=everything))


_warm_up()
