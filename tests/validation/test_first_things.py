"""The race that finds what is worth most finds it, and counts are told as they are; the long run writes docs/reference/validation.md."""

from __future__ import annotations

import numpy as np
from tests.validation.demo_groups import group_of
from tests.validation.first_things import race, rows_of, truth_of, worth_doubts, worth_rows


def test_the_best_wins_the_race_and_the_worst_drop_out_early() -> None:
    true = {"a": 5.0, "b": 4.8, "c": 1.0, "d": -3.0}
    luck = np.random.default_rng(1).normal(0, 2, 30)  # shared by all at a place, as in lives of the same luck
    own = np.random.default_rng(2).normal(0, 0.2, (4, 30))
    found = race(
        list(true), lambda name, place: true[name] + luck[place] + own[list(true).index(name), place]
    )
    assert len(found["a"]) == len(found["b"]) == 30 or len(found["b"]) < len(found["a"])
    assert len(found["c"]) == len(found["d"]) == 4
    assert max(found, key=lambda name: (len(found[name]), np.mean(found[name]))) == "a"


def test_hits_near_hits_and_misses_are_counted() -> None:
    hit = {"drags": ["x", "y", "z"], "actions": ["Q2"], "laws": [["y", 9.0, 0.0, 30], ["x", 1.0, 1.0, 4]],
           "plays": [["Q2", 5.0, 0.0, 30], ["F1", 4.0, 2.0, 30]]}  # fmt: skip
    near = {
        **hit,
        "drags": ["z", "x", "y"],
        "laws": [["y", 9.0, 0.0, 30], ["x", 8.0, 1.0, 30]],
        "actions": ["F1"],
    }
    drag, either, action, close = rows_of([hit, near], 30)
    assert (drag.found, drag.holds) == ("1 (50 %)", False)
    assert either.found == "2 (100 %)"
    assert (action.found, action.holds) == ("1 (50 %)", False)
    assert close.found == "2 (100 %)"


def test_worths_are_held_against_what_is_true() -> None:
    """A wheel that says 10 ± 1 of a law whose truth is two usual worths off, and of one that is right."""
    said = {
        "C1-C3": {"mean": 10.0, "low": 8.0, "high": 12.0, "own": 1.0, "usual": 5.0},
        "C2b-C3": {"mean": 10.0, "low": 8.0, "high": 12.0, "own": 1.0, "usual": 5.0},
    }
    one = {
        "drags": ["C1-C3"],
        "chance": 0.9,
        "worths": said,
        "laws": [["C1-C3", 20.0, 0.0, 30], ["C2b-C3", 10.5, 1.0, 30]],
    }
    covered, alone, chance = worth_rows([one, one], "two groups")
    assert (covered.found, covered.holds, alone.found) == ("0.500", False, "0.500")
    assert (chance.found, chance.holds) == ("0.90; 1.00", True)
    found = worth_doubts([one] * 4)
    assert abs(found["C1-C3"] - 2.0) < 0.02
    assert found["C2b-C3"] == 0.0
    # Lived through at a few places only: luck, and not counted.
    assert worth_doubts([{**one, "laws": [["C1-C3", 20.0, 0.0, 4]]}])["C1-C3"] == 0.0


def test_what_is_true_is_lived_through_at_the_places_of_the_group() -> None:
    laws, plays = truth_of(group_of(20_001, 30), 2, laws=("C2a-C3",), plays=("Q2", "M4"))
    # Cheaper patients and fewer missed visits bring money in every world; mended bills less, and their price is taken off.
    assert len(laws["C2a-C3"]) == 2
    assert min(laws["C2a-C3"]) > 0
    assert np.mean(plays["Q2"]) > np.mean(plays["M4"])
