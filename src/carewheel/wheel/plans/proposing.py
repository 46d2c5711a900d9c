"""From a play and places to the terms of a plan: what is measured, how it will be judged, and what could be found at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np

from carewheel.catalog.measures import MeasureCard, measures
from carewheel.catalog.play_guesses import GuessedMove, play_guesses
from carewheel.catalog.plays import plays
from carewheel.science.causal import NEVER, CannotTell, Panel, months_needed, planned
from carewheel.warehouse.measures import MeasureResult
from carewheel.wheel.plans.months import known_month, months_between
from carewheel.wheel.plans.outcomes import Outcomes, comparable
from carewheel.wheel.plans.plan import Plan
from carewheel.wheel.plans.refusals import PlanRefused
from carewheel.wheel.plans.terms import Terms

SHORTEST, LONGEST = 3, 36
PRICES_IN = "USD"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is asked for. ``places``: id to first month. ``measure`` "": the play's first. ``hours`` and ``budget`` None: as guessed."""

    play: str
    places: Mapping[str, date]
    measure: str = ""
    months: int = 12
    review_days: int = 30
    hours: float | None = None
    budget: Decimal | None = None
    currency: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


def measure_of(play: str, measure: str = "") -> MeasureCard:
    """The card that a plan of ``play`` is judged by. Raises `PlanRefused`: ``plan.play``, ``plan.measure``."""
    if play not in plays():
        raise PlanRefused("plan.play", f"There is no play {play!r}.", f"Plays are: {', '.join(plays())}.")
    named = [move.what for move in play_guesses()[play].moves] + [
        effect.measure for effect in plays()[play].moves
    ]
    fit = [name for name in named if name in measures() and not _unfit(measures()[name])]
    name = measure or (fit[0] if fit else "")
    if not name:
        raise PlanRefused(
            "plan.measure",
            f"No measure of play {play} can be followed month by month.",
            "Name one with --measure.",
        )
    return checked_measure(name)


def checked_measure(name: str) -> MeasureCard:
    """A card whose months can be followed one by one. Raises `PlanRefused` (``plan.measure``)."""
    if name not in measures():
        raise PlanRefused("plan.measure", f"There is no measure {name!r}.", "See `carewheel measures list`.")
    if why := _unfit(measures()[name]):
        raise PlanRefused(
            "plan.measure", f"{name} cannot judge a plan: {why}.", "Name another with --measure."
        )
    return measures()[name]


def _unfit(card: MeasureCard) -> str:
    if card.status != "computed":
        return "it is not computed yet"
    if card.window == "trailing12":
        return "it looks back over a year, so that its months are no months of their own"
    if card.dimension:
        return "it has a value for each label, not one"
    return ""


def guessed(play: str, measure: str) -> GuessedMove | None:
    """The guessed effect of a play on a measure, None where none is guessed."""
    return next((move for move in play_guesses()[play].moves if move.what == measure), None)


def terms_of(
    wanted: Proposal, result: MeasureResult, as_of: date, on: date, places: Sequence[str],
    beliefs: Mapping[tuple[str, str], tuple[float, float]],
) -> Terms:  # fmt: skip
    """The terms of a plan made at the end of ``on``. ``result``: the measure at ``as_of``; ``places``: all that the practice has.

    Raises `PlanRefused`: ``plan.play``, ``plan.measure``, ``plan.place`` (unknown, or without the measure), ``plan.length``,
    ``plan.after-start`` (a month after a start is known), ``plan.cannot-tell`` (no method can judge it).
    """
    card = measure_of(wanted.play, wanted.measure)
    _check_numbers(wanted)
    now = known_month(as_of)
    found = comparable(result, now)
    _check_places(wanted, found, places, card)
    for place, start in wanted.places.items():
        if start <= max(now, known_month(on)):
            raise PlanRefused(
                "plan.after-start",
                f"The start {start:%Y-%m} at {place or 'the practice'} lies within the months that are known on {max(as_of, on)}.",
                "A plan is made before its start: give a later --start, or judge what was done with `carewheel wheel verify`.",
            )
    # Months between now and the start pass unseen, and belong to the time before it.
    starts = [
        float(months_between(found.first_month, wanted.places[unit])) if unit in wanted.places else NEVER
        for unit in found.units
    ]
    guess, effect = play_guesses()[wanted.play], guessed(wanted.play, card.id)
    ramp = max(round(guess.ramp_months), 1)
    try:
        panel = Panel.of(found.values, [NEVER] * len(found.units), variances=found.variances)
        judged_by = planned(panel, starts, wanted.months, measure=card.id, unit=card.unit, ramp=ramp)
    except CannotTell as reason:
        raise PlanRefused(
            "plan.cannot-tell",
            f"No method could judge this by {card.title.lower()}: {reason}.",
            "Choose other places or another measure, or collect more months first.",
        ) from reason
    hours, budget, currency = _effort(wanted)
    return Terms(
        wanted.play, dict(wanted.places), found.units, found.first_month, judged_by, effect.kind if effect else "",
        expected_effect(wanted.play, effect, found, list(wanted.places), beliefs), hours, budget, currency, wanted.review_days,
    )  # fmt: skip


