"""A place's half-day simulated with and without a change: desk, rooms and practitioners from the log, the same luck for both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.science.intervals import t_mean
from carewheel.science.queueing.clinic import (
    Clinic,
    Estimate,
    Kind,
    Shift,
    Stage,
    difference,
    draw_days,
    over_days,
    sample_quantiles,
    simulate_clinic,
)
from carewheel.science.queueing.clinic.days_drawn import Quantiles
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import Minutes, Weights, evaluate
from carewheel.spokes.operations.contracts import Chance, Ints
from carewheel.spokes.operations.contracts_simulation import (
    Compared,
    SimulatedStage,
    SimulationReport,
    SimulationWish,
)
from carewheel.spokes.operations.contracts_template import SessionFacts, TemplateOption
from carewheel.spokes.operations.rules.clinic_log import Log, clinic_log
from carewheel.spokes.operations.rules.sessions import (
    LEAST_MEASURED,
    LEAST_SESSIONS,
    LEAST_VISITS,
    HalfDays,
    as_chance,
    half_days,
    practitioners,
    waited,
)
from carewheel.spokes.operations.rules.template import as_option, best_template

Floats = NDArray[np.float64]
# Who is not there yet stands first in the queue for the practitioner, long before the opening.
BEFORE = -1000.0
MISSED = 1


@dataclass(frozen=True, slots=True)
class _Place:
    """What is simulated: half-days by practitioner, on what share of them each is there, and the stages."""

    halves: tuple[HalfDays, ...]
    presence: Floats
    log: Log
    clinic: Clinic
    kinds: tuple[Kind, ...]
    gone: Floats  # share of slots whose patient misses, by practitioner: what a reminder can change


@dataclass(frozen=True, slots=True)
class _Days:
    """By half-day: sums of all practitioners who are there."""

    wait: Floats
    seen: Floats
    idle: Floats
    overtime: Floats
    there: Floats
    never: int


def simulation_report(facts: SessionFacts, wish: SimulationWish) -> SimulationReport:
    """Today against the change.

    Raises `CannotTell`: ``unknown-place``, ``too-few-sessions``, ``no-minutes``, ``too-few-days``, ``change`` (neither "missed" with a ratio nor "template"),
    ``no-capacity`` (no desk or room).
    """
    if wish.change not in ("missed", "template") or (wish.change == "missed" and wish.missed_ratio is None):
        raise CannotTell("change", {"change": wish.change}, "give a template, or missed with its ratio")
    if wish.halfdays < 30:
        raise CannotTell("too-few-days", {"halfdays": wish.halfdays, "needed": 30}, "simulate more half-days")
    location, place = _place(facts, wish)
    times = [np.array(h.known.times) for h in place.halves]
    today = _simulated(place, times, 1.0, wish)
    templates: list[tuple[str, TemplateOption, TemplateOption]] = []
    ends: list[_Days] = []
    if wish.change == "template":
        weights = Weights(wish.waiting, wish.idle, wish.overtime)
        for half, now in zip(place.halves, times, strict=True):
            evaluated = evaluate(half.session(weights), now)
            templates.append((half.known.practitioner, as_option("today", now, evaluated, None), best_template(half, weights, wish.grid)))  # fmt: skip
        changed = _simulated(place, [np.array(best.times) for _, _, best in templates], 1.0, wish)
    else:
        assert wish.missed_ratio is not None
        changed = _simulated(place, times, wish.missed_ratio.value, wish)
        ends = [_simulated(place, times, r, wish) for r in (wish.missed_ratio.low, wish.missed_ratio.high)]
    compared = _compared(today, changed, ends)
    seen = next(c for c in compared if c.name == "visits kept")
    own = np.flatnonzero(facts.of_location == location)
    days = facts.opens[own] // 86_400
    half_slots = np.unique(facts.opens[own] // 43_200).size
    a_month = half_slots / max(float(days.max() - days.min() + 1) / 30.4375, 1.0)
    log_wait = _log_wait(facts, location)
    doubts = _of_whom(place.halves) + _doubts(place, today, changed, log_wait, wish)
    people = len({p for p, at in zip(facts.of_provider.tolist(), facts.of_location.tolist(), strict=True) if at == location})  # fmt: skip
    return SimulationReport(
        facts.as_of, facts.first, wish, location, tuple(h.known for h in place.halves), tuple(float(p) for p in place.presence),
        people - len(place.halves), _stages(place), place.clinic.capacity["room"], place.log.late_start, log_wait, compared, a_month,
        _a_month(seen, a_month), tuple(templates), tuple(doubts),
    )  # fmt: skip


def _place(facts: SessionFacts, wish: SimulationWish) -> tuple[str, _Place]:
    known = practitioners(facts)
    there = sorted(set(facts.of_location.tolist()))
    if wish.location and wish.location not in there:
        raise CannotTell(
            "unknown-place", {"place": wish.location}, f"places with sessions are: {', '.join(there)}"
        )
    by_place: dict[str, int] = {}
    for where, _, sessions in known:
        by_place[where] = by_place.get(where, 0) + sessions
    location = wish.location or max(by_place, key=lambda name: by_place[name], default="")
    found: list[tuple[HalfDays, float]] = []
    slots = np.unique(facts.opens[facts.of_location == location] // 43_200)
    refused: CannotTell | None = None
    for where, who, _ in known:
        if where != location:
            continue
        try:
            half = half_days(facts, where, who)
        except CannotTell as error:
            refused = error
            continue
        own = facts.opens[(facts.of_location == where) & (facts.of_provider == who)]
        found.append((half, np.unique(own // 43_200).size / slots.size))
    if not found:
        raise refused or CannotTell(
            "too-few-sessions",
            {"sessions_needed": LEAST_SESSIONS, "visits_needed": LEAST_VISITS},
            "read more of the past, with the practitioner of each appointment",
        )
    halves = tuple(half for half, _ in found)
    log = clinic_log(facts, location, np.concatenate([half.rows for half in halves]))
    rooms = wish.rooms if wish.rooms is not None else facts.rooms.get(location, 0) or len(halves)
    desks = wish.desks if wish.desks is not None else 1
    if rooms < 1 or desks < 1:
        raise CannotTell("no-capacity", {"rooms": rooms, "desks": desks}, "give one at least")
    doctors = [f"practitioner {k}" for k in range(len(halves))]
    capacity = {"desk": desks, "room": rooms, **dict.fromkeys(doctors, 0)}
    routes: list[tuple[Stage, ...]] = []
    for doctor in doctors:
        both = {"room": 1, doctor: 1}
        stages = [Stage({"desk": 1})] if log.desk is not None else []
        stages += [Stage(both, {}), Stage({}, both)] if log.room is not None else [Stage(both)]
        routes.append(tuple(stages))
    routes += [(Stage({doctor: 1}),) for doctor in doctors]
    clinic = Clinic(capacity, tuple(routes), tuple(Shift(0.0, doctor, 1) for doctor in doctors))
    before = [sample_quantiles(x) for x in (log.desk, log.room) if x is not None]
    kinds = [
        Kind(k, (*before, _quantiles(h.law)), None if h.late is None else _quantiles(h.late)) for k, h in enumerate(halves)
    ]  # fmt: skip
    late = sample_quantiles(log.late) if log.late is not None else sample_quantiles([0.0])
    kinds += [Kind(len(halves) + k, (late,)) for k in range(len(halves))]
    gone = np.array([h.known.filled.value * float((facts.outcome[h.rows] == MISSED).mean()) for h in halves])
    presence = np.array([share for _, share in found])
    return location, _Place(halves, presence, log, clinic, tuple(kinds), gone)


def _quantiles(law: Minutes) -> Quantiles:
    """The quantile function of a distribution on a grid."""
    reached, values = np.cumsum(law.mass), law.values

    def of(u: Floats) -> Floats:
        return np.asarray(values[np.minimum(np.searchsorted(reached, u, side="right"), values.size - 1)])

    return of


def _simulated(place: _Place, times: list[Floats], ratio: float, wish: SimulationWish) -> _Days:
    """Half-days of the place; ``ratio``: of today's missed visits that are still missed. The luck hangs on the places in the book alone."""
    many = len(place.halves)
    whose = np.concatenate([np.full(t.size, k) for k, t in enumerate(times)])
    comes = np.array([h.known.comes for h in place.halves]) + place.gone * (1 - ratio)
    due = np.concatenate([*times, np.full(many, BEFORE)])
    kind = np.concatenate([whose, many + np.arange(many)])
    shows = np.concatenate([np.minimum(comes, 1.0)[whose], np.ones(many)])
    walks = [(0.0, float(h.known.length), h.rate, k) for k, h in enumerate(place.halves) if h.rate > 0]
    drawn = draw_days(
        place.kinds,
        scheduled=due,
        kind=kind,
        show_rate=shows,
        days=wish.halfdays,
        seed=wish.seed,
        walk_ins=walks,
    )
    arrival = drawn.arrival.copy()
    extra = arrival.shape[1] - due.size
    owner = np.where(drawn.route >= many, drawn.route - many, drawn.route)
    # Whoever is not there that half-day is so in both worlds; an empty place is drawn again.
    there = np.random.default_rng([wish.seed, 77]).random((wish.halfdays, many)) < place.presence
    there[~there.any(axis=1), int(np.argmax(place.presence))] = True
    absent = ~np.take_along_axis(there, owner, axis=1)
    arrival[absent] = np.nan
    booked = np.concatenate(
        [np.broadcast_to(due, (wish.halfdays, due.size)), drawn.arrival[:, due.size :]], axis=1
    )
    run = simulate_clinic(
        place.clinic,
        arrival=arrival,
        minutes=drawn.minutes,
        route=drawn.route,
        priority=np.nan_to_num(booked),
    )
    last = len(place.clinic.routes[0]) - 1
    patient = np.concatenate([np.arange(due.size) < due.size - many, np.ones(extra, dtype=bool)])
    began, done = run.started[:, patient, last], run.done[:, patient, last]
    due_or_there = np.maximum(arrival, booked)[:, patient]
    wait, long = np.maximum(began - due_or_there, 0.0), done - began
    mine = owner[:, patient]
    idle, over = (np.zeros((wish.halfdays, many)) for _ in range(2))
    for k, half in enumerate(place.halves):
        own = mine == k
        ends = np.fmax(
            np.nanmax(np.where(own & ~np.isnan(done), done, -np.inf), axis=1, initial=-np.inf),
            half.known.length,
        )
        idle[:, k] = ends - np.nansum(np.where(own, long, 0.0), axis=1)
        over[:, k] = ends - half.known.length
    seen = (~np.isnan(done)).sum(axis=1).astype(np.float64)
    never = int((~np.isnan(arrival[:, patient]) & np.isnan(done)).sum())
    return _Days(
        np.nansum(wait, axis=1), seen, np.where(there, idle, 0).sum(axis=1), np.where(there, over, 0).sum(axis=1),
        there.sum(axis=1).astype(np.float64), never,
    )  # fmt: skip


