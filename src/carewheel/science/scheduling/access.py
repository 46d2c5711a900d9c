"""Advanced access: how many slots to keep open for those who ask today, and real requests into the season's template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.evaluation import evaluate
from carewheel.science.scheduling.sessions import Patient, Session, Weights, who_come

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Access:
    """What a booking limit comes to, in expected numbers a day.

    ``ahead``: most that are booked ahead; ``kept_open``: slots that are left for today at least (negative: overbooked);
    ``seen_ahead``, ``seen_today``: who comes of each; ``refused_today``: who asks today in vain; ``over``: who comes beyond
    the slots; ``empty``: slots in which nobody is seen; ``value``: what all of it is worth.
    """

    ahead: int
    kept_open: int
    seen_ahead: float
    seen_today: float
    refused_today: float
    over: float
    empty: float
    value: float


def open_slots(
    slots: int,
    *,
    ahead: ArrayLike,
    today: ArrayLike,
    show_ahead: float,
    show_today: float = 1.0,
    worth_ahead: float = 1.0,
    worth_today: float = 1.0,
    refusal_cost: float = 0.0,
    over_cost: float = 1.0,
    most_ahead: int | None = None,
) -> tuple[Access, ...]:
    """Every booking limit from 0 up and what it comes to, exactly, the one worth most first.

    ``ahead``, ``today``: probabilities of 0, 1, 2 … requests ahead and on the day, independent of one another. Requests ahead are
    booked up to the limit; requests of today get what slots are not booked. Those booked ahead come with ``show_ahead``
    each, independently, those of today with ``show_today``. Who comes beyond the slots is seen in overtime at ``over_cost``.
    ``most_ahead``: largest limit looked at, None for twice the slots. Raises `CannotTell` for no slots, probabilities that are
    none, or costs that are negative. Method: all limits enumerated; of equal worth the one that keeps more open.

    Two ask ahead, each comes half the time; one asks today and surely comes:

    >>> best = open_slots(2, ahead=[0, 0, 1], today=[0, 1], show_ahead=0.5)[0]
    >>> best.ahead, best.kept_open, best.value
    (1, 1, 1.5)
    """
    first, second = _number(ahead, "ahead"), _number(today, "today")
    if slots < 1 or (most_ahead is not None and most_ahead < 0):
        raise CannotTell("no-slots", {"slots": slots}, "give a slot at least")
    if not (0 <= show_ahead <= 1 and 0 <= show_today <= 1):
        raise CannotTell("show-rate", {"ahead": show_ahead, "today": show_today}, "give probabilities")
    if min(worth_ahead, worth_today, refusal_cost, over_cost) < 0:
        raise CannotTell("negative-worth", {}, "give worths and costs of nought or more")
    n = np.arange(second.size)
    found = []
    for limit in range((2 * slots if most_ahead is None else most_ahead) + 1):
        seen = [0.0] * 5
        booked = np.minimum(np.arange(first.size), limit)
        for x in range(limit + 1):
            weight = float(first[booked == x].sum())
            if weight == 0:
                continue
            room = max(slots - x, 0)
            taken = np.minimum(n, room)
            come = who_come(x, show_ahead)
            over = float(come @ np.maximum(np.arange(x + 1) - slots, 0))
            ahead_in, today_in = x * show_ahead, float(second @ taken) * show_today
            refused = float(second @ (n - taken))
            parts = (ahead_in, today_in, refused, over, slots - (ahead_in + today_in - over))
            seen = [s + weight * p for s, p in zip(seen, parts, strict=True)]
        value = worth_ahead * seen[0] + worth_today * seen[1] - refusal_cost * seen[2] - over_cost * seen[3]
        found.append(Access(limit, slots - limit, seen[0], seen[1], seen[2], seen[3], seen[4], value))
    return tuple(sorted(found, key=lambda a: (-round(a.value, 12), a.ahead)))


def _number(mass: ArrayLike, what: str) -> Floats:
    m = np.asarray(mass, dtype=np.float64)
    if m.ndim != 1 or m.size == 0 or not np.all(m >= 0) or not abs(float(m.sum()) - 1) < 1e-9:
        raise CannotTell("no-distribution", {"what": what}, "give the probabilities of 0, 1, 2 … requests")
    return m


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks on day ``asked`` (days from any common zero) for a visit from day ``earliest`` to day ``latest``."""

    asked: int
    patient: Patient
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class SeasonTemplate:
    """A session a day for ``days`` days: the slots' minutes, its close, and how many slots are kept open until when.

    Of a day's slots no more than ``len(times) - kept_open`` are given while the day is more than ``released`` days away.
    """

    days: int
    times: tuple[float, ...]
    closes: float
    weights: Weights
    kept_open: int = 0
    released: int = 0

    def __post_init__(self) -> None:
        t = np.asarray(self.times, dtype=np.float64)
        if (
            self.days < 1
            or t.size == 0
            or not np.all(np.isfinite(t))
            or t.min() < 0
            or np.any(np.diff(t) < 0)
        ):
            raise CannotTell(
                "template", {"days": self.days, "slots": t.size}, "give a day at least, and slots in order"
            )
        if not 0 <= self.kept_open <= t.size or self.released < 0:
            raise CannotTell("kept-open", {"kept_open": self.kept_open}, "keep open from nought to all slots")


