"""Where the day is heading, and what could be done: each move played against doing nothing on the same luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carewheel.science.queueing.clinic.estimates import Estimate, over_days
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.live.rest import Luck, Plans, Played, draw, play, unchanged
from carewheel.science.scheduling.live.state import LiveDay, LiveVisit

Floats = NDArray[np.float64]

# Who is told another time this long ahead has not left home yet; times are told in these steps.
NOTICE, TOLD_STEPS = 30.0, (-20.0, 10.0, 20.0, 30.0)
# Only of who will wait so long, or (to come earlier) hardly, it is asked what another time, room or practitioner would do.
WORTH_A_LOOK, HARDLY = 3.0, 2.0
# Rooms and practitioners are changed for whoever is due within this time.
SOON = 30.0
# And nobody who is due later than this is telephoned yet.
AHEAD = 120.0
LONG_WAIT = 15.0
# A move is not worth the trouble for less; so many of the best are played again, so many times as often.
LEAST, SHORT_LIST, AGAIN = 1.0, 6, 4


@dataclass(frozen=True, slots=True)
class Values:
    """What a minute costs: of waiting, of overtime, and of a visit that the patient is asked to move by telephone."""

    waiting: float = 1.0
    overtime: float = 1.0
    moved: float = 0.25

    def __post_init__(self) -> None:
        if not all(v >= 0 and math.isfinite(v) for v in (self.waiting, self.overtime, self.moved)):
            raise CannotTell("weights", {}, "give finite weights of nought or more")


@dataclass(frozen=True, slots=True)
class Move:
    """One thing to do. ``kind``: "call" (take the patient now, before the time told), "room", "practitioner", "telehealth", "warn" (come later) or
    "earlier"; ``to``: the room, practitioner or minute."""

    kind: str
    visit: str
    to: str | float = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A move with what it saves, in expected minutes (mean with 90 % interval of the mean): of all waiting, of all overtime, and by `Values`."""

    move: Move
    waiting: Estimate
    overtime: Estimate
    worth: Estimate


@dataclass(frozen=True, slots=True)
class VisitOutlook:
    """A visit that has not begun: chance of coming; of those who come start and wait: mean, and 5 to 95 % of days; chance of a long wait."""

    visit: str
    practitioner: str
    comes: float
    start: tuple[float, float, float]
    wait: tuple[float, float, float]
    long_wait: float


@dataclass(frozen=True, slots=True)
class EndOutlook:
    """When a practitioner will be done: mean, and 5 to 95 % of days; overtime alike, and the chance of any."""

    practitioner: str
    end: tuple[float, float, float]
    overtime: tuple[float, float, float]
    runs_over: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """The rest of the day if nothing is done, and moves that are worth it, the best first."""

    visits: tuple[VisitOutlook, ...]
    ends: tuple[EndOutlook, ...]
    proposals: tuple[Proposal, ...]


def outlook(day: LiveDay, *, scenarios: int = 400, seed: int = 0, values: Values = Values()) -> Outlook:
    """Who will wait how long, where the day runs over, and what to do about it.

    A move is proposed only if on the same luck it saves a minute by `Values`, more than nothing with the whole 90 % interval, and neither waiting
    nor overtime is longer on average. Moves are judged one by one: after doing one, ask again. Assumes that visits are independent, and that who
    is told another time keeps the same unpunctuality about it. Raises `CannotTell` for fewer than 20 scenarios.

    >>> from carewheel.science.scheduling import fixed
    >>> from carewheel.science.scheduling.live import LiveVisit, OnDuty
    >>> late = LiveVisit("A", "Dr X", 0, fixed(50), arrived=0, started=10)
    >>> waits = LiveVisit("B", "Dr X", 30, fixed(20), arrived=28, others=frozenset({"Dr Y"}))
    >>> told = outlook(LiveDay(30, (late, waits), (OnDuty("Dr X", 0, 60), OnDuty("Dr Y", 0, 60))))
    >>> told.visits[0].wait[0], told.ends[0].overtime[0], told.proposals[0].move, told.proposals[0].waiting.mean
    (30.0, 20.0, Move(kind='practitioner', visit='B', to='Dr Y'), 30.0)
    """
    if scenarios < 20:
        raise CannotTell("too-few-scenarios", {"scenarios": scenarios, "needed": 20}, "draw more")
    luck, nothing, found = _judged(day, scenarios, seed, values)
    return Outlook(_visits(day, luck, nothing), _ends(day, nothing), found)


