"""Rolling out a template: from a file with a season's slots and its requests to who gets which day and slot."""

from __future__ import annotations

from collections.abc import Mapping

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    Patient,
    Request,
    SeasonTemplate,
    Weights,
    assign_requests,
    fixed,
    lognormal,
)
from carewheel.spokes.operations.contracts_template import GivenPlace, SeasonReport
from carewheel.spokes.operations.rules.given import Given
from carewheel.spokes.operations.rules.live import SPREAD

MOST_DAYS, MOST_REQUESTS = 92, 2_000


def season_report(given: Mapping[str, object]) -> SeasonReport:
    """Each request of a file in the slot that adds least to its day's expected cost. Raises `CannotTell` with the place in the file."""
    top = Given("", given)
    season, delay = _season(top), top.number("delay_cost", 0)
    names, requests = [], []
    for one in top.many("request"):
        names.append(one.word("name"))
        requests.append(_request(one))
    top.done()
    if not requests:
        raise top.refuse("request", "give one request at least")
    if season.days > MOST_DAYS or len(requests) > MOST_REQUESTS:
        raise CannotTell(
            "too-large", {"days": season.days, "requests": len(requests)}, f"give up to {MOST_DAYS} days and {MOST_REQUESTS} requests at once"
        )  # fmt: skip
    found = assign_requests(season, requests, delay_cost=delay)
    used = [0] * season.days
    places = []
    for name, request, day, slot in zip(names, requests, found.day, found.slot, strict=True):
        if slot >= 0:
            used[day] += 1
        places.append(
            GivenPlace(
                name,
                request.asked,
                int(day) if slot >= 0 else None,
                season.times[slot] if slot >= 0 else None,
            )
        )
    return SeasonReport(
        tuple(places), tuple(float(c) for c in found.costs), tuple(len(season.times) - n for n in used)
    )


def _season(top: Given) -> SeasonTemplate:
    times = top.get("times", [])
    if not isinstance(times, list) or not times:
        raise top.refuse("times", "give the slots: minutes from the opening, or times such as 00:15")
    return SeasonTemplate(
        top.whole("days"), tuple(float(top.clock("times", t)) for t in times), float(top.minute("closes")),
        Weights(top.number("waiting", 1), top.number("idle", 5), top.number("overtime", 7.5)), top.whole("kept_open", 0), top.whole("released", 0),
    )  # fmt: skip


def _request(one: Given) -> Request:
    minutes, cv = one.number("minutes"), one.number("cv", SPREAD)
    if minutes <= 0 or cv < 0:
        raise one.refuse("minutes", "give minutes above nought and a spread of nought or more")
    patient = Patient(
        lognormal(minutes, cv) if cv else fixed(minutes),
        one.number("show_rate", 1),
        weight=one.number("weight", 1),
    )
    asked = one.whole("asked", 0)
    found = Request(asked, patient, one.whole("earliest", asked), one.whole("latest"))
    one.done()
    return found