def _ratio(of: Floats, per: Floats) -> Floats:
    """Values by half-day whose mean is sum / sum and whose scatter is that of the ratio (linearised)."""
    total = float(of.sum() / max(per.sum(), 1e-12))
    found: Floats = total + (of - total * per) / max(float(per.mean()), 1e-12)
    return found


def _figures(days: _Days) -> dict[str, tuple[str, Floats]]:
    return {
        "waiting": ("minutes a visit", _ratio(days.wait, days.seen)),
        "idle": ("minutes a practitioner", _ratio(days.idle, days.there)),
        "overtime": ("minutes a practitioner", _ratio(days.overtime, days.there)),
        "visits kept": ("visits", days.seen),
    }


def _compared(today: _Days, changed: _Days, ends: list[_Days]) -> tuple[Compared, ...]:
    before, after, guess = _figures(today), _figures(changed), [_figures(end) for end in ends]
    found = []
    for name, (unit, values) in before.items():
        by_guess = None
        if guess:
            moved = sorted(float((g[name][1] - values).mean()) for g in guess)
            by_guess = (moved[0], moved[-1])
        found.append(
            Compared(
                name, unit, _chance(over_days(values)), _chance(over_days(after[name][1])),
                _chance(difference(after[name][1], values)), by_guess,
            )
        )  # fmt: skip
    return tuple(found)


