"""The present of a practice in real units, as the stock-and-flow model needs it: one mean place, a month at the end of the last year.

What the measures say is taken from them, at the level that they have reached at the end (`level`), and with the growth that is under
way: patients leave as the balance of those who are active says, and what the team can offer follows demand as it did in the last
year. What no export says (cash on hand, how large the market is) is assumed, and each such number is listed in words, so that a
reader sees what a worth in money rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from carewheel.catalog.links import link_scales, links
from carewheel.catalog.measures import measures
from carewheel.science.flywheel.practice_model import Link, Practice, Scale, Spending, Timing
from carewheel.science.flywheel.practice_model.practice import NEEDED
from carewheel.wheel.measured import Measured

MONTHS = 12
# Categories of the books by the words in them; what is none of these does not change with the number of visits.
PAY_WORDS = ("pay", "wage", "salar", "staff", "personnel")
VARIABLE_WORDS = ("suppl", "lab", "material", "fee", "other")
# No study: shares and sizes where the facts say nothing.
ASSUMED_RETENTION = 0.85
ASSUMED_VARIABLE_SHARE = 0.15
ASSUMED_TURNOVER = 0.05
ASSUMED_ADVOCATES = 0.3
MARKET_TO_PATIENTS = 20.0
MONTHS_OF_CASH = 2.0
MONTHS_OF_RESERVE = 1.0
# Of all patients at least so many leave in a year, whatever a balance says.
LEAST_LEAVING = 0.03
# A year whose visits grew or shrank by less does not tell how what can be offered follows demand.
TELLING_GROWTH = 0.05
# A change counts as far as it stands out of its own error; intervals are at 90 %.
Z = 1.6449
# Filling a post costs 21 % of a year's pay: CAP 2012, see `data/links.toml` and the wheel's sources.
HIRING_SHARE_OF_PAY = 0.21


@dataclass(frozen=True, slots=True)
class Present:
    """One mean place of a practice. ``assumed``: what its facts do not say, in words. ``places``: how many there are."""

    practice: Practice
    places: int
    currency: str
    assumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why a practice's money cannot be modelled: the measures that are missing, by title."""

    titles: tuple[str, ...]

    @property
    def why(self) -> str:
        return f"Worth in money needs {_listed(self.titles)}, not measured yet."


def present(measured: Mapping[str, Measured]) -> Present | Lacking:
    """The mean place of a practice, from its measures by card id; `Lacking` where a number that matters is not there."""
    needed = (*NEEDED, "finance.collections", "growth.active_patients")
    missing = [name for name in needed if measured[name].value is None]
    if missing:
        return Lacking(tuple(measures()[name].title.lower() for name in missing))
    if (measured["finance.collections"].value or 0.0) <= 0:
        return Lacking(("collections above nought",))
    result = measured["operations.kept_visits"].result
    assert result is not None
    places = max(sum(value.value is not None for value in result.by_location.values()), 1)
    money = measured["finance.collections"].result
    assert money is not None
    assumed: list[str] = []

    def monthly(name: str) -> float | None:
        m = measured[name]
        now = level(m)
        if now is None or m.result is None:
            return None
        months = m.result.months_covered if m.card.window == "sum12" else 1
        return now / places / max(months, 1)

    def known(name: str, otherwise: float, words: str) -> float:
        value = level(measured[name])
        if value is None:
            assumed.append(words)
        return otherwise if value is None else value

    collections, active = monthly("finance.collections"), monthly("growth.active_patients")
    assert collections is not None
    assert active is not None
    values = {}
    for name in link_scales():
        value = level(measured[name])
        if value is not None:
            per_month = (
                measures()[name].reference is None
            )  # counts and sums have a scale for each place and month
            values[name] = (monthly(name) or 0.0) if per_month else value
    for name in NEEDED:
        values.setdefault(name, level(measured[name]) or 0.0)
    if values["operations.utilisation"] >= 1 - values["operations.no_show_rate"]:
        # The straight line of a year would fill the book beyond its end.
        for name in ("operations.utilisation", "operations.no_show_rate"):
            values[name] = measured[name].value or 0.0
    if values["growth.referral_reproduction"] > values["growth.organic_share"]:
        # Who is sent by patients comes unpaid; the straight lines of the two may cross.
        for name in ("growth.referral_reproduction", "growth.organic_share"):
            values[name] = measured[name].value or 0.0
    if values["people.turnover"] <= 0:
        # Nobody left in a year: a small team is not one that nobody ever leaves.
        values["people.turnover"] = ASSUMED_TURNOVER
        assumed.append(f"{ASSUMED_TURNOVER:.0%} of staff leave in a year (nobody did in the last)")
    payroll, variable, fixed = _costs(
        measured["finance.expenses_by_category"], measured["finance.collections"], places, assumed
    )
    marketing = monthly("growth.marketing_spend")
    if marketing is None:
        values["growth.organic_share"], marketing = 1.0, 0.0
        assumed.append("nothing is spent on marketing (none is on record)")
    headcount = measured["people.headcount"].value
    staff = (headcount or 0.0) / places
    if not staff:
        staff = 1.0
        assumed.append("pay does not change with the number of staff (no staff list)")
    pay = payroll / staff
    retention = known(
        "growth.retention", ASSUMED_RETENTION, f"{ASSUMED_RETENTION:.0%} of patients stay for a year"
    )
    net = known("finance.net_collection", 1.0, "all that is billed is paid")
    assumed += [
        f"cash on hand of {MONTHS_OF_CASH:.0f} months of collections",
        f"{MARKET_TO_PATIENTS:.0f} possible patients for each present one",
    ]
    spending = _spending(measured["finance.investment_by_component"], places)
    return Present(
        Practice(
            measures=values, active_patients=active, advocates=ASSUMED_ADVOCATES * active, retention=min(retention, 0.995),
            staff=staff, pay=pay, fixed_costs=fixed, variable_share=variable, marketing=marketing,
            cash=MONTHS_OF_CASH * collections, reserve=MONTHS_OF_RESERVE * collections, market=MARKET_TO_PATIENTS * active,
            hiring_cost=HIRING_SHARE_OF_PAY * 12 * pay, written_off=min(max(1 - net, 0.0), 0.5), spending=spending,
            leaving=_balance(measured["growth.active_patients"], measured["growth.new_patients"]),
            timing=Timing(hours_follow=_hours_follow(measured)),
        ),
        places, money.currency, tuple(assumed),
    )  # fmt: skip


