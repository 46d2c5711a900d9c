"""Plans: a play put to work here, from the proposal to the verdict, with an owner, a way to judge it, and a review rhythm.

A plan is the fold of its steps; `Ledger` keeps them, one file a plan, and never changes a line. `terms_of` freezes how a plan is
judged before it starts. Nothing here knows a patient. Who may call: wheel, journeys, cli.
"""

from carewheel.wheel.plans.ledger import JUDGED, Ledger
from carewheel.wheel.plans.months import known_month, last_day, month_after, month_of, months_between
from carewheel.wheel.plans.outcomes import Outcomes, comparable, outcomes
from carewheel.wheel.plans.plan import Plan, Step, plan_of
from carewheel.wheel.plans.proposing import (
    Proposal,
    check_free,
    measure_of,
    months_to_find,
    name_of,
    terms_of,
)
from carewheel.wheel.plans.refusals import PlanRefused
from carewheel.wheel.plans.showing import (
    STATE_WORDS,
    owners,
    plan_document,
    signed,
    verdict_document,
    verdict_words,
)
from carewheel.wheel.plans.terms import Terms
from carewheel.wheel.plans.words import NOTES, checked_notes, checked_owner

__all__ = [
    "JUDGED", "NOTES", "STATE_WORDS", "Ledger", "Outcomes", "Plan", "PlanRefused", "Proposal", "Step", "Terms", "check_free",
    "checked_notes", "checked_owner", "comparable", "known_month", "last_day", "measure_of", "month_after", "month_of", "months_between",
    "months_to_find", "name_of", "outcomes", "owners", "plan_document", "plan_of", "signed", "terms_of", "verdict_document", "verdict_words",
]  # fmt: skip
