"""Small invented worlds for the tests of the invented world, each lived through once."""

from __future__ import annotations

from functools import lru_cache

from carewheel.invented.group import Group, PlannedPlay
from carewheel.invented.location import Lived, Place
from carewheel.invented.ports import Ports

# Seeds with their months; every group has a medical and a dental place. Some worlds are broken or changed.
WORLDS: dict[int, Group] = {
    1: Group(1, 2, 6),
    2: Group(2, 2, 12),
    3: Group(3, 2, 7, weaken={"C2b-C3": 0.5}),
    4: Group(4, 2, 9, plays=(PlannedPlay("F2", 3, (1, 2)), PlannedPlay("M4", 5, (2,)))),
    5: Group(5, 2, 12, weaken={"C4-C3": 0.0, "C1-C2a": 0.0}),
    6: Group(6, 2, 10),
}


@lru_cache(maxsize=64)
def lived(group_seed: int, number: int) -> Lived:
    """The life of one place of ``WORLDS[group_seed]``."""
    return live(WORLDS[group_seed], number)


def live(group: Group, number: int) -> Lived:
    """One place as `carewheel demo` lives through it."""
    return Place(group, number, Ports(group.strengths, dict(group.weaken))).live()
