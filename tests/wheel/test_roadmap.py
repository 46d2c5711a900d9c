"""Arrows, drag and roadmap of a small invented group, through facts and measures as of a practice."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from tests.validation.demo_groups import FIRST_SEED, demo_group

from carewheel.catalog.links import links
from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.warehouse.measures import Value
from carewheel.wheel.learnt import Learnt, drag_document, gain_document, learn
from carewheel.wheel.measured import Measured
from carewheel.wheel.present import Lacking, Present, level, present
from carewheel.wheel.roadmap import PlayWorth, portfolio_document, reinvestment, worth_of_plays


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {m.card.id: m for m in demo_group(FIRST_SEED, 2, months=30).measured}


@pytest.fixture(scope="module")
def learnt(measured: dict[str, Measured]) -> Learnt:
    return learn(measured)


@pytest.fixture(scope="module")
def worths(learnt: Learnt) -> list[PlayWorth]:
    return worth_of_plays(learnt)


def test_every_play_has_a_guess_and_every_guess_a_measure_of_the_model(learnt: Learnt) -> None:
    assert set(play_guesses()) == set(plays())
    assert learnt.model is not None
    for guess in play_guesses().values():
        assert all(move.what in learnt.model.present for move in guess.moves), guess.play
        assert all(need in plays() for need in guess.needs)


def test_the_present_is_that_of_a_mean_place_at_the_end_of_its_year(measured: dict[str, Measured]) -> None:
    found = present(measured)
    assert isinstance(found, Present)
    assert found.places == 2
    visits, money = measured["operations.kept_visits"], measured["finance.expenses_by_category"]
    assert visits.value is not None
    assert visits.relative_change is not None
    assert money.relative_change is not None
    # The mean of a year is what was in its middle; half a year later half of the yearly change has come to it.
    assert found.practice.measures["operations.kept_visits"] == pytest.approx(
        visits.value / 24 * (1 + visits.relative_change / 2)
    )
    assert money.result is not None
    pay = next(row.value.value for row in money.result.dimension if row.label == "pay")
    assert pay is not None
    assert found.practice.pay * found.practice.staff == pytest.approx(
        pay / 24 * (1 + money.relative_change / 2)
    )
    assert any("cash on hand" in words for words in found.assumed)


def test_patients_grow_in_the_model_as_they_did(measured: dict[str, Measured]) -> None:
    found = present(measured)
    assert isinstance(found, Present)
    active, new = (measured[name] for name in ("growth.active_patients", "growth.new_patients"))
    assert active.value is not None
    assert new.value is not None
    assert active.change is not None
    during = active.value - active.change / 2
    assert found.practice.leaving is not None
    assert new.value - found.practice.leaving * during == pytest.approx(active.change)
    # Without a year before, retention is all there is.
    young = replace(active, result=replace(active.result, change_per_year=None))  # type: ignore[type-var]
    found = present({**measured, "growth.active_patients": young})
    assert isinstance(found, Present)
    assert found.practice.leaving is None


def changed(m: Measured, value: float, change: Value | None, window: str = "sum12") -> Measured:
    assert m.result is not None
    total = replace(m.result.total, value=value)
    result = replace(m.result, total=total, change_per_year=change, relative_change_per_year=change)
    return replace(m, card=replace(m.card, window=window), result=result)


def test_a_change_counts_as_far_as_it_stands_out_of_its_error(measured: dict[str, Measured]) -> None:
    nps, visits = measured["experience.nps"], measured["operations.kept_visits"]

    def by(value: float, error: float | None = None) -> Value:
        low, high = (None, None) if error is None else (value - 1.6449 * error, value + 1.6449 * error)
        return Value(value, low, high, 100, "ok")

    assert level(changed(nps, 50.0, None)) == 50.0
    assert level(changed(nps, 50.0, by(8.0))) == pytest.approx(54.0)
    assert level(changed(nps, 50.0, by(8.0, 4.0))) == pytest.approx(53.0)  # 1 - (4 / 8)^2 of the half
    assert level(changed(nps, 50.0, by(2.0, 4.0))) == 50.0
    assert level(changed(nps, 50.0, by(8.0), "point")) == 50.0
    assert level(changed(visits, 1_200.0, by(-0.1))) == pytest.approx(1_140.0)
    assert level(changed(visits, 1_200.0, by(9.0))) == pytest.approx(1_800.0)


def test_a_year_of_growth_never_fills_the_book_beyond_its_end(measured: dict[str, Measured]) -> None:
    use = measured["operations.utilisation"]
    found = present({**measured, use.card.id: changed(use, 0.85, Value(0.3, 0.29, 0.31, 100, "ok"))})
    assert isinstance(found, Present)
    assert found.practice.measures["operations.utilisation"] == 0.85


def test_a_year_of_change_never_makes_shares_that_cannot_be(measured: dict[str, Measured]) -> None:
    """No-shows cut to a quarter, and unpaid newcomers who become fewer while those whom patients send become more."""
    missed, sent, organic = (
        measured[name]
        for name in ("operations.no_show_rate", "growth.referral_reproduction", "growth.organic_share")
    )
    assert level(changed(missed, 0.03, Value(-0.09, -0.09, -0.09, 100, "ok"))) == 0.0
    assert level(changed(measured["experience.nps"], 3.0, Value(-9.0, -9.0, -9.0, 100, "ok"))) == -1.5
    found = learn(
        {
            **measured,
            missed.card.id: changed(missed, 0.03, Value(-0.09, -0.09, -0.09, 100, "ok")),
            sent.card.id: changed(sent, 0.30, Value(0.1, 0.1, 0.1, 100, "ok")),
            organic.card.id: changed(organic, 0.35, Value(-0.2, -0.2, -0.2, 100, "ok")),
        }
    )
    assert found.worths is not None, found.why_no_money
    assert found.present is not None
    assert found.present.practice.measures["growth.referral_reproduction"] == 0.30
    assert found.present.practice.measures["growth.organic_share"] == 0.35


def test_a_practice_that_collected_nothing_is_refused(measured: dict[str, Measured]) -> None:
    money = measured["finance.collections"]
    for taken in (0.0, -50.0):
        found = present({**measured, "finance.collections": changed(money, taken, None)})
        assert isinstance(found, Lacking)
        assert "collections above nought" in found.why


def test_a_year_in_which_nobody_left_can_still_be_valued(measured: dict[str, Measured]) -> None:
    turnover = measured["people.turnover"]
    assert turnover.result is not None
    still = replace(
        turnover, result=replace(turnover.result, total=replace(turnover.result.total, value=0.0, low=0.0))
    )
    found = learn({**measured, "people.turnover": still})
    assert found.present is not None
    assert found.worths is not None
    assert any("nobody did in the last" in words for words in found.present.assumed)


def test_what_is_missing_is_named_and_nothing_is_valued(measured: dict[str, Measured]) -> None:
    blind = {
        **measured,
        "operations.utilisation": Measured(measured["operations.utilisation"].card, None, "unmeasured"),
    }
    assert isinstance(present(blind), Lacking)
    found = learn(blind)
    assert found.worths is None
    assert "utilisation" in found.why_no_money.lower()
    assert worth_of_plays(found) == []
    assert drag_document(found) is None
    assert portfolio_document(found, []) is None
    assert set(found.estimates) == set(links())


def test_what_is_not_measured_is_marked_where_a_play_moves_it(
    measured: dict[str, Measured], learnt: Learnt, worths: list[PlayWorth]
) -> None:
    assert learnt.present is not None
    known = {measures()[name].title for name in learnt.present.practice.measures}
    lines = [line for worth in worths for line in worth.lines]
    assert lines
    for line in lines:
        assert ("not measured here" in line) == (line.partition(" from ")[0] not in known), line
    name = "technology.online_booking"
    blind = learn({**measured, name: Measured(measured[name].card, None, "unmeasured")})
    booked = [line for w in worth_of_plays(blind) for line in w.lines if line.startswith("Booked online")]
    assert booked
    assert all("from 20" in line and "taken to stand where it usually does" in line for line in booked)


def test_learning_twice_gives_the_same_numbers(measured: dict[str, Measured], learnt: Learnt) -> None:
    again = learn(measured)
    assert gain_document(again) == gain_document(learnt)
    assert drag_document(again) == drag_document(learnt)


def test_a_belief_moves_the_worth_of_its_play_alone(learnt: Learnt, worths: list[PlayWorth]) -> None:
    before = {worth.play: worth.mean for worth in worths}
    after = {
        w.play: w.mean for w in worth_of_plays(learnt, {("Q2", "operations.no_show_rate"): (0.95, 0.02)})
    }
    assert after["Q2"] < before["Q2"] / 2
    assert {play: value for play, value in after.items() if play != "Q2"} == {
        play: value for play, value in before.items() if play != "Q2"
    }
    assert list(before.values()) == sorted(before.values(), reverse=True)


def test_the_portfolio_is_the_best_of_all_sets(learnt: Learnt, worths: list[PlayWorth]) -> None:
    """Brute force over the ten largest plays, with the same rules, at a budget that binds."""
    few = sorted(worths, key=lambda worth: -worth.mean)[:10]
    few = [
        replace(worth, needs=tuple(n for n in worth.needs if any(n == w.play for w in few))) for worth in few
    ]
    assert learnt.model is not None
    assert learnt.present is not None
    tolerance = 12 * learnt.model.now.free * learnt.present.places
    budget, hours = sum(w.price for w in few) / 4, sum(w.hours for w in few) / 4
    main = {worth.play: play_guesses()[worth.play].moves[0].what for worth in few}
    # Draws of a smaller panel have an unbiased mean; the covariance is that of the document: sd times correlation.
    together = np.corrcoef(np.array([w.draws for w in few]))
    sd = np.array([w.draws.std() for w in few])
    best = 0.0
    for size in range(1, len(few) + 1):
        for chosen in combinations(range(len(few)), size):
            names = {few[i].play for i in chosen}
            if sum(few[i].price for i in chosen) > budget or sum(few[i].hours for i in chosen) > hours:
                continue
            if any(need not in names for i in chosen for need in few[i].needs):
                continue
            if any(
                main[few[i].play] == main[few[j].play]
                and few[i].play not in few[j].needs
                and few[j].play not in few[i].needs
                for i, j in combinations(chosen, 2)
            ):
                continue
            rows = list(chosen)
            variance = float((together * np.outer(sd, sd))[np.ix_(rows, rows)].sum())
            best = max(best, sum(few[i].mean for i in chosen) - variance / (2 * tolerance))
    found = portfolio_document(learnt, few, budget, hours)
    assert found is not None
    rows = [i for i, worth in enumerate(few) if worth.play in found["plays"]]
    variance = float((together * np.outer(sd, sd))[np.ix_(rows, rows)].sum())
    assert sum(few[i].mean for i in rows) - variance / (2 * tolerance) == pytest.approx(best, rel=1e-9)
    assert float(found["price"]["amount"]) <= budget + 0.01
    assert found["hours"] <= hours + 1e-6


def test_reinvestment_is_ordered_and_has_intervals(learnt: Learnt) -> None:
    rows = reinvestment(learnt)
    assert {row["into"] for row in rows} == {"staff", "technology", "amenities", "marketing"}
    assert [row["value"] for row in rows] == sorted((row["value"] for row in rows), reverse=True)
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
