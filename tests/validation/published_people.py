"""The published sets behind people and money: CDNOW, Rossi, Babushkin; and the age bands and folds that are held to."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carewheel.science.survival import coding, concordance, cox

Floats = NDArray[np.float64]
NUMBERS = ("age", "extraversion", "independ", "selfcontrol", "anxiety", "novator")
FACTORS = ("gender", "industry", "profession", "traffic", "coach", "head_gender", "greywage", "way")
FOLDS, FOLD_SEED = 5, 0
DAY_ZERO, SPLIT, END = date(1997, 1, 1), date(1997, 9, 30), date(1998, 6, 30)


def rows_of(data: Path, name: str) -> list[dict[str, str]]:
    """A table of the shared data."""
    with gzip.open(data / "flywheel" / f"{name}.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def columns_of(rows: list[dict[str, str]], *names: str) -> list[Floats]:
    """Columns as numbers."""
    return [np.array([float(row[name]) for row in rows]) for name in names]


def cdnow_visits(data: Path) -> tuple[Floats, Floats]:
    """Customers and weeks since 1 January 1997 of all purchases."""
    rows = rows_of(data, "cdnow_eventlog")
    weeks = [
        (date(int(d[:4]), int(d[4:6]), int(d[6:])) - DAY_ZERO).days / 7 for d in (r["date"] for r in rows)
    ]
    return np.array([float(row["masterid"]) for row in rows]), np.array(weeks)


def week_of(day: date) -> float:
    """Weeks since 1 January 1997."""
    return (day - DAY_ZERO).days / 7


def rossi(data: Path) -> tuple[Floats, Floats, Floats]:
    """Weeks, arrests, and the seven columns."""
    rows = rows_of(data, "rossi")
    until, left, *columns = columns_of(
        rows, "week", "arrest", "fin", "age", "race", "wexp", "mar", "paro", "prio"
    )
    return until, left, np.column_stack(columns)


def babushkin_folds(data: Path, seed: int = FOLD_SEED, bands: bool = True) -> list[float]:
    """Concordance of each of five folds. Numbers and kinds are pooled; with ``bands`` age also counts in bands of five years."""
    rows = rows_of(data, "turnover_babushkin")
    until, left = columns_of(rows, "stag", "event")
    numbers = dict(zip(NUMBERS, columns_of(rows, *NUMBERS), strict=True))
    factors = {name: np.array([row[name] for row in rows]) for name in FACTORS}
    if bands:
        factors["age band"] = (numbers["age"] // 5).astype(int).astype(str)
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    found = []
    for out in range(FOLDS):
        kept, tried = (
            ({k: v[who] for k, v in numbers.items()}, {k: v[who] for k, v in factors.items()})
            for who in (fold != out, fold == out)
        )
        code = coding(*kept)
        features = code.features(*kept)
        fit = cox(until[fold != out], left[fold != out], features.values, pool=features.pool)
        score = code.features(*tried).values @ fit.beta
        found.append(concordance(until[fold == out], left[fold == out], score))
    return found
