"""Settings: the organisation, its locations with hours and closed days, people and rooms, visit types, members and roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from carewheel.practice import members as people
from carewheel.practice import offerings, places, resources
from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.models import Leave, Location, Organisation, Resource, Role, VisitType
from carewheel.spokes.operations.queries_booking import moment_at
from carewheel.web.shell import Shell, done, number_of, offer_choices, page, patients_file, shell

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Two spans a day: morning and afternoon.
SPANS = 2
NEEDS = 4
LOCAL = "%Y-%m-%dT%H:%M"


def _local_moment(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL)
    return forms.DateTimeField(widget=widget, input_formats=[LOCAL], label=label)


class OrganisationForm(forms.Form):
    name = forms.CharField(max_length=200)
    currency = forms.CharField(max_length=3, required=False, help_text="Three letters, as USD or EUR.")
    clock = forms.ChoiceField(choices=Organisation.Clock.choices, label="Times are written as", help_text="To staff and patients. What you type follows your browser.")  # fmt: skip
    requires_mfa = forms.BooleanField(required=False, label="Everybody needs a second factor")


class PlaceForm(forms.Form):
    name = forms.CharField(max_length=200)
    zone = forms.CharField(max_length=64, label="Time zone", help_text="As America/New_York.")
    mode = forms.ChoiceField(choices=Location.Mode.choices, label="Who holds the book", help_text="Where the practice system holds it, what patients book by themselves is a request until the practice confirms it.")  # fmt: skip
    phone = forms.CharField(max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel"}))
    address = forms.CharField(max_length=300, required=False)
    active = forms.BooleanField(required=False, label="In use")


class NewPlaceForm(forms.Form):
    name = forms.CharField(max_length=200)
    zone = forms.CharField(max_length=64, label="Time zone", help_text="As America/New_York.")


class NewResourceForm(forms.Form):
    name = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=Resource.Kind.choices)


class ResourceForm(forms.Form):
    name = forms.CharField(max_length=200)
    able = forms.CharField(max_length=500, required=False, label="Can do, or is for", help_text="With commas: hygiene, Spanish, x-ray. Visit types can ask for it.")  # fmt: skip
    active = forms.BooleanField(required=False, label="Can be booked")


class LeaveForm(forms.Form):
    kind = forms.ChoiceField(choices=Leave.Kind.choices)
    starts = _local_moment("From")
    ends = _local_moment("To")


class TypeForm(forms.Form):
    name = forms.CharField(max_length=120)
    minutes = forms.IntegerField(min_value=1, max_value=1440)
    seats = forms.IntegerField(min_value=1, max_value=100, initial=1, help_text="How many patients one visit takes; above 1 it is a group.")  # fmt: skip
    online = forms.ChoiceField(choices=VisitType.Online.choices, label="On the booking page")
    for_new_patients = forms.BooleanField(required=False, label="Also for new patients")
    lead_minutes = forms.IntegerField(
        min_value=0, max_value=525_600, initial=120, label="Not sooner than, minutes"
    )
    horizon_days = forms.IntegerField(min_value=0, max_value=730, initial=90, label="Not later than, days")
    most_open = forms.IntegerField(
        min_value=0, max_value=100, initial=1, label="Open visits of a patient at once"
    )
    late_cancel_minutes = forms.IntegerField(
        min_value=0, max_value=525_600, initial=1440, label="A cancellation is late from, minutes before"
    )
    instructions = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Patients read it before they book.",
    )
    active = forms.BooleanField(required=False, initial=True, label="In use")


class MemberForm(forms.Form):
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(max_length=200, required=False)
    role = forms.ChoiceField(choices=[c for c in Role.choices if c[0] != Role.PATIENT])
    location_id = forms.TypedChoiceField(coerce=int, required=False, empty_value=None, label="Where")

    def __init__(self, frame: Shell, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        offer_choices(self, location_id=[("", "Everywhere"), *((p.id, p.name) for p in frame.places)])


def settings_page(request: HttpRequest) -> HttpResponse:
    """The organisation and lists of what can be set; sent, the organisation's own values."""
    actor = shell(request).actor
    known = places.organisation(actor)
    start = {
        "name": known.name,
        "currency": known.currency,
        "requires_mfa": known.requires_mfa,
        "clock": known.clock,
    }
    form = OrganisationForm(request.POST or None, initial=start)
    error = None
    if request.method == "POST" and form.is_valid():
        try:
            places.change_organisation(actor, **form.cleaned_data)
        except Refused as refused:
            error = refused
        else:
            return done(request, "Saved.", "/settings/")
    return page(request, "settings/settings.html", {
        "form": form, "all_places": places.places(actor, also_closed=True), "types": offerings.offerings(actor, also_inactive=True),
    }, error=error)  # fmt: skip


def place_new(request: HttpRequest) -> HttpResponse:
    """Add a location."""
    return _simple(
        request,
        NewPlaceForm,
        "New location",
        lambda actor, values: f"/settings/places/{places.add_place(actor, **values).id}/",
        Permission.SETTINGS_WRITE,
    )


