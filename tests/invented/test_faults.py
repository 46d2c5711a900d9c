"""Faults are planted in a demo's files, listed, the same for the same seed, and none where none are asked for."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.invented.exported import DENTAL, MEDICAL, Facts, half_a_year

from carewheel.invented.exports.place import export_place
from carewheel.invented.faults import fault_kinds, plant
from carewheel.invented.faults.planting import PLANTERS
from carewheel.invented.faults.sites import Site

Exports = Callable[[int, str], tuple[Path, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The exports of a place at a level of faults, and what was planted."""
    made: dict[tuple[int, str], tuple[Path, list[dict[str, Any]]]] = {}

    def of(number: int, level: str) -> tuple[Path, list[dict[str, Any]]]:
        if (number, level) not in made:
            folder = tmp_path_factory.mktemp("faults") / "place"
            made[number, level] = folder, export_place(half_a_year(number), folder, level)
        return made[number, level]

    return of


def test_every_kind_is_described_and_can_be_planted() -> None:
    assert list(PLANTERS) == list(fault_kinds())
    for kind in fault_kinds().values():
        assert 0 <= kind.real <= kind.harsh <= 1
        assert kind.harsh > 0
        assert kind.source.split()[0].strip(";:,") in {"assumed", "real", "minutes"}, kind.id
        assert kind.noticed_by


def test_without_faults_nothing_is_planted(exports: Exports, tmp_path: Path) -> None:
    folder, planted = exports(DENTAL, "none")
    assert planted == []
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert plant(copy, "loc2", 7, "none") == []
    assert same_files(folder, copy)


@pytest.mark.parametrize("number", [MEDICAL, DENTAL])
def test_the_same_seed_plants_the_same_faults_and_another_seed_others(
    exports: Exports, tmp_path: Path, number: int
) -> None:
    folder, planted = exports(number, "harsh")
    clean, _ = exports(number, "none")
    again = shutil.copytree(clean, tmp_path / "again")
    assert plant(again, f"loc{number}", half_a_year(number).seed, "harsh") == planted
    assert same_files(folder, again)
    other = shutil.copytree(clean, tmp_path / "other")
    assert plant(other, f"loc{number}", 8, "harsh") != planted


def test_harsh_plants_every_kind_somewhere_and_says_how_many(exports: Exports) -> None:
    planted = [row for number in (MEDICAL, DENTAL) for row in exports(number, "harsh")[1]]
    assert {row["kind"] for row in planted} == set(fault_kinds())
    for row in planted:
        assert row["count"] == len(row["keys"]) == len(set(row["keys"])) > 0, row["kind"]
        assert (exports(MEDICAL if row["location"] == "loc1" else DENTAL, "harsh")[0] / row["file"]).exists()


def test_the_share_is_planted_and_no_visit_has_two_faults(exports: Exports) -> None:
    folder, _ = exports(DENTAL, "none")
    _, planted = exports(DENTAL, "harsh")
    rows = Site(folder, "loc2", 7).rows("opendental/appointment.csv")
    kept = [row for row in rows if row["AptStatus"] == "2"]
    last = max(row["AptDateTime"][:10] for row in kept)
    before = sum(row["AptDateTime"][:10] < last for row in kept)
    visits = [row for row in planted if row["kind"] in list(fault_kinds())[:5]]
    stale = next(row for row in visits if row["kind"] == "past-still-scheduled")
    assert stale["count"] == round(0.08 * before)
    keys = [key for row in visits for key in row["keys"]]
    assert len(keys) == len(set(keys))


def test_what_is_planted_at_real_is_refused_or_said_and_the_rest_is_read(
    exports: Exports, tmp_path: Path
) -> None:
    folder, planted = exports(DENTAL, "real")
    facts = Facts(tmp_path / "workspace", folder)
    refused = sum(report.rows_refused for report in facts.reports)
    undated = sum(row["count"] for row in planted if row["kind"] == "undated-answers")
    said = {finding["code"] for report in facts.reports for finding in report.findings}
    assert {
        "csv.missing-value",
        "opendental.history-only",
        "x12.delivered-twice",
        "x12.truncated",
        "csv.encoding",
    } <= said
    assert (
        "x12.unbalanced" not in said
    )  # the half of a remittance is cut off; that it does not add up is no news
    # One half remittance is refused too, with all of its answers.
    assert undated < refused < undated + 100
    lost = next(row for row in planted if row["kind"] == "only-in-history")
    found = facts.ask(f"SELECT count(*) FROM appointment WHERE appointment_id IN {tuple(lost['keys'])}")
    assert found == [(lost["count"],)]


def same_files(one: Path, other: Path) -> bool:
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    if names != sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file()):
        return False
    return filecmp.cmpfiles(one, other, [str(name) for name in names], shallow=False)[0] == [
        str(n) for n in names
    ]
