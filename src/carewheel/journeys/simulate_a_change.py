"""A change tried in the simulated clinic of a place, what it is worth a month, and the plan by which it would be judged."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date

from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.journeys.look_at_the_wheel import Looked, look
from carewheel.journeys.work_a_plan import default_start, propose
from carewheel.science.causal import Belief, CannotTell
from carewheel.spokes.operations.contracts import Chance
from carewheel.spokes.operations.contracts_simulation import SimulationReport, SimulationWish
from carewheel.spokes.operations.queries_template import simulated_change
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.plans import Plan, Proposal
from carewheel.wheel.verification import beliefs

NO_SHOWS, WAITS, REVENUE = "operations.no_show_rate", "operations.wait_minutes", "finance.revenue_per_visit"
TEMPLATE = "template"
# What a play is here: by which measure it would be judged. New times are a part of F2, predictive scheduling and patient flow.
JUDGED_BY = {"Q2": ("Q2", NO_SHOWS), "F2": ("F2", NO_SHOWS), TEMPLATE: ("F2", WAITS)}
Z90 = 1.645


@dataclass(frozen=True, slots=True)
class SimulatedChange:
    """``play``, ``measure``: what a plan would be of and judged by; ``needs``: plays that must stand before; ``believed``: where the effect comes from, "" where it
    is worked out; ``verification``: how the catalog would verify the play; ``money_a_month``: revenue of the visits kept, None where no visit more is kept or
    money is unknown; ``command``: what proposes the plan; ``plan``: its name, "" where nobody asked for it."""

    change: str
    report: SimulationReport
    play: str
    measure: str
    needs: tuple[str, ...]
    believed: str
    verification: str
    money_a_month: Chance | None
    currency: str
    command: str
    plan: str


def simulate_a_change(
    workspace: Workspace,
    today: date,
    as_of: date | None,
    change: str,
    wish: SimulationWish,
    proposing: bool = False,
) -> SimulatedChange:
    """``change``: "Q2", "F2" or "template". ``proposing``: write the plan down as well.

    Raises `NothingToTurn` where nothing with a date was read, `CannotTell` where too little is known or the change is none of these,
    `PlanRefused` as `work_a_plan.propose`.
    """
    if change not in JUDGED_BY:
        raise CannotTell("change", {"change": change}, f"give one of: {', '.join(JUDGED_BY)}")
    looked = look(workspace, today, as_of)
    play, measure = JUDGED_BY[change]
    ratio, believed = (None, "") if change == TEMPLATE else _believed(looked, play)
    asked = replace(wish, change="template" if change == TEMPLATE else "missed", missed_ratio=ratio)
    with closing(workspace.connect(looked.sources)) as connection:
        report = simulated_change(connection, looked.as_of, asked)
    command = f"carewheel wheel plan propose {play} --place {report.location} --measure {measure}"
    plan = _proposed(looked, play, measure, report.location, today).id if proposing else ""
    return SimulatedChange(
        change, report, play, measure, play_guesses()[play].needs, believed, plays()[play].verification, _money(looked, report),
        looked.currency, command, plan,
    )  # fmt: skip


def _believed(looked: Looked, play: str) -> tuple[Chance, str]:
    """What is left of today's missed visits, as it is believed after this practice's own verdicts, and where that comes from."""
    move = next(move for move in play_guesses()[play].moves if move.what == NO_SHOWS)
    own = beliefs(looked.standing.verdicts).get((play, NO_SHOWS))
    now = own or Belief(move.mean, move.sd)
    source = "your own verdicts and the guess of the catalog" if own else play_guesses()[play].source
    low, high = (min(max(now.mean + z * now.sd, 0.0), 1.5) for z in (-Z90, Z90))
    return Chance(now.mean, low, high), source


def _money(looked: Looked, report: SimulationReport) -> Chance | None:
    """Revenue a month of the visits kept; both ends of what is uncertain, independent, put together."""
    visits, result = report.visits_a_month, looked.result(REVENUE)
    if result is None or not looked.currency or visits.low == visits.high == 0:
        return None
    each = result.by_location.get(report.location, result.total)
    if each.value is None:
        return None
    price = float(each.value)
    value = visits.value * price
    spread = 0.0
    if each.low is not None and each.high is not None and price:
        spread = max(each.high - price, price - each.low) / price

    def end(of_visits: float) -> float:
        return math.hypot(of_visits * price, value * spread)

    return Chance(value, value - end(visits.value - visits.low), value + end(visits.high - visits.value))


def _proposed(looked: Looked, play: str, measure: str, place: str, today: date) -> Plan:
    start = default_start(looked.plans_on)
    return propose(looked, Proposal(play, {place: start}, measure, currency=looked.currency), today)
