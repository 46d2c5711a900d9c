"""What a place knows of its own month: the measures that the ports of the next month feel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carewheel.invented import attendance
from carewheel.invented.growth import PAID_CHANNELS, WORD
from carewheel.invented.parameters import parameters
from carewheel.invented.visiting import ONLINE

if TYPE_CHECKING:
    from carewheel.invented.location import Place

Columns = dict[str, npt.NDArray[Any]]


def measures_of(
    place: Place,
    month: int,
    first: int,
    end: int,
    v: Columns,
    told: Columns,
    open_minutes: float,
) -> dict[str, float]:
    """Every measure at an end of a link, this month, in the units of its card; NaN where nothing was measured.

    Those of everybody who came, not only of those who answered: a place with few answers still is what it is.
    """
    p = parameters()
    pop = place.population
    kept = v["status"] == attendance.KEPT
    asked_for = kept | (v["status"] == attendance.NOSHOW) | (v["late"] == 1)
    scores = told["scores"]
    nps = 100 * (np.mean(scores[:, 0] >= 9) - np.mean(scores[:, 0] <= 6)) if len(scores) else np.nan
    fresh = kept & (v["is_new"] == 1)
    channels = pop["channel"][v["patient"][fresh]]
    sent = np.isin(channels, (WORD,)).sum()
    new = int(fresh.sum())
    decay = np.exp(-1 / p["voices.review_decay_months"])
    weights = np.array([decay ** (month - m) for m, _ in place.stars])
    stars = np.array([s for _, s in place.stars], dtype=float)
    rating = float((weights @ stars + 4 * 4.5) / (weights.sum() + 4)) if len(stars) else 4.5
    organic = np.mean(~np.isin(channels, PAID_CHANNELS)) if new else np.nan
    cash = place.purse.month_cash
    active = int(told["active"][0])
    yearly = (1 - float(told["leaving"][0])) ** 12 * 0.93
    receipts = np.mean(place.purse.receipts[-3:]) if place.purse.receipts else 0.0
    years = sum(place.employed)
    return {
        "experience.nps": float(nps),
        "experience.csat": float(np.mean(scores[:, 1] >= 4)) if len(scores) else np.nan,
        "experience.ease": float(25 * (np.mean(scores[:, 2]) - 1)) if len(scores) else np.nan,
        "operations.wait_minutes": float(np.mean((v["roomed_at"] - v["arrived_at"])[kept]))
        if kept.any()
        else np.nan,
        "operations.utilisation": float(v["minutes"][kept].sum() / open_minutes) if open_minutes else np.nan,
        "operations.kept_visits": float(kept.sum()),
        "operations.no_show_rate": float((v["status"] == attendance.NOSHOW).sum() / max(asked_for.sum(), 1)),
        "operations.third_next_available": place.third_free,
        "technology.online_booking": float(np.mean(v["channel"] == ONLINE)) if len(kept) else np.nan,
        "technology.investment_share": place.purse.invested / max(cash, 1.0),
        "growth.new_patients": float(new),
        "growth.referral_reproduction": float(sent / new) if new else np.nan,
        "growth.review_rating": rating,
        "growth.organic_share": float(organic),
        "growth.acquisition_cost": place.purse.spent_on_growth / new if new else np.nan,
        "finance.collections": cash,
        "finance.revenue_per_visit": cash / max(int(kept.sum()), 1),
        "finance.clean_claim_rate": place.purse.clean_share(month, first, end),
        "finance.days_in_ar": place.purse.days_in_ar(month),
        "finance.lifetime_value": 12 * float(receipts) / max(active, 1) * 1.1 / (1.1 - yearly),
        "people.burnout": place.mood.burnout,
        "people.engagement": place.mood.engagement,
        "people.turnover": sum(place.leaving) / max(years, 0.1),
        "people.training_hours": place.mood.training_hours_a_year,
    }
