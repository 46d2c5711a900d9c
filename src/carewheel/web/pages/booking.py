"""Book a visit at the desk: type, time, who; at a free time, or in spite of what stands against it with a reason."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.journeys.book_somebody_new import book_somebody_new
from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.clocks import clock_time
from carewheel.practice.offerings import offerings
from carewheel.practice.patients import PatientLine, patient_line, search_patients
from carewheel.practice.resources import resources
from carewheel.spokes.operations.commands_booking import book_series, book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.queries_booking import moment_at
from carewheel.web.pages.offered import type_choices
from carewheel.web.shell import (
    Shell,
    done,
    needs_place,
    number_of,
    offer_choices,
    page,
    part,
    part_asked,
    shell,
)

LOCAL = "%Y-%m-%dT%H:%M"


class BookForm(forms.Form):
    """A visit at the desk. ``key``: the form sent twice books once; ``fold``: the second of a time that the clock shows twice."""

    key = forms.CharField(max_length=60, widget=forms.HiddenInput, required=False)
    fold = forms.IntegerField(min_value=0, max_value=1, widget=forms.HiddenInput, required=False)
    location = forms.TypedChoiceField(coerce=int)
    visit_type = forms.TypedChoiceField(coerce=int)
    starts = forms.DateTimeField(
        input_formats=[LOCAL],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
        label="When",
    )
    minutes = forms.IntegerField(
        min_value=5, max_value=1440, required=False, help_text="Empty: as long as the type says."
    )
    resource_ids = forms.TypedMultipleChoiceField(coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="With", help_text="None chosen: whoever and whatever is free.")  # fmt: skip
    times = forms.IntegerField(min_value=1, max_value=60, initial=1, required=False, label="How many visits", help_text="More than one is a series: all are booked, or none.")  # fmt: skip
    weeks = forms.IntegerField(min_value=1, max_value=26, initial=1, required=False, label="Weeks from one to the next")  # fmt: skip
    given_name = forms.CharField(max_length=120, required=False)
    family_name = forms.CharField(max_length=120, required=False)
    birth_date = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    phone = forms.CharField(
        max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})
    )
    email = forms.EmailField(
        required=False, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    override_reason = forms.CharField(max_length=200, required=False, label="Reason to book over", help_text="Only if a rule or another visit stands against it. It is kept in the audit trail.")  # fmt: skip

    def __init__(self, frame: Shell, location_id: int, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        there = resources(frame.actor, location_id)
        writable = [p for p in frame.places if frame.actor.may(Permission.SCHEDULE_WRITE, p.id)]
        offer_choices(
            self,
            location=[(p.id, p.name) for p in writable],
            visit_type=type_choices(offerings(frame.actor), there, frame),
            resource_ids=[(r.id, r.name) for r in there],
        )

    # Shown apart: the person who comes, and the way around a refusal.
    SERIES = ("times", "weeks")
    PERSON = ("given_name", "family_name", "birth_date", "phone", "email")

    def about_the_visit(self) -> list[Any]:
        return [
            self[name] for name in self.fields if name not in (*self.PERSON, *self.SERIES, "override_reason")
        ]

    def about_the_series(self) -> list[Any]:
        return [self[name] for name in self.SERIES]

    def about_the_person(self) -> list[Any]:
        return [self[name] for name in self.PERSON]


@needs_place
def book(request: HttpRequest) -> HttpResponse:
    """The form, filled in from a free time or a spot on the grid; sent, the visit."""
    frame = shell(request)
    frame.actor.need(Permission.SCHEDULE_WRITE)
    asked = number_of(request.POST.get("location") or request.GET.get("location"))
    location_id = frame.at(asked or frame.need_place().id).id
    if request.method != "POST":
        form = BookForm(frame, location_id, initial=_start(request, frame))
        words = {"form": form, "patient": number_of(request.GET.get("patient")), "q": "", "found": _chosen(frame, number_of(request.GET.get("patient")))}  # fmt: skip
        template = "schedule/book_part.html" if part_asked(request) else "schedule/book.html"
        return part(request, template, words) if part_asked(request) else page(request, template, words)
    form = BookForm(frame, location_id, request.POST)
    chosen, text = number_of(request.POST.get("patient")), request.POST.get("q", "")
    found = _chosen(frame, chosen) or search_patients(frame.actor, text, 10)
    words = {"form": form, "patient": chosen, "q": text, "found": found}
    if "search" in request.POST:
        # Without script the search is a round trip; what was typed stays.
        form.errors.clear()
        return page(request, "schedule/book.html", words)
    error = None
    if form.is_valid():
        try:
            made = _booked(frame, form.cleaned_data, chosen)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            said = (
                f"Booked: {made.patient_name}, {made.starts_at:%a} {clock_time(made.starts_at, frame.clock)}."
            )
            return done(request, said, f"/schedule/?{urlencode({'first': made.starts_at.date(), 'location': made.location_id})}")  # fmt: skip
    return page(request, "schedule/book.html", words, error=error, status=400)


def people(request: HttpRequest) -> HttpResponse:
    """Patients as one types, to choose from."""
    found = search_patients(shell(request).actor, request.GET.get("q", ""), 10)
    return part(request, "schedule/people.html", {"found": found, "q": request.GET.get("q", ""), "patient": None})  # fmt: skip


def _start(request: HttpRequest, frame: Shell) -> dict[str, Any]:
    given = request.GET
    ids = [int(x) for x in given.get("resources", "").split(",") if number_of(x)]
    return {
        "key": secrets.token_urlsafe(12),
        "fold": number_of(given.get("fold")),
        "location": number_of(given.get("location")) or frame.need_place().id,
        "visit_type": number_of(given.get("visit_type")),
        "starts": given.get("starts", ""),
        "resource_ids": ids,
    }


def _chosen(frame: Shell, patient_id: int | None) -> tuple[PatientLine, ...]:
    """The patient for whom the form is, as one to choose; none where nobody was chosen yet."""
    if patient_id is None:
        return ()
    return (patient_line(frame.actor, patient_id),)


def _booked(frame: Shell, wish: dict[str, Any], patient_id: int | None) -> VisitDetail:
    local = wish["starts"].replace(tzinfo=None, fold=wish["fold"] or 0)
    asked = BookingRequest(
        location_id=wish["location"],
        visit_type_id=wish["visit_type"],
        starts_at=moment_at(frame.actor, wish["location"], local),
        patient_id=patient_id,
        resource_ids=tuple(wish["resource_ids"]),
        minutes=wish["minutes"],
        override_reason=wish["override_reason"],
        key=wish["key"],
    )
    if patient_id is not None and (wish["times"] or 1) > 1:
        return _series(frame, asked, local, wish["times"], timedelta(weeks=wish["weeks"] or 1))
    if patient_id is not None:
        return book_visit(frame.actor, asked)
    if (wish["times"] or 1) > 1:
        raise Refused("no-patient", "A series is for somebody known.", "Register the patient first, or book one visit.")  # fmt: skip
    if not (wish["given_name"] or wish["family_name"]):
        raise Refused(
            "no-patient",
            "Nobody is chosen.",
            "Choose a patient from the search, or give the name of a new one.",
        )
    return book_somebody_new(
        frame.actor,
        asked,
        given_name=wish["given_name"],
        family_name=wish["family_name"],
        birth_date=wish["birth_date"],
        phone=wish["phone"],
        email=wish["email"],
    )


def _series(frame: Shell, first: BookingRequest, local: datetime, times: int, gap: timedelta) -> VisitDetail:
    """The same wall-clock time again and again, also where the clock changes in between; the first of them."""
    at = (moment_at(frame.actor, first.location_id, local + n * gap) for n in range(times))
    return book_series(frame.actor, [replace(first, starts_at=starts) for starts in at], f"{times} visits")[0]
