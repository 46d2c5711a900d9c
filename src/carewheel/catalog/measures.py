"""Measure cards: what each number means, how it is counted, and the SQL that counts it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from carewheel.catalog.dictionary import DictionaryError, load

ComponentId = Literal["C1", "C2a", "C2b", "C3", "C4", "C5", "C6"]
Interval = Literal[
    "wilson",
    "t_mean",
    "nps",
    "poisson_count",
    "poisson_rate",
    "cost_per_count",
    "ratio_months",
    "lifetime",
    "visit_model",
    "tenure_model",
    "none",
]
Window = Literal["sum12", "trailing12", "point"]
Direction = Literal["up", "down", "none"]

CARD_FILES = ("experience", "growth", "acquisition", "finance", "receivables", "operations", "people")

# What the SQL of a card must return beside location_id, local_month[, currency][, dimension].
STATISTICS: dict[Interval, tuple[str, ...]] = {
    "wilson": ("k", "n"),
    "t_mean": ("n", "total", "total_sq"),
    "nps": ("n", "promoters", "detractors"),
    "poisson_count": ("n",),
    "poisson_rate": ("events", "exposure", "n"),
    "cost_per_count": ("cost", "n"),
    "ratio_months": ("numerator", "denominator", "n"),
    "lifetime": ("revenue", "active", "k", "n"),
    "visit_model": ("patient_key", "day", "visits", "amount"),
    "tenure_model": ("role", "started", "ended", "has_left", "is_here"),
    "none": ("total", "n"),
}
# Methods that fit a model of `science` to the rows of persons; their results say what is foreseen, by month nothing.
MODELLED: tuple[Interval, ...] = ("visit_model", "tenure_model")
# The yearly discount of predicted revenue in the interval method "lifetime"; stated in the card.
LIFETIME_DISCOUNT = 0.10


@dataclass(frozen=True, slots=True)
class Target:
    """What the measure should reach: a ``level`` in its unit, or an ``annual_change`` as a fraction (-0.15).

    ``low``/``high``: the aim as a range, where the target names one. ``only_if``: a measure that must rise as well
    for the change to count as progress.
    """

    kind: Literal["level", "annual_change"]
    value: float
    source: str
    low: float | None = None
    high: float | None = None
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Fixed numbers by which a level is expressed: (measured - value) / sd. ``source`` "assumed" = our convention."""

    value: float
    sd: float
    source: str


@dataclass(frozen=True, slots=True)
class MeasureCard:
    """One measure. ``unit``: share (0 to 1), points, money, money per …, days, minutes, count, …; see `STATISTICS`.

    ``least``, ``most``: what it can be at all, where its interval method does not know (a wait is no less than nought): intervals end there.
    Cutting takes nothing away that could be true, so that they cover as often as before.
    """

    id: str
    component: ComponentId
    missions: tuple[str, ...]
    title: str
    definition: str
    excluded: tuple[str, ...]
    clock: str
    denominator: str
    unit: str
    direction: Direction
    grain: str
    facts: tuple[str, ...]
    minimum_n: int
    interval: Interval
    window: Window
    wheel: bool
    target: Target | None
    reference: Reference | None
    dimension: str
    sql: str
    status: Literal["computed", "not_yet"]
    why: str
    least: float = -math.inf
    most: float = math.inf

    @property
    def has_money(self) -> bool:
        """Whether the SQL answers by currency."""
        return re.search(r"\bcurrency\b", self.sql) is not None


@lru_cache(maxsize=1)
def measures() -> dict[str, MeasureCard]:
    """Every card by id, in the order of the data files.

    >>> [card.id for card in measures().values() if card.wheel]
    ['experience.nps', 'growth.acquisition_cost', 'finance.lifetime_value', 'finance.days_in_ar', 'people.turnover']
    """
    fragments = cast(dict[str, str], load("fragments.toml"))
    cards: dict[str, MeasureCard] = {}
    for name in CARD_FILES:
        for row in load(f"measures/{name}.toml")["measure"]:
            card = _card(row, fragments)
            if card.id in cards:
                raise DictionaryError(f"two cards have the id {card.id}")
            cards[card.id] = card
    return cards


def measure(measure_id: str) -> MeasureCard:
    """The card of that id; `KeyError` if there is none.

    >>> measure("experience.nps").target.value
    70.0
    """
    return measures()[measure_id]


def _card(row: dict[str, Any], fragments: dict[str, str]) -> MeasureCard:
    target, reference = row.get("target"), row.get("reference")
    return MeasureCard(
        id=row["id"],
        component=row["component"],
        missions=tuple(row["missions"]),
        title=row["title"],
        definition=row["definition"],
        excluded=tuple(row["excluded"]),
        clock=row["clock"],
        denominator=row["denominator"],
        unit=row["unit"],
        direction=row["direction"],
        grain=row.get("grain", "location, month"),
        facts=tuple(row["facts"]),
        minimum_n=row["minimum_n"],
        interval=row["interval"],
        window=row["window"],
        wheel=row.get("wheel", False),
        target=None if target is None else Target(**{**target, "value": float(target["value"])}),
        reference=None if reference is None else Reference(**reference),
        dimension=row.get("dimension", ""),
        sql=_expand(row.get("sql", ""), fragments).strip(),
        status=row["status"],
        why=row.get("why", ""),
        least=float(row.get("least", -math.inf)),
        most=float(row.get("most", math.inf)),
    )


def _expand(sql: str, fragments: dict[str, str]) -> str:
    """Put the fragments in, also those that fragments use."""

    def piece(match: re.Match[str]) -> str:
        if match[1] not in fragments:
            raise DictionaryError(f"no fragment {match[1]}")
        return _expand(fragments[match[1]], fragments).strip()

    return re.sub(r"\{(\w+)\}", piece, sql)
