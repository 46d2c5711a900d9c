"""Links from a panel: against an exact posterior worked out another way, a known design, and noise that would fool a regression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from tests.science.flywheel.site_links import draw, score

from carewheel.science.flywheel.equation import Assumptions, fit_equation
from carewheel.science.flywheel.learning import (
    LinkPrior,
    PanelSeries,
    calibrated,
    felt,
    learn_links,
    running_mean,
)
from carewheel.science.flywheel.strength import Strength, posterior
from carewheel.science.flywheel.whitening import gains, smooth, whiten

MONTHS = np.arange(36) % 12


def test_posterior_is_that_of_dense_matrices_on_a_fine_grid() -> None:
    """Full Bayes, written out: multivariate normal densities with month-by-month matrices on a fine grid of all variances."""
    rng = np.random.default_rng(5)
    sites, months, assume = 5, 14, Assumptions()
    x = rng.normal(size=(sites, months))
    noise = rng.uniform(0.05, 0.6, (sites, months))
    y = 0.4 * x + rng.normal(size=(sites, months)) * (0.5 + np.sqrt(noise)) + rng.normal(size=(sites, 1))
    y[1, 3] = y[2, 9:] = np.nan
    found = fit_equation(y, noise, x[None], np.array([0.2]), np.array([0.5]), None, assume)
    assert found.shock == 0.0  # else the comparison would need the shocks as well
    years = (np.arange(months) - (months - 1) / 2) / 12
    spread, weight = np.array([0.02, 0.3, 0.6, 0.9, 1.2, 1.6, 2.1, 2.8]), None
    weight = np.sqrt(spread) * np.exp(-(spread**2) / 2) * np.gradient(spread)
    links = np.linspace(-1.4, 1.8, 161)
    total = np.zeros_like(links)
    seen = np.isfinite(y)
    own = np.nanvar(y - np.nanmean(y, axis=1, keepdims=True)) - noise[seen].mean()
    ours = 0.5 * np.log(max(own, 0.02 * np.nanvar(y)))
    log_parts = []
    for log_sigma in np.linspace(ours - 1.6, ours + 1.2, 15):
        for z in np.linspace(-0.9, 1.5, 13):
            phi = np.tanh(z)
            gap = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
            process = (
                np.exp(2 * log_sigma) * phi**gap
                if phi > 0
                else np.exp(2 * log_sigma) * (np.sign(phi) ** gap * np.abs(phi) ** gap)
            )
            prior = -0.5 * (((log_sigma - ours) / 1.5) ** 2 + ((z - 0.3) / 0.4) ** 2)
            for s, w in zip(spread, weight, strict=True):
                tau = s * assume.site_spread
                # The site's level is free (variance 1e4); the common trend and each site's own trend as assumed.
                blocks, ys, xs = [], [], []
                for i in range(sites):
                    k = seen[i]
                    blocks.append(
                        process[np.ix_(k, k)] + np.diag(noise[i, k]) + 1e4 + tau**2 * np.outer(x[i, k], x[i, k])
                        + assume.site_trend**2 * np.outer(years[k], years[k])
                    )  # fmt: skip
                    ys.append(y[i, k])
                    xs.append(x[i, k])
                size = sum(len(v) for v in ys)
                cov = np.zeros((size, size))
                at = 0
                for block in blocks:
                    cov[at : at + len(block), at : at + len(block)] = block
                    at += len(block)
                t_all = np.concatenate([years[seen[i]] for i in range(sites)])
                cov += assume.season**2 * np.outer(t_all, t_all)
                normal = multivariate_normal(np.zeros(size), cov)
                inverse = normal.cov_object.whiten(
                    np.column_stack([np.concatenate(ys), np.concatenate(xs)]).T
                )
                yy, xy, xx = inverse[0] @ inverse[0], inverse[0] @ inverse[1], inverse[1] @ inverse[1]
                height = -0.5 * (normal.cov_object.log_pdet + yy - 2 * links * xy + links**2 * xx)
                log_parts.append(height + prior + np.log(w) - 0.5 * ((links - 0.2) / 0.5) ** 2)
    parts = np.array(log_parts)
    total = np.exp(parts - parts.max()).sum(axis=0)
    total /= total.sum()
    mean = float(total @ links)
    sd = float(total @ (links - mean) ** 2) ** 0.5
    assert float(found.mean[0]) == pytest.approx(mean, abs=0.05 * sd)
    assert float(found.covariance[0, 0]) ** 0.5 == pytest.approx(sd, rel=0.05)


def test_known_design_short() -> None:
    """A short run of `make validate`: four standard errors around the bars, since 25 repeats are few."""
    found = score(first_seed=900, repeats=25)
    assert found.rmse <= 0.145 + 0.02
    assert abs(found.covered - 0.90) <= 0.02 + 4 * (0.09 / (25 * 12 / 2)) ** 0.5
    assert abs(found.bias) <= 4 * 0.075 / 25**0.5


def test_noise_of_a_sampled_source_does_not_draw_the_link_to_nothing() -> None:
    rng = np.random.default_rng(11)
    sites, months = 40, 36
    true = np.zeros((sites, months))
    for t in range(1, months):
        true[:, t] = 0.6 * true[:, t - 1] + 0.5 * rng.normal(size=sites)
    noise = np.full((sites, months), 0.6)
    answers = true + rng.normal(size=true.shape) * 0.6**0.5
    target = np.zeros_like(true)
    target[:, 1:] = 0.5 * true[:, :-1]
    target += 0.3 * rng.normal(size=true.shape)
    link = [LinkPrior("C1-C2a", "nps", "referrals", 0.0, 0.4)]
    zero = np.zeros_like(true)
    found = {
        sampled: learn_links(
            {"nps": PanelSeries(answers, noise, sampled=sampled), "referrals": PanelSeries(target, zero)},
            link,
            MONTHS,
        )["C1-C2a"]
        for sampled in (True, False)
    }
    assert abs(found[True].own_mean - 0.5) < 3 * found[True].own_sd < 0.45
    assert found[False].own_mean < 0.5 - 3 * found[False].own_sd  # what ignoring the noise costs


def test_what_pushes_a_sampled_source_does_not_take_its_effect() -> None:
    """Load strains a team and puts patients off by itself; the strain, which few tell, does so as well."""
    rng = np.random.default_rng(21)
    sites, months = 120, 36
    load = rng.normal(size=(sites, months))
    strain = 0.3 * rng.normal(size=load.shape)
    strain[:, 1:] += 0.5 * load[:, :-1]
    answers, noise = strain + 0.7 * rng.normal(size=load.shape), np.full(load.shape, 0.49)
    nps = 0.3 * rng.normal(size=load.shape)
    nps[:, 1:] -= 0.5 * strain[:, :-1] + 0.3 * load[:, :-1]
    zero = np.zeros_like(load)
    panel = {
        "load": PanelSeries(load, zero), "strain": PanelSeries(answers, noise, sampled=True), "nps": PanelSeries(nps, zero),
    }  # fmt: skip
    pushed = LinkPrior("C4-C5", "load", "strain", 0.0, 0.5)
    felt_by = LinkPrior("C5-C1", "strain", "nps", 0.0, 0.5, part="C1")
    beside = LinkPrior("C4-C1", "load", "nps", 0.0, 0.5, part="C1")
    found = learn_links(panel, [pushed, felt_by, beside], MONTHS)
    assert abs(found["C5-C1"].own_mean + 0.5) < 3 * found["C5-C1"].own_sd < 0.4
    assert abs(found["C4-C1"].own_mean + 0.3) < 3 * found["C4-C1"].own_sd < 0.4
    # Not knowing what pushes the strain, it would be made out too weak, and the load too strong.
    alone = learn_links(panel, [felt_by, beside], MONTHS)
    assert alone["C5-C1"].own_mean > -0.5 + 3 * alone["C5-C1"].own_sd


def test_a_doubt_of_the_equation_stays_however_many_months_there_are() -> None:
    rng = np.random.default_rng(22)
    wait = rng.normal(size=(200, 36))
    nps = np.zeros_like(wait)
    nps[:, 1:] = -0.5 * wait[:, :-1]
    nps += 0.1 * rng.normal(size=wait.shape)
    zero = np.zeros_like(wait)
    panel = {"wait": PanelSeries(wait, zero), "nps": PanelSeries(nps, zero)}
    sure, doubted = (
        learn_links(panel, [LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1, doubt=doubt)], MONTHS)["C4-C1"]
        for doubt in (0.0, 0.2)
    )
    assert sure.own_sd < 0.03
    assert doubted.own_sd == pytest.approx((sure.own_sd**2 + 0.04) ** 0.5)
    assert doubted.prior_weight > sure.prior_weight
    # The months say -.5, the guess -.35 ± .1: what is doubted moves a fifth of the way.
    assert sure.strength.centre == pytest.approx(-0.5, abs=0.03)
    assert doubted.strength.centre == pytest.approx(-0.38, abs=0.01)


def test_a_cause_of_both_is_held_equal() -> None:
    """Collections move investment and price alike; investment itself does nothing."""
    rng = np.random.default_rng(12)
    sites, months = 40, 36
    cash = rng.normal(size=(sites, months))
    share, price = np.zeros((2, sites, months))
    share[:, 1:] = 0.8 * cash[:, :-1]
    share += 0.2 * rng.normal(size=share.shape)
    price[:, 2:] = 0.6 * cash[:, :-2]
    price += 0.2 * rng.normal(size=price.shape)
    zero = np.zeros_like(cash)
    panel = {name: PanelSeries(v, zero) for name, v in (("cash", cash), ("share", share), ("price", price))}
    links = [LinkPrior("C3-C6", "cash", "share", 0.0, 0.4), LinkPrior("C6-C3", "share", "price", 0.0, 0.4)]
    found = learn_links(panel, links, MONTHS)
    assert abs(found["C6-C3"].own_mean) < 3 * found["C6-C3"].own_sd < 0.4
    alone = learn_links({k: v for k, v in panel.items() if k != "cash"}, links[1:], MONTHS)
    assert alone["C6-C3"].own_mean > 0.4


def test_missing_measures_leave_the_prior_and_say_so() -> None:
    link = LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1)
    nan = np.full((1, 3), np.nan)
    one = np.zeros((1, 3))
    for panel in (
        {},
        {"wait": PanelSeries(one, one)},
        {"wait": PanelSeries(one, one), "nps": PanelSeries(nan, nan)},
        {"wait": PanelSeries(one, one), "nps": PanelSeries(one, one)},  # a constant source says nothing
        {"wait": PanelSeries(np.array([[1.0, 2.0, 3.0]]), one), "nps": PanelSeries(one, one)},  # three months
    ):
        found = learn_links(panel, [link], np.arange(3))["C4-C1"]
        assert not found.identified
        assert found.prior_weight == 1.0
        assert (found.strength.centre, found.strength.sd) == (-0.35, 0.1)
        assert not np.isfinite(found.own_sd)


def test_a_target_that_never_changes_says_nothing() -> None:
    """A field that is filled in by rule; were it believed, every link into it would be surely broken."""
    wait = np.random.default_rng(3).normal(size=(6, 36))
    zero, rule = np.zeros_like(wait), np.full_like(wait, 0.4)
    link = LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1)
    for noise in (zero, zero + 0.3):
        panel = {"wait": PanelSeries(wait, zero), "nps": PanelSeries(rule, noise)}
        found = learn_links(panel, [link], MONTHS)["C4-C1"]
        assert (found.identified, found.strength.absent, found.strength.centre) == (False, 0.1, -0.35)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), sites=st.sampled_from([1, 2, 5]), months=st.sampled_from([3, 9, 24]))
def test_whatever_is_on_record_gives_links_with_an_interval(seed: int, sites: int, months: int) -> None:
    rng = np.random.default_rng(seed)
    panel = {}
    for name in ("wait", "load", "strain", "nps"):
        values = rng.normal(size=(sites, months))
        match rng.integers(6):
            case 0:
                values[:] = values[0, 0]
            case 1:
                values[:] = np.nan
            case 2:
                values[rng.random(values.shape) < 0.6] = np.nan
            case 3:
                values[rng.integers(sites), rng.integers(months)] = rng.choice([1e9, -1e12])
            case 4:
                values[0] = np.cumsum(values[0])
        noise = np.where(
            rng.random(values.shape) < 0.2, rng.choice([0.0, np.nan]), rng.choice([0.0, 0.1, 5.0])
        )
        panel[name] = PanelSeries(
            values, noise, bool(rng.random() < 0.4), acts_over=int(rng.choice([1, 6, 12]))
        )
    links = [
        LinkPrior("C4-C5", "load", "strain", 0.25, 0.08), LinkPrior("C5-C1", "strain", "nps", -0.25, 0.08, doubt=0.1),
        LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1, same_month=True),
    ]  # fmt: skip
    for link, found in zip(links, learn_links(panel, links, np.arange(months) % 12).values(), strict=True):
        low, high = found.strength.interval()
        assert -3 < low <= found.strength.mean <= high < 3 or found.strength.absent > 0.5
        assert 0 < found.strength.sd <= link.sd * 1.001
        assert 0 <= found.strength.absent <= 1


def test_a_course_that_all_places_share_gives_no_absurd_link() -> None:
    """Noiseless and the same everywhere: the shocks of the months explain it, and nothing is left to learn from."""
    wait = np.random.default_rng(4).normal(size=(20, 9))
    zero, spike = np.zeros_like(wait), np.zeros_like(wait)
    spike[:, 4] = 1.0
    link = LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1)
    found = learn_links(
        {"wait": PanelSeries(wait, zero), "nps": PanelSeries(spike, zero)}, [link], np.arange(9)
    )["C4-C1"]
    assert -1.0 < found.strength.centre < 0.3


def test_places_without_data_take_nothing_from_those_that_have_them() -> None:
    """Of 200 places eight tell, at rows that an even choice of sixty would miss."""
    rng = np.random.default_rng(5)
    wait, nps = np.full((2, 200, 24), np.nan)
    rows = [1, 5, 9, 31, 66, 102, 143, 187]
    assert not set(rows) & set(np.linspace(0, 199, 60).astype(int))
    wait[rows] = rng.normal(size=(8, 24))
    nps[rows] = -0.4 * np.roll(wait[rows], 1, axis=1) + 0.3 * rng.normal(size=(8, 24))
    link, zero = LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1), np.zeros_like(wait)
    many = learn_links(
        {"wait": PanelSeries(wait, zero), "nps": PanelSeries(nps, zero)}, [link], np.arange(24) % 12
    )
    few = learn_links(
        {"wait": PanelSeries(wait[rows], zero[rows]), "nps": PanelSeries(nps[rows], zero[rows])},
        [link],
        np.arange(24) % 12,
    )
    assert many["C4-C1"].own_sd == pytest.approx(few["C4-C1"].own_sd, rel=0.05)
    assert many["C4-C1"].own_mean == pytest.approx(few["C4-C1"].own_mean, abs=0.1 * few["C4-C1"].own_sd)


def test_absurd_readings_give_no_absurd_link() -> None:
    rng = np.random.default_rng(2)
    wait, nps = rng.normal(size=(2, 6, 36))
    wait[2, 7] = 1e9
    nps[3, 4] = -1e9
    zero = np.zeros_like(wait)
    found = learn_links(
        {"wait": PanelSeries(wait, zero), "nps": PanelSeries(nps, zero)},
        [LinkPrior("C4-C1", "wait", "nps", -0.35, 0.1)],
        MONTHS,
    )["C4-C1"]
    assert np.isfinite(found.strength.mean)
    assert abs(found.strength.mean) < 1.0


def test_shapes_must_agree() -> None:
    one, two = (
        PanelSeries(np.zeros((1, 5)), np.zeros((1, 5))),
        PanelSeries(np.zeros((2, 5)), np.zeros((2, 5))),
    )
    with pytest.raises(ValueError, match="same sites and months"):
        learn_links({"a": one, "b": two}, [], np.arange(5))
    with pytest.raises(ValueError, match="same sites and months"):
        fit_equation(np.zeros((2, 5)), np.zeros((2, 5)), np.zeros((1, 3, 5)), np.zeros(1), np.ones(1))


def test_missing_months_are_filled_by_neighbours_and_known_noise() -> None:
    rng = np.random.default_rng(8)
    true = np.cumsum(0.3 * rng.normal(size=(30, 48)), axis=1)
    noise = np.full(true.shape, 0.25)
    seen = true + 0.5 * rng.normal(size=true.shape)
    seen[:, 20:23] = np.nan
    found = calibrated(PanelSeries(seen, noise, sampled=True), np.arange(48) % 12)
    assert np.isfinite(found).all()
    assert np.sqrt(np.mean((found - true)[:, :20] ** 2)) < 0.8 * 0.5


def test_smoother_equals_the_matrix_formula() -> None:
    rng = np.random.default_rng(4)
    months, sigma, phi = 9, 1.3, 0.6
    noise = rng.uniform(0.1, 2.0, (months, 1))
    seen = np.ones((months, 1), dtype=bool)
    seen[[3, 7]] = False
    y = rng.normal(size=(months, 1))
    by = gains(noise, seen, sigma, phi)
    cov = sigma**2 * phi ** np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    k = seen[:, 0]
    direct = cov[:, k] @ np.linalg.solve(cov[np.ix_(k, k)] + np.diag(noise[k, 0]), y[k, 0])
    assert smooth(y, by, phi)[:, 0] == pytest.approx(direct, abs=1e-12)
    white = whiten(y[..., None], by, phi)[k, 0, 0]
    assert white @ white == pytest.approx(
        y[k, 0] @ np.linalg.solve(cov[np.ix_(k, k)] + np.diag(noise[k, 0]), y[k, 0])
    )


@settings(max_examples=60, deadline=None)
@given(
    absent=st.floats(0, 1),
    centre=st.floats(-2, 2),
    sd=st.floats(0.01, 1),
    level=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_intervals_hold_their_level(absent: float, centre: float, sd: float, level: float) -> None:
    strength = Strength(absent, centre, sd)
    low, high = strength.interval(level)
    draws = strength.draws(np.random.default_rng(0).random((20_000, 2)))
    share = float(np.mean((draws >= low - 1e-9) & (draws <= high + 1e-9)))
    assert share >= level - 0.02
    assert low <= high


def test_data_that_show_nothing_raise_the_chance_of_no_link() -> None:
    assert posterior(0.0, 0.05, 0.3, 0.1, 0.1).absent > 0.8
    assert posterior(0.3, 0.05, 0.3, 0.1, 0.1).absent < 1e-4
    assert posterior(0.0, float("inf"), 0.3, 0.1, 0.1).absent == 0.1


def test_what_is_felt_before_the_first_month_is_the_first_half_year() -> None:
    values = np.array([[np.nan, 2.0, 4.0, np.nan, 6.0, 6.0, 6.0, 100.0]])
    spans = felt(values, [(1, 1)])[0, 0]
    assert spans[:2] == pytest.approx([4.8, 4.8])  # mean of 2, 4, 6, 6, 6
    assert spans[2:] == pytest.approx([2.0, 4.0, 4.0, 6.0, 6.0, 6.0])


def test_a_mean_of_months_counts_each_by_what_it_tells() -> None:
    values = np.array([[3.0, 5.0, np.nan, 4.0, 4.0, 4.0, 1.0], [np.nan] * 7])
    noise = np.array([[0.5, 0.1, np.nan, 0.25, 0.25, 0.25, 1.0], [np.nan] * 7])
    found = running_mean(values, noise, 3)
    assert found[0, 3] == pytest.approx((5 * 10 + 4 * 4) / 14)  # the month without reviews does not count
    assert found[0, 6] == pytest.approx((4 * 4 + 4 * 4 + 1) / 9)
    # What came before is the first half year: 24 pieces of it, six a month with months that told.
    half = (3 * 2 + 5 * 10 + 4 * 4 * 3) / 24
    assert found[0, 0] == pytest.approx((3 * 2 + 2 * half * 24 / 5) / (2 + 2 * 24 / 5))
    assert np.isnan(found[1]).all()


def test_permuting_sites_changes_nothing() -> None:
    design = draw(3)
    order = np.random.default_rng(0).permutation(12)
    one = fit_equation(design.target, 0 * design.target, design.source[None], np.zeros(1), np.ones(1))
    y = design.target[order]
    other = fit_equation(y, 0 * y, design.source[None, order], np.zeros(1), np.ones(1))
    assert other.mean == pytest.approx(one.mean, rel=1e-9)
    assert other.site_mean == pytest.approx(one.site_mean[order], rel=1e-9)


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 12), (1, 1), (3, 2)])
def test_hardly_any_months_leave_every_prior(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(7).normal(size=shape)
    series = PanelSeries(values, np.full(shape, 0.1), sampled=True, acts_over=12)
    links = [LinkPrior("C4-C1", "wait", "nps", -0.3, 0.1), LinkPrior("C1-C3", "nps", "value", 0.25, 0.08)]
    found = learn_links({"wait": series, "nps": series, "value": series}, links, np.arange(shape[1]) % 12)
    assert [(e.identified, e.strength.centre) for e in found.values()] == [(False, -0.3), (False, 0.25)]


def test_fewer_months_than_a_target_looks_back_leave_the_prior() -> None:
    rng = np.random.default_rng(6)
    nps, value = rng.normal(size=(2, 4, 6))
    zero = np.zeros_like(nps)
    panel = {"nps": PanelSeries(nps, zero), "value": PanelSeries(value, zero, trailing=12)}
    found = learn_links(panel, [LinkPrior("C1-C3", "nps", "value", 0.25, 0.08)], np.arange(6))["C1-C3"]
    assert (found.identified, found.cells, found.prior_weight) == (False, 0, 1.0)
