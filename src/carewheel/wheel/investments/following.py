"""After the purchase: what was spent and what the measures did, against what was planned; and what it now looks to be worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import measures
from carewheel.science.causal import Belief, Effect, updated
from carewheel.science.finance import Appraisal, FollowUp, appraised, planned_against_actual
from carewheel.warehouse.measures import MeasureResult
from carewheel.wheel.investments.case import DOWNTIME, Case
from carewheel.wheel.investments.described import Described
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.investments.weighing import simulated
from carewheel.wheel.plans.months import known_month, last_day, month_after, months_between
from carewheel.wheel.plans.plan import Plan
from carewheel.wheel.plans.refusals import PlanRefused
from carewheel.wheel.verification import SAME_START, Change, judge_change

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spent:
    """Money out by month as the books show it: (months so far + 1,), the first what was invested in the month of the purchase."""

    paid: Floats
    rows: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one promise. ``planned`` and ``found``: the average of the judged months in the measure's unit (low, middle, high);
    ``found`` is None where it cannot be told, and ``why`` says why. ``quality`` of the evidence; ``belief``: of the whole effect, now."""

    measure: str
    planned: tuple[float, float, float]
    found: tuple[float, float, float] | None
    quality: str
    why: str
    belief: Belief


@dataclass(frozen=True, slots=True)
class Followed:
    """Planned against actual after ``months`` of use. ``spending`` and ``money``: sums so far; ``money`` is what was spent, as counted,
    and what was brought in, by the model from what the measures did. ``now``: what the purchase looks to be worth today."""

    months: int
    spending: FollowUp
    seen: tuple[Seen, ...]
    money: FollowUp
    brought_in: tuple[float, float, float]
    now: Appraisal


def month_of_purchase(what: Described, as_of: date) -> date:
    """Its first day. Raises `PurchaseRefused` (``purchase.bought``) where none is given, or no month since then is over."""
    first = what.bought
    if first is None or first > known_month(as_of):
        said = (
            "It does not say when it was bought."
            if first is None
            else f"It was bought in {first:%Y-%m}, and no month since then is over."
        )
        raise PurchaseRefused("purchase.bought", said, 'Give bought = "YEAR-MONTH", and ask when a month has passed.')  # fmt: skip
    return first


def spent(connection: duckdb.DuckDBPyConnection, case: Case, as_of: date) -> Spent:
    """What the facts `investment` and `expense` say was paid for it, up to the last full month at ``as_of``.

    Raises `PurchaseRefused`: ``purchase.bought`` (no month of purchase, or none is over), ``purchase.facts`` (it does not say which
    facts are of the purchase, or there are none).
    """
    d, last = case.described, known_month(as_of)
    first = month_of_purchase(d, as_of)
    if not (d.component or d.investment or d.expense):
        raise PurchaseRefused("purchase.facts", "It does not say which facts are of this purchase.",
                              "Give [facts] investment and expense: the categories under which it is booked.")  # fmt: skip
    months = min(months_between(first, last) + 1, d.months)
    end = last_day(month_after(first, months - 1))
    paid, rows = np.zeros(months + 1), 0
    for table, day, wanted in (
        ("investment", "invested_date", {"component": d.component, "category": d.investment}),
        ("expense", "expense_date", {"category": d.expense}),
    ):
        asked = {column: value for column, value in wanted.items() if value}
        if not asked:
            continue
        where = " AND ".join(f"{column} = ?" for column in asked)
        if d.places:
            where += f" AND location_id IN ({', '.join('?' * len(d.places))})"
        found = connection.execute(
            f"SELECT year({day}), month({day}), sum(amount), count(*) FROM {table} WHERE {where} AND {day} BETWEEN ? AND ? GROUP BY 1, 2",
            [*asked.values(), *d.places, first, end],
        ).fetchall()
        for year, month, amount, count in found:
            at = months_between(first, date(year, month, 1))
            # What is invested in its month is paid at once; what runs is paid at the end of each month.
            paid[0 if table == "investment" and at == 0 else at + 1] += float(amount)
            rows += count
    if not rows:
        raise PurchaseRefused("purchase.facts", f"Nothing is booked for it since {first:%Y-%m}.",
                              "Correct [facts], or put what was paid into a file: carewheel template investments")  # fmt: skip
    return Spent(paid, rows)


