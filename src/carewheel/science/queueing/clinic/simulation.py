"""A clinic of several stages with shared staff and rooms, simulated event by event, many days in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.queueing.clinic.compiling import compiler
from carewheel.science.queueing.clinic.events import event_loop
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a route: what it takes when it begins and gives back when it ends, by name and number.

    What is taken and not given back is kept for a later stage of the same visit, as a room from the first stage to the last.
    ``releases`` None: all that this stage took.
    """

    takes: dict[str, int]
    releases: dict[str, int] | None = None

    @property
    def gives_back(self) -> dict[str, int]:
        """What is free again when the stage ends."""
        return self.takes if self.releases is None else self.releases


@dataclass(frozen=True, slots=True)
class Shift:
    """At ``at`` minutes ``change`` more (or, negative, fewer) of a resource are there; who is busy ends what was begun."""

    at: float
    resource: str
    change: int


@dataclass(frozen=True, slots=True)
class Clinic:
    """``capacity``: how many of each resource there are at the start; ``routes``: the stages of each kind of visit."""

    capacity: dict[str, int]
    routes: tuple[tuple[Stage, ...], ...]
    shifts: tuple[Shift, ...] = ()

    def __post_init__(self) -> None:
        if not self.routes or not all(self.routes):
            raise CannotTell("no-stages", {"routes": len(self.routes)}, "give every route a stage at least")
        most = dict(self.capacity)
        for shift in sorted(self.shifts, key=lambda s: s.at):
            if shift.resource not in most or not np.isfinite(shift.at):
                raise CannotTell(
                    "unknown-resource",
                    {"resource": shift.resource},
                    "name a resource of the clinic, at a finite minute",
                )
            most[shift.resource] += max(shift.change, 0)
        if any(number < 0 for number in self.capacity.values()):
            raise CannotTell("negative-capacity", {}, "give capacities of nought or more")
        for route in self.routes:
            held = dict.fromkeys(self.capacity, 0)
            for stage in route:
                for name, number in (*stage.takes.items(), *stage.gives_back.items()):
                    if name not in held:
                        raise CannotTell(
                            "unknown-resource", {"resource": name}, "name a resource of the clinic"
                        )
                    if number < 0:
                        raise CannotTell(
                            "negative-need", {"resource": name}, "a stage takes and gives back nought or more"
                        )
                for name, number in stage.takes.items():
                    held[name] += number
                    if held[name] > most[name]:
                        raise CannotTell(
                            "no-capacity", {"resource": name, "needed": held[name], "there": most[name]},
                            "there is never enough of it: nobody could be seen",
                        )  # fmt: skip
                for name, number in stage.gives_back.items():
                    held[name] -= number
                    if held[name] < 0:
                        raise CannotTell(
                            "gives-more-than-it-has",
                            {"resource": name},
                            "give back only what the visit has taken",
                        )
            if any(held.values()):
                raise CannotTell(
                    "kept-for-ever",
                    {"resource": next(k for k, v in held.items() if v)},
                    "give all back at the end of the route",
                )


@dataclass(frozen=True, slots=True, eq=False)
class ClinicRun:
    """Moments (days, visits, stages) in minutes: ready for a stage, begun, done. NaN where nobody came or nobody could see them."""

    ready: Floats
    started: Floats
    done: Floats

    @property
    def waits(self) -> Floats:
        """Minutes before each stage (days, visits, stages); NaN where there was none."""
        return self.started - self.ready

    @property
    def in_system(self) -> Floats:
        """Minutes from arrival to the end of the last stage (days, visits); NaN where nobody came or somebody was never done."""
        begun = ~np.isnan(self.ready)
        over = np.isnan(self.done) & begun
        last = np.fmax.reduce(np.where(begun, self.done, -np.inf), axis=-1)
        found = np.where(over.any(axis=-1) | ~begun[..., 0], np.nan, last - self.ready[..., 0])
        return np.asarray(found, dtype=np.float64)


# Beyond so many stages of visits compiling is quicker than the code as it stands.
LARGE = 200_000
_built: dict[str, Any] = {}


