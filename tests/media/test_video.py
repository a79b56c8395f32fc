"""Videos: what is seen of them, what a copy agrees with, and what hostile ones lead to."""

import random
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from bot.matching.gate import gated
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import Query, Wanted
from bot.media import samples, surfaces, video, wire
from bot.media.decode import read
from bot.model import (
    Bank,
    BankKind,
    BankLevel,
    Category,
    Entry,
    GuildSettings,
    Mode,
    Stage,
    Surface,
    Thresholds,
    Unscannable,
    Verdict,
)
from bot.policy import Facts, decide

from .clips import SCENE_SECONDS, all_key_frames, av, clip, scene, sound, turned
from .clips import video as made
from .looks import LIMITS, decoded, nearest, refused
from .payloads import EXTERNAL, media, message, only, seen
from .pictures import animation, picture

THRESHOLDS = Thresholds()


def query(data: bytes, wanted: Wanted = Wanted.FEATURES) -> Query:
    reply = read(data, LIMITS._replace(wanted=wanted))
    assert reply.reason is None
    assert reply.query is not None
    return reply.query


def still(image: Image.Image, **how: object) -> bytes:
    """A video in which nothing moves."""
    return made([image] * 3, **how)


# ------------------------------------------------------------------------------------------------------- what is seen


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mp4", "libx264"),
        ("mov", "libx264"),
        ("mp4", "mpeg4"),
        ("mp4", "libx265"),
        ("webm", "libvpx-vp9"),
        ("webm", "libvpx"),
        ("matroska", "libx264"),
    ],
)
def test_every_container_and_codec(kind: str, codec: str) -> None:
    options = {"x265-params": "log-level=none:pools=none"} if codec == "libx265" else {}
    found = decoded(clip(1, kind=kind, codec=codec, **options))
    assert (found.width, found.height, found.frames) == (320, 180, 72)
    assert nearest(found, scene(1, 0)) <= 10
    assert nearest(found, scene(1, 71 / 12)) <= 10
    assert len(found.views) >= 5


@pytest.mark.parametrize(
    ("pixels", "full_range"),
    [("yuv420p", False), ("yuv420p", True), ("yuv444p", False), ("yuv420p10le", False)],
)
def test_luminance_is_that_of_pictures(pixels: str, full_range: bool) -> None:
    image = picture(5)
    (frame,) = query(still(image, pixels=pixels, full_range=full_range)).frames
    plane = np.asarray(image.convert("L"))
    assert frame.plane.mean() == pytest.approx(plane.mean(), abs=3)
    assert frame.plane.std() == pytest.approx(plane.std(), abs=2)


@pytest.mark.skipif(not hasattr(av.VideoFrame, "rotation"), reason="this PyAV does not tell how a frame is turned")
@pytest.mark.parametrize("quarters", range(4))
def test_how_the_camera_was_held_is_applied(quarters: int) -> None:
    image = picture(5)
    found = decoded(turned(still(image), quarters))
    assert (found.width, found.height) == ((240, 320) if quarters % 2 else (320, 240))
    assert nearest(found, image.rotate(-90 * quarters, expand=True)) <= 8


def test_pixels_that_are_not_square() -> None:
    (frame,) = query(still(picture(5), aspect=Fraction(2, 1))).frames
    height, width = frame.plane.shape
    assert width / height == pytest.approx(2 * 320 / 240, rel=0.02)


def test_a_video_of_one_frame() -> None:
    found = decoded(made([picture(5)]))
    assert (found.frames, len(found.views)) == (1, 1)


def test_frames_at_any_times_are_seen() -> None:
    pictures = [picture(seed) for seed in range(6)]
    found = decoded(made(pictures, times=[0, 1, 2, 3, 400, 800]))
    assert found.frames == 6
    assert max(nearest(found, image) for image in pictures) <= 12


