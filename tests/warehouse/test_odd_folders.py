"""A workspace may stand in any folder: signs that a database takes for patterns or quotes are only names."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from tests.warehouse.loading import load_records

from carewheel.interop.records import SurveyResponseRecord
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.warehouse.adoption import adopt_facts
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


def test_adopted_facts_are_read_from_an_odd_folder_and_no_other(tmp_path: Path) -> None:
    for folder in ("we[ir]d*", "weird"):
        work = tmp_path / folder
        make_demo(Order(Group(seed=5, locations=1, months=3), work, writes="facts"))
        space = Workspace(work)
        adopt_facts(space, work / "facts", source="invented", invented=True)
        connection = space.connect()
        try:
            assert connection.execute("SELECT count(*) FROM location").fetchall() == [(1,)]
        finally:
            connection.close()
