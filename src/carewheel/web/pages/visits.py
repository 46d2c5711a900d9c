"""One visit: look at it, move it, cancel it, confirm what a patient asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.audit import seen
from carewheel.practice.resources import resources
from carewheel.spokes.operations.commands_booking import cancel_visit, confirm_visit, move_visit, release_hold
from carewheel.spokes.operations.contracts_booking import VisitDetail
from carewheel.spokes.operations.queries_attendance import beside_the_book
from carewheel.spokes.operations.queries_booking import moment_at, visit
from carewheel.web.pages.schedule import PEOPLE
from carewheel.web.pages.several import undo_token
from carewheel.web.shell import done, number_of, offer_choices, page, part, part_asked, shell

# A visit that can still be moved or cancelled.
AHEAD = ("booked", "pending")


class MoveForm(forms.Form):
    """Where a visit goes: the wall clock of its place, minutes, people and rooms (none chosen: those that it has, if free)."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    # The second of a time that the clock shows twice.
    fold = forms.IntegerField(min_value=0, max_value=1, widget=forms.HiddenInput, required=False)
    starts = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        label="New time",
    )
    minutes = forms.IntegerField(min_value=5, max_value=1440, required=False)
    resource_ids = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="With"
    )
    override_reason = forms.CharField(
        max_length=200,
        required=False,
        label="Reason to book over",
        help_text="Only if a rule or another visit stands against it. It is kept in the audit trail.",
    )


class CancelForm(forms.Form):
    """Why a visit is cancelled."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(max_length=200, label="Why")


def visit_page(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Everything about a visit and what can be done with it; for htmx the part that a dialog shows."""
    found = visit(shell(request).actor, visit_id)
    seen(shell(request).actor, "visit", visit_id, patient_id=found.patient_id)
    words = _words(request, found)
    return (
        part(request, "schedule/visit.html", words)
        if part_asked(request)
        else page(request, "schedule/visit_page.html", words)
    )


def move(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Move or resize. From the grid it comes with ``from`` and ``to``: the column that was left and the one it was dropped on."""
    actor = shell(request).actor
    found = visit(actor, visit_id)
    form = MoveForm(request.POST, auto_id="move_%s")
    offer_choices(form, resource_ids=_choices(request, found))
    error = None
    if form.is_valid():
        wish = form.cleaned_data
        try:
            starts = _moment(request, found, wish["starts"].replace(fold=wish["fold"] or 0))
            chosen = (
                _dropped(request, found) if "to" in request.POST else _chosen(found, wish["resource_ids"])
            )
            move_visit(
                actor,
                visit_id,
                wish["version"],
                starts,
                resource_ids=chosen,
                minutes=wish["minutes"],
                override_reason=wish["override_reason"],
            )
        except Refused as refused:
            if isinstance(refused, NotFound) or part_asked(request):
                raise
            error = refused
        else:
            if part_asked(request):
                return HttpResponse(status=204)
            return done(request, "Moved.", f"/visits/{visit_id}/")
    if part_asked(request):
        raise Refused("bad-time", "This time cannot be read.", "Choose another one.")
    return page(request, "schedule/visit_page.html", _words(request, found) | {"move_form": form}, error=error, status=400)  # fmt: skip


def cancel(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Cancel with a reason; a hold is released."""
    actor = shell(request).actor
    found = visit(actor, visit_id)
    if found.status == "proposed":
        release_hold(actor, visit_id)
        return done(request, "The hold is released.", f"/schedule/?first={found.starts_at.date()}")
    form = CancelForm(request.POST, auto_id="cancel_%s")
    error = None
    if form.is_valid():
        try:
            after = cancel_visit(actor, visit_id, form.cleaned_data["version"], form.cleaned_data["reason"])
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            made = ["cancel", visit_id, after.version, found.status, [o.resource_id for o in found.occupied]]
            said = "Cancelled. In a minute the patient is told, and who waits for such a time is asked."
            return done(request, said, f"/visits/{visit_id}/", undo=undo_token(actor.user_id, [made]))
    return page(request, "schedule/visit_page.html", _words(request, found) | {"cancel_form": form}, error=error, status=400)  # fmt: skip


def confirm(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Say yes to a visit that a patient asked for."""
    confirm_visit(shell(request).actor, visit_id, number_of(request.POST.get("version")) or 0)
    return done(request, "Confirmed.", f"/visits/{visit_id}/")


def _words(request: HttpRequest, found: VisitDetail) -> dict[str, Any]:
    actor = shell(request).actor
    beside = beside_the_book(actor, found.id)
    may_write = actor.may(Permission.SCHEDULE_WRITE, found.location_id)
    moving = None
    if may_write and found.status in AHEAD:
        start = found.starts_at.replace(tzinfo=None)
        minutes = int((found.ends_at - found.starts_at) / timedelta(minutes=1))
        had = [o.resource_id for o in found.occupied]
        moving = MoveForm(
            auto_id="move_%s",
            initial={
                "version": found.version,
                "starts": start,
                "minutes": minutes,
                "resource_ids": had,
                "next": "",
            },
        )
        offer_choices(moving, resource_ids=_choices(request, found))
    return {
        "v": found,
        "foreseen": beside.foreseen,
        "missing": beside.missing,
        "zone": shell(request).at(found.location_id).zone,
        "may_write": may_write,
        "move_form": moving,
        "cancel_form": CancelForm(auto_id="cancel_%s", initial={"version": found.version}) if may_write and found.status in (*AHEAD, "arrived") else None,
        "may_override": actor.may(Permission.SCHEDULE_OVERRIDE, found.location_id),
        "may_step": actor.may(Permission.FLOW_WRITE, found.location_id),
        "error": None,
    }  # fmt: skip


def _choices(request: HttpRequest, found: VisitDetail) -> list[tuple[int, str]]:
    return [(r.id, r.name) for r in resources(shell(request).actor, found.location_id)]


def _chosen(found: VisitDetail, ids: list[int]) -> tuple[int, ...]:
    """None where nothing else was chosen than what it has: then the room may change by itself."""
    return () if set(ids) == {o.resource_id for o in found.occupied} else tuple(ids)


def _dropped(request: HttpRequest, found: VisitDetail) -> tuple[int, ...]:
    """The people and rooms of a visit that was dragged from one column to another: that one is exchanged, people stay."""
    left, to = number_of(request.POST.get("from")), number_of(request.POST.get("to"))
    if to is None or left == to:
        return ()
    kept = [o.resource_id for o in found.occupied if o.resource_id not in (left, to) and o.kind in PEOPLE]
    kind = {r.id: r.kind for r in resources(shell(request).actor, found.location_id)}
    if kind.get(to) in PEOPLE:
        kept = [one for one in kept if kind.get(one) != kind.get(to)]
    return (*kept, to)


def _moment(request: HttpRequest, found: VisitDetail, local: datetime) -> datetime:
    naive = local.replace(tzinfo=None)
    # An hour that the clock shows twice: the visit stays in the one it is in, unless the second is chosen.
    if not naive.fold and naive == found.starts_at.replace(tzinfo=None, fold=0):
        return found.starts_at
    return moment_at(shell(request).actor, found.location_id, naive)
