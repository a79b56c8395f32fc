"""``stanguard demo``: the same bot in a simulated Discord."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import ConfigError

from .setup import ConfigOption, finish, prepare

if TYPE_CHECKING:
    from bot.settings import Settings


def demo(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=1, max=65535, help="Where the page listens.", show_default="a free one"
        ),
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Play the story, print it and exit.")] = False,
    config: ConfigOption = None,
) -> None:
    """Try the bot in your browser, in a simulated Discord: no token and no account needed."""
    finish(_demo(prepare(config), port, headless=headless))


async def _demo(settings: Settings, port: int | None, *, headless: bool) -> int:
    try:
        from bot import demo

        return await demo.run(settings, port=port, headless=headless)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "bot":
            raise
        raise ConfigError(
            f"The demo needs a package that is not installed ({error.name}); start it with uv run --extra demo "
            "stanguard demo, or install it with pip install 'stanguard[demo]'."
        ) from None