@pytest.mark.parametrize("hidden", [0, 30, 59])
def test_a_picture_shown_for_a_second_is_seen(hidden: int) -> None:
    frames = [picture(7).crop((at, 0, at + 200, 150)) for at in range(60)]
    abusive = picture(8, (200, 150))
    frames[hidden : hidden + 12] = [abusive] * len(frames[hidden : hidden + 12])
    assert nearest(decoded(made(frames, sc_threshold="0")), abusive) <= 12


def test_frames_with_nothing_in_them_are_left_out() -> None:
    black = Image.new("RGB", (320, 240))
    found = query(made([black, picture(1), black, picture(2), black]))
    assert [frame.number for frame in found.frames] == [1, 3]
    assert query(made([black] * 3)).plain


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_container_that_lies_about_key_frames_hides_nothing(codec: str) -> None:
    frames = [scene(1, number / 12) for number in range(36)] + [scene(2, number / 12) for number in range(36)]
    liar = all_key_frames(made(frames, codec=codec, g="250", sc_threshold="0"), len(frames))
    found = query(liar)
    assert {view.frame for view in found.fingerprint.views} >= {0, len(frames) - 1}
    assert nearest(found.fingerprint, frames[-1]) <= 12
    entered = query(liar, Wanted.REFERENCE).fingerprint
    assert max(nearest(entered, frame) for frame in frames[::5]) <= THRESHOLDS.remove.distance


def test_settings_bound_the_frames() -> None:
    reply = read(clip(1, codec="mpeg4", g="1"), LIMITS._replace(max_frames=3))
    assert reply.query is not None
    assert len(reply.query.fingerprint.views) == 3


# ---------------------------------------------------------------------------------------------------- what is entered


def test_an_entry_is_dense_and_bounded() -> None:
    found = query(clip(2, seconds=12, rate=30, start=0.1), Wanted.REFERENCE)
    views = found.fingerprint.views
    sparse = len(query(clip(2, seconds=12, rate=30, start=0.1)).fingerprint.views)
    assert 3 * sparse <= len(views) <= video.MOST_VIEWS
    assert len(found.references) <= video.MOST_FEATURED
    assert {reference.view for reference in found.references} <= set(range(len(views)))
    assert found.fingerprint.pdq
    numbers = sorted(views[reference.view].frame for reference in found.references)
    assert (numbers[0], numbers[-1]) == (min(view.frame for view in views), max(view.frame for view in views))
    assert wire.unpack(wire.pack(wire.Reply(found, None))).query is not None


def test_many_different_frames_with_borders_fit_an_entry() -> None:
    frames = []
    for seed in range(150):
        frame = Image.new("RGB", (320, 240))
        frame.paste(picture(seed, (320, 160)), (0, 40))
        frames.append(frame)
    found = query(made(frames, rate=10, codec="mpeg4"), Wanted.REFERENCE)
    assert 100 <= len(found.fingerprint.views) <= video.MOST_VIEWS


def test_what_hardly_changes_is_entered_once() -> None:
    found = query(still(picture(3)), Wanted.REFERENCE)
    assert len(found.fingerprint.views) == len(found.references) == 1


# --------------------------------------------------------------------------------------------- what a copy agrees with


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """A bank whose only entry is a video of six seconds."""
    matcher = Matcher(THRESHOLDS, Signature.derived(bytes(32)))
    entered = gated(matcher.packed(query(clip(1), Wanted.REFERENCE)))
    bank = Bank(1, "own", BankKind.BLOCK, None, BankLevel.REMOVE)
    matcher.load([bank], [Entry(1, 1, Category.NCII_SYNTHETIC, entered, "", None, datetime.now(UTC), "test")])
    return matcher


def verdict(matcher: Matcher, data: bytes) -> tuple[Verdict, float]:
    """The verdict, and the share of frames that match."""
    matches = matcher.match(query(data), None)
    plan = decide(matches, GuildSettings(5, mode=Mode.REMOVE), Facts(THRESHOLDS, {1: BankLevel.REMOVE}))
    return plan.verdict, matches[0].frames_matched / matches[0].frames_compared if matches else 0.0


