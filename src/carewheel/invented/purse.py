"""The money of a place: what comes in, what it costs, what is put into technology, rooms and people, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import COMPONENTS, BookWriter
from carewheel.invented.draws import Draws, normal
from carewheel.invented.parameters import parameters
from carewheel.invented.ports import sd_of
from carewheel.invented.tally import Tally

if TYPE_CHECKING:
    from carewheel.invented.location import Place

Ints = npt.NDArray[np.int64]
PAY, RENT, SUPPLIES, OTHER = range(4)
TECHNOLOGY, FACILITY, TRAINING = range(3)


class Purse:
    """Cash by month, out of the world's own tally; costs and investments go into the book."""

    def __init__(self, draws: Draws, writer: BookWriter, tally: Tally, month_starts: Ints) -> None:
        p = parameters()
        self.draws, self.writer, self.tally, self.starts = draws, writer, tally, month_starts
        offset = 0.04 * float(normal(draws.uniform("digital place", 0, 1, 1))[0, 0])
        self.base = p["purse.online_base"] + offset
        self.adoption = self.base
        self.invested = 0.0
        self.spent_on_growth = 0.0
        self.month_cash = 0.0
        self.receipts: list[float] = []
        self.shares: list[float] = [p["purse.investment_share"]] * 6
        self.net_cash: list[int] = []

    def won(self, month: int, cents: int) -> None:
        """What was spent this month on winning patients."""
        self.spent_on_growth = cents / 100

    def month(self, month: int, first: int, end: int, place: Place, supplies: int) -> None:
        """Close a month: costs, investments, what is left; amounts in cents."""
        p = parameters()
        last = self.tally.months - 1
        if month <= last:
            self.month_cash = float(self.tally.counts["collected"][month]) / 100
        self.receipts.append(self.month_cash)
        cash = int(self.month_cash * 100)
        share = p["purse.investment_share"] + sd_of("technology.investment_share") * place.felt(
            "C3-C6", month, "finance.collections"
        )
        share = float(np.clip(share, 0.004, 0.25))
        self.shares = [*self.shares[1:], share]
        invested = int(cash * share)
        technology = int(invested * 0.6)
        mid = first + (end - first) // 2
        for category, component, cents in (
            (TECHNOLOGY, "C6", technology),
            (FACILITY, "C1", int(invested * 0.3)),
            (TRAINING, "C5", invested - technology - int(invested * 0.3)),
        ):
            if cents > 0:
                self.writer.add(
                    "investment",
                    component=COMPONENTS.index(component),
                    category=category,
                    day=mid,
                    cents=cents,
                )
        self.tally.add("invested", mid, invested)
        self.invested = invested / 100
        wish = self.base + 0.07 * (float(np.mean(self.shares)) - p["purse.investment_share"]) / 0.03
        self.adoption += (wish - self.adoption) / p["purse.learning_months"]
        costs = {
            PAY: place.team.pay([d.share_of(i) for d in place.desks for i in range(len(d.providers))]),
            RENT: int(p["purse.rent_a_month"] * place.size * 100),
            SUPPLIES: supplies + int(cash * p["purse.supplies_share"]),
            OTHER: int(cash * p["purse.other_share"]),
        }
        for category, cents in costs.items():
            self.writer.add("expense", category=category, day=end - 1, cents=cents)
            self.tally.add("expenses", end - 1, cents)
        won = int(self.spent_on_growth * 100)
        self.net_cash.append(cash - sum(costs.values()) - invested - won)

    def clean_share(self, month: int, first: int, end: int) -> float:
        """Share of this month's first decisions that paid at once; NaN without decisions."""
        if month >= self.tally.months:
            return float("nan")
        decided = int(self.tally.counts["first_decisions"][month])
        return 1 - int(self.tally.counts["first_denials"][month]) / decided if decided else float("nan")

    def days_in_ar(self, month: int) -> float:
        """Open balance at the end of the month over the charges a day of the last three months."""
        if month < 2 or month >= self.tally.months:
            return float("nan")
        c = self.tally.counts
        until = slice(0, month + 1)
        balance = int(
            c["charges"][until].sum() - (c["collected"] - c["interest"])[until].sum()
            - c["contractual"][until].sum() - c["given_up"][until].sum()
        )  # fmt: skip
        days = int(self.starts[month + 1] - self.starts[month - 2])
        charges = int(c["charges"][month - 2 : month + 1].sum())
        return balance / charges * days if charges else float("nan")
