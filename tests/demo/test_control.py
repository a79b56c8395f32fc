import json

import pytest

from bot.demo.control import ControlServer
from bot.demo.forms import answer_of, texts_of
from bot.demo.shelf import ITEMS, Group, Shelf
from bot.demo.story import Story
from bot.errors import RefusedError
from bot.model import CaseOrigin, Decision

from .conftest import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCKED = [item.key for item in ITEMS if item.group is not Group.HARMLESS]
HARMLESS = [item.key for item in ITEMS if item.group is Group.HARMLESS]
NOBODY = "999999999999"


async def status_of(visitor: Visitor, path: str, **options) -> int:
    async with visitor.http.get(visitor.url(path), **options) as answer:
        return answer.status


# ---------------------------------------------------------------------------- acting as a member


@pytest.mark.parametrize("item", BLOCKED)
async def test_a_blocked_picture_goes_whatever_it_is_dressed_up_as(visitor, item):
    post = await visitor.post(item, text="look")
    assert post.gone is not None
    assert post.gone.by == "bot"
    assert any("Matches entry" in finding.text for finding in post.findings)
    assert await status_of(visitor, f"demo/api/pictures/{post.id}/0") == 404


@pytest.mark.parametrize("item", HARMLESS)
async def test_a_harmless_picture_stays_and_is_shown(visitor, item):
    post = await visitor.post(item)
    assert post.gone is None
    assert [finding.clear for finding in post.findings] == [True]
    async with visitor.http.get(visitor.url(f"demo/api/pictures/{post.id}/0")) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert (await answer.read()).startswith(b"\xff\xd8")


async def test_the_official_photo_says_why_it_stays(visitor):
    post = await visitor.post("official")
    assert "known-good entry E-" in post.findings[0].text


async def test_text_alone_is_posted_too(visitor):
    post = await visitor.post(None, text="hello")
    assert (post.text, post.pictures, post.gone) == ("hello", (), None)


async def test_a_text_that_is_edited_stays(visitor):
    post = await visitor.post("fan-art", text="first")
    assert await visitor.ask("edit", message=str(post.id), text="second") == (200, {"answer": ""})
    assert (post.text, post.edited, post.gone) == ("second", True, None)


async def test_a_link_to_the_blocked_picture_that_is_edited_in_is_found(visitor):
    post = await visitor.post(None, text="nothing to see")
    await visitor.ask("edit", message=str(post.id), text="here", item="mirrored")
    assert post.gone is not None
    assert post.gone.by == "bot"


async def test_a_message_is_forwarded_with_its_picture(visitor):
    post = await visitor.post("fan-art")
    known = set(visitor.world.journal.posts)
    assert (await visitor.ask("forward", person="kit", message=str(post.id)))[0] == 200
    (forwarded,) = (visitor.world.journal.posts[new] for new in set(visitor.world.journal.posts) - known)
    assert forwarded.forwarded
    assert len(forwarded.pictures) == 1
    assert [finding.clear for finding in forwarded.findings] == [True]
    for path, what in (("forward", {"person": "kit"}), ("edit", {"text": "mine now"})):
        status, answer = await visitor.ask(path, message=str(forwarded.id), **what)
        assert status == 400
        assert "neither edited nor forwarded" in answer["error"]


async def test_a_report_opens_a_case_and_is_answered(visitor):
    post = await visitor.post("fan-art")
    status, answer = await visitor.ask("menu", person="kit", message=str(post.id), menu="report", category="harassment")
    assert status == 200
    assert "Thank you" in answer["answer"]
    assert post.reported
    assert post.gone is None
    async with visitor.world.app.store.read() as tx:
        newest = max(await tx.cases.list(visitor.world.server.guild.id), key=lambda case: case.id)
    view = await visitor.world.case(newest.id)
    assert view.case.origin is CaseOrigin.REPORT
    assert [sighting.message.message_id for sighting in view.sightings] == [post.id]


async def test_a_blocked_picture_takes_its_earlier_copies_along(visitor):
    earlier = await visitor.post("fan-art")
    await visitor.ask("forward", person="mina", message=str(earlier.id))
    copy = next(reversed(visitor.world.journal.posts.values()))
    status, answer = await visitor.ask(
        "menu", person="ada", message=str(copy.id), menu="block", category="ncii_synthetic"
    )
    assert status == 200
    assert "1 earlier copy found" in answer["answer"]
    assert copy.gone is not None
    assert earlier.gone is not None


async def test_earlier_posts_are_scanned_on_request(visitor):
    """The bot can read what stands on the simulated server, and its message shows the end when the turn is over."""
    world = visitor.world
    await visitor.post("fan-art", person="mina")
    await visitor.post("official", person="kit")
    ada, review = world.server.moderator.actor, world.server.review
    async with world.turn():
        shown = await ada.slash(review, "scan server")
    async with world.turn():
        await ada.click((shown.response, *shown.followups)[-1], label="Scan it")
    async with world.turn():
        shown = await ada.slash(review, "scan channel", channel=world.server.fans)
    assert "Scan started" in answer_of(shown)
    messages = world.env.backend.messages[review.id].values()
    said = [text for message in messages for text in texts_of(message.components) if text.startswith("Scanned")]
    places = ["the whole server", world.server.fans.mention]
    assert [text.partition(" back to")[0] for text in said] == [f"Scanned {place}" for place in places]
    assert not [text for text in said if "could not be" in text]


