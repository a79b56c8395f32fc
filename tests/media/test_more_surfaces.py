"""Where pictures hide in a message: components, forwards, stickers, emoji, avatars; and how much is looked at."""

from typing import Any

import pytest

from bot.media import surfaces
from bot.model import MediaRef, Surface, Unscannable, UnscannableRef

from .payloads import CDN, EXTERNAL, attachment, media, message, only, reasons, seen

# ----------------------------------------------------------------------------------------------------- components


def test_components_are_walked_whatever_they_are() -> None:
    def at(number: int) -> dict[str, Any]:
        return media(f"https://x.example/{number}.png", f"{EXTERNAL}{number}", attachment_id=str(100 + number))

    tree = [
        {
            "type": 17,
            "components": [
                {"type": 9, "components": [{"type": 10, "content": "text"}], "accessory": {"type": 11, "media": at(1)}},
                {"type": 9, "components": [{"type": 10, "content": "no accessory"}]},
                {"type": 12, "items": [{"media": at(2)}, {"media": at(3), "spoiler": True}]},
                {"type": 13, "file": at(4)},
                {"type": 99, "future": {"things": [{"shown": at(5)}]}},
            ],
        }
    ]
    items = seen(message(flags=1 << 15, components=tree))
    assert [item.media_id for item in items] == [f"attachment:{number}" for number in range(101, 106)]
    assert all(item.surface is Surface.COMPONENT and isinstance(item, MediaRef) for item in items)


def test_a_link_button_is_no_media() -> None:
    button = {"type": 2, "style": 5, "url": "https://x.example"}
    assert seen(message(components=[{"type": 1, "components": [button]}])) == ()


@pytest.mark.parametrize("key", ["media", "file"])
def test_component_media_without_discords_copy(key: str) -> None:
    component = {"type": 11, key: {"url": "https://x.example/a.png"}}
    assert reasons(message(components=[component])) == [(Surface.COMPONENT, Unscannable.NO_PROXY)]


def test_buttons_and_texts_show_emoji() -> None:
    buttons = [{"type": 2, "emoji": {"id": "21", "name": "a"}}, {"type": 2, "emoji": {"name": "x"}}]
    tree = [{"type": 1, "components": buttons}, {"type": 10, "content": "look <:b:22>"}]
    assert {item.media_id for item in seen(message(components=tree))} == {"emoji:21", "emoji:22"}


# ----------------------------------------------------------------------------------------------------- the rest


def test_a_forward_is_walked_as_deep_as_it_goes() -> None:
    inner = {
        "attachments": [attachment(1)],
        "embeds": [{"image": media()}],
        "sticker_items": [{"id": "3", "name": "s", "format_type": 1}],
        "components": [{"type": 12, "items": [{"media": media(proxy_url=EXTERNAL + "2")}]}],
        "content": "<:emoji:4>",
        "message_snapshots": [{"message": {"attachments": [attachment(9)]}}],
    }
    items = seen(message(message_snapshots=[{"message": inner}], attachments=[attachment(2)]))
    assert [(item.media_id.split(":")[0], item.forwarded) for item in items] == [
        ("attachment", False),
        ("attachment", True),
        ("url", True),
        ("url", True),
        ("sticker", True),
        ("attachment", True),
        ("emoji", True),
    ]


@pytest.mark.parametrize("snapshot", [None, {}, {"message": None}, {"message": []}, 5])
def test_a_malformed_forward_is_counted(snapshot: Any) -> None:
    assert reasons(message(message_snapshots=[snapshot])) == [(Surface.ATTACHMENT, Unscannable.MALFORMED)]


def test_a_forward_within_a_forward_ends() -> None:
    data: dict[str, Any] = {"attachments": [attachment(1)]}
    for _ in range(50):
        data = {"message_snapshots": [{"message": data}]}
    assert reasons(message(**data)) == [(Surface.ATTACHMENT, Unscannable.MALFORMED)]


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (1, f"{CDN}/stickers/8.png"),
        (2, f"{CDN}/stickers/8.png"),
        (4, "https://media.discordapp.net/stickers/8.gif"),
        (9, f"{CDN}/stickers/8.png"),
        (None, f"{CDN}/stickers/8.png"),
    ],
)
def test_stickers(kind: int | None, url: str) -> None:
    item = only(message(sticker_items=[{"id": "8", "name": "s", "format_type": kind}]))
    assert (item.media_id, item.surface, item.url) == ("sticker:8", Surface.STICKER, url)


