"""Words that several parts share: categories, languages, modes, banks' kinds and levels, verdicts, stages."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What an entry or a report says that a picture is."""

    NCII_SYNTHETIC = "ncii_synthetic"
    NCII_REAL = "ncii_real"
    MINOR_SUSPECTED = "minor_suspected"
    HARASSMENT = "harassment"
    SCAM = "scam"
    OTHER = "other"


class Language(StrEnum):
    """A language in which members are answered, by its ISO 639-1 code."""

    ENGLISH = "en"
    KOREAN = "ko"
    JAPANESE = "ja"
    SPANISH = "es"
    INDONESIAN = "id"

    @classmethod
    def of(cls, locale: str | None) -> Language:
        """The language of a locale as Discord writes it, such as ``es-419``; English for every other one."""
        code = (locale or "").partition("-")[0].lower()
        return next((language for language in cls if language == code), cls.ENGLISH)


class Mode(StrEnum):
    """What a guild lets the bot do with a match."""

    OBSERVE = "observe"
    REVIEW = "review"
    REMOVE = "remove"


class NearMatches(StrEnum):
    """What happens to a message whose picture is near an entry, but not near enough to be removed.

    ``hold``: it is deleted at once and decided later; only what known-good entries and the list's level allow.
    """

    LEAVE = "leave"
    HOLD = "hold"


class LaneOrder(StrEnum):
    """What comes first where a minor is suspected: removing the message, or telling the child-safety role.

    ``alert_first`` leaves it standing until they reported it to Discord, which needs the message for that.
    """

    DELETE_AT_ONCE = "delete_at_once"
    ALERT_FIRST = "alert_first"


class BankKind(StrEnum):
    """Whether a bank lists abuse or pictures known to be harmless."""

    BLOCK = "block"
    KNOWN_GOOD = "known_good"


class BankLevel(StrEnum):
    """The most that a match with an entry of this bank may lead to."""

    OBSERVE = "observe"
    REVIEW = "review"
    STRICT = "strict"
    REMOVE = "remove"


class Strictness(StrEnum):
    """How much evidence a guild asks for before a post is removed without a person.

    ``auto`` is strict until the guild sees enough known-good entries.
    """

    AUTO = "auto"
    STANDARD = "standard"
    STRICT = "strict"


class Verdict(StrEnum):
    """How the scan of one media item ended."""

    CLEAR = "clear"
    REVIEW = "review"
    REMOVE = "remove"
    UNSCANNABLE = "unscannable"


class Stage(StrEnum):
    """Which comparison found a match.

    ``sha256`` and ``md5``: the very file. ``phash``: the whole picture, verified by its gradients where the entry has
    them. ``local``: local features and an alignment. ``pdq``: an entry that is a PDQ hash and nothing else.
    """

    SHA256 = "sha256"
    MD5 = "md5"
    PHASH = "phash"
    LOCAL = "local"
    PDQ = "pdq"


class Part(StrEnum):
    """Which part of a posted picture was compared."""

    WHOLE = "whole"
    TRIMMED = "trimmed"
    BOX = "box"
    ROTATED = "rotated"
    SPLIT = "split"
    APPROXIMATION = "approximation"

    @property
    def guessed(self) -> bool:
        """Whether its frame is a guess: an innocent original lies as near to it as a copy, so it never removes."""
        return self in (Part.SPLIT, Part.APPROXIMATION)

    @property
    def boxed(self) -> bool:
        """Whether it is a rectangle that was found within the picture, upright or tilted."""
        return self in (Part.BOX, Part.ROTATED)
