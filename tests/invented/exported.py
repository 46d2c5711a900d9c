"""For tests of exports: a simulated book, what our readers make of a folder, and sums by month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.interop.collecting import CollectingSink

from carewheel.interop.files import Finding, ReadSettings, find_files
from carewheel.interop.readers import group, recognise
from carewheel.invented.book import Book, to_date
from carewheel.invented.group import Group
from carewheel.invented.location import Place
from carewheel.invented.ports import Ports
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace

SETTINGS = ReadSettings(today=date(2026, 1, 31))
MEDICAL, DENTAL = 1, 2


@lru_cache(maxsize=2)
def half_a_year(number: int) -> Book:
    """Six simulated months of a place: 1 is medical, 2 is dental."""
    made = Group(7, 2, 6)
    return Place(made, number, Ports(made.strengths)).live().book


def read(folder: Path) -> CollectingSink:
    """Everything in a folder, read by the readers that its content asks for."""
    sink, known = CollectingSink(), []
    for file in find_files(folder):
        assert not isinstance(file, Finding), file
        found = recognise(file, SETTINGS)
        assert not isinstance(found, Finding), found
        if found is not None:
            known.append(found)
    for items in group(known).values():
        items[0].reader.read([(item.file, item.part) for item in items], sink, SETTINGS)
    return sink


def nothing_wrong(sink: CollectingSink) -> None:
    assert sink.findings == []
    assert sum(file.rows_refused + file.rows_ignored for file in sink.files) == 0


def table(sink: CollectingSink, name: str) -> list[Any]:
    """What was read for a fact table."""
    return list(sink.table(name))


class Facts:
    """The facts that importing a folder gives, to be asked."""

    def __init__(self, workspace: Path, folder: Path) -> None:
        self.space = Workspace(workspace)
        self.reports = import_sources(self.space, [GivenSource(folder)], SETTINGS)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.space.connect()
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def by_month(self, table: str, where: str = "TRUE") -> dict[str, int]:
        """Cents by month of the place's calendar."""
        rows = self.ask(
            f"SELECT strftime(local_month, '%Y-%m'), sum(amount) FROM {table} WHERE {where} GROUP BY 1"
        )
        return {month: cents(total) for month, total in rows if total}


def cents(amount: Decimal | None) -> int:
    assert amount is not None
    whole = amount * 100
    assert whole == int(whole)
    return int(whole)


def summed(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    """Sums by key, without those that are zero."""
    sums: dict[Any, int] = defaultdict(int)
    for key, value in pairs:
        sums[key] += value
    return {key: value for key, value in sums.items() if value}


def months(days: Iterable[Any], amounts: Iterable[Any]) -> dict[str, int]:
    """Cents of a book's columns by month of the day."""
    return summed(
        (f"{to_date(int(day)):%Y-%m}", int(value)) for day, value in zip(days, amounts, strict=True)
    )


def of_2025(by_month: dict[int, int]) -> dict[str, int]:
    """Hand-worked totals by number of the month, as the small book has them."""
    return {f"2025-{month:02}": value for month, value in by_month.items()}
