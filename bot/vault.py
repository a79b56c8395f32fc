"""The key of an installation, and what is sealed with it before it is written to the database.

Local features of a picture can be partly turned back into a picture, and the secret that scrambles them must not lie
beside them. Both are therefore sealed with a key that is kept apart from the database: in the environment
(``STANGUARD_VAULT__KEY``) or in a file that only its owner can read, never in ``config.toml``. A stolen database, or a
stolen backup of one, is then of no use to whoever lacks the key.

What is sealed (AES-256-GCM, big-endian)::

    offset  size  what
         0     1  layout, always 1
         1     8  id of the key: derived from it, says nothing about it
         9    12  nonce, random
        21     n  the sealed bytes, followed by 16 bytes that prove them and their context whole
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import StanguardError
from .settings import VAULT_KEY_VARIABLE, Settings

KEY_BYTES = 32
LAYOUT = 1
_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD_BYTES = 1 + _ID_BYTES
OVERHEAD = _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES
"""Bytes by which a sealed value is longer than the value."""

_MOST_FILE_BYTES = 64 * 1024


class VaultError(StanguardError):
    """The key cannot be used, or something that was sealed cannot be opened."""


class MissingKeyError(VaultError):
    """Something was sealed with a key that is not here."""


class BrokenSealError(VaultError):
    """Something that was sealed was changed since, or belongs elsewhere."""


class Vault:
    """Seals with the first of its keys and opens with any of them. Safe to use from several threads."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: 32 bytes each, the current one first. Raises VaultError for none or for another length."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise VaultError(f"A key has {KEY_BYTES} bytes; write it in base64, as 44 characters.")
        self._current = keys[0]
        self._head = bytes([LAYOUT]) + _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(_derived(key, b"seal")) for key in reversed(keys)}

    @classmethod
    def open_or_create(cls, settings: Settings) -> Self:
        """The vault with the keys of the environment or of the key file, which is made if there is none.

        Raises VaultError, in one sentence with its remedy, when a key is malformed or its file cannot be read, can be
        read by others, or cannot be made.
        """
        found = cls.find(settings)
        if found is not None:
            return found
        path = key_file(settings)
        _make(path)
        return cls(_read(path))

    @classmethod
    def find(cls, settings: Settings) -> Self | None:
        """The vault with the keys that there are, or None. Raises VaultError as :meth:`open_or_create` does."""
        if settings.vault.key is not None:
            return cls(_keys(settings.vault.key.get_secret_value().split(","), f"The variable {VAULT_KEY_VARIABLE}"))
        path = key_file(settings)
        return cls(_read(path)) if path.exists() else None

    def seal(self, value: bytes, context: bytes) -> bytes:
        """Seal bytes, so that they can be opened only with the same key and the same ``context``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self._head[1:]]
        return self._head + nonce + cipher.encrypt(nonce, value, self._head + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The bytes that :meth:`seal` was given.

        Raises MissingKeyError when the key is not here, and BrokenSealError when the bytes are not what was sealed in
        this context.
        """
        if len(sealed) < OVERHEAD or sealed[0] != LAYOUT:
            raise BrokenSealError("Something in the database is not sealed as it should be; run `stanguard db check`.")
        head = sealed[:_HEAD_BYTES]
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise MissingKeyError(
                "Something in the database was sealed with a key that is not here; put that key back, after the "
                "current one."
            )
        nonce = sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], head + context)
        except InvalidTag:
            raise BrokenSealError("Something sealed in the database was changed; restore a backup of it.") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether something was sealed with the current key."""
        return sealed.startswith(self._head)

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes for another use of the current key, different for each purpose (HKDF-SHA256, RFC 5869)."""
        return _derived(self._current, b"derive:" + purpose)


def key_file(settings: Settings) -> Path:
    """Where the key lies when the environment holds none: beside an SQLite file, else among the application's data."""
    if settings.vault.key_file is not None:
        return Path(settings.vault.key_file).expanduser()
    if settings.store.url.startswith("sqlite:///"):
        database = Path(settings.store.url.removeprefix("sqlite:///")).expanduser()
        return database.with_name(f"{database.name}.key")
    return Path(platformdirs.user_data_dir("stanguard", appauthor=False)) / "stanguard.key"


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"stanguard:" + purpose).derive(key)


def _key_id(key: bytes) -> bytes:
    return _derived(key, b"id")[:_ID_BYTES]


def _keys(texts: Sequence[str], where: str) -> list[bytes]:
    """Keys from base64. Raises VaultError that never quotes any of them."""
    keys: list[bytes] = []
    for text in texts:
        try:
            keys.append(base64.b64decode(text.strip(), validate=True))
        except (ValueError, binascii.Error):
            keys.append(b"")
        if len(keys[-1]) != KEY_BYTES:
            raise VaultError(
                f"{where} does not hold keys of {KEY_BYTES} bytes in base64 (44 characters each); put the right key "
                "back, or make a new one with `openssl rand -base64 32`."
            )
    return keys


def _read(path: Path) -> list[bytes]:
    """The keys of a file, one a line, the current one first."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MOST_FILE_BYTES)
    except OSError as error:
        raise VaultError(
            f"The key file {path} cannot be read ({error.strerror or type(error).__name__}); check its permissions, "
            "or name another with vault.key_file."
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise VaultError(f"The key file {path} can be read by others on this machine; run `chmod 600 {path}`.")
    lines = content.decode("ascii", errors="replace").split()
    return _keys(lines or [""], f"The key file {path}")


def _make(path: Path) -> None:
    """Write a new key to a file that its owner alone can read; one that appeared meanwhile is left as it is."""
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        unfinished = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            # A link never replaces a file: of several processes that start at once, all read the same key.
            path.hardlink_to(unfinished)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    except OSError as error:
        raise VaultError(
            f"The key file {path} cannot be made ({error.strerror or type(error).__name__}); choose another place with "
            f"vault.key_file, or set {VAULT_KEY_VARIABLE}."
        ) from None