def _chance(of: Estimate) -> Chance:
    return Chance(of.mean, of.low, of.high)


def _a_month(seen: Compared, halfdays: float) -> Chance:
    """More visits kept a month; the luck of the simulation and the guess are independent, half-widths add in squares."""
    value, luck = seen.difference.value, seen.difference.high - seen.difference.value
    low, high = seen.by_guess or (value, value)
    return Chance(
        halfdays * value,
        halfdays * (value - float(np.hypot(luck, value - low))),
        halfdays * (value + float(np.hypot(luck, high - value))),
    )


def _stages(place: _Place) -> tuple[SimulatedStage, ...]:
    log, found = place.log, []
    if log.desk is not None:
        found.append(SimulatedStage("desk", f"{place.clinic.capacity['desk']} desk", float(log.desk.mean()), log.desk.size))  # fmt: skip
    if log.room is not None:
        found.append(SimulatedStage("into the room", "room and practitioner", float(log.room.mean()), log.room.size))  # fmt: skip
    measured = sum(h.known.measured for h in place.halves)
    mean = float(np.average([h.law.mean for h in place.halves], weights=[h.rows.size for h in place.halves]))
    found.append(SimulatedStage("visit", "room and practitioner", mean, measured))
    return tuple(found)


def _log_wait(facts: SessionFacts, location: str) -> Chance | None:
    rows: Ints = np.flatnonzero(facts.location == location)
    wait = waited(facts, rows)
    if wait.size < LEAST_MEASURED:
        return None
    return as_chance(t_mean(wait.size, wait.sum(), (wait**2).sum()))


