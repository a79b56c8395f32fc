"""Finds every media item in the raw JSON of a message.

Raw, because parsed messages hide media: attachments that an embed or component uses, everything behind a component
that the library does not know. Attachments are fetched in their original bytes. Of everything else only ``proxy_url``
is ever used, Discord's own copy: ``url`` may be an address that a member chose.

Nothing here raises, whatever the JSON, and everything is bounded. Text is searched for emoji and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from bot.model import MediaRef, MessageRef, SeenMedia, Surface, Unscannable, UnscannableRef

from . import identity
from .formats import videos_readable

Json = Any

MOST_ITEMS = 200
"""Media items looked at in one message. Real messages have far fewer; one more item stands for all the others."""

_MOST_NODES = 5000
_DEEPEST = 64
_DEEPEST_FORWARD = 4
_LONGEST_TEXT = 20_000
_LONGEST_URL = 8192
_LONGEST_NAME = 260

_DISCORD_CDN = "https://cdn.discordapp.com"
_DISCORD_MEDIA = "https://media.discordapp.net"
_LOTTIE, _GIF = 3, 4

_EMOJI = re.compile(r"<a?:\w{1,64}:([0-9]{1,19})>", re.ASCII)
_AVATAR = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
_EMBED_MEDIA = ("image", "thumbnail", "video")
_EMBED_ICONS = ("author", "footer")
_HOLDS_MEDIA = frozenset({"media", "file"})


def walk(
    data: Mapping[str, Any], *, cdn_url: str, avatars: bool = False
) -> tuple[MessageRef, tuple[SeenMedia, ...]] | None:
    """The message and its media items, from the JSON of MESSAGE_CREATE or MESSAGE_UPDATE.

    None for a message outside of guilds, and for JSON that names no message. ``cdn_url``: where avatars, emoji and
    stickers are. ``avatars``: whether to include those of the author.
    """
    guild_id = identity.snowflake(_mapping(data).get("guild_id"))
    return None if guild_id is None else walk_message(data, guild_id=guild_id, cdn_url=cdn_url, avatars=avatars)


def walk_message(
    data: Mapping[str, Any], *, guild_id: int, cdn_url: str, avatars: bool = False
) -> tuple[MessageRef, tuple[SeenMedia, ...]] | None:
    """Like :func:`walk`, for messages whose JSON does not name their guild: from REST and in interactions."""
    message = _mapping(data)
    message_id, channel_id = identity.snowflake(message.get("id")), identity.snowflake(message.get("channel_id"))
    if message_id is None or channel_id is None:
        return None
    author = _mapping(message.get("author"))
    reference = MessageRef(
        guild_id=guild_id,
        channel_id=channel_id,
        message_id=message_id,
        author_id=identity.snowflake(author.get("id")),
        author_is_bot=author.get("bot") is True,
        webhook_id=identity.snowflake(message.get("webhook_id")),
        edited=message.get("edited_timestamp") is not None,
    )
    finder = _Finder(cdn_url.rstrip("/"))
    finder.message(message)
    if avatars:
        finder.avatars(reference, author, _mapping(message.get("member")))
    finder.emoji()
    return reference, tuple(finder.seen.values())


class _Finder:
    """Collects the media items of one message, each once, in the order in which they matter."""

    def __init__(self, cdn_url: str) -> None:
        self.seen: dict[str, SeenMedia] = {}
        self._cdn = cdn_url
        self._media_host = _DISCORD_MEDIA if cdn_url == _DISCORD_CDN else cdn_url
        self._forwarded = False
        self._emoji_ids: dict[int, bool] = {}

    def message(self, message: Mapping[str, Json], depth: int = 0) -> None:
        for position, item in self._list(message, "attachments", Surface.ATTACHMENT):
            self._attachment(item, position)
        for position, item in self._list(message, "embeds", Surface.EMBED_IMAGE):
            self._embed(item, position)
        self._tree(message.get("components"), Surface.COMPONENT)
        for key in ("sticker_items", "stickers"):
            for position, item in self._list(message, key, Surface.STICKER):
                self._sticker(item, position)
        for position, item in self._list(message, "message_snapshots", Surface.ATTACHMENT):
            self._snapshot(item, position, depth + 1)
        self._text(message.get("content"))
        self._tree(message.get("poll"), Surface.EMOJI)

    def avatars(self, message: MessageRef, author: Mapping[str, Json], member: Mapping[str, Json]) -> None:
        if message.author_id is None:
            return
        of_guild = f"guilds/{message.guild_id}/users/{message.author_id}/avatars"
        for holder, folder in ((author, f"avatars/{message.author_id}"), (member, of_guild)):
            name = holder.get("avatar")
            if name is None:
                continue
            if not isinstance(name, str) or not _AVATAR.fullmatch(name):
                self._unscannable(f"malformed:{folder}", Surface.AVATAR, Unscannable.MALFORMED)
                continue
            kind = "webp?size=512&animated=true" if name.startswith("a_") else "png?size=512"
            self._add(f"avatar:{message.author_id}:{name}", Surface.AVATAR, f"{self._cdn}/{folder}/{name}.{kind}")

    def emoji(self) -> None:
        """Emoji come last, so that no number of them crowds out anything else."""
        for emoji_id, forwarded in self._emoji_ids.items():
            self._forwarded = forwarded
            self._add(f"emoji:{emoji_id}", Surface.EMOJI, f"{self._cdn}/emojis/{emoji_id}.webp?animated=true")

    # ------------------------------------------------------------------------------------------- kinds of items

    def _attachment(self, item: Mapping[str, Json], position: int) -> None:
        attachment_id = identity.snowflake(item.get("id"))
        url = _address(item.get("url")) or _address(item.get("proxy_url"))
        if attachment_id is not None:
            media_id = identity.of_attachment(attachment_id)
        else:
            media_id = identity.of_address(url) if url else f"malformed:attachment:{position}"
        if url is None:
            self._unscannable(media_id, Surface.ATTACHMENT, Unscannable.MALFORMED)
            return
        name, size = item.get("filename"), item.get("size")
        self._add(
            media_id,
            Surface.ATTACHMENT,
            url,
            filename=name[:_LONGEST_NAME] if isinstance(name, str) else None,
            size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        )

    def _embed(self, embed: Mapping[str, Json], position: int) -> None:
        for key in _EMBED_ICONS:
            url = _address(_mapping(embed.get(key)).get("proxy_icon_url"))
            if url:
                self._add(identity.of_address(url), Surface.EMBED_ICON, url)
        image, still, video = (embed.get(key) for key in _EMBED_MEDIA)
        self._media(image, Surface.EMBED_IMAGE, f"image:{position}")
        if video:
            self._video(video, still, position)
        else:
            self._media(still, Surface.EMBED_THUMBNAIL, f"thumbnail:{position}")
        self._tree({key: value for key, value in embed.items() if key not in _EMBED_MEDIA}, Surface.EMBED_IMAGE)

    def _video(self, video: Json, still: Json, position: int) -> None:
        """A video of a link. Its still is an item too: it can match at once, and it may be another picture altogether.

        The video comes first, because the still of an attachment has its id. Where videos are not read, or Discord has
        no copy, as of a player's, the still stands for the video.
        """
        has_copy, has_still = (_address(_mapping(item).get("proxy_url")) is not None for item in (video, still))
        if (has_copy and videos_readable()) or not has_still:
            self._media(video, Surface.EMBED_VIDEO, f"video:{position}")
        if has_still:
            self._media(still, Surface.EMBED_VIDEO, f"still:{position}")

    def _media(self, item: Json, surface: Surface, place: str) -> None:
        """One object with ``url`` and ``proxy_url``, as embeds and components have them."""
        if not item:
            return
        media = _mapping(item)
        attachment_id = identity.snowflake(media.get("attachment_id"))
        proxy, url = _address(media.get("proxy_url")), _address(media.get("url"))
        known = proxy or url
        if attachment_id is not None:
            media_id = identity.of_attachment(attachment_id)
        else:
            media_id = identity.of_address(known) if known else f"malformed:{place}"
        if proxy:
            self._add(media_id, surface, proxy)
        else:
            self._unscannable(media_id, surface, Unscannable.NO_PROXY if url else Unscannable.MALFORMED)

    def _sticker(self, item: Mapping[str, Json], position: int) -> None:
        sticker_id = identity.snowflake(item.get("id"))
        if sticker_id is None:
            self._unscannable(f"malformed:sticker:{position}", Surface.STICKER, Unscannable.MALFORMED)
            return
        media_id, kind = f"sticker:{sticker_id}", item.get("format_type")
        if kind == _LOTTIE:
            self._unscannable(media_id, Surface.STICKER, Unscannable.LOTTIE)
        elif kind == _GIF:
            self._add(media_id, Surface.STICKER, f"{self._media_host}/stickers/{sticker_id}.gif")
        else:
            self._add(media_id, Surface.STICKER, f"{self._cdn}/stickers/{sticker_id}.png")

    def _snapshot(self, item: Mapping[str, Json], position: int, depth: int) -> None:
        message = item.get("message")
        if not isinstance(message, dict) or depth > _DEEPEST_FORWARD:
            self._unscannable(f"malformed:forward:{depth}:{position}", Surface.ATTACHMENT, Unscannable.MALFORMED)
            return
        before, self._forwarded = self._forwarded, True
        self.message(cast("dict[str, Json]", message), depth)
        self._forwarded = before

    def _text(self, text: Json) -> None:
        if isinstance(text, str):
            for emoji in _EMOJI.finditer(text[:_LONGEST_TEXT]):
                self._emoji(emoji[1])

    def _emoji(self, emoji_id: Json) -> None:
        known = identity.snowflake(emoji_id)
        if known is not None:
            self._emoji_ids.setdefault(known, self._forwarded)

    def _tree(self, root: Json, surface: Surface) -> None:
        """Media and emoji anywhere in a tree of components, known to us or not."""
        nodes = 0
        stack: list[tuple[str, Json, int]] = [("", root, 0)]
        while stack:
            key, node, depth = stack.pop()
            nodes += 1
            if nodes > _MOST_NODES or depth > _DEEPEST:
                self._unscannable(f"malformed:{surface}:tree", surface, Unscannable.MALFORMED)
                return
            if isinstance(node, str):
                self._text(node)
                continue
            if isinstance(node, dict):
                found = cast("dict[str, Json]", node)
                if "proxy_url" in found or (key in _HOLDS_MEDIA and "url" in found):
                    self._media(found, surface, f"{surface}:{nodes}")
                elif key == "emoji":
                    self._emoji(found.get("id"))
            stack.extend(reversed([(name, child, depth + 1) for name, child in _children(node)]))

    # ------------------------------------------------------------------------------------------- collecting

    def _list(self, holder: Mapping[str, Json], key: str, surface: Surface) -> Iterator[tuple[int, Mapping[str, Json]]]:
        """The objects of a list, with their position; what is no object, or no list, is counted as malformed."""
        items = holder.get(key)
        if items is None:
            return
        if not isinstance(items, list):
            self._unscannable(f"malformed:{key}", surface, Unscannable.MALFORMED)
            return
        for position, item in enumerate(cast("list[Json]", items)[: MOST_ITEMS + 1]):
            if isinstance(item, dict):
                yield position, cast("dict[str, Json]", item)
            else:
                self._unscannable(f"malformed:{key}:{position}", surface, Unscannable.MALFORMED)

    def _add(
        self, media_id: str, surface: Surface, url: str, *, filename: str | None = None, size: int | None = None
    ) -> None:
        if isinstance(self.seen.get(media_id), MediaRef) or self._full(media_id, surface):
            return
        self.seen[media_id] = MediaRef(media_id, surface, url, filename, size, self._forwarded)

    def _unscannable(self, media_id: str, surface: Surface, reason: Unscannable) -> None:
        if media_id not in self.seen and not self._full(media_id, surface):
            self.seen[media_id] = UnscannableRef(media_id, surface, reason, self._forwarded)

    def _full(self, media_id: str, surface: Surface) -> bool:
        if media_id in self.seen or len(self.seen) < MOST_ITEMS:
            return False
        self._too_many(surface)
        return True

    def _too_many(self, surface: Surface) -> None:
        rest = UnscannableRef("malformed:too-many", surface, Unscannable.MALFORMED, self._forwarded)
        self.seen.setdefault(rest.media_id, rest)


def _mapping(value: Json) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", value) if isinstance(value, Mapping) else {}


def _children(node: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(node, dict):
        yield from cast("dict[str, Json]", node).items()
    elif isinstance(node, list):
        yield from (("", child) for child in cast("list[Json]", node))


def _address(value: Json) -> str | None:
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_URL and value.startswith(("https://", "http://")):
        return value
    return None
