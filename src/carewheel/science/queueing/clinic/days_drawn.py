"""Days of a clinic, drawn: who comes when of those with an appointment and without, and how long each stage takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.queueing.clinic.randomness import uniforms
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# From numbers between 0 and 1 to minutes: the inverse of a distribution function.
Quantiles = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of visit: its route, the quantile function of each stage's minutes, and of arrival less appointment (None: punctual)."""

    route: int
    minutes: tuple[Quantiles, ...]
    unpunctuality: Quantiles | None = None


class DrawnDays(NamedTuple):
    """What `simulate_clinic` takes: arrival (days, visits), minutes (days, visits, stages), route (days, visits)."""

    arrival: Floats
    minutes: Floats
    route: Ints


def sample_quantiles(values: ArrayLike) -> Quantiles:
    """The quantile function of a sample (n,), in minutes: each value with the same probability.

    >>> sample_quantiles([30.0, 10.0])(np.array([0.2, 0.7])).tolist()
    [10.0, 30.0]
    """
    x = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if x.size == 0 or not np.all(np.isfinite(x)):
        raise CannotTell("no-sample", {"values": x.size}, "give finite minutes")
    return lambda u: x[np.minimum((u * x.size).astype(np.int64), x.size - 1)]


def draw_days(
    kinds: Sequence[Kind],
    *,
    scheduled: ArrayLike,
    kind: ArrayLike,
    show_rate: ArrayLike,
    days: int,
    seed: int,
    walk_ins: Sequence[tuple[float, float, float, int]] = (),
) -> DrawnDays:
    """``days`` independent days of the same book.

    ``scheduled``, ``kind``, ``show_rate`` (visits,): appointment minute, index of the kind, probability of coming. ``walk_ins``:
    (from minute, to minute, mean number a minute, kind): Poisson arrivals. The luck of a booked visit hangs on seed, day and its
    place in the book alone: another plan that keeps the places meets the same people. Walk-ins stand behind the booked visits.
    Raises `CannotTell` for shapes, rates and kinds that cannot be.

    >>> kind = Kind(0, (sample_quantiles([10.0, 20.0]),))
    >>> early, late = (draw_days([kind], scheduled=[t, t], kind=[0, 0], show_rate=[1, 0.5], days=3, seed=1) for t in (0.0, 60.0))
    >>> np.array_equal(late.arrival - early.arrival, np.where(np.isnan(early.arrival), np.nan, 60.0), equal_nan=True)
    True
    """
    due, which, shows = (
        np.asarray(scheduled, dtype=np.float64),
        np.asarray(kind, dtype=np.int64),
        np.asarray(show_rate, dtype=np.float64),
    )
    if due.ndim != 1 or which.shape != due.shape or shows.shape != due.shape or days < 1 or not kinds:
        raise CannotTell(
            "shapes",
            {"visits": due.size, "days": days},
            "give one kind and show rate a visit, and a day at least",
        )
    if not np.all((shows >= 0) & (shows <= 1)) or not np.all(np.isfinite(due)):
        raise CannotTell("show-rate", {}, "give finite minutes and probabilities between 0 and 1")
    for index in (*which.tolist(), *(w[3] for w in walk_ins)):
        if not 0 <= index < len(kinds):
            raise CannotTell("kind", {"kind": index}, "give the index of a kind")
    stages = max(len(k.minutes) for k in kinds)
    n = due.size
    luck = uniforms(seed, 0, np.arange(days * n * (stages + 2)).reshape(days, n, stages + 2))
    parts = [
        _part(
            kinds,
            np.broadcast_to(due, (days, n)),
            np.broadcast_to(which, (days, n)),
            luck[..., 2:],
            luck[..., 1],
            stages,
        )
    ]
    parts[0].arrival[luck[..., 0] >= shows] = np.nan
    for j, (start, end, rate, index) in enumerate(walk_ins):
        if not (start <= end and rate >= 0):
            raise CannotTell("walk-ins", {"rate": rate}, "give a span and a rate of nought or more")
        rng = np.random.default_rng([seed, 1 + j])
        counts = rng.poisson(rate * (end - start), days)
        size = int(counts.max(initial=0))
        when = np.where(np.arange(size) < counts[:, None], rng.uniform(start, end, (days, size)), np.nan)
        came = _part(
            kinds, when, np.full((days, size), index), rng.random((days, size, stages)), None, stages
        )
        parts.append(came)
    return DrawnDays(*(np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True)))


def _part(
    kinds: Sequence[Kind], due: Floats, which: Ints, luck: Floats, late: Floats | None, stages: int
) -> DrawnDays:
    arrival, minutes, route = (
        due.copy(),
        np.full((*due.shape, stages), np.nan),
        np.zeros(due.shape, dtype=np.int64),
    )
    for index, kind in enumerate(kinds):
        here = which == index
        route[here] = kind.route
        for s, quantiles in enumerate(kind.minutes):
            minutes[here, s] = quantiles(luck[here, s])
        if late is not None and kind.unpunctuality is not None:
            arrival[here] += kind.unpunctuality(late[here])
    return DrawnDays(arrival, minutes, route)
