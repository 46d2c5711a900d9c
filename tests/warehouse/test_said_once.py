"""What an interface says once holds for the later versions too: when a visit was booked, told by HL7's S12 alone."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.warehouse.loading import ask, load_records

from carewheel.interop.files import ReadSettings
from carewheel.interop.records import AppointmentRecord
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace

EXCERPTS = Path(__file__).parents[1] / "interop" / "excerpts" / "hl7v2"
STORY = [EXCERPTS / f"SIU-{trigger}-01.hl7" for trigger in ("S12", "S13", "S26")]
SETTINGS = ReadSettings(today=date(2026, 1, 1), zone="America/New_York", currency="USD")
# What the messages themselves say: MSH-7 of the S12 is 202109141120+0215.
BOOKED = datetime(2021, 9, 14, 9, 5, tzinfo=UTC).timestamp()
VISITS = "SELECT status, epoch(booked_at) FROM appointment"


def version(stamp: int | None, status: str, booked: datetime | None) -> AppointmentRecord:
    return AppointmentRecord(
        "A1", None if stamp is None else datetime(2025, 1, 1, stamp, tzinfo=UTC),
        status=status, starts_at=datetime(2025, 3, 3, 9, tzinfo=UTC), basis="appointment", booked_at=booked,
    )  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_booking_keeps_its_moment_in_whatever_order_its_messages_are_imported(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    space = Workspace(tmp_path / "space")
    for place in order:
        import_sources(space, [GivenSource(STORY[place], "interface")], SETTINGS)
    assert ask(space, VISITS) == [("noshow", BOOKED)]
    before = space.manifest()["loads"]
    for place in order:
        import_sources(space, [GivenSource(STORY[place], "interface")], SETTINGS)
    assert (ask(space, VISITS), space.manifest()["loads"]) == ([("noshow", BOOKED)], before)


def test_in_one_import_as_in_three(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    import_sources(space, [GivenSource(path, "interface") for path in reversed(STORY)], SETTINGS)
    assert ask(space, VISITS) == [("noshow", BOOKED)]


def test_another_source_does_not_know_it(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    import_sources(space, [GivenSource(STORY[0], "one"), GivenSource(STORY[1], "two")], SETTINGS)
    found = ask(space, "SELECT source, epoch(booked_at) FROM appointment ORDER BY source")
    assert found == [("one", BOOKED), ("two", None)]


def test_the_latest_that_is_said_holds_and_what_a_version_says_itself_comes_first(tmp_path: Path) -> None:
    first, second = datetime(2024, 12, 1, tzinfo=UTC), datetime(2024, 12, 5, tzinfo=UTC)
    cases: list[tuple[list[AppointmentRecord], tuple[Any, ...]]] = [
        ([version(1, "booked", first), version(2, "booked", second), version(3, "noshow", None)], ("noshow", second.timestamp())),
        ([version(3, "fulfilled", first), version(2, "booked", second)], ("fulfilled", first.timestamp())),
        ([version(1, "booked", None), version(2, "cancelled", None)], ("cancelled", None)),
        # Without stamps the last of a file is the latest.
        ([version(None, "booked", first), version(None, "booked", second), version(None, "noshow", None)], ("noshow", second.timestamp())),
    ]  # fmt: skip
    for number, (versions, expected) in enumerate(cases):
        space = Workspace(tmp_path / str(number) / "space")
        load_records(space, *versions, source="interface", kind="hl7v2")
        assert ask(space, VISITS) == [expected]
