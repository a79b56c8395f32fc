"""What was posted: messages, their media items, and why one could not be scanned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Surface(StrEnum):
    """Where in a message a media item sat."""

    ATTACHMENT = "attachment"
    EMBED_IMAGE = "embed_image"
    EMBED_THUMBNAIL = "embed_thumbnail"
    EMBED_VIDEO = "embed_video"
    EMBED_ICON = "embed_icon"
    STICKER = "sticker"
    EMOJI = "emoji"
    COMPONENT = "component"
    AVATAR = "avatar"
    COMMAND = "command"
    FILE = "file"


class Unscannable(StrEnum):
    """Why a media item could not be scanned; ``sentence`` tells a person."""

    NO_PROXY = "no_proxy"
    HOST_REFUSED = "host_refused"
    REDIRECT = "redirect"
    GONE = "gone"
    FETCH_FAILED = "fetch_failed"
    FETCH_TIMEOUT = "fetch_timeout"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_A_PICTURE = "not_a_picture"
    VIDEO = "video"
    LOTTIE = "lottie"
    BROKEN = "broken"
    TOO_MANY_PIXELS = "too_many_pixels"
    DECODE_TIMEOUT = "decode_timeout"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    TOO_PLAIN = "too_plain"
    MALFORMED = "malformed"
    UNREADABLE = "unreadable"
    INTERNAL = "internal"

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        return _UNSCANNABLE_SENTENCES[self]


class Passing(StrEnum):
    """A failure that is no fault of the media item and may pass: it is scanned again later.

    ``HOST``: the media host did not deliver. ``BLIND``: no process can decode anything at the moment.
    """

    HOST = "host"
    BLIND = "blind"


_UNSCANNABLE_SENTENCES: dict[Unscannable, str] = {
    Unscannable.NO_PROXY: (
        "Discord gave no media address of its own for it, and addresses chosen by a member are never fetched."
    ),
    Unscannable.HOST_REFUSED: "Its address is not on one of Discord's media hosts, and other hosts are never fetched.",
    Unscannable.REDIRECT: "The media host redirected, and redirects are never followed.",
    Unscannable.GONE: "The media host no longer has it.",
    Unscannable.FETCH_FAILED: "The media host did not deliver it.",
    Unscannable.FETCH_TIMEOUT: "The media host was too slow.",
    Unscannable.TOO_LARGE: "The file is larger than the limit for scanning, or the video longer.",
    Unscannable.EMPTY: "The file is empty.",
    Unscannable.NOT_A_PICTURE: "The file is not a picture of a supported format.",
    Unscannable.VIDEO: (
        'It is a video, or a part of one, that is not read here: videos need the extra "video" '
        "(mp4, mov and webm; others are never read)."
    ),
    Unscannable.LOTTIE: (
        "It is a vector sticker (Lottie), which holds no picture to compare; a person has to look at the message."
    ),
    Unscannable.BROKEN: "The file is damaged and cannot be decoded.",
    Unscannable.TOO_MANY_PIXELS: "The picture has more pixels than the limit for scanning.",
    Unscannable.DECODE_TIMEOUT: "Decoding took too long and was stopped.",
    Unscannable.OUT_OF_MEMORY: "Decoding needed more memory than the limit allows.",
    Unscannable.WORKER_DIED: "The decoder stopped unexpectedly and was replaced.",
    Unscannable.TOO_PLAIN: (
        "The picture is too plain, or too symmetric, to compare; only its exact file could be compared."
    ),
    Unscannable.MALFORMED: "Discord described it in a form that could not be read.",
    Unscannable.UNREADABLE: "The file cannot be read.",
    Unscannable.INTERNAL: "An internal error stopped the scan.",
}


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message a media item belongs to. Holds no text of the message."""

    guild_id: int
    channel_id: int
    message_id: int
    author_id: int | None = None
    author_is_bot: bool = False
    webhook_id: int | None = None
    edited: bool = False

    @property
    def member_id(self) -> int | None:
        """The member who posted it; None for webhooks and bots, whom nobody can write to or sanction."""
        return None if self.webhook_id is not None or self.author_is_bot else self.author_id

    @property
    def link(self) -> str:
        """The address that opens the message in a Discord client."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


@dataclass(frozen=True, slots=True)
class MediaRef:
    """One media item of a message that can be fetched.

    ``media_id`` is stable over repeated deliveries of the same item, so that an edit or a late embed does not scan it
    twice; ``url`` is used exactly as delivered (signed URLs break otherwise).
    """

    media_id: str
    surface: Surface
    url: str
    filename: str | None = None
    size: int | None = None
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class UnscannableRef:
    """One media item of a message that can not be fetched, and why."""

    media_id: str
    surface: Surface
    reason: Unscannable
    forwarded: bool = False


SeenMedia = MediaRef | UnscannableRef
