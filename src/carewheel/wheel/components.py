"""How each part of the wheel stands: its level from its measures, in reference standard deviations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from carewheel.catalog.components import components
from carewheel.science.intervals import LEVEL
from carewheel.wheel.measured import Measured

Status = Literal["turning", "dragging", "neglected", "unmeasured"]
# Months without any new data after which a part that was measured counts as neglected.
SILENT_MONTHS = 3
Z = 1.6448536269514722
CAP = 3.0
STATES = {"staff_spell"}


@dataclass(frozen=True, slots=True)
class ComponentState:
    """One part: level in reference standard deviations (0 = the reference, above is better), and what that means."""

    id: str
    level: float | None
    low: float | None
    high: float | None
    trend_per_year: float | None
    status: Status
    why: str
    measures: tuple[str, ...]


def component_state(component: str, measured: Sequence[Measured], as_of: date) -> ComponentState:
    """The state of one part by a stated rule; learnt weights come with the wheel model.

    Level: the plain mean of (value - reference) / reference sd over its measures with a value and a reference, signed
    so that more is better, each counted at most 3 either way (one absurd measure must not speak for a whole part). The
    90 % interval adds the measures' own variances. Status: *unmeasured* without such a measure; *neglected* if its
    newest data are three months old; *dragging* if the level lies below the reference; else *turning*.
    """
    assert LEVEL == 0.90
    mine = [m for m in measured if m.card.component == component and m.value is not None]
    scored = [m for m in mine if m.card.reference is not None and m.card.direction != "none"]
    # A staff list is a state: that nobody new came for three months does not make it old.
    watched = [m for m in mine if set(m.card.facts) - STATES]
    fresh = max((m.freshness for m in watched if m.freshness is not None), default=None)
    silent = fresh is not None and _months(fresh, as_of) >= SILENT_MONTHS
    if not scored:
        why = (
            "Only counted, with nothing to compare the counts with."
            if mine
            else "No measure of it has a value."
        )
        status: Status = "unmeasured"
        if silent and fresh is not None:
            status, why = "neglected", f"Nothing was measured here since {fresh.isoformat()}."
        return ComponentState(component, None, None, None, None, status, why, tuple(m.card.id for m in mine))
    levels, variances, trends = [], [], []
    for m in scored:
        reference = m.card.reference
        assert reference is not None
        assert m.value is not None
        sign = 1 if m.card.direction == "up" else -1
        levels.append(_capped(sign * (m.value - reference.value) / reference.sd))
        if m.half is not None:
            variances.append(min(m.half / (Z * reference.sd), CAP) ** 2)
        if m.change is not None:
            trends.append(_capped(sign * m.change / reference.sd))
    level = sum(levels) / len(levels)
    half = Z * math.sqrt(sum(variances)) / len(levels) if variances else None
    bounds = (None, None) if half is None else (level - half, level + half)
    trend = sum(trends) / len(trends) if trends else None
    if silent and fresh is not None:
        status, why = "neglected", f"Nothing was measured here since {fresh.isoformat()}."
    elif level < 0:
        sure = bounds[1] is not None and bounds[1] < 0
        status, why = (
            "dragging",
            "Its measures together lie below their references"
            + (", beyond chance." if sure else "; this may be chance."),
        )
    else:
        status, why = "turning", "Its measures together do not lie below their references."
    return ComponentState(
        component, level, bounds[0], bounds[1], trend, status, why, tuple(m.card.id for m in scored)
    )


def weakest(states: Sequence[ComponentState]) -> tuple[ComponentState, str] | None:
    """The weakest measured part and why: the lowest level; the reason says if the next one cannot be told from it."""
    known = sorted((s for s in states if s.level is not None), key=lambda s: (s.level, s.id))
    if len(known) < 2:
        return None
    first, second = known[0], known[1]
    if first.high is not None and second.low is not None and first.high < second.low:
        return first, "Its level lies below that of every other measured part, beyond chance."
    return (
        first,
        f"It has the lowest level, but {components()[second.id].name.lower()} cannot be told from it yet.",
    )


def strongest(states: Sequence[ComponentState]) -> ComponentState | None:
    """The measured part with the highest level, if at least two are measured."""
    known = [s for s in states if s.level is not None]
    return max(known, key=lambda s: (s.level, s.id)) if len(known) > 1 else None


def _capped(z: float) -> float:
    return max(-CAP, min(CAP, z))


def _months(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month
