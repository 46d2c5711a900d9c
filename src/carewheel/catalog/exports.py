"""How a practice gets each kind of fact out of the common systems."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from carewheel.catalog.dictionary import load


@dataclass(frozen=True, slots=True)
class HowToGet:
    """What a fact table is called for people, and the ways to get it: (system, what to do there)."""

    table: str
    title: str
    ways: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def how_to_get() -> dict[str, HowToGet]:
    """The ways by fact table.

    >>> how_to_get()["marketing_spend"].ways[0][0]
    'Your books'
    """
    return {
        name: HowToGet(name, row["title"], tuple((system, text) for system, text in row["ways"]))
        for name, row in load("exports.toml").items()
    }
