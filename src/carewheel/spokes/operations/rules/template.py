"""Times that serve a half-day better: today's times evaluated exactly, the best, the rules, the frontier, slots kept open, fair overbooking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    Evaluation,
    Patient,
    Session,
    Weights,
    bailey_welch_times,
    best_times,
    evaluate,
    fair_plan,
    individual_times,
    open_slots,
    tuned,
)
from carewheel.spokes.operations.contracts_template import (
    FrontierPoint,
    OpenSlots,
    Overbooking,
    SessionFacts,
    TemplateOption,
    TemplateReport,
    TemplateWish,
)
from carewheel.spokes.operations.rules.sequence import sequence_of, shared
from carewheel.spokes.operations.rules.sessions import (
    CAME,
    HalfDays,
    by_group,
    chosen,
    half_days,
    practitioners,
)

Floats = NDArray[np.float64]
# Prices of idling at which the frontier is drawn: from waiting that counts most to waiting that hardly counts.
PRICES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
LEAST_TODAY, MOST_EXTRA, MOST_GAP, MOST_PROVED = 30, 3, 0.05, 30


def template_report(
    facts: SessionFacts, wish: TemplateWish, told: Callable[[float], None] = lambda share: None
) -> TemplateReport:
    """Today's times, the best on the grid and what both come to. ``told``: how far it is, from 0 to 1.

    Raises `CannotTell`: ``unknown-place``, ``unknown-practitioner``, ``unknown-type``, ``too-few-sessions``, ``no-minutes``, ``weights``, ``grid``, and with
    overbooking ``unknown-attribute``, ``one-group``.
    """
    weights = Weights(wish.waiting, wish.idle, wish.overtime)
    location, practitioner = chosen(facts, wish.location, wish.practitioner)
    half = half_days(facts, location, practitioner, wish.visit_type)
    known = half.known
    if not 1 <= wish.grid <= known.length:
        raise CannotTell("grid", {"grid": wish.grid}, f"give 1 to {known.length} minutes")
    session = half.session(weights)
    times = np.array(known.times)
    told(0.1)
    today = as_option("today", times, evaluate(session, times), None)
    best = best_template(half, weights, wish.grid)
    told(0.3)
    rules = [
        tuned(session, _on_grid(rule, wish.grid, known.length))
        for rule in (individual_times, bailey_welch_times)
    ]
    individual, bailey = (
        as_option(name, t.times, t.evaluation, None)
        for name, t in zip(("individual", "Bailey–Welch"), rules, strict=True)
    )
    told(0.5)
    frontier = _frontier(half, weights, wish.grid, lambda share: told(0.5 + 0.4 * share))
    same_idle, same_wait = _at_todays(frontier, today)
    doubts = list(half.doubts)
    if np.any(times % wish.grid):
        doubts.append(
            f"Today's times do not lie on a grid of {wish.grid} minutes: a finer --grid may serve better."
        )
    if known.seen_wait is not None and not _near(today.wait, known.seen_wait.value):
        doubts.append(
            f"The model's wait today ({today.wait:.1f} minutes) is not the one of the log ({known.seen_wait.value:.1f}): something is at work that the model does "
            "not know, such as a desk, a late start, or a practitioner who hurries. Trust differences more than levels; `carewheel access simulate --play template` has desk and late start in it."
        )  # fmt: skip
    slots, why = _open_slots(facts, half)
    overbooking, no_overbooking = (
        _overbooked(facts, half, weights, wish) if wish.overbook else (None, "nobody asked for it")
    )
    if overbooking is not None and overbooking.extra == MOST_EXTRA:
        doubts.append(
            f"More than {MOST_EXTRA} beyond the slots were not looked at: a half-day that visits fill so little needs more slots rather than overbooking."
        )
    sequence, no_sequence = (
        sequence_of(facts, half, weights, wish, times, np.array(best.times))
        if wish.sequence
        else (None, "nobody asked for it")
    )
    return TemplateReport(
        facts.as_of, facts.first, wish, known, today, best, individual, bailey, frontier, same_idle, same_wait, slots, why, overbooking, no_overbooking,
        sequence, no_sequence,
        tuple(row for row in practitioners(facts) if row[:2] != (location, practitioner)), tuple(doubts),
    )  # fmt: skip


def best_template(half: HalfDays, weights: Weights, grid: int) -> TemplateOption:
    """The best times of a half-day on the grid; proved unless walk-ins forbid it or there are so many slots that it would take minutes."""
    session = half.session(weights)
    proving = not session.walk_ins and half.known.slots <= MOST_PROVED
    found = best_times(session, slot=float(grid), prove=proving)
    gap = found.gap if np.isfinite(found.gap) else None
    return as_option("best", found.times, found.evaluation, gap)


def as_option(name: str, times: Floats, done: Evaluation, gap: float | None) -> TemplateOption:
    """Times with what they come to."""
    # All slots are alike: the wait of whoever comes is the mean over them.
    return TemplateOption(
        name, tuple(float(t) for t in times), float(done.waits.mean()), tuple(float(w) for w in done.waits),
        done.idle, done.overtime, done.cost, gap,
    )  # fmt: skip


def _on_grid(rule: Callable[[int, float], Floats], grid: int, length: int) -> Callable[[int, float], Floats]:
    def times(patients: int, gap: float) -> Floats:
        found: Floats = np.minimum(np.rint(rule(patients, gap) / grid) * grid, (length - 1) // grid * grid)
        return found

    return times


def _near(model: float, seen: float) -> bool:
    return abs(model - seen) <= max(2.0, 0.25 * seen)


def _frontier(
    half: HalfDays, weights: Weights, grid: int, told: Callable[[float], None]
) -> tuple[FrontierPoint, ...]:
    ratio = weights.overtime / weights.idle if weights.idle > 0 else 1.5
    found: list[FrontierPoint] = []
    # A stream of walk-ins makes each evaluation dear: half of the points will do.
    prices = PRICES[:: 2 if half.rate > 0 else 1]
    for number, price in enumerate(prices):
        told(number / len(prices))
        made = best_times(half.session(Weights(1.0, price, price * ratio)), slot=float(grid))
        done = made.evaluation
        point = FrontierPoint(
            price, float(done.waits.mean()), done.idle, done.overtime, tuple(float(t) for t in made.times)
        )
        # Quick searches may miss a little: what another point beats in both is no part of the frontier.
        if not found or point.idle + point.overtime < found[-1].idle + found[-1].overtime - 1e-9:
            while found and point.wait <= found[-1].wait + 1e-9:
                found.pop()
            found.append(point)
    return tuple(found)


def _at_todays(
    frontier: tuple[FrontierPoint, ...], today: TemplateOption
) -> tuple[float | None, float | None]:
    """The frontier's waiting at today's idling and overtime, and the other way round: by lot between two neighbours."""
    lost = np.array([p.idle + p.overtime for p in frontier])[::-1]
    wait = np.array([p.wait for p in frontier])[::-1]
    own = today.idle + today.overtime
    same_idle = float(np.interp(own, lost, wait)) if lost[0] <= own <= lost[-1] else None
    # Waiting falls as idling grows.
    same_wait = (
        float(np.interp(today.wait, wait[::-1], lost[::-1])) if wait[-1] <= today.wait <= wait[0] else None
    )
    return same_idle, same_wait


def _open_slots(facts: SessionFacts, half: HalfDays) -> tuple[OpenSlots | None, str]:
    rows, slots = half.rows, half.known.slots
    lead, walked = facts.lead_days[rows], facts.walk_in[rows]
    known = (lead >= 0) | walked
    if known.mean() < 0.8:
        return None, "the time of booking is known of too few visits"
    rows, lead, walked = rows[known], lead[known], walked[known]
    today = (lead == 0) | walked
    if today.sum() < LEAST_TODAY:
        return None, f"fewer than {LEAST_TODAY} visits were asked for on their day"
    names, at = np.unique(facts.session[rows], return_inverse=True)
    came = facts.outcome[rows] == CAME
    ahead, same = (np.bincount(at, part, names.size).astype(np.int64) for part in (~today, today))
    found = open_slots(
        slots, ahead=np.bincount(ahead) / names.size, today=np.bincount(same) / names.size,
        show_ahead=float(came[~today].mean()) if (~today).any() else 1.0, show_today=float(came[today].mean()), most_ahead=slots,
    )  # fmt: skip
    best, now = found[0], next(a for a in found if a.ahead == slots)
    return OpenSlots(
        best.kept_open, best.seen_ahead, best.seen_today, best.refused_today, best.empty, now.seen_ahead + now.seen_today, now.refused_today,
        float(ahead.mean()), float(same.mean()), int(names.size),
    ), ""  # fmt: skip


def _overbooked(
    facts: SessionFacts, half: HalfDays, weights: Weights, wish: TemplateWish
) -> tuple[Overbooking | None, str]:
    """The number beyond the slots that costs least where every slot is booked, and a plan for it under which groups wait alike."""
    groups = by_group(facts, half.rows, wish.overbook)
    if len(groups) < 2:
        raise CannotTell(
            "one-group", {"attribute": wish.overbook, "groups": len(groups)},
            "fifty visits of two groups at least are needed; give another attribute, or do not overbook",
        )  # fmt: skip
    visits = {name: n for name, (n, _) in groups.items()}
    comes = {name: share for name, (_, share) in groups.items()}
    mean = sum(visits[g] * comes[g] for g in groups) / sum(visits.values())
    slots = half.known.slots
    costs = [
        best_times(half.session(weights, slots + extra, mean), slot=float(wish.grid)).evaluation.cost
        for extra in range(MOST_EXTRA + 1)
    ]
    extra = int(np.argmin(costs))
    if extra == 0:
        return (
            None,
            f"beyond the {slots} slots nobody should be booked at these prices, even if every slot is booked: what is saved in idling costs more in waiting and overtime",
        )
    places = shared(np.array(list(visits.values())), slots + extra)
    numbers = {name: int(number) for name, number in zip(visits, places, strict=True) if number}
    names = [name for name, number in numbers.items() for _ in range(number)]
    patients = {name: Patient(half.law, comes[name], half.late) for name in numbers}
    if len(set(names)) < 2:
        raise CannotTell(
            "one-group",
            {"attribute": wish.overbook},
            "the other groups are too small for a place in a half-day",
        )
    session = Session(
        tuple(patients[name] for name in names), weights, float(half.known.length), half.walk_ins
    )
    plan = fair_plan(session, names, slot=float(wish.grid), most_gap=MOST_GAP, by_lot=True, rounds=2)
    most = plan.plans[int(np.argmax(plan.shares))]
    return Overbooking(
        wish.overbook, extra, comes, plan.waits, plan.gap, tuple(float(t) for t in most.template.times), tuple(names[i] for i in most.order),
        len(plan.plans), plan.cost, plan.free_cost, plan.free_gap, costs[0],
    ), ""  # fmt: skip
