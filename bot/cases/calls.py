"""The pending Discord calls of a case, as rows of the outbox. Keys make each of them happen once."""

from __future__ import annotations

from bot.model import Call, CallKind, Case, GuildSettings, MessageRef, PayloadValue, Report

DELETE_REASON = "stanguard: matches the blocklist"
HOLD_REASON = "stanguard: reported by members, held until somebody decides"
OUTCOME = "outcome:"
"""How the keys of the calls begin that tell reporters what became of their reports; the report's number follows."""


def lane(case_id: int) -> str:
    """Cards of one case are posted and edited one after the other."""
    return f"case:{case_id}"


def delete(message: MessageRef, case_id: int, *, reason: str = DELETE_REASON) -> Call:
    """Delete a message, once however many of its pictures match. ``reason``: for Discord's audit log."""
    return Call(
        CallKind.DELETE_MESSAGE,
        key=f"delete:{message.message_id}",
        lane=f"message:{message.message_id}",
        payload={
            "channel_id": message.channel_id,
            "message_id": message.message_id,
            "reason": f"{reason} (case {case_id})",
        },
        case_id=case_id,
        guild_id=message.guild_id,
    )


def holds(call: Call) -> bool:
    """Whether a deletion was ordered because of members' reports, before anybody decided."""
    return str(call.payload.get("reason")).startswith(HOLD_REASON)


def first_card(case_id: int) -> str:
    """The key of the call that posts the first card of a case."""
    return f"card:{case_id}"


def card_channel(case: Case, guild: GuildSettings) -> int | None:
    """Where the card of a case belongs: suspected minors have a channel of their own, if the guild named one."""
    if case.in_lane and guild.child_safety_channel_id is not None:
        return guild.child_safety_channel_id
    return guild.review_channel_id


def misplaced(case: Case, guild: GuildSettings) -> bool:
    """Whether the card of a suspected minor stands in another channel than the one for these."""
    own = guild.child_safety_channel_id
    return case.in_lane and own is not None and case.card_message_id is not None and case.card_channel_id != own


def post_card(case: Case, guild: GuildSettings) -> Call | None:
    """Post the card of a case, once in each of its channels; None while the guild has no review channel.

    The guild's alert role is mentioned with it, which happens once for a case and never for a copy.
    """
    channel_id = card_channel(case, guild)
    if channel_id is None:
        return None
    own = case.in_lane and channel_id == guild.child_safety_channel_id
    role_id = guild.child_safety_role_id if own else guild.alert_role_id
    key = f"card:{case.id}:lane" if own else first_card(case.id)
    return _card(CallKind.POST_CARD, case, key, {"channel_id": channel_id, "mention_role": role_id})


def retire_card(case: Case) -> Call:
    """Delete the card of a case where it stands now."""
    return Call(
        CallKind.DELETE_MESSAGE,
        key=f"retire:{case.card_message_id}",
        lane=lane(case.id),
        payload={"channel_id": case.card_channel_id, "message_id": case.card_message_id, "reason": None},
        case_id=case.id,
        guild_id=case.guild_id,
    )


def edit_card(case: Case, cause: str) -> Call:
    """Draw the card of a case again. ``cause`` is unique for the change, so that it is not drawn twice."""
    return _card(CallKind.EDIT_CARD, case, f"card:{case.id}:{cause}", {})


def _card(kind: CallKind, case: Case, key: str, payload: dict[str, int | str | None]) -> Call:
    return Call(kind, key=key, lane=lane(case.id), payload=payload, case_id=case.id, guild_id=case.guild_id)


APPEAL_BUTTON = "Appeal"


def appeal_id(case_id: int) -> str:
    """The custom id of the button by which an author appeals: its press is answered from this alone."""
    return f"stanguard:appeal:{case_id}"


def notify(user_id: int, text: str, *, key: str, case: Case, appealable: bool = False) -> Call:
    """Write to a member, once; ``appealable``: with the button to appeal below."""
    payload: dict[str, PayloadValue] = {"user_id": user_id, "text": text}
    if appealable:
        payload["button"] = {"label": APPEAL_BUTTON, "custom_id": appeal_id(case.id)}
    return Call(
        CallKind.NOTIFY,
        key=key,
        lane=f"user:{user_id}",
        payload=payload,
        case_id=case.id,
        guild_id=case.guild_id,
    )


def outcome_key(report_id: int) -> str:
    """The key of the call that tells a reporter what became of their report."""
    return f"{OUTCOME}{report_id}"


def tell_reporter(report: Report, case: Case, text: str) -> Call:
    """Write to whoever made a report, once. The call names the report: no row tells who that is."""
    return Call(
        CallKind.NOTIFY,
        key=outcome_key(report.id),
        lane=f"report:{report.id}",
        payload={"report_id": report.id, "text": text, "language": report.language},
        case_id=case.id,
        guild_id=case.guild_id,
    )


def alert(case: Case, channel_id: int | None, role_id: int | None, text: str, cause: str) -> Call | None:
    """Say something about a case in a channel, with a role mentioned; None without a channel."""
    if channel_id is None:
        return None
    text = text if role_id is None else f"<@&{role_id}> {text}"
    return Call(
        CallKind.LOG_LINE,
        key=f"alert:{case.id}:{cause}",
        lane=lane(case.id),
        payload={"channel_id": channel_id, "text": text, "mention_role": role_id},
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


def line(guild: GuildSettings, channel_id: int, name: str, text: str, *, mention: int | None = None) -> Call:
    """Write a line to a guild's moderators, once for each name. ``mention``: the one role that it may ping."""
    return Call(
        CallKind.LOG_LINE,
        key=f"line:{guild.guild_id}:{name}",
        lane=f"log:{guild.guild_id}",
        payload={"channel_id": channel_id, "text": text, "mention_role": mention},
        guild_id=guild.guild_id,
    )
