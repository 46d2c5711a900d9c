"""A short version of the validation of links: five invented groups of two places, through facts and measures as a practice's."""

from __future__ import annotations

import numpy as np
from tests.validation.demo_groups import FIRST_SEED, demo_group
from tests.validation.link_learning import group_panel, laws_of

SEEDS, PLACES = 5, 2


def test_intervals_of_laws_hold_the_truth_of_invented_groups() -> None:
    found = []
    for k in range(SEEDS):
        group = demo_group(FIRST_SEED + k, PLACES)
        found += laws_of(group, group_panel(group))
    covered = float(np.mean([f.covered for f in found]))
    # 75 intervals of nominal 90 %: four standard errors below.
    assert covered >= 0.90 - 4 * (0.9 * 0.1 / len(found)) ** 0.5
    off = np.array([(f.own_mean - f.true) / f.own_sd for f in found if np.isfinite(f.own_sd)])
    assert np.sqrt(np.mean(off**2)) < 1.5  # what the panel alone says errs as much as it says
    # A 95 % interval may leave out the 0 of a broken law once in twenty; among the few here, once.
    assert sum(f.excludes_nothing for f in found if f.true == 0) <= 1


def test_the_first_places_of_a_group_are_the_group_of_that_size() -> None:
    """What lets the validation take groups of six out of groups of thirty."""
    small, large = (demo_group(FIRST_SEED, places, months=8) for places in (2, 3))
    one, other = group_panel(small), group_panel(large, 2)
    assert one.locations == other.locations
    for name, series in one.series.items():
        np.testing.assert_array_equal(series.values, other.series[name].values)
