"""Which media item is which: ids that stay the same however often and by whatever address Discord delivers it."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

_LARGEST_ID = 2**63 - 1
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_ATTACHMENT_PATH = re.compile(r"/(?:ephemeral-)?attachments/[0-9]+/([0-9]{1,20})/", re.ASCII)
_PROXY_HOST = re.compile(r"images-ext-[0-9]+\.", re.ASCII)
_PASSING = frozenset({"ex", "is", "hm", "width", "height", "format", "quality", "animated"})
"""Query parameters that change while the picture stays: the signature, and the media proxy's transformations."""

_DIGEST_CHARACTERS = 32


def snowflake(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """A Discord id, which arrives as a string of digits, or None for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST_ID:
        return None
    return value


def of_attachment(attachment_id: int) -> str:
    """The media id of an attachment."""
    return f"attachment:{attachment_id}"


def of_address(url: str) -> str:
    """The media id of what Discord delivers at an address of its own.

    An attachment that an embed or a component shows has the id of the attachment. Only the beginning of the path
    tells: further inside, it may be somebody else's path behind Discord's proxy, built to look like an attachment's.
    Everything else is known by a digest of the address, without host number, signature and transformations.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return _digest(url)
    attachment = _ATTACHMENT_PATH.match(parts.path)
    if attachment:
        return f"attachment:{attachment[1]}"
    host = _PROXY_HOST.sub("images-ext.", parts.netloc.lower())
    lasting = "&".join(item for item in parts.query.split("&") if item.partition("=")[0] not in _PASSING)
    return _digest(f"{host}{parts.path}?{lasting}")


def _digest(text: str) -> str:
    return "url:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
