"""Questions to the access lab: asked by a page, weighed by the worker, kept while the facts stay as they are."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import orjson

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.jobs import enqueue
from carewheel.practice.models import Job
from carewheel.spokes.operations.contracts_lab import LabState
from carewheel.spokes.operations.contracts_template import TemplateReport, TemplateWish
from carewheel.spokes.operations.models import LabAnswer
from carewheel.spokes.operations.rules.plain import of_plain, plain
from carewheel.spokes.operations.transactions import whole

# The kind of job that answers.
WEIGH = "weigh-half-days"
# Open questions of an organisation at once: each keeps the worker for up to half a minute.
MOST_OPEN = 5
KEPT = timedelta(days=30)
GIVEN_UP = "The worker gave it up: see Jobs."


def ask_lab(actor: Actor, wish: TemplateWish, as_of: date, facts: str) -> LabState:
    """What is known of a question; asked for the first time, it is given to the worker. ``facts``: names their present state.

    Raises `Refused` ``too-many-questions`` while five others are open.
    """
    actor.need(Permission.ACCESS_READ)
    told = plain(wish)
    key = hashlib.sha256(
        orjson.dumps([told, as_of.isoformat(), facts], option=orjson.OPT_SORT_KEYS)
    ).hexdigest()
    mine = LabAnswer.objects.filter(organisation=actor.organisation_id)
    row = mine.select_related("job").filter(key=key).first()
    if row is not None:
        return _state(actor, row)

    def work() -> LabAnswer:
        mine.filter(asked_at__lt=actor.at - KEPT).delete()
        unanswered = mine.filter(
            made_at__isnull=True, job__status__in=(Job.Status.WAITING, Job.Status.RUNNING)
        )
        if unanswered.count() >= MOST_OPEN:
            raise Refused(
                "too-many-questions", "Several questions are being weighed already.", "Wait for their answers, then ask again."
            )  # fmt: skip
        made, fresh = LabAnswer.objects.get_or_create(
            organisation_id=actor.organisation_id, key=key, defaults={"wish": told, "as_of": as_of, "asked_at": actor.at}
        )  # fmt: skip
        if fresh:
            made.job = enqueue(
                WEIGH, {"answer": made.pk}, run_at=actor.at, key=f"{WEIGH}:{made.pk}", organisation_id=actor.organisation_id, most_tries=2,
            )  # fmt: skip
            made.save(update_fields=["job"])
        return made

    return _state(actor, whole(work))


def lab_question(actor: Actor, answer_id: int) -> tuple[TemplateWish, date]:
    """What the worker is to weigh, and up to which day. Raises `NotFound`."""
    actor.need(Permission.ACCESS_READ)
    row = LabAnswer.objects.filter(organisation=actor.organisation_id, pk=answer_id).first()
    if row is None:
        raise NotFound("There is no such question.")
    return of_plain(TemplateWish, row.wish), row.as_of


def keep_lab_answer(actor: Actor, answer_id: int, report: TemplateReport | None, why: str = "") -> None:
    """Keep what the worker found, or why there is nothing to find; in the transaction of the caller."""
    actor.need(Permission.ACCESS_READ)
    LabAnswer.objects.filter(organisation=actor.organisation_id, pk=answer_id).update(
        answer=None if report is None else plain(report), why=why, made_at=actor.at
    )


def _state(actor: Actor, row: LabAnswer) -> LabState:
    seconds = max((actor.at - row.asked_at).total_seconds(), 0.0)
    if row.made_at is not None:
        report = None if row.answer is None else of_plain(TemplateReport, row.answer)
        return LabState(report, row.why, 1.0, seconds)
    if row.job is None or row.job.status == Job.Status.DEAD:
        return LabState(None, GIVEN_UP, None, seconds)
    return LabState(None, "", row.job.progress, seconds)
