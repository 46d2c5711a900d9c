"""What a patient will be worth: visits to come, who is still there, what a visit brings, discounted.

`fitted` and `chosen` fit models of visits (at random or regular); `fitted_spend` what is paid; `lifetime_value` puts them together with a
stated horizon and discount. Arrays in, estimates with intervals at 90 % out. What the data cannot answer raises `CannotTell`.
Who may call: wheel, journeys; it knows science.intervals and science.refusal.
"""

from carewheel.science.lifetime_value.beta_geometric import BetaGeometric
from carewheel.science.lifetime_value.choice import Trial, chosen, trials
from carewheel.science.lifetime_value.histories import Histories, histories, histories_of_visits
from carewheel.science.lifetime_value.pareto import Pareto
from carewheel.science.lifetime_value.periodic import Periodic, periodic_models
from carewheel.science.lifetime_value.spend import SpendFit, fitted_spend, mean_spend
from carewheel.science.lifetime_value.value import Terms, Worth, lifetime_value, value_of_new
from carewheel.science.lifetime_value.visits import (
    BG_NBD,
    MODELS,
    PARETO_NBD,
    VisitFit,
    VisitModel,
    alive,
    expected_visits,
    fitted,
    total_visits,
    visits_of_new,
)

__all__ = [
    "BG_NBD",
    "MODELS",
    "PARETO_NBD",
    "BetaGeometric",
    "Histories",
    "Pareto",
    "Periodic",
    "SpendFit",
    "Terms",
    "Trial",
    "VisitFit",
    "VisitModel",
    "Worth",
    "alive",
    "chosen",
    "expected_visits",
    "fitted",
    "fitted_spend",
    "histories",
    "histories_of_visits",
    "lifetime_value",
    "mean_spend",
    "periodic_models",
    "total_visits",
    "trials",
    "value_of_new",
    "visits_of_new",
]
