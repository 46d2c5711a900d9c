"""The rows of a card's SQL as a panel: statistics by dimension, place and full month."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import STATISTICS, MeasureCard
from carewheel.interop.files import Finding, doubt, note
from carewheel.warehouse.measures.engines import Arrays
from carewheel.warehouse.measures.estimates import Floats, Statistics, total


@dataclass(frozen=True)
class Panel:
    """Statistics as arrays (dimension × location × full month) and which cells have a row."""

    labels: list[str]
    locations: list[str]
    months: list[date]
    currency: str
    statistics: Statistics
    present: NDArray[np.bool_]
    last_row_month: date

    def summed(self, *axes: str) -> Statistics:
        """Statistics with the named axes added up; always (places × months)."""
        out: dict[str, Floats] = {}
        for name, values in self.statistics.items():
            x = values[0] if len(self.labels) == 1 else total(values, 0)
            out[name] = total(x, 0)[None, :] if "location" in axes else x
        return out


def several_currencies(card: MeasureCard, currency: str, others: str) -> Finding:
    """The finding that a measure is in one currency only."""
    return doubt(
        "measure.several-currencies",
        f"{card.title} is in {currency or 'an unknown currency'} only; left out: {others}.",
        why="Different currencies are never added.",
        remedy="Run the places of one currency at a time.",
    )


def panel_of(
    card: MeasureCard, columns: Arrays, as_of: date, locations: Collection[str] | None
) -> tuple[Panel | None, list[Finding]]:
    """The panel of the rows that have a month and lie in ``locations`` (None: all), in the currency of most rows."""
    findings: list[Finding] = []
    if not columns or not len(columns["local_month"]):
        return None, findings
    kept = ~np.isnat(columns["local_month"])
    if locations is not None:
        kept &= np.array([place in locations for place in columns["location_id"]], dtype=bool)
    if not kept.any():
        return None, findings
    rows = columns if kept.all() else {name: column[kept] for name, column in columns.items()}
    currencies, code = _numbered(rows.get("currency"), len(rows["n"]))
    weight = np.bincount(code, np.nan_to_num(rows["n"]), len(currencies))
    currency = currencies[int(weight.argmax())]
    if len(currencies) > 1:
        named = ", ".join(other or "unknown" for other in currencies if other != currency)
        findings.append(several_currencies(card, currency, named))
        mine = code == weight.argmax()
        rows = {name: column[mine] for name, column in rows.items()}
    days = rows["local_month"]
    opening = days.min()
    months = np.arange(opening, days.max() + 1).astype("datetime64[M]")[(days - opening).astype(np.intp)]
    first, last_row = months.min(), months.max()
    full = np.arange(first, np.datetime64(last_full_month(as_of), "M") + 1)
    if not len(full):
        findings.append(note("measure.no-full-month", f"{card.title}: there is no full month on record yet."))
    labels, label = _numbered(rows.get("dimension") if card.dimension else None, len(months), "unknown")
    places, place = _numbered(rows["location_id"], len(months))
    month = (months - first).astype(np.intp)
    shape = (len(labels), len(places), len(full))
    ended = month < len(full)
    cell = ((label * len(places) + place) * len(full) + month)[ended]
    size = shape[0] * shape[1] * shape[2]
    statistics: dict[str, Floats] = {}
    for name in STATISTICS[card.interval]:
        values = rows[name][ended]
        known = np.isfinite(values)
        sums = np.bincount(cell, np.where(known, values, 0), size).astype(np.float64)
        if not known.all() or len(cell) < size:
            sums[np.bincount(cell[known], minlength=size) == 0] = np.nan
        statistics[name] = sums.reshape(shape)
    present = (np.bincount(cell, minlength=size) > 0).reshape(shape)
    listed = [day.astype(date) for day in full.astype("datetime64[D]")]
    last: date = last_row.astype("datetime64[D]").astype(date)
    return Panel(labels, places, listed, currency, statistics, present, last), findings


def last_full_month(as_of: date) -> date:
    """The first day of the last month that has wholly passed by the end of ``as_of``.

    >>> last_full_month(date(2026, 1, 31)), last_full_month(date(2026, 1, 30))
    (datetime.date(2026, 1, 1), datetime.date(2025, 12, 1))
    """
    return (((as_of + timedelta(days=1)).replace(day=1)) - timedelta(days=1)).replace(day=1)


def _numbered(
    column: NDArray[Any] | None, rows: int, unknown: str = ""
) -> tuple[list[str], NDArray[np.intp]]:
    """The sorted different texts of a column ("" as ``unknown``) and, for each row, which of them it has."""
    if column is None:
        return [""], np.zeros(rows, dtype=np.intp)
    texts = column.tolist()
    named = {text: str(text or unknown) for text in set(texts)}
    different = sorted(set(named.values()))
    at = {name: i for i, name in enumerate(different)}
    number = {text: at[name] for text, name in named.items()}
    return different, np.fromiter(map(number.__getitem__, texts), np.intp, rows)
