"""Bring the translations in bot/locales up to date with what the code says: ``python scripts/catalogues.py``.

Collected is every ``say(language, "…")``, ``say_count(language, "one", "many", number)``, ``mark("…")`` and
``locale_str("…")`` of bot/ and cogs/. Translations are kept, new messages are added without one, and those that the
code no longer has are taken out. The files are sorted and hold no dates and no line numbers, so that a change of them
shows what changed. What lacks a translation is listed in the end, and the exit status is 1 then. With ``--check``
nothing is written.

The code is read as a syntax tree and not with babel's own extractor: ``say`` is also the name of what answers an
interaction, and only the imports tell the two apart.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import ast
import io
import logging
import re
import string
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Translation
from babel.messages.pofile import read_po, write_po

from bot.language import DOMAIN, catalogue_file
from bot.model import Language

ROOT = Path(__file__).parents[1]
CODE = ("bot", "cogs")
LANGUAGES = tuple(language for language in Language if language is not Language.ENGLISH)

LONGEST_LABEL = 100
"""Characters of a description or a choice of a command, which is what ``locale_str`` is for unless it says less."""

_FUNCTIONS = ("say", "say_count", "mark")
_HEADER = ("Language: ", "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ", "Plural-Forms: ")
_WIDTH = 120

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A text of the code. ``many``: its plural; ``most``: how many characters it may have in any language."""

    text: str
    many: str | None = None
    most: int | None = None

    @property
    def id(self) -> str | tuple[str, str]:
        """What babel calls it by."""
        return self.text if self.many is None else (self.text, self.many)


class Unreadable(Exception):  # noqa: N818 - what it is, in the words of the code
    """What the code says cannot be collected; the arguments are a sentence for each place."""


def main() -> None:
    """Update the catalogues, or only look at them."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing")
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        messages = collect(ROOT)
    except Unreadable as unreadable:
        sys.exit("\n".join(unreadable.args))
    lacking: defaultdict[str, list[Language]] = defaultdict(list)
    for language in LANGUAGES:
        path = catalogue_file(language)
        wanted = updated(path.read_bytes() if path.exists() else None, language, messages)
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted)
        missing = untranslated(read(wanted, language))
        _log.info("%s: %d of %d messages translated", language, len(messages) - len(missing), len(messages))
        for text in missing:
            lacking[text].append(language)
    for text, languages in lacking.items():
        _log.info("missing in %s: %s", ", ".join(languages), textwrap.shorten(text, _WIDTH))
    sys.exit(1 if lacking else 0)


# --------------------------------------------------------------------------------------------- catalogues


def updated(before: bytes | None, language: Language, messages: Iterable[Message]) -> bytes:
    """A catalogue file with exactly these messages, and with the translations that it had before."""
    template = Catalog(domain=DOMAIN)
    for message in messages:
        limit = () if message.most is None else (f"At most {message.most} characters.",)
        template.add(message.id, auto_comments=limit)
    catalogue = Catalog(str(language), DOMAIN) if before is None else read(before, language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.fuzzy = False
    catalogue.header_comment = "# Translations of stanguard. Update them with scripts/catalogues.py."
    file = io.BytesIO()
    write_po(file, catalogue, width=_WIDTH, no_location=True, sort_output=True, ignore_obsolete=True)
    return _without_dates(file.getvalue().decode()).encode()


def read(data: bytes, language: Language) -> Catalog:
    """A catalogue out of its file."""
    return read_po(io.BytesIO(data), locale=language, domain=DOMAIN)


def untranslated(catalogue: Catalog) -> list[str]:
    """The English of what has no translation, or one that nobody confirmed."""
    return [english(message) for message in catalogue if message.id and (message.fuzzy or "" in texts(message))]


def english(message: Translation) -> str:
    """The English text of a translation, in the singular."""
    return message.id if isinstance(message.id, str) else message.id[0]


def texts(message: Translation) -> tuple[str, ...]:
    """The translations of one message: one, or one for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def _without_dates(text: str) -> str:
    """A catalogue with those fields of its header alone that say how to read it."""
    head, separator, rest = text.partition("\n\n")
    lines = [line for line in head.splitlines() if not re.match(r'"[A-Za-z-]+: ', line) or line[1:].startswith(_HEADER)]
    return "\n".join(lines) + separator + rest.rstrip("\n") + "\n"


