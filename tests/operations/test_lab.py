"""Questions to the access lab: asked once, kept as they were told, and no more than a few at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.clinic import NOW, Clinic, small_clinic
from tests.spokes.operations.test_template import PLAIN, halfdays

from carewheel.practice.access import Forbidden, NotFound, Refused
from carewheel.practice.models import Job
from carewheel.spokes.operations.commands_lab import (
    GIVEN_UP,
    MOST_OPEN,
    ask_lab,
    keep_lab_answer,
    lab_question,
)
from carewheel.spokes.operations.contracts_template import TemplateReport
from carewheel.spokes.operations.models import LabAnswer
from carewheel.spokes.operations.rules.template import template_report

DAY = date(2026, 3, 1)


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


@pytest.fixture(scope="module")
def report() -> TemplateReport:
    shares: list[float] = []
    found = template_report(halfdays(), replace(PLAIN, sequence=True), shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    return found


def test_a_question_is_weighed_once_and_the_answer_comes_back_as_it_was(
    clinic: Clinic, report: TemplateReport
) -> None:
    actor = clinic.as_role("clinician")
    assert ask_lab(actor, PLAIN, DAY, "a").is_open
    again = ask_lab(replace(actor, at=NOW + timedelta(seconds=30)), PLAIN, DAY, "a")
    assert (again.is_open, again.progress, again.seconds) == (True, None, 30.0)
    job = Job.objects.get()
    Job.objects.update(status="running", progress=0.4)
    assert ask_lab(actor, PLAIN, DAY, "a").progress == 0.4
    assert lab_question(actor, job.payload["answer"]) == (PLAIN, DAY)
    keep_lab_answer(actor, job.payload["answer"], report)
    told = ask_lab(actor, PLAIN, DAY, "a")
    assert told.report == report
    assert not told.is_open
    # Other facts, another wish, another day: another question.
    for wish, day, facts in (
        (PLAIN, DAY, "b"),
        (replace(PLAIN, idle=2.0), DAY, "a"),
        (PLAIN, date(2026, 3, 2), "a"),
    ):
        assert ask_lab(actor, wish, day, facts).is_open
    assert Job.objects.count() == 4


def test_strangers_see_nothing_and_the_worker_is_not_flooded(clinic: Clinic) -> None:
    actor = clinic.actor
    with pytest.raises(Forbidden):
        ask_lab(clinic.as_role("biller"), PLAIN, DAY, "a")
    for n in range(MOST_OPEN):
        ask_lab(actor, PLAIN, DAY, str(n))
    with pytest.raises(Refused) as refusal:
        ask_lab(actor, PLAIN, DAY, "one more")
    assert refusal.value.code == "too-many-questions"
    assert ask_lab(actor, PLAIN, DAY, "0").is_open, "what was asked before is no new question"
    with pytest.raises(NotFound):
        lab_question(small_clinic("Other").actor, LabAnswer.objects.latest("pk").pk)
    # One that the worker gave up says so and is in nobody's way.
    Job.objects.filter(payload__answer=LabAnswer.objects.earliest("pk").pk).update(status="dead")
    assert ask_lab(actor, PLAIN, DAY, "0").why == GIVEN_UP
    assert ask_lab(actor, PLAIN, DAY, "one more").is_open
    # Old answers are forgotten.
    later = replace(actor, at=NOW + timedelta(days=40))
    Job.objects.update(status="done")
    ask_lab(later, PLAIN, DAY, "later")
    assert LabAnswer.objects.count() == 1
