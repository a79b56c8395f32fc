"""What the guides say is true of the program: links, commands, permissions, settings and statements."""

import re
import sqlite3
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app
from bot.client.permissions import INVITE
from bot.model import Category, Mode
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """All blocks are read and one language kept: else the end of another language's block would begin one."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text(page), flags=re.DOTALL | re.MULTILINE)
    return [block for name, block in fenced if name == language]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> list[tuple[Path, str]]:
    found = []
    for page in PAGES:
        found += [(page, link) for link in re.findall(r"\]\(([^)]+)\)", text(page)) if "://" not in link]
    return found


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda part: part.name if isinstance(part, Path) else part)
def test_links_lead_somewhere(page, link):
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    assert target.exists()
    if anchor:
        assert anchor in anchors(target)


def test_the_invitation_asks_for_what_the_bot_needs():
    (number,) = re.findall(r"permissions=(\d+)", text(ROOT / "docs" / "admin.md"))
    assert int(number) == INVITE.value


def commands() -> set[str]:
    found = set()
    for page in PAGES:
        for line in "\n".join(blocks(page, "")).splitlines():
            if match := re.match(r"(?:uv run (?:--extra \w+ |--no-dev )?)?stanguard ((?:[a-z][a-z-]* ?)+)", line):
                found.add(match[1].strip())
    return found


@pytest.mark.parametrize("words", sorted(commands()))
def test_commands_exist(words):
    command = get_command(app)
    for word in words.split():
        subcommands = getattr(command, "commands", None)
        if subcommands is None:
            break
        assert word in subcommands
        command = subcommands[word]


def invocations() -> list[str]:
    """The lines of the guides that call the program; where two calls stand in one, the second is cut off."""
    lines = "\n".join(block for page in PAGES for block in blocks(page, "")).splitlines()
    found = (re.match(r"(?:uv run (?:--extra \w+ |--no-dev )?)?stanguard ([^|&]+)", line) for line in lines)
    return sorted({match[1].strip() for match in found if match})


@pytest.mark.parametrize("line", invocations())
def test_options_exist(line):
    command = get_command(app)
    known = {option for parameter in command.params for option in parameter.opts}
    for word in line.split():
        command = getattr(command, "commands", {}).get(word, command)
        inner = getattr(command, "commands", {}).values()  # a group may have a command that need not be named
        known |= {option for one in (command, *inner) for parameter in one.params for option in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)) <= known


def test_the_readme_has_the_two_commands():
    assert "\nuv run --extra demo stanguard demo\n" in text(ROOT / "README.md")
    assert "\nuv run pytest\n" in text(ROOT / "README.md")


def test_the_admin_guide_names_every_category_and_mode():
    for name in (*Category, *Mode):
        assert name in text(ROOT / "docs" / "admin.md")


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page, "toml")])
def test_settings_in_the_guides_are_settings(block):
    assert Settings(**tomllib.loads(block))


def test_the_statements_for_requests_of_deletion_run(sqlite_url):
    statements = "".join(blocks(ROOT / "docs" / "admin.md", "sql"))
    assert statements.count("DELETE") == 4
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    connection.executescript(statements)
    connection.close()


def test_the_lock_names_packages_alone():
    for line in text(ROOT / "requirements.lock").splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
