"""The vocabulary: frozen dataclasses and enums that every other module speaks in.

The words are those of ThreatExchange, Coop and Ozone. Nothing in here imports anything else of ours, and nothing has
behaviour beyond its own rules. All times are aware UTC datetimes; all Discord ids are ints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

PHASH_BYTES = 32
"""Bytes of one 256-bit perceptual hash (imagehash.phash, hash size 16, bits packed big-endian, row by row)."""

ORIENTATIONS = 8
"""The flips and quarter turns of a square: the dihedral group of order 8."""


class Category(StrEnum):
    """What an entry or a report says that a picture is."""

    NCII_SYNTHETIC = "ncii_synthetic"
    NCII_REAL = "ncii_real"
    MINOR_SUSPECTED = "minor_suspected"
    HARASSMENT = "harassment"
    SCAM = "scam"
    OTHER = "other"


class Mode(StrEnum):
    """What a guild lets the bot do with a match."""

    OBSERVE = "observe"
    REVIEW = "review"
    REMOVE = "remove"


class BankKind(StrEnum):
    """Whether a bank lists abuse or pictures known to be harmless."""

    BLOCK = "block"
    KNOWN_GOOD = "known_good"


class BankLevel(StrEnum):
    """The most that a match with an entry of this bank may lead to."""

    OBSERVE = "observe"
    REVIEW = "review"
    REMOVE = "remove"


class Verdict(StrEnum):
    """How the scan of one media item ended."""

    CLEAR = "clear"
    REVIEW = "review"
    REMOVE = "remove"
    UNSCANNABLE = "unscannable"


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


_UNSCANNABLE_SENTENCES: dict[Unscannable, str] = {
    Unscannable.NO_PROXY: "Discord gave no media address of its own for it, and addresses chosen by a member are never fetched.",
    Unscannable.HOST_REFUSED: "Its address is not on one of Discord's media hosts, and other hosts are never fetched.",
    Unscannable.REDIRECT: "The media host redirected, and redirects are never followed.",
    Unscannable.GONE: "The media host no longer has it.",
    Unscannable.FETCH_FAILED: "The media host did not deliver it.",
    Unscannable.FETCH_TIMEOUT: "The media host was too slow.",
    Unscannable.TOO_LARGE: "The file is larger than the limit for scanning.",
    Unscannable.EMPTY: "The file is empty.",
    Unscannable.NOT_A_PICTURE: "The file is not a picture of a supported format.",
    Unscannable.VIDEO: "The file is a video, which this version does not read.",
    Unscannable.LOTTIE: "It is a vector sticker from Discord's own catalogue, which holds no picture.",
    Unscannable.BROKEN: "The picture is damaged and cannot be decoded.",
    Unscannable.TOO_MANY_PIXELS: "The picture has more pixels than the limit for scanning.",
    Unscannable.DECODE_TIMEOUT: "Decoding took too long and was stopped.",
    Unscannable.OUT_OF_MEMORY: "Decoding needed more memory than the limit allows.",
    Unscannable.WORKER_DIED: "The decoder stopped unexpectedly and was replaced.",
    Unscannable.TOO_PLAIN: "The picture is too plain to compare; only its exact file could be compared.",
    Unscannable.MALFORMED: "Discord described it in a form that could not be read.",
    Unscannable.UNREADABLE: "The file cannot be read.",
    Unscannable.INTERNAL: "An internal error stopped the scan.",
}


class Stage(StrEnum):
    """Which comparison found a match."""

    SHA256 = "sha256"
    PHASH = "phash"


class Form(StrEnum):
    """Which form of a picture was hashed: as it is, or with its uniform border cut off."""

    WHOLE = "whole"
    TRIMMED = "trimmed"


class Orientation(IntEnum):
    """How a query lies relative to the entry; the order of the hashes in :class:`View`."""

    UPRIGHT = 0
    MIRRORED = 1
    UPSIDE_DOWN_MIRRORED = 2
    TURNED_LEFT = 3
    UPSIDE_DOWN = 4
    TURNED_RIGHT = 5
    TRANSPOSED = 6
    TRANSVERSED = 7


# ------------------------------------------------------------------------------------------------- what was posted


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


# ------------------------------------------------------------------------------------------------- fingerprints


@dataclass(frozen=True, slots=True)
class View:
    """The hashes of one form of one frame.

    ``hashes`` is ``k * PHASH_BYTES`` bytes: ``k`` is ORIENTATIONS for a full view (in the order of
    :class:`Orientation`) or 1 for an upright one.
    """

    form: Form
    frame: int
    hashes: bytes

    def upright(self) -> View:
        """The same view with the upright hash alone."""
        return View(self.form, self.frame, self.hashes[:PHASH_BYTES])


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that is kept of a picture. The picture itself is gone when this exists.

    ``views`` is empty for a picture too plain to compare (``plain``): only ``sha256`` speaks for it then.
    ``quality`` is PDQ's gradient sum, 0 to 100.
    """

    sha256: bytes
    views: tuple[View, ...]
    width: int
    height: int
    frames: int
    quality: int

    @property
    def plain(self) -> bool:
        """Whether the picture is too plain to be compared by its look."""
        return not self.views

    def upright(self) -> Fingerprint:
        """The part that a sighting keeps: upright hashes only."""
        return Fingerprint(
            self.sha256,
            tuple(view.upright() for view in self.views),
            self.width,
            self.height,
            self.frames,
            self.quality,
        )


