"""Discord's answers: JSON with exactly ``application/json`` (discord.py compares the header as a whole), and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

VIA = "1.1 google"
"""Discord's own answers carry it; Cloudflare's bans do not, and that is how clients tell them apart."""


class ApiError(Exception):
    """A refusal with Discord's code."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def unauthorized() -> ApiError:
    return ApiError(401, 0, "401: Unauthorized")


def unknown_channel() -> ApiError:
    return ApiError(404, 10003, "Unknown Channel")


def unknown_guild() -> ApiError:
    return ApiError(404, 10004, "Unknown Guild")


def unknown_member() -> ApiError:
    return ApiError(404, 10007, "Unknown Member")


def unknown_message() -> ApiError:
    return ApiError(404, 10008, "Unknown Message")


def unknown_user() -> ApiError:
    return ApiError(404, 10013, "Unknown User")


def unknown_ban() -> ApiError:
    return ApiError(404, 10026, "Unknown Ban")


def unknown_webhook() -> ApiError:
    return ApiError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> ApiError:
    return ApiError(404, 10062, "Unknown interaction")


def already_acknowledged() -> ApiError:
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> ApiError:
    return ApiError(403, 50001, "Missing Access")


def not_your_message() -> ApiError:
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> ApiError:
    return ApiError(400, 50006, "Cannot send an empty message")


def closed_to_messages() -> ApiError:
    return ApiError(403, 50007, "Cannot send messages to this user")


def missing_permissions() -> ApiError:
    return ApiError(403, 50013, "Missing Permissions")


def system_message() -> ApiError:
    return ApiError(403, 50021, "Cannot execute action on a system message")


def too_old() -> ApiError:
    return ApiError(400, 50034, "You can only bulk delete messages that are under 14 days old.")


def invalid_form(what: str) -> ApiError:
    return ApiError(400, 50035, f"Invalid Form Body: {what}")


def thread_archived() -> ApiError:
    return ApiError(400, 50083, "Tried to perform an operation on an archived thread")


def json_answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A body as JSON; None is 204 without a body."""
    headers = {"Via": VIA, **(headers or {})}
    if body is None:
        return web.Response(status=204, headers=headers)
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers=headers | {"Content-Type": "application/json"}
    )


def error_answer(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as Discord words it."""
    return json_answer({"message": message, "code": code}, status=status, headers=headers)


def rate_limited_answer(
    retry_after: float, *, scope: str = "user", headers: Mapping[str, str] | None = None
) -> web.Response:
    """429 as Discord itself gives it. ``scope``: user, shared or global."""
    is_global = scope == "global"
    more = {"Retry-After": str(int(retry_after) + 1), "X-RateLimit-Scope": scope}
    if is_global:
        more["X-RateLimit-Global"] = "true"
    body = {"message": "You are being rate limited.", "retry_after": round(retry_after, 3), "global": is_global}
    return json_answer(body, status=429, headers={**(headers or {}), **more})
