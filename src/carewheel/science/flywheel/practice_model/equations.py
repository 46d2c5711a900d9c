"""The stock-and-flow model of a practice, written out for one practice, its links, a policy and moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carewheel.science.flywheel.practice_model.practice import (
    LEVERS,
    OUTCOMES,
    WITHIN,
    Link,
    Move,
    Policy,
    Practice,
    Scale,
    check_policy,
    checked,
)
from carewheel.science.flywheel.practice_model.present import (
    DAYS,
    Present,
    leaving_a_year,
    newcomers_alone,
    present_of,
)
from carewheel.science.flywheel.practice_model.wiring import Wiring, touched, within_links, word
from carewheel.science.flywheel.stocks import Auxiliary, Constant, Flow, Model, Refusal, Stock, build
from carewheel.science.flywheel.stocks.model import Variable

STOCKS = ("active_patients", "advocates", "backlog", "staff", "skill", "technology", "receivables", "cash")
EARNED, DISCOUNTED = "earned", "earned_discounted"
# Measures whose change is a flow of its own, with the unit that it is added in.
_AS_SHIFT = (
    "growth.new_patients",
    "operations.kept_visits",
    "finance.collections",
    "finance.lifetime_value",
    "growth.acquisition_cost",
)


@dataclass(frozen=True)
class PracticeModel:
    """A built ``model``; names of the constants that hold each link's strength and how much stronger it is made.

    ``measures``: by measure id, the name of its value in the model; ``months``: length of a run.
    """

    model: Model
    strengths: Mapping[str, str]
    stronger: Mapping[str, str]
    measures: Mapping[str, str]
    months: int
    now: Present
    present: Mapping[str, float]


def practice_model(
    practice: Practice,
    scales: Mapping[str, Scale],
    links: Sequence[Link],
    *,
    within: Mapping[tuple[str, str], float] = WITHIN,
    policy: Policy | None = None,
    moves: Sequence[Move] = (),
    months: int = 24,
    steps_a_month: int = 16,
    discount_a_year: float = 0.08,
) -> PracticeModel:
    """Write the model of a practice. Strengths are given when it is run; those of `within` stand in it as they are.

    Raises `Refusal`: ``practice`` (numbers missing or contradicting), ``move`` (of an outcome or of what is unknown).
    """
    every = [
        *links,
        *(link for link in within_links(within) if link.source in scales and link.target in scales),
    ]
    if double := [link.id for i, link in enumerate(every) if link.id in {other.id for other in every[:i]}]:
        raise Refusal("duplicate", "Two links have one id.", "Give each its own.", link=double[0])
    m = checked(practice, scales, every)
    policy = policy or Policy()
    now = present_of(practice, m)
    check_policy(policy, {**now.spent, "marketing": practice.marketing})
    m |= {"finance.collections": now.collected, "technology.investment_share": now.invested / now.collected}
    if "finance.lifetime_value" not in practice.measures:
        yearly = 12 * now.collected / practice.active_patients
        m["finance.lifetime_value"] = (
            yearly
            * (1 + practice.timing.discount)
            / (practice.timing.discount - math.log(practice.retention))
        )
    used = {**scales}
    for name in (*touched(every), *_AS_SHIFT, "people.turnover", "operations.no_show_rate", "finance.days_in_ar", "finance.revenue_per_visit",
                 "growth.referral_reproduction", "people.training_hours", "technology.online_booking", "technology.investment_share"):  # fmt: skip
        m.setdefault(name, scales[name].value if name in scales else 0.0)
        used.setdefault(name, Scale(m[name], 1.0))
    wiring = Wiring(m, used, practice.timing.felt_at_most)
    _wire(wiring, practice, every, within, now)
    _add_moves(wiring, moves)
    variables = [*_patients(wiring, practice, now), *_visits(wiring, practice, now), *_team(wiring, practice, now),
                 *_money(wiring, practice, now, policy, moves, discount_a_year)]  # fmt: skip
    gaps = _gaps(wiring, every, {v.name for v in variables})
    model = build(
        "practice", [*variables, *gaps, *wiring.variables], start=0, stop=months, dt=1 / steps_a_month
    )
    measures = {name: word(name) for name in m if word(name) in model.names}
    return PracticeModel(model, wiring.strengths, wiring.stronger, measures, months, now, dict(m))


# How each measure that the stocks make is read as a deviation from its reference.
_MADE = ("growth.new_patients", "growth.organic_share", "operations.utilisation", "operations.third_next_available", "operations.kept_visits",
         "finance.collections", "technology.investment_share", "technology.online_booking", "growth.referral_reproduction",
         "growth.acquisition_cost", "finance.lifetime_value")  # fmt: skip
_SPENT = {"people.engagement": ("staff", "staff_money"), "experience.csat": ("amenities", "amenities_money")}


def _wire(
    wiring: Wiring,
    practice: Practice,
    every: Sequence[Link],
    within: Mapping[tuple[str, str], float],
    now: Present,
) -> None:
    fixed = {
        (link.source, link.target): strength
        for link, strength in zip(within_links(within), within.values(), strict=True)
    }
    for link in every:
        strength = fixed.get((link.source, link.target), 0.0) if "~" in link.id else 0.0
        scale = wiring.scales[link.source]
        key, beyond = word(link.source), ""
        made = f"({word(link.source)} * {1 / scale.sd!r} - {scale.value / scale.sd!r})"
        deviation = made if link.source in _MADE else f"gap_{key}"
        if link.source == "finance.collections" and link.target in _SPENT:
            part, key = _SPENT[link.target]
            spent = now.spent[part]
            # Other spending than usual is felt as the free cash that would have brought it at the present ratio.
            if spent > 0:
                cash = max(now.free, now.invested)
                deviation = (
                    f"{made} + ({key} / {spent!r} - collections / {now.collected!r}) * {cash / scale.sd!r}"
                )
        if link.source == "growth.new_patients" and link.target == "finance.collections":
            beyond = "newcomers_alone"
            alone = newcomers_alone(practice, wiring.present, now, scale.sd, wiring.scales[link.target].sd)
            wiring.variables.append(
                Constant(beyond, alone, "sd/sd", "strength that newcomers bring by their own visits")
            )
        wiring.connect(link, strength, key, deviation, beyond)


def _add_moves(wiring: Wiring, moves: Sequence[Move]) -> None:
    for number, move in enumerate(moves, 1):
        numbers = (move.size, move.month, move.ramp, move.cost_once, move.cost_a_month)
        if not all(math.isfinite(x) for x in numbers) or move.month < 0 or move.ramp < 0:
            raise Refusal(
                "move",
                "A move has a number that cannot be.",
                "Months are not negative, all is finite.",
                what=move.what,
            )
        if move.what in OUTCOMES:
            raise Refusal(
                "move", "This measure is an outcome of the stocks.", "Move what drives it.", what=move.what
            )
        if move.what in LEVERS:
            wiring.move(number, move, move.what, 1.0)
        elif move.what in wiring.scales:
            wiring.move(number, move, move.what, wiring.scales[move.what].sd)
        else:
            raise Refusal(
                "move",
                "A move of what the model does not have.",
                "Name a measure of a link, or a lever.",
                what=move.what,
            )


def _gaps(wiring: Wiring, every: Sequence[Link], own: set[str]) -> list[Variable]:
    """Deviations of the sources that no stock makes; and defines the values of all measures at ends of links."""
    soft = [name for name in dict.fromkeys(link.source for link in every) if name not in _MADE]
    found: list[Variable] = [
        Auxiliary(f"gap_{word(name)}", wiring.deviation(name), "sd", f"{name}: deviation from its reference")
        for name in soft
    ]
    for name in touched(every):
        if word(name) not in own:
            wiring.measure(name)
    return found


def _patients(w: Wiring, p: Practice, now: Present) -> list[Variable]:
    m, t = w.present, p.timing
    new, sent, organic = (
        m["growth.new_patients"],
        m["growth.referral_reproduction"],
        m["growth.organic_share"],
    )
    online = m["technology.online_booking"]
    gone, counted, value = leaving_a_year(p), -math.log(p.retention), m["finance.lifetime_value"]
    spread = f"({word('finance.lifetime_value')} * {1 / value!r})"
    rate = f"min(max({sent!r} + {w.changed('growth.referral_reproduction')}, 0), 0.9)"
    odds = sent / (1 - sent)
    eager = "1" if sent == 0 else f"sending / (1 - sending) * {1 / odds!r}"
    return [
        Stock("active_patients", p.active_patients, ("joining",), ("leaving",), "patients", "people who come here"),
        Flow("joining", "new_patients", "patients/month", "new patients"),
        Flow("leaving", "active_patients * leaving_a_year / 12", "patients/month", "patients who do not come back"),
        Auxiliary("leaving_a_year", f"max({counted + t.discount!r} / {spread} + {gone - counted - t.discount!r}, 0)", "1/year",
                  "(a + d) V is constant, a by retention: what raises lifetime value by staying lowers leaving"),
        Auxiliary("lifetime_value", f"max({value!r} + {w.changed('finance.lifetime_value')}, {value / 4!r})",
                  "money", "finance.lifetime_value"),
        Stock("advocates", p.advocates, ("recruiting",), ("lapsing",), "people", "patients who send others"),
        Flow("recruiting", f"active_patients * {p.advocates / p.active_patients / t.advocating!r} * eagerness", "people/month", "patients who become advocates"),
        Flow("lapsing", f"advocates / {t.advocating!r}", "people/month", "advocates who cease to be"),
        Auxiliary("sending", rate, "1", "share of newcomers whom patients would send, all else as at present"),
        Auxiliary("eagerness", eager, "1", "how much more than at present patients send others"),
        Auxiliary("referred", f"advocates * {new * sent / p.advocates!r}", "patients/month", "sent by patients"),
        Auxiliary("found", new * (organic - sent), "patients/month", "came unpaid, sent by nobody here"),
        Auxiliary("paid", _paid(p, new * (1 - organic)), "patients/month", "won by marketing, with saturation"),
        Auxiliary("room", f"max((market - active_patients) / {p.market - p.active_patients!r}, 0)", "1", "part of the market left, against the present"),
        Constant("market", p.market, "patients", "people who could be patients"),
        Auxiliary("new_patients", f"max((referred + found + paid) * room + {w.changed('growth.new_patients')}, 0)",
                  "patients/month", "growth.new_patients"),
        Auxiliary("organic_share", f"1 - paid * room / max(new_patients, {new / 100!r})", "1", "growth.organic_share"),
        Auxiliary("referral_reproduction", f"referred * room / max(new_patients, {new / 100!r})", "1", "growth.referral_reproduction"),
        Stock("technology", m["technology.online_booking"], ("uptake",), ("falling_away",), "share", "technology in use: share of bookings online"),
        Flow("uptake", f"online_booking_wish / {t.uptake!r}", "share/month", "use taken up"),
        Auxiliary("online_booking_wish", f"min(max({online!r} + {w.changed('technology.online_booking')}, {min(0.005, online)!r}), {max(0.95, online)!r})", "share", "where use tends to"),
        Auxiliary("online_booking", "technology", "share", "technology.online_booking"),
        Flow("falling_away", f"technology / {t.uptake!r}", "share/month", "use that falls away"),
    ]  # fmt: skip


def _paid(p: Practice, paid: float) -> str:
    if paid <= 0 or p.marketing == 0:
        return "0"
    room, spend = p.timing.marketing_room, f"(intended_marketing / {p.marketing!r})"
    return f"{paid * (1 + room)!r} * {spend} / ({spend} + {room!r})"


def _visits(w: Wiring, p: Practice, now: Present) -> list[Variable]:
    m, t = w.present, p.timing
    lost = w.scales["operations.kept_visits"].sd / (1 - m["operations.no_show_rate"])
    missed = w.measure("operations.no_show_rate")
    return [
        Stock("backlog", now.backlog, ("wanting", "rebooking", "turned_away"), ("seeing", "giving_up"), "visits", "visits wanted and not yet due"),
        Flow("wanting", f"active_patients * {now.wanted_per_patient!r} + new_patients", "visits/month", "visits asked for"),
        Flow("rebooking", f"seeing * {missed} * {t.rebooked!r}", "visits/month", "missed visits booked again"),
        Flow("turned_away", w.linear("operations.kept_visits", 0.0, lost), "visits/month",
             "visits gained (above nought) or lost against the present through links to kept visits"),
        Flow("seeing", f"capacity * backlog / (backlog + {now.access!r} * capacity)", "visits/month", "slots used; those who miss included"),
        Flow("giving_up", f"{now.giving_up / now.backlog / (now.backlog / now.slots)!r} * backlog * wait", "visits/month", "given up while waiting"),
        Auxiliary("wait", f"backlog / capacity + {now.access!r}", "month", "from wish to visit"),
        Auxiliary("capacity", _capacity(w, t.hours_follow, now), "visits/month", "slots that the team can offer"),
        Auxiliary("kept_visits", f"seeing * (1 - {missed})", "visits/month", "operations.kept_visits"),
        Auxiliary("utilisation", f"{m['operations.utilisation'] * now.capacity / m['operations.kept_visits']!r} * kept_visits / capacity", "1", "operations.utilisation"),
        Auxiliary("third_next_available", f"{m['operations.third_next_available'] / (now.backlog / now.slots)!r} * wait", "days", "operations.third_next_available"),
    ]  # fmt: skip


def _capacity(w: Wiring, follows: float, now: Present) -> str:
    own, moved = f"{now.capacity / now.skill!r} * skill", w.moved("capacity")
    if follows > 0:
        own += f" * (1 + {follows!r} * (demand_seen / {now.wanting!r} - 1))"
    return own if moved == "0" else f"max({own} + {moved}, {now.capacity / 100!r})"


def _team(w: Wiring, p: Practice, now: Present) -> list[Variable]:
    m, t = w.present, p.timing
    hours = m["people.training_hours"]
    study = f"{w.measure('people.training_hours')} / {hours!r}" if hours > 0 else "1"
    return [
        Stock("staff", p.staff, ("hiring",), ("quitting",), "people", "people at work"),
        Flow("hiring", f"max(seats - staff, 0) / {t.hiring!r}", "people/month", "vacancies filled"),
        Flow("quitting", f"staff * ({w.measure('people.turnover')} / 12)", "people/month", "people who leave"),
        Auxiliary("demand_seen", f"smooth1(wanting, {t.noticing!r}, {now.wanting!r})", "visits/month", "demand as those see it who open posts"),
        Auxiliary("seats", f"{now.seats!r} * (1 + {t.staffing_follows!r} * (demand_seen / {now.wanting!r} - 1)) + {w.moved('seats')}", "people", "posts"),
        Stock("skill", now.skill, ("bringing", "learning"), ("skill_lost",), "skilled people", "staff, weighted by skill"),
        Flow("bringing", f"hiring * {t.newcomer_skill!r}", "skilled people/month", "skill that newcomers bring"),
        Flow("learning", f"(staff - skill) / {t.learning!r} * ({study})", "skilled people/month", "skill grown at work and by training"),
        Flow("skill_lost", f"skill * ({w.measure('people.turnover')} / 12)", "skilled people/month", "skill that leaves"),
    ]  # fmt: skip


def _spending(p: Practice, now: Present, part: str, changed: str = "0") -> str:
    """The present share of collections (with what its link changes in it), and a share of free cash as the policy says; both
    shrink with the brake."""
    share = now.spent[part] / now.collected
    return f"max(collecting * ({share!r} + {changed}) * brake + share_{part} * to_share, 0)"


def _money(
    w: Wiring, p: Practice, now: Present, policy: Policy, moves: Sequence[Move], discount_a_year: float
) -> list[Variable]:
    m = w.present
    price = w.measure("finance.revenue_per_visit")
    extra = w.linear(
        "finance.collections", 0.0, w.scales["finance.collections"].sd / m["operations.kept_visits"]
    )
    brake = f"min(max((cash - {now.bottom!r}) / {now.reserve!r}, 0), 1)" if now.reserve > 0 else "1"
    costs = ["0"]
    for move in moves:
        until = move.month + 1
        costs.append(
            f"(if time >= {move.month!r} and time < {until!r} then {move.cost_once!r} else 0) + (if time >= {move.month!r} then {move.cost_a_month!r} else 0)"
        )
    rate = math.log1p(discount_a_year) / 12
    spent = "payroll + variable_costs + running + recruitment + marketing + staff_money + technology_money + amenities_money + plays"
    return [
        Stock("receivables", now.receivables, ("billing",), ("collecting", "writing_off"), "money", "billed, not yet paid"),
        Flow("billing", f"kept_visits * max({price} + {extra}, 0) / {1 - p.written_off!r}", "money/month", "billed, at what payers agree to"),
        Auxiliary("paid_out", f"receivables * {DAYS!r} / {w.measure('finance.days_in_ar')}", "money/month", "receivables that are settled"),
        Flow("collecting", f"paid_out * {1 - p.written_off!r}", "money/month", "finance.collections"),
        Flow("writing_off", f"paid_out * {p.written_off!r}", "money/month", "given up"),
        Auxiliary("collections", "collecting", "money/month", "finance.collections"),
        Stock("cash", p.cash, ("collecting",), ("payroll", "variable_costs", "running", "recruitment", "marketing", "staff_money", "technology_money", "amenities_money", "plays", "drawing"), "money", "on hand"),
        Flow("payroll", f"staff * {p.pay!r}", "money/month", "pay"),
        Flow("variable_costs", f"collecting * {p.variable_share!r}", "money/month", "supplies, laboratory, fees"),
        Flow("running", p.fixed_costs, "money/month", "rent and other fixed costs"),
        Flow("recruitment", f"hiring * {p.hiring_cost!r}", "money/month", "cost of hiring"),
        Auxiliary("free_cash", f"max(collecting - payroll - variable_costs - running - recruitment - {p.marketing!r}, 0)", "money/month", "what policy shares out"),
        Auxiliary("brake", brake, "1", "1 with the reserve in hand, less below it"),
        Auxiliary("to_share", "free_cash * brake", "money/month", "free cash that may be spent"),
        Auxiliary("intended_marketing", f"max({p.marketing!r} + to_share * share_marketing + {w.moved('marketing')}, 0)", "money/month", "spend that wins patients"),
        Flow("marketing", f"max(intended_marketing + {w.changed('growth.acquisition_cost')} * new_patients, 0)", "money/month", "spend, less what unpaid growth saves"),
        Auxiliary("acquisition_cost", f"marketing / max(new_patients, {m['growth.new_patients'] / 100!r})", "money", "growth.acquisition_cost"),
        Flow("staff_money", _spending(p, now, "staff"), "money/month", "training, pay, well-being"),
        Flow("technology_money", _spending(p, now, "technology", w.changed("technology.investment_share")), "money/month", "technology and equipment"),
        Flow("amenities_money", _spending(p, now, "amenities"), "money/month", "rooms and comfort"),
        Auxiliary("investment_share", "(staff_money + technology_money + amenities_money) / collecting", "1", "technology.investment_share"),
        *(Constant(f"share_{name}", getattr(policy, name), "1", f"share of free cash for {name}") for name in ("staff", "technology", "amenities", "marketing")),
        Flow("plays", " + ".join(costs), "money/month", "cost of moves"),
        Flow("drawing", now.drawn, "money/month", "taken out by the owners"),
        Auxiliary("net_cash", f"collecting - ({spent})", "money/month", "before what owners take out"),
        Stock(EARNED, 0.0, ("earning",), (), "money", "net cash so far"),
        Flow("earning", "net_cash", "money/month", "counter of net cash"),
        Stock(DISCOUNTED, 0.0, ("earning_discounted",), (), "money", "net cash so far, discounted to the start"),
        Flow("earning_discounted", f"net_cash * exp(-{rate!r} * time)", "money/month", "counter of discounted net cash"),
    ]  # fmt: skip
