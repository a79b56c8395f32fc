"""What the bot answers and asks, read out of the components that it sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import simcord


def answer_of(result: simcord.InteractionResult) -> str:
    """The text of everything that the bot answered."""
    answers = [*([] if result.response is None else [result.response]), *result.followups]
    return "\n".join(text for answer in answers for text in (*_text(answer.content), *texts_of(answer.components)))


def filled(modal: Mapping[str, Any], category: str) -> dict[str, Any]:
    """A form with the category chosen, all pictures ticked, and nothing written."""
    values: dict[str, Any] = {}
    for label in cast("list[dict[str, Any]]", modal["components"]):
        control = cast("dict[str, Any]", label.get("component") or {})
        choices = cast("list[dict[str, Any]]", control.get("options") or [])
        options = [str(choice["value"]) for choice in choices]
        if category in options:
            values[control["custom_id"]] = [category]
        elif options:
            values[control["custom_id"]] = options
    return values


def texts_of(components: Iterable[Mapping[str, Any]]) -> list[str]:
    """All text in components, those within others as well, in order."""
    found: list[str] = []
    for component in components:
        found += _text(component.get("content"))
        found += texts_of(cast("list[dict[str, Any]]", component.get("components") or []))
    return found


def _text(content: str | None) -> list[str]:
    return [content] if content else []
