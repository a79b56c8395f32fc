"""Imported once by the server that decoder processes are forked from, so that each is ready in milliseconds."""

import signal

# Before anything else: Ctrl+C is the bot's to handle, also while this module is still loading.
signal.signal(signal.SIGINT, signal.SIG_IGN)

import importlib  # noqa: E402
from io import BytesIO  # noqa: E402

from PIL import Image  # noqa: E402

from . import decode, wire  # noqa: E402

importlib.import_module("pebble")  # what a decoder process begins with
_picture = BytesIO()
Image.effect_noise((64, 64), 100).save(_picture, "JPEG")
decode.read(_picture.getvalue(), wire.Limits(max_pixels=4096, max_frames=1, seconds=60))
