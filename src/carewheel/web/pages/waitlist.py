"""The waitlist with its fill rate, and what the practice system has still to take over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.clocks import clock_time
from carewheel.practice.offerings import offerings
from carewheel.practice.patients import patient_line, search_patients
from carewheel.practice.resources import resources
from carewheel.spokes.operations.commands_joining import join_waitlist
from carewheel.spokes.operations.commands_missing import end_missing, keep_missing
from carewheel.spokes.operations.commands_outbound import close_outbound
from carewheel.spokes.operations.commands_waitlist import leave_waitlist
from carewheel.spokes.operations.contracts_booking import WaitlistRequest
from carewheel.spokes.operations.contracts_missing import MissingLine
from carewheel.spokes.operations.queries_booking import visits_of
from carewheel.spokes.operations.queries_missing import missing_count, missing_visits
from carewheel.spokes.operations.queries_waitlist import (
    fill_rate,
    open_gaps,
    outbound,
    outbound_count,
    waitlist,
)
from carewheel.web.pages.free_times import WEEKDAYS
from carewheel.web.pages.offered import type_choices
from carewheel.web.shell import Shell, done, needs_place, number_of, offer_choices, page, patients_file, shell

# Over which the fill rate is counted.
LOOK_BACK = timedelta(days=90)
URGENCY = [(1, "Routine"), (2, "Soon"), (3, "Urgent")]


class JoinForm(forms.Form):
    """Who waits for what, where and when."""

    visit_type = forms.TypedChoiceField(coerce=int)
    urgency = forms.TypedChoiceField(coerce=int, choices=URGENCY)
    locations = forms.TypedMultipleChoiceField(coerce=int, widget=forms.CheckboxSelectMultiple, label="Where")
    resource_ids = forms.TypedMultipleChoiceField(coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="Only with", help_text="None chosen: anybody.")  # fmt: skip
    earliest = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label="From")
    latest = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label="Not after"
    )
    weekdays = forms.TypedMultipleChoiceField(coerce=int, required=False, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple)  # fmt: skip
    after = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}), label="Not before")  # fmt: skip
    before = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}), label="Done by")  # fmt: skip
    instead_of = forms.TypedChoiceField(coerce=int, required=False, empty_value=None, label="Gives back", help_text="The booked visit that an earlier time would replace.")  # fmt: skip

    def __init__(self, frame: Shell, patient_id: int | None, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        there = resources(frame.actor, frame.need_place().id)
        offer_choices(
            self,
            visit_type=type_choices(offerings(frame.actor), there, frame),
            locations=[
                (p.id, p.name) for p in frame.places if frame.actor.may(Permission.WAITLIST_WRITE, p.id)
            ],
            resource_ids=[(r.id, r.name) for r in there if r.kind == "practitioner"],
            instead_of=[("", "Nothing"), *_ahead(frame, patient_id)],
        )


def waitlist_page(request: HttpRequest) -> HttpResponse:
    """Who waits, the most urgent first; how many gaps were filled."""
    frame = shell(request)
    lines = waitlist(frame.actor)
    rate = fill_rate(frame.actor, frame.today - LOOK_BACK, frame.today)
    open_ = 0
    if frame.actor.may(Permission.SCHEDULE_READ):
        open_ = outbound_count(frame.actor) + missing_count(frame.actor)
    return page(request, "waitlist/waitlist.html", {"lines": lines, "rate": rate, "urgency": dict(URGENCY), "open": open_, "gaps": open_gaps(frame.actor)})  # fmt: skip


def waitlist_csv(request: HttpRequest) -> HttpResponse:
    """Who waits, as a table."""
    head = (
        "patient",
        "type",
        "where",
        "urgency",
        "since",
        "earliest",
        "latest",
        "wishes",
        "status",
        "offers",
    )
    rows = (
        (w.patient_name, w.visit_type, ", ".join(w.location_names), w.urgency, w.since.isoformat(), w.earliest, w.latest, w.wishes, w.status, w.offers)
        for w in waitlist(shell(request).actor)
    )  # fmt: skip
    return patients_file(request, "waitlist", head, rows)


@needs_place
def join(request: HttpRequest) -> HttpResponse:
    """Put a patient on the waitlist; without one, first find them."""
    frame = shell(request)
    frame.actor.need(Permission.WAITLIST_WRITE)
    chosen = number_of(request.POST.get("patient") or request.GET.get("patient"))
    if chosen is None:
        text = request.GET.get("q", "")
        return page(request, "waitlist/who.html", {"q": text, "found": search_patients(frame.actor, text, 10)})  # fmt: skip
    known = patient_line(frame.actor, chosen)
    start = {"earliest": frame.today, "locations": [frame.need_place().id], "urgency": 1}
    form = JoinForm(frame, chosen, request.POST or None, initial=start)
    error = None
    if request.method == "POST" and form.is_valid():
        wish = form.cleaned_data
        between = None
        if wish["after"] and wish["before"]:
            between = (wish["after"], wish["before"])
        elif wish["after"] or wish["before"]:
            form.add_error("after", "Give both times, or none.")
        if not form.errors:
            try:
                join_waitlist(
                    frame.actor,
                    WaitlistRequest(
                        patient_id=chosen,
                        visit_type_id=wish["visit_type"],
                        location_ids=tuple(wish["locations"]),
                        earliest=wish["earliest"],
                        latest=wish["latest"],
                        weekdays=tuple(wish["weekdays"]),
                        between=between,
                        resource_ids=tuple(wish["resource_ids"]),
                        urgency=wish["urgency"],
                        instead_of_id=wish["instead_of"],
                    ),
                )
            except Refused as refused:
                if isinstance(refused, NotFound):
                    raise
                error = refused
            else:
                return done(request, f"{known.name} is on the waitlist.", "/waitlist/")
    status = 400 if request.method == "POST" else 200
    return page(request, "waitlist/join.html", {"form": form, "p": known}, error=error, status=status)


def leave(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Take somebody off the waitlist."""
    leave_waitlist(shell(request).actor, entry_id)
    return done(request, "Taken off the waitlist.", "/waitlist/")


