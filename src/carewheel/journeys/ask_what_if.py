"""What if, at the console: a question asked by a page, the wheel run forward by the worker, the answer kept while turn and facts stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from carewheel.journeys.guide_the_wheel import refusal_kept, why_nothing
from carewheel.journeys.look_at_the_wheel import Looked, MoneyUnknown, look
from carewheel.journeys.see_the_wheel import DOCUMENT, Turned
from carewheel.journeys.simulate_the_wheel import check_run, simulate_the_wheel, simulation_document, xmile
from carewheel.practice.access import Actor, Forbidden, Permission, Refused
from carewheel.practice.jobs import Run, enqueue
from carewheel.practice.models import Job
from carewheel.science.flywheel.stocks import Refusal
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.plans import PlanRefused
from carewheel.wheel.turn import NothingToTurn
from carewheel.wheel.what_if import Answers, Question

# The kind of job that answers.
WHAT_IF = "what-if"
# Open questions of an organisation at once: each keeps the worker for seconds.
MOST_OPEN = 5
OPEN = (Job.Status.WAITING, Job.Status.RUNNING)
# What to do, where the command line would name its options.
REMEDIES = {
    "plan.policy": "Give shares that are together 100 % at most.",
    "plan.length": "Give another number of months.",
    "plan.play": "Choose another play.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for a page. ``found``: its answer (`answer_now`), None while it is worked out; ``progress``: how far the worker is, 0 to 1, None before
    it has begun; ``seconds`` since it was asked; ``given_up`` by the worker."""

    found: Mapping[str, Any] | None
    progress: float | None = None
    seconds: float = 0.0
    given_up: bool = False


def ask_what_if(actor: Actor, workspace: Workspace, turned: Turned, question: Question) -> Asked:
    """What is known of a question about the practice as it was turned last; asked for the first time, it is given to the worker.

    Raises `Refused`: as `check_run` does, and ``too-many-questions`` while five others are open; `Forbidden` for a role of some locations.
    """
    found = answer_kept(actor, workspace, turned, question)
    if found is not None:
        return Asked(found)
    try:
        check_run(question.plays, question.months, question.policy)
    except PlanRefused as refused:
        raise Refused(refused.code, refused.what, REMEDIES[refused.code]) from refused
    mark = _mark(workspace, turned, question)
    key = f"{WHAT_IF}:{actor.organisation_id}:{mark}"
    mine = Job.objects.filter(organisation=actor.organisation_id, kind=WHAT_IF)
    job = mine.filter(key=key).order_by("-id").first()
    if job is None or job.status == Job.Status.DONE:
        if mine.filter(status__in=OPEN).count() >= MOST_OPEN:
            raise Refused("too-many-questions", "Several questions are being worked out already.", "Wait for their answers, then ask again.")  # fmt: skip
        payload = {"mark": mark, "as_of": turned.as_of.isoformat(), **question.plain()}
        job = enqueue(WHAT_IF, payload, run_at=actor.at, key=key, organisation_id=actor.organisation_id, most_tries=2)  # fmt: skip
    seconds = max((actor.at - job.created_at).total_seconds(), 0.0)
    return Asked(None, job.progress, seconds, job.status == Job.Status.DEAD)


def answer_kept(
    actor: Actor, workspace: Workspace, turned: Turned, question: Question
) -> Mapping[str, Any] | None:
    """The answer of a question, None where it has none yet; asks nothing. Raises `Forbidden` for a role of some locations."""
    actor.need(Permission.WHEEL_READ)
    if actor.locations(Permission.WHEEL_READ) is not None:
        raise Forbidden(Permission.WHEEL_READ.value)
    return Answers(workspace).answer(_mark(workspace, turned, question))


def answer_what_if(workspace: Workspace, run: Run) -> None:
    """The worker's part: answer the question that the job holds, and keep the answer. Where nothing can be said, what is kept says why."""
    asked = run.payload
    question = Question(tuple(asked["plays"]), int(asked["months"]), asked["policy"])
    try:
        found = answer_now(workspace, question, date.fromisoformat(asked["as_of"]), run.at.date(), run.beat)
    except (MoneyUnknown, NothingToTurn) as unknown:
        found = refusal_kept(why_nothing(unknown))
    except Refusal as cannot:
        found = refusal_kept(Refused("plan.policy", cannot.message, cannot.remedy))
    with transaction.atomic():
        run.fence()
        Answers(workspace).keep(str(asked["mark"]), found)


def answer_now(
    workspace: Workspace, question: Question, as_of: date, today: date, beat: Callable[[float], None]
) -> dict[str, Any]:
    """The answer as it is kept: what `simulation_document` says, free cash a month at present, and the model as XMILE. ``beat`` is told how far it is.

    Raises `MoneyUnknown`, `NothingToTurn`, and `Refusal` of the model for a policy that cannot be.
    """
    looked = look(workspace, today, as_of)
    beat(0.1)
    looked.need_money()
    beat(0.6)
    return answer_of(looked, question)


def answer_of(looked: Looked, question: Question) -> dict[str, Any]:
    """As `answer_now`, of a practice that was looked at already."""
    asked = question.plain()
    looked.need_money()
    model = looked.learnt.model
    assert model is not None
    found = simulate_the_wheel(looked, asked["plays"], question.months, asked["policy"])
    return {
        "refused": None,
        "as_of": looked.as_of.isoformat(),
        "invented": looked.invented,
        **simulation_document(found),
        "free_a_month": model.now.free * found.places,
        "xmile": xmile(looked, asked["plays"], question.months, asked["policy"]),
    }


def _mark(workspace: Workspace, turned: Turned, question: Question) -> str:
    return Answers(workspace).mark(question, turned.as_of, turned.folder / DOCUMENT)
