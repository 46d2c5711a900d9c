"""A book of dated entries that can only be read up to a day: what came later cannot get into a feature.

The arrays are private, and every reading method takes the day before which it reads. The features of `features` see outcomes only through
it, so that a later outcome can not leak into a score; the tests change later outcomes and see that nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Key and day are packed into one whole number: days or ranks stay below this, keys below 2^31.
SPAN = 1 << 32
# Sums are kept in whole multiples of 2^-30: exact, so that a later entry cannot change what is read even by rounding.
UNIT = float(1 << 30)


class Ledger:
    """Entries under a key with a day (or any rank from 0 up) and amounts by name; entries under a negative key are left out.

    >>> book = Ledger([7, 7, 8], [1, 5, 1], {"missed": [1.0, 0.0, 1.0]})
    >>> book.count_before([7, 7, 7, 9], [1, 2, 6, 6]).tolist()
    [0, 1, 2, 0]
    >>> book.total_before("missed", [7], [5]).tolist()
    [1.0]
    """

    def __init__(self, key: object, day: object, amounts: Mapping[str, object] | None = None) -> None:
        keys, days = np.asarray(key, dtype=np.int64), np.asarray(day, dtype=np.int64)
        kept = keys >= 0
        place = keys[kept] * SPAN + days[kept]
        order = np.argsort(place, kind="stable")
        self._place: Ints = place[order]
        self._day: Ints = days[kept][order]
        self._amount: dict[str, Floats] = {}
        self._sum: dict[str, Ints] = {}
        for name, given in (amounts or {}).items():
            amount = np.asarray(given, dtype=np.float64)[kept][order]
            self._amount[name] = amount
            self._sum[name] = np.concatenate([[0], np.cumsum(np.rint(amount * UNIT).astype(np.int64))])

    def _range(self, key: object, day: object) -> tuple[Ints, Ints]:
        keys, days = np.asarray(key, dtype=np.int64), np.asarray(day, dtype=np.int64)
        start = self._place.searchsorted(keys * SPAN, side="left")
        end = self._place.searchsorted(keys * SPAN + days, side="left")
        return start, np.where(keys >= 0, np.maximum(start, end), start)

    def count_before(self, key: object, day: object) -> Ints:
        """How many entries under the key are dated before the day."""
        start, end = self._range(key, day)
        return end - start

    def total_before(self, name: str, key: object, day: object) -> Floats:
        """Sum of an amount over the entries under the key dated before the day."""
        start, end = self._range(key, day)
        total: Floats = (self._sum[name][end] - self._sum[name][start]) / UNIT
        return total

    def last_before(self, name: str, key: object, day: object) -> tuple[Floats, Floats]:
        """The amount of the last entry under the key dated before the day, and how many days it lies back; NaN where there is none."""
        start, end = self._range(key, day)
        there = end > start
        at = np.maximum(end - 1, 0)
        if not self._place.size:
            nothing = np.full(np.shape(end), np.nan)
            return nothing, nothing.copy()
        back = np.asarray(day, dtype=np.int64) - self._day[at]
        return np.where(there, self._amount[name][at], np.nan), np.where(there, back, np.nan)
