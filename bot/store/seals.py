"""What lies sealed in the database: local features, members' words, the installation's secret and signing key."""

from __future__ import annotations

import structlog

from bot.errors import DatabaseError
from bot.model import View
from bot.vault import Vault, VaultError

log = structlog.get_logger(__name__)

SECRET_CONTEXT = b"installation"
SIGNING_CONTEXT = b"signing key"
SECRET_BYTES = 32
"""Bytes of the secret, and of the seed of the signing key (Ed25519)."""


def view_context(sha256: bytes, form: str, frame: int) -> bytes:
    """What ties the sealed features of a view to the picture that they are of."""
    return b"view:" + sha256 + frame.to_bytes(8, "big", signed=True) + form.encode()


def case_context(sha256: bytes) -> bytes:
    """What ties the sealed features of a case to its picture."""
    return b"case:" + sha256


class Seals:
    """Seals local features and opens them, for one open database.

    Features that cannot be opened are left away: an entry without them still matches by its hashes. ``unopened``
    counts them, and the first one is logged. Without a vault nothing is opened, and nothing can be sealed.
    """

    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault
        self.unopened = 0

    def seal(self, features: bytes, context: bytes) -> bytes | None:
        """Features as they lie in a column: None for none at all. Raises DatabaseError without a vault."""
        if not features:
            return None
        if self._vault is None:
            raise DatabaseError("Local features cannot be kept without the vault's key; open the database with it.")
        return self._vault.seal(features, context)

    def open(self, sealed: bytes | None, context: bytes) -> bytes:
        """The features of a column; no bytes at all if there are none, or if they cannot be opened."""
        if sealed is None or self._vault is None:
            return b""
        try:
            return self._vault.open(sealed, context)
        except VaultError as error:
            if not self.unopened:
                log.warning("store.features_unopened", error=type(error).__name__)
            self.unopened += 1
            return b""

    def seal_text(self, text: str, context: bytes) -> bytes:
        """A person's words as they lie in a column. Raises DatabaseError without a vault."""
        if self._vault is None:
            raise DatabaseError("What members write is kept sealed; open the database with the vault's key.")
        return self._vault.seal(text.encode(), context)

    def open_text(self, sealed: bytes, context: bytes) -> str | None:
        """The words of a column; None if they cannot be opened here."""
        if self._vault is None:
            return None
        try:
            return self._vault.open(sealed, context).decode()
        except VaultError:
            return None

    def seal_view(self, view: View, sha256: bytes) -> bytes | None:
        """The sealed features of one view of a picture."""
        return self.seal(view.features, view_context(sha256, view.form, view.frame))
