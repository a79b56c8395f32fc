"""What members read, in their own language: gettext catalogues under ``locales``, with English in the code itself.

Every sentence is its own English text, which is also its key. A language that lacks one falls back to English. The
catalogues are compiled when they are first needed, so that no compiled file has to be kept.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from .model import Language

DOMAIN = "stanguard"
LOCALES = Path(__file__).with_name("locales")


def mark(text: str, *, most: int | None = None) -> str:
    """A sentence that is translated where it is shown, by :func:`say`; here it stays English.

    ``most``: how many characters Discord takes there, for every translation too; tests/test_language.py measures them.
    """
    del most
    return text


def say(language: Language, text: str, /, **values: object) -> str:
    """A sentence in a language, with the values of its ``{names}``. Nothing is nothing in every language."""
    said = catalogue(language).gettext(text) if text else text  # gettext keeps a catalogue's header under no text
    return said.format(**values) if values else said


def say_count(language: Language, one: str, many: str, number: int, /, **values: object) -> str:
    """A sentence about a number, which fills ``{number}``, in the plural form that the language has for it."""
    return catalogue(language).ngettext(one, many, number).format(number=number, **values)


def catalogue_file(language: Language) -> Path:
    """Where the translations into a language are kept."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@cache
def catalogue(language: Language) -> gettext.NullTranslations:
    """The translations into a language; those into English, and of a language without a catalogue, change nothing."""
    path = catalogue_file(language)
    if language is Language.ENGLISH or not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        read = read_po(file, locale=language, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
