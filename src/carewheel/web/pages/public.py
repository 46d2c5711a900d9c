"""For patients, without an account: book online, manage one's own visit, answer an offer of the waitlist.

These pages know no cookie (they also stand in frames of other sites, where browsers give none): what a step needs travels sealed in its form, and
a link's token is the secret. So there is no session that a forged form could ride on.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from carewheel.journeys.book_online import Newcomer, door, keep_time, own_visit, take_time, token_of
from carewheel.practice.access import Actor, NotFound, Refused
from carewheel.practice.clocks import clock_of
from carewheel.practice.offerings import Offering, public_offerings
from carewheel.practice.places import Place, place_of_visit, public_place
from carewheel.spokes.operations.commands_booking import cancel_visit, move_visit
from carewheel.spokes.operations.commands_waitlist import claim_offer, decline_offer
from carewheel.spokes.operations.contracts_booking import BookingRequest, FreeSlot, SlotQuestion
from carewheel.spokes.operations.queries_booking import free_slots, why_not_moved_alone
from carewheel.spokes.operations.queries_waitlist import offer_by_token
from carewheel.web.errors import status_of
from carewheel.web.shell import day_of, number_of, site_address

# Times shown at once; "later" leads on.
SHOWN = 60


class WhoForm(forms.Form):
    """Who comes, and where the code is sent."""

    given_name = forms.CharField(
        max_length=120, label="First name", widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    family_name = forms.CharField(
        max_length=120, label="Last name", widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    birth_date = forms.DateField(widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}))
    contact = forms.CharField(max_length=254, label="E-mail or mobile number", help_text="We send a code there to be sure that it is yours.")  # fmt: skip


@csrf_exempt
def book(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose what for; with ``type``, a time; with ``starts``, say who comes. Sent: the time is kept and a code is on its way."""
    organisation_id, place = public_place(slug)
    actor = door(organisation_id, request.at, request.META.get("REMOTE_ADDR", ""))  # type: ignore[attr-defined]
    kinds = public_offerings(organisation_id, place.id)
    words: dict[str, Any] = {"place": place, "kinds": kinds}
    wanted = number_of(request.POST.get("type") or request.GET.get("type"))
    if wanted is None:
        return _page(request, organisation_id, "public/what.html", words)
    kind = next((k for k in kinds if k.id == wanted), None)
    if kind is None:
        raise NotFound("This visit cannot be booked online.")
    # Where the practice system holds the book, nobody but the practice can say yes.
    words |= {"kind": kind, "asks": place.beside or kind.online == "request"}
    starts = _moment(request.POST.get("starts") or request.GET.get("starts"))
    if starts is None:
        return _page(
            request, organisation_id, "public/times.html", words | _times(request, actor, place, kind)
        )
    words["starts"] = starts.astimezone(ZoneInfo(place.zone))
    if kind.online == "view":
        raise Refused("not-online", "This visit is booked by telephone.", f"Call {place.phone or 'the practice'}.")  # fmt: skip
    form = WhoForm(request.POST or None)
    error = None
    if request.method == "POST" and form.is_valid():
        asked = BookingRequest(place.id, kind.id, starts, channel="online", patient_side=True)
        try:
            sealed = keep_time(actor, asked, Newcomer(**form.cleaned_data))
        except Refused as refused:
            error = refused
        else:
            shown = {"sealed": sealed, "contact": form.cleaned_data["contact"], "code": ""}
            return _page(request, organisation_id, "public/code.html", words | shown)
    return _page(request, organisation_id, "public/who.html", words | {"form": form}, error)


@csrf_exempt
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """The code: with the right one the time is booked."""
    organisation_id, place = public_place(slug)
    actor = door(organisation_id, request.at, request.META.get("REMOTE_ADDR", ""))  # type: ignore[attr-defined]
    sealed, code = request.POST.get("sealed", ""), request.POST.get("code", "")
    link = site_address(request) + reverse("own_visit", args=["{token}"]).replace("%7B", "{").replace(
        "%7D", "}"
    )
    try:
        booked = take_time(actor, sealed, code, link)
    except Refused as refused:
        words = {
            "place": place,
            "sealed": sealed,
            "code": code,
            "contact": "",
            "asks": request.POST.get("asks") == "1",
            "over": refused.code != "code-wrong",
        }
        return _page(request, organisation_id, "public/code.html", words, refused)
    return _page(
        request,
        organisation_id,
        "public/booked.html",
        {"place": place, "v": booked, "token": token_of(booked.id)},
    )