def best_move(day: LiveDay, *, scenarios: int, seed: int, values: Values) -> Proposal | None:
    """The move that is worth most, None if none is worth it."""
    found = _judged(day, scenarios, seed, values)[2]
    return found[0] if found else None


def _judged(
    day: LiveDay, scenarios: int, seed: int, values: Values
) -> tuple[Luck, Played, tuple[Proposal, ...]]:
    """The day if nothing is done, and the moves that are worth it.

    Of many moves the one that looks best does so by luck in part. So a few that look good are played once more on luck of their own, with more
    scenarios, and what is told of them comes from there alone.
    """
    luck = draw(day, scenarios, seed)
    nothing = play(day, luck, unchanged(day, luck.order))
    came = ~np.isnan(nothing.wait[0])
    waits = np.where(came, nothing.wait[0], 0.0).sum(axis=0) / np.maximum(came.sum(axis=0), 1)
    moves = possible_moves(
        day, {day.visits[i].name: float(w) for i, w in zip(luck.order, waits, strict=True)}
    )
    if not moves:
        return luck, nothing, ()
    plans = _plans(day, luck, moves)
    saved = [x.mean(axis=1) for x in _saved(day, plans, play(day, luck, plans), values)]
    good = [i for i in np.argsort(-saved[2]) if min(saved[0][i], saved[1][i]) >= 0 and saved[2][i] >= LEAST]
    if not good:
        return luck, nothing, ()
    kept = [moves[i] for i in good[:SHORT_LIST]]
    again = draw(day, AGAIN * scenarios, seed + 1)
    plans = _plans(day, again, kept)
    found = [
        Proposal(move, over_days(waiting), over_days(over), over_days(worth))
        for move, waiting, over, worth in zip(
            kept, *_saved(day, plans, play(day, again, plans), values), strict=True
        )
        if min(waiting.mean(), over.mean()) >= 0 and worth.mean() >= LEAST
    ]
    found = [one for one in found if one.worth.low > 0]
    found.sort(key=lambda one: -one.worth.mean)
    return luck, nothing, tuple(found)


def done_move(day: LiveDay, move: Move) -> LiveDay:
    """The day with a move done; a visit called is given as told now."""
    visits = []
    for v in day.visits:
        if v.name == move.visit:
            if move.kind == "room":
                v = replace(v, room=str(move.to))
            elif move.kind == "practitioner":
                v = replace(v, practitioner=str(move.to))
            elif move.kind == "telehealth":
                v = replace(v, room="", telehealth=False, unpunctuality=None)
            else:
                v = replace(v, told=day.now if move.kind == "call" else float(move.to))
        visits.append(v)
    return replace(day, visits=tuple(visits))


def possible_moves(day: LiveDay, waits: Mapping[str, float]) -> list[Move]:
    """What could be done now, good or bad. ``waits``: expected minutes by visit if nothing is done."""
    now, found = day.now, []
    busy = {v.practitioner for v in day.visits if v.started is not None and v.done is None}
    held = {
        v.room
        for v in day.visits
        if v.room and v.done is None and (v.roomed is not None or v.started is not None)
    }
    held |= {v.room for v in day.visits if v.room and v.done is not None and v.done + day.turnover > now}
    on = {p.name for p in day.practitioners if p.start <= now}
    for v in day.visits:
        if v.gone or v.started is not None or v.done is not None:
            continue
        long, soon = waits[v.name] >= WORTH_A_LOOK, v.here or v.due <= now + SOON
        if v.here and v.due > now and v.practitioner in on - busy:
            found.append(Move("call", v.name))
        if soon and v.room in held and v.roomed is None:
            found += [Move("room", v.name, r) for r in day.rooms if r not in held]
        if soon and long:
            found += [Move("practitioner", v.name, p) for p in sorted(v.others - {v.practitioner})]
        if v.here or v.due > now + AHEAD:
            continue
        if v.telehealth and v.due > now and long:
            found.append(Move("telehealth", v.name))
        if v.told is None:
            for step in TOLD_STEPS:
                if v.booked + min(step, 0.0) >= now + NOTICE and (
                    long if step > 0 else waits[v.name] < HARDLY
                ):
                    found.append(Move("warn" if step > 0 else "earlier", v.name, v.booked + step))
    return found


