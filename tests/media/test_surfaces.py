"""Where pictures hide in a message: the message itself, its attachments and embeds."""

from typing import Any

import pytest

from bot.media import surfaces
from bot.model import MediaRef, MessageRef, Surface, Unscannable

from .payloads import CDN, EXTERNAL, SIGNED, attachment, media, message, only, reasons, seen

# ----------------------------------------------------------------------------------------------------- the message


def test_the_message_is_named() -> None:
    walked = surfaces.walk(message(edited_timestamp="2026-11-22T00:00:00+00:00", webhook_id="5"), cdn_url=CDN)
    assert walked is not None
    assert walked[0] == MessageRef(
        1100000000000000001, 1200000000000000001, 1300000000000000001, 1000000000000000001, webhook_id=5, edited=True
    )


def test_a_bot_is_known_as_one() -> None:
    walked = surfaces.walk(message(author={"id": "7", "bot": True}), cdn_url=CDN)
    assert walked is not None
    assert walked[0].author_is_bot


def test_an_update_without_author_is_walked() -> None:
    data = message(embeds=[{"image": media()}])
    del data["author"], data["content"], data["attachments"]
    assert only(data).surface is Surface.EMBED_IMAGE


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": "1", "channel_id": "2"},
        message(guild_id=None),
        message(guild_id="0"),
        message(id="nonsense"),
        message(channel_id=[]),
        message(id="9" * 5000),
        message(id=True),
        None,
        [],
        "text",
    ],
)
def test_no_message_of_a_guild(data: Any) -> None:
    assert surfaces.walk(data, cdn_url=CDN) is None


def test_a_payload_without_guild_is_walked_for_a_known_one() -> None:
    data = message(attachments=[attachment()])
    del data["guild_id"]
    assert surfaces.walk(data, cdn_url=CDN) is None
    walked = surfaces.walk_message(data, guild_id=9, cdn_url=CDN)
    assert walked is not None
    assert walked[0].guild_id == 9
    assert len(walked[1]) == 1


# ----------------------------------------------------------------------------------------------------- attachments


def test_an_attachment_is_fetched_in_its_original_bytes() -> None:
    assert only(message(attachments=[attachment(42)])) == MediaRef(
        "attachment:42",
        Surface.ATTACHMENT,
        f"{CDN}/attachments/1200000000000000001/42/picture.png{SIGNED}",
        "picture.png",
        1234,
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"content_type": "application/zip", "filename": "holiday.zip"},
        {"content_type": None, "filename": "noextension"},
        {"content_type": "video/mp4", "filename": "clip.mp4"},
        {"flags": 1 << 2 | 1 << 3},
        {"width": None, "height": None},
        {"ephemeral": True},
    ],
)
def test_nothing_about_an_attachment_excuses_it(parts: dict[str, Any]) -> None:
    assert only(message(attachments=[attachment(1, **parts)])).media_id == "attachment:1"


def test_all_attachments_count() -> None:
    assert len(seen(message(attachments=[attachment(number) for number in range(1, 11)]))) == 10


def test_the_media_id_outlasts_signatures_and_deliveries() -> None:
    first = only(message(attachments=[attachment(1)]))
    again = only(message(attachments=[attachment(1, url=attachment(1)["url"].replace("6740a000", "6750b000"))]))
    assert first.media_id == again.media_id
    assert first.url != again.url


def test_an_attachment_without_an_id_is_known_by_its_address() -> None:
    item = attachment(77)
    del item["id"]
    assert only(message(attachments=[item])).media_id == "attachment:77"


@pytest.mark.parametrize("item", [{}, {"id": "1"}, {"id": "1", "url": 5}, {"id": "1", "url": "ftp://x/y"}, None, 3, []])
def test_a_malformed_attachment_is_counted_and_hides_no_other(item: Any) -> None:
    data = message(attachments=[attachment(2), item, attachment(3)])
    assert [ref.media_id for ref in seen(data) if isinstance(ref, MediaRef)] == ["attachment:2", "attachment:3"]
    assert reasons(data) == [(Surface.ATTACHMENT, Unscannable.MALFORMED)]


@pytest.mark.parametrize(("given", "kept"), [(7, 7), (-1, None), ("7", None), (True, None), (None, None), (1.5, None)])
def test_sizes(given: Any, kept: int | None) -> None:
    assert only(message(attachments=[attachment(1, size=given)])).size == kept


