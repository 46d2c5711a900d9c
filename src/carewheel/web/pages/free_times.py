"""Free times for a visit: for one that is to be booked, or for one that is to be moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.practice.access import Permission, Refused
from carewheel.practice.offerings import offerings
from carewheel.practice.resources import ResourceLine, names_of, resources
from carewheel.spokes.operations.contracts_booking import FreeSlot, SlotQuestion, VisitDetail
from carewheel.spokes.operations.queries_booking import free_slots, moment_at, visit
from carewheel.web.pages.offered import type_choices
from carewheel.web.shell import Shell, needs_place, number_of, offer_choices, page, shell

WEEKDAYS = [(i, name) for i, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))]
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """A free time by the clock of its place. ``who``: the first of those who are free then; ``where``: the place, if times of several are shown."""

    local: datetime
    slot: FreeSlot
    who: str
    where: str


class FinderForm(forms.Form):
    """Which free times are looked for. Of a visit that moves, type and place are known."""

    visit_type = forms.TypedChoiceField(coerce=int)
    locations = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="Where"
    )
    resource = forms.TypedChoiceField(coerce=int, required=False, empty_value=None, label="With")
    earliest = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label="From")
    weekdays = forms.TypedMultipleChoiceField(coerce=int, required=False, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple)  # fmt: skip
    after = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}), label="Not before")  # fmt: skip
    before = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}), label="Not after")  # fmt: skip

    def __init__(self, frame: Shell, moving: VisitDetail | None, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        here = frame.need_place().id if moving is None else moving.location_id
        there = resources(frame.actor, here)
        self.names = {r.id: r.name for r in there}
        offer_choices(self, resource=[("", "Anybody"), *self.names.items()])
        if moving is not None:
            del self.fields["visit_type"], self.fields["locations"]
        else:
            self._offer_types(frame, there)

    def _offer_types(self, frame: Shell, there: tuple[ResourceLine, ...]) -> None:
        offer_choices(
            self,
            visit_type=type_choices(offerings(frame.actor), there, frame),
            locations=[(p.id, p.name) for p in frame.places],
        )


@needs_place
def find(request: HttpRequest) -> HttpResponse:
    """Free times for a visit type and wishes; with ``move``, times to which that visit can go, each a button that moves it."""
    frame = shell(request)
    frame.actor.need(Permission.SCHEDULE_READ)
    moving = _moving(frame, number_of(request.GET.get("move")))
    asked = "visit_type" in request.GET or "earliest" in request.GET
    start = {"earliest": frame.today, "locations": [frame.need_place().id]}
    form = FinderForm(frame, moving, request.GET if asked else None, initial=start)
    days: dict[date, list[Shown]] = {}
    error = None
    if asked and form.is_valid():
        try:
            days = _free(frame, form, moving)
        except Refused as refused:
            error = refused
    words = {
        "form": form,
        "asked": asked,
        "days": days,
        "patient": request.GET.get("patient", ""),
        "moving": moving,
    }
    return page(request, "schedule/find.html", words, error=error)


def _moving(frame: Shell, visit_id: int | None) -> VisitDetail | None:
    if visit_id is None:
        return None
    found = visit(frame.actor, visit_id)
    frame.actor.need(Permission.SCHEDULE_WRITE, found.location_id)
    return found


def _free(frame: Shell, form: FinderForm, moving: VisitDetail | None) -> dict[date, list[Shown]]:
    """By local day."""
    wish = form.cleaned_data
    place = frame.need_place().id if moving is None else moving.location_id
    first = moment_at(frame.actor, place, datetime.combine(wish["earliest"], time(0)))
    between = None
    if wish["after"] or wish["before"]:
        between = (wish["after"] or time(0), wish["before"] or time(23, 59))
    if moving is None:
        kind, minutes, where = wish["visit_type"], None, tuple(wish["locations"]) or (place,)
    else:
        if moving.visit_type_id is None:
            raise Refused(
                "no-type", "The visit has no type, so nobody knows what it needs.", "Cancel it and book anew."
            )
        kind, where = moving.visit_type_id, (place,)
        minutes = int((moving.ends_at - moving.starts_at) / timedelta(minutes=1))
    found = free_slots(
        frame.actor,
        SlotQuestion(
            visit_type_id=kind,
            earliest=max(first, frame.actor.at),
            location_ids=where,
            resource_ids=(wish["resource"],) if wish["resource"] else (),
            weekdays=tuple(wish["weekdays"]),
            between=between,
            minutes=minutes,
            count=SHOWN,
        ),
    )
    # The first is named: the need that the practice put first, as a rule the practitioner.
    elsewhere = {slot.resource_ids[0] for slot in found if slot.resource_ids} - form.names.keys()
    who = form.names | (names_of(frame.actor, elsewhere) if elsewhere else {})
    several = len({slot.location_id for slot in found}) > 1
    places = {p.id: p for p in frame.places}
    days: dict[date, list[Shown]] = {}
    for slot in found:
        at = places[slot.location_id]
        local = slot.starts_at.astimezone(ZoneInfo(at.zone))
        with_ = who.get(slot.resource_ids[0], "") if slot.resource_ids else ""
        days.setdefault(local.date(), []).append(Shown(local, slot, with_, at.name if several else ""))
    return days
