"""Audit and jobs: who did or saw what, emergency accesses to review, and the work behind the pages."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.practice.access import Permission, Refused
from carewheel.practice.emergency import review, unreviewed
from carewheel.practice.jobs import try_again
from carewheel.practice.registers import PAGE, audit_rows, job_rows
from carewheel.web.shell import csv_file, done, number_of, page, patients_file, shell


class AuditForm(forms.Form):
    """What of the trail is looked for."""

    action = forms.CharField(max_length=60, required=False)
    patient = forms.IntegerField(min_value=1, required=False, label="Patient number")


def audit(request: HttpRequest) -> HttpResponse:
    """The newest rows, and emergency accesses that wait for a review."""
    actor = shell(request).actor
    form = AuditForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = audit_rows(
        actor,
        action=wanted.get("action", ""),
        patient_id=wanted.get("patient"),
        before=number_of(request.GET.get("before")),
    )
    waiting = unreviewed(actor) if actor.may(Permission.AUDIT_REVIEW) else ()
    query = request.GET.copy()
    query.pop("before", None)
    return page(request, "audit/audit.html", {
        "rows": rows, "form": form, "waiting": waiting, "more": rows[-1].number if len(rows) == PAGE else None, "query": query.urlencode(),
    })  # fmt: skip


def audit_csv(request: HttpRequest) -> HttpResponse:
    """The newest ten thousand rows of what is looked for."""
    form = AuditForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = audit_rows(shell(request).actor, action=wanted.get("action", ""), patient_id=wanted.get("patient"), count=10_000)  # fmt: skip
    head = ("number", "at_utc", "who", "action", "subject", "patient", "reason", "address")
    return patients_file(request, "audit", head, ((r.number, r.at.isoformat(), r.who, r.action, r.subject, r.patient_id, r.reason, r.address) for r in rows))  # fmt: skip


def audit_review(request: HttpRequest, emergency_id: int) -> HttpResponse:
    """Close the review of an emergency access."""
    try:
        review(shell(request).actor, emergency_id, request.POST.get("verdict", ""))
    except Refused as error:
        if error.code == "not-found":
            raise
        rows, waiting = audit_rows(shell(request).actor), unreviewed(shell(request).actor)
        return page(request, "audit/audit.html", {"rows": rows, "form": AuditForm(), "waiting": waiting, "more": None, "query": ""}, error=error)  # fmt: skip
    return done(request, "The review is closed.", "/audit/")


def jobs(request: HttpRequest) -> HttpResponse:
    """Jobs by status; those that were given up can be tried again."""
    status = request.GET.get("status", "")
    rows, counts = job_rows(shell(request).actor, status)
    return page(request, "jobs/jobs.html", {"rows": rows, "counts": counts, "status": status})


def jobs_csv(request: HttpRequest) -> HttpResponse:
    """The jobs that the page shows."""
    rows, _ = job_rows(shell(request).actor, request.GET.get("status", ""))
    head = ("job", "status", "when_utc", "every_seconds", "tries", "most_tries", "error")
    return csv_file("jobs", head, ((j.kind, j.status, (j.ended_at or j.run_at).isoformat(), j.every_seconds, j.tries, j.most_tries, j.error) for j in rows))  # fmt: skip


def job_again(request: HttpRequest, job_id: int) -> HttpResponse:
    """Bring a job back into the queue."""
    try_again(shell(request).actor, job_id)
    return done(request, "It will be tried again.", "/jobs/")
