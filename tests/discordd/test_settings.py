"""The settings that point a bot at the loopback Discord are settings that the bot accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import settings as bot_settings

from . import Discordd


async def test_the_config_is_readable(discordd: Discordd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in discordd.environment().items():
        monkeypatch.setenv(name, value)
    path = discordd.write_config(tmp_path / "config.toml", media={"max_bytes": 5000}, queue={"capacity": 7})
    loaded = bot_settings.load(path)
    assert loaded.discord.api_url == discordd.api_url
    assert loaded.discord.gateway_url == discordd.gateway_url
    assert loaded.media.allowed_hosts == (f"127.0.0.1:{discordd.port}",)
    assert (loaded.media.max_bytes, loaded.queue.capacity) == (5000, 7)
    assert loaded.discord.token is not None
    assert loaded.discord.token.get_secret_value() == discordd.token


async def test_waiting_for_what_never_happens_says_what_did(discordd: Discordd) -> None:
    with pytest.raises(TimeoutError, match="did not happen"):
        await discordd.wait_for(lambda: False, within=0.1)
