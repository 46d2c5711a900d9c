"""The wheel: the latest turn, each measure with what it is made of, and the files of the turn."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect

from carewheel.journeys.see_the_wheel import DOCUMENT, REPORT, card_of, latest_turn
from carewheel.practice.access import NotFound, Permission
from carewheel.web.shell import NAVIGATION, csv_file, page, shell, workspace_of


def home(request: HttpRequest) -> HttpResponse:
    """The wheel for whoever may see it; others begin at the first page that is theirs."""
    actor: Any = request.actor  # type: ignore[attr-defined]
    if actor is None:
        raise NotFound("Your account has no role yet.")
    if actor.may(Permission.WHEEL_READ):
        return wheel(request)
    for _, name, need in NAVIGATION[1:]:
        if actor.may(need):
            return redirect(name)
    raise NotFound("Your role has no page in the console.")


def wheel(request: HttpRequest) -> HttpResponse:
    """The answer first: headline, five measures, the drawing, what to do, alarms."""
    shell(request).actor.need(Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    return page(request, "wheel/wheel.html", {"turned": turned, "p": turned.view if turned else None})


def measure(request: HttpRequest, measure_id: str) -> HttpResponse:
    """One measure: value, months, places, definition."""
    shell(request).actor.need(Permission.WHEEL_READ)
    known = card_of(measure_id)
    if known is None:
        raise NotFound
    turned = latest_turn(workspace_of(request))
    card, interval = known
    found = turned.measure(measure_id) if turned else None
    return page(request, "wheel/measure.html", {"turned": turned, "m": found, "card": card, "interval": interval})  # fmt: skip


def wheel_csv(request: HttpRequest) -> HttpResponse:
    """Every measure of the latest turn as a table."""
    shell(request).actor.need(Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    if turned is None:
        raise NotFound("No turn of the wheel was made yet.")
    names = (
        "id",
        "title",
        "component",
        "status",
        "value",
        "low",
        "high",
        "n",
        "unit",
        "currency",
        "freshness",
    )
    rows = ([m[name] for name in names] for m in turned.document["measures"])
    head = ("measure", "title", "part", "status", "value", "low_90", "high_90", "n", "unit", "currency", "data_up_to")  # fmt: skip
    return csv_file(f"wheel-{turned.as_of}", head, rows)


def measure_csv(request: HttpRequest, measure_id: str) -> HttpResponse:
    """The months and places of a measure as a table."""
    shell(request).actor.need(Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    found = turned.measure(measure_id) if turned else None
    if turned is None or found is None:
        raise NotFound
    unit = (found["unit"], found["currency"])
    rows: list[tuple[object, ...]] = [("all", turned.document["period"]["from"], turned.document["period"]["to"], found["value"], found["low"], found["high"], found["n"], *unit)]  # fmt: skip
    rows += [(turned.place_name(p["location"]), turned.document["period"]["from"], turned.document["period"]["to"], p["value"], p["low"], p["high"], p["n"], *unit) for p in found["by_location"]]  # fmt: skip
    rows += [("all", r["month"], r["month"], r["value"], r["low"], r["high"], r["n"], *unit) for r in found["monthly"]]  # fmt: skip
    head = ("place", "from", "to", "value", "low_90", "high_90", "n", "unit", "currency")
    return csv_file(measure_id, head, rows)


def turn_file(request: HttpRequest, kind: str) -> FileResponse:
    """The report or the document of the latest turn, to keep."""
    shell(request).actor.need(Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    path = turned.folder / {"report": REPORT, "document": DOCUMENT}.get(kind, "") if turned else None
    if path is None or not path.is_file():
        raise NotFound
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
