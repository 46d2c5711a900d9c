"""A plan as its steps make it: proposed, accepted, started, reviewed, stopped or finished. Steps are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal, cast

from carewheel.wheel.plans.months import known_month
from carewheel.wheel.plans.refusals import PlanRefused
from carewheel.wheel.plans.terms import Terms

State = Literal["proposed", "accepted", "started", "stopped", "finished"]
StepKind = Literal["proposed", "accepted", "started", "reviewed", "verified", "stopped", "finished"]
STEPS: tuple[StepKind, ...] = (
    "proposed", "accepted", "started", "reviewed", "verified", "stopped", "finished",
)  # fmt: skip
# How long a proposal may wait for an owner.
DAYS_TO_ACCEPT = 30
# From which states a step can be taken, and what is missing where it cannot.
_FROM: Mapping[StepKind, tuple[State, ...]] = {
    "proposed": ("proposed", "accepted"),
    "accepted": ("proposed",),
    "started": ("accepted",),
    "reviewed": ("started",),
    "verified": ("started", "stopped", "finished"),
    "stopped": ("proposed", "accepted", "started"),
    "finished": ("started",),
}
_FIRST: Mapping[State, str] = {
    "proposed": "Accept it first: carewheel wheel plan accept {id} --owner ROLE",
    "accepted": "Start it first: carewheel wheel plan start {id}",
    "started": "It runs already: review it, stop it, or verify it.",
    "stopped": "It was stopped: propose a new one.",
    "finished": "It is finished: propose a new one.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a plan: on which day, when that was written down, and what with it."""

    kind: StepKind
    on: date
    recorded_on: date
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A play put to work here, as it stands after ``steps``.

    ``written_on``: when its terms were written down. ``owner``: "" until it is accepted. ``starts_on``: "" until it started.
    """

    id: str
    state: State
    terms: Terms
    steps: tuple[Step, ...]
    written_on: date
    owner: str = ""
    accepted_on: date | None = None
    started_on: date | None = None
    ended_on: date | None = None
    reviewed_on: date | None = None
    verdict: Mapping[str, Any] | None = None
    judged_on: date | None = None

    @property
    def open(self) -> bool:
        return self.state not in ("stopped", "finished")

    @property
    def registered(self) -> bool:
        """Whether the terms were written down before a month after the start was known."""
        return known_month(self.written_on) < self.terms.first_start

    @property
    def next_review(self) -> date | None:
        """When somebody has to look at it again: a proposal for its owner, an accepted plan for its start, one that runs by
        its rhythm; None when it has ended."""
        if self.state == "proposed":
            return self.steps[-1].on + timedelta(days=DAYS_TO_ACCEPT)
        if self.state == "accepted":
            return self.terms.first_start
        if self.state == "started":
            assert self.started_on is not None
            return (self.reviewed_on or self.started_on) + timedelta(days=self.terms.review_days)
        return None

    def overdue(self, as_of: date) -> bool:
        """Whether that day has passed."""
        return self.next_review is not None and self.next_review < as_of

    def notes(self) -> list[tuple[date, StepKind, str, str]]:
        """Every note with its day, its step and its kind (plan, do, study, act), in order."""
        return [
            (step.on, step.kind, name, text)
            for step in self.steps
            for name, text in step.content.get("notes", {}).items()
        ]

    def may(self, kind: StepKind, on: date) -> None:
        """Raises `PlanRefused`: ``plan.frozen`` for other terms after the start, ``plan.order`` for a step that cannot follow,
        ``plan.date`` for a day before the last step's."""
        if kind == "proposed" and self.state not in _FROM[kind]:
            raise PlanRefused(
                "plan.frozen",
                f"Plan {self.id} has started: what it says and how it is judged cannot change any more.",
                "Stop it and propose a new one.",
            )
        if self.state not in _FROM[kind]:
            raise PlanRefused(
                "plan.order",
                f"Plan {self.id} is {self.state}; it cannot be {kind}.",
                _FIRST[self.state].format(id=self.id),
            )
        if kind == "verified" and self.started_on is None:
            raise PlanRefused("plan.order", f"Plan {self.id} never started.", "There is nothing to verify.")
        if on < self.steps[-1].on:
            raise PlanRefused(
                "plan.date",
                f"The last step of plan {self.id} was on {self.steps[-1].on}; {on} lies before it.",
                "Give a later day with --as-of.",
            )


def plan_of(name: str, steps: Sequence[Step]) -> Plan:
    """The plan that its steps make. Raises `PlanRefused` (``plan.damaged``) for steps that make none."""
    try:
        if not steps or steps[0].kind != "proposed":
            raise ValueError("a plan begins with a proposal")
        first = steps[0]
        plan = Plan(name, "proposed", Terms.of_row(first.content["terms"]), (first,), first.recorded_on)
        for step in steps[1:]:
            plan.may(step.kind, step.on)
            plan = _after(plan, step)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, PlanRefused) as error:
        raise damaged(name) from error
    return plan


def _after(plan: Plan, step: Step) -> Plan:
    steps = (*plan.steps, step)
    match step.kind:
        case "proposed":
            # Other terms need an owner's word again.
            terms = Terms.of_row(step.content["terms"])
            return replace(
                plan, state="proposed", terms=terms, steps=steps, written_on=step.recorded_on, owner="", accepted_on=None
            )  # fmt: skip
        case "accepted":
            owner = step.content["owner"]
            return replace(plan, state="accepted", steps=steps, owner=str(owner), accepted_on=step.on)
        case "started":
            day = date.fromisoformat(step.content["starts_on"])
            return replace(plan, state="started", steps=steps, started_on=day)
        case "reviewed":
            return replace(plan, steps=steps, reviewed_on=step.on)
        case "verified":
            verdict = step.content["verdict"]
            if verdict["fingerprint"] != plan.terms.fingerprint:
                raise ValueError("the verdict is of another plan")
            return replace(plan, steps=steps, verdict=verdict, judged_on=step.on)
        case _:
            return replace(plan, state=cast("State", step.kind), steps=steps, ended_on=step.on)


def damaged(name: str) -> PlanRefused:
    return PlanRefused(
        "plan.damaged",
        f"The plan {name} cannot be read: its file was changed by another hand, or is not whole.",
        "Restore the file in the folder plans of the workspace from a backup, or move it away.",
    )
