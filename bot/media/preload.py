"""Imported once by the server that decoder processes are forked from, so that each is ready in milliseconds."""

from io import BytesIO

from PIL import Image

from . import decode, wire

_picture = BytesIO()
Image.effect_noise((64, 64), 100).save(_picture, "JPEG")
decode.read(_picture.getvalue(), wire.Limits(max_pixels=4096, max_frames=1, seconds=60))
