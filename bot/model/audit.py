"""The audit log: what was done in a guild, each row tied to the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

INSTALLATION = 0
"""The guild id of the chain that belongs to no guild: what the operator did on the command line."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of a guild's chain; :mod:`bot.store.chain` says how ``hash`` is made.

    ``seq`` counts from 1 without gaps. ``actor`` is the pseudonym of a person, None for the bot itself and for the
    command line. ``event_id`` is the row of the case's history that holds the words of which ``payload_sha256`` is the
    digest; that row can be erased, this one never.
    """

    guild_id: int
    seq: int
    at: datetime
    actor: bytes | None
    action: str
    case_id: int | None
    event_id: int | None
    subject: str | None
    payload_sha256: bytes
    prev: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest row of a guild's chain. Written down elsewhere, it convicts whoever changes the rows up to it."""

    guild_id: int
    seq: int
    hash: bytes

    @property
    def anchor(self) -> str:
        """The head as one word to be posted and kept: ``stanguard db check --anchor`` compares the chain with it."""
        return f"{self.guild_id}:{self.seq}:{self.hash.hex()}"
