"""Before a picture is listed: what speaks against it is said, and the moderator decides; nothing is kept meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import simcord
from PIL import ImageOps

from bot.banks.crops import Crop
from bot.demo import pictures
from bot.model import BankKind, Form
from cogs.ui import enrolment_texts as words
from cogs.ui import questions
from tests.world import World

from .asking import choose, question
from .asking import questions as asked_questions

MENU = "Block this picture"
BOTH, INSIDE, AS_POSTED = (words.CROPS[crop] for crop in (Crop.BOTH, Crop.INSIDE, Crop.AS_POSTED))


async def add(world: World, picture: bytes) -> simcord.InteractionResult:
    result = await world.moderator.slash(
        world.fans, "blocklist add", picture=("a.jpg", picture), category="ncii_synthetic"
    )
    await world.settle()
    return result


async def forms(world: World, entry_id: int = 1) -> Sequence[Form]:
    entry, _ = await world.app.banks.show(entry_id, guild_id=None)
    return [view.form for view in entry.fingerprint.views]


async def count(world: World, kind: BankKind = BankKind.BLOCK) -> int:
    _, total = await world.app.banks.list(world.guild.id, kind)
    return total


@pytest.fixture(scope="module")
def framed() -> bytes:
    """A picture in a wide frame."""
    return pictures.encode(ImageOps.expand(pictures.picture(3, (320, 400)), 60, "white"))


@pytest.fixture(scope="module")
def unframed() -> bytes:
    """What is inside the frame."""
    return pictures.encode(pictures.picture(3, (320, 400)))


class TestDoubts:
    """Pictures near a known-good one, or near what is posted all the time."""

    async def test_near_a_known_good_picture_it_is_asked_first(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        shown = world.text(asked)
        assert "from known-good entry E-1" in shown
        assert "crop it to the abusive part" in shown
        assert world.buttons(asked) == ["List it anyway", "Cancel"]
        assert await count(world) == 0
        assert world.cards() == []

    async def test_it_can_be_listed_anyway(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        shown = await choose(world, world.moderator, asked, "List it anyway")
        assert "Listed as **E-2**" in shown
        assert world.buttons(asked) == []
        assert await count(world) == 1

    async def test_it_can_be_left(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        assert "Nothing was listed" in await choose(world, world.moderator, asked, "Cancel")
        assert await count(world) == 0

    async def test_without_an_answer_nothing_is_listed(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        await world.env.advance_time(questions.OPEN_SECONDS + 1)
        assert "Nobody answered for ten minutes, so nothing was listed" in world.text(asked)
        assert world.buttons(asked) == []
        assert await count(world) == 0

    async def test_who_lost_the_role_meanwhile_lists_nothing(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        await world.change(moderator_role_id=world.child_safety.id)
        assert "Only this server's moderators" in await choose(world, world.moderator, asked, "List it anyway")
        assert await count(world) == 0

    async def test_a_file_that_is_listed_already_is_not_asked_about(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        await world.block(picture)
        await world.know(copy)
        assert "already, as **E-1**" in world.answer(await add(world, picture))

    async def test_a_message_that_is_blocked_goes_once_it_is_confirmed(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        await world.know(copy)
        message = await world.post(world.fan, picture)
        form = await world.moderator.context_menu(world.fans, MENU, message)
        result = await world.moderator.submit_modal(form, {"category": ["ncii_synthetic"], "note": "seen"})
        await world.settle()
        asked = question(world, result)
        assert not world.gone(message)
        await choose(world, world.moderator, asked, "List it anyway")
        assert world.gone(message)
        entry, _ = await world.app.banks.show(2, guild_id=None)
        assert entry.note == "seen"

    async def test_of_several_pictures_only_the_doubtful_ones_are_asked_about(
        self, world: World, picture: bytes, copy: bytes, harmless: bytes
    ) -> None:
        await world.know(copy)
        message = await world.fan.send(world.fans, attachments=[("a.jpg", harmless), ("b.jpg", picture)])
        await world.settle()
        form = await world.moderator.context_menu(world.fans, MENU, message)
        result = await world.moderator.submit_modal(form, {"category": ["other"], "pictures": ["0", "1"]})
        await world.settle()
        assert "Listed as **E-2**" in world.answer(result)
        (asked,) = asked_questions(world, result)
        assert "picture: b.jpg" in world.text(asked)
        assert await count(world) == 1

    async def test_features_are_not_kept_if_they_were_switched_off_meanwhile(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        await world.know(copy)
        asked = question(world, await add(world, picture))
        await world.app.guilds.drop_features(world.guild.id)
        await choose(world, world.moderator, asked, "List it anyway")
        entry, _ = await world.app.banks.show(2, guild_id=None)
        assert not entry.fingerprint.has_features


class TestTemplates:
    """What looks like many recent posts that nobody listed."""

    @staticmethod
    def copies(number: int) -> list[bytes]:
        picture = pictures.picture(5, (320, 400))
        return [pictures.encode(pictures.resized(picture, 0.6 + 0.05 * at), quality=60) for at in range(number)]

    async def test_five_posts_of_three_files_are_pointed_out(self, world: World) -> None:
        files = self.copies(3)
        for file in (*files, *files[:2]):
            await world.post(world.fan, file)
        asked = question(world, await add(world, pictures.encode(pictures.picture(5, (320, 400)))))
        assert "5 posts of the last 30 days that nobody listed look like it (3 different files)" in world.text(asked)

    @pytest.mark.parametrize(("files", "posts"), [(3, 4), (2, 5)])
    async def test_fewer_are_not(self, world: World, files: int, posts: int) -> None:
        made = self.copies(files)
        for at in range(posts):
            await world.post(world.fan, made[at % files])
        assert "Listed as **E-1**" in world.answer(await add(world, pictures.encode(pictures.picture(5, (320, 400)))))

    async def test_posts_of_the_very_file_are_copies(self, world: World, picture: bytes) -> None:
        for _ in range(6):
            await world.post(world.fan, picture)
        assert "6 earlier copies found and being removed" in world.answer(await add(world, picture))

    async def test_they_look_at_this_server_alone(self, world: World) -> None:
        made = self.copies(5)
        for file in made:
            await world.post(world.fan, file)
        elsewhere = await world.app.guilds.get(123456789012345678)
        found = await world.app.hunter.resembling(elsewhere, await world.fingerprint(made[0]))
        assert (found.messages, found.files) == (0, 0)


class TestCrop:
    """A picture with a border can be listed with it, without it, or both."""

    async def test_it_is_offered_for_a_picture_with_a_border(self, world: World, framed: bytes) -> None:
        asked = question(world, await add(world, framed))
        assert world.buttons(asked) == [BOTH, INSIDE, AS_POSTED, "Cancel"]
        assert "It has a border." in world.text(asked)
        assert await count(world) == 0

    async def test_and_not_for_one_without(self, world: World, unframed: bytes) -> None:
        assert "Listed as **E-1**" in world.answer(await add(world, unframed))

    @pytest.mark.parametrize(
        ("label", "kept"),
        [(BOTH, [Form.WHOLE, Form.TRIMMED]), (INSIDE, [Form.TRIMMED]), (AS_POSTED, [Form.WHOLE])],
    )
    async def test_what_was_chosen_is_kept(
        self, world: World, framed: bytes, unframed: bytes, label: str, kept: list[Form]
    ) -> None:
        asked = question(world, await add(world, framed))
        assert "Listed as **E-1**" in await choose(world, world.moderator, asked, label)
        assert await forms(world) == kept
        assert world.gone(await world.post(world.fan, framed))
        if label != AS_POSTED:
            assert world.gone(await world.post(world.other, unframed))
        shown = world.answer(await world.moderator.slash(world.fans, "blocklist show", entry="E-1"))
        assert ("its look as posted" in shown) == (Form.WHOLE in kept)
        assert ("its look without its border" in shown) == (Form.TRIMMED in kept)

    async def test_doubts_and_the_border_are_one_question(self, world: World, framed: bytes, unframed: bytes) -> None:
        await world.know(unframed)
        asked = question(world, await add(world, framed))
        assert "from known-good entry E-1" in world.text(asked)
        assert world.buttons(asked) == [BOTH, INSIDE, AS_POSTED, "Cancel"]


def test_every_button_and_text_is_within_discords_limits() -> None:
    for label in (*words.CROPS.values(), words.LIST_ANYWAY, words.CANCEL):
        assert len(label) <= 80
    for choice in words.LEVEL_CHOICES:
        assert len(choice.name) <= 100
