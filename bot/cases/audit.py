"""The audit log as people see it: the head of a server's chain, posted once a day."""

from __future__ import annotations

from bot.store.engine import Tx


async def head_line(tx: Tx, guild_id: int) -> str | None:
    """The number of rows and the newest hash of a guild's chain; None where nothing was ever logged.

    Posted where the operator cannot change it unseen, it later shows whether rows were changed or cut off.
    """
    head = await tx.audit.head(guild_id)
    if head is None:
        return None
    rows = "1 row" if head.seq == 1 else f"{head.seq:,} rows"
    return (
        f"Audit log of this server: {rows}, head `{head.anchor}`\n"
        "-# Keep this line: `stanguard db check --anchor` compares the log with it, and tells whether it was changed."
    )
