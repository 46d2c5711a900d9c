"""A plan from the proposal to the verdict: each step is checked and added to the plan's ledger under the workspace's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from carewheel.catalog.play_guesses import play_guesses
from carewheel.journeys.look_at_the_wheel import Looked
from carewheel.science.causal import Belief
from carewheel.warehouse.measures import MeasureResult
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.plans import (
    JUDGED,
    Ledger,
    Plan,
    PlanRefused,
    Proposal,
    Step,
    check_free,
    checked_notes,
    checked_owner,
    known_month,
    measure_of,
    month_after,
    name_of,
    plan_of,
    terms_of,
)
from carewheel.wheel.plans.ledger import CHANGES
from carewheel.wheel.plans.plan import StepKind
from carewheel.wheel.plans.proposing import guessed
from carewheel.wheel.verification import (
    NOT_YET,
    beliefs,
    check_unplanned,
    judge_change,
    judge_plan,
    measure_of_change,
)

# A start may be written down so long before its day.
AHEAD = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, whether it was kept (one that only came too early is not), and what is thought of the play before and after."""

    name: str
    plan: Plan | None
    verdict: Mapping[str, Any]
    kept: bool
    before: Belief | None
    after: Belief | None


def propose(looked: Looked, wanted: Proposal, today: date, instead_of: str = "") -> Plan:
    """Write a proposal down on ``looked.plans_on``; ``instead_of``: other terms for a plan that has not started.

    Raises `PlanRefused` as `terms_of` does, and ``plan.double``, ``plan.frozen``, ``plan.unknown``, ``plan.future``.
    """
    on, ledger = looked.plans_on, looked.ledger
    _check_day(on, today)
    if instead_of:
        ledger.plan(instead_of).may("proposed", on)
    result = _result(looked, measure_of(wanted.play, wanted.measure).id)
    notes = checked_notes(wanted.notes)
    terms = terms_of(wanted, result, looked.as_of, on, looked.places, looked.standing.sizes)
    step = Step(
        "proposed", on, _recorded(looked.invented, on, today), {"terms": terms.as_row(), "notes": notes}
    )
    if not instead_of:

        def make(plans: list[Plan]) -> Step:
            check_free(wanted, plans)
            return step

        return ledger.create(name_of(wanted), make)

    def decide(steps: tuple[Step, ...]) -> Step:
        plan_of(instead_of, steps).may("proposed", on)
        check_free(wanted, [plan for plan in ledger.plans() if plan.id != instead_of])
        return step

    return plan_of(instead_of, ledger.add(instead_of, decide))


def accept(
    workspace: Workspace, name: str, owner: str, on: date, today: date, notes: Mapping[str, str]
) -> Plan:
    """Give a proposal its owner. Raises `PlanRefused`: ``plan.owner``, ``plan.order``, ``plan.after-start`` and others of `Plan.may`."""
    content = {"owner": checked_owner(owner), "notes": checked_notes(notes)}

    def check(plan: Plan) -> None:
        if known_month(on) >= plan.terms.first_start:
            raise PlanRefused(
                "plan.after-start",
                f"Plan {name} was to start in {plan.terms.first_start:%Y-%m}, and that month has passed.",
                f"Propose a later start: carewheel wheel plan propose {plan.terms.play} --plan {name} --start YEAR-MONTH",
            )

    return _add(workspace, name, "accepted", on, today, content, check)


def start(
    workspace: Workspace,
    name: str,
    on: date,
    today: date,
    notes: Mapping[str, str],
    starts_on: date | None = None,
) -> Plan:
    """Say that the play began on ``starts_on``: by default ``on`` if it lies in the planned month, else that month's first day.

    Raises `PlanRefused`: ``plan.order`` for a plan that was not accepted before, ``plan.other-month`` outside the planned month.
    """
    planned = Ledger(workspace).plan(name).terms.first_start
    day = starts_on or (on if on.replace(day=1) == planned else planned)

    def check(plan: Plan) -> None:
        first = plan.terms.first_start
        if day.replace(day=1) != first or day > on + AHEAD:
            when = f"{day:%Y-%m}" if day.replace(day=1) != first else f"{day}, more than a month from now"
            raise PlanRefused(
                "plan.other-month",
                f"Plan {name} is to start in {first:%Y-%m}, not in {when}.",
                f"Propose other terms while it has not started: carewheel wheel plan propose {plan.terms.play} --plan {name}",
            )
        if plan.accepted_on is not None and day < plan.accepted_on:
            raise PlanRefused(
                "plan.order",
                f"Plan {name} was accepted on {plan.accepted_on}, after {day}.",
                "Give a later day with --on.",
            )

    content = {"starts_on": day.isoformat(), "notes": checked_notes(notes)}
    return _add(workspace, name, "started", on, today, content, check)


def review(workspace: Workspace, name: str, on: date, today: date, notes: Mapping[str, str]) -> Plan:
    """Write down what was done and seen. Raises `PlanRefused`: ``plan.text`` without a note, and as `Plan.may`."""
    said = checked_notes(notes)
    if not said:
        raise PlanRefused(
            "plan.text", "A review says something.", "Give at least one of --do, --study, --act."
        )
    return _add(workspace, name, "reviewed", on, today, {"notes": said})