@csrf_exempt
def visit(request: HttpRequest, token: str) -> HttpResponse:
    """One's own visit: look, choose another time, cancel. Only sending the form changes anything."""
    actor, found = own_visit(token, request.at, request.META.get("REMOTE_ADDR", ""))  # type: ignore[attr-defined]
    error, said = None, ""
    if request.method == "POST":
        version = number_of(request.POST.get("version")) or 0
        starts = _moment(request.POST.get("starts"))
        try:
            if starts is not None:
                found = move_visit(actor, found.id, version, starts)
                asked = found.status == "pending"
                said = (
                    "You have asked for this time; the practice confirms it."
                    if asked
                    else "Your visit is moved."
                )
            else:
                found = cancel_visit(actor, found.id, version, "cancelled by the patient online")
                said = "Your visit is cancelled."
        except Refused as refused:
            error = refused
    ahead = found.status in ("booked", "pending") and found.starts_at > request.at  # type: ignore[attr-defined]
    fixed = why_not_moved_alone(actor, found) if ahead else None
    words: dict[str, Any] = {
        "v": found, "token": token, "said": said, "ahead": ahead, "fixed": fixed, "days": {}, "moving": False,
        "place": place_of_visit(actor, found.location_id),
    }  # fmt: skip
    if ahead and not fixed and request.GET.get("move") and found.visit_type_id:
        first = max(day_of(request, "from", found.starts_at.date()), request.at.date())  # type: ignore[attr-defined]
        try:
            words |= {"moving": True, "days": _days(actor, found.location_id, found.starts_at.tzinfo, found.visit_type_id, first), "from": first}  # fmt: skip
        except Refused as refused:
            error = refused
    return _page(request, actor.organisation_id, "public/visit.html", words, error)


@csrf_exempt
def offer(request: HttpRequest, token: str) -> HttpResponse:
    """A time that became free. Opening the link takes nothing; the button does."""
    error = None
    if request.method == "POST":
        try:
            answer = decline_offer if request.POST.get("answer") == "no" else claim_offer
            answer(token, request.at)  # type: ignore[attr-defined]
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
    found = offer_by_token(token, request.at)  # type: ignore[attr-defined]
    return _page(request, found.organisation_id, "public/offer.html", {"o": found}, error)


def _times(request: HttpRequest, actor: Actor, place: Place, kind: Offering) -> dict[str, Any]:
    zone = ZoneInfo(place.zone)
    today = actor.at.astimezone(zone).date()
    first = max(day_of(request, "from", today), today)
    new = request.GET.get("new") == "1"
    try:
        days = _days(actor, place.id, zone, kind.id, first, new)
    except Refused as refused:
        return {"days": {}, "first": first, "today": today, "new": new, "error": refused}
    return {"days": days, "first": first, "today": today, "new": new, "next": max(days, default=first) + timedelta(days=1)}  # fmt: skip


def _days(
    actor: Actor, location_id: int, zone: Any, type_id: int, first: date, new: bool = False
) -> dict[date, list[tuple[datetime, FreeSlot]]]:
    """Free times by local day, each start once."""
    earliest = max(datetime.combine(first, time(0), zone), actor.at)
    found = free_slots(
        actor,
        SlotQuestion(
            type_id, earliest, location_ids=(location_id,), patient_side=True, new_patient=new, count=SHOWN
        ),
    )
    days: dict[date, list[tuple[datetime, FreeSlot]]] = {}
    for slot in found:
        local = slot.starts_at.astimezone(zone)
        if local not in (at for at, _ in days.get(local.date(), ())):
            days.setdefault(local.date(), []).append((local, slot))
    return days


def _moment(text: str | None) -> datetime | None:
    """A moment with its offset, as the links of free times have it."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo and 2000 <= found.year < 2200 else None


def _page(
    request: HttpRequest,
    organisation_id: int,
    template: str,
    words: dict[str, Any],
    error: Refused | None = None,
) -> HttpResponse:
    known = {"error": error} | words | {"clock": clock_of(organisation_id)}
    shown: Refused | None = known["error"]
    return render(request, template, known, status=status_of(shown) if shown else 200)
