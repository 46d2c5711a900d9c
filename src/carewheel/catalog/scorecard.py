"""The industry scorecard (GTIAS) and what each of its codes stands for in the wheel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from carewheel.catalog.dictionary import load


@dataclass(frozen=True, slots=True)
class Attribute:
    """An industry attribute. ``score`` 0 to 5 (higher = more complexity or risk), None = unknown, never 0. ``question``: by which
    a practice gives its own score."""

    code: str
    pillar: str
    subject: str
    score: int | None
    friction: str
    components: tuple[str, ...]
    plays: tuple[str, ...]
    measures: tuple[str, ...]
    question: str


@lru_cache(maxsize=1)
def pillars() -> dict[str, str]:
    """The pillars of the scorecard by their two letters.

    >>> pillars()["FR"]
    'finance and risk'
    """
    return dict(load("scorecard.toml")["pillars"])


@lru_cache(maxsize=1)
def scorecard() -> dict[str, Attribute]:
    """The known attributes by code.

    >>> scorecard()["MD04"].score, scorecard()["MD01"].score
    (4, None)
    """
    rows = (
        Attribute(
            row["code"],
            pillars()[row["code"][:2]],
            row["subject"],
            row.get("score"),
            row["friction"],
            tuple(row["components"]),
            tuple(row["plays"]),
            tuple(row["measures"]),
            row["question"],
        )
        for row in load("scorecard.toml")["code"]
    )
    return {attribute.code: attribute for attribute in rows}


def attributes_in_all() -> int:
    """How many attributes the scorecard has, known here or not.

    >>> attributes_in_all()
    81
    """
    return int(load("scorecard.toml")["known_of"])