# ----------------------------------------------------------------------------------------------------- embeds


@pytest.mark.parametrize(("key", "surface"), [("image", Surface.EMBED_IMAGE), ("thumbnail", Surface.EMBED_THUMBNAIL)])
def test_embeds_are_read_by_discords_copy_only(key: str, surface: Surface) -> None:
    item = only(message(embeds=[{key: media()}]))
    assert (item.surface, item.url) == (surface, EXTERNAL)


def test_every_embed_of_a_grid_counts() -> None:
    embeds = [{"url": "https://example.com", "image": media(proxy_url=f"{EXTERNAL}{number}")} for number in range(4)]
    assert len(seen(message(embeds=embeds))) == 4


def test_media_without_discords_copy_is_never_fetched() -> None:
    data = message(embeds=[{"image": media(proxy_url=None)}, {"thumbnail": {"width": 3}}])
    assert reasons(data) == [
        (Surface.EMBED_IMAGE, Unscannable.NO_PROXY),
        (Surface.EMBED_THUMBNAIL, Unscannable.MALFORMED),
    ]
    assert not [item for item in seen(data) if isinstance(item, MediaRef)]


def test_a_gif_picker_embed_is_read_by_its_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surfaces, "videos_readable", lambda: False)
    still, video = (
        "https://images-ext-2.discordapp.net/external/A/still.png",
        "https://images-ext-1.discordapp.net/v.mp4",
    )
    item = only(
        message(embeds=[{"type": "gifv", "thumbnail": media(proxy_url=still), "video": media(proxy_url=video)}])
    )
    assert (item.surface, item.url) == (Surface.EMBED_VIDEO, still)


def test_a_video_without_a_still_is_counted() -> None:
    video = "https://images-ext-1.discordapp.net/external/B/v.mp4"
    assert only(message(embeds=[{"video": media(proxy_url=video)}])).url == video
    player = message(embeds=[{"video": {"url": "https://video.example/embed/1"}}])
    assert reasons(player) == [(Surface.EMBED_VIDEO, Unscannable.NO_PROXY)]


def test_a_players_still_is_scanned() -> None:
    data = message(embeds=[{"video": {"url": "https://video.example/embed/1"}, "thumbnail": media()}])
    assert only(data).surface is Surface.EMBED_VIDEO


@pytest.mark.parametrize("key", ["author", "footer"])
def test_icons_count_where_discord_has_a_copy(key: str) -> None:
    with_copy = {key: {"icon_url": "https://example.com/i.png", "proxy_icon_url": EXTERNAL}}
    assert only(message(embeds=[with_copy])).surface is Surface.EMBED_ICON
    assert seen(message(embeds=[{key: {"icon_url": "https://example.com/i.png"}}])) == ()


def test_a_kind_of_embed_media_that_is_not_known_yet_counts() -> None:
    assert only(message(embeds=[{"gallery": {"items": [{"cover": media()}]}}])).url == EXTERNAL


def test_an_attachment_that_an_embed_shows_is_one_item() -> None:
    shown = media(attachment(5)["url"], attachment(5)["proxy_url"])
    assert only(message(embeds=[{"image": shown}])).media_id == "attachment:5"
    both = only(message(attachments=[attachment(5)], embeds=[{"image": shown, "thumbnail": shown}]))
    assert (both.surface, both.url) == (Surface.ATTACHMENT, attachment(5)["url"])


def test_nobody_can_pass_a_picture_off_as_another_attachment() -> None:
    forged = "https://images-ext-1.discordapp.net/external/HMAC/https/evil.example/attachments/1/5/picture.png"
    items = seen(
        message(
            attachments=[attachment(5)],
            embeds=[{"image": media("https://evil.example/attachments/1/5/picture.png", forged)}],
        )
    )
    assert [item.url for item in items if isinstance(item, MediaRef)] == [attachment(5)["url"], forged]


def test_one_external_picture_is_one_item_whatever_the_transformation() -> None:
    sized = EXTERNAL.replace("images-ext-1", "images-ext-2") + "?width=400&height=300&format=webp"
    assert only(message(embeds=[{"image": media()}, {"thumbnail": media(proxy_url=sized)}])).url == EXTERNAL


def test_parameters_that_tell_pictures_apart_are_kept() -> None:
    embeds = [{"image": media(proxy_url=f"https://media.discordapp.net/render?page={page}")} for page in range(3)]
    assert len(seen(message(embeds=embeds))) == 3
