"""The standing alarms (WH7): each raised, clear or unknown by the rule in words on its card."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import duckdb
from scipy.special import ndtri

from carewheel.catalog.components import components
from carewheel.catalog.pitfalls import pitfalls
from carewheel.catalog.plays import plays
from carewheel.science.intervals import wilson
from carewheel.wheel.components import ComponentState
from carewheel.wheel.measured import Measured, period_of
from carewheel.wheel.numbers import number
from carewheel.wheel.plans import Plan

State = Literal["raised", "clear", "unknown"]
Verdict = tuple[State, str]
SMALLEST_REINVESTMENT = 0.02
ONE_DRIVER = 0.5
ONE_DRIVER_N = 20
MONTHS_AROUND = 3
# In how many of 100 years without any change an alarm may be raised by chance alone.
FALSE_ALARMS = 0.05
TOGETHER = 0.8
Z = 1.6448536269514722


def alarms(
    measured: Mapping[str, Measured],
    states: Sequence[ComponentState],
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    plans: Sequence[Plan] = (),
    plans_on: date | None = None,
) -> list[dict[str, Any]]:
    """Every pitfall as `wheel.json` states it: its state and the evidence in a sentence."""
    rules: dict[str, Callable[[], Verdict]] = {
        "neglected_component": lambda: _neglected(measured, states),
        "unmeasured_changes": lambda: _unmeasured_changes(measured, connection, as_of, plans),
        "under_investment": lambda: _under_investment(measured["technology.investment_share"]),
        "no_leadership": lambda: _no_leadership(connection, as_of, plans, plans_on or as_of),
        "one_growth_driver": lambda: _one_driver(measured["growth.new_patients_by_channel"]),
        "marketing_alarm": lambda: _marketing(measured),
    }
    found = []
    for pitfall in pitfalls().values():
        state, evidence = rules[pitfall.id]()
        found.append({"id": pitfall.id, "title": pitfall.title, "state": state, "evidence": evidence})
    return found


def _neglected(measured: Mapping[str, Measured], states: Sequence[ComponentState]) -> Verdict:
    silent = [components()[s.id].name for s in states if s.status == "neglected"]
    if silent:
        return "raised", f"No new data for three months: {', '.join(silent)}."
    falls = {
        state.id: fall_of([m for m in measured.values() if m.card.component == state.id]) for state in states
    }
    known = {part: fall for part, fall in falls.items() if fall is not None}
    if not known:
        return "unknown", "No part has a comparison with the year before."
    bar = beyond_chance(len(states))
    sinking = [components()[part].name for part, fall in known.items() if fall < -bar]
    if sinking:
        return (
            "raised",
            f"Its measures together got worse than the year before, beyond chance: {', '.join(sinking)}.",
        )
    return "clear", "No part with a comparison got worse beyond chance."


def fall_of(mine: Sequence[Measured]) -> float | None:
    """How far the measures of one part together moved against the year before, in standard errors; below 0 is worse.

    Measures of one part are answers of the same people and visits of the same days: their errors are taken to correlate by
    `TOGETHER`, on the safe side. None where no measure has a comparison with an interval.
    """
    moves = [z for m in mine if (z := _standard_change(m)) is not None]
    k = len(moves)
    return sum(moves) / math.sqrt(k + TOGETHER * k * (k - 1)) if k else None


def beyond_chance(tests: int) -> float:
    """The bar in standard errors at which one of so many tests cries wolf in `FALSE_ALARMS` of years without a change.

    >>> round(beyond_chance(1), 3)
    1.645
    """
    return float(ndtri(1 - FALSE_ALARMS / tests))


def _standard_change(m: Measured) -> float | None:
    change = m.result.change_per_year if m.result else None
    if m.card.direction == "none" or change is None or change.status != "ok" or change.value is None:
        return None
    if change.low is None or change.high is None or change.high <= change.low:
        return None
    sign = 1 if m.card.direction == "up" else -1
    return sign * change.value / ((change.high - change.low) / (2 * Z))


def _unmeasured_changes(
    measured: Mapping[str, Measured],
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    plans: Sequence[Plan],
) -> Verdict:
    rows = connection.execute(
        "SELECT play, component, location_id, starts_date FROM change WHERE starts_date <= ? ORDER BY starts_date",
        [as_of],
    ).fetchall()
    begun = [plan for plan in plans if plan.started_on is not None and plan.started_on <= as_of]
    planned = {(plan.terms.play, place) for plan in begun for place in plan.terms.places}
    if not rows and not begun:
        return "unknown", "No change is on record."
    blind = sum(
        not _watched(measured, play, component, starts, as_of)
        for play, component, place, starts in rows
        if (play, place) not in planned
    )
    # A plan names its measure; it has to go on having data.
    blind += sum(
        not _has_months(measured[p.terms.judged_by.measure], p.terms.first_start, as_of) for p in begun
    )
    many = len([row for row in rows if (row[0], row[2]) not in planned]) + len(begun)
    if blind:
        return "raised", f"{blind} of {many} changes have no measure with data around their start."
    return "clear", f"All {many} changes have a measure with data around their start."


def _watched(measured: Mapping[str, Measured], play: str, component: str, starts: date, as_of: date) -> bool:
    """Whether a measure that the change could move has data for three months before and after its start."""
    moved = {effect.measure for effect in plays()[play].moves} if play in plays() else set()
    candidates = [
        m for m in measured.values() if m.card.id in moved or (component and m.card.component == component)
    ]
    return any(_has_months(m, starts, as_of) for m in candidates)


def _has_months(m: Measured, starts: date, as_of: date) -> bool:
    """Whether a measure has data for three months before and after a start (or until now, for younger changes)."""
    start = starts.year * 12 + starts.month
    young = min(MONTHS_AROUND, as_of.year * 12 + as_of.month - start)
    wanted = {start + i for i in range(-MONTHS_AROUND, young) if i != 0}
    if m.result is None:
        return False
    pairs = zip(m.result.months, m.result.monthly.n, strict=True)
    return wanted <= {month.year * 12 + month.month for month, n in pairs if n > 0}


def _under_investment(m: Measured) -> Verdict:
    if m.value is None:
        return "unknown", "No investment is on record beside collections."
    highest = m.high if m.high is not None else m.value
    share = number(m.value, "share")
    if highest < SMALLEST_REINVESTMENT:
        return (
            "raised",
            f"{share} of collections went back in, under {number(SMALLEST_REINVESTMENT, 'share')}.",
        )
    return "clear", f"{share} of collections went back in."


def _no_leadership(
    connection: duckdb.DuckDBPyConnection, as_of: date, plans: Sequence[Plan], plans_on: date
) -> Verdict:
    late = [plan.id for plan in plans if plan.overdue(plans_on)]
    if late:
        return "raised", f"Overdue for an owner, a start or a review: {', '.join(late)}."
    first, last = period_of(as_of)
    planned, begun = connection.execute(
        "SELECT count(*), count(*) FILTER (starts_date BETWEEN ? AND ?) FROM change",
        [first, max(last, as_of)],
    ).fetchall()[0]
    running = sum(plan.state == "started" for plan in plans)
    if running:
        return (
            "clear",
            f"{running} {'plan has' if running == 1 else 'plans have'} an owner and no overdue review.",
        )
    if not planned and not plans:
        return "unknown", "No change and no plan is on record."
    # An open plan that is not overdue is on its way; one that ended may have begun too long ago.
    waiting = any(plan.open for plan in plans)
    lately = any(plan.started_on is not None and plan.started_on >= first for plan in plans)
    if not begun and not waiting and not lately:
        return (
            "raised",
            f"{planned + len(plans)} changes are on record, and none began in the last 12 months.",
        )
    if begun or lately:
        return "clear", f"{begun or 1} changes began in the last 12 months."
    return "clear", "A plan waits for its owner or its start, and is not overdue."


def _one_driver(m: Measured) -> Verdict:
    rows = [row for row in (m.result.dimension if m.result else ()) if row.label != "unknown"]
    known = sum(row.value.n for row in rows)
    if known < ONE_DRIVER_N:
        return "unknown", f"The channel of {known} new patients is known; {ONE_DRIVER_N} are needed."
    top = max(rows, key=lambda row: row.value.n)
    share = top.value.n / known
    # Of two channels with half each either may come out on top: both must stay below the bar in 95 of 100 years.
    least = float(wilson(top.value.n, known, 1 - FALSE_ALARMS).low)
    words = f"{top.label} brings {number(share, 'share')} of {known} new patients whose channel is known."
    words += f" At least {number(least, 'share')} with 95 % certainty."
    return ("raised" if least > ONE_DRIVER else "clear"), words


def _marketing(measured: Mapping[str, Measured]) -> Verdict:
    spend = measured["growth.marketing_spend"].change
    if spend is None:
        return "unknown", "Marketing cost has no comparison with the year before."
    others = [
        measured[name] for name in ("experience.nps", "operations.no_show_rate", "operations.wait_minutes")
    ]
    judged = {m.card.title: z for m in others if (z := _standard_change(m)) is not None}
    if spend <= 0:
        return "clear", "Marketing and sales cost did not rise."
    if not judged:
        return "unknown", "Marketing cost rose, but neither NPS nor no-shows nor waits have a comparison."
    worse = [title for title, z in judged.items() if z < -beyond_chance(len(others))]
    if worse:
        return (
            "raised",
            f"Marketing and sales cost rose while this got worse, beyond chance: {', '.join(worse)}.",
        )
    return "clear", "Marketing and sales cost rose, and nothing that patients feel got worse beyond chance."
