"""What families owe an invented place by age, as its practice system would state it on the last day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import Book, Column

Ints = npt.NDArray[np.int64]
# Oldest charge first: over 90 days, 61 to 90, 31 to 60, up to 30.
_LIMITS = (90, 60, 30)


def family_balances(book: Book) -> Ints:
    """Cents owed by each guarantor's family: columns up to 30, 31 to 60, 61 to 90, over 90 days, and the total.

    One row a patient; zero for those who are not a guarantor. Money received, contractual adjustments and what was
    given up settle the family's oldest charges first; what is left of them lowers the total only.
    """
    patients = len(book["patient"]["household"])
    family = np.asarray(book["patient"]["household"], dtype=np.int64)
    visit_family = family[book["visit"]["patient"]]
    visit_day = np.asarray(book["visit"]["starts"], dtype=np.int64) // 1440
    line, decided = book["line"], book["decision_line"]
    line_family = visit_family[line["visit"]]
    age = book.last_day - visit_day[line["visit"]]
    bucket = np.searchsorted([-limit for limit in _LIMITS], -age, side="right")
    aged = np.stack([_sums(line_family[bucket == k], line["cents"][bucket == k], patients) for k in range(4)])
    credit = _sums(
        line_family[decided["line"]], _ints(decided["paid"]) + _ints(decided["contractual"]), patients
    )
    for name in ("receipt", "write_off"):
        credit += _sums(family[book[name]["patient"]], book[name]["cents"], patients)
    # What a charge still is, after the credit that the older ones left over.
    before = np.cumsum(aged, axis=0) - aged
    still = np.clip(aged - np.maximum(credit - before, 0), 0, aged)
    return np.column_stack([*still[::-1], aged.sum(axis=0) - credit])


def _ints(column: Column) -> Ints:
    return np.asarray(column, dtype=np.int64)


def _sums(who: Ints, cents: Column, size: int) -> Ints:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, who, _ints(cents))
    return total
