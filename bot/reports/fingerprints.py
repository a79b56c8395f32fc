"""Fingerprints of files as people write or paste them: SHA-256, which is all that the bot keeps of a file's bytes."""

from __future__ import annotations

import re

from bot.errors import RefusedError
from bot.language import mark

LONGEST = 1000
"""Characters of what is read: more than any tool prints around one fingerprint."""

WRONG = mark(
    "That is no fingerprint of a file that the bot can use: it needs the SHA-256, which has 64 characters from 0 to 9 "
    "and a to f. Windows makes it with `certutil -hashfile FILE SHA256`, macOS and Linux with `shasum -a 256 FILE`."
)
OTHER_KIND = mark(
    "The bot keeps no {kind} fingerprints of what was posted, so it could find nothing by one: give the SHA-256 of the "
    "file. Windows makes it with `certutil -hashfile FILE SHA256`, macOS and Linux with `shasum -a 256 FILE`."
)
EMPTY = mark("That is the fingerprint of an empty file; make it again from the file with the picture.")

EMPTY_FILE = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

_KINDS = {"md5": "MD5", "sha1": "SHA-1", "sha512": "SHA-512", "pdq": "PDQ", "phash": "pHash"}
_LENGTHS = {32: "MD5", 40: "SHA-1", 128: "SHA-512"}
_PREFIX = re.compile(r"(sha-?(?:1|2-?256|256|512)|md5|pdq|phash)\s*[:=]?\s*")
_ALONE = re.compile(r"(?<![0-9a-z])[0-9a-f]{64}(?![0-9a-z])")
_HEX = re.compile(r"[0-9a-f]*")


def read(text: str) -> bytes:
    """The SHA-256, 32 bytes, of what somebody wrote: ``sha256:`` and 64 hexadecimal digits, or the digits alone.

    Upper case and spaces do not matter, and neither does what ``certutil``, ``shasum`` or ``openssl`` print around it.
    Raises RefusedError, with a sentence that says how to make one, for everything else: another kind
    of fingerprint, two different ones, or no fingerprint at all.
    """
    if len(text) > LONGEST:
        raise RefusedError(WRONG)
    written = text.strip().strip("`'\"<>").lower()
    named = _PREFIX.match(written)
    kind = named[1].replace("-", "") if named else ""
    if kind in _KINDS:
        raise RefusedError(OTHER_KIND, kind=_KINDS[kind])
    digits = "".join(written[named.end() if named else 0 :].split())
    alone = set(_ALONE.findall(written))
    if len(digits) == 64 and _HEX.fullmatch(digits):
        found = digits
    elif len(alone) == 1:
        found = alone.pop()
    elif len(digits) in _LENGTHS and _HEX.fullmatch(digits):
        raise RefusedError(OTHER_KIND, kind=_LENGTHS[len(digits)])
    else:
        raise RefusedError(WRONG)
    sha256 = bytes.fromhex(found)
    if sha256 == EMPTY_FILE:
        raise RefusedError(EMPTY)
    return sha256
