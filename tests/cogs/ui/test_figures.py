"""The measured figures stand in one place; what people read says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.model import Fitting, GuildSettings, Strictness, Thresholds, Tier
from cogs.ui import figures, setup_texts

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "admin.md").read_text(encoding="utf-8")
MODERATORS = (DOCS / "moderators.md").read_text(encoding="utf-8")
TIERS = {"standard": Thresholds().remove.usual, "strict": Thresholds().strict.usual}
SHARES = {name: value for name, value in vars(figures).items() if name.isupper() and isinstance(value, float)}


@pytest.mark.parametrize("name", sorted(SHARES))
def test_the_guide_for_admins_names_every_share(name: str) -> None:
    assert figures.percent(SHARES[name]) in GUIDE


@pytest.mark.parametrize("number", [figures.EDITS, figures.PHOTOGRAPHS, figures.ORIGINALS, figures.BURST_FRAMES])
def test_and_what_they_count(number: int) -> None:
    assert re.search(rf"\b{number}\b", GUIDE)


def test_the_guide_tells_the_wrong_matches_of_every_tier() -> None:
    f = figures
    assert f"| {f.BURST_FRAMES_REVIEWED} | {f.BURST_FRAMES_REMOVED} | {f.BURST_FRAMES_STRICTLY_REMOVED} |" in GUIDE
    assert f"| {f.TEMPLATE_REVIEWED} | {f.TEMPLATE_REMOVED} | {f.TEMPLATE_STRICTLY_REMOVED} |" in GUIDE
    assert f"of {f.UNRELATED_PAIRS:,} pairs of unrelated pictures | {f.WRONG_UNRELATED_PAIRS} |" in GUIDE
    assert f"of {f.TEMPLATE_PICTURES} memes" in MODERATORS
    assert f"{f.TEMPLATE_REVIEWED} came up for review" in MODERATORS


def test_the_guide_names_the_thresholds_that_apply() -> None:
    scale = GUIDE.split("## What the thresholds mean")[1].splitlines()
    rows = [line for line in scale if line.startswith(("| review |", "| remove, st"))]
    limits = Thresholds()
    for row, tier in zip(rows, (limits.review, limits.remove, limits.strict), strict=True):
        _, _, whole, *fitting, _ = (cell.strip() for cell in row.split("|"))
        assert whole == f"{tier.distance} at most, {_shares(tier)}"
        assert fitting == [f"{way.inliers}, {_shares(way)}" for way in (tier.usual, tier.many, tier.few)]
    for bits in (limits.hash_remove, limits.hash_review, limits.hash_review_box):
        assert re.search(rf"\b{bits}\b", GUIDE)


def test_the_guides_tell_strict_from_standard_by_the_thresholds_that_apply() -> None:
    of = {
        name: [figures.percent(share) for share in (asked.agreement, asked.coverage)] for name, asked in TIERS.items()
    }
    identical, visible = zip(of["strict"], of["standard"], strict=True)
    assert "{} identical instead of {}".format(*identical) in MODERATORS
    assert "{} of the blocked picture visible instead of {}".format(*visible) in MODERATORS
    standard = "at least {} of what is visible is identical, and {} of the blocked picture is visible |"
    assert standard.format(*of["standard"]) in GUIDE
    assert "| the strict tier: {} and {} |".format(*of["strict"]) in GUIDE


def test_shares_are_as_exact_as_they_were_measured() -> None:
    assert [figures.percent(share) for share in (0.975, 0.67, 0.002, 1.0)] == ["97.5 %", "67 %", "0.2 %", "100 %"]


@pytest.mark.parametrize("on", [True, False])
def test_the_scale_tells_what_the_setting_is_worth(on: bool) -> None:
    shown = setup_texts.scale(GuildSettings(1, local_features=on), setup_texts.Scale(True, 0, 25))
    assert figures.percent(figures.FOUND_BY_WHOLE_PICTURES) in shown
    assert (figures.percent(figures.FOUND_FOR_STRICT_REMOVAL) in shown) is on


@pytest.mark.parametrize(("strict", "word"), [(True, "strict now"), (False, "standard now")])
def test_auto_says_which_tier_it_means(strict: bool, word: str) -> None:
    now = setup_texts.Scale(strict, 24, 25)
    shown = setup_texts.settings(GuildSettings(1, strictness=Strictness.AUTO), now)
    assert f"auto, {word}: 24 known-good pictures, standard from 25" in shown
    one = setup_texts.settings(GuildSettings(1, strictness=Strictness.AUTO), setup_texts.Scale(strict, 1, 25))
    assert f"{word}: 1 known-good picture, standard" in one


def test_a_server_cannot_have_what_the_installation_switched_off() -> None:
    now = setup_texts.Scale(True, 0, 25, possible=False)
    assert "whoever runs the bot switched them off" in setup_texts.settings(GuildSettings(1), now)
    assert figures.percent(figures.FOUND_FOR_REMOVAL) not in setup_texts.scale(GuildSettings(1), now)


def test_choices_fit_in_a_menu() -> None:
    for choice in (*setup_texts.STRICTNESS_CHOICES, *setup_texts.FEATURES_CHOICES):
        assert len(choice.name) <= 100
    assert {choice.value for choice in setup_texts.STRICTNESS_CHOICES} == set(Strictness)


def _shares(asked: Tier | Fitting) -> str:
    return f"{figures.percent(asked.agreement)}, {figures.percent(asked.coverage) if asked.coverage else 'any'}"
