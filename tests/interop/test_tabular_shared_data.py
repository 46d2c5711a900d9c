"""Real tables by mapping files: counts and sums agree with an independent count over the raw file."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files as package_files
from pathlib import Path

import pytest
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import files_under

from carewheel.interop.files import ReadSettings
from carewheel.interop.tabular import mapped

EXAMPLES = Path(str(package_files("carewheel.interop.tabular") / "mappings" / "examples"))

pytestmark = pytest.mark.needs_data


def raw(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def read(path: Path) -> CollectingSink:
    given = ReadSettings(today=date(2026, 1, 1), mappings=tuple(sorted(EXAMPLES.glob("*.toml"))))
    (file,) = files_under(path)
    part = mapped.recognise(file.sample(), given)
    assert part
    sink = CollectingSink()
    mapped.read([(file, part)], sink, given)
    return sink


def test_the_no_show_set_comes_whole(shared_data: Path) -> None:
    path = shared_data / "scheduling" / "noshow_vitoria_2016_kaggle_v2.csv.gz"
    sink = read(path)
    rows = list(raw(path))
    assert len(sink.records) == len(rows) == 110_527
    missed = sum(row["No-show"] == "Yes" for row in rows)
    assert Counter(r.status for r in sink.records) == {"noshow": missed, "fulfilled": len(rows) - missed}
    assert sink.tallies["visits"] == len(rows) - missed
    assert Counter(r.starts_at.date().isoformat() for r in sink.records) == Counter(
        row["AppointmentDay"][:10] for row in rows
    )
    assert len({r.patient_key for r in sink.records}) == len({row["PatientId"] for row in rows})
    assert sink.findings == []


def test_the_friends_and_family_answers_are_a_five_point_question(shared_data: Path) -> None:
    path = shared_data / "flywheel" / "fft_gp_london.csv.gz"
    sink = read(path)
    answered = [row for row in raw(path) if row["rating_score"]]
    (file,) = sink.files
    assert (file.rows_used, file.rows_ignored, file.rows_refused) == (len(answered), 19, 0)
    assert Counter((r.location_id, r.score) for r in sink.records) == Counter(
        (row["surgery"], float(row["rating_score"])) for row in answered
    )
    assert {(r.question, r.scale_min, r.scale_max) for r in sink.records} == {("five_point", 1.0, 5.0)}


def test_the_case_called_na_does_not_vanish(shared_data: Path) -> None:
    path = shared_data / "flywheel" / "eventlog_sepsis.csv.gz"
    sink = read(path)
    rows = list(raw(path))
    assert Counter(r.appointment_id for r in sink.records) == Counter(row["Case ID"] for row in rows)
    assert sum(r.appointment_id == "NA" for r in sink.records) == 24
    assert Counter(r.raw_event for r in sink.records) == Counter(row["Activity"] for row in rows)
    first = datetime.strptime(rows[0]["Complete Timestamp"], "%Y/%m/%d %H:%M:%S.%f")
    assert sink.records[0].happened_at.replace(tzinfo=None) == first
    assert len(sink.records) == len(rows) == 15_214


def test_the_purchases_add_up_to_the_cent(shared_data: Path) -> None:
    path = shared_data / "flywheel" / "cdnow_eventlog.csv.gz"
    sink = read(path)
    rows = list(raw(path))
    total = sum(Decimal(row["sales"]) for row in rows)
    assert sum(r.amount for r in sink.records) == sink.tallies["collections"] == total
    by_month = Counter(f"{r.posted_date:%Y%m}" for r in sink.records)
    assert by_month == Counter(row["date"][:6] for row in rows)


def test_the_wide_table_of_spend_becomes_a_row_a_channel(shared_data: Path) -> None:
    path = shared_data / "flywheel" / "marketing_weekly.csv.gz"
    sink = read(path)
    rows = list(raw(path))
    columns = [name for name in rows[0] if name.startswith("mdsp_")]
    amounts = [Decimal(row[name]) for row in rows for name in columns]
    assert len(sink.records) == sum(1 for amount in amounts if amount)
    assert sum(r.amount for r in sink.records) == sum(amounts)
    assert len({r.channel for r in sink.records}) == len(columns) == 10
    assert all(r.ends_date - r.starts_date == timedelta(6) for r in sink.records)
    assert len({r.source_id for r in sink.records}) == len(sink.records)


def test_ratings_without_dates_come_to_refused_rows_and_no_records(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "flywheel" / "doctor_ratings.csv.gz"
    (file,) = files_under(path)
    given = ReadSettings(today=date(2026, 1, 1), mappings=tuple(EXAMPLES.glob("*.toml")))
    part = mapped.recognise(file.sample(), given)
    sink = CollectingSink()
    mapped.read([(file, part)], sink, given)
    assert sink.records == []
    (finding,) = sink.findings
    assert finding.code == "csv.no-dates"
    assert sink.files[0].rows_refused == sum(1 for _ in raw(path)) == 1000
