"""A workspace may stand in any folder: signs that a database takes for patterns or quotes are only names."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from tests.warehouse.loading import load_records

from carewheel.interop.records import SurveyResponseRecord
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.turn import turn


@pytest.mark.parametrize("name", ["we[ir]d*", "what?", "O'Hara", "a b", "ümlaut", "{x}"])
def test_facts_are_written_and_read_in_any_folder(tmp_path: Path, name: str) -> None:
    # A neighbour that a pattern would find as well.
    for folder in (name, "weird"):
        space = Workspace(tmp_path / folder)
        answers = [
            SurveyResponseRecord(
                f"{i}", question="nps", score=10, scale_min=0, scale_max=10, answered_at=datetime(2025, 11, 1 + i % 28)
            )
            for i in range(40)
        ]  # fmt: skip
        load_records(space, *answers)
        load_records(space, *answers)
        document = turn(space, date(2026, 1, 1), date(2025, 12, 31))
        nps = next(m for m in document["measures"] if m["id"] == "experience.nps")
        assert (nps["value"], nps["n"]) == (100, 40)
