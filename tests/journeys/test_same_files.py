"""The same files read again by another name are the same files: nothing is added, nothing is listed twice."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.sources import list_sources
from carewheel.warehouse.workspace import Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "practice" / "invented"


def test_another_name_of_the_same_files_is_the_same_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("surveys.csv", "locations.csv"):
        shutil.copy(EXAMPLE / name, tmp_path / "data" / name)
    monkeypatch.chdir(tmp_path)
    settings = ReadSettings(today=date(2026, 1, 1), zone="America/New_York", currency="USD")
    space = Workspace(tmp_path / "workspace")
    listed = []
    for given in (tmp_path / "data", Path("data"), Path("data/../data")):
        import_sources(space, [GivenSource(given)], settings)
        listed.append({(r["source"], r["kind"], r["rows_read"]) for r in list_sources(space)})
        assert len(list_sources(space)) == len(listed[0])
    assert listed[0] == listed[1] == listed[2]
