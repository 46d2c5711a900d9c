"""The gate before money is spent: what a purchase is worth, how sure that is, what it hangs on, and what patients have of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.links import link_scales, links
from carewheel.catalog.measures import measures
from carewheel.science.finance import Appraisal, Swing, appraised, npv
from carewheel.science.refusal import CannotTell
from carewheel.wheel.investments.case import ADOPTION, DOWNTIME, EFFECT, PRICE, TRAINING, UPKEEP, UPTAKE, Case
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.numbers import about, number
from carewheel.wheel.swings import HIGH, LOW, range_of, swings

Floats = NDArray[np.float64]
# What patients notice: by the id of the measure.
PATIENTS = ("operations.third_next_available", "operations.wait_minutes", "operations.no_show_rate", "experience.nps",
            "experience.csat", "experience.ease")  # fmt: skip
VISITS = "operations.kept_visits"
# Worse by more than this part of a reference standard deviation counts as harm, not as chance of the arithmetic.
HARM = 0.05
FIGURE_WORDS = {PRICE: "Price", TRAINING: "Training", UPKEEP: "Upkeep a month", DOWNTIME: "Visits lost at the start",
                UPTAKE: "Months until full use", ADOPTION: "Share of full use that is reached"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Benefit:
    """What changes for patients in ``measure`` after a year (or at the end, if that is sooner) and at the end: low, middle, high.

    For visits: how many more are served in that time, at all places of the purchase; else the change in the unit of the measure at
    one place. ``better``: the probability that it is for the better at the end.
    """

    measure: str
    title: str
    unit: str
    after_a_year: tuple[float, float, float]
    at_the_end: tuple[float, float, float]
    better: float


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the gate: ``state`` is met, open (somebody has to see to it) or not met; ``why`` in words."""

    what: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """A purchase as it was weighed. ``flows`` (draws, months + 1); ``swings``: the widest first; ``pays_from``: the least share of full
    use at which it is worth nought or more with all else as expected (None: at no use)."""

    case: Case
    flows: Floats
    appraisal: Appraisal
    swings: tuple[Swing, ...]
    benefits: tuple[Benefit, ...]
    pays_from: float | None
    gate: tuple[Condition, ...]

    @property
    def answer(self) -> str:
        """passes, passes on conditions, does not pass."""
        states = {condition.state for condition in self.gate}
        return "does not pass" if "not met" in states else "passes on conditions" if "open" in states else "passes"  # fmt: skip


def weigh(case: Case) -> Weighed:
    """Run the practice with and without the purchase, with the same draws of every arrow in both, and judge the money that flows.

    Raises `PurchaseRefused` (``purchase.figure``) for figures that cannot be.
    """
    strengths = dict(case.learnt.draws)
    count = len(next(iter(strengths.values())))
    figures = case.drawn(count)
    shown = [case.without.measures[name] for name in (VISITS, *PATIENTS) if name in case.without.measures]
    gains, with_it, without = _simulated(case, strengths, figures, shown)
    flows = case.flows(figures, gains)
    appraisal = _appraised(case, flows)
    benefits = _benefits(case, with_it, without)
    pays_from = _pays_from(case)
    return Weighed(
        case, flows, appraisal, tuple(_swings(case)), benefits, pays_from, tuple(_gate(case, appraisal, benefits, pays_from))
    )  # fmt: skip


def _simulated(
    case: Case, strengths: Mapping[str, Floats], figures: Mapping[str, Floats], shown: Sequence[str]
) -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:
    """Gains (draws, months), and the shown variables (months + 1, draws) with and without."""
    return simulated(case, strengths, case.sizes(figures), figures[DOWNTIME], shown)


def simulated(
    case: Case, strengths: Mapping[str, Floats], sizes: Sequence[Floats], downtime: Floats, shown: Sequence[str] = ()
) -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:  # fmt: skip
    """Gains (draws, months), and the variables ``shown`` (months + 1, draws) with and without; draws are shared out over uptakes."""
    count, months = len(downtime), case.described.months
    gains = np.empty((count, months))
    with_it, without = ({name: np.empty((months + 1, count)) for name in shown} for _ in range(2))
    for ramp, mine in case.ramps(count):
        own = {name: draws[mine] for name, draws in strengths.items()}
        before = case.run_without(own, shown)
        after = case.run_with(own, [size[mine] for size in sizes], downtime[mine], ramp, shown)
        gains[mine] = case.gains(after, before)
        for name in shown:
            with_it[name][:, mine], without[name][:, mine] = after[name], before[name]
    return gains, with_it, without


