"""Who reported, as it is kept: a keyed digest to find a member's reports by, and the id itself sealed.

The digest is HMAC-SHA256 of the guild and the member, cut to 16 bytes, under a key derived from the installation's
secret. Whoever has the database alone can neither turn it back nor try every member, and learns nothing about another
guild. The sealed id is dropped after its time; the digest stays as long as the report.
"""

from __future__ import annotations

import hmac
import struct

from bot.errors import DatabaseError
from bot.model import REPORTER_BYTES

from .seals import Seals

_MEMBER = struct.Struct(">qq")


class ReporterIds:
    """Makes and opens both, for one open database."""

    def __init__(self, seals: Seals, secret: bytes | None) -> None:
        self._seals = seals
        self._key = None if secret is None else hmac.digest(secret, b"stanguard:reporter", "sha256")

    def digest(self, guild_id: int, user_id: int) -> bytes:
        """16 bytes for a member of a guild. Raises DatabaseError in a database that was opened without the vault."""
        if self._key is None:
            raise DatabaseError("Who reports is kept sealed; open the database with the vault's key.")
        return hmac.digest(self._key, _MEMBER.pack(guild_id, user_id), "sha256")[:REPORTER_BYTES]

    def seal(self, reporter: bytes, user_id: int) -> bytes:
        """The id of a member as it lies in a column. Raises DatabaseError as :meth:`digest` does."""
        return self._seals.seal_text(str(user_id), id_context(reporter))

    def open(self, reporter: bytes, sealed: bytes | None) -> int | None:
        """The id of a column; None if it was forgotten, or if no key that is here opens it."""
        text = None if sealed is None else self._seals.open_text(sealed, id_context(reporter))
        return None if text is None else int(text)


def id_context(reporter: bytes) -> bytes:
    """What ties a sealed id to its digest."""
    return b"reporter:" + reporter


def words_context(case_id: int, reporter: bytes) -> bytes:
    """What ties a reporter's sealed words to their report."""
    return f"report:{case_id}:".encode() + reporter
