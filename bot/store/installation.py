"""The secret of an installation: random, made once, sealed by the vault, the same for every process on a database."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from bot.vault import Vault, VaultError

from .repository import Repository
from .seals import SECRET_BYTES, SECRET_CONTEXT
from .tables import installation


class Installation(Repository):
    """The one row that says what is particular to this installation."""

    __slots__ = ()

    async def sealed_secret(self) -> bytes | None:
        """The secret as it lies in the database; None if none was made yet."""
        return await self._scalar(sa.select(installation.c.secret))

    async def keep(self, sealed: bytes) -> None:
        """Write a sealed secret, unless another process was quicker."""
        await self._run(self._insert_new(installation).values(id=1, secret=sealed))

    async def forget(self) -> None:
        """Forget the secret; the next process that opens the database makes another one."""
        await self._run(installation.delete())


def new_secret(vault: Vault) -> bytes:
    """A secret, sealed."""
    return vault.seal(secrets.token_bytes(SECRET_BYTES), SECRET_CONTEXT)


def open_secret(sealed: bytes, vault: Vault, place: str) -> bytes:
    """The secret. Raises VaultError with the ways out when the right key is not here."""
    try:
        return vault.open(sealed, SECRET_CONTEXT)
    except VaultError:
        raise VaultError(
            f"The key that is here does not open what is sealed in the database at {place}; put the right key back, or "
            "give up all local features with `stanguard db forget-features` and go on with hashes alone."
        ) from None
