"""Where a play is at work already: by the changes on record and the plans that started."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import duckdb

from carewheel.wheel.plans import Plan

InPlace = Mapping[str, frozenset[str]]


def in_place(
    connection: duckdb.DuckDBPyConnection, plans: Sequence[Plan], places: Collection[str], as_of: date, day: date
) -> InPlace:  # fmt: skip
    """By play the ``places`` that have it at the end of ``as_of`` (facts) or ``day`` (plans).

    A change counts from its start to its end; one that names no place is everywhere. A plan counts at a place from the month in
    which it was to begin there, once it started, and no longer when it was stopped.
    """
    found: dict[str, set[str]] = {}
    rows = connection.execute(
        "SELECT DISTINCT play, location_id FROM change WHERE play <> '' AND starts_date <= ? "
        "AND (ends_date IS NULL OR ends_date > ?)",
        [as_of, as_of],
    ).fetchall()
    for play, place in rows:
        found.setdefault(play, set()).update([place] if place else places)
    for plan in plans:
        if plan.started_on is not None and plan.started_on <= day and plan.state != "stopped":
            begun = [place for place, month in plan.terms.places.items() if month <= day]
            found.setdefault(plan.terms.play, set()).update(begun)
    return {play: frozenset(where & set(places)) for play, where in found.items() if where & set(places)}
