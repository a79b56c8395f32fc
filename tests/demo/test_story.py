import tempfile
from pathlib import Path

import pytest

from bot import demo
from bot.demo.cdn import LoopbackCdn
from bot.demo.shelf import Shelf
from bot.demo.story import StepError, Story
from bot.demo.world import demo_settings, open_world
from bot.model import Mode
from bot.settings import MatchingSettings, Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text("")
    return load(file)


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("stanguard-demo-*"))


async def test_the_headless_story_happens_and_says_what_happened(settings, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert await demo.run(settings, port=None, headless=True) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "All 10 steps happened" in told
    assert "all three stay" in told
    assert told.count("; gone after ") == 2
    assert "the same case 1 holds both sightings now, on one card" in told
    assert "Case 2 is in the review channel" in told
    assert "says why it comes first: 1 member reported it." in told
    assert "Case 1 is confirmed" in told
    assert "Mina was told once" in told
    assert leftovers() == []


async def test_a_step_that_does_not_happen_ends_the_demo_with_a_sentence(settings, capsys, monkeypatch):
    async def nothing_found(self: Story) -> str:
        raise StepError("The blocked picture still stands in the channel; it should have been removed.")

    monkeypatch.setattr(Story, "_post_mirrored", nothing_found)
    assert await demo.run(settings, port=None, headless=True) == 1
    output = capsys.readouterr()
    assert output.err == "stanguard: The blocked picture still stands in the channel; it should have been removed.\n"
    assert "Mina reports a picture" not in output.out


async def test_the_story_notices_that_a_picture_was_not_removed():
    async with open_world() as world:
        steps = Story(world, Shelf()).tell()
        while (await anext(steps)).title != "Fans post harmless pictures":
            pass
        await world.app.guilds.change(world.server.guild.id, mode=Mode.REVIEW)
        with pytest.raises(StepError, match="still stands in the channel"):
            await anext(steps)


def test_the_demo_never_uses_the_database_or_the_token_of_an_installation(monkeypatch, tmp_path):
    monkeypatch.setenv("STANGUARD_STORE__URL", "sqlite:////var/lib/stanguard/real.db")
    monkeypatch.setenv("STANGUARD_DISCORD__TOKEN", "real")
    monkeypatch.setenv("STANGUARD_MEDIA__ALLOWED_HOSTS", '["example.com"]')
    settings = demo_settings(tmp_path, LoopbackCdn(), MatchingSettings(hash_remove=5))
    assert settings.store.url == f"sqlite:///{tmp_path / 'demo.db'}"
    assert settings.discord.token is None
    assert settings.media.allowed_hosts == ("127.0.0.1:0",)
    assert settings.matching.hash_remove == 5
