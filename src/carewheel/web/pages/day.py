"""The day board: who is expected, here, in a room, with a clinician, done; steps by button or by dragging."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from carewheel.practice.access import Permission
from carewheel.spokes.operations.commands_day import mark_visit
from carewheel.spokes.operations.contracts_booking import LANES, Board
from carewheel.spokes.operations.queries_day import board
from carewheel.web.shell import (
    day_of,
    done,
    needs_place,
    number_of,
    page,
    part,
    part_asked,
    patients_file,
    shell,
)

LANE_WORDS = {
    "booked": "Booked",
    "arrived": "Arrived",
    "roomed": "In room",
    "with-clinician": "With clinician",
    "done": "Done",
}
# The step that leads on from a lane, as the button says it.
NEXT = {
    "booked": ("arrived", "Arrived"),
    "arrived": ("roomed", "To room"),
    "roomed": ("with-clinician", "Clinician in"),
    "with-clinician": ("done", "Done"),
}
SAID = {
    "arrived": "is here",
    "roomed": "is in a room",
    "with-clinician": "is with the clinician",
    "done": "is done",
    "noshow": "did not come",
    "undo": "went one step back",
}


@needs_place
def day(request: HttpRequest) -> HttpResponse:
    """The board of a day at the location that is looked at; for htmx the board alone."""
    words = _words(request)
    if part_asked(request):
        return part(request, "day/board.html", words)
    return page(request, "day/day.html", words)


def step(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Take a visit one step on or back."""
    frame = shell(request)
    wanted = request.POST.get("step", "")
    visit = mark_visit(frame.actor, visit_id, number_of(request.POST.get("version")) or 0, wanted)
    if part_asked(request):
        return HttpResponse(status=204)
    return done(
        request,
        f"{visit.patient_name} {SAID.get(wanted, 'moved on')}.",
        f"/day/?location={visit.location_id}",
    )


@needs_place
def day_csv(request: HttpRequest) -> HttpResponse:
    """The board as a table."""
    words = _words(request)
    shown: Board = words["board"]
    rows = (
        (c.visit.starts_at.isoformat(), c.visit.patient_name, c.visit.visit_type, c.lane, c.waiting_minutes, c.late_minutes)
        for c in shown.cards
    )  # fmt: skip
    return patients_file(
        request,
        f"day-{shown.date}",
        ("starts_at", "patient", "type", "lane", "waiting_minutes", "late_minutes"),
        rows,
    )


def _words(request: HttpRequest) -> dict[str, Any]:
    frame = shell(request)
    place = frame.need_place()
    on = day_of(request, "date", frame.today)
    found = board(frame.actor, place.id, on)
    lanes = {lane: [card for card in found.cards if card.lane == lane] for lane in LANES}
    waiting = [card.waiting_minutes for card in found.cards if card.waiting_minutes is not None]
    live = settings.LIVE_ORIGIN
    return {
        "board": found,
        "lanes": lanes,
        "lane_words": LANE_WORDS,
        "next": NEXT,
        "on": on,
        "today": frame.today,
        "longest": max(waiting, default=None),
        "waiting": len(waiting),
        "live": f"{live}/live/day/{place.id}/" if live is not None and on == frame.today else "",
        "may_write": frame.actor.may(Permission.SCHEDULE_WRITE, place.id),
        "may_step": frame.actor.may(Permission.FLOW_WRITE, place.id),
    }
