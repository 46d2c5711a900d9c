"""The pitfalls that stand as alarms, each with its rule in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from carewheel.catalog.dictionary import load


@dataclass(frozen=True, slots=True)
class Pitfall:
    """An alarm. ``measures`` and ``facts``: what its rule looks at beside the changes of all measures."""

    id: str
    title: str
    rule: str
    measures: tuple[str, ...]
    facts: tuple[str, ...]


@lru_cache(maxsize=1)
def pitfalls() -> dict[str, Pitfall]:
    """Every pitfall by id.

    >>> len(pitfalls())
    6
    """
    rows = (
        Pitfall(row["id"], row["title"], row["rule"], tuple(row["measures"]), tuple(row["facts"]))
        for row in load("pitfalls.toml")["pitfall"]
    )
    return {pitfall.id: pitfall for pitfall in rows}
