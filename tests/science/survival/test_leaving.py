"""Staying and leaving: published answers, independent routes, coverage by simulation, and what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import _peer
from tests.validation.published_people import babushkin_folds, columns_of, rossi, rows_of

from carewheel.science.refusal import CannotTell
from carewheel.science.survival import coding, concordance, cox, expected_leavers, staying_curve


def well_told(refusal: CannotTell) -> None:
    """The refusal says why, and what would help."""
    assert refusal.code
    assert refusal.remedy


@pytest.mark.needs_data
def test_rossi_has_its_published_coefficients(shared_data: Path) -> None:
    until, left, columns = rossi(shared_data)
    fit = cox(until, left, columns)
    assert fit.beta.round(4).tolist() == [-0.3794, -0.0574, 0.3139, -0.1498, -0.4337, -0.0849, 0.0915]
    assert round(fit.log_likelihood, 3) == -658.748
    # Standard errors of Allison 1995 / Fox 2002, appendix, as printed.
    errors = np.sqrt(np.diag(fit.covariance))
    assert errors.round(3).tolist() == [0.191, 0.022, 0.308, 0.212, 0.382, 0.196, 0.029]
    assert concordance(until, left, columns @ fit.beta) == pytest.approx(0.6403, abs=5e-5)


@pytest.mark.needs_data
def test_the_turnover_set_has_its_known_curve(shared_data: Path) -> None:
    until, left = columns_of(rows_of(shared_data, "turnover_babushkin"), "stag", "event")
    curve = staying_curve(until, left)
    assert float(curve.median().value) == pytest.approx(50.73, abs=0.005)
    for t, share in ((12, 0.8559), (24, 0.6933), (36, 0.6046)):
        assert float(curve.staying(t).value) == pytest.approx(share, abs=5e-5)


@pytest.mark.needs_data
def test_pooled_kinds_tell_who_leaves_first(shared_data: Path) -> None:
    assert np.mean(babushkin_folds(shared_data)) >= 0.62


def test_the_hazard_agrees_with_a_count_by_hand() -> None:
    # Entries at 0, 2, 4: at tenure 3 two are watched, at 5 two, at 6 one.
    curve = staying_curve([3, 5, 6], [1, 1, 1], [0, 2, 4])
    assert curve.at_risk.tolist() == [2, 2, 1]
    assert curve.hazard.value.tolist() == [0.5, 1.0, 2.0]
    assert curve.share.value.tolist() == [0.5, 0.25, 0.0]


def partial_likelihood(until: np.ndarray, left: np.ndarray, x: np.ndarray, beta: np.ndarray) -> float:
    """Efron's partial log-likelihood written out, leaver by leaver."""
    total, risk = 0.0, np.exp(x @ beta)
    for t in np.unique(until[left == 1]):
        dead = (until == t) & (left == 1)
        d = int(dead.sum())
        total += float((x[dead] @ beta).sum())
        for part in range(d):
            total -= float(np.log(risk[until >= t].sum() - part / d * risk[dead].sum()))
    return total


def test_ties_are_efrons() -> None:
    rng = np.random.default_rng(2)
    until, left = rng.integers(1, 6, 60).astype(float), rng.integers(0, 2, 60)
    x = rng.normal(0, 1, (60, 2))
    fit = cox(until, left, x)
    assert fit.log_likelihood == pytest.approx(partial_likelihood(until, left, x, fit.beta))
    for unit in np.eye(2):
        for step in (-0.01, 0.01):
            assert partial_likelihood(until, left, x, fit.beta + step * unit) < fit.log_likelihood


def test_entry_leaves_out_who_was_not_yet_watched() -> None:
    # People watched from the middle of their tenure on: without saying so, the hazard of the first months looks too low.
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (6000, 1))
    t = rng.exponential(30 * np.exp(-0.6 * x[:, 0]))
    entry = rng.uniform(0, 40, 6000)
    seen = t > entry
    fit = cox(t[seen], np.ones(int(seen.sum())), x[seen], entry=entry[seen])
    found = fit.coefficients(0.99)["column 0"]
    assert found.low < 0.6 < found.high


def test_pooling_brings_small_teams_nearer_to_the_truth() -> None:
    better = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        true = rng.normal(0, 0.3, 25)
        team = rng.integers(0, 25, 250)
        t = rng.exponential(30 * np.exp(-true[team]))
        words = team.astype(str)
        code = coding({}, {"team": words})
        columns = code.features({}, {"team": words})
        pooled = cox(np.minimum(t, 40), t < 40, columns.values, pool=columns.pool)
        free = cox(np.minimum(t, 40), t < 40, columns.values[:, 1:])
        order = true[[int(k) for k in code.kinds["team"]]]
        with_zero = np.concatenate([[0.0], free.beta])
        errors = [((b - b.mean() - order + order.mean()) ** 2).sum() for b in (pooled.beta, with_zero)]
        better += errors[0] < errors[1]
    assert better >= 11


