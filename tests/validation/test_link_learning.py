"""A short version of the validation of links: five invented groups of two places, through facts and measures as a practice's."""

from __future__ import annotations

import re

import numpy as np
from tests.validation.demo_groups import FIRST_SEED, demo_group
from tests.validation.link_doubts import Off, beyond
from tests.validation.link_learning import group_panel, laws_of
from tests.validation.write import PAGE

from carewheel.catalog.links import links

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
    # The books were opened eight months ago, and the first three tell of that.
    assert len(one.months) == 8 - 3


def test_what_errors_are_beyond_their_own_is_found() -> None:
    rng = np.random.default_rng(1)
    own = rng.uniform(0.02, 0.2, 2_000)
    off = [
        Off(float(e), float(s**2))
        for e, s in zip(rng.normal(size=2_000) * np.hypot(own, 0.1), own, strict=True)
    ]
    assert abs(beyond(off) - 0.1) < 0.01
    assert beyond([Off(0.0, 0.01)] * 3) == 0.0


def test_doubts_of_the_catalog_are_those_that_were_found() -> None:
    table = re.search(r"<!-- doubts -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.S)
    assert table is not None
    rows = [line.split("|") for line in table[1].splitlines() if re.match(r"\| C\d", line)]
    assert {row[1].strip(): (float(row[7]), row[8].strip()) for row in rows} == {
        link.id: (link.doubt, "holds") for link in links().values()
    }
