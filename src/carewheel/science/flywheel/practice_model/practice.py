"""What is put into the model of a practice: its present, its links, its policy, and moves.

Measures have the ids of their cards ("experience.nps"). Money is in any one currency; a month is a twelfth of a year.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from carewheel.science.flywheel.stocks.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Scale:
    """The fixed reference of a measure: ``value`` and standard deviation ``sd``, in the unit of its card."""

    value: float
    sd: float


@dataclass(frozen=True, slots=True)
class Link:
    """A cause and its effect: ``source`` and ``target`` measures; ``months``: mean lag until a change is felt."""

    id: str
    source: str
    target: str
    months: float = 2.0


@dataclass(frozen=True, slots=True)
class Spending:
    """What is put into the wheel at present, money a month: staff (training, pay, well-being), technology, amenities."""

    staff: float = 0.0
    technology: float = 0.0
    amenities: float = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Shares of free cash (-1 to 1, together at most 1) that go into a part on top of its present share of collections.

    The rest stays in the practice. All nought: the present policy. A negative share takes away, at most all of it.
    """

    staff: float = 0.0
    technology: float = 0.0
    amenities: float = 0.0
    marketing: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in months, and shares, that a practice seldom knows of itself. All assumed; give your own where you know.

    ``hiring``: mean vacancy; ``learning``: mean time to full skill; ``newcomer_skill``: of a new member, of 1; ``uptake``:
    of technology; ``advocating``: to become or cease to be an advocate; ``rebooked``: share of missed visits that are made
    up; ``given_up``: visits given up while waiting, a visit held; ``noticing``: until demand is believed; ``staffing_follows``: per cent more seats for one per
    cent more demand; ``hours_follow``: per cent more visits that the same people can offer for it; ``marketing_room``: half-saturation of paid newcomers, in present spends; ``discount``: a year, in the
    definition of lifetime value; ``felt_at_most``: beyond this deviation, in reference standard deviations, a link pushes no more.
    """

    hiring: float = 2.5
    learning: float = 6.0
    newcomer_skill: float = 0.6
    uptake: float = 5.0
    advocating: float = 3.0
    rebooked: float = 0.5
    given_up: float = 0.02
    noticing: float = 3.0
    staffing_follows: float = 0.5
    hours_follow: float = 0.0
    marketing_room: float = 1.0
    discount: float = 0.1
    felt_at_most: float = 2.5


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice (or a mean location of a group) at present, in real units a month.

    ``measures``: present values by id. Those of `NEEDED` must be there; of the others a missing one counts as being at its
    reference, and its links are then worth nothing until somebody measures it.
    ``retention``: share of patients who stay for a year, as lifetime value is counted with it; ``leaving``: patients who leave in a
    year, a patient (None: what ``retention`` says); ``advocates``: patients who send others; ``word_share``: share of
    new patients whom patients sent; ``staff``: people; ``pay``: cost of one a month; ``fixed_costs``; ``variable_share`` of
    collections; ``marketing``: spend a month; ``hiring_cost`` of one person; ``cash``: on hand; ``reserve``: below it,
    or below the cash of now if that is less, discretionary spending shrinks, to nothing when all of it is gone (at least a
    month of spending); ``market``: people who could be patients; ``written_off``: share of
    billed revenue; ``spending`` at
    present; None: the shares of free cash that ``policy`` says, nothing where there is none; ``drawn``: taken out by the owners a month (None: what is earned at present).
    """

    measures: Mapping[str, float]
    active_patients: float
    advocates: float
    retention: float
    staff: float
    pay: float
    fixed_costs: float
    variable_share: float
    marketing: float
    cash: float
    reserve: float
    market: float
    hiring_cost: float = 0.0
    written_off: float = 0.0
    spending: Spending | None = None
    policy: Policy = field(default_factory=Policy)
    drawn: float | None = None
    leaving: float | None = None
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True, slots=True)
class Move:
    """A play as a change of one quantity: by ``size`` in its own unit, from ``month`` on, reached after ``ramp`` months.

    ``what``: the id of a measure that is not a mere outcome (see `MOVABLE`), or a lever: "capacity" (visits a month),
    "seats" (people), "marketing" (money a month). Costs: once, spread over the first month, and each month from then on.
    """

    what: str
    size: float
    month: float = 0.0
    ramp: float = 0.0
    cost_once: float = 0.0
    cost_a_month: float = 0.0


NEEDED = (
    "growth.new_patients", "growth.organic_share", "growth.referral_reproduction", "operations.kept_visits",
    "operations.utilisation", "operations.third_next_available", "operations.no_show_rate",
    "finance.revenue_per_visit", "finance.days_in_ar", "people.turnover",
)  # fmt: skip
# Measures that the model works out of its stocks; they are moved by what drives them.
OUTCOMES = (
    "growth.organic_share", "operations.utilisation", "operations.third_next_available", "technology.investment_share",
)  # fmt: skip
LEVERS = ("capacity", "seats", "marketing")
PARTS = ("staff", "technology", "amenities")
# Least and most that a measure can be.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "growth.review_rating": (1.0, 5.0),
    "operations.no_show_rate": (0.0, 0.9),
    "people.turnover": (0.01, 3.0),
    "people.training_hours": (0.0, 2000.0),
    "finance.days_in_ar": (5.0, 365.0),
}
# Carry-over between measures of one part of the wheel, where the arrows begin at another measure than the one they end
# at. Assumed, weak; in reference standard deviations, like the strengths of links.
WITHIN: Mapping[tuple[str, str], float] = {
    ("experience.csat", "experience.nps"): 0.7,
    ("experience.ease", "experience.nps"): 0.2,
    ("experience.nps", "growth.review_rating"): 0.5,
    ("people.engagement", "people.turnover"): -0.3,
    ("people.burnout", "people.turnover"): 0.5,
    ("technology.investment_share", "technology.online_booking"): 0.5,
}