def place(request: HttpRequest, location_id: int) -> HttpResponse:
    """One location: who holds its book, hours, closed days, people and rooms. Which part is sent is said by ``part``."""
    frame = shell(request)
    frame.actor.need(Permission.SETTINGS_READ, location_id)
    known = places.place_detail(frame.actor, location_id)
    start = {name: getattr(known.place, name) for name in ("name", "zone", "phone", "address", "active")}
    start["mode"] = Location.Mode.BESIDE if known.place.beside else Location.Mode.MASTER
    form, week, error = PlaceForm(initial=start), _week(known.hours), None
    new_form = NewResourceForm(auto_id="new_%s")
    if request.method == "POST":
        part = request.POST.get("part")
        try:
            if part == "hours":
                week = _typed_week(request.POST)
                places.set_hours(frame.actor, location_id, _spans(request.POST))
            elif part == "closure":
                places.add_closure(frame.actor, location_id, _date(request.POST), request.POST.get("name", ""))  # fmt: skip
            elif part == "open":
                places.remove_closure(frame.actor, location_id, number_of(request.POST.get("closure")) or 0)
            elif part == "resource":
                new_form = NewResourceForm(request.POST, auto_id="new_%s")
                if not new_form.is_valid():
                    raise Refused("bad-name", "Nobody was added.", "Give a name and a kind.")
                resources.add_resource(frame.actor, location_id=location_id, **new_form.cleaned_data)
            else:
                form = PlaceForm(request.POST)
                if not form.is_valid():
                    raise Refused("bad-fields", "Not saved yet.", "Correct what is marked.")
                places.change_place(frame.actor, location_id, **form.cleaned_data)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            return done(request, "Saved.", f"/settings/places/{location_id}/")
    return page(request, "settings/place.html", {
        "known": known, "form": form, "week": week, "weekdays": DAYS, "new_form": new_form,
        "all_resources": resources.resources(frame.actor, location_id, also_inactive=True), "kinds": dict(Resource.Kind.choices),
    }, error=error)  # fmt: skip


def resource(request: HttpRequest, location_id: int, resource_id: int) -> HttpResponse:
    """A practitioner, room or device as it is at a location: name, week, leave."""
    frame = shell(request)
    frame.actor.need(Permission.SETTINGS_READ, location_id)
    place_name = places.place_detail(frame.actor, location_id).place
    known = resources.resource_detail(frame.actor, resource_id, location_id)
    start = {"name": known.line.name, "able": ", ".join(known.line.able), "active": known.line.active}
    form, leave_form, week, error = ResourceForm(initial=start), LeaveForm(auto_id="leave_%s"), _week(known.week), None  # fmt: skip
    if request.method == "POST":
        part = request.POST.get("part")
        try:
            if part == "week":
                week = _typed_week(request.POST)
                resources.set_week(frame.actor, resource_id, location_id, _spans(request.POST))
            elif part == "leave":
                leave_form = LeaveForm(request.POST, auto_id="leave_%s")
                if not leave_form.is_valid():
                    raise Refused("bad-leave", "Not saved yet.", "Give both times.")
                wish = leave_form.cleaned_data
                starts, ends = (moment_at(frame.actor, location_id, wish[x].replace(tzinfo=None)) for x in ("starts", "ends"))  # fmt: skip
                resources.add_leave(frame.actor, resource_id, kind=wish["kind"], starts_at=starts, ends_at=ends)  # fmt: skip
            elif part == "back":
                resources.remove_leave(frame.actor, resource_id, number_of(request.POST.get("leave")) or 0)
            else:
                form = ResourceForm(request.POST)
                if not form.is_valid():
                    raise Refused("bad-fields", "Not saved yet.", "Correct what is marked.")
                values = form.cleaned_data
                resources.change_resource(
                    frame.actor,
                    resource_id,
                    name=values["name"],
                    active=values["active"],
                    able=values["able"].split(","),
                )
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            return done(request, "Saved.", request.path)
    return page(request, "settings/resource.html", {
        "known": known, "form": form, "leave_form": leave_form, "week": week, "weekdays": DAYS, "at": place_name,
        "leave_kinds": dict(Leave.Kind.choices),
    }, error=error)  # fmt: skip


def visit_type_new(request: HttpRequest) -> HttpResponse:
    """Make a visit type."""
    shell(request).actor.need(Permission.SETTINGS_WRITE)
    return _visit_type(request, None)


def visit_type(request: HttpRequest, visit_type_id: int) -> HttpResponse:
    """One visit type with its needs and its rules for patients."""
    return _visit_type(request, visit_type_id)