def stop(
    workspace: Workspace, name: str, on: date, today: date, notes: Mapping[str, str], finished: bool = False
) -> Plan:
    """End a plan: stopped, or finished once its months have passed. Raises `PlanRefused`: ``plan.too-early``, and as `Plan.may`."""

    def check(plan: Plan) -> None:
        if finished and on < plan.terms.ends_on:
            raise PlanRefused(
                "plan.too-early",
                f"Plan {name} runs until {plan.terms.ends_on}.",
                "Wait, or stop it without --finished.",
            )

    kind: StepKind = "finished" if finished else "stopped"
    return _add(workspace, name, kind, on, today, {"notes": checked_notes(notes)}, check)


def verify(looked: Looked, name: str, today: date, measure: str = "") -> Judgement:
    """Judge a plan by its terms, or a change on record that nobody had planned; the verdict is added to the ledger.

    Raises `PlanRefused`: ``plan.order`` (never started), ``plan.stopped-early``, ``plan.change`` (neither plan nor change, or planned),
    ``plan.measure``, ``plan.future``, ``plan.damaged``.
    """
    _check_day(looked.plans_on, today)
    planned = {plan.id: plan for plan in looked.ledger.plans()}
    if name in planned:
        return _verify_plan(looked, planned[name], list(planned.values()), today, measure)
    asked = measure_of_change(name, looked.changes, measure)
    check_unplanned(name, looked.changes, list(planned.values()))
    found = judge_change(name, looked.changes, list(planned.values()), _result(looked, asked), looked.as_of)
    key = CHANGES + hashlib.sha256(f"{found['what']}\n{asked}".encode()).hexdigest()[:12]

    def decide(steps: tuple[Step, ...]) -> Step | None:
        if steps and steps[-1].on == looked.plans_on and steps[-1].content == found:
            return None
        kind: Any = JUDGED
        return Step(kind, looked.plans_on, _recorded(looked.invented, looked.plans_on, today), found)

    before = _belief(looked, found)
    kept = _lasting(found)
    if kept:
        looked.ledger.add(key, decide)
    return Judgement(name, None, found, kept, before, _belief(looked, found))


def _verify_plan(looked: Looked, plan: Plan, plans: list[Plan], today: date, measure: str) -> Judgement:
    judged_by = plan.terms.judged_by
    if measure and measure != judged_by.measure:
        raise PlanRefused(
            "plan.frozen",
            f"Plan {plan.id} is judged by {judged_by.measure}; that was fixed before its start.",
            "Leave --measure out.",
        )
    plan.may("verified", looked.plans_on)
    found = judge_plan(plan, _result(looked, judged_by.measure), looked.changes, plans, looked.as_of)
    before, kept = _belief(looked, found), _lasting(found)

    def decide(steps: tuple[Step, ...]) -> Step | None:
        now = plan_of(plan.id, steps)
        now.may("verified", looked.plans_on)
        if now.judged_on == looked.plans_on and now.verdict == found:
            return None
        return Step(
            "verified",
            looked.plans_on,
            _recorded(looked.invented, looked.plans_on, today),
            {"verdict": found},
        )

    if kept:
        plan = plan_of(plan.id, looked.ledger.add(plan.id, decide))
    return Judgement(plan.id, plan, found, kept, before, _belief(looked, found))


def _lasting(found: Mapping[str, Any]) -> bool:
    return found["refusal"] is None or found["refusal"]["code"] not in NOT_YET


def _belief(looked: Looked, found: Mapping[str, Any]) -> Belief | None:
    """What is thought of the play's effect on the measure, by what the ledger holds; None where nothing is guessed."""
    guess = guessed(found["play"], found["measure"]) if found["play"] in play_guesses() else None
    if guess is None:
        return None
    known = beliefs(looked.standing.verdicts)
    return known.get((found["play"], found["measure"]), Belief(guess.mean, guess.sd))


def _result(looked: Looked, measure: str) -> MeasureResult:
    result = looked.result(measure)
    if result is None or not result.months:
        raise PlanRefused(
            "plan.unmeasured",
            f"{measure} has no month with data here.",
            "Begin to measure it first, or name another with --measure.",
        )
    return result


def _add(
    workspace: Workspace,
    name: str,
    kind: StepKind,
    on: date,
    today: date,
    content: Mapping[str, Any],
    check: Any = None,
) -> Plan:
    _check_day(on, today)
    ledger = Ledger(workspace)
    ledger.plan(name)
    recorded = _recorded(bool(workspace.manifest()["invented"]), on, today)

    def decide(steps: tuple[Step, ...]) -> Step:
        plan = plan_of(name, steps)
        plan.may(kind, on)
        if check is not None:
            check(plan)
        return Step(kind, on, recorded, content)

    return plan_of(name, ledger.add(name, decide))


def _check_day(on: date, today: date) -> None:
    if on > today:
        raise PlanRefused("plan.future", f"{on} has not come yet.", "Give a day up to today with --as-of.")


def _recorded(invented: bool, on: date, today: date) -> date:
    """The day on which a step is written down. In an invented group time is invented too: there it is the step's own day."""
    return on if invented else today


def default_start(as_of: date) -> date:
    """The first month that has not begun at the end of ``as_of``.

    >>> default_start(date(2024, 12, 31)), default_start(date(2024, 12, 30))
    (datetime.date(2025, 1, 1), datetime.date(2025, 1, 1))
    """
    return month_after(as_of, 1)