def test_stickers_of_another_cdn_are_all_there() -> None:
    data = message(sticker_items=[{"id": "8", "format_type": 4}], stickers=[{"id": "9", "format_type": 1}])
    items = seen(data, cdn_url="http://127.0.0.1:8080/")
    assert [item.url for item in items if isinstance(item, MediaRef)] == [
        "http://127.0.0.1:8080/stickers/8.gif",
        "http://127.0.0.1:8080/stickers/9.png",
    ]


def test_vector_stickers_and_stickers_without_id() -> None:
    data = message(sticker_items=[{"id": "8", "format_type": 3}, {"format_type": 1}])
    assert reasons(data) == [(Surface.STICKER, Unscannable.LOTTIE), (Surface.STICKER, Unscannable.MALFORMED)]


def test_emoji_in_text() -> None:
    items = seen(message(content="hi <:one:11> <a:two:12> <:one:11> <@13> <#14> <:x:> <::15> `<:three:16>`"))
    assert [item.media_id for item in items] == ["emoji:11", "emoji:12", "emoji:16"]
    assert isinstance(items[0], MediaRef)
    assert items[0].url == f"{CDN}/emojis/11.webp?animated=true"


def test_emoji_in_embeds_and_polls() -> None:
    poll = {"question": {"text": "?"}, "answers": [{"poll_media": {"text": "a", "emoji": {"id": "31", "name": "e"}}}]}
    embeds = [{"description": "<:d:32>", "fields": [{"name": "n", "value": "<a:v:33>"}]}]
    assert {item.media_id for item in seen(message(poll=poll, embeds=embeds))} == {"emoji:31", "emoji:32", "emoji:33"}


def test_avatars_only_when_asked_for() -> None:
    data = message(author={"id": "6", "avatar": "a_12ab"}, member={"avatar": "34cd"})
    assert seen(data) == ()
    items = seen(data, avatars=True)
    assert [(item.media_id, item.url) for item in items if isinstance(item, MediaRef)] == [
        ("avatar:6:a_12ab", f"{CDN}/avatars/6/a_12ab.webp?size=512&animated=true"),
        ("avatar:6:34cd", f"{CDN}/guilds/1100000000000000001/users/6/avatars/34cd.png?size=512"),
    ]


def test_a_webhooks_own_avatar() -> None:
    data = message(webhook_id="55", author={"id": "55", "bot": True, "avatar": "ab"})
    assert only(data, avatars=True).url == f"{CDN}/avatars/55/ab.png?size=512"


def test_an_avatar_is_no_way_to_another_address() -> None:
    data = message(author={"id": "6", "avatar": "../../attachments/1"})
    (item,) = seen(data, avatars=True)
    assert isinstance(item, UnscannableRef)


def test_text_is_not_kept() -> None:
    data = message(content="a secret", attachments=[attachment()], embeds=[{"title": "a secret", "image": media()}])
    assert "secret" not in repr(surfaces.walk(data, cdn_url=CDN))


def test_a_simulators_payload() -> None:
    url = "https://cdn.simcord.invalid/attachments/1/2/fan art 팬아트.png"
    item = {"id": "2", "filename": "fan art 팬아트.png", "size": 5, "url": url, "proxy_url": url}
    component = {"type": 13, "file": {**item, "attachment_id": "2"}}
    assert only(message(attachments=[item], components=[component])).url == url


# ----------------------------------------------------------------------------------------------------- bounds


def test_too_many_items_are_counted_as_one_more() -> None:
    items = seen(message(attachments=[attachment(number) for number in range(1, 500)]))
    assert sum(isinstance(item, MediaRef) for item in items) <= surfaces.MOST_ITEMS
    assert [item.media_id for item in items if isinstance(item, UnscannableRef)] == ["malformed:too-many"]


def test_emoji_crowd_nothing_out() -> None:
    crowd = " ".join(f"<:e:{number}>" for number in range(1000, 1600))
    inner = {"attachments": [attachment(7)], "content": crowd}
    embed = {"description": crowd, "image": media()}
    items = seen(message(content=crowd, embeds=[embed], message_snapshots=[{"message": inner}]))
    assert {"attachment:7"} < {item.media_id for item in items}
    assert any(item.surface is Surface.EMBED_IMAGE for item in items)
    assert len(items) == surfaces.MOST_ITEMS + 1


def test_a_bottomless_tree_ends() -> None:
    tree: dict[str, Any] = {"media": media()}
    for _ in range(3000):
        tree = {"components": [tree]}
    assert reasons(message(components=[tree])) == [(Surface.COMPONENT, Unscannable.MALFORMED)]


def test_a_boundless_tree_ends() -> None:
    data = message(components=[{"type": 1, "components": [{"type": 2}] * 100_000}])
    assert reasons(data) == [(Surface.COMPONENT, Unscannable.MALFORMED)]