async def test_only_moderators_have_the_menu_that_blocks(visitor):
    post = await visitor.post("fan-art")
    status, answer = await visitor.ask("menu", person="kit", message=str(post.id), menu="block", category="scam")
    assert status == 400
    assert answer["error"].startswith("Discord does not allow that")
    assert post.gone is None


async def test_a_member_who_deletes_a_message_is_not_taken_for_the_bot(visitor):
    post = await visitor.post("fan-art")
    assert (await visitor.ask("delete", message=str(post.id)))[0] == 200
    assert post.gone is not None
    assert post.gone.by == "member"


# ---------------------------------------------------------------------------- what cannot be done


@pytest.mark.parametrize(
    ("path", "what", "sentence"),
    [
        ("post", {"person": "jules", "item": "nothing"}, "There is nothing called 'nothing' to post"),
        ("post", {"person": "nobody", "item": "fan-art"}, "There is nobody called 'nobody' on the server"),
        ("post", {"item": "fan-art"}, "person: Field required."),
        ("post", {"person": "jules", "item": "fan-art", "nonce": 1}, "nonce: Extra inputs are not permitted."),
        ("post", {"person": "jules", "text": "a" * 2001}, "text: String should have at most 2000 characters."),
        ("post", {"person": "jules", "text": ""}, "Discord does not allow that"),
        ("edit", {"message": NOBODY, "text": "x"}, "That message does not stand in the channel any more"),
        ("edit", {"message": "../1", "text": "x"}, "message: String should match pattern"),
        ("forward", {"person": "kit", "message": NOBODY}, "That message does not stand in the channel any more"),
        ("delete", {"message": NOBODY}, "That message does not stand in the channel any more"),
        ("menu", {"person": "kit", "message": NOBODY, "menu": "ban", "category": "scam"}, "menu: Input should be"),
        ("menu", {"person": "kit", "message": NOBODY, "menu": "report", "category": "x"}, "category: Input should be"),
    ],
)
async def test_what_cannot_be_done_is_answered_in_a_sentence(visitor, path, what, sentence):
    known = dict(visitor.world.journal.posts)
    status, answer = await visitor.ask(path, **what)
    assert status == 400
    assert answer["error"].startswith(sentence)
    assert answer["error"].endswith(".")
    assert visitor.world.journal.posts == known


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"person": 5}'])
async def test_a_broken_body_is_answered_in_a_sentence(visitor, body):
    headers = {"Content-Type": "application/json"}
    async with visitor.http.post(visitor.url("demo/api/post"), data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"].endswith(".")


@pytest.mark.parametrize(
    "path", ["demo/api/shelf/nothing", "demo/api/faces/nobody", "demo/api/pictures/1/0", "demo/api/pictures/x/y"]
)
async def test_what_does_not_exist_is_not_found(visitor, path):
    assert await status_of(visitor, path) == 404


# ---------------------------------------------------------------------------- other websites


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_another_website_can_do_nothing(visitor, headers):
    known = set(visitor.world.journal.posts)
    what = {"person": "jules", "item": None, "text": "from elsewhere"}
    for path in ("demo/api/post", "api/action", "api/pages"):
        async with visitor.http.post(visitor.url(path), json=what, headers=headers) as answer:
            assert answer.status == 403
    assert set(visitor.world.journal.posts) == known


async def test_a_form_of_another_website_is_no_json(visitor):
    body = json.dumps({"person": "jules", "text": "from a form"})
    async with visitor.http.post(
        visitor.url("demo/api/post"), data=body, headers={"Content-Type": "text/plain"}
    ) as answer:
        assert answer.status == 400


async def test_no_other_page_can_frame_the_control_page(visitor):
    async with visitor.http.get(visitor.control.address) as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_taken_port_is_said_so(visitor):
    second = ControlServer(visitor.world, Shelf())
    with pytest.raises(RefusedError, match=f"Port {visitor.control.port} is taken"):
        await second.start(visitor.control.port)
    await second.close()


# ---------------------------------------------------------------------------- showing


async def test_the_page_and_everything_that_it_loads_are_there(visitor):
    paths = ["", "demo/style.css", "demo/review.css", "demo/app.js", "demo/channel.js", "demo/dom.js"]
    paths += [f"demo/api/shelf/{item.key}" for item in ITEMS]
    paths += [f"demo/api/faces/{key}" for key in ("bot", "ada", "mina", "jules", "kit")]
    paths += ["demo/api/fixed", "fonts/noto-sans-latin-v2.015.ttf"]
    assert {path: await status_of(visitor, path) for path in paths} == dict.fromkeys(paths, 200)


async def test_changes_are_sent_as_they_happen(visitor):
    async with visitor.http.get(visitor.url("demo/api/events")) as stream:
        first = json.loads((await stream.content.readuntil(b"\n\n"))[6:])
        post = await visitor.post(None, text="news")
        while True:
            state = json.loads((await stream.content.readuntil(b"\n\n"))[6:])
            shown = [one for one in state["posts"] if one["id"] == str(post.id)]
            if shown:
                break
    assert state["revision"] > first["revision"]
    assert shown[0]["text"] == "news"
    assert any("Jules posted a message" in line["text"] for line in state["log"])


async def test_the_log_tells_the_story_in_words(visitor):
    told = [line.text for line in visitor.world.journal.in_order()]
    for sentence in (
        "Kit posted a picture.",
        "Put up the card of case 1 in the review channel.",
        "Took a report into case 2.",
    ):
        assert sentence in told
    assert any(line.startswith("Opened case 1.") for line in told)
    written = next(line for line in told if line.startswith("Wrote a direct message"))
    assert "“Your message with a picture in #fan-art was removed" in written
    assert not [mark for mark in ("**", "`", "<t:", "<#", "-# ") if mark in written]
    assert any(line.startswith("Removed Kit's message, ") for line in told)


# ---------------------------------------------------------------------------- the review window


class ReviewPage:
    """A browser on simcord's preview, which speaks its protocol."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._sequence = 0
        self._headers = {"X-Simcord-Capability": visitor.control.review_address.partition("#")[2]}
        self.state: dict = {}

    async def open(self) -> None:
        viewer = str(self._visitor.world.server.moderator.actor.id)
        async with self._visitor.http.post(
            self._visitor.url("api/pages"), json={"viewer_id": viewer}, headers=self._headers
        ) as answer:
            self.state = await answer.json()
        self._headers["X-Simcord-Context"] = self.state["context"]["id"]

    async def press(self, case_id: int, label: str) -> dict:
        """Press a button of what this page shows now, however old that is."""
        for message_id, message in self.state["messages"].items():
            for button in buttons(message["components"]):
                if button["custom_id"].startswith(f"stanguard:case:{case_id}:") and button["label"] == label:
                    control = f"message:{message_id}:component:{button['id']}"
                    return await self.act("click", target_id=message_id, control_key=control)
        raise AssertionError(f"case {case_id} shows no button {label}")

    async def act(self, kind: str, **fields) -> dict:
        self._sequence += 1
        body = {
            "protocol_version": 3,
            "sequence": self._sequence,
            "request_id": f"r{self._sequence}",
            "generation": self.state["context"]["generation"],
            "bot_generation": self.state["botGeneration"],
            "published_revision": self.state["publishedRevision"],
            "kind": kind,
            **fields,
        }
        async with self._visitor.http.post(self._visitor.url("api/action"), json=body, headers=self._headers) as answer:
            return await answer.json()


def buttons(components: list[dict]) -> list[dict]:
    found = []
    for component in components:
        found += [component] if component.get("type") == 2 else buttons(component.get("components") or [])
    return found


async def test_the_review_channel_is_shown_inside_the_control_page(visitor):
    async with visitor.http.get(visitor.url("review/embedded")) as answer:
        page = await answer.text()
        assert "/demo/review.css" in page
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer.headers
    async with visitor.http.get(visitor.url("review")) as answer:
        assert "/demo/review.css" not in await answer.text()


async def test_nothing_is_shown_of_the_review_channel_without_its_key(visitor):
    viewer = str(visitor.world.server.moderator.actor.id)
    async with visitor.http.post(visitor.url("api/pages"), json={"viewer_id": viewer}) as answer:
        assert answer.status == 401


async def test_a_button_that_is_pressed_in_the_window_decides_the_case(visitor):
    page = ReviewPage(visitor)
    await page.open()
    receipt = await page.press(1, "Confirm")
    assert not receipt["rejected"]
    assert (await visitor.world.case(1)).case.decision is Decision.CONFIRM
    assert "Ada confirmed case 1." in [line.text for line in visitor.world.journal.lines]
    await page.open()


async def test_a_press_that_crosses_with_a_change_still_counts(visitor):
    page = ReviewPage(visitor)
    await page.open()
    await visitor.post("mirrored", person="mina")  # draws a card anew, which this page does not show yet
    receipt = await page.press(2, "Not a match")
    assert not receipt["rejected"]
    assert (await visitor.world.case(2)).case.decision is Decision.NOT_A_MATCH


async def test_the_window_opens_again_when_somebody_ends_the_preview(visitor):
    before = visitor.control.review_address
    page = ReviewPage(visitor)
    await page.open()
    with visitor.world.journal.watch() as changed:
        await page.act("close")
        while visitor.control.review_address in {before, before.partition("#")[0] + "#"}:
            changed.clear()
            await changed.wait()
    again = ReviewPage(visitor)
    await again.open()
    assert again.state["channel"]["name"] == "review"


async def test_the_bot_raised_nothing_in_all_that(visitor):
    assert await Story(visitor.world, Shelf())._no_errors()
