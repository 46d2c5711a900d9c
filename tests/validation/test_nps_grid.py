"""The NPS interval on its grid of answer mixes, exactly; and the score test behind it by another route."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import norm
from tests.validation.people_and_money import MIXES, nps_coverage

from carewheel.catalog.measures import measures
from carewheel.science.intervals import nps


@pytest.mark.parametrize("n", [20, 27, 50, 100])
def test_the_interval_covers_on_every_mix_of_the_grid(n: int) -> None:
    covers = [nps_coverage(n, *mix) for mix in MIXES]
    assert min(covers) >= 0.87
    assert max(covers) <= 0.93


@pytest.mark.parametrize(("p", "d", "n"), [(14, 2, 20), (5, 5, 30), (1, 12, 40), (40, 0, 60), (0, 3, 25)])
def test_the_ends_are_where_the_score_test_rejects(p: int, d: int, n: int) -> None:
    found = nps(p, d, n)
    for end, side in ((found.low, 1), (found.high, -1)):
        difference = float(end) / 100

        def unlikely(share: float, delta: float = difference) -> float:
            kept = max(1 - 2 * share - delta, 1e-300)
            return -float(xlogy(p, max(share + delta, 1e-300)) + xlogy(d, share) + xlogy(n - p - d, kept))

        # The likeliest share of detractors at that difference, by a search instead of Tango's quadratic.
        share = minimize_scalar(
            unlikely,
            bounds=(max(0.0, -difference), (1 - difference) / 2),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        z = (p - d - n * difference) / np.sqrt(n * (2 * share + difference - difference**2))
        assert z == pytest.approx(side * norm.ppf(0.95), abs=2e-4)


def test_a_patient_score_of_fewer_than_twenty_answers_is_not_shown() -> None:
    assert measures()["experience.nps"].minimum_n == 20
