"""Did it work? The verdict on a plan, or on a change that nobody had planned, and what is thought of the play from then on."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np

from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.science.causal import (
    Belief,
    CannotTell,
    Effect,
    Panel,
    Quality,
    Refusal,
    Verdict,
    planned,
    updated,
    verdict,
)
from carewheel.science.causal import Plan as CausalPlan
from carewheel.warehouse.measures import MeasureResult
from carewheel.wheel.plans.ledger import Ledger
from carewheel.wheel.plans.months import known_month, month_after, months_between
from carewheel.wheel.plans.outcomes import Outcomes, comparable, outcomes
from carewheel.wheel.plans.plan import Plan
from carewheel.wheel.plans.proposing import checked_measure, guessed, measure_of
from carewheel.wheel.plans.refusals import PlanRefused
from carewheel.wheel.plans.showing import signed

# A change on record within a month of a plan's start, with the same play at the same place, is the plan itself.
SAME_START = 1
# A verdict without a plan made before keeps one step less of its quality: the question was asked when the answer could be seen.
WEAKER: Mapping[Quality, Quality] = {
    "strong": "moderate", "moderate": "weak", "weak": "weak", "refused": "refused",
}  # fmt: skip
# Refusals that pass by themselves: they are said, and not kept.
NOT_YET = ("too-early", "start-outside", "nothing-after")


@dataclass(frozen=True, slots=True)
class Change:
    """A `change` on record. ``play`` and ``location_id`` may be "": none of the catalog's, everywhere."""

    change_id: str
    play: str
    title: str
    location_id: str
    month: date

    @property
    def what(self) -> str:
        return self.play or self.title