def follow(
    case: Case, paid: Spent, results: dict[str, MeasureResult | None], changes: Sequence[Change], plans: Sequence[Plan], as_of: date
) -> Followed:  # fmt: skip
    """Hold what happened against what was planned. ``results``: by measure, at ``as_of``.

    The change of each measure is judged like any other: beside places without the purchase, or by the place's own past; the verdict
    moves what was planned for the whole effect as far as its evidence goes. Spending is counted without error.
    """
    months = len(paid.paid) - 1
    strengths = dict(case.learnt.draws)
    count = len(next(iter(strengths.values())))
    figures = case.drawn(count)
    sizes = case.sizes(figures)
    planned_gain, _, _ = simulated(case, strengths, sizes, figures[DOWNTIME])
    nothing = np.zeros_like(planned_gain)
    spending = planned_against_actual(case.flows(figures, nothing, as_invoiced=True), -paid.paid)
    seen = tuple(_seen(case, i, sizes[i], results, changes, plans, as_of) for i in range(len(case.promises)))
    believed = [
        size if one.found is None else one.belief.mean + one.belief.sd * _standard(size)
        for size, one in zip(sizes, seen, strict=True)
    ]
    gain, _, _ = simulated(case, strengths, believed, figures[DOWNTIME])
    so_far = gain[:, :months].sum(axis=1)
    flows = case.flows(figures, planned_gain, as_invoiced=True)
    actual = -paid.paid + np.concatenate([[0.0], gain[:, :months].mean(axis=0)])
    money = planned_against_actual(flows, actual)
    now = case.flows(figures, gain, as_invoiced=True)
    now[:, : months + 1] = -paid.paid + np.hstack([np.zeros((count, 1)), gain[:, :months]])
    low, high = (float(np.quantile(so_far, q)) for q in (0.05, 0.95))
    return Followed(
        months, spending, seen, money, (low, float(so_far.mean()), high), appraised(now, case.described.rate)
    )  # fmt: skip


def _standard(draws: Floats) -> Floats:
    """Draws with mean 0 and sd 1, in the same order: so that a belief keeps the chances of its draw."""
    return np.asarray((draws - draws.mean()) / max(float(draws.std()), 1e-300))


def _seen(
    case: Case, number: int, size: Floats, results: dict[str, MeasureResult | None], changes: Sequence[Change], plans: Sequence[Plan],
    as_of: date,
) -> Seen:  # fmt: skip
    promise, d = case.promises[number], case.described
    assert d.bought is not None
    prior = Belief(float(size.mean()), float(size.std()))
    first = month_after(d.bought, d.starts)
    after = months_between(first, known_month(as_of)) + 1
    judged = max(min(after, 12), 0)
    share = _share(d.uptake_months.expected, judged)
    low, high = (float(np.quantile(size, q)) * share for q in (0.05, 0.95))
    planned = (low, prior.mean * share, high)

    def untold(why: str) -> Seen:
        return Seen(promise.measure, planned, None, "refused", why, prior)

    if promise.measure not in measures():
        return untold("a lever of the model, not a measure: only its consequences are seen")
    if not judged:
        return untold(f"it is in use from {first:%Y-%m} on")
    result = results.get(promise.measure)
    if result is None or not result.months:
        return untold("the measure has no month with data here")
    mine = [Change(d.title, "", d.title, place, first) for place in d.places or ("",)]
    others = [change for change in changes if not _same(change, case, first)]
    try:
        found: dict[str, Any] = judge_change(d.title, [*mine, *others], plans, result, as_of)
    except PlanRefused as refusal:
        return untold(refusal.what)
    if found["effect"] is None:
        return untold(found["refusal"]["remedy"] if found["refusal"] else found["conclusion"])
    effect = Effect(*(found["effect"][key] for key in ("value", "low", "high", "sd")))
    belief = prior
    if prior.sd > 0 and effect.sd > 0:
        belief = updated(prior, effect.scaled(1 / share), found["quality"])
    return Seen(
        promise.measure, planned, (effect.low, effect.value, effect.high), found["quality"], "", belief
    )


def _same(change: Change, case: Case, first: date) -> bool:
    """Whether a change on record is the purchase itself: its title or its play, there and then."""
    d = case.described
    named = change.title == d.title or (bool(d.play) and change.play == d.play)
    there = not d.places or change.location_id in ("", *d.places)
    return named and there and abs(months_between(first, change.month)) <= SAME_START


def _share(ramp: float, months: int) -> float:
    """Mean share of the whole effect in the first ``months`` of a use that grows over ``ramp`` months.

    >>> _share(0, 12), _share(4, 4)
    (1.0, 0.5)
    """
    if ramp <= 0 or not months:
        return 1.0
    return float(np.minimum((np.arange(months) + 0.5) / ramp, 1.0).mean())


def with_results(case: Case) -> list[str]:
    """The measures whose results `follow` asks for."""
    return [promise.measure for promise in case.promises if promise.measure in measures()]
