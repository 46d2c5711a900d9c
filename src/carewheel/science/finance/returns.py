"""Internal rates of return: all of them, of many paths at once.

A rate r is a root of the polynomial sum of c_t x^t with x = 1 / (1 + r). Rates above nought are the roots with x in (0, 1), rates below it
those of the reversed polynomial in y = 1 + r, in (0, 1). On each interval the polynomial is written in Bernstein's basis: no change of
sign among its coefficients means no root, one means exactly one (Descartes' rule), more means: cut in half and look again (de Casteljau).
So no root is missed and none is guessed. Source: Rouillier & Zimmermann 2004, J Comput Appl Math 162:33; Farouki 2012, CAGD 29:379.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from carewheel.science.finance.flows import paths_of
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# Cuts until an interval is a millionth: two roots nearer than that are one (double) root, if the polynomial is nought there.
DEEPEST = 22
ROUNDING = 1e-12
MOST_PERIODS = 600


@dataclass(frozen=True, slots=True)
class Returns:
    """``rates`` (paths, most roots): every rate above -1 at which the path is worth nought, rising, NaN beyond ``count`` (paths,).

    A count of 0: no rate makes it nought. Above 1: none of them is "the" return; judge by the present value.
    """

    rates: Floats
    count: Whole

    @property
    def single(self) -> Floats:
        """The rate (paths,) where there is exactly one, else NaN."""
        first = self.rates[:, 0] if self.rates.shape[1] else np.full(self.count.size, np.nan)
        return np.where(self.count == 1, first, np.nan)


def irr(flows: ArrayLike) -> tuple[float, ...]:
    """All internal rates of return of one path (periods,), rising; empty where there is none. Raises as `irr_of_paths`.

    >>> [round(r, 5) for r in irr([-100, 39, 59, 55, 20])]
    [0.28095]
    >>> [round(r, 10) for r in irr([-100, 230, -132])]
    [0.1, 0.2]
    >>> irr([100, 50])
    ()
    """
    found = irr_of_paths(np.atleast_1d(np.asarray(flows, dtype=np.float64))[None])
    return tuple(float(r) for r in found.rates[0, : found.count[0]])


def irr_of_paths(flows: ArrayLike) -> Returns:
    """All internal rates of return of many paths (paths, periods), a rate for each period.

    Raises `CannotTell` for unknown money, fewer than 2 or over 600 periods, and a path of noughts only (every rate would do).
    """
    money = paths_of(flows, 2)
    if money.ndim != 2:
        raise CannotTell("one-path", {"shape": str(money.shape)}, "give paths by periods")
    if money.shape[1] > MOST_PERIODS:
        raise CannotTell(
            "too-many-flows", {"periods": money.shape[1], "most": MOST_PERIODS}, "put periods together"
        )
    size = np.abs(money).max(axis=1)
    if not size.all():
        raise CannotTell("only-noughts", {"path": int(np.argmin(size))}, "leave out paths without money")
    scaled = money / size[:, None]
    total = scaled.sum(axis=1)
    at_nought = np.abs(total) <= ROUNDING * np.abs(scaled).sum(axis=1)
    paths, rates = [np.flatnonzero(at_nought)], [np.zeros(int(at_nought.sum()))]
    for above in (True, False):
        who, x = _roots(scaled if above else scaled[:, ::-1], at_nought)
        paths.append(who)
        rates.append((1 - x) / x if above else x - 1)
    who, rate = np.concatenate(paths), np.concatenate(rates)
    order = np.lexsort((rate, who))
    who, rate = who[order], rate[order]
    count = np.bincount(who, minlength=len(money))
    table = np.full((len(money), int(count.max(initial=0))), np.nan)
    table[who, np.arange(who.size) - (np.cumsum(count) - count)[who]] = rate
    return Returns(table, count)


def _roots(c: Floats, at_one: NDArray[np.bool_]) -> tuple[Whole, Floats]:
    """Paths and places of all roots of the polynomials ``c`` (paths, degree + 1) strictly between 0 and 1.

    ``at_one``: whose root at 1 is known and is divided out, so that rounding there makes no second one.
    """
    c = c.copy()
    if at_one.any():
        # c(x) / (1 - x) has the partial sums as coefficients; the last of them is nought.
        sums = np.cumsum(c[at_one], axis=1)
        sums[:, -1] = 0.0
        # A root at 1 that is double stays at the end of the interval and is not looked for again.
        c[at_one] = sums
    n = c.shape[1] - 1
    if n < 1:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    # c(x) / (1 - x) has the partial sums as coefficients, the last of them for ever: their changes of sign bound the roots as well,
    # for less work. Most paths are settled by it (Norstrom 1972, J Financ Quant Anal 7:1835).
    bound = _changes(np.cumsum(c, axis=1))
    plain = np.flatnonzero(bound == 1)
    found_who, found_low, found_high = [plain], [np.zeros(plain.size)], [np.ones(plain.size)]
    who = np.flatnonzero(bound > 1)
    b, low, width = c[who] @ _to_bernstein(n), np.zeros(who.size), 1.0
    for depth in range(DEEPEST + 1):
        changes = _changes(b)
        one = changes == 1
        found_who.append(who[one])
        found_low.append(low[one])
        found_high.append(low[one] + width)
        more = changes > 1
        who, low, b = who[more], low[more], b[more]
        if not who.size:
            break
        if depth == DEEPEST:
            middle = low + width / 2
            real = np.abs(_values(c[who], middle)) <= 1e-9 * _values(np.abs(c[who]), middle)
            found_who.append(who[real])
            found_low.append(middle[real])
            found_high.append(middle[real])
            break
        left, right = _halves(b)
        width /= 2
        at = np.abs(right[:, 0]) <= 1e-15 * np.abs(b).max(axis=1)
        if at.any():  # the cut is a root itself
            found_who.append(who[at])
            found_low.append(low[at] + width)
            found_high.append(low[at] + width)
            left[at, -1] = right[at, 0] = 0.0
        who = np.concatenate([who, who])
        low = np.concatenate([low, low + width])
        b = np.concatenate([left, right])
    whose = np.concatenate(found_who)
    return whose, _polished(c[whose], np.concatenate(found_low), np.concatenate(found_high))


def _to_bernstein(n: int) -> Floats:
    """The matrix (n + 1, n + 1) from powers to Bernstein's basis: b_j = sum over k <= j of C(j, k) / C(n, k) a_k. Farouki 2012, section 3."""
    k = np.arange(n + 1, dtype=np.float64)
    logs = gammaln(k[None] + 1) - gammaln(np.maximum(k[None] - k[:, None], 0) + 1)
    logs = logs - (gammaln(n + 1.0) - gammaln(n - k + 1))[:, None]
    return np.where(k[None] >= k[:, None], np.exp(logs), 0.0)