def changes_on_record(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[Change]:
    """The changes that had begun at the end of ``as_of``, in the order of their start."""
    rows = connection.execute(
        "SELECT change_id, play, title, location_id, starts_date FROM change WHERE starts_date <= ? ORDER BY starts_date, change_id",
        [as_of],
    ).fetchall()
    return [
        Change(number or "", play or "", title or "", place or "", starts.replace(day=1))
        for number, play, title, place, starts in rows
    ]


def judge_plan(
    plan: Plan, result: MeasureResult, changes: Sequence[Change], plans: Sequence[Plan], as_of: date
) -> dict[str, Any]:
    """The verdict on a plan, as it is kept. ``result``: the plan's measure at ``as_of``; ``plans``: all of the workspace.

    Poor data are a verdict too (refused). Raises `PlanRefused` (``plan.stopped-early``) for a plan that was stopped before its end.
    """
    terms = plan.terms
    if plan.state == "stopped" and plan.ended_on is not None and plan.ended_on < terms.ends_on:
        raise PlanRefused(
            "plan.stopped-early",
            f"Plan {plan.id} was stopped on {plan.ended_on}, before its end on {terms.ends_on}.",
            "What it did cannot be judged as planned.",
        )
    own = set(terms.places)
    others = [
        change
        for change in changes
        if not (
            change.play == terms.play
            and change.location_id in own
            and abs(months_between(terms.places[change.location_id], change.month)) <= SAME_START
        )
    ]
    others += _of_plans([other for other in plans if other.id != plan.id])
    last = min(known_month(as_of), month_after(terms.last_start, terms.judged_by.months_after - 1))
    series = outcomes(result, terms.units, terms.first_month, last)
    found = _judged(terms.judged_by, series, others)
    return _document(terms.play, found, terms.judged_by, series, plan.registered, as_of, terms.units)


def judge_change(
    name: str, changes: Sequence[Change], plans: Sequence[Plan], result: MeasureResult, as_of: date
) -> dict[str, Any]:
    """The verdict on changes that nobody had planned: all with the play, title or id ``name``, judged by ``result``.

    The method is the one that a plan would have had; 12 months after the last start, or as many as there are. Raises
    `PlanRefused`: ``plan.change`` (none of that name, or it names no place).
    """
    mine = named(name, changes)
    starts: dict[str, date] = {}
    for change in mine:
        starts.setdefault(change.location_id, change.month)
    now = known_month(as_of)
    whole = comparable(result, now)
    if "" in starts and len(whole.units) > 1:
        # Something that was done everywhere is judged place by place, and there is none to compare with.
        starts = {unit: starts.get(unit, starts[""]) for unit in whole.units}
    silent = sorted(place for place in set(starts) - set(whole.units) if place)
    starts = {place: month for place, month in starts.items() if place in whole.units}
    play, card = mine[0].play, measures()[result.id]
    if not starts:
        raise PlanRefused(
            "plan.change",
            f"{card.title} is not measured where {name!r} took place.",
            "Name another --measure.",
        )
    begins = tuple(
        float(months_between(whole.first_month, starts[unit])) if unit in starts else math.inf
        for unit in whole.units
    )
    last = max(starts.values())
    after = min(12, months_between(last, now) + 1)
    ramp = max(round(play_guesses()[play].ramp_months), 1) if play in play_guesses() else 1
    others = [change for change in changes if change not in mine] + _of_plans(plans)
    asked = CausalPlan(card.id, card.unit, "interrupted", begins, 0, max(after, 1), math.nan, ramp=ramp)
    try:
        whole_panel = Panel.of(whole.values, begins, variances=whole.variances)
        before = whole_panel.until(min(whole_panel.cohorts()))
        asked = planned(before, begins, after, measure=card.id, unit=card.unit, ramp=ramp)
    except CannotTell as reason:
        found = Verdict(
            "refused",
            "refused",
            None,
            Refusal(reason.code, reason.data, reason.remedy),
            (),
            (),
            asked.fingerprint,
        )
    else:
        found = _judged(asked, whole, others)
    document = _document(play, found, asked, whole, False, as_of, whole.units)
    return {
        **document,
        "places": {place: f"{start:%Y-%m}" for place, start in sorted(starts.items())},
        "what": mine[0].what,
        "left_out": [*document["left_out"], *silent],
    }


def named(name: str, changes: Sequence[Change]) -> list[Change]:
    """The changes with this play or title, or those that are the same as the one with this id. Raises `PlanRefused`."""
    whats = {
        change.what for change in changes if name and name in (change.change_id, change.play, change.title)
    }
    found = [change for change in changes if change.what in whats]
    if not found:
        known = ", ".join(dict.fromkeys(change.what for change in changes)) or "none"
        raise PlanRefused(
            "plan.change", f"There is no plan and no change {name!r}.", f"Changes on record: {known}."
        )
    return found


def check_unplanned(name: str, changes: Sequence[Change], plans: Sequence[Plan]) -> None:
    """Raises `PlanRefused` (``plan.change``) where a plan that started is the change: it is judged by its own terms."""
    mine = {(change.play, change.location_id) for change in named(name, changes)}
    for plan in plans:
        if plan.started_on is not None and mine & {(plan.terms.play, place) for place in plan.terms.places}:
            raise PlanRefused(
                "plan.change",
                f"The change {name!r} is plan {plan.id}.",
                f"Verify the plan: carewheel wheel verify {plan.id}",
            )


def measure_of_change(name: str, changes: Sequence[Change], measure: str = "") -> str:
    """The id of the measure that a change is judged by. Raises `PlanRefused`: ``plan.change``, ``plan.measure``."""
    play = named(name, changes)[0].play
    if play in play_guesses():
        return measure_of(play, measure).id
    if not measure:
        raise PlanRefused(
            "plan.measure",
            f"The change {name!r} is none of the catalog's plays.",
            "Say what it was to move with --measure.",
        )
    return checked_measure(measure).id


@dataclass(frozen=True)
class Standing:
    """The plans of a practice at one day, and what is thought of plays after all ``verdicts`` until then, in their order.

    ``beliefs``: by (play, measure), in the unit of the guess; only what a verdict has moved is there.
    """

    plans: tuple[Plan, ...]
    verdicts: tuple[Mapping[str, Any], ...]
    beliefs: Mapping[tuple[str, str], Belief]

    @property
    def sizes(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Mean and sd of the believed effects, as the roadmap takes them."""
        return {key: (belief.mean, belief.sd) for key, belief in self.beliefs.items()}

    @property
    def sources(self) -> dict[str, str]:
        """By play what its believed effect rests on, in words: the last verdict that moved it, and how much is still the guess."""
        found: dict[str, str] = {}
        for (play, measure), belief in self.beliefs.items():
            rows = [
                row
                for row in self.verdicts
                if (row["play"], row["measure"]) == (play, measure) and row["size"]
            ]
            last = rows[-1]
            ratio = last["size"]["kind"] == "ratio"
            unit = measures()[measure].unit
            half = 1.645 * belief.sd
            ends = [
                f"× {x:.2f}" if ratio else signed(x, unit)
                for x in (belief.mean, belief.mean - half, belief.mean + half)
            ]
            times = f"{len(rows)} verdicts here, the last" if len(rows) > 1 else "verdict here"
            words = (
                f"{times} on {last['as_of']} ({last['quality']} evidence): {measures()[measure].title.lower()} {ends[0]} ({ends[1]} to {ends[2]}); "
                f"{belief.prior_weight:.0%} of it is still the guess"
            )
            found[play] = f"{found[play]}; {words}" if play in found else words
        return found


def standing(ledger: Ledger, places: Collection[str], as_of: date) -> Standing:
    """The plans at ``places`` and the verdicts there, as they stood at the end of ``as_of``. Raises `PlanRefused` for a damaged file."""
    plans = tuple(plan for plan in ledger.plans(as_of) if set(plan.terms.places) <= set(places))
    judged = [
        step.content for step in ledger.judged(as_of).values() if set(step.content["places"]) <= set(places)
    ]
    verdicts = tuple(verdicts_of(plans, judged))
    return Standing(plans, verdicts, beliefs(verdicts))


def beliefs(verdicts: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Belief]:
    """What is thought of plays after ``verdicts``, in the order given; a refusal moves nothing."""
    found: dict[tuple[str, str], Belief] = {}
    for row in verdicts:
        size, key = row["size"], (row["play"], row["measure"])
        guess = guessed(*key) if row["play"] in play_guesses() else None
        if size is None or guess is None or size["kind"] != guess.kind:
            continue
        effect = Effect(size["value"], size["low"], size["high"], size["sd"])
        found[key] = updated(found.get(key, Belief(guess.mean, guess.sd)), effect, row["quality"])
    return found


def verdicts_of(plans: Sequence[Plan], judged: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All verdicts by the day on which they were given. A change that was planned counts once: by its plan."""
    mine = [plan for plan in plans if plan.verdict is not None]
    by_plan = {(plan.terms.play, place) for plan in mine for place in plan.terms.places}
    rows = [plan.verdict for plan in mine if plan.verdict is not None]
    rows += [row for row in judged if not {(row["play"], place) for place in row["places"]} & by_plan]
    return sorted(rows, key=lambda row: (row["as_of"], row["play"], row["fingerprint"]))


def _judged(asked: CausalPlan, series: Outcomes, others: Sequence[Change]) -> Verdict:
    """The verdict, with what else is known to have happened; what cannot even be put into a panel is refused."""
    known = []
    for change in others:
        month = series.number_of(change.month)
        for unit, place in enumerate(series.units):
            if change.location_id in ("", place) and 0 <= month < series.months:
                known.append((unit, month))
    try:
        panel = Panel.of(series.values, asked.starts, variances=series.variances, other_changes=known)
    except CannotTell as reason:
        return Verdict(
            "refused",
            "refused",
            None,
            Refusal(reason.code, reason.data, reason.remedy),
            (),
            (),
            asked.fingerprint,
        )
    return verdict(asked, panel)


def _of_plans(plans: Sequence[Plan]) -> list[Change]:
    """Plans that started, as what else happened."""
    return [
        Change(plan.id, plan.terms.play, "", place, month)
        for plan in plans
        if plan.started_on is not None
        for place, month in plan.terms.places.items()
    ]


def _document(
    play: str,
    found: Verdict,
    asked: CausalPlan,
    series: Outcomes,
    registered: bool,
    as_of: date,
    units: Sequence[str],
) -> dict[str, Any]:
    """A verdict as it is kept and as `wheel.json` shows it. Intervals are those of the plan's chance of a false alarm."""
    quality = found.quality if registered else WEAKER[found.quality]
    effect = found.effect
    return {
        "play": play,
        "measure": asked.measure,
        "unit": asked.unit,
        "as_of": as_of.isoformat(),
        "registered": registered,
        "method": asked.method,
        "months_after": asked.months_after,
        "smallest_effect": asked.smallest_effect if math.isfinite(asked.smallest_effect) else None,
        "fingerprint": asked.fingerprint,
        "conclusion": found.conclusion,
        "quality": quality,
        "effect": None if effect is None else {**effect._asdict(), "level": 1 - asked.alpha},
        "size": None if effect is None else _size(play, effect, asked, series),
        "refusal": None
        if found.refusal is None
        else asdict(replace(found.refusal, data=dict(found.refusal.data))),
        "checks": [asdict(check) for check in found.checks],
        "second": [{"method": method, **other._asdict()} for method, other in found.second],
        "left_out": [units[unit] for unit in found.left_out],
    }


def _size(play: str, effect: Effect, asked: CausalPlan, series: Outcomes) -> dict[str, Any] | None:
    """The whole effect in the unit of the play's guess; None where none is guessed.

    The average over the months is divided by the share of the effect that a play which grows over ``ramp`` months has had in
    them. A ratio is what is there over what would have been: e = m (1 - 1 / r) for an observed mean m; its sd by the delta method.
    """
    guess = guessed(play, asked.measure) if play in play_guesses() else None
    if guess is None or not effect.sd > 0:
        return None
    months, starts = np.arange(series.months)[None, :], np.array(asked.starts)
    since = months - starts[:, None]
    end = starts[np.isfinite(starts)].max() + asked.months_after
    seen = (since >= 0) & (months < end) & np.isfinite(series.values)
    if not seen.any():
        return None
    grown = np.minimum((since[seen] + 1) / max(asked.ramp or 1, 1), 1.0)
    share = float(grown.mean())
    if guess.kind == "difference":
        whole = effect.scaled(1 / share)
        return {"kind": "difference", **whole._asdict()}
    there = float(series.values[seen].mean())
    without = there - effect.value
    if not (without > 0 and there > 0 and there - effect.high > 0):
        return None
    value, low, high = (1 + e / (there - e) / share for e in (effect.value, effect.low, effect.high))
    return {
        "kind": "ratio",
        "value": value,
        "low": low,
        "high": high,
        "sd": effect.sd * there / without**2 / share,
    }
