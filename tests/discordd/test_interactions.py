"""Members press buttons, run commands and fill in modals; the real discord.py answers."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.http import Route

from . import Channel, Discordd, Member
from .conftest import Connect, Probe


class Form(discord.ui.Modal, title="Why?"):
    """A modal with a text and a choice."""

    note = discord.ui.TextInput(label="Note", custom_id="note")
    choice = discord.ui.Label(
        text="Category",
        component=discord.ui.Select(custom_id="category", options=[discord.SelectOption(label="scam")]),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        chosen = self.choice.component
        assert isinstance(chosen, discord.ui.Select)
        await interaction.response.send_message(f"{self.note.value}: {chosen.values[0]}", ephemeral=True)


class Card(discord.ui.View):
    """Buttons for the ways to answer."""

    @discord.ui.button(label="Update", custom_id="update")
    async def update(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.edit_message(content="updated")

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(content="done")
        await interaction.followup.send("more", ephemeral=True)

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_modal(Form())

    @discord.ui.button(label="Twice", custom_id="twice")
    async def twice(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_message("first")
        await interaction.client.http.request(
            Route("POST", f"/interactions/{interaction.id}/{interaction.token}/callback"),
            json={"type": 4, "data": {"content": "second"}},
        )


@pytest.fixture
async def client(connect: Connect, channel: Channel) -> Probe:
    return await connect()


@pytest.fixture
async def card(client: Probe, channel: Channel):
    target = client.get_channel(channel.id)
    assert isinstance(target, discord.TextChannel)
    sent = await target.send("card", view=Card(timeout=None))
    return channel.messages[sent.id]


async def test_a_press_updates_the_message(discordd: Discordd, card, member: Member) -> None:
    interaction = discordd.interactions.press(member, card, "update")
    await interaction.answered.wait()
    assert card.content == "updated"
    assert interaction.original is card


async def test_a_press_is_answered_later_and_followed_up(discordd: Discordd, card, member: Member) -> None:
    interaction = discordd.interactions.press(member, card, "later")
    await discordd.wait_for(lambda: interaction.followups)
    assert interaction.original is not None
    assert (interaction.original.content, interaction.original.ephemeral) == ("done", True)
    assert interaction.followups[0].content == "more"
    assert interaction.original.id not in card.channel.messages, "an ephemeral message is not in the channel"


async def test_a_modal_is_filled_in(discordd: Discordd, card, member: Member) -> None:
    opened = discordd.interactions.press(member, card, "ask")
    await opened.answered.wait()
    submitted = discordd.interactions.submit(opened, {"note": "because", "category": ["scam"]})
    await submitted.answered.wait()
    assert submitted.original is not None
    assert submitted.original.content == "because: scam"


async def test_an_interaction_is_answered_once(discordd: Discordd, card, member: Member) -> None:
    interaction = discordd.interactions.press(member, card, "twice")
    route = "POST /interactions/{interaction_id}/{interaction_token}/callback"
    await discordd.wait_for(lambda: len([one for one in discordd.journal.of(route) if one.status]) == 2)
    assert discordd.journal.of(route)[1].status == 400
    assert interaction.original is not None
    assert interaction.original.content == "first"


def test_a_button_that_is_not_there_cannot_be_pressed(discordd: Discordd, channel: Channel, member: Member) -> None:
    message = discordd.world.post(channel, member, "no buttons")
    with pytest.raises(LookupError):
        discordd.interactions.press(member, message, "update")


async def test_commands_with_options_files_and_targets(
    discordd: Discordd, client: Probe, channel: Channel, member: Member
) -> None:
    tree = app_commands.CommandTree(client)
    group = app_commands.Group(name="blocklist", description="The blocklist")
    seen: list[object] = []

    @group.command(name="add", description="Add a picture")
    async def add(interaction: discord.Interaction, picture: discord.Attachment, note: str, days: int) -> None:
        seen.extend((await picture.read(), note, days, interaction.permissions.send_messages))
        await interaction.response.send_message("added", ephemeral=True)

    @tree.context_menu(name="Report picture")
    async def report(interaction: discord.Interaction, message: discord.Message) -> None:
        seen.extend((message.id, message.attachments[0].filename))
        await interaction.response.send_message("thank you", ephemeral=True)

    tree.add_command(group)
    await tree.sync()
    run = discordd.interactions.command(
        member, channel, "blocklist", "add", attachments={"picture": ("a.png", b"picture")}, note="known", days=3
    )
    await run.answered.wait()
    assert seen == [b"picture", "known", 3, True]
    seen.clear()
    message = discordd.world.post(channel, member, attachments=[("b.png", b"data")])
    picked = discordd.interactions.message_command(member, message, "Report picture")
    await picked.answered.wait()
    assert seen == [message.id, "b.png"]
    assert picked.original is not None
    assert picked.original.content == "thank you"