def _plans(day: LiveDay, luck: Luck, moves: Sequence[Move]) -> Plans:
    """A row for doing nothing, and one for each move."""
    none = unchanged(day, luck.order)
    size = 1 + len(moves)
    plans = Plans(
        *(
            np.repeat(getattr(none, f), size, axis=0)
            for f in ("told", "practitioner", "room", "at_once", "remote")
        )
    )
    column = {day.visits[i].name: j for j, i in enumerate(luck.order)}
    staff, rooms = (
        {p.name: k for k, p in enumerate(day.practitioners)},
        {r: k for k, r in enumerate(day.rooms)},
    )
    for row, move in enumerate(moves, start=1):
        j = column[move.visit]
        if move.kind == "call":
            plans.at_once[row, j] = True
        elif move.kind == "room":
            plans.room[row, j] = rooms[str(move.to)]
        elif move.kind == "practitioner":
            plans.practitioner[row, j] = staff[str(move.to)]
        elif move.kind == "telehealth":
            plans.room[row, j], plans.remote[row, j] = -1, True
        else:
            plans.told[row, j] = float(move.to)
    return plans


def _saved(day: LiveDay, plans: Plans, played: Played, values: Values) -> tuple[Floats, Floats, Floats]:
    """Minutes of waiting, of overtime, and by `Values` that each move saves beside the first plan (moves, scenarios)."""
    waiting = np.nansum(played.wait, axis=2)
    over = _overtime(day, played.end).sum(axis=2)
    moved = np.abs(plans.told - plans.told[0]).sum(axis=1)[1:, None]
    less_waiting, less_over = waiting[0] - waiting[1:], over[0] - over[1:]
    worth: Floats = values.waiting * less_waiting + values.overtime * less_over - values.moved * moved
    return less_waiting, less_over, worth


def _overtime(day: LiveDay, end: Floats) -> Floats:
    close = np.array([p.end for p in day.practitioners])
    over: Floats = np.maximum(end - np.maximum(close, 0), 0.0)
    return over


def _visits(day: LiveDay, luck: Luck, played: Played) -> tuple[VisitOutlook, ...]:
    found = []
    for j, i in enumerate(luck.order):
        v: LiveVisit = day.visits[i]
        if v.started is not None:
            continue
        start, wait = played.start[0, :, j], played.wait[0, :, j]
        came = ~np.isnan(start)
        if came.any():
            found.append(VisitOutlook(
                v.name, v.practitioner, float(came.mean()), _spread(start[came]), _spread(wait[came]),
                float((wait[came] > LONG_WAIT).mean()),
            ))  # fmt: skip
    found.sort(key=lambda o: o.start[0])
    return tuple(found)


def _ends(day: LiveDay, played: Played) -> tuple[EndOutlook, ...]:
    over = _overtime(day, played.end)[0]
    found = []
    for k, p in enumerate(day.practitioners):
        end = np.where(np.isfinite(played.end[0, :, k]), played.end[0, :, k], day.now)
        found.append(EndOutlook(p.name, _spread(end), _spread(over[:, k]), float((over[:, k] > 0).mean())))
    return tuple(found)


def _spread(x: Floats) -> tuple[float, float, float]:
    low, high = np.quantile(x, (0.05, 0.95))
    return float(x.mean()), float(low), float(high)