@pytest.mark.parametrize("start", [0.0, 0.04, 0.31, 1.03, 1.77])
@pytest.mark.parametrize("rate", [10, 25])
def test_a_copy_is_found_wherever_its_frames_fall(matcher: Matcher, start: float, rate: int) -> None:
    copy = clip(1, start=start, seconds=4, size=(256, 144), rate=rate, crf="32", g="20")
    assert verdict(matcher, copy) == (Verdict.REMOVE, pytest.approx(1, abs=0.2))


@pytest.mark.parametrize(("kind", "codec"), [("webm", "libvpx-vp9"), ("mov", "mpeg4")])
def test_a_copy_in_another_format_is_found(matcher: Matcher, kind: str, codec: str) -> None:
    assert verdict(matcher, clip(1, kind=kind, codec=codec, rate=15))[0] is Verdict.REMOVE


def test_an_animated_copy_is_found(matcher: Matcher) -> None:
    frames = [scene(1, number / 4) for number in range(24)]
    assert verdict(matcher, animation(frames, "GIF"))[0] is Verdict.REMOVE


def test_another_video_is_not_found(matcher: Matcher) -> None:
    assert verdict(matcher, clip(2)) == (Verdict.CLEAR, 0)


def test_a_video_that_shows_some_of_it_is_for_a_person(matcher: Matcher) -> None:
    frames = [scene(1, number / 12) for number in range(24)] + [scene(3, number / 12) for number in range(48)]
    found, share = verdict(matcher, made(frames))
    assert found is Verdict.REVIEW
    assert 0.1 < share < 0.8


def test_one_frame_of_it_never_removes(matcher: Matcher) -> None:
    shown = round(12 * SCENE_SECONDS)
    frames = [scene(3, number / 12) for number in range(6 * 12)]
    frames[shown] = scene(1, 0.5)
    assert verdict(matcher, made(frames))[0] is not Verdict.REMOVE


def test_a_still_of_it_is_found(matcher: Matcher) -> None:
    (match, *_) = matcher.match(query(animation([scene(1, 0.5)], "PNG")), None)
    assert (match.stage, match.frames_matched, match.frames_compared) == (Stage.PHASH, 1, 1)


# --------------------------------------------------------------------------------------------------- what is not read


def test_without_the_extra_the_reason_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = clip(1)
    monkeypatch.setattr(video, "videos_readable", lambda: False)
    assert refused(data) is Unscannable.VIDEO
    assert 'the extra "video"' in Unscannable.VIDEO.sentence
    monkeypatch.setattr(samples, "videos_readable", lambda: False)
    assert "MP4" not in samples.pictures()


def test_sound_alone() -> None:
    assert refused(sound()) is Unscannable.NOT_A_PICTURE


def test_a_longer_video_is_read_in_part() -> None:
    pictures = [picture(seed) for seed in range(14)]
    reply = read(made(pictures, rate=Fraction(1, 60)), LIMITS)
    assert reply.reason is Unscannable.TOO_LARGE
    assert reply.query is not None
    assert reply.query.fingerprint.frames == 11


def test_further_tracks_leave_it_open() -> None:
    reply = read(still(picture(5), tracks=2), LIMITS)
    assert reply.reason is Unscannable.VIDEO
    assert reply.query is not None
    assert nearest(reply.query.fingerprint, picture(5)) <= 8


def test_too_many_pixels() -> None:
    assert refused(made([picture(3, (4112, 16))] * 2, codec="mpeg4")) is Unscannable.TOO_MANY_PIXELS
    assert refused(still(picture(3)), LIMITS._replace(max_pixels=320 * 240 - 1)) is Unscannable.TOO_MANY_PIXELS


@pytest.mark.parametrize("wanted", [Wanted.FEATURES, Wanted.REFERENCE])
def test_without_time_nothing_is_clear(wanted: Wanted) -> None:
    reply = read(clip(1), LIMITS._replace(seconds=0, wanted=wanted))
    assert reply.reason is Unscannable.DECODE_TIMEOUT


