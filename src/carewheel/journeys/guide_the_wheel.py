"""Plans and own scores at the console: who may, each step as `work_a_plan` takes it, and a row in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db import transaction

from carewheel.catalog.plays import plays
from carewheel.catalog.scorecard import scorecard
from carewheel.journeys import work_a_plan
from carewheel.journeys.look_at_the_wheel import MoneyUnknown, look, plan_day
from carewheel.journeys.see_the_wheel import Turned
from carewheel.practice.access import Actor, Forbidden, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused
from carewheel.wheel.plans import (
    STATE_WORDS,
    Ledger,
    Plan,
    PlanRefused,
    Proposal,
    plan_document,
    verdict_words,
)
from carewheel.wheel.scorecard import ScoreRefused, keep_scores, own_scores
from carewheel.wheel.turn import NothingToTurn

Told = TypeVar("Told")
# What to do, where the command line would name its options.
REMEDIES = {
    "plan.owner": "Name a role or a person who works here.",
    "plan.after-start": "Propose it again with a later first month.",
    "plan.other-month": "Propose it again while it has not started, with the month that fits.",
    "plan.order": "Look at how the plan stands now; somebody may have been faster.",
    "plan.frozen": "Stop it and propose a new one.",
    "plan.date": "Try again on a later day.",
    "plan.text": "Write something, and not more than fits.",
    "plan.double": "Look at the plan that is open already.",
    "plan.unmeasured": "Read exports that hold this measure first.",
    "plan.too-early": "Wait, or stop it.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A plan for a page: as `wheel.json` states it, in words, with what can be done now."""

    document: Mapping[str, Any]
    state: str
    verdict: str
    may: tuple[str, ...]
    open: bool

    @classmethod
    def of(cls, plan: Plan, day: date) -> Seen:
        """As it stands at the end of ``day``."""
        steps = {
            "proposed": ("accept", "stop"),
            "accepted": ("start", "stop"),
            "started": ("review", "verify", "finish", "stop"),
            "stopped": ("verify",) if plan.started_on else (),
            "finished": ("verify",),
        }[plan.state]
        may = tuple(step for step in steps if step != "finish" or day >= plan.terms.ends_on)
        document = plan_document(plan, day)
        return cls(
            document,
            STATE_WORDS[plan.state],
            verdict_words(document["verdict"], document["unit"]),
            may,
            plan.open,
        )


def plans_seen(workspace: Workspace, day: date) -> list[Seen]:
    """Every plan, those that are open first and of these the overdue ones. Raises `Refused` for a file that cannot be read."""
    found = [Seen.of(plan, day) for plan in _told(lambda: Ledger(workspace).plans())]
    return sorted(
        found,
        key=lambda s: (
            not s.open,
            not s.document["overdue"],
            s.document["next_review"] or "",
            s.document["id"],
        ),
    )


def plan_seen(workspace: Workspace, name: str, day: date) -> Seen:
    """One plan. Raises `NotFound`."""
    return Seen.of(_told(lambda: Ledger(workspace).plan(name)), day)


def seen_on(turned: Turned | None, today: date) -> date:
    """The day on which plans are looked at: in an invented group time is invented too, and ends with its data."""
    return turned.as_of if turned is not None and turned.document["invented"] else today


