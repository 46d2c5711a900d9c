"""Every benchmark runs, on very little; a large import stays within its memory. No time is asserted: machines differ."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from pathlib import Path

import pytest
from benchmarks.measures.bench import bench as bench_measures
from benchmarks.measures.by_hand import CELLS
from benchmarks.memory.files import MAPPING, csv_appointments, ndjson_encounters
from benchmarks.memory.reading import ALLOWED, import_file
from benchmarks.memory.reading import bench as bench_memory
from benchmarks.tables import TINY, Scale

from benchmarks import run
from carewheel.catalog.measures import MODELLED, measures

LARGE = 150 * 2**20


def test_every_computed_card_has_a_query_by_hand_and_equal_answers() -> None:
    counted = {
        card.id for card in measures().values() if card.status == "computed" and card.interval not in MODELLED
    }
    assert set(CELLS) == counted
    (table,) = bench_measures(TINY)
    # Speed is not judged here: only whether the answers are equal.
    assert len(table.rows) == len(CELLS) + 1
    assert not [row for row in table.rows if "not" in row[5]]


def test_every_kind_of_file_is_read_whole_and_a_huge_bundle_refused() -> None:
    (table,) = bench_memory(Scale(1 / 10_000, 1))
    assert len(table.rows) == 8
    assert table.missed == []


def test_the_command_line_is_timed() -> None:
    (table,) = importlib.import_module("benchmarks.starting").bench(TINY)
    assert table.rows[0][0] == "carewheel --help"


def test_peers_are_timed_in_environments_of_their_own() -> None:
    try:
        section, _ = run.run("x12", TINY)
    except subprocess.CalledProcessError as error:
        if "pip" in map(str, error.cmd):
            pytest.skip("NOT TESTED HERE: the peer's packages cannot be installed")
        raise
    assert "CareWheel" in section
    assert "- machine: " in section


def test_only_the_topics_that_were_run_are_rewritten(tmp_path: Path) -> None:
    page = tmp_path / "reference" / "benchmarks.md"
    run.write(page, {"x12": "## Old X12\n", "fhir": "## FHIR\n"})
    run.write(page, {"x12": "## New X12\n"})
    text = page.read_text()
    assert "New X12" in text
    assert "Old X12" not in text
    assert text.count("## FHIR") == 1


@pytest.mark.parametrize(
    ("name", "write", "mapping"),
    [("visits.csv", csv_appointments, MAPPING), ("Encounter.ndjson", ndjson_encounters, "")],
)
def test_a_large_file_is_imported_within_a_gigabyte(tmp_path, name, write, mapping, long_run) -> None:
    """150 MB in the long validations, a fifth of it otherwise: what grows with the file shows at either size."""
    path = tmp_path / name
    rows = write(path, LARGE if long_run else LARGE // 5)
    answer = import_file(path, mapping)
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert answer["used"] == answer["read"] == rows
    assert answer["peak"] <= ALLOWED
