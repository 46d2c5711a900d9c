"""What a loan costs, month by month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LoanSchedule:
    """All (months,): what is ``paid`` at the end of each month, of it ``interest`` and ``principal``, and the ``balance`` left after it."""

    paid: Floats
    interest: Floats
    principal: Floats
    balance: Floats


def loan_schedule(
    amount: float, yearly_rate: float, months: int, *, interest_only: int = 0, cents: bool = False
) -> LoanSchedule:
    """Equal payments at the end of each month, a twelfth of the yearly rate each; ``interest_only``: first months without principal.

    With ``cents`` each payment is rounded to a cent and the last one settles the rest. Brealey, Myers & Allen, chapter 2.
    Raises `CannotTell` for amounts, rates or months that cannot be.

    >>> schedule = loan_schedule(10_000, 0.06, 12, cents=True)
    >>> float(schedule.paid[0]), round(float(schedule.paid[-1]), 2), round(float(schedule.balance[-1]), 2)
    (860.66, 860.7, 0.0)
    """
    fine = np.isfinite([amount, yearly_rate]).all() and amount >= 0 and yearly_rate > -1
    if not (fine and 1 <= months <= 1200 and 0 <= interest_only < months):
        raise CannotTell(
            "impossible-loan",
            {"amount": float(amount), "yearly_rate": float(yearly_rate), "months": months},
            "an amount of 0 or more, a rate above -1, 1 to 1,200 months, and some that pay principal",
        )
    rate, left = yearly_rate / 12, months - interest_only
    factor = 1 / left if rate == 0 else rate / -np.expm1(-left * np.log1p(rate))
    level = amount * factor

    def rounded(x: float) -> float:
        return round(x, 2) if cents else x

    rows, balance = [], float(amount)
    for month in range(months):
        interest = rounded(balance * rate)
        principal = 0.0 if month < interest_only else rounded(level) - interest
        if month == months - 1:
            principal = balance
        balance = rounded(balance - principal)
        rows.append((interest + principal, interest, principal, balance))
    return LoanSchedule(*np.array(rows).T)
