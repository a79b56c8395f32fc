"""The program ``stanguard``: its commands, and the one place where an error becomes a sentence and an exit status.

Importing this must stay fast: what is heavy (discord, numpy, Pillow, SQLAlchemy, pydantic) is imported inside the
commands that need it.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.main import get_command

from bot.errors import StanguardError

from . import blocklist, database, demo, doctor, evidence, known_good, run, scan
from .output import complain, say
from .setup import Invocation

OK, MATCHED, ERROR, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses: nothing found, something matched, an error, stopped by the user."""

app = typer.Typer(
    name="stanguard",
    help="Matches posted pictures against fingerprints of known abuse, removes matches, and asks people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("scan")(scan.scan)
app.add_typer(blocklist.app, name="blocklist")
app.add_typer(known_good.app, name="known-good")
app.command("doctor")(doctor.doctor)
app.add_typer(evidence.app, name="evidence")
app.add_typer(database.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        from bot import __version__

        say(f"stanguard {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an unexpected error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before the command."""
    del version
    cast("Invocation", context.obj).debug = debug


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status. Nothing but a status and sentences ever comes out."""
    invocation = Invocation()
    try:
        status: Any = get_command(app).main(
            args=list(arguments), prog_name="stanguard", standalone_mode=False, obj=invocation
        )
    except StanguardError as error:
        complain(str(error))
        return ERROR
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "stanguard"
        complain(f"{_misused(error.format_message())}; see {command} --help.")
        return ERROR
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last boundary of the program: no traceback unless asked for
        if invocation.debug:
            traceback.print_exc()
        hint = "" if invocation.debug else "; run it again as stanguard --debug ... to see where"
        complain(f"Something unexpected failed ({type(error).__name__}){hint}, and please report it.")
        return ERROR
    return status if isinstance(status, int) else OK


def _misused(message: str) -> str:
    """What is wrong with a command line, without a full stop and in plain words."""
    if not message:  # the help was shown instead
        return "A command is missing"
    plain = " ".join(message.split()).rstrip(".").replace("Value error, ", "")
    plain = plain.replace("Input should be a valid integer, unable to parse string as an integer", "not a whole number")
    return plain.replace("Input should be less than or equal to", "at most").replace(
        "Input should be greater than or equal to", "at least"
    )


def main() -> int:
    """Run the command line of this process."""
    return invoke(sys.argv[1:])
