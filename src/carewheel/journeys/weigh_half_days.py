"""The access lab's questions, answered by the worker: from the facts to the half-day's times, and how far it is meanwhile."""

from __future__ import annotations

from django.db import transaction

from carewheel.journeys.draw_a_template import draw_a_template
from carewheel.practice.jobs import Run
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.commands_lab import keep_lab_answer, lab_question
from carewheel.spokes.operations.contracts_template import TemplateReport
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.turn import NothingToTurn


def weigh_half_days(workspace: Workspace, run: Run) -> None:
    """Answer the question that the job names."""
    answer = int(run.payload["answer"])
    wish, as_of = lab_question(run.actor, answer)
    report: TemplateReport | None = None
    why = ""
    try:
        report = draw_a_template(workspace, as_of, as_of, wish, run.beat)
    except CannotTell as unknown:
        why = f"Too little is known of these half-days. {unknown.remedy[:1].upper()}{unknown.remedy[1:]}."
    except NothingToTurn:
        why = "Nothing with a date was read into this workspace yet."
    with transaction.atomic():
        run.fence()
        keep_lab_answer(run.actor, answer, report, why)
