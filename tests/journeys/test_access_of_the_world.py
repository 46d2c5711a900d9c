"""What the invented world feels as access is what the card reads from its facts on the evening before."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from carewheel.catalog.measures import measure
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.invented.location import Place
from carewheel.invented.ports import Ports
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.measures import DuckDbEngine, evaluate
from carewheel.warehouse.workspace import Workspace

CARD = "operations.third_next_available"
GROUP = Group(11, 4, 14)


def test_the_world_feels_the_access_that_the_card_measures(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    make_demo(Order(GROUP, folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    with closing(space.connect(["invented"])) as connection:
        found = evaluate(measure(CARD), DuckDbEngine(connection), date(2025, 11, 30))
    felt = {}
    for n in range(1, GROUP.locations + 1):
        life = Place(GROUP, n, Ports(GROUP.strengths, GROUP.weaken), book=False).live()
        felt[f"loc{n}"] = life.measures[CARD][-1]
    # A provider whose last days are near has no third free half hour of the same kind: the card counts persons, the world seats.
    near = [name for name in felt if felt[name] == pytest.approx(found.by_location[name].value, abs=1.0)]
    assert len(near) >= 3
