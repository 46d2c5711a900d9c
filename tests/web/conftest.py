"""A small clinic with an account that is signed in, and one turn of the wheel in the workspace."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client
from tests.clinic import Clinic, small_clinic

from carewheel.catalog.play_guesses import play_guesses
from carewheel.interop.files import ReadSettings
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.journeys.ask_what_if import answer_of
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.keep_purchases import weighed_now
from carewheel.journeys.look_at_the_wheel import Looked, look
from carewheel.journeys.see_the_wheel import latest_turn
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.investments import Purchases, described
from carewheel.wheel.roadmap import roadmap_document, worth_of_plays
from carewheel.wheel.what_if import Answers, Question

EXAMPLE = Path(__file__).parents[2] / "examples" / "practice"
# The day on which the invented practice is looked at.
TODAY = date(2026, 3, 1)
TRIED = Question(("Q2",), 24)

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
def invented(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The facts of an invented practice of one place, of which everything is known."""
    folder = tmp_path_factory.mktemp("invented") / "demo"
    make_demo(Order(Group(7, 1, 26), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    return space


@pytest.fixture(scope="session")
def weighing(invented: Workspace) -> dict[str, Any]:
    """`REMINDERS` weighed and followed at the invented practice, as it is kept."""
    told: list[float] = []
    found = weighed_now(invented, described(REMINDERS), TODAY, told.append)
    assert told == sorted(told) != []
    return found


@pytest.fixture(scope="session")
def trying_looked(invented: Workspace) -> Looked:
    """The invented practice, looked at once for all questions."""
    return look(invented, TODAY)


@pytest.fixture(scope="session")
def trying_turned(trying_looked: Looked, turned: Path) -> Workspace:
    """The invented practice with a turn, of which what these pages read is its own: the day, the roadmap (most plays being at work already), and that it
    is invented. The rest is of the bundled example, as a whole turn takes seconds."""
    trying_looked.need_money()
    at_work = {play: frozenset({trying_looked.places[0]}) for play in list(play_guesses())[4:]} | {"Q2": frozenset[str]()}  # fmt: skip
    worths = worth_of_plays(trying_looked.learnt, trying_looked.standing.sizes, at_work)
    assert {"Q2"} < {worth.play for worth in worths}
    (example,) = (turned / "turns").iterdir()
    folder = trying_looked.workspace.root / "turns" / trying_looked.as_of.isoformat()
    folder.mkdir(parents=True)
    document = orjson.loads((example / "wheel.json").read_bytes())
    document |= {"as_of": trying_looked.as_of, "invented": True, "roadmap": roadmap_document(trying_looked.learnt, worths)}  # fmt: skip
    (folder / "wheel.json").write_bytes(orjson.dumps(document))
    return trying_looked.workspace


@pytest.fixture(scope="session")
def tried(trying_looked: Looked) -> dict[str, Any]:
    """The answer to `TRIED`, as it is kept."""
    return answer_of(trying_looked, TRIED)


@pytest.fixture
def trying(trying_turned: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The invented practice, to ask and to write into."""
    space = tmp_path / "trying"
    shutil.copytree(trying_turned.root, space)
    monkeypatch.setattr(settings, "WORKSPACE", space)
    return space


def keep_answer(workspace: Path, found: dict[str, Any]) -> None:
    """Keep an answer to `TRIED`, as the worker does."""
    space = Workspace(workspace)
    turned = latest_turn(space)
    assert turned is not None
    answers = Answers(space)
    answers.keep(answers.mark(TRIED, turned.as_of, turned.folder / "wheel.json"), found)


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
