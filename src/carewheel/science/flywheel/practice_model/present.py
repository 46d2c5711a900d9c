"""What follows from the present numbers of a practice: the rates and stocks with which the model stands still."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from carewheel.science.flywheel.practice_model.practice import PARTS, Practice
from carewheel.science.flywheel.stocks import Refusal

DAYS = 30.4375  # a month


@dataclass(frozen=True, slots=True)
class Present:
    """Derived numbers, a month. ``slots``: visits booked and due; ``capacity``: slots; ``access``: months from wish to
    visit in an empty book; ``free``: cash after running costs and present marketing; ``spent`` by part, ``invested`` in
    all; ``net``: after it."""

    slots: float
    capacity: float
    backlog: float
    access: float
    giving_up: float
    wanted_per_patient: float
    wanting: float
    skill: float
    seats: float
    leaving: float
    billed: float
    receivables: float
    collected: float
    free: float
    spent: Mapping[str, float]
    invested: float
    reserve: float
    bottom: float
    net: float
    drawn: float


def present_of(practice: Practice, m: Mapping[str, float]) -> Present:
    """Work out the present from measures ``m``.

    A book is seen as one line: slots used = capacity B / (B + access capacity), the steady state of an M/M/1 queue, so that
    the wait is access / (1 - fill). (Rider 1976, J ACM 23:123; Tipper & Sundareshan 1990, IEEE JSAC 8:1695.)

    Raises `Refusal` (``practice``) where the numbers contradict one another.
    """
    t, kept, missed = practice.timing, m["operations.kept_visits"], m["operations.no_show_rate"]
    slots = kept / (1 - missed)
    fill = m["operations.utilisation"] / (1 - missed)
    if not 0 < fill < 1:
        raise Refusal(
            "practice", "The book is more than full: utilisation / (1 - missed share) must be below 1.",
            "Check utilisation, missed visits, and open hours.", fill=round(fill, 4),
        )  # fmt: skip
    capacity, wait = slots / fill, m["operations.third_next_available"] / DAYS
    giving_up = t.given_up * slots
    wanting = slots * (1 - missed * t.rebooked) + giving_up
    wanted = (wanting - m["growth.new_patients"]) / practice.active_patients
    if wanted <= 0:
        raise Refusal("practice", "There are more new patients than visits.", "Check both.", visits=kept)
    leaving = m["people.turnover"] / 12
    hires = leaving * practice.staff
    skill = (hires * t.newcomer_skill + practice.staff / t.learning) / (1 / t.learning + leaving)
    collected = kept * m["finance.revenue_per_visit"]
    billed = collected / (1 - practice.written_off)
    running = (
        practice.staff * practice.pay
        + practice.variable_share * collected
        + practice.fixed_costs
        + hires * practice.hiring_cost
    )
    free = max(collected - running - practice.marketing, 0.0)
    known = practice.spending
    spent = {part: getattr(known, part) if known else getattr(practice.policy, part) * free for part in PARTS}
    invested = sum(spent.values())
    net = collected - running - practice.marketing - invested
    # At least a month of what may be spent, or spending would follow cash faster than a step.
    reserve = (
        max(min(practice.reserve, practice.cash), free, invested, 0.01 * collected)
        if practice.reserve > 0
        else 0.0
    )
    return Present(
        slots=slots, capacity=capacity, backlog=slots * wait, access=wait * (1 - fill), giving_up=giving_up,
        wanted_per_patient=wanted, wanting=wanting, skill=skill, seats=practice.staff + hires * t.hiring, leaving=leaving,
        billed=billed, receivables=billed * m["finance.days_in_ar"] / DAYS, collected=collected, free=free,
        spent=spent, invested=invested, reserve=reserve, bottom=min(practice.reserve, practice.cash) - reserve, net=net, drawn=max(net, 0.0) if practice.drawn is None else practice.drawn,
    )  # fmt: skip


def leaving_a_year(practice: Practice) -> float:
    """Patients who leave in a year, a patient: as told, or as retention says."""
    return -math.log(practice.retention) if practice.leaving is None else practice.leaving


def newcomers_alone(
    practice: Practice, m: Mapping[str, float], now: Present, sd_new: float, sd_money: float
) -> float:
    """The strength of "new patients bring collections" that the stocks already do: extra newcomers, held for 12 months,
    come for a first visit and then as often as others, some leave again; reference sd per reference sd."""
    gone = leaving_a_year(practice) / 12
    pile = (1 - math.exp(-12 * gone)) / gone if gone > 0 else 12.0
    visits = (1 + pile * now.wanted_per_patient) * m["operations.kept_visits"] / now.wanting
    return sd_new * visits * m["finance.revenue_per_visit"] / sd_money
