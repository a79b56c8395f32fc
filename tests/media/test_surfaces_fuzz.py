"""The walk over any JSON at all: it never raises, never grows without bound, and fetches no address of a member's."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.media import surfaces
from bot.model import MediaRef, Surface

from .payloads import CDN, EXTERNAL, attachment, media, message

KEYS = [
    *("id", "channel_id", "guild_id", "author", "member", "avatar", "bot", "webhook_id", "edited_timestamp"),
    *("content", "attachments", "embeds", "components", "sticker_items", "stickers", "format_type"),
    *("message_snapshots", "message", "poll", "answers", "poll_media", "emoji"),
    *("image", "thumbnail", "video", "footer", "proxy_icon_url", "icon_url", "url", "proxy_url"),
    *("media", "file", "items", "accessory", "attachment_id", "filename", "size", "type"),
]
MEMBERS_URL = "https://member.example/picture.png"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["1", "1300000000000000001", MEMBERS_URL, EXTERNAL, "https://[", "<:e:5>", "a_12", "http://x"])
)
json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=60,
)


@st.composite
def discord_shaped(draw: st.DrawFn) -> dict[str, Any]:
    """A rich message in which some values, at any depth, have become something else."""
    rich = message(
        attachments=[attachment(1), attachment(2)],
        embeds=[{"image": media(MEMBERS_URL), "author": {"proxy_icon_url": EXTERNAL}, "video": media(MEMBERS_URL)}],
        components=[{"type": 17, "components": [{"type": 12, "items": [{"media": media(MEMBERS_URL)}]}]}],
        sticker_items=[{"id": "3", "format_type": 4}],
        message_snapshots=[
            {"message": {"attachments": [attachment(4)], "embeds": [{"thumbnail": media(MEMBERS_URL)}]}}
        ],
        poll={"answers": [{"poll_media": {"emoji": {"id": "6"}}}]},
        content="<a:e:7>",
        member={"avatar": "ab"},
    )
    for _ in range(draw(st.integers(1, 6))):
        node: Any = rich
        while True:
            places = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not places:
                break
            place = draw(st.sampled_from(places))
            if isinstance(node[place], dict | list) and node[place] and draw(st.booleans()):
                node = node[place]
                continue
            node[place] = draw(json)
            break
    return rich


def addresses(node: Any) -> set[str]:
    """Every address that Discord made, anywhere in the JSON."""
    if isinstance(node, list):
        return {found for child in node for found in addresses(child)}
    if not isinstance(node, dict):
        return set()
    own = {value for key, value in node.items() if key.startswith("proxy_") and isinstance(value, str)}
    return own.union(*(addresses(child) for child in node.values()))


def check(data: Any) -> None:
    walked = surfaces.walk(data, cdn_url=CDN, avatars=True)
    if walked is None:
        return
    reference, items = walked
    assert all(0 < number < 2**63 for number in (reference.guild_id, reference.channel_id, reference.message_id))
    assert len(items) <= surfaces.MOST_ITEMS + 1
    assert len({item.media_id for item in items}) == len(items)
    made_by_discord = addresses(data)
    for item in items:
        assert len(item.media_id) < 200
        if isinstance(item, MediaRef) and item.surface is not Surface.ATTACHMENT:
            assert item.url in made_by_discord or item.url.startswith((f"{CDN}/", "https://media.discordapp.net/"))


@settings(max_examples=300, deadline=None)
@given(json)
def test_any_json(data: Any) -> None:
    check(data)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), json))
def test_any_message(parts: dict[str, Any]) -> None:
    check(message(**parts))


@settings(max_examples=300, deadline=None)
@given(discord_shaped())
def test_messages_with_something_wrong_in_them(data: dict[str, Any]) -> None:
    check(data)


@settings(max_examples=100, deadline=None)
@given(json)
def test_something_wrong_hides_nothing_beside_it(junk: Any) -> None:
    data = message(attachments=[junk, attachment(1)], embeds=junk, components=junk, sticker_items=[junk])
    walked = surfaces.walk(data, cdn_url=CDN)
    assert walked is not None
    assert "attachment:1" in {item.media_id for item in walked[1]}
