"""Purchases: the gate that each one passes before money is spent, and what became of it afterwards.

A purchase is described in a small file, turned into moves of the practice's own stock-and-flow model, and judged by the money that flows
and by what patients notice. Nothing here knows a patient. Who may call: wheel, journeys, cli.
"""

from carewheel.wheel.investments.case import Case, case_of
from carewheel.wheel.investments.described import Described, Doubt, Promise, content_of, described
from carewheel.wheel.investments.following import (
    Followed,
    Seen,
    Spent,
    follow,
    month_of_purchase,
    spent,
    with_results,
)
from carewheel.wheel.investments.keeping import Purchases, mark_of
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.investments.showing import followed_document, weighed_document
from carewheel.wheel.investments.weighing import (
    Benefit,
    Condition,
    Weighed,
    weigh,
)
from carewheel.wheel.investments.words import (
    against_words,
    appraisal_rows,
    measure_rows,
    patient_words,
    promise_words,
    where_words,
)
from carewheel.wheel.investments.written import written

__all__ = [
    "Benefit", "Case", "Condition", "Described", "Doubt", "Followed", "Promise", "PurchaseRefused", "Purchases", "Seen", "Spent", "Weighed",
    "against_words", "appraisal_rows", "case_of", "content_of", "described", "follow", "followed_document", "mark_of", "measure_rows",
    "month_of_purchase", "patient_words", "promise_words", "spent", "weigh", "weighed_document", "where_words", "with_results", "written",
]  # fmt: skip