def _appraised(case: Case, flows: Floats) -> Appraisal:
    try:
        return appraised(flows, case.described.rate)
    except CannotTell as reason:
        raise PurchaseRefused("purchase.figure", f"These figures cannot be judged: {reason.code}.", f"{reason.remedy.capitalize()}.") from reason  # fmt: skip


def _benefits(
    case: Case, with_it: Mapping[str, Floats], without: Mapping[str, Floats]
) -> tuple[Benefit, ...]:
    found = []
    months = case.described.months
    year = min(12, months)
    for measure in (VISITS, *PATIENTS):
        if measure not in case.without.measures:
            continue
        name, card = case.without.measures[measure], measures()[measure]
        change = with_it[name] - without[name]
        if measure == VISITS:
            # Visits a month at month ends; their sum over the months.
            change = np.cumsum((change[1:] + change[:-1]) / 2, axis=0) * case.places
            change = np.vstack([np.zeros(change.shape[1]), change])
        good = change[-1] > 0 if card.direction != "down" else change[-1] < 0
        still = np.abs(change[-1]) <= 1e-9
        found.append(
            Benefit(measure, card.title, card.unit, _band(change[year]), _band(change[-1]), float(np.mean(np.where(still, 0.5, good))))
        )  # fmt: skip
    return tuple(found)