def test_an_unusual_codec_is_never_decoded() -> None:
    assert refused(clip(1, kind="matroska", codec="ffv1")) is Unscannable.VIDEO


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(64),
        b"\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd",
        b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x86",
    ],
)
def test_containers_of_nothing(data: bytes) -> None:
    assert refused(data) in {Unscannable.BROKEN, Unscannable.NOT_A_PICTURE}


@pytest.mark.parametrize("text", [b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"])
def test_lists_of_other_files_are_no_videos(text: bytes) -> None:
    assert refused(text) is Unscannable.NOT_A_PICTURE


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize(("kind", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9")])
def test_what_is_cut_off(kind: str, codec: str, share: float) -> None:
    options = {"movflags": "frag_keyframe+empty_moov", "g": "12"} if kind == "mp4" else {}
    data = clip(1, kind=kind, codec=codec, **options)
    reply = read(data[: round(share * len(data))], LIMITS)
    wire.unpack(wire.pack(reply))
    if share < 0.1:
        assert reply.query is None
    else:
        assert reply.query is not None
        assert nearest(reply.query.fingerprint, scene(1, 0)) <= 10


def test_where_much_is_damaged_nothing_is_clear() -> None:
    data = bytearray(clip(1, codec="libvpx-vp9"))
    damaged = slice(len(data) // 3, data.index(b"moov") - 4)
    data[damaged] = bytes(damaged.stop - damaged.start)
    assert read(bytes(data), LIMITS).reason is Unscannable.BROKEN


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_have_an_outcome(seed: int) -> None:
    random_ = random.Random(seed)
    kind, codec = random_.choice((("mp4", "libx264"), ("mov", "mpeg4"), ("webm", "libvpx-vp9")))
    data = bytearray(clip(1, seconds=1, kind=kind, codec=codec))
    for _ in range(random_.choice((1, 4, 30, 200))):
        end = random_.choice((len(data), min(1000, len(data))))
        data[random_.randrange(end)] = random_.randrange(256)
    if random_.random() < 0.2:
        del data[random_.randrange(len(data)) :]
    wanted = random_.choice((Wanted.NOTHING, Wanted.FEATURES, Wanted.REFERENCE))
    reply = read(bytes(data), LIMITS._replace(wanted=wanted))
    wire.unpack(wire.pack(reply))


# ----------------------------------------------------------------------------------------------- videos of links


STILL = "https://images-ext-2.discordapp.net/external/A/still.png"
VIDEO = "https://images-ext-1.discordapp.net/external/B/v.mp4"


def test_a_video_is_read_and_its_still_too() -> None:
    data = message(embeds=[{"type": "gifv", "thumbnail": media(proxy_url=STILL), "video": media(proxy_url=VIDEO)}])
    assert [(item.surface, item.url) for item in seen(data)] == [
        (Surface.EMBED_VIDEO, VIDEO),
        (Surface.EMBED_VIDEO, STILL),
    ]


def test_the_still_of_an_attachment_does_not_stand_for_it() -> None:
    path = "https://media.discordapp.net/attachments/1/5/clip.mp4"
    embed = {"thumbnail": media(proxy_url=f"{path}?format=webp"), "video": media(proxy_url=path)}
    item = only(message(embeds=[embed]))
    assert (item.media_id, item.url) == ("attachment:5", path)


def test_without_the_extra_the_still_stands_for_the_video(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surfaces, "videos_readable", lambda: False)
    data = message(embeds=[{"thumbnail": media(proxy_url=STILL), "video": media(proxy_url=VIDEO)}])
    assert only(data).url == STILL


def test_an_address_of_a_member_is_never_fetched() -> None:
    data = message(embeds=[{"thumbnail": media(), "video": {"url": "https://video.example/v.mp4"}}])
    assert only(data).url == EXTERNAL