def _visit_type(request: HttpRequest, type_id: int | None) -> HttpResponse:
    actor = shell(request).actor
    known = offerings.offering(actor, type_id) if type_id else None
    start = {name: getattr(known, name) for name in TypeForm.base_fields} if known else None
    form = TypeForm(request.POST or None, initial=start)
    needs: list[dict[str, Any]] = [{"kind": n.kind, "from": n.from_minute, "to": n.to_minute, "able": ", ".join(n.able)} for n in (known.needs if known else ())]  # fmt: skip
    error = None
    if request.method == "POST":
        needs = _typed_needs(request.POST)
        if form.is_valid():
            try:
                made = offerings.save_offering(actor, type_id, form.cleaned_data, _needs(needs))
            except Refused as refused:
                if isinstance(refused, NotFound):
                    raise
                error = refused
            else:
                return done(request, "Saved.", reverse("visit_type", args=[made.id]))
    needs += [{"kind": "", "from": "", "to": "", "able": ""}] * (NEEDS - len(needs))
    return page(request, "settings/visit_type.html", {"form": form, "known": known, "needs": needs, "kinds": Resource.Kind.choices}, error=error)  # fmt: skip


def member_page(request: HttpRequest) -> HttpResponse:
    """Members and roles; sent, a new member, whose first password is shown once."""
    frame = shell(request)
    form, error, password, added = MemberForm(frame, request.POST or None), None, "", None
    if request.method == "POST" and form.is_valid():
        try:
            added, password = people.add_member(frame.actor, **form.cleaned_data)
            form = MemberForm(frame)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
    return page(request, "settings/members.html", {
        "form": form, "members": people.members(frame.actor), "password": password, "added": added, "roles": dict(Role.choices),
    }, error=error)  # fmt: skip


def members_csv(request: HttpRequest) -> HttpResponse:
    """Who has which role where; that it was taken away is in the audit trail."""
    rows = [
        (m.name, m.email, m.role, m.location or "everywhere") for m in people.members(shell(request).actor)
    ]
    return patients_file(request, "members", ("name", "email", "role", "where"), rows)


def member_end(request: HttpRequest, membership_id: int) -> HttpResponse:
    """End a role."""
    frame = shell(request)
    try:
        people.end_member(frame.actor, membership_id)
    except Refused as refused:
        if isinstance(refused, NotFound):
            raise
        return page(request, "settings/members.html", {
            "form": MemberForm(frame), "members": people.members(frame.actor), "password": "", "added": None, "roles": dict(Role.choices),
        }, error=refused)  # fmt: skip
    return done(request, "The role has ended.", "/settings/members/")


def _simple(
    request: HttpRequest, kind: type[forms.Form], title: str, save: Any, need: Permission
) -> HttpResponse:
    actor = shell(request).actor
    actor.need(need)
    form, error = kind(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            return done(request, "Saved.", save(actor, form.cleaned_data))
        except Refused as refused:
            error = refused
    return page(request, "settings/simple.html", {"form": form, "title": title}, error=error)


def _week(spans: Sequence[tuple[int, time, time]]) -> list[list[tuple[str, str]]]:
    """For each weekday the times as text, `SPANS` pairs at least."""
    week = [[(f"{a:%H:%M}", f"{b:%H:%M}") for d, a, b in spans if d == day] for day in range(7)]
    return [pairs + [("", "")] * max(SPANS - len(pairs), 0) for pairs in week]


def _typed_week(typed: QueryDict) -> list[list[tuple[str, str]]]:
    return [
        list(zip(typed.getlist(f"from-{day}"), typed.getlist(f"to-{day}"), strict=False))[:6]
        for day in range(7)
    ]


def _spans(typed: QueryDict) -> list[tuple[int, time, time]]:
    """Raises `Refused` where a time is missing or none."""
    try:
        return [
            (day, time.fromisoformat(a), time.fromisoformat(b))
            for day, pairs in enumerate(_typed_week(typed))
            for a, b in pairs
            if a or b
        ]
    except ValueError as error:
        raise Refused(
            "bad-hours", "A time is missing or none.", "Give from and to, or leave both empty."
        ) from error


def _date(typed: QueryDict) -> date:
    try:
        return date.fromisoformat(typed.get("date", ""))
    except ValueError as error:
        raise Refused("bad-date", "The day is missing.", "Give the day.") from error


def _typed_needs(typed: QueryDict) -> list[dict[str, Any]]:
    columns = [typed.getlist(f"need-{name}") for name in ("kind", "from", "to", "able")]
    rows = [dict(zip(("kind", "from", "to", "able"), row, strict=True)) for row in zip(*columns, strict=False)]  # fmt: skip
    return [row for row in rows if row["kind"]][: offerings.MOST_NEEDS]


def _needs(typed: Sequence[dict[str, Any]]) -> list[offerings.NeedLine]:
    try:
        return [
            offerings.NeedLine(
                row["kind"],
                int(row["from"] or 0),
                int(row["to"]),
                tuple(x.strip() for x in row["able"].split(",") if x.strip()),
            )
            for row in typed
        ]
    except ValueError as error:
        raise Refused("bad-needs", "A need's minutes are missing.", "Say from which to which minute.") from error  # fmt: skip