def level(m: Measured) -> float | None:
    """A measure at the end of its year: a window of twelve months tells how it was in its middle, half a year ago.

    The half of a year's change counts by the part of it that its own error leaves (positive-part Stein: 1 - (error / change)^2); one
    that is counted, not sampled, counts whole. Sums move by their relative change, at most by half.
    """
    if m.value is None or m.result is None or m.card.window == "point":
        return m.value
    change = m.result.relative_change_per_year if m.card.reference is None else m.result.change_per_year
    if change is None or change.status != "ok" or not change.value:
        return m.value
    error = 0.0 if change.low is None or change.high is None else (change.high - change.low) / (2 * Z)
    half = change.value / 2 * max(1 - (error / change.value) ** 2, 0.0)
    if m.card.reference is None:
        return m.value * (1 + min(max(half, -0.5), 0.5))
    # Only points can be below nought.
    least = m.card.least if m.card.unit == "points" else max(m.card.least, 0.0)
    return min(max(m.value + half, least), m.card.most, 1.0 if m.card.unit == "share" else inf)


def _balance(active: Measured, new: Measured) -> float | None:
    """Patients who leave in a year, a patient, from the balance of the last one: newcomers less the growth of those who are active.

    None where a year is not known at both its ends. A share of last year's patients who came again counts everybody as lost who comes
    each 13 months; the balance does not, and the patients of the model grow as those of the practice did.
    """
    if active.value is None or active.change is None or new.value is None or new.result is None:
        return None
    during = active.value - active.change / 2
    if new.result.months_covered < MONTHS or during <= 0:
        return None
    return min(max((new.value - active.change) / during, LEAST_LEAVING), 1.0)


def _hours_follow(measured: Mapping[str, Measured]) -> float:
    """Per cent more that the same people offer for one per cent more that is wanted: what the last year's use of the open hours tells
    beyond the seats that are taken to follow. Nothing where visits hardly changed."""
    visits, use = (measured[name] for name in ("operations.kept_visits", "operations.utilisation"))
    grown, fuller = visits.relative_change, use.relative_change
    if grown is None or fuller is None or abs(grown) < TELLING_GROWTH:
        return 0.0
    return max(min(1 - fuller / grown, 1.0) - Timing().staffing_follows, 0.0)


def _costs(
    expenses: Measured, money: Measured, places: int, assumed: list[str]
) -> tuple[float, float, float]:
    """Pay of the whole team, variable share of collections, fixed costs; a month and place."""
    rows = expenses.result.dimension if expenses.result else ()
    if expenses.value is None or not rows or expenses.result is None:
        assumed.append(
            f"{ASSUMED_VARIABLE_SHARE:.0%} of collections go to supplies and fees (no expenses on record)"
        )
        return 0.0, ASSUMED_VARIABLE_SHARE, 0.0
    months = max(expenses.result.months_covered, 1)
    sums = {"pay": 0.0, "variable": 0.0, "fixed": 0.0}
    for row in rows:
        words = PAY_WORDS, VARIABLE_WORDS
        kind = next(
            (k for k, w in zip(("pay", "variable"), words, strict=True) if any(x in row.label for x in w)),
            "fixed",
        )
        sums[kind] += (row.value.value or 0.0) / places / months
    assert money.value is not None
    assert money.result is not None
    collected = money.value / places / max(money.result.months_covered, 1)
    now = _since_the_middle(expenses)
    return now * sums["pay"], min(sums["variable"] / collected, 0.9), now * sums["fixed"]


def _spending(invested: Measured, places: int) -> Spending:
    """What is put into staff, technology and amenities, a month and place."""
    if invested.result is None or invested.value is None:
        return Spending()
    months = max(invested.result.months_covered, 1)
    now = _since_the_middle(invested)
    sums = {row.label: now * (row.value.value or 0.0) / places / months for row in invested.result.dimension}
    return Spending(*(max(sums.get(part, 0.0), 0.0) for part in ("C5", "C6", "C1")))


def _since_the_middle(m: Measured) -> float:
    """How many times the mean of its year a sum is at the end."""
    now = level(m)
    return now / m.value if now is not None and m.value else 1.0


def model_links() -> list[Link]:
    """The arrows of the catalog as the stock-and-flow model takes them."""
    return [Link(link.id, link.from_measure, link.to_measure) for link in links().values()]


def model_scales() -> dict[str, Scale]:
    return {name: Scale(scale.value, scale.sd) for name, scale in link_scales().items()}


def _listed(titles: tuple[str, ...]) -> str:
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