def first_months(day: date, count: int = 6) -> list[date]:
    """Months in which a play may begin."""
    first = work_a_plan.default_start(day)
    return [
        date(first.year + (first.month - 1 + k) // 12, (first.month - 1 + k) % 12 + 1, 1)
        for k in range(count)
    ]


def play_title(play: str) -> str:
    """Raises `NotFound` for a play that the catalog does not have."""
    if play not in plays():
        raise NotFound("There is no such play.")
    return plays()[play].title


def propose(
    actor: Actor, workspace: Workspace, play: str, places: Sequence[str], start: date, months: int, note: str
) -> str:  # fmt: skip
    """Write down how ``play`` will be judged at ``places`` from the month ``start`` on; returns the plan's name.

    Raises `Refused` with the codes of `work_a_plan.propose`.
    """
    need_to_plan(actor)
    today = actor.at.date()

    def act() -> Plan:
        looked = look(workspace, today, plan_day(workspace, today))
        asked = Proposal(play, dict.fromkeys(places, start), months=months, currency=looked.currency, notes={"plan": note} if note else {})  # fmt: skip
        return work_a_plan.propose(looked, asked, today)

    plan = _told(act)
    _audited(actor, "propose-plan", "plan", plan.id, play=play, places=len(places))
    return plan.id


def take_step(
    actor: Actor, workspace: Workspace, name: str, step: str, *, owner: str = "", notes: Mapping[str, str] | None = None
) -> None:  # fmt: skip
    """Accept, start, review, stop, finish or verify a plan. Raises `Refused` with the codes of `work_a_plan`, `NotFound`."""
    need_to_plan(actor)
    today, said = actor.at.date(), {key: text for key, text in (notes or {}).items() if text}
    _told(lambda: Ledger(workspace).plan(name))

    def act() -> object:
        day = plan_day(workspace, today)
        match step:
            case "accept":
                return work_a_plan.accept(workspace, name, owner, day, today, said)
            case "start":
                return work_a_plan.start(workspace, name, day, today, said)
            case "review":
                return work_a_plan.review(workspace, name, day, today, said)
            case "stop" | "finish":
                return work_a_plan.stop(workspace, name, day, today, said, step == "finish")
            case "verify":
                found = work_a_plan.verify(look(workspace, today, day), name, today)
                if not found.kept:
                    raise PlanRefused("plan.too-early", "It is too early to tell.", found.verdict["refusal"]["remedy"].capitalize() + ".")  # fmt: skip
                return found
        raise NotFound("There is no such step.")

    _told(act)
    _audited(actor, f"{step}-plan", "plan", name)


def scores_seen(turned: Turned | None, workspace: Workspace) -> list[dict[str, Any]]:
    """Every attribute of the scorecard with the practice's own score as it is now, and what the latest turn's measures say."""
    own = _told(lambda: own_scores(workspace))
    told = {row["code"]: row for row in (turned.document["scorecard"] if turned else ())}
    return [
        {
            "code": one.code, "subject": one.subject, "question": one.question, "industry": told.get(one.code, {}).get("industry"),
            "own": own.get(one.code, {}).get("score"), "given": own.get(one.code, {}).get("given"),
            "data": told.get(one.code, {}).get("data", "unknown"), "level": told.get(one.code, {}).get("level"),
            # What the measures say was said of the score of that turn.
            "why": told[one.code]["why"] if one.code in told and told[one.code]["own"] == own.get(one.code, {}).get("score") else "The next turn compares it with the measures.",
        }
        for one in scorecard().values()
    ]  # fmt: skip


def give_scores(actor: Actor, workspace: Workspace, scores: Mapping[str, int | None]) -> None:
    """Keep the practice's own scores; None takes one back. Raises `Refused`."""
    need_to_plan(actor)
    _told(lambda: keep_scores(workspace, scores, actor.at.date()))
    _audited(actor, "score", "scorecard", "", answers=len(scores))


def why_nothing(error: MoneyUnknown | NothingToTurn) -> Refused:
    """Why nothing can be said of this practice yet, in the words of the console."""
    if isinstance(error, MoneyUnknown):
        return Refused(error.code, error.why, "See “What is missing” in the full report of the wheel.")
    return Refused("plan.no-data", "No facts were read yet.", "Import the exports of your practice system first.")  # fmt: skip


def refusal_kept(why: Refused) -> dict[str, Any]:
    """An answer of the worker that says why there is none."""
    return {"refused": {"code": why.code, "what": why.what, "remedy": why.remedy}}


def need_to_plan(actor: Actor) -> None:
    """Plans and purchases are of the whole group. Raises `Forbidden` for a role of some locations."""
    actor.need(Permission.PLAN_WRITE)
    if actor.locations(Permission.PLAN_WRITE) is not None:
        raise Forbidden(Permission.PLAN_WRITE.value)


def _told(act: Callable[[], Told]) -> Told:
    """Refusals of the hub in the words of the console."""
    try:
        return act()
    except PlanRefused as refused:
        if refused.code == "plan.unknown":
            raise NotFound("There is no such plan.") from refused
        plain = "carewheel " not in refused.remedy and "--" not in refused.remedy
        raise Refused(refused.code, refused.what, refused.remedy if plain else REMEDIES.get(refused.code, "")) from refused  # fmt: skip
    except ScoreRefused as refused:
        raise Refused(refused.code, refused.what, refused.remedy) from refused
    except WorkspaceRefused as refused:
        raise Refused(refused.code, refused.what, refused.remedy) from refused
    except NothingToTurn as error:
        raise why_nothing(error) from error


def _audited(actor: Actor, action: str, kind: str, subject: str, **detail: Any) -> None:
    with transaction.atomic():
        record(actor, action, kind, subject, **detail)