def test_the_interval_of_leavers_holds_those_who_leave() -> None:
    held, runs = 0, 150
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 1, (200, 1))
        t = rng.exponential(30 * np.exp(-0.5 * x[:, 0]))
        fit = cox(np.minimum(t, 48), t < 48, x)
        # A group of thirty who are still there after some months.
        group = rng.normal(0, 1, (30, 1))
        tenure = rng.uniform(0, 30, 30)
        leave = rng.exponential(30 * np.exp(-0.5 * group[:, 0])) < 12
        found = expected_leavers(fit, tenure, group, 12).count
        held += bool(found.low - 0.5 <= leave.sum() <= found.high + 0.5)
    assert 0.85 <= held / runs <= 0.985


def test_small_groups_get_no_answer_and_no_function_is_for_one_person() -> None:
    import carewheel.science.survival as room

    t = np.random.default_rng(3).exponential(40, 100)
    fit = cox(t, np.ones(100), np.zeros((100, 0)))
    for size in range(5):
        with pytest.raises(CannotTell) as refusal:
            expected_leavers(fit, np.full(size, 3.0), np.zeros((size, 0)), 6)
        assert refusal.value.code == "group-too-small"
    assert expected_leavers(fit, np.full(5, 3.0), np.zeros((5, 0)), 6).people == 5
    assert not [name for name in room.__all__ if "person" in name or "risk" in name]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1e6), st.integers(0, 1), st.floats(-1e6, 1e6)), max_size=30),
    st.floats(0.1, 1e5),
)
def test_odd_input_is_refused_or_answered_with_an_interval(
    rows: list[tuple[float, int, float]], months: float
) -> None:
    until, left, x = np.array(rows, dtype=float).reshape(-1, 3).T
    try:
        curve = staying_curve(until, left)
        assert np.all(curve.share.low <= curve.share.value)
        assert np.all(curve.share.value <= curve.share.high)
        assert np.isfinite(np.array([*curve.share, *curve.hazard])).all()
        fit = cox(until, left, x[:, None], pool=[0])
        found = expected_leavers(fit, until, x[:, None], months).count
        assert 0 <= found.low <= found.value <= found.high <= until.size
    except CannotTell as refusal:
        well_told(refusal)


@pytest.mark.parametrize(
    ("until", "left", "code"),
    [
        ([], [], "nobody"),
        ([5.0], [0], "nobody-left-yet"),
        ([5.0, 6.0], [0, 0], "nobody-left-yet"),
        ([-1.0], [1], "impossible-tenure"),
        ([np.nan], [1], "impossible-tenure"),
        ([1.0], [2], "impossible-tenure"),
    ],
)
def test_what_cannot_be_is_refused(until: list[float], left: list[int], code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        staying_curve(until, left)
    assert refusal.value.code == code


def test_coefficients_that_run_away_or_say_the_same_are_refused() -> None:
    until, left = np.arange(1.0, 21), np.ones(20)
    # Whoever has the mark leaves before everybody else: the likelihood has no peak.
    with pytest.raises(CannotTell) as refusal:
        cox(until, left, (until < 10)[:, None])
    assert refusal.value.code == "coefficients-run-away"
    with pytest.raises(CannotTell) as refusal:
        cox(until, left, np.ones((20, 1)))
    assert refusal.value.code == "no-variation"
    with pytest.raises(CannotTell) as refusal:
        cox(until[:4], left[:4], until[:4, None])
    assert refusal.value.code == "not-enough-data"


@pytest.mark.needs_data
def test_lifelines_finds_the_same(shared_data: Path) -> None:
    until, left, columns = rossi(shared_data)
    given_to = {"rounds": 1, "cox": [until.tolist(), left.tolist(), columns.tolist()]}
    script = Path(__file__).parents[3] / "benchmarks" / "peers" / "money_timing.py"
    run = subprocess.run(
        [_peer("money"), script], input=json.dumps(given_to), capture_output=True, text=True, check=True
    )
    theirs = json.loads(run.stdout.split("ANSWERS ")[1])["lifelines"]
    fit = cox(until, left, columns)
    assert fit.beta == pytest.approx(theirs["coefficients"], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-6)