def expected_effect(
    play: str, effect: GuessedMove | None, found: Outcomes, places: Sequence[str],
    beliefs: Mapping[tuple[str, str], tuple[float, float]],
) -> float | None:  # fmt: skip
    """The believed effect in the measure's unit, for a mean place and month; a ratio is taken of the last year's mean there."""
    if effect is None:
        return None
    mean = beliefs.get((play, effect.what), (effect.mean, effect.sd))[0]
    if effect.kind == "difference":
        return mean
    recent = found.values[[found.units.index(place) for place in places], -12:]
    return float(np.nanmean(recent)) * (mean - 1)


def months_to_find(terms: Terms, found: Outcomes) -> int | None:
    """How many months would do for the guessed effect to be found; None if no length up to half of what is known does."""
    if terms.expected is None:
        return None
    judged = terms.judged_by
    panel = Panel.of(found.values, [NEVER] * len(found.units), variances=found.variances)
    try:
        return months_needed(
            panel, judged.starts, abs(terms.expected), judged.method, settings=judged.settings
        )
    except CannotTell:
        return None


def check_free(wanted: Proposal, others: Sequence[Plan]) -> None:
    """Raises `PlanRefused` (``plan.double``) where an open plan has the same play at one of the places."""
    for other in others:
        both = sorted(set(other.terms.places) & set(wanted.places))
        if other.open and other.terms.play == wanted.play and both:
            raise PlanRefused(
                "plan.double",
                f"Plan {other.id} has {wanted.play} at {_listed(both)} already.",
                f"Change it with --plan {other.id} while it has not started, or stop it first.",
            )


def name_of(wanted: Proposal) -> str:
    """What a plan is called: its play and its first month."""
    return f"{wanted.play}-{min(wanted.places.values()):%Y-%m}"


def _check_numbers(wanted: Proposal) -> None:
    if not wanted.places:
        raise PlanRefused("plan.place", "The plan names no place.", "Name places with --place.")
    if not SHORTEST <= wanted.months <= LONGEST:
        raise PlanRefused(
            "plan.length",
            f"A plan waits for {SHORTEST} to {LONGEST} months.",
            "Give another number with --months.",
        )
    if not 1 <= wanted.review_days <= 366:
        raise PlanRefused(
            "plan.length", "A review comes every 1 to 366 days.", "Give another number with --every."
        )
    for what, value in (("Hours", wanted.hours), ("A budget", wanted.budget)):
        if value is not None and not (math.isfinite(value) and 0 <= value < 1e12):
            raise PlanRefused("plan.effort", f"{what} cannot be {value}.", "Give 0 or more.")
    if wanted.budget is not None and not wanted.currency:
        raise PlanRefused(
            "plan.effort", "The currency of the budget is not known.", "Give it with --currency."
        )


def _check_places(wanted: Proposal, found: Outcomes, places: Sequence[str], card: MeasureCard) -> None:
    if unknown := sorted(set(wanted.places) - set(places)):
        raise PlanRefused(
            "plan.place", f"There is no place {_listed(unknown)}.", f"Places are: {_listed(sorted(places))}."
        )
    if silent := sorted(set(wanted.places) - set(found.units)):
        raise PlanRefused(
            "plan.place",
            f"{card.title} is not measured well enough at {_listed(silent)}: too few months have a value.",
            "Leave the place out, choose another --measure, or collect more months first.",
        )


def _effort(wanted: Proposal) -> tuple[float, Decimal | None, str]:
    """Staff hours and money for the months of the plan at all its places: as given, else as guessed."""
    guess, many = play_guesses()[wanted.play], len(wanted.places)
    hours = (
        (guess.hours_once + wanted.months * guess.hours_a_month) * many
        if wanted.hours is None
        else wanted.hours
    )
    if wanted.budget is not None:
        return hours, wanted.budget, wanted.currency
    if wanted.currency != PRICES_IN:
        return hours, None, wanted.currency
    return (
        hours,
        Decimal(str((guess.price_once + wanted.months * guess.price_a_month) * many)),
        wanted.currency,
    )


def _listed(places: Sequence[str]) -> str:
    return ", ".join(place or "(no name)" for place in places)
