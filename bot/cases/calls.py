"""The pending Discord calls of a case, as rows of the outbox. Keys make each of them happen once."""

from __future__ import annotations

from bot.model import Call, CallKind, Case, GuildSettings, MessageRef

DELETE_REASON = "stanguard: matches the blocklist"


def lane(case_id: int) -> str:
    """Cards of one case are posted and edited one after the other."""
    return f"case:{case_id}"


def delete(message: MessageRef, case_id: int) -> Call:
    """Delete a message, once however many of its pictures match."""
    return Call(
        CallKind.DELETE_MESSAGE,
        key=f"delete:{message.message_id}",
        lane=f"message:{message.message_id}",
        payload={
            "channel_id": message.channel_id,
            "message_id": message.message_id,
            "reason": f"{DELETE_REASON} (case {case_id})",
        },
        case_id=case_id,
        guild_id=message.guild_id,
    )


def post_card(case: Case, guild: GuildSettings) -> Call | None:
    """Post the card of a case, once; None while the guild has no review channel."""
    if guild.review_channel_id is None:
        return None
    return _card(CallKind.POST_CARD, case, f"card:{case.id}", {"channel_id": guild.review_channel_id})


def edit_card(case: Case, cause: str) -> Call:
    """Draw the card of a case again. ``cause`` is unique for the change, so that it is not drawn twice."""
    return _card(CallKind.EDIT_CARD, case, f"card:{case.id}:{cause}", {})


def _card(kind: CallKind, case: Case, key: str, payload: dict[str, int | str | None]) -> Call:
    return Call(kind, key=key, lane=lane(case.id), payload=payload, case_id=case.id, guild_id=case.guild_id)


def notify(user_id: int, text: str, *, key: str, case: Case) -> Call:
    """Write to a member, once."""
    return Call(
        CallKind.NOTIFY,
        key=key,
        lane=f"user:{user_id}",
        payload={"user_id": user_id, "text": text},
        case_id=case.id,
        guild_id=case.guild_id,
    )


def log_line(message: MessageRef, media_id: str, guild: GuildSettings, text: str) -> Call | None:
    """Tell the review channel in one line what would have happened; None without a review channel."""
    if guild.review_channel_id is None:
        return None
    return Call(
        CallKind.LOG_LINE,
        key=f"log:{message.message_id}:{media_id}",
        lane=f"log:{guild.guild_id}",
        payload={"channel_id": guild.review_channel_id, "text": text},
        guild_id=guild.guild_id,
    )
