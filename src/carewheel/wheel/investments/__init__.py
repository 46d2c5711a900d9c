"""Purchases: the gate that each one passes before money is spent, and what became of it afterwards.

A purchase is described in a small file, turned into moves of the practice's own stock-and-flow model, and judged by the money that flows
and by what patients notice. Nothing here knows a patient. Who may call: wheel, journeys, cli.
"""

from carewheel.wheel.investments.case import Case, case_of
from carewheel.wheel.investments.described import Described, Doubt, Promise, described
from carewheel.wheel.investments.following import (
    Followed,
    Seen,
    Spent,
    follow,
    month_of_purchase,
    spent,
    with_results,
)
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.investments.showing import followed_document, weighed_document
from carewheel.wheel.investments.weighing import (
    Benefit,
    Condition,
    Weighed,
    figure_words,
    noticeable,
    range_words,
    weigh,
)

__all__ = [
    "Benefit", "Case", "Condition", "Described", "Doubt", "Followed", "Promise", "PurchaseRefused", "Seen", "Spent", "Weighed",
    "case_of", "described", "figure_words", "follow", "followed_document", "month_of_purchase", "noticeable", "range_words", "spent", "weigh",
    "weighed_document", "with_results",
]  # fmt: skip
