"""A small clinic with an account that is signed in, and one turn of the wheel in the workspace."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from tests.clinic import Clinic, small_clinic

from carewheel.interop.files import ReadSettings
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.keep_purchases import weighed_now
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.investments import Purchases, described

EXAMPLE = Path(__file__).parents[2] / "examples" / "practice"


# A year of reminders, bought when half a year of it is over by now.
REMINDERS = """title = "Reminders by text"
bought = "2025-08"
months = 12
play = "Q2"

[price]
amount = [4000, 5000, 8000]

[introduction]
adoption = [0.6, 0.9, 1.0]

[facts]
component = "C6"
"""


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


@pytest.fixture
def owner(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(clinic.account("owner"))
    return client


@pytest.fixture(scope="session")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a turn of the bundled example."""
    space = Workspace(tmp_path_factory.mktemp("turned"))
    outcome = turn_the_wheel(space, [GivenSource(EXAMPLE)], ReadSettings(today=date(2026, 1, 1)))
    assert outcome.report_path
    return space.root


@pytest.fixture(scope="session")
def weighing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`REMINDERS` weighed and followed at an invented practice of one place, as it is kept."""
    folder = tmp_path_factory.mktemp("purchase") / "demo"
    make_demo(Order(Group(7, 1, 26), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    told: list[float] = []
    found = weighed_now(space, described(REMINDERS), date(2026, 3, 1), told.append)
    assert told == sorted(told) != []
    return found


@pytest.fixture
def reminders(own: Path, weighing: dict[str, Any]) -> str:
    """The name of a purchase that is kept in the workspace with what was weighed of it."""
    shelf = Purchases(Workspace(own))
    name = shelf.put(REMINDERS, "Reminders by text")
    assert shelf.keep_weighing(name, REMINDERS, weighing)
    return name


@pytest.fixture
def workspace(turned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pages look into the turned workspace."""
    monkeypatch.setattr(settings, "WORKSPACE", turned)
    return turned


@pytest.fixture
def own(turned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The turned workspace, to write into."""
    space = tmp_path / "workspace"
    shutil.copytree(turned, space)
    monkeypatch.setattr(settings, "WORKSPACE", space)
    return space
