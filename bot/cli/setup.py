"""What every command does first: read the settings, take secrets out of the environment, set up logging."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.app import App
    from bot.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings file. Not given: config.toml in this folder, if there is one, else the defaults.",
        show_default=False,
    ),
]


@dataclass(slots=True)
class Invocation:
    """What stood before the command."""

    debug: bool = False


def prepare(config: Path | None, *, quiet: bool = True) -> Settings:
    """Read the settings and make the process safe to hold pictures in memory.

    ``quiet`` leaves only warnings in the log, for commands that a person watches. Raises ConfigError.
    """
    from bot.ops import logging
    from bot.settings import TOKEN_VARIABLE, VAULT_KEY_VARIABLE, load

    settings = load(config)
    # Child processes decode untrusted files: they must not inherit the token or the key, nor leave pictures in a core
    # file.
    for name in (TOKEN_VARIABLE, VAULT_KEY_VARIABLE):
        os.environ.pop(name, None)
    _forbid_core_files()
    log = settings.log
    if quiet and log.level in {"debug", "info"}:
        log = log.model_copy(update={"level": "warning"})
    secrets = [secret.get_secret_value() for secret in (settings.discord.token, settings.vault.key) if secret]
    logging.configure(log, secrets=secrets)
    return settings


def _forbid_core_files() -> None:
    with contextlib.suppress(ImportError):  # Windows writes none
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def finish(work: Coroutine[object, object, int]) -> None:
    """Run a command's work to its end and leave with the exit status that it returns."""
    raise typer.Exit(asyncio.run(work))


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, decoding: bool = False) -> AsyncGenerator[App]:
    """The services on the database, with the decoder's workers running if wanted. Raises DatabaseError."""
    from bot.app import App

    app = await App.open(settings)
    try:
        if decoding:
            await app.decoders.start()
        yield app
    finally:
        await app.stop()
