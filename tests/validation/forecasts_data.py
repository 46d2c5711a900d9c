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
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.attendance.bookings import Bookings, Outcomes, bookings, outcomes
from carewheel.science.forecasting.demand import Calendar, calendar

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

    def groups_of(self, rows: NDArray[np.bool_]) -> dict[str, ArrayLike]:
        """The groups of some rows."""
        return {name: words[rows] for name, words in self.groups.items()}


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


SPECIAL = ("xmas", "xmas2", "nye", "nyd", "thx", "thx1", "ind", "game_day")


def emergency(data: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], Calendar]:
    """Arrivals by day (1280,) and hour (1280, 24), and the calendar with the set's own special days; none is closed."""
    rows = rows_of(data / "scheduling" / "demand_ed_uihc_hourly_2013_2016.csv.gz")
    hours = np.array([float(row["Arrivals"]) for row in rows]).reshape(-1, 24)
    first = (date.fromisoformat(rows[0]["Date"]) - DAY_ZERO).days
    flags = {name: np.array([row[name] == "1" for row in rows[::24]]) for name in SPECIAL}
    special = {name: first + np.flatnonzero(flag) for name, flag in flags.items()}
    return hours.sum(axis=1), hours, calendar(first, hours.shape[0], special=special)


# Bank holidays of England on weekdays in these months (gov.uk/bank-holidays).
BANK_HOLIDAYS = (
    "2023-08-28", "2023-12-25", "2023-12-26", "2024-01-01", "2024-03-29", "2024-04-01", "2024-05-06", "2024-05-27",
    "2024-08-26", "2024-12-25", "2024-12-26", "2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26",
)  # fmt: skip


def nhs(data: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Appointments (65, 24) by area and month, working days (24,) of the months, and the region of each area."""
    rows = rows_of(data / "scheduling" / "demand_nhs_gp_monthly_sub_icb_2023-08_2025-07.csv")
    areas, months = sorted({row["SUB_ICB_CODE"] for row in rows}), sorted({row["Month"] for row in rows})
    region = {row["SUB_ICB_CODE"]: row["REGION_NAME"] for row in rows}
    counts = np.zeros((len(areas), len(months)))
    for row in rows:
        counts[areas.index(row["SUB_ICB_CODE"]), months.index(row["Month"])] = float(row["Appointments"])
    first = np.array(months, dtype="datetime64[M]")
    worked = np.busday_count(
        first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]"), holidays=list(BANK_HOLIDAYS)
    )
    return counts, worked.astype(np.float64), [region[area] for area in areas]


@dataclass(frozen=True)
class Hangu:
    """Consultations in order: minutes, session, and what was known of each before it began."""

    minutes: NDArray[np.float64]
    session: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    factors: dict[str, NDArray[np.str_]]
    patient: NDArray[np.str_]


def hangu(data: Path) -> Hangu:
    """The 266 sessions of one physician."""
    rows = rows_of(data / "scheduling" / "service_hangu_sessions_001_266.csv")
    session = np.array([int(row["Session"]) for row in rows])
    position, earlier = np.zeros(len(rows)), np.zeros(len(rows))
    seen: dict[str, int] = {}
    for i, row in enumerate(rows):
        position[i] = position[i - 1] + 1 if i and session[i] == session[i - 1] else 0
        earlier[i] = seen.get(row["ID"], 0)
        seen[row["ID"]] = seen.get(row["ID"], 0) + 1
    words = {"day": "DayOfWeek", "half": "AM_PM", "home": "Address", "cancer": "M.Cancer", "sex": "Gender"}
    factors = {name: np.array([row[column] for row in rows]) for name, column in words.items()}
    factors["visit"] = np.where(earlier == 0, "first", "later")
    return Hangu(
        np.array([float(row["ServTime"]) / 60 for row in rows]),
        session,
        {"log position": np.log1p(position)},
        factors,
        np.array([row["ID"] for row in rows]),
    )
