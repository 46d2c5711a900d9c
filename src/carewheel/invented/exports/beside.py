"""The `carewheel.toml` beside an invented export, and rows of a book as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carewheel.invented.book import NONE, Book, Column, Table

MINUTES = frozenset({"starts", "ends", "first_starts"})
# Days before 1970 are negative numbers: a day of birth is always known.
ALWAYS_KNOWN = "birth_day"


def write_beside(
    folder: Path,
    book: Book,
    *,
    source: str = "",
    people_of: str = "",
    locations: Mapping[str, str] | None = None,
) -> None:
    """Write ``carewheel.toml`` into ``folder``: invented, zone, US dollars, and what else is given."""
    words = {"source": source, "zone": book.location.zone, "currency": "USD", "people_of": people_of}
    lines = ["# Invented data: no such practice exists.", "invented = true"]
    lines += [f'{key} = "{value}"' for key, value in words.items() if value]
    if locations:
        lines += ["", "[locations]", *(f'"{theirs}" = "{ours}"' for theirs, ours in locations.items())]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "carewheel.toml").write_text("\n".join(lines) + "\n", "utf-8")


def rows(table: Table, names: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a book's table as tuples of the named columns: days as dates, minutes as moments, `NONE` there as None.

    >>> made = {"day": np.array([20089, NONE]), "done_at": np.array([20089 * 1440 + 570, NONE]), "cents": np.array([5, -1])}
    >>> list(rows(made, "day done_at cents"))
    [(datetime.date(2025, 1, 1), datetime.datetime(2025, 1, 1, 9, 30), 5), (None, None, -1)]
    """
    return zip(*(_plain(name, table[name]) for name in names.split()), strict=True)


def _plain(name: str, column: Column) -> list[Any]:
    unit = (
        "D"
        if name == "day" or name.endswith("_day")
        else "m"
        if name in MINUTES or name.endswith("_at")
        else ""
    )
    if not unit:
        return list(column.tolist())
    numbers = np.asarray(column, dtype=np.int64)
    moments = numbers.astype(f"datetime64[{unit}]")
    if name != ALWAYS_KNOWN:
        moments[numbers == NONE] = np.datetime64("NaT")
    return list(moments.tolist())
