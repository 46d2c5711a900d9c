"""A small clinic with an account that is signed in, and one turn of the wheel in the workspace."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from tests.clinic import Clinic, small_clinic

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.warehouse.workspace import Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "practice"


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