# --------------------------------------------------------------------------------------------- the code


def collect(root: Path) -> list[Message]:
    """Every message of the code, sorted; Unreadable when a call has no text that can be collected."""
    found: dict[tuple[str, str | None], Message] = {}
    problems: list[str] = []
    for path in sorted(file for folder in CODE for file in (root / folder).rglob("*.py")):
        reader = Reader(ast.parse(path.read_text(encoding="utf-8")))
        for message in reader.messages():
            key = (message.text, message.many)
            limits = [one.most for one in (message, found.get(key, message)) if one.most is not None]
            found[key] = replace(message, most=min(limits, default=None))
        problems += [f"{path.relative_to(root)}:{line}: {problem}" for line, problem in reader.problems]
    if problems:
        raise Unreadable(*problems)
    return sorted(found.values(), key=lambda message: (message.text, message.many or ""))


class Reader:
    """Finds the messages of one module. ``problems`` are lines and sentences about calls that hide theirs."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._names: dict[str, str] = {}
        self.problems: list[tuple[int, str]] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                self._learn(node)

    def _learn(self, node: ast.ImportFrom) -> None:
        """By which names the module calls the functions of bot.language, or that module itself."""
        module = (node.module or "").rpartition(".")[2]
        for alias in node.names:
            name = alias.asname or alias.name
            if module == "language" and alias.name in _FUNCTIONS:
                self._names[name] = alias.name
            elif alias.name == "language" and module in ("bot", ""):
                self._names |= {f"{name}.{function}": function for function in _FUNCTIONS}

    def messages(self) -> Iterator[Message]:
        """The messages, in the order of the tree."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                match self._function(node.func):
                    case "say":
                        yield from self._said(node)
                    case "say_count":
                        yield from self._counted(node)
                    case "mark":
                        yield from self._marked(node, None)
                    case "locale_str":
                        yield from self._marked(node, LONGEST_LABEL)
                    case _:
                        pass

    def _function(self, called: ast.expr) -> str | None:
        name = ast.unparse(called)
        return "locale_str" if name.rpartition(".")[2] == "locale_str" else self._names.get(name)

    def _said(self, call: ast.Call) -> Iterator[Message]:
        for text in self._texts(call, 1):
            self._check_values(call, text)
            yield Message(text)

    def _counted(self, call: ast.Call) -> Iterator[Message]:
        one, many = [*self._texts(call, 1), None][0], [*self._texts(call, 2), None][0]
        if one is None or many is None:
            self._object(call, "say_count takes two texts as they stand: no names, which hide the plural")
            return
        for text in (one, many):
            self._check_values(call, text, "number")
        yield Message(one, many)

    def _marked(self, call: ast.Call, most: int | None) -> Iterator[Message]:
        found = list(self._texts(call, 0))
        if not found and most is None:  # a name in a label stands for what was marked elsewhere
            self._object(call, "a text is marked where it stands")
        for keyword in call.keywords:
            if keyword.arg == "most" and isinstance(keyword.value, ast.Constant):
                most = int(str(keyword.value.value))
        for text in found:
            self._names_in(call, text)
            yield Message(text, most=most)

    def _texts(self, call: ast.Call, at: int) -> Iterator[str]:
        """The texts that an argument may be; a name stands for what was marked elsewhere."""
        waiting = call.args[at : at + 1]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.IfExp):
                waiting += [node.orelse, node.body]
            elif isinstance(node, ast.JoinedStr | ast.BinOp):
                self._object(call, "a text is not put together: give the values of its {names} to say")

    def _check_values(self, call: ast.Call, text: str, *more: str) -> None:
        given = {keyword.arg for keyword in call.keywords} | set(more)
        lacking = self._names_in(call, text) - given
        if None not in given and lacking:  # None: a mapping is unpacked there
            self._object(call, f"no value for {', '.join(sorted(lacking))}")

    def _names_in(self, call: ast.Call, text: str) -> set[str]:
        try:
            return placeholders(text)
        except ValueError as error:
            self._object(call, f"{error}; write braces twice where they are meant as such")
            return set()

    def _object(self, call: ast.Call, problem: str) -> None:
        self.problems.append((call.lineno, problem))


def placeholders(text: str) -> set[str]:
    """The ``{names}`` of a text; ValueError if its braces do not fit together."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


if __name__ == "__main__":
    main()
