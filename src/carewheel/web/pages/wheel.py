"""The wheel: the latest turn, each measure with what it is made of, and the files of the turn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect

from carewheel.journeys.see_the_wheel import DOCUMENT, REPORT, Turned, card_of, latest_turn
from carewheel.practice.access import NotFound, Permission
from carewheel.practice.places import names_in_facts
from carewheel.web.shell import NAVIGATION, csv_file, need_everywhere, page, shell, workspace_of

# A table of measures at some locations.
PLACE_HEAD = (
    "measure",
    "title",
    "place",
    "from",
    "to",
    "value",
    "low_90",
    "high_90",
    "n",
    "unit",
    "currency",
)


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
    """The answer first: headline, five measures, the drawing, what to do, alarms. Whose role is of some locations sees the measures of those."""
    own = names_in_facts(shell(request).actor, Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    if own is not None:
        measured = [m for m in (turned.of_places(own) if turned else ()) if m["by_location"]]
        return page(
            request, "wheel/places.html", {"turned": turned, "measures": measured, "own": _named(turned, own)}
        )
    return page(request, "wheel/wheel.html", {"turned": turned, "p": turned.view if turned else None})


def measure(request: HttpRequest, measure_id: str) -> HttpResponse:
    """One measure: value, months, places, definition."""
    own = names_in_facts(shell(request).actor, Permission.WHEEL_READ)
    known = card_of(measure_id)
    if known is None:
        raise NotFound
    turned = latest_turn(workspace_of(request))
    card, interval = known
    found = _measure(turned, measure_id, own)
    return page(request, "wheel/measure.html", {"turned": turned, "m": found, "card": card, "interval": interval, "own": own is not None})  # fmt: skip


def wheel_csv(request: HttpRequest) -> HttpResponse:
    """Every measure of the latest turn as a table."""
    own = names_in_facts(shell(request).actor, Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    if turned is None:
        raise NotFound("No turn of the wheel was made yet.")
    if own is not None:
        return csv_file(f"wheel-{turned.as_of}", PLACE_HEAD, place_rows(turned, turned.of_places(own)))
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
    own = names_in_facts(shell(request).actor, Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    found = _measure(turned, measure_id, own)
    if turned is None or found is None:
        raise NotFound
    if own is not None:
        return csv_file(measure_id, PLACE_HEAD, place_rows(turned, [found]))
    unit = (found["unit"], found["currency"])
    rows: list[tuple[object, ...]] = [("all", turned.document["period"]["from"], turned.document["period"]["to"], found["value"], found["low"], found["high"], found["n"], *unit)]  # fmt: skip
    rows += [(turned.place_name(p["location"]), turned.document["period"]["from"], turned.document["period"]["to"], p["value"], p["low"], p["high"], p["n"], *unit) for p in found["by_location"]]  # fmt: skip
    rows += [("all", r["month"], r["month"], r["value"], r["low"], r["high"], r["n"], *unit) for r in found["monthly"]]  # fmt: skip
    head = ("place", "from", "to", "value", "low_90", "high_90", "n", "unit", "currency")
    return csv_file(measure_id, head, rows)


def turn_file(request: HttpRequest, kind: str) -> FileResponse:
    """The report or the document of the latest turn, to keep."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    turned = latest_turn(workspace_of(request))
    path = turned.folder / {"report": REPORT, "document": DOCUMENT}.get(kind, "") if turned else None
    if path is None or not path.is_file():
        raise NotFound
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def _measure(turned: Turned | None, measure_id: str, own: Collection[str] | None) -> Mapping[str, Any] | None:
    if turned is None or own is None:
        return turned.measure(measure_id) if turned else None
    return next((m for m in turned.of_places(own) if m["id"] == measure_id), None)


def _named(turned: Turned | None, own: Collection[str]) -> list[tuple[str, str]]:
    """Of the actor's locations those that the turn knows, by name."""
    known = turned.document["locations"] if turned else {}
    return sorted(((one, known[one] or one) for one in own if one in known), key=lambda pair: pair[1])


def place_rows(turned: Turned, found: Iterable[Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    """Rows under `PLACE_HEAD`: measures at the locations that they still name."""
    period = turned.document["period"]
    for m in found:
        for p in m["by_location"]:
            yield m["id"], m["title"], turned.place_name(p["location"]), period["from"], period["to"], p["value"], p["low"], p["high"], p["n"], m["unit"], m["currency"]  # fmt: skip