class Assigned(NamedTuple):
    """For each request its day and slot (-1: none was free in its span), and the expected cost of every day's session."""

    day: Ints
    slot: Ints
    costs: Floats


def assign_requests(
    template: SeasonTemplate, requests: Sequence[Request], *, delay_cost: float = 0.0
) -> Assigned:
    """Give each request, as it comes, the free slot that adds least: expected session cost, and ``delay_cost`` a day after its earliest.

    The added cost is exact for the book as it is then; what later requests would want is not foreseen beyond the slots
    kept open. Requests are taken by day asked, ties as given. Of equal cost the earlier day and slot.
    Raises `CannotTell` for requests whose span ends before it begins or before they ask, and a negative ``delay_cost``.

    >>> from carewheel.science.scheduling import Patient, Weights, fixed
    >>> season = SeasonTemplate(2, (0.0, 20.0), 40.0, Weights(1, 1, 1), kept_open=1)
    >>> ask = [Request(0, Patient(fixed(20)), 1, 1), Request(0, Patient(fixed(20)), 1, 1), Request(1, Patient(fixed(20)), 1, 1)]
    >>> assign_requests(season, ask).slot.tolist()
    [0, -1, 1]
    """
    if not (delay_cost >= 0 and math.isfinite(delay_cost)):
        raise CannotTell("delay-cost", {"delay_cost": delay_cost}, "give a finite cost of nought or more")
    for r in requests:
        if r.latest < max(r.earliest, r.asked):
            raise CannotTell(
                "span", {"asked": r.asked, "earliest": r.earliest, "latest": r.latest}, "give a span not over"
            )
    books: list[dict[int, Patient]] = [{} for _ in range(template.days)]
    empty = template.weights.idle * template.closes
    costs = np.full(template.days, empty)
    day, slot = (np.full(len(requests), -1, dtype=np.int64) for _ in range(2))
    for index in sorted(range(len(requests)), key=lambda i: requests[i].asked):
        r = requests[index]
        best = (math.inf, 0, 0, 0.0)
        for d in range(max(r.earliest, r.asked, 0), min(r.latest, template.days - 1) + 1):
            held = template.kept_open if d - r.asked > template.released else 0
            if len(books[d]) >= len(template.times) - held:
                continue
            for s in range(len(template.times)):
                if s not in books[d]:
                    cost = _cost(template, {**books[d], s: r.patient})
                    added = cost - costs[d] + delay_cost * (d - r.earliest)
                    if added < best[0] - 1e-9:
                        best = (added, d, s, cost)
        if best[0] < math.inf:
            _, d, s, cost = best
            books[d][s], costs[d], day[index], slot[index] = r.patient, cost, d, s
    return Assigned(day, slot, costs)


def _cost(template: SeasonTemplate, book: dict[int, Patient]) -> float:
    places = sorted(book)
    session = Session(tuple(book[s] for s in places), template.weights, template.closes)
    return evaluate(session, [template.times[s] for s in places]).cost
