"""From files to verdicts: what people do to a picture before they post it again, and what must not match."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import pytest
from PIL import Image

from bot.demo.motifs import MOTIFS
from bot.demo.pictures import (
    bordered,
    captioned,
    cropped,
    encode,
    encode_animation,
    face_swapped,
    mirrored,
    picture,
    recompressed,
    resized,
    turned,
    twinkling,
)
from bot.matching.likeness import nearest_sightings
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import Query, Wanted
from bot.media.decode import read
from bot.media.wire import Limits, Reply, pack, unpack
from bot.model import (
    BankKind,
    BankLevel,
    Entry,
    Fingerprint,
    GuildSettings,
    Match,
    Mode,
    Orientation,
    Part,
    Plan,
    Stage,
    Thresholds,
    Verdict,
)
from bot.policy import Facts, decide

from .builders import bank, bare, entry
from .edits import collage, inverted, inverted_and_cropped, off_centre, picture_in_picture, screenshot

LIMITS = Thresholds()
SIZE = (480, 600)
SEEDS = range(6)
BLOCKED, CLEAN = bank(1), bank(2, BankKind.KNOWN_GOOD)
LEVELS = {1: BankLevel.REMOVE, 2: BankLevel.REMOVE}
SIGNATURE = Signature.derived(b"end to end")
GUILD = GuildSettings(1, mode=Mode.REMOVE)
REMOVE, REVIEW, CLEAR = Verdict.REMOVE, Verdict.REVIEW, Verdict.CLEAR

Edit = Callable[[Image.Image], Image.Image]


def query_of(shown: Image.Image | bytes, wanted: Wanted = Wanted.FEATURES) -> Query:
    """A file, or a picture as a JPEG, as the bot gets it from a decoder process."""
    data = shown if isinstance(shown, bytes) else encode(shown)
    reply = read(data, Limits(40_000_000, 16, 600, wanted))
    assert reply.reason is None
    found = unpack(pack(Reply(reply.query, None))).query
    assert found is not None
    return found


@cache
def listed(seed: int) -> Fingerprint:
    """What an entry keeps of a picture."""
    return _packer().packed(query_of(picture(seed, SIZE), Wanted.REFERENCE))


@cache
def _packer() -> Matcher:
    return Matcher(LIMITS, SIGNATURE)


def matcher_of(*entries: Entry, features: bool = True) -> Matcher:
    matcher = Matcher(LIMITS, SIGNATURE if features else None)
    matcher.load([BLOCKED, CLEAN], entries)
    return matcher


def plan_of(matches: Sequence[Match], *, strict: bool = False) -> Plan:
    return decide(matches, GUILD, Facts(LIMITS, LEVELS, strict=strict))


@pytest.fixture(scope="module")
def everything() -> Matcher:
    """Entry ``seed + 1`` is the picture of ``seed``, with its local features."""
    return matcher_of(*(entry(seed + 1, 1, listed(seed)) for seed in SEEDS))


@pytest.fixture(scope="module")
def without_features() -> Matcher:
    return matcher_of(*(entry(seed + 1, 1, listed(seed).without_features()) for seed in SEEDS), features=False)


WHOLE: list[tuple[Edit, Orientation]] = [
    (partial(recompressed, quality=30), Orientation.UPRIGHT),
    (resized, Orientation.UPRIGHT),
    (bordered, Orientation.UPRIGHT),
    (partial(bordered, fill=(0, 0, 0)), Orientation.UPRIGHT),
    (partial(cropped, share=0.03), Orientation.UPRIGHT),
    (inverted, Orientation.UPRIGHT),
    (mirrored, Orientation.MIRRORED),
    (partial(turned, degrees=90), Orientation.TURNED_LEFT),
    (partial(turned, degrees=180), Orientation.UPSIDE_DOWN),
    (partial(turned, degrees=270), Orientation.TURNED_RIGHT),
    (lambda image: recompressed(mirrored(turned(image, 90))), Orientation.TRANSVERSED),
    (lambda image: mirrored(turned(image, 270)), Orientation.TRANSPOSED),
    (lambda image: mirrored(turned(image, 180)), Orientation.UPSIDE_DOWN_MIRRORED),
]

PARTS: list[tuple[Edit, Orientation]] = [
    (partial(off_centre, share=0.3), Orientation.UPRIGHT),
    (partial(off_centre, share=0.5), Orientation.UPRIGHT),
    (inverted_and_cropped, Orientation.UPRIGHT),
    (partial(turned, degrees=10), Orientation.UPRIGHT),
    (collage, Orientation.UPRIGHT),
    (picture_in_picture, Orientation.UPRIGHT),
    (screenshot, Orientation.UPRIGHT),
    (captioned, Orientation.UPRIGHT),
    (lambda image: turned(off_centre(image, 0.3), 90), Orientation.TURNED_LEFT),
    (lambda image: screenshot(mirrored(image)), Orientation.MIRRORED),
]


@pytest.mark.parametrize("edit", range(len(WHOLE)))
def test_a_repost_of_the_whole_is_removed_with_and_without_local_features(
    everything: Matcher, without_features: Matcher, edit: int
) -> None:
    change, orientation = WHOLE[edit]
    for seed in SEEDS:
        query = query_of(change(picture(seed, SIZE)))
        for matcher in (everything, without_features):
            plan = plan_of(matcher.match(query, None), strict=True)
            assert plan.match is not None
            assert (plan.verdict, plan.match.entry_id, plan.match.orientation) == (REMOVE, seed + 1, orientation)
            assert plan.match.inverted == (change is inverted)


@pytest.mark.parametrize("edit", range(len(PARTS)))
def test_a_part_of_a_picture_and_a_picture_within_another_are_removed_by_local_features(
    everything: Matcher, edit: int
) -> None:
    change, orientation = PARTS[edit]
    for seed in SEEDS:
        plan = plan_of(everything.match(query_of(change(picture(seed, SIZE))), None))
        assert plan.match is not None
        assert (plan.verdict, plan.match.entry_id, plan.match.orientation) == (REMOVE, seed + 1, orientation)
        assert plan.match.inverted == (change is inverted_and_cropped)
        assert plan.match.agreement is not None
        assert plan.match.agreement > 0.88


@pytest.mark.parametrize("edit", range(len(PARTS)))
def test_without_local_features_parts_lead_to_a_person_at_most(without_features: Matcher, edit: int) -> None:
    change, _ = PARTS[edit]
    for seed in SEEDS:
        plan = plan_of(without_features.match(query_of(change(picture(seed, SIZE))), None))
        assert plan.match is None or plan.match.entry_id == seed + 1
        assert plan.match is None or plan.match.stage is Stage.PHASH


def test_a_guild_without_local_features_compares_whole_pictures_only(everything: Matcher) -> None:
    query = query_of(off_centre(picture(0, SIZE), 0.5), everything.wanted(GuildSettings(1, local_features=False)))
    assert everything.match(query, 1) == ()
    assert everything.match(query_of(off_centre(picture(0, SIZE), 0.5), everything.wanted(GuildSettings(1))), 1)


def test_a_border_is_seen_through_on_the_side_of_the_entry_too() -> None:
    framed = query_of(bordered(picture(3, SIZE), fill=(0, 0, 0)), Wanted.REFERENCE)
    matcher = matcher_of(entry(1, 1, _packer().packed(framed)))
    assert plan_of(matcher.match(query_of(picture(3, SIZE)), None)).delete


def test_other_pictures_do_not_match(everything: Matcher) -> None:
    others = [seed for seed in range(100, 200) if seed % len(MOTIFS) not in {listed % len(MOTIFS) for listed in SEEDS}]
    for seed in others[:10]:
        for edit in (lambda image: image, screenshot, mirrored):
            assert everything.match(query_of(edit(picture(seed, SIZE))), None) == ()


def test_another_picture_after_the_same_pattern_is_never_removed(everything: Matcher) -> None:
    for number in range(6):
        seed = number + len(MOTIFS) * (8 + number)
        assert not plan_of(everything.match(query_of(picture(seed, SIZE)), None)).delete


def test_noise_and_plain_pictures_do_not_match(everything: Matcher) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 600, 3)).astype(np.uint8)
    for image in (Image.fromarray(noise), Image.new("RGB", SIZE, "white"), Image.linear_gradient("L").convert("RGB")):
        assert everything.match(query_of(image), None) == ()


def test_a_revoked_picture_is_found_by_no_part_of_it() -> None:
    matcher = matcher_of(*(entry(seed + 1, 1, listed(seed)) for seed in range(2)))
    queries = [query_of(edit(picture(0, SIZE))) for edit, _ in (*WHOLE[:2], *PARTS[:2])]
    assert all(matcher.match(query, None) for query in queries)
    matcher.revoke(1)
    assert not any(matcher.match(query, None) for query in queries)
    assert matcher.wanted(GUILD) & Wanted.FEATURES
    matcher.revoke(2)
    assert not matcher.wanted(GUILD) & Wanted.FEATURES


# ------------------------------------------------------------------------------------------------- known-good entries


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("edit", [recompressed, mirrored, partial(off_centre, share=0.3), screenshot])
def test_a_known_good_original_tells_the_manipulation_from_the_official_picture(seed: int, edit: Edit) -> None:
    official = picture(seed, SIZE)
    manipulated = face_swapped(official, seed)
    swap = _packer().packed(query_of(manipulated, Wanted.REFERENCE))
    protected = matcher_of(entry(1, 1, swap), entry(2, 2, listed(seed)))
    innocent = plan_of(protected.match(query_of(edit(official)), None))
    assert innocent.verdict is CLEAR
    repost = protected.match(query_of(edit(manipulated)), None)
    assert repost
    assert repost[0].known_good_id == 2
    assert plan_of(repost).verdict is not CLEAR


def test_a_known_good_sticker_does_not_protect_what_it_is_put_on() -> None:
    """It explains its own corner perfectly, and nothing of the rest."""
    abuse, sticker = picture(0, SIZE), picture(1, (240, 300))
    covered = abuse.copy()
    covered.paste(sticker, (230, 280))
    good = _packer().packed(query_of(sticker, Wanted.REFERENCE))
    matcher = matcher_of(entry(1, 1, listed(0)), entry(2, 2, good))
    (match,) = matcher.match(query_of(covered), None)
    assert match.known_good_id is None
    assert plan_of([match]).verdict is not CLEAR


def test_an_original_does_not_protect_its_manipulation_beside_it() -> None:
    """Before and after, side by side, is how many a fake is posted."""
    official = picture(1, SIZE)
    manipulated = face_swapped(official, 1)
    both = Image.new("RGB", (2 * SIZE[0] + 12, SIZE[1]), "white")
    both.paste(official, (0, 0))
    both.paste(manipulated, (SIZE[0] + 12, 0))
    swap = _packer().packed(query_of(manipulated, Wanted.REFERENCE))
    (match,) = matcher_of(entry(1, 1, swap), entry(2, 2, listed(1))).match(query_of(both), None)
    assert plan_of([match]).verdict is not CLEAR


def test_a_known_good_picture_does_not_protect_what_is_put_on_it() -> None:
    """It explains nearly all of the post, and not the place that counts."""
    host = picture(4, (1000, 1250))
    covered = host.copy()
    covered.paste(picture(0, SIZE).resize((SIZE[0] // 2, SIZE[1] // 2)), (120, 160))
    good = _packer().packed(query_of(host, Wanted.REFERENCE))
    (match,) = matcher_of(entry(1, 1, listed(0)), entry(2, 2, good)).match(query_of(covered), None)
    assert match.known_good_id is None
    assert plan_of([match]).verdict is not CLEAR


# ------------------------------------------------------------------------------------------------- animations


def test_a_blocked_picture_in_most_frames_is_removed(everything: Matcher) -> None:
    frames = [turned(frame, 0) for frame in twinkling(mirrored(picture(5, SIZE)), 3)]
    plan = plan_of(everything.match(query_of(encode_animation(frames, "WEBP")), None))
    assert plan.match is not None
    assert (plan.verdict, plan.match.entry_id, plan.match.orientation) == (REMOVE, 6, Orientation.MIRRORED)


def test_a_blocked_picture_in_the_middle_of_an_animation_is_for_a_person(everything: Matcher) -> None:
    frames = [picture(200, SIZE), off_centre(picture(5, SIZE), 0.4).resize(SIZE), picture(201, SIZE)]
    plan = plan_of(everything.match(query_of(encode_animation(frames, "WEBP")), None))
    assert plan.match is not None
    assert (plan.verdict, plan.match.entry_id) == (REVIEW, 6)
    assert (plan.match.frames_matched, plan.match.frames_compared) == (1, 3)


# ------------------------------------------------------------------------------------------------- nothing but a hash


def foreign(seed: int, kind: Stage) -> Fingerprint:
    """What a foreign list tells of a picture."""
    look = listed(seed)
    data = encode(picture(seed, SIZE))
    return {
        Stage.PDQ: bare(b"", look.pdq[0]),
        Stage.PHASH: bare(look.views[0].hashes[:32]),
        Stage.MD5: bare(md5=hashlib.md5(data).digest()),
        Stage.SHA256: bare(sha256=hashlib.sha256(data).digest()),
    }[kind]


@pytest.mark.parametrize("kind", [Stage.PDQ, Stage.PHASH])
@pytest.mark.parametrize(
    ("edit", "parts", "verdict"),
    [
        (partial(recompressed, quality=40), {Part.WHOLE}, REMOVE),
        (resized, {Part.WHOLE}, REMOVE),
        (mirrored, {Part.WHOLE}, REMOVE),
        (partial(turned, degrees=90), {Part.WHOLE}, REMOVE),
        (inverted, {Part.WHOLE}, REMOVE),
        (partial(bordered, fill=(0, 0, 0)), {Part.TRIMMED, Part.BOX}, REMOVE),
        (screenshot, {Part.BOX}, REMOVE),
    ],
)
def test_an_entry_that_is_nothing_but_a_hash_finds_copies(
    kind: Stage, edit: Edit, parts: set[Part], verdict: Verdict
) -> None:
    matcher = matcher_of(*(entry(seed + 1, 1, foreign(seed, kind)) for seed in SEEDS))
    assert matcher.wanted(GUILD) == Wanted.VIEWS
    for seed in SEEDS:
        plan = plan_of(matcher.match(query_of(edit(picture(seed, SIZE)), Wanted.VIEWS), None))
        assert plan.match is not None
        assert (plan.match.entry_id, plan.match.stage, plan.match.evidence) == (seed + 1, kind, None)
        assert plan.match.part in parts
        assert plan.verdict is verdict


@pytest.mark.parametrize("kind", [Stage.PDQ, Stage.PHASH])
def test_hashes_alone_find_no_other_pictures(kind: Stage) -> None:
    matcher = matcher_of(*(entry(seed + 1, 1, foreign(seed, kind)) for seed in SEEDS))
    for seed in range(100, 110):
        assert matcher.match(query_of(screenshot(picture(seed, SIZE)), Wanted.VIEWS), None) == ()


@pytest.mark.parametrize("kind", [Stage.MD5, Stage.SHA256])
def test_an_entry_that_is_a_digest_finds_its_file_and_nothing_else(kind: Stage) -> None:
    matcher = matcher_of(entry(1, 1, foreign(0, kind)))
    query = query_of(picture(0, SIZE))
    (match,) = matcher.exact(query.fingerprint.sha256, None, md5=query.fingerprint.md5)
    assert (match.stage, plan_of([match]).delete) == (kind, True)
    assert matcher.match(query, None) == ()
    assert matcher.wanted(GUILD) == Wanted.NOTHING


def test_every_turn_and_mirroring_of_a_bare_hash_is_named_as_that_of_a_picture_is() -> None:
    for edit, orientation in WHOLE[6:]:
        query = query_of(edit(picture(2, SIZE)), Wanted.VIEWS)
        for kind in (Stage.PDQ, Stage.PHASH):
            (match,) = matcher_of(entry(1, 1, foreign(2, kind))).match(query, None)
            assert match.orientation is orientation


# ------------------------------------------------------------------------------------------------- kept sightings


def test_kept_sightings_are_found_again_when_a_picture_is_blocked() -> None:
    official = picture(4, SIZE)
    posts = [recompressed(official), turned(official, 180), picture(8, SIZE), bordered(mirrored(official))]
    kept = [query_of(post, Wanted.NOTHING).fingerprint.upright() for post in posts]
    away = nearest_sightings(listed(4), kept)
    assert [bool(distance <= LIMITS.remove.distance) for distance in away] == [True, True, False, True]
    matcher = matcher_of(entry(1, 1, listed(4)))
    assert [plan_of(matcher.match(Query(look), None)).delete for look in kept] == [True, True, False, True]