def outbound_page(request: HttpRequest) -> HttpResponse:
    """Changes that the practice system has still to take over, each with what to do, and visits that it has no more."""
    return page(request, "waitlist/outbound.html", _for_the_system(shell(request)))


def outbound_close(request: HttpRequest, outbound_id: int) -> HttpResponse:
    """Close one by hand, with a reason."""
    frame = shell(request)
    try:
        close_outbound(frame.actor, outbound_id, request.POST.get("why", ""))
    except Refused as refused:
        if isinstance(refused, NotFound):
            raise
        return page(request, "waitlist/outbound.html", _for_the_system(frame), error=refused)
    return done(request, "Closed.", "/outbound/")


def missing_keep(request: HttpRequest, missing_id: int) -> HttpResponse:
    """Leave a visit on the book although the last export does not have it."""
    keep_missing(shell(request).actor, missing_id)
    return done(request, "It stays on the book.", "/outbound/")


def missing_end(request: HttpRequest, missing_id: int) -> HttpResponse:
    """Take a visit off the book that the practice system has no more."""
    end_missing(shell(request).actor, missing_id)
    return done(request, "Taken off the book; its time is free.", "/outbound/")


def _for_the_system(frame: Shell) -> dict[str, Any]:
    return {"lines": _outbound(frame), "missing": _missing(frame)}


def _missing(frame: Shell) -> tuple[MissingLine, ...]:
    return missing_visits(frame.actor) if frame.actor.may(Permission.SCHEDULE_READ) else ()


def _outbound(frame: Shell) -> tuple[Any, ...]:
    return outbound(frame.actor) if frame.actor.may(Permission.SCHEDULE_READ) else ()


def _ahead(frame: Shell, patient_id: int | None) -> list[tuple[int, str]]:
    if patient_id is None or not frame.actor.may(Permission.SCHEDULE_READ):
        return []
    return [
        (
            v.id,
            f"{v.starts_at:%a} {v.starts_at.day} {v.starts_at:%b} {clock_time(v.starts_at, frame.clock)}, {v.visit_type}",
        )
        for v in visits_of(frame.actor, patient_id)
        if v.status == "booked" and v.starts_at > frame.actor.at
    ]
