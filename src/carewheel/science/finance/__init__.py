"""Money over time: present value, all internal rates of return, loans, write-offs, purchases under doubt, and which plays to choose.

Flows of money in, out negative; the first flow is at once. Draws of what may come go through the same functions. What cannot be raises `CannotTell`
with code, data and remedy. Money is in floats here: this room estimates; the ledger counts to the cent elsewhere.
Who may call: wheel, journeys; it knows science.intervals and science.refusal.
"""

from carewheel.science.finance.depreciation import MACRS_HALF_YEAR, at_once, macrs, straight_line
from carewheel.science.finance.flows import mirr, npv, payback
from carewheel.science.finance.loans import LoanSchedule, loan_schedule
from carewheel.science.finance.portfolio import Play, Portfolio, best_portfolio
from carewheel.science.finance.purchase import (
    Appraisal,
    FollowUp,
    Purchase,
    Swing,
    appraised,
    cash_flows,
    planned_against_actual,
    tornado,
)
from carewheel.science.finance.returns import Returns, irr, irr_of_paths

__all__ = [
    "MACRS_HALF_YEAR",
    "Appraisal",
    "FollowUp",
    "LoanSchedule",
    "Play",
    "Portfolio",
    "Purchase",
    "Returns",
    "Swing",
    "appraised",
    "at_once",
    "best_portfolio",
    "cash_flows",
    "irr",
    "irr_of_paths",
    "loan_schedule",
    "macrs",
    "mirr",
    "npv",
    "payback",
    "planned_against_actual",
    "straight_line",
    "tornado",
]
