"""Measures and links of a day worked out once for a group whose facts stay as they are: they take nine tenths of a turn's time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

import carewheel.journeys.look_at_the_wheel
import carewheel.wheel.turn  # noqa: F401 - both are looked up by name: the second one's name is a function's as well
from carewheel.catalog.measures import MODELLED
from carewheel.wheel.measured import Measured

USERS = ("carewheel.journeys.look_at_the_wheel", "carewheel.wheel.turn")


@contextmanager
def remembered() -> Iterator[None]:
    """Inside, `look` and `turn` measure and learn a day once; commands run in forks, which know what was worked out before them.

    For one workspace whose facts do not change: the day alone is the key.
    """
    users = [sys.modules[name] for name in USERS]
    measure_all, learn = users[0].measure_all, users[0].learn
    measured: dict[date, Any] = {}
    learnt: dict[int, Any] = {}

    def measure_once(engine: Any, as_of: date, foreseen: bool = True) -> Any:
        if as_of not in measured:
            measured[as_of] = list(measure_all(engine, as_of))
        if foreseen:
            return measured[as_of]
        # As `measure_all` leaves out what needs a model.
        return [
            Measured(m.card, None, "unmeasured", m.card.why) if m.card.interval in MODELLED else m
            for m in measured[as_of]
        ]

    def learn_once(of: dict[str, Any]) -> Any:
        # The results live as long as this memory: their number stays theirs.
        key = id(next(iter(of.values())))
        if key not in learnt:
            learnt[key] = learn(of)
        return learnt[key]

    with pytest.MonkeyPatch.context() as patch:
        for user in users:
            patch.setattr(user, "measure_all", measure_once)
            patch.setattr(user, "learn", learn_once)
        yield
