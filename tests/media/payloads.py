"""Messages as Discord's gateway delivers them, and what the walk finds in them."""

from typing import Any

from bot.media import surfaces
from bot.model import MediaRef, SeenMedia, Surface, Unscannable, UnscannableRef

CDN = "https://cdn.discordapp.com"
SIGNED = "?ex=6740a000&is=673f4e80&hm=abcdef"
EXTERNAL = "https://images-ext-1.discordapp.net/external/HMAC/https/example.com/cat.png"


def message(**parts: Any) -> dict[str, Any]:
    return {
        "id": "1300000000000000001",
        "channel_id": "1200000000000000001",
        "guild_id": "1100000000000000001",
        "author": {"id": "1000000000000000001", "username": "fan", "avatar": None},
        "content": "",
        "attachments": [],
        "embeds": [],
        "edited_timestamp": None,
        **parts,
    }


def attachment(number: int = 1, **parts: Any) -> dict[str, Any]:
    path = f"attachments/1200000000000000001/{number}/picture.png"
    return {
        "id": str(number),
        "filename": "picture.png",
        "size": 1234,
        "url": f"{CDN}/{path}{SIGNED}",
        "proxy_url": f"https://media.discordapp.net/{path}{SIGNED}",
        "content_type": "image/png",
        **parts,
    }


def media(url: str = "https://example.com/cat.png", proxy_url: str | None = EXTERNAL, **parts: Any) -> dict[str, Any]:
    return {"url": url, "width": 10, "height": 10, **({"proxy_url": proxy_url} if proxy_url else {}), **parts}


def seen(data: Any, *, cdn_url: str = CDN, avatars: bool = False) -> tuple[SeenMedia, ...]:
    walked = surfaces.walk(data, cdn_url=cdn_url, avatars=avatars)
    assert walked is not None
    return walked[1]


def only(data: Any, **options: Any) -> MediaRef:
    (item,) = seen(data, **options)
    assert isinstance(item, MediaRef)
    return item


def reasons(data: Any) -> list[tuple[Surface, Unscannable]]:
    return [(item.surface, item.reason) for item in seen(data) if isinstance(item, UnscannableRef)]
