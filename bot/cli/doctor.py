"""``stanguard doctor``: one screen that says what is missing and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.errors import ConfigError, StanguardError

from .output import count, printable, say, show
from .setup import ConfigOption, opened, prepare

if TYPE_CHECKING:
    from bot.ops.health import Finding
    from bot.settings import Settings


def doctor(*, config: ConfigOption = None) -> None:
    """Check the configuration, the token, intents, permissions, the database and the decoder's workers."""
    from bot.ops.health import Finding

    name = "Config file"
    try:
        settings = prepare(config)
    except ConfigError as error:
        _report([Finding(name, ok=False, detail=str(error), remedy="The other checks need it; then try again.")])
        raise typer.Exit(2) from None
    path = config or Path("config.toml")
    first = Finding(name, ok=True, detail=str(path) if path.exists() else "none; the defaults and the environment")
    findings = asyncio.run(_examine(settings, first))
    _report(findings)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 2)


async def _examine(settings: Settings, first: Finding) -> list[Finding]:
    from bot.ops import health

    url = settings.store.url
    folder = health.data_folder(url)
    database = await _database(settings)
    workers, discord = await asyncio.gather(_workers(settings), _discord(settings, readable=database.ok))
    port = await asyncio.to_thread(health.port, settings.health)
    shards = await _shards(url) if database.ok else []
    return [first, folder, database, *shards, workers, port, health.clock(url), *discord]


async def _shards(url: str) -> list[Finding]:
    """Which shards run; nothing with SQLite, which has one process."""
    from bot.ops import health
    from bot.store.dialects import sqlite_path
    from bot.store.engine import Store

    if sqlite_path(url) is not None:
        return []
    store = await Store.open(url, migrate=False)
    try:
        async with store.read() as tx:
            return [health.shards(await tx.installation.running_shards())]
    finally:
        await store.close()


async def _database(settings: Settings) -> Finding:
    from bot.ops.health import Finding
    from bot.store import admin
    from bot.store.dialects import sqlite_path
    from bot.vault import Vault

    name = "Database"
    path = sqlite_path(settings.store.url)
    if path is not None and not path.exists():
        return Finding(name, ok=True, detail="none yet; it is made at the first start")
    try:
        problems = await admin.check(settings.store.url, Vault.find(settings))
    except StanguardError as error:
        problems = [str(error)]
    if problems:
        what, _, remedy = problems[0].partition("; ")
        return Finding(name, ok=False, detail=what, remedy=f"{remedy[:1].upper()}{remedy[1:]}" or "See docs/admin.md.")
    return Finding(name, ok=True, detail="reachable, sound and up to date")


async def _workers(settings: Settings) -> Finding:
    """Whether the decoder's processes start and read every format."""
    from bot.media.formats import videos_readable
    from bot.media.sandbox import Sandbox
    from bot.media.signals.manifests import readable
    from bot.ops.health import Finding

    name = "Decoder"
    sandbox = Sandbox(settings.media)
    try:
        await sandbox.start()
        results = await sandbox.self_test()
    finally:
        await sandbox.stop()
    broken = {form: reason for form, reason in results.items() if reason is not None}
    if broken:
        return Finding(
            name,
            ok=False,
            detail="; ".join(f"{form}: {reason.sentence}" for form, reason in broken.items()),
            remedy="Install stanguard again; if that does not help, raise media.decode_memory and decode_seconds.",
        )
    processes = count(settings.media.workers, "process", "processes")
    videos = "" if videos_readable() else '; not for videos, which need the extra "video"'
    manifests = (
        "; C2PA manifests are read" if readable() else '; not for C2PA manifests, which need the extra "provenance"'
    )
    return Finding(name, ok=True, detail=f"{processes} for {', '.join(results)}{videos}{manifests}")


async def _discord(settings: Settings, *, readable: bool) -> list[Finding]:
    """What can be seen through Discord's API; without a token, that it is missing."""
    from bot.ops.health import Finding
    from bot.settings import TOKEN_VARIABLE
    from bot.store.dialects import sqlite_path

    if settings.discord.token is None:
        return [
            Finding(
                "Token",
                ok=False,
                detail="none, so intents and permissions cannot be checked",
                remedy=f"Copy it from the Developer Portal (Bot, Reset Token) and set {TOKEN_VARIABLE}.",
            )
        ]
    from bot.client.probe import probe

    path = sqlite_path(settings.store.url)
    if not readable or (path is not None and not path.exists()):
        return await probe(settings.discord, None)
    async with opened(settings) as app:
        return await probe(settings.discord, app.guilds)


def _report(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("Check", "State", "Found", "What to do", show_edge=False)
    for finding in findings:
        state = Text("ok", style="green") if finding.ok else Text("problem", style="bold red")
        found, remedy = (Text(printable(text), overflow="fold") for text in (finding.detail, finding.remedy))
        table.add_row(finding.name, state, found, remedy)
    show(table)
    problems = sum(not finding.ok for finding in findings)
    say("Everything is in order." if not problems else f"{count(problems, 'problem')} to mend.")
