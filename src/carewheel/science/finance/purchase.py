"""A purchase as months of money: price, loan, training, downtime, upkeep, uptake, tax, and what it brings; and whether it is worth it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.finance.flows import npv, payback
from carewheel.science.finance.loans import loan_schedule
from carewheel.science.finance.returns import irr_of_paths
from carewheel.science.intervals import LEVEL, Estimate, wilson
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
LEAST_DRAWS = 100


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is bought, how it is paid, and what it costs to have. Money in one currency, times in months.

    ``months``: how long it is used; ``financed``: share of the price on a loan of ``loan_months`` at ``loan_rate`` a year; ``training``: paid
    at once; ``downtime_cost``: margin lost in each of the first ``downtime_months``; ``upkeep``: each month, growing by ``upkeep_growth`` a year;
    ``starts``: months until the first use; ``uptake_months``: from the first to the full use, in a straight line; ``salvage``: for it at the end.
    ``tax_rate`` with ``written_off`` (years,): tax on the gain after interest and write-offs, counted at each year's end; a loss saves tax elsewhere.
    """

    price: float
    months: int
    financed: float = 0.0
    loan_rate: float = 0.0
    loan_months: int = 1
    training: float = 0.0
    downtime_cost: float = 0.0
    downtime_months: int = 0
    upkeep: float = 0.0
    upkeep_growth: float = 0.0
    starts: int = 0
    uptake_months: int = 0
    salvage: float = 0.0
    tax_rate: float = 0.0
    written_off: tuple[float, ...] = ()

    def check(self) -> None:
        """Raises `CannotTell` where a figure cannot be."""
        money = (self.price, self.training, self.downtime_cost, self.upkeep, self.salvage)
        shares = 0 <= self.financed <= 1 and 0 <= self.tax_rate < 1 and self.upkeep_growth > -1
        times = 1 <= self.months <= 600 and self.loan_months >= 1
        times = times and min(self.downtime_months, self.starts, self.uptake_months) >= 0
        fine = np.isfinite((*money, self.upkeep_growth, self.loan_rate, *self.written_off)).all()
        if not (fine and shares and times and self.price >= 0):
            raise CannotTell(
                "impossible-purchase",
                {"price": self.price, "months": self.months, "financed": self.financed},
                "known money, a price of 0 or more, shares from 0 to 1, 1 to 600 months",
            )

    def uptake(self) -> Floats:
        """Share of the full use in each month (months,)."""
        month = np.arange(1, self.months + 1) - self.starts
        return np.clip(month / (self.uptake_months + 1), 0.0, 1.0)


