"""The wheel of one practice in real units: active patients, advocates, backlog, staff, skill, technology, receivables, cash.

Its responses are the links of the wheel, in reference standard deviations, given as numbers or draws; the rest is book-keeping
of people, visits and money, with capacity, saturation, delays, wear of the team and a cash constraint. Arrays in, arrays out.
Who may call: wheel. It knows `stocks` and nothing else; measures come as ids with their references.
"""

from carewheel.science.flywheel.practice_model.equations import PracticeModel, practice_model
from carewheel.science.flywheel.practice_model.forecast import (
    Forecast,
    LinkWorths,
    Worth,
    doubted,
    forecast,
    link_worths,
    loop_dominance,
    move_worth,
    net_cash,
    usual_worth,
)
from carewheel.science.flywheel.practice_model.practice import (
    WITHIN,
    Link,
    Move,
    Policy,
    Practice,
    Scale,
    Spending,
    Timing,
)
from carewheel.science.flywheel.practice_model.present import Present

__all__ = [
    "WITHIN",
    "Forecast",
    "Link",
    "LinkWorths",
    "Move",
    "Policy",
    "Practice",
    "PracticeModel",
    "Present",
    "Scale",
    "Spending",
    "Timing",
    "Worth",
    "doubted",
    "forecast",
    "link_worths",
    "loop_dominance",
    "move_worth",
    "net_cash",
    "practice_model",
    "usual_worth",
]  # fmt: skip