def simulate_clinic(
    clinic: Clinic,
    *,
    arrival: ArrayLike,
    minutes: ArrayLike,
    route: ArrayLike = 0,
    priority: ArrayLike = 0.0,
    compiled: bool | None = None,
) -> ClinicRun:
    """Follow every visit of many independent days through the clinic.

    ``arrival`` (days, visits): minutes, in any order, NaN for who does not come; ``minutes`` (days, visits, stages): service at
    each stage, NaN allowed beyond a route's stages; ``route``, ``priority`` (days, visits) or one for all: smaller priority first.
    Everything random is drawn by the caller, so that two clinics can meet the same days (common random numbers).
    Whoever is ready first goes first within a priority, past those whose needs are not met at that moment. A service once
    begun is not interrupted. Nobody leaves. Visits that can never begin (staff gone by a shift) have NaN.
    ``compiled``: numba (True), as it stands (False), or numba if it is there and the work is large; all give the same.
    Raises `CannotTell` for shapes that do not fit, minutes that are negative or not finite where a visit needs them.

    Two rooms, one nurse: the second visitor gets a room but waits for the nurse.

    >>> clinic = Clinic({"room": 2, "nurse": 1}, ((Stage({"room": 1}, {}), Stage({"nurse": 1}, {"nurse": 1, "room": 1})),))
    >>> run = simulate_clinic(clinic, arrival=[[0.0, 1.0]], minutes=[[[2.0, 10.0], [2.0, 10.0]]])
    >>> run.waits.tolist(), run.in_system.tolist()
    ([[[0.0, 0.0], [0.0, 9.0]]], [[12.0, 21.0]])
    """
    when, long = np.asarray(arrival, dtype=np.float64), np.asarray(minutes, dtype=np.float64)
    if when.ndim != 2 or long.ndim != 3 or long.shape[:2] != when.shape:
        raise CannotTell(
            "shapes", {"arrival": str(when.shape), "minutes": str(long.shape)},
            "give arrivals (days, visits) and minutes (days, visits, stages)",
        )  # fmt: skip
    ways = np.ascontiguousarray(np.broadcast_to(np.asarray(route, dtype=np.int64), when.shape))
    first = np.ascontiguousarray(np.broadcast_to(np.asarray(priority, dtype=np.float64), when.shape))
    if ways.size and not (ways.min() >= 0 and ways.max() < len(clinic.routes)):
        raise CannotTell("route", {"routes": len(clinic.routes)}, "give the number of a route, from 0")
    steps = np.array([len(r) for r in clinic.routes], dtype=np.int64)
    used = (np.arange(long.shape[2]) < steps[ways][..., None]) & ~np.isnan(when)[..., None]
    if steps[np.unique(ways)].max(initial=0) > long.shape[2] or not np.all(
        (long[used] >= 0) & np.isfinite(long[used])
    ):
        raise CannotTell(
            "negative-minutes", {}, "give finite minutes of nought or more for each stage of who comes"
        )
    if np.any(np.isinf(when)) or np.any(np.isnan(first)):
        raise CannotTell("not-finite", {}, "give finite arrivals and priorities; NaN for who does not come")
    names = list(clinic.capacity)
    stages = [stage for r in clinic.routes for stage in r]
    seize = np.array([[s.takes.get(k, 0) for k in names] for s in stages], dtype=np.int64).reshape(
        len(stages), -1
    )
    release = np.array([[s.gives_back.get(k, 0) for k in names] for s in stages], dtype=np.int64).reshape(
        len(stages), -1
    )
    shifts = sorted(clinic.shifts, key=lambda s: s.at)
    ready, start, done = (np.full(long.shape, np.nan) for _ in range(3))
    kernel = _kernel(compiled, long.size)
    kernel(
        np.argsort(when, axis=1, kind="stable"), np.ascontiguousarray(when), ways, first, np.ascontiguousarray(long),
        np.cumsum(steps) - steps, steps, seize, release, np.array([clinic.capacity[k] for k in names], dtype=np.int64),
        np.array([s.at for s in shifts], dtype=np.float64), np.array([names.index(s.resource) for s in shifts], dtype=np.int64),
        np.array([s.change for s in shifts], dtype=np.int64), ready, start, done,
    )  # fmt: skip
    return ClinicRun(ready, start, done)


def _kernel(compiled: bool | None, visits: int) -> Any:
    jit: Callable[[Any], Any] | None = compiler(compiled, large=visits > LARGE)
    if jit is None:
        return event_loop(lambda function: function)
    if "kernel" not in _built:
        _built["kernel"] = event_loop(jit)
    return _built["kernel"]
