"""An import may be killed at any moment: running it again gives the facts of an undisturbed run, and nothing is half-loaded."""

from __future__ import annotations

import random
import shutil
import signal
import time
from datetime import date
from pathlib import Path

import pytest
from tests.forked import Child, fork

from carewheel.catalog.facts import fact_tables
from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace

MAPPING = """
name = "book"
table = "appointment"
source = "book"
source_id = ["Number"]
[recognise]
columns = ["Number", "Patient", "Start", "State"]
[columns]
appointment_id = { from = "Number" }
patient_key = { from = "Patient" }
starts_at = { from = "Start", format = "%Y-%m-%d %H:%M" }
status = { from = "State", map = { kept = "fulfilled", missed = "noshow", planned = "booked" } }
[constants]
basis = "appointment"
"""
KILLS = 50


def _book(folder: Path, rows: int, later: bool) -> Path:
    """An appointment book of ``rows`` invented visits; the later export knows how each ended."""
    folder.mkdir()
    lines = ["Number,Patient,Start,State"]
    for i in range(rows):
        state = ("kept", "missed")[i % 7 == 0] if later else "planned"
        lines.append(
            f"{i},patient-{i % 997},2025-{i % 12 + 1:02d}-{i % 28 + 1:02d} {8 + i % 9:02d}:30,{state}"
        )
    (folder / "book.csv").write_text("\n".join(lines) + "\n")
    return folder


def _start(workspace: Path, source: Path, mapping: Path) -> Child:
    """The import in a fork: it has everything imported, and so is killed while it works."""

    def work() -> int:
        settings = ReadSettings(
            today=date(2026, 1, 1), zone="America/Chicago", currency="USD", mappings=[mapping]
        )
        import_sources(Workspace(workspace), [GivenSource(source)], settings)
        return 0

    return fork(work)


def _run(workspace: Path, source: Path, mapping: Path) -> None:
    assert _start(workspace, source, mapping).wait() == 0


def _facts(workspace: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every current fact and every version in the ledger, in a fixed order."""
    space = Workspace(workspace)
    connection = space.connect()
    facts = {}
    for name in fact_tables():
        columns = ", ".join(f'"{c.name}"::VARCHAR' for c in fact_tables()[name].all_columns)
        facts[name] = connection.execute(f"SELECT {columns} FROM {name} ORDER BY ALL").fetchall()
    committed = [workspace / "loads" / str(load["id"]) for load in space.manifest()["loads"]]
    versions = "', '".join(str(path) for folder in committed for path in sorted(folder.glob("*.parquet")))
    facts["versions"] = connection.execute(
        f"SELECT source, source_id, content, count(*) FROM read_parquet(['{versions}']) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return facts


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "book.toml"
    path.write_text(MAPPING)
    return path


def test_killed_at_fifty_random_moments_and_run_again_the_facts_are_those_of_an_undisturbed_run(
    tmp_path: Path, mapping: Path
) -> None:
    seed = 20261123
    chance = random.Random(seed)
    first, second = _book(tmp_path / "first", 2000, later=False), _book(tmp_path / "second", 2100, later=True)
    undisturbed = tmp_path / "undisturbed"
    _run(undisturbed, first, mapping)
    before = tmp_path / "before"
    shutil.copytree(undisturbed, before)
    began = time.monotonic()
    _run(undisturbed, second, mapping)
    duration = time.monotonic() - began
    expected, untouched = _facts(undisturbed), _facts(before)
    assert len(expected["appointment"]) == 2100
    assert len(expected["versions"]) == 4100

    killed = 0
    disturbed = tmp_path / "disturbed"
    shutil.copytree(before, disturbed)
    attempts = 0
    while killed < KILLS and attempts < 4 * KILLS:
        attempts += 1
        process = _start(disturbed, second, mapping)
        # From the first steps to a little past the end.
        time.sleep(chance.uniform(0.02 * duration, 1.05 * duration))
        process.kill()
        was_killed = process.wait() == -signal.SIGKILL
        killed += was_killed
        if not was_killed:
            # A machine that is less busy than it was: aim earlier.
            duration *= 0.9
        found = _facts(disturbed)
        assert found in (untouched, expected), f"half-loaded, seed {seed}"
        if found == expected:
            # It was through already: begin again from the state before, so that every kill meets real work.
            shutil.rmtree(disturbed)
            shutil.copytree(before, disturbed)
    assert killed == KILLS, f"only {killed} of {attempts} runs were killed while they ran"
    _run(disturbed, second, mapping)
    assert _facts(disturbed) == expected
    leftovers = {path.name for path in disturbed.iterdir()} - {
        "lock",
        "manifest.json",
        "secret.key",
        "loads",
        "current",
    }
    assert leftovers == set()