def checked(practice: Practice, scales: Mapping[str, Scale], links: Sequence[Link]) -> dict[str, float]:
    """Present values of all measures that links touch or the model needs, missing ones at their reference.

    Raises `Refusal` (``practice``) for numbers that are missing, not finite, or contradict one another.
    """
    remedy = "Measure it, or correct it."
    present = {name: float(value) for name, value in practice.measures.items()}
    if missing := [name for name in NEEDED if name not in present]:
        raise Refusal("practice", "A number of the practice is missing.", remedy, missing=missing)
    for name in sorted({m for link in links for m in (link.source, link.target)}):
        if name not in scales or not (scales[name].sd > 0 and math.isfinite(scales[name].value)):
            raise Refusal(
                "practice", "A measure of a link has no reference.", "Give its scale.", measure=name
            )
        present.setdefault(name, scales[name].value)
    numbers = {f.name: getattr(practice, f.name) for f in fields(practice)}
    plain = {**{k: v for k, v in numbers.items() if isinstance(v, (int, float))}, **present}
    if wrong := [name for name, value in plain.items() if not math.isfinite(value)]:
        raise Refusal("practice", "A number of the practice is not finite.", remedy, name=wrong[0])
    may_be_negative = ("cash", "drawn", *(m for m in present if m.startswith("experience.")))
    if wrong := [name for name, value in plain.items() if value < 0 and name not in may_be_negative]:
        raise Refusal(
            "practice", "A number of the practice is negative.", remedy, name=wrong[0], value=plain[wrong[0]]
        )
    positive = ("active_patients", "advocates", "staff", "operations.kept_visits", "operations.utilisation",
                "operations.third_next_available", "growth.new_patients", "finance.revenue_per_visit", "finance.days_in_ar",
                "people.turnover", *({"finance.lifetime_value"} & set(practice.measures)))  # fmt: skip
    if wrong := [name for name in positive if not plain[name] > 0]:
        raise Refusal("practice", "A number of the practice must be above nought.", remedy, name=wrong[0])
    shares = ("retention", "variable_share", "written_off", "growth.organic_share", "growth.referral_reproduction",
              "operations.no_show_rate")  # fmt: skip
    if wrong := [
        name for name in shares if not 0 <= plain[name] < 1 + (name == "growth.organic_share") * 1e-9
    ]:
        raise Refusal("practice", "A share of the practice is not between 0 and 1.", remedy, name=wrong[0])
    if not practice.retention > 0:
        raise Refusal("practice", "Nobody stays for a year.", remedy, retention=practice.retention)
    if practice.leaving is not None and practice.leaving > 12:
        raise Refusal(
            "practice",
            "More patients leave in a month than there are.",
            remedy,
            leaving=practice.leaving,
        )
    if (
        present["growth.referral_reproduction"] > present["growth.organic_share"]
        or present["growth.referral_reproduction"] > 0.85
    ):
        raise Refusal("practice", "More newcomers are sent by patients than come unpaid, or nearly all are.", remedy,
                      sent=present["growth.referral_reproduction"], organic=present["growth.organic_share"])  # fmt: skip
    if practice.market <= practice.active_patients:
        raise Refusal(
            "practice", "The market is not larger than the practice.", remedy, market=practice.market
        )
    if practice.marketing == 0 and present["growth.organic_share"] < 1:
        raise Refusal("practice", "Newcomers are paid for, but nothing is spent.", remedy, marketing=0)
    spending = practice.spending or Spending()
    money = {part: getattr(spending, part) for part in PARTS}
    if any(not (math.isfinite(sum_) and sum_ >= 0) for sum_ in money.values()):
        raise Refusal("practice", "Present spending is not negative, and finite.", remedy, **money)
    given = [float(getattr(practice.policy, part)) for part in PARTS]
    if any(not 0 <= share <= 1 for share in given) or sum(given) > 1 + 1e-12:
        raise Refusal(
            "practice", "Present shares of free cash lie between 0 and 1, together at most 1.", remedy
        )
    return present


def check_policy(policy: Policy, now: Mapping[str, float]) -> None:
    """Raises `Refusal` (``practice``) for shares that cannot be, or whose effect the present spending ``now`` does not tell."""
    shares = {name: getattr(policy, name) for name in (*PARTS, "marketing")}
    if any(not -1 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1 + 1e-12:
        raise Refusal(
            "practice",
            "Shares of free cash lie between -1 and 1, together at most 1.",
            "Correct the policy.",
            **shares,
        )
    for name in ("staff", "amenities", "marketing"):
        if shares[name] > 0 and now[name] == 0:
            raise Refusal("practice", "What this spending does cannot be told from a present without it.",
                          "Model it as a move with an effect of its own.", share=name)  # fmt: skip
