"""What is particular to an installation: its secret and its signing key, both random and sealed by the vault.

The secret is made when the database is opened for the first time, the key that signs evidence packs when it is needed
for the first time. They are the same for every process on a database.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from bot.vault import Vault, VaultError

from .repository import Repository
from .seals import SECRET_BYTES
from .shards import Shards, running_shards
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

    async def sealed_signing_key(self) -> bytes | None:
        """The seed of the signing key as it lies in the database; None if none was made yet."""
        return await self._scalar(sa.select(installation.c.signing_key))

    async def keep_signing_key(self, sealed: bytes) -> None:
        """Write the sealed seed of a signing key, unless another process was quicker."""
        await self._run(installation.update().where(installation.c.signing_key.is_(None)).values(signing_key=sealed))

    async def replace(self, *, secret: bytes | None = None, signing_key: bytes | None = None) -> None:
        """Write a sealed secret or signing key over the one that is there."""
        values = {"secret": secret, "signing_key": signing_key}
        await self._run(installation.update().values({name: value for name, value in values.items() if value}))

    async def running_shards(self) -> list[Shards]:
        """Which shards the processes on this database run just now, by how many there are in all.

        Empty when none runs, and on SQLite, whose one process needs no others to know.
        """
        return await running_shards(self._connection) if self._postgresql else []

    async def forget(self) -> None:
        """Forget both; the next process that opens the database makes another secret."""
        await self._run(installation.delete())


def new_sealed(vault: Vault, context: bytes) -> bytes:
    """A new secret, or the seed of a new signing key, sealed."""
    return vault.seal(secrets.token_bytes(SECRET_BYTES), context)


def open_sealed(sealed: bytes, vault: Vault, context: bytes, place: str) -> bytes:
    """The secret or seed. Raises VaultError with the ways out when the right key is not here."""
    try:
        return vault.open(sealed, context)
    except VaultError:
        raise VaultError(
            f"The key that is here does not open what is sealed in the database at {place}; put the right key back, or "
            "give up all local features with `stanguard db forget-features` and go on with hashes alone."
        ) from None
