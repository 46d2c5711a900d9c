"""The wheel of a practice: it stands still when nothing changes, keeps its books, and answers pushes as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.flywheel.balanced_practice import (
    PRESENT,
    assumed_strengths,
    practice,
    scales,
    wheel_links,
)

from carewheel.science.flywheel.practice_model import (
    Link,
    Move,
    Policy,
    PracticeModel,
    Spending,
    Timing,
    doubted,
    forecast,
    link_worths,
    loop_dominance,
    move_worth,
    practice_model,
    usual_worth,
)
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.practice_model.practice import NEEDED, OUTCOMES
from carewheel.science.flywheel.stocks import Refusal, residuals, sensitivities, simulate, transfers

STRENGTHS = assumed_strengths()


def built(**options: object) -> PracticeModel:
    return practice_model(practice(), scales(), wheel_links(), **options)  # type: ignore[arg-type]


def test_a_balanced_practice_stands_still_whatever_the_strengths() -> None:
    rng = np.random.default_rng(0)
    strengths = {link: value + 0.1 * rng.standard_normal(8) for link, value in STRENGTHS.items()}
    found = forecast(built(months=60), strengths)
    for name, series in {**found.stocks, **found.measures}.items():
        np.testing.assert_allclose(
            series, np.broadcast_to(series[0], series.shape), rtol=1e-9, atol=1e-9, err_msg=name
        )
    np.testing.assert_allclose(found.net_cash, 60 * found.flows["net_cash"][0], rtol=1e-9)


def test_the_present_is_reproduced_measure_by_measure() -> None:
    found = forecast(built(), STRENGTHS)
    for name, value in PRESENT.items():
        if name != "growth.acquisition_cost":  # the spend over the newcomers, whatever was written beside it
            assert found.measures[name][0, 0] == pytest.approx(value, rel=1e-9), name
    assert found.measures["growth.acquisition_cost"][0, 0] == pytest.approx(4680 / 26)
    assert found.measures["finance.collections"][0, 0] == pytest.approx(345 * 178)


def test_a_present_trend_goes_on() -> None:
    """More newcomers than leavers: without links active patients approach newcomers over the rate of leaving."""
    shrinking = practice(retention=0.70)
    none = dict.fromkeys(STRENGTHS, 0.0)
    still = replace(shrinking, timing=Timing(staffing_follows=0.0), market=1e9)
    found = forecast(
        practice_model(still, scales(), wheel_links(), within={}, months=24, steps_a_month=64), none
    )
    rate = -np.log(0.70) / 12
    # Newcomers through word of mouth shrink with advocates, so take the identity of the stock rather than a formula.
    patients, new = found.stocks["active_patients"][:, 0], found.flows["new_patients"][:, 0]
    assert patients[-1] < patients[0]
    change = np.diff(patients)
    wanted = (new[1:] + new[:-1]) / 2 - rate * (patients[1:] + patients[:-1]) / 2
    np.testing.assert_allclose(change, wanted, rtol=2e-3)


def test_books_of_people_visits_and_money_balance() -> None:
    moves = [
        Move("people.turnover", 0.1, 3, 2),
        Move("growth.new_patients", 15, 1),
        Move("finance.revenue_per_visit", -60, 6, 0, 9000, 500),
    ]
    pm = built(moves=moves, policy=Policy(0.2, 0.2, 0.1, 0.2), months=36)
    model, values = pm.model, values_of(pm, STRENGTHS)
    assert all((r < 1e-11).all() for r in residuals(model, values).values())
    ends = {t.flow: (t.source, t.target) for t in transfers(model)}
    assert ends["collecting"] == ("receivables", "cash")
    assert ends["seeing"][0] == "backlog"
    run = simulate(model, values, record=["cash", "earned", "drawing", "net_cash"])
    # Cash moves by what was earned less what the owners took.
    np.testing.assert_allclose(
        run["cash"] - run["cash"][0],
        run["earned"] - 36 * run["drawing"][0] * run.times[:, None] / 36,
        rtol=1e-8,
        atol=1e-6,
    )


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_stocks_stay_possible_and_books_balance_in_any_practice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = float(rng.uniform(0.3, 4))
    measures = {**PRESENT, "operations.utilisation": float(rng.uniform(0.4, 0.88)), "operations.third_next_available": float(rng.uniform(1, 60)),
                "people.turnover": float(rng.uniform(0.05, 0.8)), "growth.new_patients": 26 * scale, "operations.kept_visits": 345 * scale}  # fmt: skip
    one = practice(
        measures=measures, active_patients=1450 * scale, retention=float(rng.uniform(0.5, 0.98)), staff=8 * scale, marketing=4680 * scale,
        fixed_costs=7000 * scale, market=12_000 * scale, cash=float(rng.uniform(-20_000, 90_000)),
    )  # fmt: skip
    strengths = {link: float(value + 0.1 * rng.standard_normal()) for link, value in STRENGTHS.items()}
    moves = [Move("capacity", -100 * scale, 4), Move("experience.nps", float(rng.normal(0, 20)), 2, 3)]
    pm = practice_model(one, scales(), wheel_links(), moves=moves, months=48)
    assert all((r < 1e-10).all() for r in residuals(pm.model, values_of(pm, strengths)).values())
    found = forecast(pm, strengths)
    for name in ("active_patients", "advocates", "backlog", "staff", "skill", "receivables"):
        assert (found.stocks[name] >= -1e-9).all(), name
    assert (found.measures["operations.utilisation"] < 1).all()


@pytest.mark.parametrize("link", sorted(STRENGTHS))
def test_the_worth_of_a_stronger_link_equals_a_run_with_it(link: str) -> None:
    """The derivative by the adjoint, against central differences of whole runs, within 1e-6."""
    pm = built()
    values, h = values_of(pm, STRENGTHS), 1e-4
    name = pm.stronger[link]
    exact = sensitivities(pm.model, "earned", [name], values).by[name][0]
    ends = simulate(
        pm.model, {**values, name: [h, -h, 2 * h, -2 * h]}, record=["earned"], every=pm.model.steps
    )["earned"][-1]
    near = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h)
    assert exact == pytest.approx(near, rel=1e-6, abs=1e-3)


def test_a_stronger_link_moves_its_target_by_the_present_deviation() -> None:
    """+0.1 on wait → NPS shifts the NPS by 0.1 x how far the wait is from its reference, after the lag."""
    only = [Link("C4-C1", "operations.wait_minutes", "experience.nps")]
    pm = practice_model(practice(), scales(), only, within={}, months=24)
    values = {**values_of(pm, {"C4-C1": -0.35}), pm.stronger["C4-C1"]: -0.1}
    run = simulate(pm.model, values, record=["nps"])
    reference = scales()["operations.wait_minutes"]
    deviation = (PRESENT["operations.wait_minutes"] - reference.value) / reference.sd
    assert run["nps"][-1, 0] == pytest.approx(42 - 0.1 * deviation * 20, abs=1e-6)


def test_a_move_travels_along_a_link_by_its_strength_and_lag() -> None:
    only = [Link("C4-C1", "operations.wait_minutes", "experience.nps", months=2.0)]
    pm = practice_model(
        practice(),
        scales(),
        only,
        within={},
        moves=[Move("operations.wait_minutes", -4.0, 3)],
        months=24,
        steps_a_month=64,
    )
    nps = forecast(pm, {"C4-C1": -0.35}).measures["experience.nps"][:, 0]
    gain = -0.35 * (-4.0 / scales()["operations.wait_minutes"].sd) * 20
    months = np.arange(25)
    wanted = 42 + np.where(months > 3, gain * (1 - np.exp(-(months - 3) / 2.0)), 0)
    np.testing.assert_allclose(nps, wanted, atol=0.02)


def test_beyond_its_limit_a_deviation_pushes_no_more() -> None:
    only = [Link("C4-C1", "operations.wait_minutes", "experience.nps")]
    ends = []
    for size in (40.0, 80.0):
        pm = practice_model(
            practice(), scales(), only, within={}, moves=[Move("operations.wait_minutes", size)], months=24
        )
        ends.append(forecast(pm, {"C4-C1": -0.35}).measures["experience.nps"][-1, 0])
    assert ends[0] == pytest.approx(ends[1])


def test_a_full_book_saturates_and_makes_people_wait() -> None:
    none = dict.fromkeys(STRENGTHS, 0.0)
    calm = practice(timing=Timing(staffing_follows=0.0))
    pm = practice_model(
        calm, scales(), wheel_links(), within={}, moves=[Move("growth.new_patients", 60.0)], months=36
    )
    found = forecast(pm, none)
    kept, wait = found.flows["kept_visits"][:, 0], found.measures["operations.third_next_available"][:, 0]
    assert wait[-1] > 3 * wait[0]
    assert kept[-1] < pm.now.capacity * (1 - PRESENT["operations.no_show_rate"])
    assert np.diff(kept)[-1] < 0.1 * np.diff(kept)[:6].max()


def test_without_cash_nothing_is_invested() -> None:
    """A bill larger than the purse stops investments until there is cash again."""
    bill = Move("experience.nps", 0.0, 2, 0, 70_000.0)
    found = forecast(
        practice_model(practice(drawn=0.0), scales(), wheel_links(), moves=[bill], months=12), STRENGTHS
    )
    share, cash = found.measures["technology.investment_share"][:, 0], found.stocks["cash"][:, 0]
    assert share[0] == pytest.approx(3690 / (345 * 178))
    assert cash[3] < 0.1 * cash[0]
    assert share[-1] > share[3]
    assert share[3] < 0.1 * share[0]
    assert cash[-1] > cash[3]


def test_more_technology_money_costs_now_and_raises_use_later() -> None:
    base, more = built(), built(policy=Policy(technology=0.3))
    before, after = forecast(base, STRENGTHS), forecast(more, STRENGTHS)
    assert after.flows["net_cash"][0, 0] < before.flows["net_cash"][0, 0]
    assert after.stocks["technology"][-1, 0] > before.stocks["technology"][-1, 0] + 0.01


def test_the_worth_of_a_move_is_its_gain_less_its_cost_with_common_draws() -> None:
    rng = np.random.default_rng(8)
    strengths = {link: value + 0.05 * rng.standard_normal(400) for link, value in STRENGTHS.items()}
    sizes = -0.03 * np.exp(0.3 * rng.standard_normal(400))
    base = built()
    free = move_worth(base, built(moves=[Move("operations.no_show_rate", -0.03, 1)]), strengths, {1: sizes})
    paid = move_worth(
        base, built(moves=[Move("operations.no_show_rate", -0.03, 1, 0, 3000, 50)]), strengths, {1: sizes}
    )
    assert free.low > 0
    assert free.low < free.mean < free.high
    # The fixed cost shows in money up to what it takes from investments.
    assert 1000 < free.mean - paid.mean < 3000 + 23 * 50 + 1500


def test_a_move_of_nothing_is_worth_nothing() -> None:
    found = move_worth(built(), built(moves=[Move("experience.nps", 0.0)]), STRENGTHS)
    assert found.mean == pytest.approx(0, abs=1e-6)
    assert np.isnan(found.low)


def test_the_drag_is_the_link_worth_most_and_both_methods_agree() -> None:
    rng = np.random.default_rng(1)
    strengths = {link: value + 0.05 * rng.standard_normal(60) for link, value in STRENGTHS.items()}
    pm = built()
    near, exact = link_worths(pm, strengths), link_worths(pm, strengths, method="runs")
    assert near.drag == exact.drag
    assert sum(near.is_drag.values()) == pytest.approx(1)
    assert near.worth[near.drag].mean == max(w.mean for w in near.worth.values())  # type: ignore[index]
    for link, worth in exact.worth.items():
        assert near.worth[link].mean == pytest.approx(worth.mean, rel=0.15, abs=60), link


def test_a_doubt_of_the_model_widens_a_worth_and_moves_none() -> None:
    rng = np.random.default_rng(1)
    strengths = {link: value + 0.05 * rng.standard_normal(200) for link, value in STRENGTHS.items()}
    sure = link_worths(built(), strengths)
    drag = sure.drag
    assert drag is not None
    unsure = doubted(sure, {drag: 2.0}, rng.standard_normal((len(sure.worth), 200)))
    assert unsure.drag == drag
    for link, worth in sure.worth.items():
        now = unsure.worth[link]
        assert now.mean == pytest.approx(worth.mean, rel=1e-9, abs=1e-6)
        added = 2.0 * usual_worth(sure) if link == drag else 0.0
        assert now.draws.std() == pytest.approx(np.hypot(worth.draws.std(), added), rel=1e-9, abs=1e-6)
    assert unsure.is_drag[drag] < sure.is_drag[drag]
    two = link_worths(built(), {link: draws[:2] for link, draws in strengths.items()})
    assert doubted(two, {drag: 2.0}, rng.standard_normal((len(two.worth), 2))) is two
    # What costs on average is never the drag, however unsure.
    poor = min(sure.worth, key=lambda link: sure.worth[link].mean)
    assert sure.worth[poor].mean < 0
    wild = doubted(sure, {poor: 50.0}, rng.standard_normal((len(sure.worth), 200)))
    assert wild.is_drag[poor] == 0


def test_the_compiled_practice_equals_the_plain_one(speed: None) -> None:
    rng = np.random.default_rng(3)
    strengths = {link: value + 0.1 * rng.standard_normal(50) for link, value in STRENGTHS.items()}
    pm = built(
        moves=[Move("operations.no_show_rate", -0.05, 2, 3, 2000.0)], policy=Policy(0.1, 0.3, 0.1, 0.2)
    )
    plain, fast = forecast(pm, strengths), forecast(pm, strengths, compiled=True)
    np.testing.assert_allclose(fast.net_cash, plain.net_cash, rtol=1e-10)
    for name, series in plain.measures.items():
        np.testing.assert_allclose(fast.measures[name], series, rtol=1e-9, atol=1e-12, err_msg=name)


def test_loops_of_the_practice_are_scored() -> None:
    pm = built(moves=[Move("experience.nps", 10.0, 2)])
    found = loop_dominance(pm, STRENGTHS, most=300)
    shares = np.abs(found.relative).sum(axis=0)
    assert len(found.loops) > 10
    assert shares[100] > 0
    assert found.dominant().shape == found.times.shape


def test_those_who_leave_are_told_apart_from_the_retention_of_lifetime_value() -> None:
    """A balance that says fewer leave makes patients grow; what 1 % more lifetime value saves stays what retention makes it."""
    value = PRESENT | {"finance.lifetime_value": 2_000.0}
    none = dict.fromkeys(STRENGTHS, 0.0)
    told, same = {}, {}
    for leaving in (0.10, None):
        for size in (0.0, 20.0):
            pm = practice_model(
                practice(measures=value, leaving=leaving), scales(), wheel_links(), within={},
                moves=[Move("finance.lifetime_value", size)],
            )  # fmt: skip
            run = simulate(pm.model, values_of(pm, none), record=["leaving_a_year", "active_patients"])
            told[leaving, size] = float(run["leaving_a_year"][1, 0])
            same[leaving, size] = float(run["active_patients"][-1, 0])
    assert told[0.10, 0.0] == pytest.approx(0.10)
    assert same[0.10, 0.0] > same[None, 0.0] == pytest.approx(1_450.0)
    assert told[0.10, 0.0] - told[0.10, 20.0] == pytest.approx(told[None, 0.0] - told[None, 20.0])
    with pytest.raises(Refusal, match="negative"):
        practice_model(practice(leaving=-0.1), scales(), wheel_links())


def test_hours_follow_demand_without_more_people() -> None:
    """Twice the newcomers: with hours that follow, the book fills less and people wait less, at the same staff."""
    runs = []
    for follow in (0.0, 0.5):
        pm = practice_model(
            practice(timing=Timing(staffing_follows=0.0, hours_follow=follow)), scales(), wheel_links(),
            moves=[Move("growth.new_patients", 26.0)],
        )  # fmt: skip
        runs.append(forecast(pm, STRENGTHS))
    waits = [float(np.squeeze(run.measures["operations.third_next_available"][-1])) for run in runs]
    kept = [float(np.squeeze(run.measures["operations.kept_visits"][-1])) for run in runs]
    assert waits[1] < waits[0]
    assert kept[1] > kept[0]


@pytest.mark.parametrize("measure", NEEDED)
def test_a_missing_number_is_refused(measure: str) -> None:
    with pytest.raises(Refusal) as refused:
        practice_model(
            practice(measures={k: v for k, v in PRESENT.items() if k != measure}), scales(), wheel_links()
        )
    assert refused.value.code == "practice"
    assert refused.value.data["missing"] == [measure]


@pytest.mark.parametrize(
    "change",
    [
        {"active_patients": 0.0}, {"staff": -1.0}, {"retention": 1.2}, {"market": 100.0}, {"cash": float("nan")}, {"pay": float("inf")},
        {"spending": Spending(staff=-1.0)}, {"measures": {**PRESENT, "operations.utilisation": 0.95}},
        {"measures": {**PRESENT, "growth.new_patients": 900.0}}, {"measures": {**PRESENT, "growth.referral_reproduction": 0.8}},
        {"measures": {**PRESENT, "operations.no_show_rate": -0.1}}, {"marketing": 0.0},
    ],
)  # fmt: skip
def test_numbers_that_contradict_one_another_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        practice_model(practice(**change), scales(), wheel_links())
    assert refused.value.code == "practice"


@pytest.mark.parametrize("what", [*OUTCOMES, "experience.joy"])
def test_moves_of_outcomes_and_of_unknown_things_are_refused(what: str) -> None:
    with pytest.raises(Refusal) as refused:
        built(moves=[Move(what, 1.0)])
    assert refused.value.code == "move"


def test_a_policy_whose_effect_the_present_does_not_tell_is_refused() -> None:
    with pytest.raises(Refusal, match="cannot be told"):
        practice_model(practice(spending=Spending()), scales(), wheel_links(), policy=Policy(staff=0.2))


def test_present_spending_can_be_told_as_shares_of_free_cash() -> None:
    pm = built()
    free = pm.now.free
    shares = Policy(1100 / free, 1850 / free, 740 / free)
    other = practice_model(practice(spending=None, policy=shares), scales(), wheel_links())
    assert forecast(other, STRENGTHS).net_cash == pytest.approx(forecast(pm, STRENGTHS).net_cash, rel=1e-12)


def test_shares_above_all_free_cash_are_refused() -> None:
    with pytest.raises(Refusal, match="together at most 1"):
        built(policy=Policy(0.9, 0.9))


def test_strengths_must_fit_the_links() -> None:
    for wrong in ({**STRENGTHS, "C9-C1": 0.1}, {k: v for k, v in STRENGTHS.items() if k != "C1-C3"}):
        with pytest.raises(Refusal) as refused:
            forecast(built(), wrong)
        assert refused.value.code == "strengths"
