"""What the pictures show is what the model and the verdicts say; what cannot be shown says why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tests.validation.demo_groups import FIRST_SEED, demo_group
from tests.wheel.made_plans import AFTER, BEFORE, MEASURE, looked, rates, reminders, result_of

from carewheel.catalog.play_guesses import play_guesses
from carewheel.journeys.work_a_plan import accept, propose, start, verify
from carewheel.science.flywheel.practice_model import Policy, forecast, move_worth, practice_model
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.before_after import before_after
from carewheel.wheel.document import schema
from carewheel.wheel.learnt import Learnt, learn
from carewheel.wheel.measured import Measured
from carewheel.wheel.outlook import HORIZONS, hangs_on, loops_document, outlook_document, scatter
from carewheel.wheel.plans import Plan, plan_document
from carewheel.wheel.present import model_links, model_scales
from carewheel.wheel.report import pictures
from carewheel.wheel.roadmap import DRAWS, MONTHS, PlayWorth, moves_of, reinvestment, worth_of_plays


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {m.card.id: m for m in demo_group(FIRST_SEED, 2, months=30).measured}


@pytest.fixture(scope="module")
def learnt(measured: dict[str, Measured]) -> Learnt:
    return learn(measured)


@pytest.fixture(scope="module")
def worths(learnt: Learnt) -> list[PlayWorth]:
    return worth_of_plays(learnt)


@pytest.fixture(scope="module")
def outlook(learnt: Learnt, worths: list[PlayWorth], measured: dict[str, Measured]) -> dict[str, Any]:
    found = outlook_document(learnt, worths, [worths[0].play], {}, measured, reinvestment(learnt))
    assert found is not None
    return found


def line(outlook: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in outlook["lines"] if one["name"] == name)
    return found


def test_the_outlook_fits_the_contract(outlook: dict[str, Any]) -> None:
    found = {**schema()["$defs"]["outlook"], "$defs": schema()["$defs"]}
    jsonschema.validate(json.loads(json.dumps(outlook)), found)


def test_months_of_one_play_add_up_to_its_worth(outlook: dict[str, Any], worths: list[PlayWorth]) -> None:
    """Medians of months do not add up; but they lie about where the mean of the draws does."""
    cash = line(outlook, "net_cash")
    more = np.array(cash["with_plays"]["median"]) - np.array(cash["as_it_goes_on"]["median"])
    assert len(more) == MONTHS
    assert more.sum() == pytest.approx(worths[0].mean, rel=0.1)
    assert more[0] < 0 < more[-1]
    for one in outlook["lines"]:
        band = one["with_plays"]
        assert (np.array(band["low"]) <= band["median"]).all()
        assert (np.array(band["median"]) <= band["high"]).all()


def test_the_scatter_of_months_is_that_of_the_facts(measured: dict[str, Measured]) -> None:
    result = measured["operations.kept_visits"].result
    assert result is not None
    values = np.array(result.monthly.value)[-MONTHS:]
    at = np.arange(MONTHS)
    slope, level = np.polyfit(at, values, 1)
    expected = 1.6449 * np.sqrt(((values - level - slope * at) ** 2).sum() / (MONTHS - 2))
    assert scatter("kept_visits", measured) == pytest.approx(expected, abs=0.01)
    assert scatter("active_patients", measured) is None
    assert scatter("net_cash", {}) is None


def test_a_bar_is_the_worth_of_the_play_with_that_effect_alone_at_its_end(
    learnt: Learnt, worths: list[PlayWorth]
) -> None:
    found = hangs_on(learnt, worths[0], {})
    assert learnt.model is not None
    assert learnt.present is not None
    guess = play_guesses()[worths[0].play]
    moves, drawn = moves_of(guess, learnt.model.present, {}, priced=True)
    bar = next(row for row in found["bars"] if row["figure"] == "effect 1")
    strengths = {name: draws.mean() for name, draws in learnt.draws.items()}
    low = float(np.quantile(drawn[0], 0.05))
    sizes = {i: float(draws.mean()) for i, draws in enumerate(drawn, 1)} | {1: low}
    changed = practice_model(learnt.present.practice, model_scales(), model_links(), moves=moves)
    worth = move_worth(learnt.model, changed, strengths, sizes).mean * learnt.present.places
    assert float(bar["at_low"]["amount"]) == pytest.approx(worth, abs=0.01)
    widths = [abs(float(row["at_high"]["amount"]) - float(row["at_low"]["amount"])) for row in found["bars"]]
    assert widths == sorted(widths, reverse=True)


def test_shares_of_the_next_unit_are_its_marginal_values(outlook: dict[str, Any], learnt: Learnt) -> None:
    assert {one["horizon"]: one["months"] for one in outlook["reinvestment"]} == HORIZONS
    for one in outlook["reinvestment"]:
        positive = sum(max(row["value"], 0) for row in one["rows"])
        for row in one["rows"]:
            assert row["share"] == pytest.approx(max(row["value"], 0) / positive)
    # Half a year by brute force: a little more of free cash into staff, over the money that it is.
    now = learnt.present
    assert now is not None
    assert learnt.model is not None
    quick = next(one for one in outlook["reinvestment"] if one["horizon"] == "quick")
    row = next(row for row in quick["rows"] if row["into"] == "staff")
    strengths = {name: draws[:DRAWS] for name, draws in learnt.draws.items()}
    ends = [
        forecast(practice_model(now.practice, model_scales(), model_links(), policy=Policy(staff=share), months=6), strengths).net_cash
        for share in (-1e-4, 1e-4)
    ]  # fmt: skip
    money = 6 * learnt.model.now.free
    assert row["value"] == pytest.approx(1 + float((ends[1] - ends[0]).mean()) / 2e-4 / money, rel=1e-4)


def test_loops_share_all_push(learnt: Learnt) -> None:
    found, why = loops_document(learnt)
    assert found is not None
    assert why == ""
    shares = np.array([group["share"] for group in found["groups"]])
    assert shares.shape[1] == MONTHS
    assert (np.abs(shares).sum(axis=0) <= 1 + 1e-9).all()
    driving = np.array(found["driving"])
    assert ((driving >= -1e-9) & (driving <= 1 + 1e-9)).all()
    assert (np.maximum(shares, 0).sum(axis=0) <= driving + 1e-9).all()


def test_without_an_arrow_of_its_own_no_loop_is_said_to_drive(learnt: Learnt) -> None:
    guessed = {name: replace(e, identified=False) for name, e in learnt.estimates.items()}
    found, why = loops_document(replace(learnt, estimates=guessed))
    assert found is None
    assert "guess" in why


def test_without_money_there_is_no_outlook_and_no_picture(learnt: Learnt) -> None:
    blind = replace(learnt, present=None, model=None)
    assert outlook_document(blind, [], [], {}, {}, []) is None
    assert (pictures.fans(None), pictures.hangs(None), pictures.splits(None), pictures.loops(None)) == (
        [],
        None,
        [],
        None,
    )


def numbers(path: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", path)]


def test_every_mark_lies_on_its_paper(outlook: dict[str, Any]) -> None:
    charts = pictures.fans(outlook)
    assert len(charts) == 3
    for chart in charts:
        for path in (chart["band"], chart["base"], chart["median"]):
            places = np.array(numbers(path)).reshape(-1, 2)
            assert ((places >= 0) & (places <= [pictures.WIDTH, pictures.HEIGHT])).all()
        assert 3 <= len(chart["ticks"]) <= 6
        assert len(chart["rows"]) == 3
    hangs = pictures.hangs(outlook)
    assert hangs is not None
    assert all(0 <= bar[end] <= pictures.BAR for bar in hangs["bars"] for end in ("x_low", "x_high"))
    loops = pictures.loops(outlook)
    assert loops is not None
    assert len(loops["rows"]) == len(loops["charts"]) <= 4
    for split in pictures.splits(outlook):
        assert all(0 <= row[x] <= pictures.BAR for row in split["rows"] for x in ("x", "x_low", "x_high"))


def test_a_practice_without_a_set_of_plays_has_no_fan(outlook: dict[str, Any]) -> None:
    none = {**outlook, "plays": [], "lines": [{**one, "with_plays": None} for one in outlook["lines"]]}
    assert pictures.fans(none) == []


def test_ticks_are_round_and_lines_keep_their_gaps() -> None:
    scale = pictures.Scale([0.0, 97.0], 10)
    assert scale.ticks() == [0, 20, 40, 60, 80, 100]
    assert scale.path([1.0, None, 2.0, 3.0]).count("M") == 2
    assert scale.band([None, None], [None, 1.0]) == ""
    flat = pictures.Scale([5.0, 5.0], 3)
    assert flat.low < 5 < flat.high


# Before and after.


def worked(folder: Path, effect: float, first: int = 24) -> tuple[Plan, Any]:
    """Reminders at three of nine places from January 2025 on, and what they did, judged a year later."""
    space = Workspace(folder / "space")
    space.root.mkdir(parents=True)
    before = rates()
    propose(looked(space.root, before, BEFORE), reminders(), BEFORE)
    name = "Q2-2025-01"
    accept(space, name, "lead", BEFORE, BEFORE, {})
    start(space, name, BEFORE, BEFORE, {})
    values = rates()
    values[:3, first:] -= effect
    judgement = verify(looked(space.root, values, AFTER), name, AFTER)
    assert judgement.plan is not None
    return judgement.plan, result_of(values, AFTER)


def test_the_gap_in_the_picture_is_the_effect_of_the_verdict(tmp_path: Path) -> None:
    plan, result = worked(tmp_path, 0.04)
    found, why = before_after(plan, result)
    assert found is not None, why
    assert plan.verdict is not None
    after = [row for row in found["months"] if row["month"] >= "2025-01"]
    assert (len(after), len(found["months"])) == (12, 36)
    assert all(row["without"] is None for row in found["months"] if row["month"] < "2025-01")
    gap = np.mean([row["actual"] - row["without"] for row in after])
    effect = plan.verdict["effect"]
    assert effect["low"] < gap < effect["high"]
    assert gap == pytest.approx(-0.04, abs=0.012)
    assert all(row["low"] < row["without"] < row["high"] for row in after)
    # What is drawn before the start is the plain mean of the places.
    plain = np.mean([np.asarray(result.by_location_month[f"loc{i}"].value)[0] for i in (1, 2, 3)])
    assert found["months"][0]["actual"] == pytest.approx(plain)
    document = {**plan_document(plan, AFTER), "before_after": found, "why_no_before_after": why}
    jsonschema.validate(
        json.loads(json.dumps(document)), {**schema()["$defs"]["plan"], "$defs": schema()["$defs"]}
    )
    picture = pictures.before_after(document, {"loc1": "Lakeside"})
    assert picture is not None
    assert "Lakeside" in picture["sub"]
    assert len(picture["rows"]) == 12


def test_places_alone_are_drawn_against_their_own_past(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    space.root.mkdir()
    one = rates()[:1]
    seen = looked(space.root, one, BEFORE, places=["loc1"])
    propose(seen, reminders("loc1"), BEFORE)
    accept(space, "Q2-2025-01", "lead", BEFORE, BEFORE, {})
    start(space, "Q2-2025-01", BEFORE, BEFORE, {})
    after = one.copy()
    after[:, 24:] -= 0.05
    judgement = verify(looked(space.root, after, AFTER, places=["loc1"]), "Q2-2025-01", AFTER)
    assert judgement.plan is not None
    found, why = before_after(judgement.plan, result_of(after, AFTER, ["loc1"]))
    assert found is not None, why
    assert judgement.plan.verdict is not None
    gap = np.mean([row["actual"] - row["without"] for row in found["months"] if row["without"] is not None])
    assert gap == pytest.approx(judgement.plan.verdict["effect"]["value"], abs=0.005)


def test_what_has_no_picture_says_why(tmp_path: Path) -> None:
    plan, result = worked(tmp_path, 0.04)
    assert plan.verdict is not None
    assert before_after(replace(plan, verdict=None), result) == (None, "")
    refused = {**plan.verdict, "effect": None}
    assert "cannot be told" in before_after(replace(plan, verdict=refused), result)[1]
    other = {**plan.verdict, "method": "synthetic_did"}
    assert "judges the average" in before_after(replace(plan, verdict=other), result)[1]
    assert "no month with data" in before_after(plan, None)[1]
    assert plan.terms.judged_by.measure == MEASURE


def test_one_play_in_the_model_is_the_same_as_its_moves(learnt: Learnt) -> None:
    """The outlook's run of a play with half of the places having it already is half of the play, to first order."""
    assert learnt.present is not None
    whole = worth_of_plays(learnt)[0]
    half = next(
        w for w in worth_of_plays(learnt, has_it={whole.play: frozenset(["loc1"])}) if w.play == whole.play
    )
    assert half.mean == pytest.approx(whole.mean / 2)
    assert (half.places, half.has_it, half.price) == (1, ("loc1",), whole.price / 2)
    assert half.where == "Counted at 1 of 2 places: loc1 has it already"
    assert whole.play not in {
        w.play for w in worth_of_plays(learnt, has_it={whole.play: frozenset(["loc1", "loc2"])})
    }
