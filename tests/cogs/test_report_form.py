"""The form of a report: it asks for what is missing, in the member's language, and for nothing else."""

from __future__ import annotations

import gettext
from typing import Any

import discord
import pytest
import simcord

from bot import language
from bot.model import MOST_WORDS, Category, Language, Report
from cogs.ui import report_texts
from tests.world import World

MENU = "Report picture"
LONGEST_FORM_LABEL, LONGEST_DESCRIPTION, LONGEST_MENU = 45, 100, 32


class Spoken(gettext.NullTranslations):
    """Stands in for a catalogue: every text of it can be told by its language."""

    def __init__(self, code: Language) -> None:
        super().__init__()
        self._code = code

    def gettext(self, message: str) -> str:
        return f"{self._code}:{message}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{self._code}:{msgid1 if n == 1 else msgid2}"


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every language but English has all texts."""

    def catalogue(code: Language) -> gettext.NullTranslations:
        return gettext.NullTranslations() if code is Language.ENGLISH else Spoken(code)

    monkeypatch.setattr(language, "catalogue", catalogue)


def link(message: discord.Message, guild_id: int) -> str:
    return f"https://discord.com/channels/{guild_id}/{message.channel.id}/{message.id}"


def controls(shown: simcord.InteractionResult) -> dict[str, dict[str, Any]]:
    """What a form asks, by its custom ids, each with its label."""
    assert shown.modal is not None
    return {label["component"]["custom_id"]: label for label in shown.modal["components"]}


async def reports(world: World, member: simcord.MemberActor) -> list[Report]:
    async with world.app.store.read() as tx:
        return await tx.reports.by_reporter(world.guild.id, tx.reports.digest(world.guild.id, member.id))


@pytest.mark.parametrize("code", Language)
def test_every_language_fits_into_the_form_and_the_commands(code: Language) -> None:
    words = vars(report_texts)
    labels = [text for name, text in words.items() if name.startswith("FORM_") and not name.endswith("_HINT")]
    hints = [text for name, text in words.items() if name.endswith("_HINT")]
    commands = [words[name] for name in ("GROUP", "PICTURE", "STATUS", "MESSAGES", "MESSAGES_WANTED")]
    commands += [text for name, text in words.items() if name.startswith("PICTURE_")]
    categories = [*report_texts.CATEGORIES.values(), *report_texts.CATEGORY_HINTS.values()]
    assert max(len(language.say(code, text)) for text in labels) <= LONGEST_FORM_LABEL
    assert max(len(language.say(code, text)) for text in (*hints, *commands, *categories)) <= LONGEST_DESCRIPTION
    assert len(language.say(code, report_texts.MENU)) <= LONGEST_MENU


async def test_without_options_the_form_asks_for_everything(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.other.slash(world.fans, "report picture")
    assert list(controls(shown)) == ["category", "link", "uploads", "words"]
    assert controls(shown)["uploads"]["component"]["max_values"] == 10
    assert controls(shown)["words"]["component"]["max_length"] == MOST_WORDS
    filled = {"category": ["scam"], "link": f" {link(message, world.guild.id)} ", "words": " They sell it.\n"}
    result = await world.other.submit_modal(shown, filled)
    await world.settle()
    assert "A moderator will look at it" in world.answer(result)
    (report,) = await reports(world, world.other)
    assert (report.category, report.message_id, report.words) == (Category.SCAM, message.id, "They sell it.")


async def test_several_pictures_can_be_uploaded(world: World, picture: bytes, harmless: bytes) -> None:
    shown = await world.other.slash(world.fans, "report picture", category="scam")
    assert list(controls(shown)) == ["link", "uploads", "words"]
    files = [("a.jpg", picture), ("b.jpg", harmless)]
    result = await world.other.submit_modal(shown, {"uploads": files})
    await world.settle()
    assert "moderators cannot see your upload" in world.answer(result)
    assert [report.message_id for report in await reports(world, world.other)] == [None, None]


@pytest.mark.parametrize("both", [True, False])
async def test_the_form_wants_either_a_link_or_uploads(world: World, harmless: bytes, both: bool) -> None:
    shown = await world.other.slash(world.fans, "report picture")
    given = {"link": "https://x", "uploads": [("a.jpg", harmless)]} if both else {"link": "  "}
    result = await world.other.submit_modal(shown, {"category": ["scam"], **given})
    assert ("one of the two" if both else "give a link") in world.answer(result)
    assert await reports(world, world.other) == []


async def test_a_category_that_is_missing_is_asked_for(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    options = {"link": link(message, world.guild.id), "words": "Look."}
    shown = await world.other.slash(world.fans, "report picture", **options)
    assert list(controls(shown)) == ["category"]
    await world.other.submit_modal(shown, {"category": ["harassment"]})
    await world.settle()
    (report,) = await reports(world, world.other)
    assert (report.category, report.words) == (Category.HARASSMENT, "Look.")


async def test_the_same_with_an_upload(world: World, harmless: bytes) -> None:
    shown = await world.other.slash(world.fans, "report picture", picture=("a.jpg", harmless))
    assert list(controls(shown)) == ["category", "words"]
    result = await world.other.submit_modal(shown, {"category": ["scam"]})
    await world.settle()
    assert "moderators cannot see your upload" in world.answer(result)


async def test_words_of_the_command_reach_the_report_alone(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    options = {"category": "other", "link": link(message, world.guild.id), "words": "A secret of mine."}
    await world.other.slash(world.fans, "report picture", **options)
    await world.settle()
    (report,) = await reports(world, world.other)
    assert report.words == "A secret of mine."
    assert "secret" not in str((await world.view(1)).events)


async def test_the_menu_takes_words_and_at_most_ten_pictures(world: World, harmless: bytes) -> None:
    embeds = [
        {
            "type": "image",
            "thumbnail": {"url": "https://x.test", "proxy_url": world.upload(harmless, f"{number}.jpg").url},
        }
        for number in range(10)
    ]
    files = world.env.backend.store_attachments(world.fans.id, [("a.jpg", harmless), ("b.jpg", harmless)])
    message = await world.arrange(world.fan.id, attachments=files, embeds=embeds)
    shown = await world.other.context_menu(world.fans, MENU, message)
    which = controls(shown)["pictures"]["component"]
    assert len(which["options"]) == 12
    assert which["max_values"] == 10
    assert (which["options"][0]["label"], which["options"][0]["description"]) == ("1. a.jpg", "Picture")
    await world.other.submit_modal(shown, {"category": ["other"], "pictures": ["0"], "words": "This one."})
    await world.settle()
    (report,) = await reports(world, world.other)
    assert report.words == "This one."


@pytest.mark.parametrize("locale", ["ko", "es-ES"])
@pytest.mark.usefixtures("spoken")
async def test_the_form_speaks_the_members_language(world: World, picture: bytes, harmless: bytes, locale: str) -> None:
    code = Language.of(locale)
    world.speaks(world.other, locale)
    message = await world.fan.send(world.fans, attachments=[("a.jpg", picture), ("b.jpg", harmless)])
    await world.settle()
    for shown in (
        await world.other.slash(world.fans, "report picture"),
        await world.other.context_menu(world.fans, MENU, message),
    ):
        assert shown.modal is not None
        texts = [shown.modal["title"]]
        for label in shown.modal["components"]:
            control = label["component"]
            texts += [label["label"], label.get("description") or "ko:"]
            texts += [control.get("placeholder") or "ko:"]
            if control["custom_id"] == "category":
                texts += [option["label"] for option in control["options"]]
            texts += [option["description"] for option in control.get("options", ())]
        own = [text for text in texts if text != "ko:"]
        assert all(text.startswith(f"{code}:") for text in own), own
    result = await world.other.submit_modal(shown, {"category": ["minor_suspected"], "pictures": ["1"]})
    await world.settle()
    assert f"{code}:If this may show a minor" in world.answer(result)
    (report,) = await reports(world, world.other)
    assert report.language is code


@pytest.mark.usefixtures("spoken")
async def test_what_goes_wrong_is_said_in_the_members_language(world: World) -> None:
    world.speaks(world.other, "ko")
    wrong = await world.other.slash(world.fans, "report picture", category="other", link="hello")
    assert world.answer(wrong).startswith("ko:That is not a link to a message")
    elsewhere = "https://discord.com/channels/" + "/".join(["1" * 18] * 3)
    foreign = await world.other.slash(world.fans, "report picture", category="other", link=elsewhere)
    assert world.answer(foreign).startswith("ko:That message is in another server")
    message = await world.fan.send(world.fans, "just words")
    nothing = await world.other.context_menu(world.fans, MENU, message)
    assert world.answer(nothing).startswith("ko:There is no picture in that message")
    shown = await world.other.slash(world.fans, "report picture")
    await world.restart()
    old = await world.other.submit_modal(shown, {"category": ["other"]})
    assert world.answer(old).startswith("ko:That form is too old")
    english = await world.fan.slash(world.fans, "report picture", category="other", link="hello")
    assert world.answer(english).startswith("That is not a link to a message")
