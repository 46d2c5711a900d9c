"""The world's own count of what happened, month by month: independent of every book, export, reader and card."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from carewheel.invented.clockwork import month_of

Ints = npt.NDArray[np.int64]


class Tally:
    """Counts and sums (cents) by name and month of the window; what happens after it is not counted."""

    def __init__(self, month_starts: Ints, months: int) -> None:
        self.starts, self.months = month_starts, months
        self.counts: dict[str, Ints] = defaultdict(self._none)

    def _none(self) -> Ints:
        return np.zeros(self.months, dtype=np.int64)

    def add(self, name: str, days: npt.ArrayLike, amounts: npt.ArrayLike | None = None) -> None:
        """Count events (or add whole amounts) on ``days``."""
        days = np.atleast_1d(np.asarray(days))
        month = month_of(days, self.starts)
        inside = (month >= 0) & (month < self.months)
        if amounts is None:
            self.counts[name] += np.bincount(month[inside], minlength=self.months)
        else:
            np.add.at(
                self.counts[name], month[inside], np.broadcast_to(np.asarray(amounts), days.shape)[inside]
            )

    def as_lists(self) -> dict[str, list[int]]:
        """Plain lists, for ``truth.json``."""
        return {name: [int(x) for x in values] for name, values in sorted(self.counts.items())}
