"""What each play is guessed to move, cost and need at one place: assumed, until a verified change shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from carewheel.catalog.dictionary import load


@dataclass(frozen=True, slots=True)
class GuessedMove:
    """A guessed effect on the measure ``what``: a "ratio" or a "difference" in its unit, with mean and standard deviation."""

    what: str
    kind: Literal["ratio", "difference"]
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class PlayGuess:
    """Effects, months until they are whole, staff hours and price (USD) of one place, and the plays that must stand before."""

    play: str
    moves: tuple[GuessedMove, ...]
    ramp_months: float
    hours_once: float
    hours_a_month: float
    price_once: float
    price_a_month: float
    needs: tuple[str, ...]
    source: str


@lru_cache(maxsize=1)
def play_guesses() -> dict[str, PlayGuess]:
    """The guess of every play by its id.

    >>> play_guesses()["Q2"].moves[0].mean
    0.66
    """
    return {
        name: PlayGuess(
            name, tuple(GuessedMove(**move) for move in row["moves"]), row["ramp_months"], row["hours_once"], row["hours_a_month"],
            row["price_once"], row["price_a_month"], tuple(row["needs"]), row.get("source", "assumed"),
        )
        for name, row in load("play_guesses.toml").items()
    }  # fmt: skip
