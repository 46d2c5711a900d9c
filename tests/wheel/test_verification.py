"""Verdicts on plans and on changes that nobody planned, on series whose effect was put in by hand, and what they do to belief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.wheel.made_plans import AFTER, BEFORE, MEASURE, PLACES, START, looked, rates, reminders

from carewheel.catalog.play_guesses import play_guesses
from carewheel.journeys.look_at_the_wheel import Looked
from carewheel.journeys.work_a_plan import Judgement, accept, propose, start, stop, verify
from carewheel.wheel.plans import Ledger, Plan, PlanRefused
from carewheel.wheel.verification import Change, beliefs, standing

NAME = "Q2-2025-01"
TREATED = ("loc1", "loc2", "loc3")
# A third fewer, from the first day on.
RATIO = 0.66


def changed(ratio: float = RATIO, at: Sequence[str] = TREATED, seed: int = 3) -> NDArray[np.float64]:
    values = rates(seed)
    values[[PLACES.index(place) for place in at], 24:] *= ratio
    return values


def own_changes(places: Sequence[str] = TREATED, play: str = "Q2", month: date = START) -> list[Change]:
    return [Change(f"{place}-c", play, "reminders", place, month) for place in places]


def running(folder: Path, today: date = BEFORE) -> Plan:
    """A plan that was proposed, accepted and started by the end of 2024."""
    propose(looked(folder, rates(), BEFORE), reminders(), today)
    accept(looked(folder, rates(), BEFORE).workspace, NAME, "lead", BEFORE, today, {})
    return start(looked(folder, rates(), BEFORE).workspace, NAME, BEFORE, today, {})


def judged(folder: Path, values: NDArray[np.float64], changes: Sequence[Change] = ()) -> Judgement:
    return verify(looked(folder, values, AFTER, changes), NAME, AFTER)


def test_an_effect_that_was_put_in_is_found_and_becomes_belief(tmp_path: Path) -> None:
    plan = running(tmp_path)
    found = judged(tmp_path, changed(), own_changes())
    verdict = found.verdict
    # The mean loss over the cells that the play touched, exactly.
    true = float((changed() - rates())[:3, 24:].mean())
    assert verdict["conclusion"] == "changed"
    assert verdict["effect"]["low"] < true < verdict["effect"]["high"]
    assert verdict["fingerprint"] == plan.terms.fingerprint
    assert verdict["registered"]
    assert verdict["size"]["kind"] == "ratio"
    assert verdict["size"]["low"] < RATIO < verdict["size"]["high"]
    assert found.plan is not None
    assert found.plan.verdict == verdict
    assert found.before is not None
    assert found.after is not None
    assert found.after.sd < found.before.sd
    assert Ledger(looked(tmp_path, rates(), AFTER).workspace).plan(NAME).judged_on == AFTER


def test_the_size_is_what_is_there_over_what_would_have_been(tmp_path: Path) -> None:
    running(tmp_path)
    verdict = judged(tmp_path, changed()).verdict
    there = float(changed()[:3, 24:].mean())
    e, months = verdict["effect"]["value"], np.arange(1, 13)
    # Guessed to grow over two months: half of it in the first of twelve.
    share = float(np.minimum(months / 2, 1).mean())
    assert verdict["size"]["value"] == pytest.approx(1 + e / (there - e) / share)


def test_where_nothing_happened_nothing_is_claimed(tmp_path: Path) -> None:
    running(tmp_path)
    found = judged(tmp_path, rates())
    assert found.verdict["conclusion"] == "not_seen"
    # Belief moves towards no effect: a ratio of 1.
    assert found.after is not None
    assert found.after.mean > 0.8


def test_too_early_is_said_and_not_kept(tmp_path: Path) -> None:
    running(tmp_path)
    for day, months in ((date(2025, 6, 30), 6), (date(2025, 1, 31), 11), (date(2024, 12, 31), 12)):
        found = verify(looked(tmp_path, changed(), day), NAME, AFTER)
        assert found.verdict["refusal"]["code"] in ("too-early", "start-outside")
        assert not found.kept
        if found.verdict["refusal"]["code"] == "too-early":
            assert f"wait {months} more" in found.verdict["refusal"]["remedy"]
    assert Ledger(looked(tmp_path, rates(), AFTER).workspace).plan(NAME).verdict is None


def test_another_change_at_the_same_place_is_a_refusal_that_is_kept_and_moves_nothing(tmp_path: Path) -> None:
    running(tmp_path)
    other = Change("x", "M2", "scribes", "loc2", date(2025, 3, 1))
    found = judged(tmp_path, changed(), [*own_changes(), other])
    assert found.verdict["refusal"]["code"] == "confounded"
    assert found.kept
    assert found.after == found.before
    # One that is said to have happened everywhere happened at these places too.
    everywhere = judged(tmp_path, changed(), [replace(other, location_id="")])
    assert everywhere.verdict["refusal"]["code"] == "confounded"


def test_a_place_beside_it_to_which_something_happened_is_left_out(tmp_path: Path) -> None:
    running(tmp_path)
    found = judged(
        tmp_path, changed(), [*own_changes(), Change("x", "M2", "scribes", "loc7", date(2025, 3, 1))]
    )
    assert found.verdict["left_out"] == ["loc7"]
    assert found.verdict["conclusion"] == "changed"


def test_another_plan_at_the_same_place_confounds(tmp_path: Path) -> None:
    running(tmp_path)
    seen = looked(tmp_path, rates(), BEFORE)
    other = propose(seen, replace(reminders("loc2"), play="M1"), BEFORE)
    accept(seen.workspace, other.id, "lead", BEFORE, BEFORE, {})
    assert judged(tmp_path, changed()).verdict["conclusion"] == "changed"
    start(seen.workspace, other.id, BEFORE, BEFORE, {})
    assert judged(tmp_path, changed()).verdict["refusal"]["code"] == "confounded"


def test_a_plan_that_never_started_or_was_stopped_early_cannot_be_judged(tmp_path: Path) -> None:
    seen = looked(tmp_path, rates(), BEFORE)
    propose(seen, reminders(), BEFORE)
    with pytest.raises(PlanRefused, match="cannot be verified"):
        judged(tmp_path, changed())
    accept(seen.workspace, NAME, "lead", BEFORE, BEFORE, {})
    start(seen.workspace, NAME, BEFORE, BEFORE, {})
    stop(seen.workspace, NAME, date(2025, 5, 1), date(2025, 5, 1), {})
    with pytest.raises(PlanRefused, match="before its end"):
        judged(tmp_path, changed())


def test_the_measure_of_a_plan_cannot_be_chosen_by_its_answer(tmp_path: Path) -> None:
    running(tmp_path)
    with pytest.raises(PlanRefused) as found:
        verify(looked(tmp_path, changed(), AFTER), NAME, AFTER, "experience.nps")
    assert found.value.code == "plan.frozen"


def test_a_verdict_that_is_asked_for_twice_is_kept_once(tmp_path: Path) -> None:
    running(tmp_path)
    first = judged(tmp_path, changed())
    again = judged(tmp_path, changed())
    assert first.verdict == again.verdict
    assert again.after == first.after
    assert [step.kind for step in Ledger(looked(tmp_path, rates(), AFTER).workspace).steps(NAME)].count(
        "verified"
    ) == 1


def test_a_back_dated_plan_tells_less(tmp_path: Path) -> None:
    running(tmp_path / "before")
    running(tmp_path / "afterwards", today=AFTER)
    honest, late = (judged(tmp_path / name, changed()) for name in ("before", "afterwards"))
    assert (honest.verdict["registered"], late.verdict["registered"]) == (True, False)
    steps = ["strong", "moderate", "weak"]
    assert steps.index(late.verdict["quality"]) == min(steps.index(honest.verdict["quality"]) + 1, 2)
    assert honest.after is not None
    assert late.after is not None
    assert late.after.prior_weight > honest.after.prior_weight


def unplanned(folder: Path, values: NDArray[np.float64], changes: Sequence[Change], **more: Any) -> Judgement:
    return verify(looked(folder, values, AFTER, changes, **more), changes[0].change_id, AFTER)


def test_a_change_that_nobody_planned_is_judged_and_counts_for_less(tmp_path: Path) -> None:
    running(tmp_path / "planned")
    planned = judged(tmp_path / "planned", changed(), own_changes())
    found = unplanned(tmp_path / "not", changed(), own_changes())
    true = float((changed() - rates())[:3, 24:].mean())
    assert found.plan is None
    assert found.verdict["conclusion"] == "changed"
    assert found.verdict["effect"]["low"] < true < found.verdict["effect"]["high"]
    assert not found.verdict["registered"]
    assert found.verdict["places"] == dict.fromkeys(TREATED, "2025-01")
    assert found.after is not None
    assert planned.after is not None
    assert found.after.prior_weight > planned.after.prior_weight
    # It stands in the workspace, and is found there by the next turn.
    now = standing(looked(tmp_path / "not", rates(), AFTER).ledger, PLACES, AFTER)
    assert now.sizes[("Q2", MEASURE)] == (found.after.mean, found.after.sd)


def test_a_change_can_be_named_by_its_id_its_play_or_its_title(tmp_path: Path) -> None:
    seen = looked(tmp_path, changed(), AFTER, own_changes())
    by = [verify(seen, name, AFTER).verdict["effect"] for name in ("loc2-c", "Q2", "reminders")]
    assert by[0] == by[1] == by[2]
    assert len(seen.ledger.judged()) == 1


def test_a_change_that_is_a_plan_is_judged_by_the_plan(tmp_path: Path) -> None:
    running(tmp_path)
    with pytest.raises(PlanRefused, match=f"is plan {NAME}"):
        unplanned(tmp_path, changed(), own_changes())
    with pytest.raises(PlanRefused, match="no change 'moon'"):
        verify(looked(tmp_path, changed(), AFTER, own_changes()), "moon", AFTER)


def test_what_is_none_of_the_catalogs_plays_needs_a_measure_and_moves_no_belief(tmp_path: Path) -> None:
    seen = looked(tmp_path, changed(), AFTER, own_changes(play=""))
    with pytest.raises(PlanRefused, match="none of the catalog's plays"):
        verify(seen, "reminders", AFTER)
    found = verify(seen, "reminders", AFTER, MEASURE)
    assert (found.verdict["conclusion"], found.verdict["size"], found.after) == ("changed", None, None)


def test_a_change_everywhere_has_nothing_to_be_held_against_and_is_never_strong(tmp_path: Path) -> None:
    found = unplanned(tmp_path, changed(at=PLACES), [Change("all", "Q2", "reminders", "", START)])
    assert found.verdict["method"] == "interrupted"
    assert found.verdict["quality"] in ("weak", "refused")


def test_one_place_alone_is_judged_by_itself(tmp_path: Path) -> None:
    one = changed(at=("loc1",))[:1]
    change = [Change("c", "Q2", "reminders", "", START)]
    found = verify(looked(tmp_path, one, AFTER, change, places=("",)), "c", AFTER)
    assert found.verdict["method"] == "interrupted"
    assert found.verdict["quality"] in ("moderate", "weak", "refused")


@pytest.mark.parametrize("what", ["absurd", "missing", "flat", "short"])
def test_poor_data_are_a_refusal_never_a_number(tmp_path: Path, what: str) -> None:
    values = changed()
    if what == "absurd":
        values[0, 30] = 1e6
    elif what == "missing":
        values[:3, 24:] = np.nan
    elif what == "flat":
        values[:] = 0.1
    else:
        values[:, :21] = np.nan
    running(tmp_path / "planned")
    answers = [judged(tmp_path / "planned", values)]
    if what == "missing":
        with pytest.raises(PlanRefused, match="is not measured where"):
            unplanned(tmp_path / "not", values, own_changes())
    else:
        answers.append(unplanned(tmp_path / "not", values, own_changes()))
    for found in answers:
        assert found.verdict["effect"] is None
        assert found.verdict["size"] is None
        assert found.verdict["quality"] == "refused"
        assert found.verdict["refusal"]["remedy"]


def test_a_place_without_the_measure_is_named_as_left_out(tmp_path: Path) -> None:
    values = changed()
    values[2, 24:] = np.nan
    found = unplanned(tmp_path, values, own_changes())
    assert found.verdict["left_out"] == ["loc3"]
    assert set(found.verdict["places"]) == {"loc1", "loc2"}
    assert found.verdict["conclusion"] == "changed"


def row(
    quality: str, value: float, sd: float, kind: str = "ratio", play: str = "Q2", as_of: str = "2025-12-31"
) -> dict[str, Any]:
    size = {"kind": kind, "value": value, "low": value - sd, "high": value + sd, "sd": sd}
    return {
        "play": play,
        "measure": MEASURE,
        "quality": quality,
        "size": size,
        "as_of": as_of,
        "fingerprint": value,
    }


def test_verdicts_add_up_by_their_precision() -> None:
    guess = play_guesses()["Q2"].moves[0]
    found = beliefs([row("strong", 0.8, 0.09), row("moderate", 0.9, 0.09)])[("Q2", MEASURE)]
    # Precisions in units of 1 / .09²: the guess 1, a strong verdict 1, a moderate one a half.
    assert found.mean == pytest.approx((guess.mean + 0.8 + 0.5 * 0.9) / 2.5)
    assert found.sd == pytest.approx(0.09 / np.sqrt(2.5))
    assert found.prior_weight == pytest.approx(1 / 2.5)


def test_a_refusal_or_a_verdict_in_another_unit_moves_nothing() -> None:
    refused = {**row("refused", 0.8, 0.1), "size": None}
    assert (
        beliefs(
            [refused, row("strong", -0.02, 0.01, kind="difference"), row("strong", 1.0, 0.1, play="gone")]
        )
        == {}
    )


def test_plans_of_other_places_do_not_count_here(tmp_path: Path) -> None:
    running(tmp_path)
    judged(tmp_path, changed())
    ledger = looked(tmp_path, rates(), AFTER).ledger
    assert standing(ledger, ("elsewhere",), AFTER).beliefs == {}
    assert standing(ledger, PLACES, BEFORE).beliefs == {}
    assert len(standing(ledger, PLACES, AFTER).plans) == 1


def test_a_look_knows_no_more_than_its_day(tmp_path: Path) -> None:
    seen: Looked = looked(tmp_path, rates(), BEFORE, own_changes())
    assert seen.changes == ()
