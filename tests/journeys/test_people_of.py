"""Whose numbers of people a mapped table uses (decision 0007): those of the one practice system, else as people_of says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace

BOOK = "AptNum,PatNum,AptStatus,AptDateTime\n1,17,2,2025-03-04 09:00:00\n"
ANSWERS = (
    "response_id,answered_at,question,score,scale_min,scale_max,patient_id\n1,2025-03-05,nps,9,0,10,17\n"
)


def people(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    """The patient's pseudonym in the appointment and in the answer, after reading the files together."""
    folder = tmp_path / "exports"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    space = Workspace(tmp_path / "space")
    import_sources(space, [GivenSource(folder)], ReadSettings(today=date(2025, 6, 1), zone="Europe/London"))
    connection = space.connect()
    try:
        return {
            table: connection.execute(f"SELECT patient_key FROM {table}").fetchall()[0][0]
            for table in ("appointment", "survey_response")
        }
    finally:
        connection.close()


def test_patient_17_of_the_survey_is_patient_17_of_the_one_practice_system(tmp_path: Path) -> None:
    found = people(tmp_path, {"book/appointment.csv": BOOK, "answers/surveys.csv": ANSWERS})
    assert found["appointment"] == found["survey_response"] != "17"


@pytest.mark.parametrize(("named", "same"), [("survey-tool", False), ("opendental", True)])
def test_people_of_says_whose_numbers_they_are(tmp_path: Path, named: str, same: bool) -> None:
    files = {
        "book/appointment.csv": BOOK,
        "answers/surveys.csv": ANSWERS,
        "answers/carewheel.toml": f'people_of = "{named}"\n',
    }
    found = people(tmp_path, files)
    assert (found["appointment"] == found["survey_response"]) is same
