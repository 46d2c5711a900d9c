"""An invented practice whose flows balance, with the catalog's links and references; used by tests and benchmarks."""

from __future__ import annotations

import math

from carewheel.catalog.links import link_scales, links
from carewheel.catalog.measures import measures
from carewheel.science.flywheel.practice_model import WITHIN, Link, Practice, Scale, Spending

_ENDS = {m for link in links().values() for m in (link.from_measure, link.to_measure)} | {
    m for pair in WITHIN for m in pair
}


def scales() -> dict[str, Scale]:
    found = {name: Scale(ref.value, ref.sd) for name, ref in link_scales().items()}
    for name in _ENDS - set(found):
        reference = measures()[name].reference
        assert reference is not None
        found[name] = Scale(reference.value, reference.sd)
    return found


def wheel_links() -> list[Link]:
    return [Link(link.id, link.from_measure, link.to_measure) for link in links().values()]


def assumed_strengths() -> dict[str, float]:
    return {link.id: link.assumed.mean for link in links().values()}


PRESENT = {
    "experience.nps": 42.0, "experience.csat": 0.83, "experience.ease": 72.0, "growth.review_rating": 4.4,
    "growth.referral_reproduction": 0.24, "growth.organic_share": 0.62, "growth.new_patients": 26.0,
    "growth.acquisition_cost": 180.0, "operations.wait_minutes": 21.0, "operations.utilisation": 0.82,
    "operations.third_next_available": 12.0, "operations.kept_visits": 345.0, "operations.no_show_rate": 0.10,
    "people.burnout": 45.0, "people.engagement": 67.0, "people.turnover": 0.22, "people.training_hours": 20.0,
    "technology.online_booking": 0.18, "finance.clean_claim_rate": 0.92, "finance.revenue_per_visit": 178.0,
    "finance.days_in_ar": 43.0,
}  # fmt: skip
ACTIVE = 1450.0


def practice(**other: object) -> Practice:
    """The practice; ``other`` replaces fields. Leaving equals new patients, owners take what is earned."""
    fields: dict[str, object] = {
        "measures": PRESENT, "active_patients": ACTIVE, "advocates": 210.0,
        "retention": math.exp(-12 * PRESENT["growth.new_patients"] / ACTIVE), "staff": 8.0, "pay": 4300.0,
        "fixed_costs": 7000.0, "variable_share": 0.12, "marketing": 4680.0, "cash": 60_000.0, "reserve": 20_000.0,
        "market": 12_000.0, "hiring_cost": 4000.0, "written_off": 0.04, "spending": Spending(1100.0, 1850.0, 740.0),
    }  # fmt: skip
    return Practice(**{**fields, **other})  # type: ignore[arg-type]
