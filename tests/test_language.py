"""What members read is translated, in every language and wholly; and every translation keeps what the English holds."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from hypothesis import given
from hypothesis import strategies as st

from bot import language as languages
from bot.language import catalogue, catalogue_file, mark, say, say_count
from bot.model import Language
from scripts import catalogues
from scripts.catalogues import LANGUAGES, Message, Unreadable, collect, placeholders, read, texts, updated
from tests.unmarked import only_marked_texts

ROOT = Path(__file__).parents[1]
MESSAGES = collect(ROOT)
MARKUP = (
    r"`[^`]+`",  # commands
    r"<[@#t/:][^>]*>",  # mentions and times
    r"https?://[^\s)>]+",
    r"\*+|__|~~|\|\|",
    r"^(?:#+|-#|-|>) ",
    r"\n",
)


def stored(language: Language) -> Catalog:
    return read(catalogue_file(language).read_bytes(), language)


def markup(text: str) -> Counter[str]:
    """What of a text has to stand in every translation as often."""
    return Counter(found for pattern in MARKUP for found in re.findall(pattern, text, re.MULTILINE))


# --------------------------------------------------------------------------------------------- the catalogues


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language: Language) -> None:
    catalogue = stored(language)
    assert {message.id for message in catalogue if message.id} == {message.id for message in MESSAGES}
    assert catalogues.untranslated(catalogue) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_as_the_script_writes_them(language: Language) -> None:
    data = catalogue_file(language).read_bytes()
    assert updated(data, language, MESSAGES) == data, "run python scripts/catalogues.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_names_commands_markup_and_addresses(language: Language) -> None:
    for message in stored(language):
        # The form for one may name the number or not, as the English does.
        sources = (message.id,) if isinstance(message.id, str) else message.id
        for translation in texts(message) if message.id else ():
            kept = (placeholders(translation), markup(translation))
            assert kept in [(placeholders(source), markup(source)) for source in sources], message.id
            assert translation == translation.strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_as_many_plurals_as_the_language_has(language: Language) -> None:
    catalogue = stored(language)
    for message in catalogue:
        if message.pluralizable:
            assert len(texts(message)) == catalogue.num_plurals, message.id


@pytest.mark.parametrize("language", list(Language))
def test_labels_are_as_short_as_discord_wants_them(language: Language) -> None:
    for message in MESSAGES:
        if message.most is not None:
            assert len(say(language, message.text)) <= message.most, message.text


# --------------------------------------------------------------------------------------------- saying


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("es-ES", Language.SPANISH),
        ("es-419", Language.SPANISH),
        ("ko", Language.KOREAN),
        ("ja", Language.JAPANESE),
        ("id", Language.INDONESIAN),
        ("en-GB", Language.ENGLISH),
        ("en-US", Language.ENGLISH),
        ("fr", Language.ENGLISH),
        ("", Language.ENGLISH),
        (None, Language.ENGLISH),
    ],
)
def test_every_locale_has_a_language(locale: str | None, language: Language) -> None:
    assert Language.of(locale) is language


@given(st.sampled_from(Language), st.text())
def test_a_text_that_no_catalogue_has_is_said_as_it_stands(language: Language, text: str) -> None:
    if text not in {message.text for message in MESSAGES}:
        assert say(language, text) == text


@given(st.sampled_from(Language), st.text(), st.integers(0))
def test_values_are_put_in_as_they_are(language: Language, value: str, number: int) -> None:
    assert say(language, "Of nothing: {value}", value=value) == f"Of nothing: {value}"
    assert say_count(language, "{number} of {it}", "{number} of {it}s", number, it=value).startswith(f"{number} of")


def test_a_language_without_a_catalogue_is_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(languages, "LOCALES", tmp_path)
    catalogue.cache_clear()
    try:
        assert say(Language.KOREAN, MESSAGES[0].text) == MESSAGES[0].text
        assert say_count(Language.KOREAN, "{number} copy", "{number} copies", 2) == "2 copies"
    finally:
        catalogue.cache_clear()


def test_a_text_that_nobody_marked_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"marked nowhere: .*by nobody"), only_marked_texts():
        languages.say(Language.KOREAN, "by nobody")
    with only_marked_texts():
        languages.say(Language.KOREAN, MESSAGES[0].text)
        languages.say(Language.ENGLISH, "by nobody")


def test_marking_changes_nothing() -> None:
    assert mark("Report picture", most=32) == "Report picture"


# --------------------------------------------------------------------------------------------- collecting


def code(folder: Path, text: str) -> list[Message]:
    """What is collected out of a program of one module."""
    for name in catalogues.CODE:
        (folder / name).mkdir(exist_ok=True)
    (folder / "cogs" / "module.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return collect(folder)


def test_each_way_of_saying_something_is_collected(tmp_path: Path) -> None:
    found = code(
        tmp_path,
        """
        from discord import app_commands
        from bot import language as spoken
        from bot.language import mark, say as tell, say_count

        LABEL = mark("a label", most=45)
        tell(member, "one " "sentence")
        tell(member, "yes" if right else "no")
        tell(member, LABEL)
        spoken.say(member, "to {name}", name=name)
        say_count(member, "{number} copy", "{number} copies", 3)
        app_commands.locale_str("described")
        app_commands.locale_str("a menu", most=32)
        """,
    )
    assert set(found) == {
        Message("a label", most=45),
        Message("one sentence"),
        Message("yes"),
        Message("no"),
        Message("to {name}"),
        Message("{number} copy", "{number} copies"),
        Message("described", most=100),
        Message("a menu", most=32),
    }
    assert found == sorted(found, key=lambda message: message.text)


def test_answers_to_interactions_are_no_messages(tmp_path: Path) -> None:
    assert code(tmp_path, 'from .ui.answers import say\nsay(interaction, "for moderators")') == []


def test_the_shortest_limit_counts(tmp_path: Path) -> None:
    text = 'from bot.language import mark\nmark("a")\nmark("a", most=45)\nmark("a", most=32)'
    assert code(tmp_path, text) == [Message("a", most=32)]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('say(member, f"{one} and {two}")', "not put together"),
        ('say(member, "one" + two)', "not put together"),
        ('say(member, "{one} and {two}", one=1)', "no value for two"),
        ('say_count(member, "{number} {it}", "{number} {it}s", 3)', "no value for it"),
        ("say_count(member, ONE, MANY, 3)", "say_count takes two texts"),
        ("mark(text)", "marked where it stands"),
        ('mark("{one")', "braces"),
    ],
)
def test_what_cannot_be_collected_is_named_with_its_place(tmp_path: Path, call: str, problem: str) -> None:
    with pytest.raises(Unreadable, match=rf"cogs/module\.py:2: .*{problem}"):
        code(tmp_path, f"from bot.language import mark, say, say_count\n{call}")


# --------------------------------------------------------------------------------------------- updating


def test_an_update_keeps_what_was_translated_and_drops_what_is_gone() -> None:
    before = updated(None, Language.SPANISH, [Message("stays"), Message("goes")])
    before = before.replace(b'"stays"\nmsgstr ""', b'"stays"\nmsgstr "queda"').replace(
        b'"goes"\nmsgstr ""', b'"goes"\nmsgstr "va"'
    )
    after = updated(
        before, Language.SPANISH, [Message("new", most=45), Message("stays"), Message("{number}", "{number}s")]
    )
    text = after.decode()
    assert 'msgid "stays"\nmsgstr "queda"' in text
    assert "va" not in text
    assert '#. At most 45 characters.\nmsgid "new"\nmsgstr ""' in text
    assert catalogues.untranslated(read(after, Language.SPANISH)) == ["new", "{number}"]
    assert (
        updated(after, Language.SPANISH, [Message("stays"), Message("{number}", "{number}s"), Message("new", most=45)])
        == after
    )


def test_a_similar_text_is_not_taken_for_its_translation() -> None:
    before = updated(None, Language.SPANISH, [Message("It is removed now.")])
    before = before.replace(b'msgid "It is removed now."\nmsgstr ""', b'msgid "It is removed now."\nmsgstr "Ya."')
    assert b"Ya." in before
    after = updated(before, Language.SPANISH, [Message("It is not removed now.")])
    assert b"Ya." not in after


def test_no_dates_and_no_line_numbers_make_a_difference() -> None:
    text = updated(None, Language.KOREAN, [Message("a")]).decode()
    assert not re.search(r"Date|Generated|\.py:", text)
    assert "charset=utf-8" in text
