"""Stock of an invented place: used by visits, counted, wasted, ordered below par, sometimes out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import STOCK_KINDS, BookWriter
from carewheel.invented.draws import Draws
from carewheel.invented.parameters import parameters

Ints = npt.NDArray[np.int64]
RECEIVED, USED, COUNTED, WASTED, OUT = range(len(STOCK_KINDS))


class Stock:
    """Quantities on hand by item. Every move is in the book, so what came less what went is what is there."""

    def __init__(self, draws: Draws, writer: BookWriter, visits_a_week: float) -> None:
        p = parameters()
        self.draws, self.writer = draws, writer
        self.uses = np.array(p["stock.uses_per_visit"])
        self.cents = np.array(p["stock.unit_cents"])
        self.par = np.maximum(np.ceil(self.uses * visits_a_week * p["stock.par_weeks"]).astype(np.int64), 5)
        self.on_hand = np.zeros(len(self.uses), dtype=np.int64)
        self.arriving: list[tuple[int, int, int]] = []

    def open(self, first: int) -> None:
        """The first delivery fills the shelves."""
        for item in range(len(self.par)):
            self._move(item, RECEIVED, int(self.par[item] * 1.3), first * 1440 + 7 * 60)

    def _move(self, item: int, kind: int, quantity: int, at: int) -> None:
        self.on_hand[item] += quantity
        self.writer.add(
            "stock_move", item=item, kind=kind, quantity=quantity, on_hand=int(self.on_hand[item]),
            par=int(self.par[item]), cents=abs(quantity) * int(self.cents[item]) if kind == RECEIVED else 0, moved_at=at,
        )  # fmt: skip

    def month(self, month: int, first: int, end: int, visits_by_day: Ints) -> int:
        """Weekly use, orders and deliveries, a count and some waste; returns what deliveries cost, in cents."""
        p = parameters()
        u = self.draws.uniform("stock", month, len(self.par) * 6, 3).reshape(len(self.par), 6, 3)
        spent = 0
        for item in range(len(self.par)):
            for week, begins in enumerate(range(first, end, 7)):
                finish = min(begins + 7, end)
                for due in sorted(
                    (x for x in self.arriving if x[0] == item and x[2] < finish), key=lambda x: x[2]
                ):
                    self.arriving.remove(due)
                    self._move(item, RECEIVED, due[1], max(due[2], begins) * 1440 + 8 * 60)
                    spent += due[1] * int(self.cents[item])
                seen = int(visits_by_day[begins - first : finish - first].sum())
                wanted = int(
                    np.floor(seen * self.uses[item] * (0.85 + 0.3 * u[item, week, 0]) + u[item, week, 1])
                )
                used = min(wanted, int(self.on_hand[item]))
                at = (finish - 1) * 1440 + 17 * 60
                if used:
                    self._move(item, USED, -used, at)
                if wanted > used:
                    self._move(item, OUT, 0, at + 5)
                coming = sum(q for i, q, _ in self.arriving if i == item)
                if self.on_hand[item] + coming < self.par[item]:
                    days = 2 + int(-p["stock.delivery_days"] * np.log1p(-u[item, week, 2] * 0.97))
                    self.arriving.append(
                        (item, int(self.par[item] * 1.5) - int(self.on_hand[item]) - coming, finish + days)
                    )
            wasted = int(self.on_hand[item] * p["stock.wasted_share"] * u[item, 5, 0])
            if wasted:
                self._move(item, WASTED, -wasted, (end - 1) * 1440 + 17 * 60 + 20)
            self._move(item, COUNTED, 0, (end - 1) * 1440 + 17 * 60 + 40)
        return spent