def cash_flows(purchase: Purchase, uplift: ArrayLike) -> Floats:
    """Money (draws, months + 1), the first entry at once, the others at the ends of months.

    ``uplift`` (draws,) or (draws, months): margin a month at full use, as draws of what may come of it (negative where it harms). The loan
    goes on to its end: what is owed when the use ends is paid off then. Raises `CannotTell` for figures that cannot be.

    >>> flows = cash_flows(Purchase(price=1200, months=3, financed=0.5, loan_months=2, upkeep=10, uptake_months=1), [500])
    >>> flows.tolist()
    [[-600.0, -60.0, 190.0, 490.0]]
    """
    purchase.check()
    gain = np.asarray(uplift, dtype=np.float64)
    if gain.ndim == 1:
        gain = np.repeat(gain[:, None], purchase.months, axis=1)
    if gain.ndim != 2 or gain.shape[1] != purchase.months or not gain.size or not np.isfinite(gain).all():
        raise CannotTell(
            "not-draws", {"shape": str(gain.shape)}, "give known draws, (draws,) or (draws, months)"
        )
    months = purchase.months
    flows = np.zeros((gain.shape[0], months + 1))
    loan = loan_schedule(purchase.financed * purchase.price, purchase.loan_rate, purchase.loan_months)
    running = gain * purchase.uptake()
    running -= purchase.upkeep * (1 + purchase.upkeep_growth) ** (np.arange(months) // 12)
    running[:, : purchase.downtime_months] -= purchase.downtime_cost
    shared = min(months, purchase.loan_months)
    flows[:, 0] = -(1 - purchase.financed) * purchase.price - purchase.training
    flows[:, 1:] = running
    flows[:, 1 : shared + 1] -= loan.paid[:shared]
    flows[:, -1] += purchase.salvage - loan.balance[shared - 1]
    if purchase.tax_rate:
        interest = np.zeros(months)
        interest[:shared] = loan.interest[:shared]
        for year, begin in enumerate(range(0, months, 12)):
            end = min(begin + 12, months)
            taxed = (running[:, begin:end] - interest[begin:end]).sum(axis=1)
            taxed = taxed - (purchase.training if year == 0 else 0.0)
            taxed -= purchase.written_off[year] if year < len(purchase.written_off) else 0.0
            if (
                end == months
            ):  # what it sells for above its book value is taxed; what is not yet written off is lost then
                taxed += purchase.salvage - sum(purchase.written_off[year + 1 :])
            flows[:, end] -= purchase.tax_rate * taxed
    return flows


class Appraisal(NamedTuple):
    """``value``: net present value, mean and the interval of what may come; ``loss``: probability that it is below nought, with the error of the
    draws; ``payback_months`` of each kind: median and quantiles over draws, infinite where not within the months; ``yearly_return``: of the mean
    path, all rates; ``several_returns``: share of draws with more than one rate.
    """

    value: Estimate
    loss: Estimate
    payback_months: Estimate
    discounted_payback_months: Estimate
    yearly_return: tuple[float, ...]
    several_returns: float


def appraised(flows: ArrayLike, yearly_rate: float, level: float = LEVEL) -> Appraisal:
    """Judge flows (draws, months + 1) at a yearly rate. Raises `CannotTell` for fewer than 100 draws and as `npv`.

    >>> draws = np.random.default_rng(1).normal(40, 15, 2000)
    >>> found = appraised(cash_flows(Purchase(price=1000, months=36), draws), 0.08)
    >>> bool(found.value.low < found.value.value < found.value.high), round(float(found.loss.value), 1)
    (True, 0.3)
    """
    money = np.asarray(flows, dtype=np.float64)
    if money.ndim != 2 or money.shape[0] < LEAST_DRAWS:
        raise CannotTell("too-few-draws", {"shape": str(money.shape), "needed": LEAST_DRAWS}, "draw more")
    rate = float(np.expm1(np.log1p(yearly_rate) / 12)) if yearly_rate > -1 else yearly_rate
    value = npv(rate, money)
    tails = ((1 - level) / 2, (1 + level) / 2)
    low, high = np.quantile(value, tails)
    loss = wilson(float((value < 0).sum()), float(value.size), level)
    periods = []
    for at in (0.0, rate):
        back = payback(money, at)
        periods.append(Estimate(*(np.asarray(np.quantile(back, q, method="higher")) for q in (0.5, *tails))))
    mean = money.mean(axis=0)
    yearly: tuple[float, ...] = ()
    several = 0.0
    if np.abs(money).max(axis=1).all() and np.abs(mean).max() > 0:
        one = irr_of_paths(mean[None])
        yearly = tuple(float((1 + r) ** 12 - 1) for r in one.rates[0, : one.count[0]])
        several = float((irr_of_paths(money).count > 1).mean())
    return Appraisal(
        Estimate(np.asarray(value.mean()), np.asarray(low), np.asarray(high)),
        loss,
        periods[0],
        periods[1],
        yearly,
        several,
    )


class Swing(NamedTuple):
    """The value when one figure alone is at its ``low`` and at its ``high`` end; ``middle``: with all as expected."""

    name: str
    low: float
    high: float
    middle: float

    @property
    def width(self) -> float:
        """How far apart the two are."""
        return abs(self.high - self.low)


def tornado(
    value_of: Callable[[Mapping[str, float]], float], ranges: Mapping[str, tuple[float, float, float]]
) -> list[Swing]:
    """One figure at a time from low to high, the others as expected; the widest swing first. ``ranges``: low, expected, high of each.

    It shows which figure to find out more about, not what happens when several are off together; the draws do. Howard 1988, Manag Sci 34:679.
    Raises `CannotTell` where low, expected and high are not in order, or a value is not finite.

    >>> [swing.name for swing in tornado(lambda x: x["a"] * 2 + x["b"], {"a": (0, 1, 2), "b": (4, 5, 9)})]
    ['b', 'a']
    """
    for name, (low, middle, high) in ranges.items():
        if not low <= middle <= high:
            raise CannotTell("not-a-range", {"what": name}, "give low, expected and high in this order")
    expected = {name: middle for name, (_, middle, _) in ranges.items()}
    centre = float(value_of(expected))
    swings = []
    for name, (low, _, high) in ranges.items():
        ends = [float(value_of({**expected, name: end})) for end in (low, high)]
        if not np.isfinite([centre, *ends]).all():
            raise CannotTell(
                "not-finite", {"what": name}, "the value is not a number at an end of this range"
            )
        swings.append(Swing(name, ends[0], ends[1], centre))
    return sorted(swings, key=lambda swing: (-swing.width, swing.name))


class FollowUp(NamedTuple):
    """Planned against actual money, month by month (months so far,): ``planned`` sums so far with interval, ``actual`` sums, ``difference``.

    ``standing``: below, within or above the plan's interval by now; ``to_come``: what the plan still expects, with interval, of the draws that are
    as near to what happened as chance allows (weights by the likelihood of the sum so far).
    """

    planned: Estimate
    actual: Floats
    difference: Estimate
    standing: str
    to_come: Estimate


def planned_against_actual(flows: ArrayLike, actual: ArrayLike, level: float = LEVEL) -> FollowUp:
    """Compare the months that are known with the plan's draws (draws, months + 1). ``actual`` (known months,), the first at once.

    Actual money is taken as counted, without error. What is to come weighs each draw by how near its sum so far is to the actual one: normal
    with a bandwidth of Silverman's rule (Silverman 1986, eq. (3.28)), widened to the distance where no draw is near.
    Raises `CannotTell` for fewer than 100 draws, no months, or more than planned.

    >>> draws = cash_flows(Purchase(price=100, months=10), np.random.default_rng(1).normal(20, 5, 500))
    >>> found = planned_against_actual(draws, [-100, 10, 11])
    >>> found.standing, bool(found.to_come.value < 8 * 20)
    ('below', True)
    """
    money, real = np.asarray(flows, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if money.ndim != 2 or money.shape[0] < LEAST_DRAWS or not np.isfinite(money).all():
        raise CannotTell("too-few-draws", {"shape": str(money.shape), "needed": LEAST_DRAWS}, "draw more")
    known = real.size
    if real.ndim != 1 or not 1 <= known <= money.shape[1] or not np.isfinite(real).all():
        raise CannotTell(
            "not-months", {"known": known, "planned": money.shape[1]}, "give known months, from the first on"
        )
    tails = ((1 - level) / 2, (1 + level) / 2)
    so_far = np.cumsum(money[:, :known], axis=1)
    mean = so_far.mean(axis=0)
    low, high = (
        np.minimum(np.quantile(so_far, tails[0], axis=0), mean),
        np.maximum(np.quantile(so_far, tails[1], axis=0), mean),
    )
    total = np.cumsum(real)
    rounding = 1e-9 * float(np.abs(money).sum(axis=1).max())
    standing = (
        "below"
        if total[-1] < low[-1] - rounding
        else "above"
        if total[-1] > high[-1] + rounding
        else "within"
    )
    rest = money[:, known:].sum(axis=1)
    off = np.abs(so_far[:, -1] - total[-1])
    width = max(1.06 * float(so_far[:, -1].std()) * len(money) ** -0.2, float(np.quantile(off, 0.05)), 1e-300)
    weight = np.exp(-0.5 * np.minimum(off / width, 38.0) ** 2)
    weight /= weight.sum()
    order = np.argsort(rest)
    cumulated = np.cumsum(weight[order])
    ends = [float(rest[order][min(int(np.searchsorted(cumulated, q)), rest.size - 1)]) for q in tails]
    expected = float(weight @ rest)
    return FollowUp(
        Estimate(mean, low, high),
        total,
        Estimate(total - mean, total - high, total - low),
        standing,
        Estimate(
            np.asarray(expected), np.asarray(min(ends[0], expected)), np.asarray(max(ends[1], expected))
        ),
    )
