"""REST: answers to interactions, and webhooks. The token in the path is the authorisation."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from . import payloads
from .answers import ApiError, already_acknowledged, unknown_interaction, unknown_message, unknown_webhook
from .ids import snowflake
from .interactions import Interaction, Interactions
from .permissions import Permission
from .rest import Api, ApiCall
from .rest_messages import fill
from .state import Json, Message, MessageFlag, Webhook
from .validation import check_message, with_component_ids

PONG, MESSAGE, DEFER_MESSAGE, DEFER_UPDATE, UPDATE, AUTOCOMPLETE, MODAL = 1, 4, 5, 6, 7, 8, 9


class InteractionRoutes:
    """Calls on ``/interactions`` and ``/webhooks``."""

    def __init__(self, api: Api, interactions: Interactions) -> None:
        self._api = api
        self._world = api.world
        self._interactions = interactions

    def routes(self, base: str) -> list[web.RouteDef]:
        """The routes below ``base``."""
        api, webhook = self._api, base + "/webhooks/{webhook_id}/{webhook_token}"
        answer = base + "/interactions/{interaction_id}/{interaction_token}/callback"
        return [
            web.post(answer, api.endpoint(self._callback, authorized=False)),
            web.post(webhook, api.endpoint(self._execute, authorized=False)),
            web.get(webhook, api.endpoint(self._webhook, authorized=False)),
            web.get(webhook + "/messages/{message_id}", api.endpoint(self._get, authorized=False)),
            web.patch(webhook + "/messages/{message_id}", api.endpoint(self._edit, authorized=False)),
            web.delete(webhook + "/messages/{message_id}", api.endpoint(self._delete, authorized=False)),
            web.get(base + "/channels/{channel_id}/webhooks", api.endpoint(self._of_channel)),
            web.post(base + "/channels/{channel_id}/webhooks", api.endpoint(self._create)),
        ]

    # ---------------------------------------------------------------------------------------------- interactions

    async def _callback(self, call: ApiCall) -> object:
        interaction = self._interactions.by_token.get(call.text("interaction_token"))
        if interaction is None or interaction.id != call.id("interaction_id"):
            raise unknown_interaction()
        if interaction.callback is not None:
            raise already_acknowledged()
        body: Json = call.body
        self._carry_out(interaction, body["type"], body.get("data") or {}, call)
        interaction.callback = body
        interaction.answered.set()
        if call.query.get("with_response") not in ("1", "true"):
            return None
        answer: Json = {"interaction": {"id": str(interaction.id), "type": interaction.kind}}
        if interaction.original is not None:
            answer["interaction"]["response_message_id"] = str(interaction.original.id)
            answer["resource"] = {"type": body["type"], "message": payloads.message(interaction.original)}
        return answer

    def _carry_out(self, interaction: Interaction, kind: int, data: Json, call: ApiCall) -> None:
        if kind == MESSAGE:
            check_message(data, files=len(call.files))
            interaction.original = self._say(interaction, data, call)
        elif kind == DEFER_MESSAGE:
            flags = (data.get("flags") or 0) | MessageFlag.LOADING
            interaction.original = self._say(interaction, {"flags": flags}, call)
        elif kind == DEFER_UPDATE:
            interaction.original = interaction.message
        elif kind == UPDATE:
            if interaction.message is None:
                raise ApiError(400, 50035, "Invalid Form Body: there is no message to update")
            self._change(interaction.message, data)
            interaction.original = interaction.message
        elif kind == MODAL:
            with_component_ids(data["components"])

    def _say(self, interaction: Interaction, body: Json, call: ApiCall) -> Message:
        message = Message(snowflake(), interaction.channel, self._world.me)
        fill(message, body)
        message.application_id = self._world.application_id
        channel_id = interaction.channel.id
        message.attachments = [self._world.attachment(channel_id, name, data) for name, data in call.files.values()]
        self._world.enter_message(message)
        self._world.deliver(message)
        return message

    def _change(self, message: Message, body: Json) -> None:
        check_message(body, flags=message.flags, editing=True)
        message.flags &= ~MessageFlag.LOADING
        fill(message, body)
        message.edited_at = datetime.now(UTC)
        self._world.deliver(message, "MESSAGE_UPDATE")

    # ---------------------------------------------------------------------------------------------- webhooks

    async def _execute(self, call: ApiCall) -> object:
        interaction = self._interaction(call)
        check_message(call.body or {}, files=len(call.files))
        if interaction is None:
            return self._post_by_webhook(self._own(call), call)
        if interaction.callback is None:
            raise unknown_webhook()
        if interaction.original is not None and interaction.original.flags & MessageFlag.LOADING:
            # The first follow-up of a deferred answer becomes that answer.
            self._change(interaction.original, call.body)
            return payloads.message(interaction.original)
        message = self._say(interaction, call.body or {}, call)
        interaction.followups.append(message)
        return payloads.message(message)

    def _post_by_webhook(self, webhook: Webhook, call: ApiCall) -> object:
        body: Json = call.body or {}
        message = self._world.post(
            webhook.channel,
            webhook,
            body.get("content") or "",
            attachments=call.files.values(),
            embeds=body.get("embeds") or (),
            username=body.get("username"),
        )
        return payloads.message(message) if call.query.get("wait") in ("1", "true") else None

    async def _webhook(self, call: ApiCall) -> object:
        return _webhook_payload(self._own(call))

    async def _get(self, call: ApiCall) -> object:
        return payloads.message(self._answer(call))

    async def _edit(self, call: ApiCall) -> object:
        message = self._answer(call)
        self._change(message, call.body or {})
        return payloads.message(message)

    async def _delete(self, call: ApiCall) -> object:
        message = self._answer(call)
        if message.ephemeral:
            message.deleted = True
        else:
            self._world.delete(message)

    async def _of_channel(self, call: ApiCall) -> object:
        channel = self._api.channel(call, Permission.MANAGE_WEBHOOKS)
        return [_webhook_payload(one) for one in self._world.webhooks.values() if one.channel is channel]

    async def _create(self, call: ApiCall) -> object:
        channel = self._api.channel(call, Permission.MANAGE_WEBHOOKS)
        return _webhook_payload(self._world.create_webhook(channel, call.body["name"]))

    # ---------------------------------------------------------------------------------------------- finding things

    def _interaction(self, call: ApiCall) -> Interaction | None:
        if call.id("webhook_id") != self._world.application_id:
            return None
        interaction = self._interactions.by_token.get(call.text("webhook_token"))
        if interaction is None:
            raise unknown_webhook()
        return interaction

    def _own(self, call: ApiCall) -> Webhook:
        webhook = self._world.webhooks.get(call.id("webhook_id"))
        if webhook is None or webhook.token != call.text("webhook_token"):
            raise unknown_webhook()
        return webhook

    def _answer(self, call: ApiCall) -> Message:
        """The message of the path, of an interaction or of a webhook."""
        interaction, wanted = self._interaction(call), call.text("message_id")
        if interaction is None:
            webhook = self._own(call)
            message = webhook.channel.messages.get(int(wanted))
            if message is None or message.webhook is not webhook:
                raise unknown_message()
            return message
        mine = [interaction.original, *interaction.followups]
        found = mine[0] if wanted == "@original" else next((one for one in mine if one and str(one.id) == wanted), None)
        if found is None or found.deleted:
            raise unknown_message()
        return found


def _webhook_payload(webhook: Webhook) -> Json:
    return {
        "id": str(webhook.id),
        "type": 1,
        "guild_id": str(webhook.channel.home.id),
        "channel_id": str(webhook.channel.id),
        "name": webhook.name,
        "avatar": None,
        "token": webhook.token,
        "application_id": None,
    }
