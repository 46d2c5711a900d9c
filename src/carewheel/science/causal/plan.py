"""A plan: fixed before anything after the start is seen, so that nobody can choose the question by the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtri

from carewheel.science.causal.methods import METHODS, SETTINGS, Method, Settings, estimate
from carewheel.science.causal.panel import Panel
from carewheel.science.causal.refusal import Effect, Floats
from carewheel.science.refusal import CannotTell

POWER = 0.80
LONGEST = 36
REHEARSALS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be judged, and how. Frozen; `fingerprint` shows whether a plan that comes back is the one that was made.

    ``starts`` (units,): planned first month of the change, `NEVER` without; months are counted as in the panel of the plan.
    ``months_before`` were known; ``months_after`` will be waited for after each start. ``alpha``: chance of a false alarm.
    ``smallest_effect``: the smallest one, in the measure's unit, that is found with probability ``power``. ``ramp``: months until
    an effect has its size. ``season``: months of a year's wave. ``seed`` of the placebos.
    """

    measure: str
    unit: str
    method: Method
    starts: tuple[float, ...]
    months_before: int
    months_after: int
    smallest_effect: float
    alpha: float = 0.05
    power: float = POWER
    ramp: int | None = 1
    season: int | None = 12
    seed: int = 0

    @property
    def settings(self) -> Settings:
        """What the method is run with."""
        return Settings(1 - self.alpha, self.ramp, self.season, self.seed)

    @property
    def fingerprint(self) -> str:
        """A hash of all that the plan says (16 hexadecimal digits).

        >>> plan = Plan("people.turnover", "share a year", "interrupted", (24.0,), 24, 12, 0.05)
        >>> plan.fingerprint == Plan("people.turnover", "share a year", "interrupted", (24.0,), 24, 12, 0.05).fingerprint
        True
        """
        said = "\n".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def planned(
    before: Panel,
    starts: Sequence[float],
    months_after: int,
    *,
    measure: str,
    unit: str,
    method: Method | None = None,
    alpha: float = 0.05,
    power: float = POWER,
    ramp: int | None = 1,
    season: int | None = 12,
    seed: int = 0,
) -> Plan:
    """A plan from the months before. ``before``: the panel up to now, without starts; ``starts`` (units,): none in its months.

    Without ``method``: several treated units (4 or more) and as many controls: difference in differences; else 8 or more controls:
    synthetic DiD; else any control: structural; else interrupted. Where the best one cannot be run the next is tried.
    Raises `CannotTell`: "after-seen" where a start lies within the months known, and whatever stops every method.

    >>> rng = np.random.default_rng(2)
    >>> before = Panel.of(50 + rng.normal(0, 1, 24) + rng.normal(0, 1, (10, 24)), [np.inf] * 10)
    >>> plan = planned(before, [24.0] + [np.inf] * 9, 12, measure="experience.nps", unit="points")
    >>> plan.method, 0.8 < plan.smallest_effect < 2.5
    ('synthetic_did', True)
    """
    begins = np.array(starts, dtype=np.float64)
    known = before.outcomes.shape[1]
    if before.treated.any() or np.any(begins < known):
        raise CannotTell(
            "after-seen", {"months": known}, "a plan is made before any month after a start is known"
        )
    if begins.shape != (len(before.outcomes),) or not np.isfinite(begins).any():
        raise CannotTell(
            "starts-shape", {"units": len(before.outcomes)}, "give one start a unit, at least one of them"
        )
    settings = Settings(1 - alpha, ramp, season, seed)
    reasons: list[CannotTell] = []
    for candidate in (method,) if method else suited(begins):
        try:
            effect = foreseen(before, begins, months_after, candidate, settings)
        except CannotTell as reason:
            reasons.append(reason)
            continue
        return Plan(
            measure,
            unit,
            candidate,
            tuple(begins.tolist()),
            known,
            months_after,
            smallest_effect(effect, power),
            alpha,
            power,
            ramp,
            season,
            seed,
        )
    raise reasons[0]


def suited(starts: Floats) -> list[Method]:
    """The methods that fit so many units with and without a change, the best first."""
    treated = int(np.isfinite(starts).sum())
    controls = starts.size - treated
    found: list[Method] = []
    if treated >= 4 and controls >= 4:
        found.append("difference_in_differences")
    if controls >= max(8, treated + 3):
        found.append("synthetic_did")
    if controls >= 1:
        found.append("structural")
    return [*found, "interrupted"]


def foreseen(
    before: Panel,
    starts: Floats,
    months_after: int,
    method: Method,
    settings: Settings = SETTINGS,
) -> Effect:
    """How precise the method will be: rehearsed on the months before, with all starts moved back.

    The last months known play those after the start: as many as planned, or half of them if fewer are known, which is
    cautious (longer is more precise). Of it and the rehearsals that end one and two months earlier the least precise is
    given, since a spread from few months is itself uncertain. Its value is that of a placebo. Raises `CannotTell` as the method does.
    """
    if method not in METHODS:
        raise CannotTell("no-such-method", {"method": method}, "one of " + ", ".join(METHODS))
    known = before.outcomes.shape[1]
    window = min(months_after, known // 2)
    if window < 1:
        raise CannotTell(
            "too-few-months", {"months": known, "needed": 2}, "more months before the start are needed"
        )
    last = float(np.max(starts[np.isfinite(starts)]))
    found: list[Effect] = []
    reasons: list[CannotTell] = []
    for end in range(known, max(known - REHEARSALS, 2), -1):
        moved = starts - (last + window - end)
        if np.nanmin(moved) < 1:
            # Starts too far apart for the months known: they are rehearsed as if all came at once.
            moved = np.where(np.isfinite(starts), float(end - window), np.inf)
        try:
            found.append(
                estimate(
                    Panel.of(before.outcomes, moved, variances=before.variances).until(end), method, settings
                )
            )
        except CannotTell as reason:
            reasons.append(reason)
    if not found:
        raise reasons[0]
    return max(found, key=lambda effect: effect.sd)


def smallest_effect(effect: Effect, power: float = POWER) -> float:
    """The smallest true effect found with probability ``power``: half the interval and the normal quantile's share of the sd.

    Source: Bloom 1995, Eval Rev 19:547 (minimum detectable effect as a multiple of the standard error).

    >>> round(smallest_effect(Effect(0.0, -1.96, 1.96, 1.0)), 2)
    2.8
    """
    return (effect.high - effect.low) / 2 + float(ndtri(power)) * effect.sd


def months_needed(
    before: Panel,
    starts: Sequence[float],
    wanted: float,
    method: Method,
    *,
    settings: Settings = SETTINGS,
    power: float = POWER,
) -> int | None:
    """The fewest months after the start with which an effect of ``wanted`` (the measure's unit) would be found; None if 36 or
    half of the months known do not do.

    >>> rng = np.random.default_rng(2)
    >>> before = Panel.of(50 + rng.normal(0, 1, (1, 36)), [np.inf])
    >>> short, long = (months_needed(before, [36.0], wanted, "interrupted") for wanted in (4.0, 2.0))
    >>> short is not None and (long is None or short <= long)
    True
    """
    begins = np.array(starts, dtype=np.float64)
    known = before.outcomes.shape[1]
    for months in range(3, min(LONGEST, known // 2) + 1):
        if smallest_effect(foreseen(before, begins, months, method, settings), power) <= wanted:
            return months
    return None
