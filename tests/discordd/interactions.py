"""What members do to the bot: press buttons, run commands, submit modals. And how the bot answers them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from . import payloads
from .ids import snowflake
from .permissions import in_channel
from .state import Channel, Json, Member, Message
from .validation import walk
from .world import Upload, World

COMMAND, COMPONENT, MODAL_SUBMIT = 2, 3, 5
BUTTON = 2
ATTACHMENT_OPTION = 11
ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024


@dataclass(eq=False)
class Interaction:
    """One act of a member, and the bot's answers to it as they come in.

    ``callback`` is the first answer (``type`` and ``data``), ``original`` the message it made, ``followups`` the ones
    after it. ``answered`` is set with the first answer.
    """

    id: int
    token: str
    kind: int
    member: Member
    channel: Channel
    message: Message | None = None
    callback: Json | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def modal(self) -> Json:
        """The modal that the bot answered with."""
        if self.callback is None or self.callback["type"] != 9:
            raise LookupError("the bot did not answer with a modal")
        return self.callback["data"]


class Interactions:
    """Makes interactions, and finds them again by their token."""

    def __init__(self, world: World, commands: dict[int | None, list[Json]]) -> None:
        self.by_token: dict[str, Interaction] = {}
        self._world = world
        self._commands = commands

    def press(self, member: Member, message: Message, custom_id: str) -> Interaction:
        """A member presses a button of a message of the bot."""
        if not any(one.get("custom_id") == custom_id for one in walk(message.components)):
            raise LookupError(f"the message has no component {custom_id!r}")
        interaction = self._new(COMPONENT, member, message.channel, message)
        data = {"custom_id": custom_id, "component_type": BUTTON, "id": 1}
        self._send(interaction, data, {"message": payloads.message(message)})
        return interaction

    def command(
        self,
        member: Member,
        channel: Channel,
        name: str,
        *path: str,
        attachments: dict[str, Upload] | None = None,
        **options: str | float | bool,
    ) -> Interaction:
        """A member runs ``/name path...`` with options; ``attachments`` are options that are files."""
        interaction = self._new(COMMAND, member, channel)
        given: list[Json] = [
            {"name": key, "type": _option_type(value), "value": value} for key, value in options.items()
        ]
        resolved: Json = {}
        for key, (file_name, data) in (attachments or {}).items():
            file = self._world.attachment(self._world.application_id, file_name, data, folder="ephemeral-attachments")
            file["ephemeral"] = True
            resolved.setdefault("attachments", {})[file["id"]] = file
            given.append({"name": key, "type": ATTACHMENT_OPTION, "value": file["id"]})
        for depth, part in enumerate(reversed(path)):
            given = [{"name": part, "type": 1 if depth == 0 else 2, "options": given}]
        self._send(interaction, self._invoked(name, 1) | {"options": given, "resolved": resolved})
        return interaction

    def message_command(self, member: Member, message: Message, name: str) -> Interaction:
        """A member picks an app command from the menu of a message."""
        interaction = self._new(COMMAND, member, message.channel)
        resolved = {"messages": {str(message.id): payloads.message(message)}}
        self._send(interaction, self._invoked(name, 3) | {"target_id": str(message.id), "resolved": resolved})
        return interaction

    def submit(self, opened: Interaction, values: dict[str, Any]) -> Interaction:
        """A member fills in the modal that answered ``opened``: a text, or a list of chosen values, by custom id."""
        modal = opened.modal
        interaction = self._new(MODAL_SUBMIT, opened.member, opened.channel, opened.message)
        data = {"custom_id": modal["custom_id"], "components": [_filled(one, values) for one in modal["components"]]}
        more = {"message": payloads.message(opened.message)} if opened.message else {}
        self._send(interaction, data, more)
        return interaction

    def _invoked(self, name: str, kind: int) -> Json:
        known = [one for commands in self._commands.values() for one in commands]
        command = next((one for one in known if one["name"] == name and one["type"] == kind), None)
        if command is None:
            raise LookupError(f"the bot registered no command {name!r} of type {kind}")
        guild_id = {"guild_id": command["guild_id"]} if "guild_id" in command else {}
        return {"id": command["id"], "name": name, "type": kind} | guild_id

    def _new(self, kind: int, member: Member, channel: Channel, message: Message | None = None) -> Interaction:
        id_ = snowflake()
        interaction = Interaction(id_, f"interaction-token-{id_:x}", kind, member, channel, message)
        self.by_token[interaction.token] = interaction
        return interaction

    def _send(self, interaction: Interaction, data: Json, more: Json | None = None) -> None:
        guild, channel, member = interaction.channel.home, interaction.channel, interaction.member
        body = {
            "id": str(interaction.id),
            "application_id": str(self._world.application_id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": data,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "channel_id": str(channel.id),
            "channel": payloads.channel(channel) | {"permissions": str(int(in_channel(member, channel)))},
            "member": payloads.invoking_member(member, channel),
            "app_permissions": str(int(self._world.my_permissions(channel))),
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": ATTACHMENT_SIZE_LIMIT,
        }
        self._world.deliver_raw("INTERACTION_CREATE", guild, body | (more or {}))


def _option_type(value: object) -> int:
    return 5 if isinstance(value, bool) else 4 if isinstance(value, int) else 10 if isinstance(value, float) else 3


def _filled(component: Json, values: dict[str, Any]) -> Json:
    """A component of a modal as it comes back, with what the member chose."""
    filled: Json = {"type": component["type"], "id": component.get("id", 1)}
    if "component" in component:
        return filled | {"component": _filled(component["component"], values)}
    if "components" in component:
        return filled | {"components": [_filled(one, values) for one in component["components"]]}
    if "custom_id" not in component:
        return filled
    value = values.get(component["custom_id"], "" if component["type"] == 4 else [])
    key = "values" if isinstance(value, list) else "value"
    return filled | {"custom_id": component["custom_id"], key: value}
