"""What Discord refuses in a message: the limits of its documentation that a card or a notice could break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .answers import empty_message, invalid_form
from .state import Json, MessageFlag

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_COMPONENTS = 40
MAX_TEXT = 4000
MAX_CUSTOM_ID = 100
MAX_NONCE = 25
TEXT_DISPLAY = 10


def check_message(body: Json, *, files: int = 0, flags: int = 0, editing: bool = False) -> None:
    """Refuse a message that Discord would refuse. ``flags``: those the message has already."""
    flags |= body.get("flags") or 0
    components: list[Json] = body.get("components") or []
    content: str = body.get("content") or ""
    if len(content) > MAX_CONTENT:
        raise invalid_form(f"content: Must be {MAX_CONTENT} or fewer in length.")
    if len(body.get("embeds") or ()) > MAX_EMBEDS:
        raise invalid_form(f"embeds: Must be {MAX_EMBEDS} or fewer in length.")
    if len(str(body.get("nonce") or "")) > MAX_NONCE:
        raise invalid_form(f"nonce: Must be {MAX_NONCE} or fewer in length.")
    if flags & MessageFlag.COMPONENTS_V2 and (content or body.get("embeds") or body.get("sticker_ids")):
        raise invalid_form("flags: a message with IS_COMPONENTS_V2 has no content, embeds or stickers")
    _check_components(components, v2=bool(flags & MessageFlag.COMPONENTS_V2))
    said = content or body.get("embeds") or components or body.get("sticker_ids") or files
    if not (said or editing or body.get("message_reference", {}).get("type") == 1):
        raise empty_message()


def with_component_ids(components: list[Json]) -> list[Json]:
    """The components as Discord gives them back: each has an id."""
    for number, component in enumerate(walk(components), start=1):
        component.setdefault("id", number)
    return components


def walk(components: Any) -> Iterator[Json]:
    """Every component, with those inside of others."""
    if isinstance(components, dict):
        if "type" in components:
            yield components
        for value in components.values():
            if isinstance(value, (dict, list)):
                yield from walk(value)
    elif isinstance(components, list):
        for component in components:
            yield from walk(component)


def _check_components(components: list[Json], *, v2: bool) -> None:
    every = [one for one in walk(components) if isinstance(one["type"], int)]
    if not v2 and any(one["type"] != 1 for one in components):
        raise invalid_form("components: only action rows without IS_COMPONENTS_V2")
    if len(every) > MAX_COMPONENTS:
        raise invalid_form(f"components: no more than {MAX_COMPONENTS} with those inside of others")
    if sum(len(one.get("content", "")) for one in every if one["type"] == TEXT_DISPLAY) > MAX_TEXT:
        raise invalid_form(f"components: no more than {MAX_TEXT} characters of text")
    custom_ids = [one["custom_id"] for one in every if "custom_id" in one]
    if len(set(custom_ids)) != len(custom_ids):
        raise invalid_form("components: custom ids must differ")
    if any(not 1 <= len(custom_id) <= MAX_CUSTOM_ID for custom_id in custom_ids):
        raise invalid_form(f"components: a custom id has 1 to {MAX_CUSTOM_ID} characters")
