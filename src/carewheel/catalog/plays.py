"""The plays: what a practice can do, what it moves, and how it is verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from carewheel.catalog.dictionary import load
from carewheel.catalog.links import Quality

Horizon = Literal["quick", "medium", "long"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a play moves. ``value`` is None where no published effect is known.

    kind "ratio": the measure is multiplied; "difference": it changes by so much, in its own unit. ``weight``: the part
    of the published effect that is expected here (vendor figures count half).
    """

    measure: str
    kind: Literal["ratio", "difference", ""] = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    quality: Quality | Literal[""] = ""
    weight: float = 1.0
    source: str = ""

    @property
    def expected(self) -> float | None:
        """The effect after weighing: towards 1 for a ratio, towards 0 for a difference.

        >>> Effect("finance.days_in_ar", "difference", -9.0, weight=0.5).expected
        -4.5
        >>> Effect("operations.no_show_rate", "ratio", 0.6, weight=0.5).expected
        0.8
        """
        return self._weighed(self.value)

    @property
    def expected_range(self) -> tuple[float, float] | None:
        """The published interval after weighing, low before high; None where none was published."""
        low, high = self._weighed(self.low), self._weighed(self.high)
        return None if low is None or high is None else (low, high)

    def _weighed(self, x: float | None) -> float | None:
        if x is None:
            return None
        return 1 + (x - 1) * self.weight if self.kind == "ratio" else x * self.weight


@dataclass(frozen=True, slots=True)
class Cost:
    """A published range of cost in ``currency`` per ``per``, with its source."""

    low: float
    high: float
    currency: str
    per: str
    source: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How an expected value is worked out. ``value``: "yearly" (money a year) or "once" (cash that comes earlier)."""

    name: str
    what: str
    measures: tuple[str, ...]
    formula: str
    value: Literal["yearly", "once"]
    assumes: str


@dataclass(frozen=True, slots=True)
class Play:
    """An action. ``cost`` None = unknown; ``arithmetic`` "" = no number can be given honestly."""

    id: str
    title: str
    group: str
    horizon: Horizon
    components: tuple[str, ...]
    missions: tuple[str, ...]
    moves: tuple[Effect, ...]
    arithmetic: str
    cost: Cost | None
    verification: str


@lru_cache(maxsize=1)
def plays() -> dict[str, Play]:
    """Every play by id.

    >>> plays()["Q2"].moves[0].expected
    0.66
    """
    found = {}
    for row in load("plays.toml")["play"]:
        cost = row.get("cost")
        found[row["id"]] = Play(
            id=row["id"],
            title=row["title"],
            group=row["group"],
            horizon=row["horizon"],
            components=tuple(row["components"]),
            missions=tuple(row["missions"]),
            moves=tuple(Effect(**effect) for effect in row["moves"]),
            arithmetic=row.get("arithmetic", ""),
            cost=None if cost is None else Cost(**cost),
            verification=row["verification"],
        )
    return found


@lru_cache(maxsize=1)
def arithmetics() -> dict[str, Arithmetic]:
    """The templates of arithmetic by name.

    >>> arithmetics()["faster_cash"].value
    'once'
    """
    rows = load("plays.toml")["arithmetic"].items()
    return {
        name: Arithmetic(
            name, row["what"], tuple(row["measures"]), row["formula"], row["value"], row["assumes"]
        )
        for name, row in rows
    }
