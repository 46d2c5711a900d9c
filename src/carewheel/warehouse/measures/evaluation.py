"""Evaluating a card: its SQL on an engine, then total, places, months, change and freshness."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import isfinite, isnan

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.facts import fact_tables
from carewheel.catalog.measures import MODELLED, STATISTICS, MeasureCard
from carewheel.interop.files import Finding, note
from carewheel.science.intervals import Estimate, difference, ratio
from carewheel.warehouse.measures.binding import bind
from carewheel.warehouse.measures.engines import Arrays, Engine
from carewheel.warehouse.measures.estimates import Statistics, estimate, total
from carewheel.warehouse.measures.modelled import Answer, modelled
from carewheel.warehouse.measures.noise import sampling_variance
from carewheel.warehouse.measures.panels import Panel, panel_of
from carewheel.warehouse.measures.results import UNMEASURED, DimensionRow, MeasureResult, Series, Value

MIN_MONTHS_COMPARED = 3
# Methods that put two different facts against each other: a place that has only one of them has no value.
RATIO_METHODS = ("cost_per_count", "lifetime", "poisson_rate", "ratio_months")


def latest_dates(engine: Engine, tables: Iterable[str], as_of: date) -> dict[str, date | None]:
    """The last date with a row, up to ``as_of``, of each dated fact table among ``tables``."""
    found: dict[str, date | None] = {}
    for name in sorted(set(tables)):
        if fact_tables()[name].time:
            sql = f"SELECT MAX(local_date) AS latest FROM {name} WHERE local_date <= :as_of"
            found[name] = engine.query(bind(sql, as_of, engine.dialect))["latest"][0]
    return found


def evaluate_all(
    cards: Iterable[MeasureCard], engine: Engine, as_of: date, locations: Collection[str] | None = None
) -> dict[str, MeasureResult]:
    """`evaluate` for many cards, by id; freshness is asked once a table."""
    cards = list(cards)
    latest = latest_dates(engine, {fact for card in cards for fact in card.facts}, as_of)
    return {card.id: evaluate(card, engine, as_of, locations, latest) for card in cards}


def evaluate(
    card: MeasureCard,
    engine: Engine,
    as_of: date,
    locations: Collection[str] | None = None,
    latest: Mapping[str, date | None] | None = None,
) -> MeasureResult:
    """What ``card`` says on ``as_of`` (inclusive) about ``locations`` (None: all).

    The window is the last 12 full months (a month is full when ``as_of`` is its last day or later), or the last full
    month for cards with window "point" or "trailing12". Where facts have several currencies, the one with most rows is
    used and a finding names the others. A card not yet computed gives an unmeasured result.
    """
    if card.interval in MODELLED and card.status == "computed":
        rows = engine.arrays(bind(card.sql, as_of, engine.dialect))
        fresh = (latest_dates(engine, card.facts, as_of) if latest is None else latest).get(card.facts[0])
        return _by_model(card, as_of, modelled(card, rows, as_of, locations), fresh)
    columns, by_label = _columns(card, engine, as_of, locations)
    table, findings = panel_of(card, columns, as_of, locations)
    labelled = table if by_label is None else panel_of(card, by_label, as_of, None)[0]
    if latest is None and card.status == "computed":
        latest = latest_dates(engine, card.facts, as_of)
    if table is None or not table.months:
        return _nothing(card, as_of, findings, _freshness(card, latest or {}, table))
    end = len(table.months) - 1
    window = np.arange(max(0, end - 11), end + 1)
    everything = table.summed("dimension", "location")
    places = table.summed("dimension")
    covered = np.flatnonzero(table.present.any(axis=(0, 1)))
    in_window = (window >= covered[0]) & (window <= covered[-1])
    overall = _values(card, everything, window)[0]
    by_location = dict(zip(table.locations, _values(card, places, window), strict=True))
    if card.interval in RATIO_METHODS and "" in by_location and len(by_location) > 1:
        by_location = dict.fromkeys(by_location, UNMEASURED)
        findings.append(
            note(
                "measure.not-split-by-place",
                f"{card.title}: part of the facts names no place, so there are no values by place.",
                remedy="Give the place in the export, or one export for each place.",
            )
        )
    change, relative, compared = _change(card, everything, window, covered)
    return MeasureResult(
        id=card.id,
        as_of=as_of,
        currency=table.currency,
        total=overall,
        by_location=by_location,
        months=tuple(table.months),
        monthly=_series(card, everything, len(table.months))[0],
        by_location_month=dict(zip(table.locations, _series(card, places, len(table.months)), strict=True)),
        dimension=_dimension(card, labelled or table, window),
        change_per_year=change,
        relative_change_per_year=relative,
        months_compared=compared,
        months_covered=int(in_window.sum()) if card.window == "sum12" else int(in_window[-1]),
        freshness=_freshness(card, latest or {}, table),
        findings=tuple(findings),
    )


def _columns(
    card: MeasureCard, engine: Engine, as_of: date, locations: Collection[str] | None
) -> tuple[Arrays, Arrays | None]:
    """The rows by place and month, and for a card with a dimension those by label and month.

    No result has place, month and label at once: the engine adds them up, so that far fewer rows are fetched. With
    ``locations`` the rows come whole (the second is None), since labels must be added over these places only.
    """
    if card.status != "computed":
        return {}, None
    if not card.dimension or locations is not None:
        return engine.arrays(bind(card.sql, as_of, engine.dialect)), None
    currency = ", currency" if card.has_money else ""
    sums = ", ".join(f"SUM({name}) AS {name}" for name in dict.fromkeys((*STATISTICS[card.interval], "n")))
    grouped = (
        f"SELECT location_id, local_month, dimension{currency}, GROUPING(location_id) AS of_label, {sums} "
        f"FROM ({card.sql}) AS answer GROUP BY GROUPING SETS "
        f"((location_id, local_month{currency}), (dimension, local_month{currency}))"
    )
    rows = engine.arrays(bind(grouped, as_of, engine.dialect))
    if not rows:
        return rows, rows
    labelled = np.asarray(rows["of_label"], dtype=np.float64) > 0
    return (
        {name: column[~labelled] for name, column in rows.items()},
        {name: column[labelled] for name, column in rows.items()},
    )


def _value(card: MeasureCard, value: float, low: float, high: float, n: float) -> Value:
    count = 0 if isnan(n) else round(n)
    if isnan(value):
        # Some rows, but a part that the card needs (the cost, the receipts) is not on record at all.
        return Value(None, None, None, count, "unmeasured" if count >= card.minimum_n else "not_enough_data")
    if count < card.minimum_n:
        return Value(None, None, None, count, "not_enough_data")
    return Value(float(value), _known(low), _known(high), count, "ok")


def _known(x: float) -> float | None:
    return float(x) if isfinite(x) else None


def _within(card: MeasureCard, e: Estimate) -> Estimate:
    """The interval cut at what the measure can be at all; left whole where the value itself lies beyond (a balance that is a credit)."""
    return Estimate(
        e.value,
        np.where(e.value >= card.least, np.maximum(e.low, card.least), e.low),
        np.where(e.value <= card.most, np.minimum(e.high, card.most), e.high),
    )


def _values(card: MeasureCard, s: Statistics, window: NDArray[np.intp]) -> list[Value]:
    e, n = estimate(card, s, window)
    e = _within(card, e)
    return [_value(card, *x) for x in zip(*(part.tolist() for part in (*e, n)), strict=True)]


def _series(card: MeasureCard, s: Statistics, months: int) -> list[Series]:
    """One month at a time; states and trailing windows may look back a year for their noise."""
    back = 0 if card.window == "sum12" else 11
    parts = [estimate(card, s, np.arange(max(0, t - back), t + 1)) for t in range(months)]
    value, low, high = _within(
        card, Estimate(*(np.stack([e[i] for e, _ in parts], axis=-1) for i in range(3)))
    )
    n = np.nan_to_num(np.stack([n for _, n in parts], axis=-1))
    enough = (n >= card.minimum_n) & np.isfinite(value)
    noise = sampling_variance(card, s)
    return [Series(value[i], low[i], high[i], n[i], enough[i], noise[i]) for i in range(value.shape[0])]


def _change(
    card: MeasureCard, s: Statistics, window: NDArray[np.intp], covered: NDArray[np.intp]
) -> tuple[Value | None, Value | None, int]:
    """This window against the same calendar months of the year before, where both are on record."""
    if card.window == "sum12":
        now = np.array([t for t in window if t - 12 >= covered[0] and t <= covered[-1]], dtype=np.intp)
        if len(now) < MIN_MONTHS_COMPARED:
            return None, None, 0
        before = now - 12
    else:
        now, before = window, np.arange(max(0, window[-1] - 23), window[-1] - 11)
        if len(before) == 0:
            return None, None, 0
    (new, new_n), (old, old_n) = estimate(card, s, now), estimate(card, s, before)
    n = min(float(np.nan_to_num(new_n[0])), float(np.nan_to_num(old_n[0])))
    if n < card.minimum_n or not np.isfinite([new.value[0], old.value[0]]).all():
        return None, None, 0
    compared = len(now) if card.window == "sum12" else 1
    d, q = difference(new, old), ratio(new, old)
    change = _value(card, d.value[0], d.low[0], d.high[0], n)
    relative = None
    if np.isfinite(q.value[0]):
        r = Estimate(*(part - 1 for part in q))
        relative = _value(card, r.value[0], r.low[0], r.high[0], n)
    return change, relative, compared


def _dimension(card: MeasureCard, table: Panel, window: NDArray[np.intp]) -> tuple[DimensionRow, ...]:
    if not card.dimension:
        return ()
    by_label = {name: total(values, 1) for name, values in table.statistics.items()}
    rows = [
        DimensionRow(label, v) for label, v in zip(table.labels, _values(card, by_label, window), strict=True)
    ]
    rows = [row for row in rows if row.value.n or row.value.value is not None]
    return tuple(sorted(rows, key=lambda row: (-(row.value.value or 0.0), -row.value.n, row.label)))


def _freshness(card: MeasureCard, latest: Mapping[str, date | None], table: Panel | None) -> date | None:
    """The last date with data of any of the card's facts, never after the month of the card's last row."""
    known = [day for fact in card.facts if (day := latest.get(fact)) is not None]
    if table is None or not known:
        return None
    after = (table.last_row_month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return min(max(known), after - timedelta(days=1))


def _nothing(
    card: MeasureCard, as_of: date, findings: Sequence[Finding], fresh: date | None
) -> MeasureResult:
    nothing = Value(None, None, None, 0, "not_enough_data") if findings else UNMEASURED
    return _by_model(card, as_of, (nothing, {}, "", tuple(findings)), fresh)


def _by_model(card: MeasureCard, as_of: date, answer: Answer, fresh: date | None) -> MeasureResult:
    """A result without months."""
    overall, by_location, currency, findings = answer
    empty = np.empty(0)
    series = Series(empty, empty, empty, empty, np.empty(0, dtype=bool), empty)
    return MeasureResult(
        card.id, as_of, currency, overall, by_location, (), series, {}, (), None, None, 0, 0, fresh, findings
    )
