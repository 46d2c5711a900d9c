"""The public data sets of the forecasts as arrays: no-shows of Vitoria, arrivals of Iowa, appointments of the NHS, sessions of Hangu.

They are for evaluation only: nothing learnt from them is in the package. Columns, faults, licences and the fixed split stand in the data's own README.
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.attendance.bookings import Bookings, Outcomes, bookings, outcomes

# Day 0 is a Monday, so that day % 7 is the weekday.
DAY_ZERO = date(2007, 1, 1)
SPLIT = (date(2016, 5, 25) - DAY_ZERO).days
NUMBERS = ("Age", "Scholarship", "Hipertension", "Diabetes", "Alcoholism", "Handcap", "SMS_received")


@dataclass(frozen=True)
class Vitoria:
    """All kept rows, in the order of the file. ``fell``: 1 if missed; ``test``: the rows of the fixed test days."""

    bookings: Bookings
    outcomes: Outcomes
    fell: NDArray[np.float64]
    test: NDArray[np.bool_]
    groups: dict[str, NDArray[np.str_]]


def rows_of(path: Path) -> list[dict[str, str]]:
    whole = path.read_bytes()
    text = (gzip.decompress(whole) if path.suffix == ".gz" else whole).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def vitoria(data: Path, reminders: bool = True) -> Vitoria:
    """The no-show set without the six rows that cannot be (booked after the visit, age below 0)."""
    rows = rows_of(data / "scheduling" / "noshow_vitoria_2016_kaggle_v2.csv.gz")
    moments = [datetime.fromisoformat(row["ScheduledDay"].rstrip("Z")) for row in rows]
    booked = np.array([(m - datetime(2007, 1, 1)).total_seconds() for m in moments]).astype(np.int64)
    visit = np.array([(date.fromisoformat(row["AppointmentDay"][:10]) - DAY_ZERO).days for row in rows])
    columns = {name: np.array([float(row[name]) for row in rows]) for name in NUMBERS}
    kept = (visit >= booked // 86_400) & (columns["Age"] >= 0)
    names = [name for name in NUMBERS if reminders or name != "SMS_received"]
    place = np.array([row["Neighbourhood"] for row in rows])[kept]
    male = np.array([row["Gender"] == "M" for row in rows])[kept]
    made = bookings(
        booked[kept],
        visit[kept],
        np.array([float(row["PatientId"]) for row in rows])[kept],
        numbers={name: columns[name][kept] for name in names} | {"male": male},
        kinds={"place": place},
    )
    fell = np.array([row["No-show"] == "Yes" for row in rows], dtype=np.float64)[kept]
    age = columns["Age"][kept]
    bands = np.array(["0-17", "18-39", "40-59", "60+"])[np.searchsorted([18, 40, 60], age, side="right")]
    groups = {
        "Scholarship": np.where(columns["Scholarship"][kept] > 0, "yes", "no"),
        "age band": bands,
        "sex": np.where(male, "male", "female"),
    }
    known = outcomes(made, np.arange(fell.size), fell.astype(np.int64))
    return Vitoria(made, known, fell, made.visit_day >= SPLIT, groups)