def _band(draws: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(draws, (LOW, 0.5, HIGH))
    return float(low), float(middle), float(high)


def _expected(case: Case, count: int) -> dict[str, Floats]:
    return {name: np.full(count, doubt.expected) for name, doubt in case.doubts.items()}


def _means(case: Case, count: int) -> dict[str, Floats]:
    return {name: np.full(count, float(draws.mean())) for name, draws in case.learnt.draws.items()}


def _values(
    case: Case, strengths: Mapping[str, Floats], figures: Mapping[str, Floats], ramp: float
) -> Floats:
    """Present value of each row of figures."""
    before = case.run_without(strengths)
    after = case.run_with(strengths, case.sizes(figures), figures[DOWNTIME], ramp)
    rate = float(np.expm1(np.log1p(case.described.rate) / 12))
    return np.asarray(npv(rate, case.flows(figures, case.gains(after, before))))


def _swings(case: Case) -> list[Swing]:
    """The present value with one figure, or one arrow, at its low and high end, the others as expected."""
    ranges = {name: (d.low, d.expected, d.high) for name, d in case.doubts.items()}
    ranges |= {name: range_of(draws) for name, draws in case.learnt.draws.items()}

    def worth_of(rows: Mapping[str, Floats]) -> Floats:
        strengths = {name: rows[name] for name in case.learnt.draws}
        values = np.empty(len(rows[UPTAKE]))
        for ramp in np.unique(rows[UPTAKE]):
            mine = rows[UPTAKE] == ramp
            figures = {name: rows[name][mine] for name in case.doubts}
            values[mine] = _values(
                case, {name: row[mine] for name, row in strengths.items()}, figures, float(ramp)
            )
        return values

    return swings(ranges, worth_of)


def _pays_from(case: Case) -> float | None:
    """The least share of full use at which the present value is nought or more, all else as expected."""
    steps = np.linspace(0.0, 1.0, 21)
    figures = {**_expected(case, len(steps)), ADOPTION: steps}
    values = _values(case, _means(case, len(steps)), figures, case.described.uptake_months.expected)
    good = np.flatnonzero(values >= 0)
    if not good.size:
        return None
    first = int(good[0])
    if first == 0:
        return 0.0
    a, b = values[first - 1], values[first]
    return float(steps[first - 1] + (steps[first] - steps[first - 1]) * (-a) / (b - a))


def _gate(
    case: Case, appraisal: Appraisal, benefits: Sequence[Benefit], pays_from: float | None
) -> list[Condition]:
    d, currency = case.described, case.now.currency
    value, loss = float(appraisal.value.value), float(appraisal.loss.value)
    back = float(appraisal.payback_months.value)
    low, high = (about(float(x), currency) for x in (appraisal.value.low, appraisal.value.high))
    met = {True: "met", False: "not met"}
    found = [
        Condition("It is worth its money", met[value > 0], f"{about(value, currency)} today ({low} to {high}), at {d.rate:.1%} a year"),
        Condition("It seldom loses", met[loss <= d.loss_at_most], f"{loss:.0%} probability of loss; at most {d.loss_at_most:.0%} is allowed"),
        Condition("The money is back in time", met[back <= d.payback_at_most],
                  (f"after {back:.0f} months in the middle case" if np.isfinite(back) else f"not within its {d.months} months in the middle case")
                  + f"; at most {d.payback_at_most} are allowed"),
    ]  # fmt: skip
    found.append(_harm(case, benefits))
    found.append(_adoption(case, pays_from))
    if d.integrated:
        found.append(Condition("It works with your systems", "met", "tried, as you say"))
    else:
        words = "not yet tried" if d.integrated is False else "nobody has said whether it was tried"
        found.append(
            Condition("It works with your systems", "open", f"{words}: try it with yours before you pay")
        )
    return found


def noticeable(case: Case, benefit: Benefit) -> float:
    """The change below which nobody would notice: `HARM` of a reference standard deviation, for visits of all places and a year."""
    scale = link_scales().get(benefit.measure)
    least = 0.0 if scale is None else HARM * scale.sd
    return least * case.places * min(12, case.described.months) if benefit.measure == VISITS else least


def _harm(case: Case, benefits: Sequence[Benefit]) -> Condition:
    what = "Patients are not worse off"
    worse = []
    for benefit in benefits:
        sign = -1.0 if measures()[benefit.measure].direction == "down" else 1.0
        if sign * benefit.after_a_year[1] < -noticeable(case, benefit):
            worse.append(benefit.title.lower())
    if not worse:
        return Condition(
            what, "met", "no measure that they notice gets worse within a year in the middle case"
        )
    return Condition(what, "not met", f"worse after a year in the middle case: {', '.join(worse)}")


def _adoption(case: Case, pays_from: float | None) -> Condition:
    what, adoption = "It will be used enough", case.described.adoption
    if pays_from is None:
        return Condition(what, "not met", "with all as expected it pays at no use, not even at full use")
    if pays_from == 0:
        return Condition(what, "met", "it pays whatever its use")
    words = f"it pays from {pays_from:.0%} of full use on; {adoption.expected:.0%} is expected"
    if adoption.certain:
        return Condition(what, "open", f"{words} without a range: say how little it may be (adoption)")  # fmt: skip
    words += f" ({adoption.low:.0%} to {adoption.high:.0%})"
    state = "met" if pays_from <= adoption.low else "open" if pays_from <= adoption.expected else "not met"
    return Condition(what, state, words + (": have the use looked at every month" if state == "open" else ""))


def figure_words(case: Case, name: str) -> str:
    """A figure, or an arrow, in words.

    >>> FIGURE_WORDS["price"]
    'Price'
    """
    if name in FIGURE_WORDS:
        return FIGURE_WORDS[name]
    if name.startswith(f"{EFFECT} "):
        measure = case.promises[int(name.split()[1])].measure
        return f"Effect on {measures()[measure].title.lower()}" if measure in measures() else f"Effect on {measure}"  # fmt: skip
    return f"Arrow {name}: {links()[name].mechanism}"


def range_words(case: Case, name: str) -> str:
    """The low and high end of a figure as people read them; of an arrow its strength."""
    doubt = case.doubts.get(name)
    if doubt is None:
        low, high = np.quantile(case.learnt.draws[name], (LOW, HIGH))
        return f"{low:+.2f} to {high:+.2f}"
    if name in (PRICE, TRAINING, UPKEEP):
        return f"{about(doubt.low, case.now.currency)} to {about(doubt.high, case.now.currency)}"
    if name in (ADOPTION, DOWNTIME):
        return f"{number(doubt.low, 'share')} to {number(doubt.high, 'share')}"
    if name == UPTAKE:
        return f"{doubt.low:g} to {doubt.high:g}"
    promise = case.promises[int(name.split()[1])]
    if promise.kind == "ratio":
        return f"× {doubt.low:g} to × {doubt.high:g}"
    return f"{doubt.low:+.3g} to {doubt.high:+.3g}"
