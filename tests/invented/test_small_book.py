"""The little book is what its paper says: every account balances, to the cent, in both kinds of place."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.invented import small_book as made
from tests.invented.small_book import day, small_book

from carewheel.invented.book import NONE, TABLES, Book, to_date

BOOKS = pytest.mark.parametrize("kind", ["dental", "medical"])


def by_month(days: object, cents: object) -> dict[int, int]:
    found: Counter[int] = Counter()
    for one, amount in zip(days.tolist(), cents.tolist(), strict=True):  # type: ignore[attr-defined]
        found[to_date(one).month] += amount
    return {month: amount for month, amount in found.items() if amount}


def decision_days(book: Book) -> object:
    return book["decision"]["day"][book["decision_line"]["decision"]]


@BOOKS
def test_the_totals_by_month_are_those_on_paper(kind: str) -> None:
    book = small_book(kind)
    served = book["visit"]["starts"][book["line"]["visit"]] // 1440
    assert by_month(served, book["line"]["cents"]) == made.CHARGES
    assert by_month(book["decision"]["day"], book["decision"]["paid"]) == made.INSURER_PAID
    assert by_month(book["receipt"]["day"], book["receipt"]["cents"]) == made.PATIENT_PAID
    assert by_month(decision_days(book), book["decision_line"]["contractual"]) == made.CONTRACTUAL
    assert book["decision"]["interest"].sum() == book["remittance"]["interest"].sum() == made.INTEREST
    assert by_month(book["write_off"]["day"], book["write_off"]["cents"]) == {2: 2200, 5: 8000, 6: 10000}
    decided = book["decision_line"]
    assert (decided["deductible"].sum(), decided["coinsurance"].sum(), decided["denied"].sum()) == (
        10000,
        77000,
        150000,
    )
    owed = sum(made.CHARGES.values()) - sum(made.INSURER_PAID.values()) - sum(made.PATIENT_PAID.values())
    assert owed - sum(made.CONTRACTUAL.values()) - 2200 - 8000 - 10000 == made.OWED


@BOOKS
def test_every_line_claim_remittance_and_closed_account_balances(kind: str) -> None:
    book = small_book(kind)
    d = book["decision_line"]
    parts = d["paid"] + d["contractual"] + d["deductible"] + d["coinsurance"] + d["denied"]
    assert (d["charge"] == parts).all()
    for row, claim in enumerate(book["claim"]["claim"].tolist()):
        assert book["claim"]["cents"][row] == book["line"]["cents"][book["line"]["claim"] == claim].sum()
    for row in book["decision"]["decision"].tolist():
        assert book["decision"]["paid"][row] == d["paid"][d["decision"] == row].sum()
    for row in book["remittance"]["remittance"].tolist():
        mine = book["decision"]["remittance"] == row
        total = book["decision"]["paid"][mine].sum() + book["decision"]["interest"][mine].sum()
        assert book["remittance"]["cents"][row] == total > 0
        assert set(book["decision"]["day"][mine].tolist()) == {book["remittance"]["day"][row]}
    # Each visit's account: nothing is left but what the paper says is still owed.
    owed = {24: 17000, 25: 17000, 26: 22000, 9: 6000, 23: 6000}
    for visit in range(28):
        lines = book["line"]["visit"] == visit
        mine = lines[d["line"]]
        left = book["line"]["cents"][lines].sum() - d["paid"][mine].sum() - d["contractual"][mine].sum()
        for name in ("receipt", "write_off"):
            left -= book[name]["cents"][book[name]["visit"] == visit].sum()
        assert left == owed.get(visit, 0), visit


@BOOKS
def test_the_counts_are_those_on_paper(kind: str) -> None:
    book = small_book(kind)
    assert {name: set(table) for name, table in book.tables.items()} == {n: set(c) for n, c in TABLES.items()}
    assert Counter(book["visit"]["status"].tolist()) == {0: 4, 1: 28, 2: 4, 3: 4}
    kept = book["visit"]["status"] == 1
    assert book["visit"]["minutes"][kept].sum() == 1290
    assert (book["visit"]["roomed_at"] - book["visit"]["arrived_at"])[kept].sum() == 425
    assert book["visit"]["late"].sum() == 2
    assert (book["visit"]["moved_at"] != NONE).sum() == 2
    assert len(book["claim"]["claim"]) == 24
    assert len(book["session"]["session"]) == 40
    assert (book["claim"]["closed_day"] == NONE).sum() == 3
    assert len(book["proposal"]["proposal"]) == (7 if kind == "dental" else 0)
    ahead = book["visit"]["starts"] // 1440 > book.last_day
    assert (book["visit"]["booked_at"] // 1440 <= book.last_day).all()
    assert ahead.sum() == 4
    assert book.last_day == day("2025-06-30")
