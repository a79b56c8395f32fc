"""Tells systemd how the service is, over the socket that it names. Elsewhere nothing happens."""

from __future__ import annotations

import os
import socket

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
PROCESS_VARIABLE = "WATCHDOG_PID"


def notify(*lines: str) -> bool:
    """Send lines such as ``READY=1``; whether somebody took them. Never raises and never waits."""
    address = os.environ.get(SOCKET_VARIABLE, "")
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):  # a name in Linux's abstract space
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(0.0)
            channel.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True


def watchdog_seconds() -> float | None:
    """How often at least systemd wants to hear ``WATCHDOG=1``, in seconds; None if it does not, or not of us."""
    try:
        microseconds = int(os.environ.get(WATCHDOG_VARIABLE, ""))
        process = int(os.environ.get(PROCESS_VARIABLE, os.getpid()))
    except ValueError:
        return None
    return microseconds / 1_000_000 if microseconds > 0 and process == os.getpid() else None
