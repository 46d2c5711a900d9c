"""Newcomers of a month: the means of each channel, with what reviews, access, shocks and plays do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from carewheel.invented.access import Requests, lead_days
from carewheel.invented.growth import ADS, FLYERS, PROFESSIONAL, REVIEWS, WALK_BY
from carewheel.invented.parameters import parameters
from carewheel.invented.ports import sd_of

if TYPE_CHECKING:
    from carewheel.invented.location import Place

DAY = 1440


def newcomers(place: Place, month: int, first: int, end: int, senders: npt.NDArray[np.int64]) -> None:
    """Spend on winning patients, take in those who come, and put those who book on the desks' lists."""
    p = parameters()
    sd = sd_of("growth.new_patients") / (1 - p["newcomers.asked_not_booked"])
    base = (
        p["newcomers.new_patients_a_month"]
        * place.size
        * place.attraction
        / (1 - p["newcomers.asked_not_booked"])
    )
    shares = np.array(p["newcomers.channel_shares"])
    saved = place.felt("C2a-C3", month, "growth.organic_share")
    cost = (
        p["newcomers.spend_per_paid_patient"]
        * base
        * (1 - p["newcomers.asked_not_booked"])
        * float(shares[ADS] + shares[FLYERS])
    )
    cost += saved * sd_of("growth.acquisition_cost") * base * (1 - p["newcomers.asked_not_booked"])
    cents = int(round(max(cost, 0.25 * cost if cost > 0 else 300.0, 300.0)) * 100)
    place.growth.spend(month, first, end, cents)
    place.tally.add("spend", first, cents)
    place.purse.won(month, cents)
    means = base * shares
    means[REVIEWS] += sd * place.felt("C2a-C2b", month, "growth.review_rating")
    means[WALK_BY] += sd * place.felt("C4-C2b", month, "operations.third_next_available")
    means[PROFESSIONAL] *= place.play("partners", month, 1.0)
    # Channels that cannot fall further give what they have; the rest is taken from the others.
    short = np.minimum(means, 0).sum()
    means = np.maximum(means, 0)
    means *= max(means.sum() + short, 0.1 * base) / max(means.sum(), 1e-9)
    if month >= place.competitor:
        means *= 1 - p["shocks.competitor_loss"]
    means *= place.group.season(month, place.facts.kind)
    means[0] = 0.0
    # Those who come by an experiment: fewer where the link is weaker, and they pay in full.
    whole = place.ports.weaken.get("C2b-C3", 1.0)
    extra = round(place.ports.pushed("C2b-C3", month) * sd_of("growth.new_patients") * whole)
    came = place.growth.month(month, first, end, place.population, senders, means, extra)
    place.population["pushed"][came.rows[len(came.rows) - extra :]] = 1
    place.bring = place.ports.felt("C2b-C3", month, place.now["growth.new_patients"])
    u = place.draws.uniform("first wish", month, 2000, 2)[: len(came.rows)]
    lead = lead_days(u[:, 0], [0.3, 2.0, 6.0, 20.0], [0.35, 0.40, 0.25])
    wanted = came.asked + (lead * DAY).astype(np.int64)
    first_group = u[:, 1] < (0.15 if place.facts.kind == "dental" else 0.02)
    for index, desk in enumerate(place.desks):
        mine = np.flatnonzero(first_group == (index == 0))
        desk.waiting += Requests(came.rows[mine], wanted[mine], came.asked[mine], lead[mine])
