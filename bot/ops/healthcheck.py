"""``python -m bot.ops.healthcheck``: ends with 0 if the bot on this machine says that it is alive, else with 1.

For a container's health check. It reads the same settings as the bot: from ``config.toml`` in the working folder, or
the file that is named behind it, and from the environment.
"""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

from bot.errors import StanguardError
from bot.settings import HealthSettings, load

SECONDS = 5.0

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server that listens there is asked at


def ask(settings: HealthSettings, path: str = "/healthz") -> tuple[int, str]:
    """The status and the body of an answer. Raises OSError and http.client.HTTPException."""
    connection = http.client.HTTPConnection(reached_at(settings.host), settings.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def reached_at(host: str) -> str:
    """Where a server that listens on a host is asked from the same machine."""
    return _EVERYWHERE.get(host, host)


def main(arguments: list[str]) -> int:
    """Ask, and print one line if the answer is not good."""
    try:
        settings = load(Path(arguments[0]) if arguments else None).health
    except StanguardError as error:
        return _bad(str(error))
    if not settings.port:
        return _bad("health.port is 0, so there is nobody to ask.")
    try:
        status, body = ask(settings)
    except (OSError, http.client.HTTPException) as error:
        return _bad(f"The bot does not answer ({type(error).__name__}).")
    return 0 if status == http.HTTPStatus.OK else _bad(body)


def _bad(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
