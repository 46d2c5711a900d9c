"""Who first: which types of visit a practitioner's half-day should begin with, from how long each takes and how surely it comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carewheel.science.scheduling import Evaluation, Session, Weights, best_sequence, empirical, evaluate
from carewheel.science.scheduling import Patient as Booked
from carewheel.spokes.operations.contracts_template import (
    Sequence,
    SessionFacts,
    TemplateOption,
    TemplateWish,
    TypeOfVisit,
)
from carewheel.spokes.operations.rules.sessions import CAME, LEAST_MEASURED, HalfDays

Floats = NDArray[np.float64]
# Orders in which the same visits are thrown together, to say what no order comes to; and slots beyond which exchanges would take minutes.
DRAWN, MOST_EXCHANGED = 40, 16
SEED, OTHER = 11, "other"


def sequence_of(
    facts: SessionFacts, half: HalfDays, weights: Weights, wish: TemplateWish, today: Floats, best: Floats
) -> tuple[Sequence | None, str]:
    """The order of the types for the half-day's slots in their usual mixture, or why none is told."""
    if half.rate > 0:
        return None, "walk-ins are many: they come between the booked ones, whatever their order"
    kinds, patients = _types(facts, half)
    if len(kinds) < 2:
        return None, f"two types of visit with {LEAST_MEASURED} measured visits each, and a place in the half-day, are needed"  # fmt: skip
    listed = tuple(which for which, kind in enumerate(kinds) for _ in range(kind.places))
    session = Session(tuple(patients[k] for k in listed), weights, float(half.known.length))
    found = best_sequence(session, slot=float(wish.grid), improve=len(listed) <= MOST_EXCHANGED)
    rng = np.random.default_rng(SEED)
    orders = [tuple(rng.permutation(len(listed)).tolist()) for _ in range(DRAWN)]

    def thrown(name: str, times: Floats) -> TemplateOption:
        done = [evaluate(session.ordered(order), times) for order in orders]
        return _mean(name, times, done, [session.ordered(order) for order in orders])

    return Sequence(
        kinds, tuple(kinds[listed[i]].visit_type for i in found.order),
        _mean("in this order", found.template.times, [found.template.evaluation], [session.ordered(found.order)]),
        thrown("any order, today's times", today), thrown("any order, best times", best), DRAWN,
    ), ""  # fmt: skip


def _types(facts: SessionFacts, half: HalfDays) -> tuple[tuple[TypeOfVisit, ...], tuple[Booked, ...]]:
    """The types with a place in the half-day, and a patient of each; what is too rare to be measured goes together as "other"."""
    words = facts.visit_type[half.rows]
    came = facts.outcome[half.rows] == CAME
    logged = came & ~np.isnan(facts.minutes[half.rows])
    names, at = np.unique(words, return_inverse=True)
    known = np.bincount(at, logged, names.size) >= LEAST_MEASURED
    named = np.where(known[at] & (words != ""), words, OTHER)
    names, at, visits = np.unique(named, return_inverse=True, return_counts=True)
    places = shared(visits, half.known.slots)
    kinds, patients = [], []
    for k, name in enumerate(names):
        if not places[k]:
            continue
        mine = at == k
        law = half.law
        measured = half.known.measured
        if (mine & logged).sum() >= LEAST_MEASURED:
            measured = int((mine & logged).sum())
            law = empirical(np.minimum(facts.minutes[half.rows][mine & logged], half.known.length))
        comes = half.known.filled.value * float(came[mine].mean())
        kinds.append(TypeOfVisit(str(name), int(places[k]), comes, (law.mean, law.sd), measured))
        patients.append(Booked(law, comes, half.late))
    return tuple(kinds), tuple(patients)


def shared(visits: NDArray[np.int64], slots: int) -> NDArray[np.int64]:
    """Slots by type in proportion to visits, by largest remainder."""
    exact = slots * visits / visits.sum()
    found: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    found[np.argsort(found - exact, kind="stable")[: slots - int(found.sum())]] += 1
    return found


def _mean(name: str, times: Floats, done: list[Evaluation], sessions: list[Session]) -> TemplateOption:
    """Means over orders. A wait is of whoever comes: types come more or less surely."""
    comes = sum(p.show_rate for p in sessions[0].patients)
    waits = np.mean([one.waits for one in done], axis=0)
    idle, overtime, cost, waiting = (
        float(np.mean([getattr(one, what) for one in done]))
        for what in ("idle", "overtime", "cost", "waiting")
    )
    return TemplateOption(
        name, tuple(float(t) for t in times), waiting / comes, tuple(float(w) for w in waits), idle, overtime, cost, None
    )  # fmt: skip