# ------------------------------------------------------------------------------------------------- banks


@dataclass(frozen=True, slots=True)
class Bank:
    """A named list. ``guild_id`` None: visible to every guild of this installation."""

    id: int
    name: str
    kind: BankKind
    guild_id: int | None
    level: BankLevel


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed picture, by its fingerprint. ``revoked_at`` set: it no longer matches anything."""

    id: int
    bank_id: int
    category: Category
    fingerprint: Fingerprint
    note: str
    added_by: int | None
    added_at: datetime
    source: str
    case_id: int | None = None
    revoked_at: datetime | None = None
    revoked_by: int | None = None
    hunted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Hamming distances between 256-bit hashes, of 256 bits.

    ``remove`` 43 is the largest distance with no false positive in 5.4 million unrelated and 12,040 hard pairs with
    eight orientations stored; ``review`` 64 has none in the unrelated pairs. ``margin``: how much nearer a post must
    lie to the blocked entry than to every known-good one before it is removed without a person.
    """

    remove: int = 43
    review: int = 64
    margin: int = 8


@dataclass(frozen=True, slots=True)
class Match:
    """A query lies near a blocked entry. ``distance`` and ``known_good_distance`` are bits of 256."""

    entry_id: int
    bank_id: int
    category: Category
    stage: Stage
    distance: int
    form: Form
    orientation: Orientation
    known_good_id: int | None = None
    known_good_distance: int | None = None
    frames_matched: int = 1
    frames_compared: int = 1

    @property
    def margin(self) -> int | None:
        """How much nearer the query is to the entry than to any known-good entry; None if none is near."""
        return None if self.known_good_distance is None else self.known_good_distance - self.distance


# ------------------------------------------------------------------------------------------------- decisions


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What one guild decided. A guild that never ran /setup has the defaults, and no review channel."""

    guild_id: int
    mode: Mode = Mode.OBSERVE
    review_channel_id: int | None = None
    moderator_role_id: int | None = None
    child_safety_role_id: int | None = None
    scan_webhooks: bool = True
    scan_bots: bool = False
    scan_avatars: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What policy wants done about one media item, with its reasons in plain words.

    ``verdict`` is what the comparison says; ``delete``, ``open_case`` and ``log`` are what the guild's mode and the
    bank's level allow to be done about it.
    """

    verdict: Verdict
    match: Match | None = None
    delete: bool = False
    open_case: bool = False
    log: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """The outcome for one media item: its fingerprint and plan, or why it could not be scanned."""

    plan: Plan
    fingerprint: Fingerprint | None = None
    sha256: bytes | None = None
    unscannable: Unscannable | None = None


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DECIDED = "decided"


class Decision(StrEnum):
    """What a moderator decided about a case."""

    CONFIRM = "confirm"
    NOT_A_MATCH = "not_a_match"


class CaseOrigin(StrEnum):
    """What opened a case."""

    MATCH = "match"
    REPORT = "report"
    BLOCK = "block"
    HUNT = "hunt"


@dataclass(frozen=True, slots=True)
class Case:
    """A picture cluster in one guild on which people decide. ``version`` guards every change (compare-and-set)."""

    id: int
    guild_id: int
    category: Category
    origin: CaseOrigin
    state: CaseState
    version: int
    opened_at: datetime
    entry_id: int | None
    match: Match | None
    thresholds: Thresholds
    program_version: str
    fingerprint: Fingerprint | None
    reasons: tuple[str, ...] = ()
    decision: Decision | None = None
    decided_by: int | None = None
    decided_at: datetime | None = None
    card_channel_id: int | None = None
    card_message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One media item that was seen: its fingerprint, where and when. The author is kept only if it matched."""

    id: int
    message: MessageRef
    media_id: str
    surface: Surface
    seen_at: datetime
    verdict: Verdict
    fingerprint: Fingerprint | None
    unscannable: Unscannable | None = None
    entry_id: int | None = None
    distance: int | None = None
    margin: int | None = None
    case_id: int | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One line of a case's history. ``actor_id`` None: the bot itself. ``detail`` never holds message text."""

    case_id: int
    at: datetime
    kind: str
    actor_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """All that a card shows, read in one transaction."""

    case: Case
    bank: Bank | None
    entry: Entry | None
    sightings: tuple[Sighting, ...]
    sighting_count: int
    removed_count: int
    report_count: int
    events: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report. The reporter is never shown to the reported member."""

    id: int
    case_id: int
    guild_id: int
    reporter_id: int
    category: Category
    created_at: datetime
    outcome_sent: bool = False


class CallKind(StrEnum):
    """A Discord call that the outbox carries out."""

    DELETE_MESSAGE = "delete_message"
    POST_CARD = "post_card"
    EDIT_CARD = "edit_card"
    NOTIFY = "notify"
    LOG_LINE = "log_line"


@dataclass(frozen=True, slots=True)
class Call:
    """A pending Discord call.

    ``key`` makes it happen once: a second call with the same key is not written. Calls with the same ``lane`` run one
    after the other in the order written. ``payload`` holds ids and ready sentences, never a picture.
    """

    kind: CallKind
    key: str
    lane: str
    payload: dict[str, int | str | None]
    case_id: int | None = None
    guild_id: int | None = None
