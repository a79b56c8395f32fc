"""Chains to prove, and what somebody does to them who holds the machine."""

from typing import Any

from bot.model import AuditRow, CaseEvent
from bot.store import admin
from bot.store.engine import Store
from bot.vault import Vault

from .samples import GUILD, MINUTE, NOW, VAULT, open_case

MODERATOR = 2**60


async def rows_of(store: Store, guild_id: int = GUILD) -> list[AuditRow]:
    async with store.read() as tx:
        return [row async for batch in tx.audit.stream(guild_id, batch=3) for row in batch]


async def fill(store: Store, number: int = 5, guild_id: int = GUILD) -> int:
    """A case with as many events, half of them by a moderator; its id."""
    async with store.write() as tx:
        case = await open_case(tx, guild_id=guild_id)
        for event in range(number):
            actor = MODERATOR if event % 2 else None
            await tx.events.add(CaseEvent(case.id, NOW + event * MINUTE, "noted", actor, f"words {event}"))
    return case.id


async def problems(store: Store, vault: Vault | None = VAULT, **options: Any) -> list[str]:
    return await admin.check(store.url, vault, clock=lambda: NOW, **options)


def broken_row(problem: str) -> tuple[int, int]:
    """The guild and row that a sentence names."""
    words = problem.split()
    return int(problem.split(" of server ")[1].split()[0]), int(words[1])


async def without_triggers(store: Store, *statements: Any) -> None:
    """What somebody does who holds the machine: take the triggers away, change rows, put the triggers back."""
    async with store.write() as tx:
        if store.dialect == "sqlite":
            made = "SELECT sql, name FROM sqlite_master WHERE type = 'trigger'"
            triggers = (await tx.connection.exec_driver_sql(made)).all()
            for trigger in triggers:
                await tx.connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
            for statement in statements:
                await tx.connection.execute(statement)
            for trigger in triggers:
                await tx.connection.exec_driver_sql(trigger.sql)
            return
        await tx.connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        for statement in statements:
            await tx.connection.execute(statement)
        await tx.connection.exec_driver_sql("ALTER TABLE audit ENABLE TRIGGER USER")
