"""Best times: published optima, enumeration, the public tool, proofs, and rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.scheduling_templates import (
    KAANDORP_KOOLE_MORE,
    enumerated,
    enumeration_rows,
    hangu,
    hassin_mendel,
    kaandorp_koole,
    published_slots,
    sample_cost,
    sample_optimum,
    sampled,
)

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    Patient,
    Phases,
    Session,
    WalkIns,
    Weights,
    bailey_welch_times,
    best_times,
    empirical,
    evaluate,
    fixed,
    individual_times,
    lognormal,
    poisson,
    tuned,
)
from carewheel.science.scheduling.descent import descended

RATIO = 1.000001


# --- published optima, as printed in tables


@pytest.mark.parametrize(
    ("n", "show", "cost", "equal", "gaps"),
    [
        (2, 1.0, 2.693147, 2.693147, [0.6931]),
        (3, 0.8, 3.777344, 3.782097, [0.5498, 0.7415]),
        (5, 0.8, 7.240865, 7.282061, [0.6350, 1.1072, 1.0893, 0.8070]),
        (8, 0.8, 12.626505, 12.740323, [0.6638, 1.1881, 1.2647, 1.2698, 1.2326, 1.1310, 0.8185]),
        (10, 1.0, 19.387086, 19.538081, None),
        (10, 0.5, 10.605117, 10.798979, None),
    ],
)
def test_hassin_and_mendel(n: int, show: float, cost: float, equal: float, gaps: list[float] | None) -> None:
    session = hassin_mendel(n, show)
    found = best_times(session)
    assert found.evaluation.waiting + found.evaluation.availability <= cost * RATIO
    assert found.evaluation.waiting + found.evaluation.availability >= cost / RATIO
    assert found.gap < 1e-6
    assert found.proved
    if gaps is not None:
        np.testing.assert_allclose(np.diff(found.times), gaps, atol=6e-5)
    spaced = tuned(session, individual_times).evaluation
    # The table's own search for the spacing stopped a little early.
    assert equal * (1 - 2e-6) <= spaced.waiting + spaced.availability <= equal * (1 + 1e-7)


@pytest.mark.parametrize("show", [1.0, 0.9, 0.8, 0.7, 0.5])
@pytest.mark.parametrize("wait", [0.5, 1.0, 3.0])
def test_two_customers_by_formula(show: float, wait: float) -> None:
    # x = max(0, ln((w p^2 + s p) / s)), s = 1
    session = Session((Patient(Phases(1.0), show),) * 2, Weights(waiting=wait, idle=1))
    gap = max(0.0, float(np.log(wait * show**2 + show)))
    assert best_times(session).times[1] == pytest.approx(gap, abs=1e-6)


@pytest.mark.needs_data
def test_every_optimum_of_the_anchors(shared_data: Path) -> None:
    anchors = json.loads((shared_data / "scheduling" / "anchors_exact.json").read_text("utf-8"))
    assert len(anchors["HM"]) == 25
    for case in anchors["HM"]:
        found = best_times(hassin_mendel(case["n"], case["show_p"]))
        cost = found.evaluation.waiting + found.evaluation.availability
        assert case["optimal_cost"] / RATIO <= cost <= case["optimal_cost"] * RATIO, case
        np.testing.assert_allclose(np.diff(found.times), case["optimal_gaps"], atol=2e-4)
    for case in anchors["KK"]:
        check_slots(case)


KAANDORP_KOOLE: list[dict[str, Any]] = [
    {"N": 4, "intervals": 8, "d": 15, "beta": 20, "noshow": 0.0, "weights": {"W": 1 / 3, "I": 1 / 3, "L": 1 / 3},
     "optimal": [1, 1, 0, 1, 0, 1, 0, 0], "optimal_cost": 20.159613, "individual": 21.504123, "bailey": 20.947023},
    {"N": 6, "intervals": 12, "d": 10, "beta": 20, "noshow": 0.1, "weights": {"W": 1 / 3, "I": 1 / 3, "L": 1 / 3},
     "optimal": [2, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], "optimal_cost": 20.943954, "individual": 23.390955, "bailey": 20.943954},
    {"N": 8, "intervals": 10, "d": 5, "beta": 9, "noshow": 0.0, "weights": {"W": 0.4, "I": 0.2, "L": 0.4},
     "optimal": [2, 1, 0, 1, 1, 0, 1, 1, 0, 1], "optimal_cost": 16.708721, "individual": 17.057857, "bailey": 16.920589},
    KAANDORP_KOOLE_MORE,
]  # fmt: skip


def check_slots(case: dict[str, Any]) -> None:
    found = best_times(kaandorp_koole(case), slot=case["d"])
    assert case["optimal_cost"] / RATIO <= found.evaluation.cost <= case["optimal_cost"] * RATIO
    assert found.proved
    slots = np.bincount(np.rint(found.times / case["d"]).astype(int), minlength=case["intervals"])
    assert slots.tolist() == case["optimal"]


@pytest.mark.parametrize("case", KAANDORP_KOOLE, ids=lambda c: f"{c['N']} in {c['intervals']}")
def test_kaandorp_and_koole(case: dict[str, Any]) -> None:
    check_slots(case)


def test_the_bailey_welch_rule_is_best_in_two_of_the_cases() -> None:
    for case in (KAANDORP_KOOLE[1], KAANDORP_KOOLE_MORE):
        rule = bailey_welch_times(case["N"], 2.0 * case["d"])
        assert evaluate(kaandorp_koole(case), rule).cost == pytest.approx(case["optimal_cost"], rel=1e-6)


def test_the_smallest_case_by_trying_all_330_schedules() -> None:
    case = KAANDORP_KOOLE[0]
    assert enumerated(kaandorp_koole(case), case["intervals"], case["d"]) == pytest.approx(
        20.159613, rel=1e-7
    )


def test_the_published_tool_reproduced() -> None:
    # Its service is a Poisson number of minutes. Exact values; the published ones are lower by its truncation.
    session = Session((Patient(poisson(9.0)),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    assert evaluate(session, individual_times(24, 10)).cost == pytest.approx(7.483843, abs=1e-6)
    best = [0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45]
    assert evaluate(session, np.array(best) * 5.0).cost == pytest.approx(6.636674, abs=1e-6)
    other = Session((Patient(poisson(9.0)),) * 8, Weights(0.5 / 8, 0, 0.5), closes=50)
    found = best_times(other, slot=5, prove=True)
    assert found.evaluation.cost == pytest.approx(15.2067, abs=5e-5)
    assert np.bincount((found.times / 5).astype(int)).tolist() == [1, 1, 0, 1, 1, 0, 1, 0, 1, 2]
    # With truly exponential service the first schedule costs three times as much.
    true = Session((Patient(Phases(1 / 9)),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    assert evaluate(true, individual_times(24, 10)).cost == pytest.approx(22.396, abs=5e-4)


@pytest.mark.needs_data
def test_the_truncation_of_the_published_schedules(shared_data: Path) -> None:
    off = published_slots(shared_data / "scheduling", 300) - 1
    assert float(np.median(off)) == pytest.approx(-0.0012, abs=1e-4)
    assert off.min() >= -0.00171
    assert np.mean(off < -0.0009) > 0.98  # a few published rows do not fit their schedule at all


def test_the_best_of_the_published_schedules_is_proved_best() -> None:
    session = Session((Patient(poisson(9.0)),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    found = best_times(session, slot=5, prove=True)
    assert found.proved
    assert found.evaluation.cost == pytest.approx(6.636674, abs=1e-6)


# --- proofs


def test_proofs_hold_against_enumeration() -> None:
    for row in enumeration_rows(4):
        assert row.holds, row


def test_proof_survives_a_poor_start() -> None:
    case = KAANDORP_KOOLE[2]
    session = kaandorp_koole(case)
    for start in ([0] * 8, [9] * 8, [0, 0, 0, 0, 9, 9, 9, 9]):
        found = descended(lambda t: evaluate(session, t * 5.0).cost, np.array(start), latest=9)
        assert found.cost == pytest.approx(16.708721, abs=1e-6)
        assert found.cost - found.bound < 1e-6


def test_without_evaluations_left_no_bound_is_claimed() -> None:
    session = kaandorp_koole(KAANDORP_KOOLE[2])
    found = descended(
        lambda t: evaluate(session, t * 5.0).cost, np.zeros(8, dtype=np.int64), latest=9, most=20
    )
    assert found.bound == -np.inf
    assert found.evaluations <= 20


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_no_other_times_beat_a_proved_template(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    patients = tuple(
        Patient(lognormal(float(rng.uniform(8, 20)), 0.6), float(rng.uniform(0.5, 1))) for _ in range(n)
    )
    session = Session(
        patients, Weights(*rng.uniform(0.2, 2, 3).tolist()), closes=float(rng.integers(10 * n, 20 * n))
    )
    found = best_times(session, prove=True)
    assert found.proved
    for _ in range(30):  # real moments, on no grid
        other = np.sort(found.times + rng.normal(0, rng.choice([0.3, 3.0, 20.0]), n)).clip(0, session.closes)
        assert evaluate(session, other).cost >= found.evaluation.cost - found.gap - 1e-9


def test_a_proof_of_sixteen_patients_on_a_grid_of_minutes() -> None:
    session = Session((Patient(lognormal(13.5, 0.46), 0.9),) * 16, Weights(0.15, 0.85))
    quick, proved = best_times(session), best_times(session, prove=True)
    assert proved.proved
    assert not quick.proved
    assert proved.evaluation.cost <= quick.evaluation.cost <= 1.001 * proved.evaluation.cost


def test_one_patient_comes_at_once_and_certain_ones_one_after_the_other() -> None:
    assert best_times(Session((Patient(lognormal(15, 0.5)),), Weights(1, 1))).times.tolist() == [0]
    found = best_times(Session((Patient(fixed(12)),) * 5, Weights(1, 1)), prove=True)
    assert found.times.tolist() == [0, 12, 24, 36, 48]
    assert found.evaluation.cost == pytest.approx(0, abs=1e-9)


def test_waiting_without_price_puts_all_at_the_start_and_idling_without_price_far_apart() -> None:
    patients = (Patient(lognormal(10, 0.5)),) * 4
    assert best_times(Session(patients, Weights(0, 1))).evaluation.idle == pytest.approx(0, abs=1e-9)
    calm = best_times(Session(patients, Weights(1, 1e-4)))
    assert calm.evaluation.waiting < 0.1


def test_walk_ins_leave_room_and_claim_no_proof() -> None:
    patients = (Patient(lognormal(13, 0.5), 0.9),) * 8
    session = Session(
        patients, Weights(0.3, 0.7, 1), closes=150, walk_ins=(WalkIns(0.03, 30, 90, fixed(10)),)
    )
    found = best_times(session)
    assert found.gap == np.inf
    assert found.evaluation.cost < tuned(session, individual_times).evaluation.cost
    without = best_times(Session(patients, session.weights, 150.0))
    assert found.times[-1] > without.times[-1]


# --- samples, and rules


@pytest.mark.needs_data
def test_best_times_hold_on_fresh_sessions_of_real_durations(shared_data: Path) -> None:
    values, weights = hangu(shared_data / "scheduling"), Weights(0.15, 0.85)
    session = Session((Patient(empirical(values), 0.9),) * 12, weights)
    ours = best_times(session)
    theirs = sample_optimum(sampled(values, 12, 0.9, 5_000, 1), weights, 12.0)
    fresh = sampled(values, 12, 0.9, 60_000, 2)
    mine = sample_cost(ours.times, fresh, weights)
    assert mine[0] <= 1.002 * sample_cost(theirs, fresh, weights)[0]
    assert mine[2] == pytest.approx(ours.evaluation.waiting, rel=0.02)
    assert mine[3] == pytest.approx(ours.evaluation.idle, rel=0.02)


def test_the_sample_gradient_is_the_difference() -> None:
    # What the optimiser on samples rests on.
    rng = np.random.default_rng(4)
    service = sampled(rng.gamma(4, 3, 500), 5, 0.8, 400, 9)
    times, weights = np.array([0, 9.1, 20.7, 30.2, 44.9]), Weights(1, 0.6)
    slope = sample_cost(times, service, weights)[1]
    for k in range(1, 5):
        moved = [times + way * 1e-7 * (np.arange(5) == k) for way in (1, -1)]
        ends = [sample_cost(t, service, weights)[0] for t in moved]
        assert (ends[0] - ends[1]) / 2e-7 == pytest.approx(slope[k], abs=1e-4)


def test_a_rule_may_use_the_whole_time_up_to_the_close() -> None:
    """Idling costs nothing and overtime little: everybody is asked to come as late as the close allows, two at the start or not."""
    for law in (fixed(20.0), Phases(1 / 20)):
        session = Session((Patient(law),) * 4, Weights(1, 0, 0.001), closes=60)
        for rule, gap in ((individual_times, 20.0), (bailey_welch_times, 30.0)):
            assert tuned(session, rule).times == pytest.approx(rule(4, gap), abs=1e-5)


def test_tuned_rules_cannot_be_tuned_further() -> None:
    session = Session((Patient(lognormal(13.5, 0.46), 0.9),) * 10, Weights(0.2, 0.8))
    for rule in (individual_times, bailey_welch_times):
        found = tuned(session, rule)
        gap = found.times[-1] - found.times[-2]
        assert all(evaluate(session, rule(10, gap + d)).cost >= found.evaluation.cost for d in (-2, -1, 1, 2))
        assert found.evaluation.cost >= best_times(session).evaluation.cost


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("slot-off-grid", lambda s: best_times(s, slot=7.5)),
        ("slot", lambda s: best_times(s, slot=0)),
        ("latest", lambda s: best_times(s, latest=-1)),
        ("rule", lambda s: individual_times(0, 10)),
        ("rule", lambda s: bailey_welch_times(3, -1)),
    ],
)
def test_what_cannot_be_is_refused(code: str, wrong: Any) -> None:
    with pytest.raises(CannotTell) as refused:
        wrong(Session((Patient(fixed(10)),) * 3, Weights(1, 1)))
    assert refused.value.code == code


def test_late_comers_whose_last_slot_is_the_last_moment() -> None:
    # Arrivals may lie past everything else: slopes at the last moment once looked beyond the grid.
    late = Patient(fixed(10), unpunctuality=empirical([-5, 15]))
    found = best_times(Session((late,) * 3, Weights(0.01, 1)), latest=20, prove=True)
    assert found.proved
    assert found.times[-1] <= 20
