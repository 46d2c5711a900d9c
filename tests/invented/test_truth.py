"""The truth of the invented world, found by intervention: links push their targets, broken ones do not, plays do what they say.

Short: few places. Every link, one by one, at more places: `make validate`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.invented.worlds import live
from tests.validation.link_strengths import ACCOUNTING, is_nought, moved, wrong_signs

from carewheel.catalog.links import links
from carewheel.invented.group import Group, PlannedPlay
from carewheel.invented.location import Place
from carewheel.invented.parameters import play_effects
from carewheel.invented.ports import Ports, Push
from carewheel.invented.truth import Estimate, change_truth, link_truth, worth_truth

GROUP = Group(7, 4, 24)
PLACES = 4
BROKEN = ("C1-C3", "C4-C1", "C2b-C3", "C5-C4")
OTHERS = ("C2a-C3", "C3-C1", "C4-C3", "C5-C1", "C6-C1", "C2b-C5")
# Targets that are counts of few people: four places do not tell their sign; the long validation does.
NOISY = ("C2a-C2b", "C4-C2b", "C2b-C4", "C5-C4", "C1-C2a")


@pytest.fixture(scope="module")
def whole() -> dict[str, Estimate]:
    return link_truth(GROUP, 1, PLACES)


def test_every_link_has_a_strength_with_its_error(whole: dict[str, Estimate]) -> None:
    assert list(whole) == list(links())
    for name, found in whole.items():
        assert np.isfinite([found.value, found.error]).all(), name
        assert found.places == PLACES


def test_links_push_the_way_they_were_drawn(whole: dict[str, Estimate]) -> None:
    tested = [name for name in links() if name not in (*ACCOUNTING, *NOISY)]
    assert len(tested) >= 17
    assert wrong_signs(GROUP, whole, tested) == []
    # A link whose target is felt directly has exactly the strength that was drawn.
    for name in ("C3-C5", "C4-C5", "C6-C5", "C2b-C5"):
        assert whole[name].value == pytest.approx(GROUP.strengths[name], abs=0.005)


def test_a_broken_link_has_no_strength_and_the_others_stay(whole: dict[str, Estimate]) -> None:
    found = link_truth(replace(GROUP, weaken=dict.fromkeys(BROKEN, 0.0)), 1, PLACES, only=(*BROKEN, *OTHERS))
    for name in (*BROKEN, *OTHERS):
        if name in BROKEN:
            assert is_nought(found[name]), (name, found[name])
        else:
            assert moved(whole[name], found[name]) <= 3, (name, whole[name], found[name])
    # The check means something: what was broken had a strength before.
    assert not is_nought(whole["C4-C1"])
    assert not is_nought(whole["C1-C3"])


def test_a_push_travels_along_its_own_link_only() -> None:
    base = live(GROUP, 1)
    ports = Ports(GROUP.strengths, {}, replay=base.felt, push=Push("C4-C5", 12))
    pushed = Place(GROUP, 1, ports).live()
    # Burnout feels it; nothing before the push differs; engagement, of another link, does not feel it at all.
    for name, values in base.measures.items():
        assert np.array_equal(values[:12], pushed.measures[name][:12], equal_nan=True), name
    assert base.measures["people.burnout"][12:] != pushed.measures["people.burnout"][12:]
    assert base.measures["people.engagement"] == pushed.measures["people.engagement"]


def test_a_replay_without_a_push_is_the_same_life() -> None:
    base = live(GROUP, 2)
    again = Place(GROUP, 2, Ports(GROUP.strengths, {}, replay=base.felt)).live()
    assert again.tally.as_lists() == base.tally.as_lists()


def test_a_play_lowers_the_no_show_rate_by_its_factor() -> None:
    base = live(GROUP, 1)
    group = replace(GROUP, plays=(PlannedPlay("Q2", 0, (1,)),))
    played = live(group, 1)

    def rate(life: object) -> float:
        counts = life.tally.counts  # type: ignore[attr-defined]
        return float(counts["missed"].sum() / (counts["missed"].sum() + counts["kept"].sum()))

    factor = play_effects()["Q2"]["no_show"]
    # Some 900 missed visits in two years: the ratio of the two rates is known to about 0.04, common luck narrows it.
    assert rate(played) / rate(base) == pytest.approx(factor, abs=0.06)
    other = live(group, 2)
    assert other.tally.as_lists() == live(GROUP, 2).tally.as_lists(), (
        "a place without the play must not feel it"
    )


def test_what_a_planned_play_did_is_told_by_place() -> None:
    group = replace(GROUP, plays=(PlannedPlay("Q2", 10, (1, 3)),))
    found = change_truth(group)
    assert [(row["play"], row["location"], row["from_month"], row["months"]) for row in found] == [
        ("Q2", "loc1", 10, 12),
        ("Q2", "loc3", 10, 12),
    ]
    assert all(row["mean_effect"]["operations.no_show_rate"] < -0.015 for row in found)


def test_stronger_links_and_plays_are_worth_money_with_an_error() -> None:
    found = worth_truth(GROUP, 1, 3, only=("C2b-C3", "C4-C3", "Q2"))
    assert list(found) == ["C2b-C3", "C4-C3", "play Q2"]
    for name, worth in found.items():
        assert np.isfinite([worth.value, worth.error]).all(), name
        assert worth.error > 0
    assert found["play Q2"].value > 0


def test_the_error_is_the_standard_error_over_places() -> None:
    # Mean 2, standard deviation 1, three places; a place without an answer does not count.
    found = Estimate.of([1.0, 2.0, 3.0, float("nan")])
    assert (found.value, found.places) == (2.0, 3)
    assert found.error == pytest.approx(1 / np.sqrt(3))
    assert Estimate.of([]).as_json() == {"value": None, "error": None, "places": 0}
