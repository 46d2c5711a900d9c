"""The standing alarms (WH7): each raised, clear or unknown by the rule in words on its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import duckdb

from carewheel.catalog.components import components
from carewheel.catalog.pitfalls import pitfalls
from carewheel.catalog.plays import plays
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
    sinking, judged = [], 0
    for state in states:
        changes = [
            m.change * (1 if m.card.direction == "up" else -1)
            for m in measured.values()
            if m.card.component == state.id and m.card.direction != "none" and m.change is not None
        ]
        judged += bool(changes)
        if changes and max(changes) < 0:
            sinking.append(components()[state.id].name)
    if sinking:
        return "raised", f"Every measure with a comparison got worse: {', '.join(sinking)}."
    if not judged:
        return "unknown", "No part has a comparison with the year before."
    return "clear", "Every part with a comparison has a measure that did not get worse."


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
    words = f"{top.label} brings {number(share, 'share')} of {known} new patients whose channel is known."
    return ("raised" if share > ONE_DRIVER else "clear"), words


def _marketing(measured: Mapping[str, Measured]) -> Verdict:
    spend = measured["growth.marketing_spend"].change
    if spend is None:
        return "unknown", "Marketing cost has no comparison with the year before."
    others = [
        measured[name] for name in ("experience.nps", "operations.no_show_rate", "operations.wait_minutes")
    ]
    judged = [m for m in others if m.change is not None]
    if spend <= 0:
        return "clear", "Marketing and sales cost did not rise."
    if not judged:
        return "unknown", "Marketing cost rose, but neither NPS nor no-shows nor waits have a comparison."
    worse = [
        m.card.title
        for m in judged
        if m.change is not None and m.change * (1 if m.card.direction == "up" else -1) < 0
    ]
    if worse:
        return "raised", f"Marketing and sales cost rose while this got worse: {', '.join(worse)}."
    return "clear", "Marketing and sales cost rose, and nothing that patients feel got worse."