def _of_whom(halves: tuple[HalfDays, ...]) -> list[str]:
    """Doubts of half-days, each once, with the practitioners whom it is about."""
    found: dict[str, list[str]] = {}
    for half in halves:
        for doubt in half.doubts:
            found.setdefault(doubt, []).append(half.known.practitioner[:8])
    return [f"{', '.join(names)}: {doubt}" for doubt, names in found.items()]


def _doubts(
    place: _Place, today: _Days, changed: _Days, log_wait: Chance | None, wish: SimulationWish
) -> list[str]:
    found = []
    wait = float(today.wait.sum() / max(today.seen.sum(), 1.0))
    if log_wait is not None and abs(wait - log_wait.value) > max(2.0, 0.25 * log_wait.value):
        found.append(f"Today's simulated wait ({wait:.1f} minutes) is not the one of the log ({log_wait.value:.1f}): trust differences more than levels.")  # fmt: skip
    if place.log.desk is None:
        found.append("No arrivals in time for an empty desk are on record: the desk is left out.")
    elif wish.desks is None:
        found.append("How many desks there are is not in the facts: one is taken (--desks).")
    if today.never or changed.never:
        found.append(f"{max(today.never, changed.never)} patients were never seen: more rooms or practitioners are needed.")  # fmt: skip
    if wish.change == "missed":
        found.append("A slot kept is taken to be a visit; whether a missed slot would have been given to somebody else at last is not in it.")  # fmt: skip
    return found
