"""Finds texts that are said in another language than English and are marked nowhere: no catalogue has them."""

from __future__ import annotations

import contextlib
import gettext
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bot import language as languages
from bot.model import Language
from scripts.catalogues import collect

ROOT = Path(__file__).parents[1]


@cache
def marked() -> frozenset[str]:
    """Every text that the code says, in the singular and in the plural."""
    return frozenset(text for message in collect(ROOT) for text in (message.text, message.many) if text is not None)


class Listener(gettext.NullTranslations):
    """Passes a catalogue's translations on, and writes down what is no message of the code."""

    def __init__(self, catalogue: gettext.NullTranslations, unmarked: set[str]) -> None:
        super().__init__()
        self._said = catalogue
        self._unmarked = unmarked

    def gettext(self, message: str) -> str:
        self._unmarked |= {message} - marked()
        return self._said.gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self._unmarked |= {msgid1, msgid2} - marked()
        return self._said.ngettext(msgid1, msgid2, n)


@contextlib.contextmanager
def only_marked_texts() -> Iterator[None]:
    """Fails in the end if a text was said in another language than English that nobody marked.

    The translator of the commands asks the catalogues itself: for moderators' descriptions too, which stay English.
    """
    unmarked: set[str] = set()
    catalogue = languages.catalogue

    def listened(language: Language) -> gettext.NullTranslations:
        found = catalogue(language)
        return found if language is Language.ENGLISH else Listener(found, unmarked)

    languages.catalogue = listened
    try:
        yield
    finally:
        languages.catalogue = catalogue
    assert not unmarked, f"said in another language than English, and marked nowhere: {sorted(unmarked)}"
