"""What every page has around it: navigation by permission, the location that is looked at, toasts, and the way back."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.forms import ChoiceField, Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import exported
from carewheel.practice.places import Place, places
from carewheel.practice.workspaces import folder_of
from carewheel.warehouse.workspace import Workspace
from carewheel.web.errors import status_of

# Title, address, and what one must be allowed for it to be shown.
NAVIGATION = (
    ("Wheel", "home", Permission.WHEEL_READ),
    ("Plans", "plans", Permission.WHEEL_READ),
    ("Day", "day", Permission.SCHEDULE_READ),
    ("Schedule", "schedule", Permission.SCHEDULE_READ),
    ("Patients", "patients", Permission.PATIENT_READ),
    ("Waitlist", "waitlist", Permission.WAITLIST_READ),
    ("Access", "access", Permission.ACCESS_READ),
    ("Data", "data", Permission.DATA_READ),
    ("Settings", "settings", Permission.SETTINGS_READ),
    ("Jobs", "jobs", Permission.JOBS_READ),
    ("Audit", "audit", Permission.AUDIT_READ),
)
# Pages that stand below one of them under an address of their own.
BELOW = {
    "/plans/": ("/scorecard/", "/purchases/"),
    "/schedule/": ("/visits/",),
    "/waitlist/": ("/outbound/",),
}
# Pages that tell of the whole group: for roles at all of its locations.
OF_THE_GROUP = ("plans", "data")
LOCATION = "location"
# A cell that begins so is a formula to a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Shell:
    """Who looks, from where. ``here``: the location that pages of one location are about; None where there is none at all; ``clock``: how the
    organisation writes times (`practice.clocks`)."""

    actor: Actor
    places: tuple[Place, ...]
    here: Place | None
    clock: str = ""

    @property
    def zone(self) -> str:
        return self.here.zone if self.here else "UTC"

    @property
    def today(self) -> date:
        """At the location that is looked at."""
        return self.actor.at.astimezone(ZoneInfo(self.zone)).date()

    def at(self, location_id: int) -> Place:
        """One of the locations that may be seen. Raises `NotFound`."""
        for place in self.places:
            if place.id == location_id:
                return place
        raise NotFound

    def need_place(self) -> Place:
        """Raises `Refused` where the organisation has no location yet."""
        if self.here is None:
            raise Refused("no-place", "There is no location yet.", "Make one under Settings.")
        return self.here


def shell(request: HttpRequest) -> Shell:
    """The shell of a request; the location is the one of ``?location=``, else the one chosen last, else the first."""
    kept: Shell | None = getattr(request, "shell", None)
    if kept is None:
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        if actor is None:
            raise Refused("forbidden", "Your account has no role yet.", "Ask an owner of the practice.")
        found = places(actor)
        wanted = request.GET.get("location") or request.session.get(LOCATION)
        here = next((p for p in found if str(p.id) == str(wanted)), found[0] if found else None)
        if request.GET.get("location") and (here is None or str(here.id) != request.GET["location"]):
            raise NotFound
        kept = Shell(actor, found, here, request.organisation.clock)  # type: ignore[attr-defined]
        request.shell = kept  # type: ignore[attr-defined]
    return kept


def workspace_of(request: HttpRequest) -> Workspace:
    """The facts of the actor's organisation."""
    return Workspace(folder_of(settings.WORKSPACE, shell(request).actor.organisation_id))


def page(request: HttpRequest, template: str, words: dict[str, Any] | None = None, *, status: int = 200, error: Refused | None = None) -> HttpResponse:  # fmt: skip
    """A page within the shell. With ``error`` it is shown above the form that was refused, under the error's status."""
    frame = shell(request)
    shown = {
        "shell": frame,
        "zone": frame.zone,
        "clock": frame.clock,
        "error": error,
        "messages": messages.get_messages(request),
        "nav": [
            (title, reverse(name), current(request, reverse(name)))
            for title, name, need in NAVIGATION
            if frame.actor.may(need) and (name not in OF_THE_GROUP or frame.actor.locations(need) is None)
        ],
        "may": lambda word, location_id=None: frame.actor.may(Permission(word), location_id),
    }
    return render(request, template, shown | (words or {}), status=status_of(error) if error else status)


def need_everywhere(frame: Shell, permission: Permission) -> None:
    """For what tells of the whole group. Raises `Refused` where the role is of some locations only."""
    frame.actor.need(permission)
    if frame.actor.locations(permission) is not None:
        raise Refused(
            "forbidden", "This tells of the whole group.", "Ask an owner for a role at all locations."
        )


def needs_place(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page about one location: where there is none yet, it says how to begin."""

    @wraps(view)
    def seen(request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        if shell(request).here is None:
            return page(request, "no_place.html")
        return view(request, *args, **words)

    return seen


def part(request: HttpRequest, template: str, words: dict[str, Any]) -> HttpResponse:
    """A part of a page, for htmx."""
    frame = shell(request)
    may = {"may": lambda word, location_id=None: frame.actor.may(Permission(word), location_id)}
    return render(
        request,
        template,
        {"shell": frame, "zone": frame.zone, "clock": frame.clock, "error": None} | may | words,
    )


def current(request: HttpRequest, address: str) -> bool:
    """Whether a page of the navigation is, or is above, the one that is shown."""
    if address == "/":
        return request.path == "/" or request.path.startswith(("/measures/", "/arrows/"))
    return request.path.startswith((address, *BELOW.get(address, ())))


def done(request: HttpRequest, said: str, address: str, *, undo: str = "") -> HttpResponse:
    """After something was changed: back to where one came from (``next`` of the form, within this site), with a toast; with ``undo``, what can be taken
    back (`pages.several`), the toast offers it."""
    messages.success(request, said, extra_tags=undo)
    return HttpResponseRedirect(way_back(request) or address)


def way_back(request: HttpRequest) -> str:
    """The address within this site that a form asks to be led back to; "" for none or another site's."""
    wanted = request.POST.get("next", "")
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())  # fmt: skip
    return wanted if safe and wanted.isprintable() else ""


def site_address(request: HttpRequest) -> str:
    """Where patients reach the pages: as the practice says, else as whoever asks reached them."""
    return os.environ.get("CAREWHEEL_ADDRESS", "").rstrip("/") or f"{request.scheme}://{request.get_host()}"


def offer_choices(form: Form, **choices: Sequence[tuple[Any, Any]]) -> None:
    """What can be chosen in fields of a form, by their names."""
    for name, found in choices.items():
        cast(ChoiceField, form.fields[name]).choices = list(found)


def part_asked(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page only."""
    return request.headers.get("HX-Request") == "true"


def day_of(request: HttpRequest, name: str, default: date) -> date:
    """A date of the address; the default where there is none or it is no date."""
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return default
    # Beyond these no zone has rules, and week arithmetic could leave the calendar.
    return found if abs(found - default) < timedelta(days=36_500) else default


def number_of(text: str | None) -> int | None:
    """A whole number above zero, as it stands in an address or a form; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 15 else None


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """A table as a CSV to keep. No cell can be a formula.

    >>> csv_file("x", ["a", "b"], [["=1+1", -3]]).content.decode("utf-8-sig").splitlines()
    ['a,b', "'=1+1,-3"]
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    # The mark tells spreadsheets that it is UTF-8.
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def patients_file(request: HttpRequest, name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:  # fmt: skip
    """A table that tells of patients or members: `csv_file`, and a row in the audit trail."""
    found = list(rows)
    exported(shell(request).actor, name, len(found))
    return csv_file(name, head, found)


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
