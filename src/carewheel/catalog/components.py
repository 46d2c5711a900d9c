"""The parts of the wheel, and what must work in each (the missions)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from carewheel.catalog.dictionary import load


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the wheel. ``colour``: its colour's name everywhere; ``spokes``: the rooms that run its work."""

    id: str
    name: str
    turns_by: str
    spokes: tuple[str, ...]
    colour: str


@lru_cache(maxsize=1)
def components() -> dict[str, Component]:
    """Every part by id, in the order of the wheel.

    >>> list(components())
    ['C1', 'C2a', 'C2b', 'C3', 'C4', 'C5', 'C6']
    """
    rows = (
        Component(**{**row, "spokes": tuple(row["spokes"])}) for row in load("components.toml")["component"]
    )
    return {component.id: component for component in rows}


@lru_cache(maxsize=1)
def missions() -> dict[str, str]:
    """What must work, in one line, by id.

    >>> missions()["WH7"]
    'pitfalls as standing alarms'
    """
    return dict(load("missions.toml")["missions"])