def _changes(b: Floats) -> Whole:
    """Changes of sign (paths,) among coefficients; rounding near nought is nought."""
    sign = np.sign(np.where(np.abs(b) <= 1e-16 * np.abs(b).max(axis=1, keepdims=True), 0.0, b)).astype(
        np.int8
    )
    if (sign == 0).any():
        # A nought takes the sign before it, so that it makes no change.
        place = np.where(sign != 0, np.arange(sign.shape[1]), 0)
        sign = np.take_along_axis(sign, np.maximum.accumulate(place, axis=1), axis=1)
        both = (sign[:, 1:] != sign[:, :-1]) & (sign[:, :-1] != 0)
    else:
        both = sign[:, 1:] != sign[:, :-1]
    return np.asarray(both.sum(axis=1), dtype=np.int64)


def _halves(b: Floats) -> tuple[Floats, Floats]:
    """Coefficients on both halves of the interval, by de Casteljau's scheme."""
    left, right, row = np.empty_like(b), b.copy(), b
    for j in range(b.shape[1]):
        left[:, j] = row[:, 0]
        right[:, b.shape[1] - 1 - j] = row[:, -1]
        row = (row[:, 1:] + row[:, :-1]) / 2
    return left, right


def _values(c: Floats, x: Floats) -> Floats:
    """Values of the polynomials at ``x`` (paths,), by Horner's scheme."""
    return _values_and_slopes(np.ascontiguousarray(c.T), x)[0]


def _values_and_slopes(columns: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Values and slopes at ``x`` (paths,) of the polynomials whose coefficients are ``columns`` (degree + 1, paths)."""
    value, slope = columns[-1].copy(), np.zeros_like(x)
    for k in range(len(columns) - 2, -1, -1):
        slope *= x
        slope += value
        value *= x
        value += columns[k]
    return value, slope


def _signs(c: Floats, x: Floats) -> Floats:
    """Signs at ``x`` (paths,); what rounding may have made is nought."""
    value, most = _values(c, x), _values(np.abs(c), x)
    return np.asarray(np.sign(np.where(np.abs(value) <= 1e-14 * most, 0.0, value)))


def _polished(c: Floats, low: Floats, high: Floats) -> Floats:
    """The one root within each bracket, by Newton's steps held inside it, else halving."""
    low, high = low.copy(), high.copy()
    # The sign at the low end: of the first coefficient that is not nought, where the low end is 0.
    lead = np.take_along_axis(c, (c != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    start = np.where(low == 0, np.sign(lead), _signs(c, low))
    end = _signs(c, high)
    start = np.where(start == 0, -end, start)
    # From the far end: a purchase that pays back is convex there, and Newton's steps never overshoot. A root at the far end itself
    # belongs to the next interval.
    x = np.where((end == 0) & (high > low), (low + high) / 2, high)
    active = np.flatnonzero(high > low)
    columns = np.ascontiguousarray(c[active].T)
    for _ in range(100):
        if not active.size:
            break
        here = x[active]
        value, slope = _values_and_slopes(columns, here)
        below = np.sign(value) == start[active]
        least = np.where(below, here, low[active])
        most = np.where(below, high[active], here)
        low[active], high[active] = least, most
        with np.errstate(divide="ignore", invalid="ignore"):
            step = here - value / slope
        new = np.where((step > least) & (step < most), step, (least + most) / 2)
        # At the last digits the sign is rounding's: the step is what is left.
        done = (np.abs(step - here) <= 4e-16 * here) | (value == 0) | (most - least <= 4e-16 * most)
        x[active] = np.where(done, here, new)
        if done.any():
            active, columns = active[~done], columns[:, ~done]
    return x
