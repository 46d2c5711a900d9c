"""CDNOW, as published: Fader, Hardie & Lee 2005; Fader & Hardie 2005, 2013. Figures to the digits that were printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.validation.published_people import END, SPLIT, cdnow_visits, columns_of, rows_of, week_of

from carewheel.science import lifetime_value as lv

pytestmark = pytest.mark.needs_data


@pytest.fixture(scope="module")
def cdnow(shared_data: Path) -> lv.Histories:
    return lv.histories(*columns_of(rows_of(shared_data, "cdnow_summary"), "frequency", "recency", "T"))


def test_bg_nbd_of_cdnow(cdnow: lv.Histories) -> None:
    fit = lv.fitted(lv.BG_NBD, cdnow)
    assert fit.theta.round(3).tolist() == [0.243, 4.414, 0.793, 2.426]
    assert round(fit.log_likelihood, 1) == -9582.4
    one = lv.histories([2], [30.43], [38.86])
    assert round(float(lv.expected_visits(fit, one, 39.0).value[0]), 3) == 1.226
    printed = {0.1429: 0.0078, 1: 0.0532, 3: 0.1506, 31.8571: 1.0405, 32: 1.0437}
    assert {t: round(float(lv.visits_of_new(fit, t).value), 4) for t in printed} == printed
    assert round(float(lv.visits_of_new(fit, 78).value), 2) == 1.86


def test_pareto_nbd_of_cdnow(cdnow: lv.Histories) -> None:
    fit = lv.fitted(lv.PARETO_NBD, cdnow)
    assert fit.theta[:3].round(3).tolist() == [0.553, 10.578, 0.606]
    # Printed 11.669; the ridge is so flat that beta is known to 1e-4 of itself at best: ours is the higher place.
    assert fit.theta[3] == pytest.approx(11.669, abs=0.0015)
    assert round(fit.log_likelihood, 1) == -9595.0
    printed = np.array([0.553, 10.578, 0.606, 11.669])
    assert fit.log_likelihood >= lv.PARETO_NBD.log_likelihood(printed, cdnow)[0]


def test_pareto_nbd_expects_what_was_printed() -> None:
    theta = np.array([0.5534, 10.5802, 0.6061, 11.6562])
    one = lv.histories([26], [30.86], [31])
    assert float(lv.PARETO_NBD.expected(theta, one, 52.0)[0]) == pytest.approx(25.46, abs=0.006)
    assert round(float(lv.PARETO_NBD.alive(theta, one)[0]), 4) == 0.9979


def test_gamma_gamma_of_cdnow(shared_data: Path) -> None:
    x, z = columns_of(rows_of(shared_data, "cdnow_summary_spend"), "x", "zbar")
    fit = lv.fitted_spend(x, z)
    assert fit.patients == 946
    assert fit.theta[:1].round(2).tolist() == [6.25]
    assert fit.theta == pytest.approx([6.25, 3.74, 15.44], rel=0.0015)
    assert round(fit.log_likelihood, 2) == -4055.92
    printed = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert lv.mean_spend(fit, x[:10], z[:10]).value == pytest.approx(printed, abs=0.011)


def test_the_hold_out_of_cdnow_is_foretold_within_seven_per_cent(shared_data: Path) -> None:
    who, weeks = cdnow_visits(shared_data)
    split, end = week_of(SPLIT), week_of(END)
    known = weeks <= split
    # Nothing after the split is seen: the model is chosen by hold-outs within the first 39 weeks.
    fit = lv.chosen(who[known], weeks[known], split)
    before = lv.histories_of_visits(who[known], weeks[known], split)
    whole = lv.histories_of_visits(who, weeks, end)
    came = float(whole.patients @ whole.repeats - before.patients @ before.repeats)
    foretold = lv.total_visits(fit, before, end - split)
    assert came == 1882
    assert abs(float(foretold.value) / came - 1) <= 0.07
    assert foretold.low <= came <= foretold.high
