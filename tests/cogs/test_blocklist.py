"""Moderators block pictures, look entries up and take them back; nobody else does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import simcord
from PIL import Image

from bot.demo import pictures
from bot.model import BankKind, BankLevel, Category, Mode, Strictness
from tests.world import World

MENU = "Block this picture"


async def add(world: World, picture: bytes, **options: Any) -> str:
    result = await world.moderator.slash(
        world.fans, "blocklist add", **{"picture": ("a.jpg", picture), "category": "ncii_synthetic", **options}
    )
    await world.settle()
    return world.answer(result)


async def say(world: World, command: str, **options: Any) -> str:
    return world.answer(await world.moderator.slash(world.fans, f"blocklist {command}", **options))


class TestMessageMenu:
    """Blocking what a message shows."""

    async def block(self, world: World, shown: simcord.InteractionResult, **values: Any) -> str:
        result = await world.moderator.submit_modal(shown, {"category": ["ncii_synthetic"], **values})
        await world.settle()
        return world.answer(result)

    async def test_the_message_goes_and_copies_go_from_now_on(self, world: World, picture: bytes, copy: bytes) -> None:
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        answer = await self.block(world, shown, note="  seen\nelsewhere ")
        assert "Listed as **E-1** (sexual deepfake), case #1" in answer
        assert "Copies that reach the strict tier are removed from now on; others go to the moderators." in answer
        assert world.gone(message)
        assert world.gone(await world.post(world.other, copy))
        entry = (await world.view(1)).entry
        assert entry is not None
        assert (entry.note, entry.added_by) == ("seen elsewhere", world.moderator.id)

    async def test_earlier_copies_go_as_well(self, world: World, picture: bytes, copy: bytes) -> None:
        earlier = await world.post(world.other, copy)
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        answer = await self.block(world, shown)
        assert "1 earlier copy found and being removed" in answer
        assert world.gone(earlier)
        assert "2 copies, 2 removed" in world.text(world.card())

    async def test_only_the_chosen_pictures_are_listed(self, world: World, picture: bytes, harmless: bytes) -> None:
        message = await world.fan.send(world.fans, attachments=[("a.jpg", harmless), ("b.jpg", picture)])
        await world.settle()
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        await self.block(world, shown, pictures=["1"])
        assert not world.gone(await world.post(world.other, harmless))
        assert world.gone(await world.post(world.other, picture))

    async def test_several_can_be_chosen(self, world: World, picture: bytes, harmless: bytes) -> None:
        message = await world.fan.send(world.fans, attachments=[("a.jpg", harmless), ("b.jpg", picture)])
        await world.settle()
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        answer = await self.block(world, shown, pictures=["0", "1"])
        assert "E-1" in answer
        assert "E-2" in answer

    async def test_one_that_cannot_be_listed_does_not_hide_that_the_other_was(
        self, world: World, picture: bytes
    ) -> None:
        broken = picture[:200]
        message = await world.fan.send(world.fans, attachments=[("broken.jpg", broken), ("b.jpg", picture)])
        await world.settle()
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        answer = await self.block(world, shown, pictures=["0", "1"])
        assert "Listed as **E-1**" in answer
        assert "damaged" in answer

    async def test_a_plain_picture_is_listed_by_its_exact_file_alone(self, world: World) -> None:
        plain, similar = (
            pictures.encode(Image.new("RGB", (300, 300), (shade, shade, shade)), "PNG") for shade in (250, 240)
        )
        shown = await world.moderator.context_menu(world.fans, MENU, await world.post(world.fan, plain))
        answer = await self.block(world, shown)
        assert "only this exact file will be found" in answer
        assert "from now on" not in answer
        assert world.gone(await world.post(world.fan, plain))
        assert not world.gone(await world.post(world.fan, similar))
        assert "Found by: the exact file only" in await say(world, "show", entry="E-1")

    async def test_a_message_that_went_meanwhile_can_be_blocked_while_its_file_is_there(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        await world.fan.delete(message)
        assert "Listed as **E-1**" in await self.block(world, shown)
        assert world.gone(await world.post(world.fan, copy))

    async def test_a_file_that_went_meanwhile_is_explained(self, world: World, picture: bytes) -> None:
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        world.cdn._files.clear()
        world.app.scanner._remembered.clear()
        assert "no longer has it" in await self.block(world, shown)

    async def test_it_says_why_nothing_can_be_blocked(self, world: World) -> None:
        embed = {"type": "link", "url": "https://x.test", "image": {"url": "https://x.test/a.jpg"}}
        message = await world.arrange(world.fan.id, "x", embeds=[embed])
        result = await world.moderator.context_menu(world.fans, MENU, message)
        assert "addresses chosen by a member are never fetched" in world.answer(result)

    async def test_in_a_server_that_observes_nothing_is_removed(self, world: World, picture: bytes) -> None:
        await world.change(mode=Mode.OBSERVE)
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        assert "only observes, so nothing is removed" in await self.block(world, shown)
        assert not world.gone(message)

    async def test_a_suspected_minor_comes_with_guidance(self, world: World, picture: bytes) -> None:
        shown = await world.moderator.context_menu(world.fans, MENU, await world.post(world.fan, picture))
        answer = await self.block(world, shown, category=["minor_suspected"])
        assert "Report the message to Discord itself" in answer

    async def test_members_are_refused_even_if_they_can_see_it(self, world: World, picture: bytes) -> None:
        message = await world.post(world.other, picture)
        world.reveal(MENU, world.fan, menu=True)
        result = await world.fan.context_menu(world.fans, MENU, message)
        assert result.modal is None
        assert "Only this server's moderators can do that" in world.answer(result)

    async def test_who_lost_the_role_while_the_form_was_open_is_refused(self, world: World, picture: bytes) -> None:
        message = await world.post(world.fan, picture)
        shown = await world.moderator.context_menu(world.fans, MENU, message)
        await world.change(moderator_role_id=world.child_safety.id)
        assert "Only this server's moderators can do that" in await self.block(world, shown)
        assert not world.gone(message)


class TestAdd:
    """``/blocklist add``."""

    async def test_an_upload_is_listed(self, world: World, picture: bytes, copy: bytes) -> None:
        answer = await add(world, picture, note="from a partner")
        assert "Listed as **E-1** (sexual deepfake)" in answer
        assert world.gone(await world.post(world.fan, copy))

    async def test_earlier_copies_are_hunted(self, world: World, picture: bytes, copy: bytes) -> None:
        message = await world.post(world.fan, copy)
        assert "1 earlier copy found and being removed" in await add(world, picture)
        assert world.gone(message)

    async def test_the_same_file_again_is_no_second_entry(self, world: World, picture: bytes) -> None:
        await add(world, picture)
        assert "on the blocklist already, as **E-1**" in await add(world, picture)

    async def test_what_is_no_picture_is_explained(self, world: World) -> None:
        assert "not a picture of a supported format" in await add(world, b"words, not a picture")

    async def test_members_are_refused(self, world: World, picture: bytes) -> None:
        world.reveal("blocklist", world.fan)
        result = await world.fan.slash(world.fans, "blocklist add", picture=("a.jpg", picture), category="other")
        assert "Only this server's moderators can do that" in world.answer(result)
        assert "Nothing is listed yet" in await say(world, "list")


class TestLookingUp:
    """``/blocklist list`` and ``/blocklist show``."""

    async def test_the_list_is_newest_first_and_says_what_is_what(
        self, world: World, picture: bytes, harmless: bytes
    ) -> None:
        await world.block(picture, note="first")
        await world.block(harmless, Category.SCAM)
        shown = await say(world, "list")
        assert shown.index("E-2") < shown.index("E-1")
        assert "scam" in shown
        assert "first" in shown
        assert "2 entries · page 1 of 1" in shown

    async def test_pages(self, world: World) -> None:
        for seed in range(11):
            await world.block(pictures.encode(pictures.picture(seed, (160, 200))))
        first, second = await say(world, "list"), await say(world, "list", page=2)
        assert first.count("E-") == 10
        assert "next: /blocklist list page:2" in first
        assert "**E-1**" in second
        assert "There is no page 3; the list has 2 pages." in await say(world, "list", page=3)

    @pytest.mark.parametrize("written", ["E-1", "e1", " 1 "])
    async def test_an_entry_by_its_number(self, world: World, picture: bytes, written: str) -> None:
        await world.block(picture, note="*seen*")
        shown = await say(world, "show", entry=written)
        assert "Entry E-1" in shown
        assert "Category: sexual deepfake" in shown
        assert "320 by 400 pixels" in shown
        assert re.search(r"Added <t:\d+:R>", shown)
        assert "its look as posted" in shown
        assert "local features" in shown
        assert "\\*seen\\*" in shown

    @pytest.mark.parametrize(
        ("written", "answer"), [("E-9", "There is no entry E-9"), ("cat", "Entries have numbers such as E-5")]
    )
    async def test_an_entry_that_is_not_there(self, world: World, written: str, answer: str) -> None:
        assert answer in await say(world, "show", entry=written)

    async def test_entries_of_another_server_are_not_shown(self, world: World, picture: bytes) -> None:
        bank = await world.app.banks.own(123456789012345678, BankKind.BLOCK)
        await world.app.banks.add(bank, await world.fingerprint(picture), Category.OTHER, source="test")
        assert "There is no entry E-1" in await say(world, "show", entry="E-1")
        assert "Nothing is listed yet" in await say(world, "list")

    async def test_suggestions_go_by_number_and_note(self, world: World, picture: bytes, harmless: bytes) -> None:
        await world.block(picture, note="Stage photo")
        await world.block(harmless)
        everything = await world.moderator.autocomplete(world.fans, "blocklist show", "entry", "")
        assert [choice["value"] for choice in everything] == ["E-2", "E-1"]
        by_note = await world.moderator.autocomplete(world.fans, "blocklist show", "entry", "stage")
        assert [choice["value"] for choice in by_note] == ["E-1"]
        by_number = await world.moderator.autocomplete(world.fans, "blocklist revoke", "entry", "e-2")
        assert [choice["value"] for choice in by_number] == ["E-2"]

    async def test_suggestions_tell_members_nothing(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        world.reveal("blocklist", world.fan)
        assert await world.fan.autocomplete(world.fans, "blocklist show", "entry", "") == []

    @pytest.mark.parametrize("command", ["list", "show", "revoke"])
    async def test_members_are_refused(self, world: World, picture: bytes, command: str) -> None:
        await world.block(picture)
        world.reveal("blocklist", world.fan)
        options = {} if command == "list" else {"entry": "E-1"}
        result = await world.fan.slash(world.fans, f"blocklist {command}", **options)
        assert "Only this server's moderators can do that" in world.answer(result)


class TestLevel:
    """``/blocklist level``: the most that a match with the server's own list leads to."""

    @pytest.mark.parametrize(
        ("level", "meaning"),
        [
            ("observe", "This list is only observed"),
            ("review", "copies go to the moderators, and stay until they decide"),
            ("strict", "Copies that reach the strict tier are removed"),
            ("remove", "Clear copies are removed from now on"),
        ],
    )
    async def test_it_is_set_and_explained(self, world: World, level: str, meaning: str) -> None:
        await world.change(strictness=Strictness.STANDARD)
        result = await world.owner.slash(world.fans, "blocklist level", level=level)
        assert meaning in world.answer(result)
        bank = await world.app.banks.own(world.guild.id, BankKind.BLOCK)
        assert bank.level is BankLevel(level)

    async def test_a_list_that_may_only_flag_removes_nothing(self, world: World, picture: bytes) -> None:
        await world.owner.slash(world.fans, "blocklist level", level="review")
        await world.block(picture)
        assert not world.gone(await world.post(world.fan, picture))
        assert "may only flag" in world.text(world.card())

    async def test_moderators_may_not(self, world: World) -> None:
        result = await world.moderator.slash(world.fans, "blocklist level", level="observe")
        assert "Only members with the permission Manage Server" in world.answer(result)


class TestRevoking:
    """``/blocklist revoke``."""

    async def test_a_revoked_entry_matches_nothing(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.block(picture)
        assert "E-1 is revoked and matches nothing" in await say(world, "revoke", entry="E-1")
        assert not world.gone(await world.post(world.fan, copy))
        assert "**Revoked**" in await say(world, "show", entry="E-1")

    async def test_twice_is_said(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await say(world, "revoke", entry="E-1")
        assert "was revoked already" in await say(world, "revoke", entry="E-1")

    async def test_an_entry_of_the_installation_is_not_a_servers_to_revoke(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        bank = await world.app.banks.own(None, BankKind.BLOCK)
        await world.app.banks.add(bank, await world.fingerprint(picture), Category.OTHER, source="test")
        assert "from the installation's list" in await say(world, "list")
        assert "only the bot's operator can revoke it" in await say(world, "revoke", entry="E-1")
        assert world.gone(await world.post(world.fan, copy))

    async def test_a_known_good_entry_is_revoked_elsewhere(self, world: World, picture: bytes) -> None:
        await world.know(picture)
        assert "use /known-good for it" in await say(world, "revoke", entry="E-1")
