"""The default as-of date is the last day on which something happened, not one for which something was planned."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.practices import practices

MAPPING = """
name = "book"
table = "appointment"
source = "book"
source_id = ["id"]
zone = "America/New_York"

[recognise]
columns = ["id", "starts", "state", "off"]

[columns]
appointment_id = { from = "id" }
starts_at = { from = "starts", format = "%Y-%m-%d %H:%M" }
cancelled_at = { from = "off", format = "%Y-%m-%d %H:%M" }
status = { from = "state", map = { kept = "fulfilled", off = "cancelled", open = "booked" } }

[constants]
basis = "appointment"
location_id = "x"
"""


def test_a_visit_cancelled_ahead_happened_when_it_was_cancelled(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "book.csv").write_text(
        "id,starts,state,off\n1,2025-03-03 09:00,kept,\n2,2025-03-20 09:00,off,2025-03-05 10:00\n3,2025-03-25 09:00,open,\n"
    )
    space = Workspace(tmp_path / "space")
    settings = ReadSettings(today=date(2026, 1, 1), mappings=[tmp_path / "map.toml"])
    import_sources(space, [GivenSource(tmp_path / "book.csv")], settings)
    assert [practice.last_activity for practice in practices(space, date(2026, 1, 1))] == [date(2025, 3, 5)]
