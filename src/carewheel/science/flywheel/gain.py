"""How strongly the wheel turns: matrix of strengths between its parts, loop gain, loops, leverage of links, momentum.

A strength is the effect after 12 months, in reference standard deviations, of raising a source by one of them and holding
it. Signs are turned so that more is better at both ends. Raising a part's level by one raises each of its measures by one;
a link then raises its target's level by its strength times the weight of the target measure in that level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from carewheel.science.flywheel.stocks.loops import elementary_loops
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.intervals import LEVEL, Estimate

Floats = NDArray[np.float64]
LEAST_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Arrow:
    """A link between parts: ``strength`` a number or draws (n,); ``sign``: +1 if more of both measures is better or of
    neither is, -1 if of one; ``weight`` (0 to 1) of the target measure in the level of its part."""

    id: str
    source: str
    target: str
    strength: ArrayLike
    sign: int = 1
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop among parts with the product of its strengths per turn, and its ``share`` of the sum of |products| (signed)."""

    parts: tuple[str, ...]
    product: Estimate
    share: Estimate


def direction(first_better: int, second_better: int) -> int:
    """The sign of a link from what is better at its ends: +1 more, -1 less.

    >>> direction(-1, 1)  # a longer wait, a better experience
    -1
    """
    if {first_better, second_better} - {1, -1}:
        raise Refusal(
            "strengths",
            "Better is +1 (more) or -1 (less).",
            "Give one of them.",
            given=(first_better, second_better),
        )
    return first_better * second_better


def even_weights(targets: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """Weights of links' targets if all measured ends of a part count alike; ``targets``: by link (part, measure).

    >>> even_weights({"a": ("C3", "days"), "b": ("C3", "price"), "c": ("C3", "days")})
    {'a': 0.5, 'b': 0.5, 'c': 0.5}
    """
    ends: dict[str, set[str]] = defaultdict(set)
    for part, measure in targets.values():
        ends[part].add(measure)
    return {link: 1 / len(ends[part]) for link, (part, _) in targets.items()}


def strength_matrix(arrows: Sequence[Arrow], parts: Sequence[str]) -> Floats:
    """Strengths between parts, (draws, to, from): the sum of sign x weight x strength over the links of each pair.

    Raises `Refusal` (``strengths``) for an unknown part, draws that differ in number, or what is not finite.

    >>> strength_matrix([Arrow("a", "C1", "C2", 0.3), Arrow("b", "C2", "C1", -0.5, sign=-1)], ["C1", "C2"])[0].tolist()
    [[0.0, 0.5], [0.3, 0.0]]
    """
    at = {part: i for i, part in enumerate(parts)}
    columns = [np.atleast_1d(np.asarray(arrow.strength, dtype=float)) for arrow in arrows]
    sizes = {column.size for column in columns if column.size > 1}
    if len(sizes) > 1 or any(
        column.ndim > 1 or column.size == 0 or not np.isfinite(column).all() for column in columns
    ):
        raise Refusal(
            "strengths", "Strengths are finite, with equally many draws.", "Mend them.", sizes=sorted(sizes)
        )
    matrix = np.zeros((max(sizes, default=1), len(parts), len(parts)))
    for arrow, column in zip(arrows, columns, strict=True):
        if arrow.source not in at or arrow.target not in at:
            raise Refusal(
                "strengths", "A link joins a part that is not there.", "Name the parts.", link=arrow.id
            )
        matrix[:, at[arrow.target], at[arrow.source]] += arrow.sign * arrow.weight * column
    return matrix


def interval(draws: Floats, level: float = LEVEL) -> Estimate:
    """Mean and quantiles over draws (first axis); with one draw the bounds are NaN, there is nothing to tell them from."""
    if len(draws) < 2:
        nothing = np.full(draws.shape[1:], np.nan)
        return Estimate(draws.mean(axis=0), nothing, nothing)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Estimate(draws.mean(axis=0), low, high)


def loop_gain(matrix: Floats) -> Estimate:
    """Loop gain per 12 months: the spectral radius of the matrix, over its draws. Above 1 the wheel compounds.

    It says how fast the strongest pattern grows or shrinks in size; a negative or complex leading eigenvalue swings. Where
    draws differ, the mean of radii lies above the radius of the mean.

    >>> ring = strength_matrix([Arrow("a", "x", "y", 0.5), Arrow("b", "y", "x", 0.18)], ["x", "y"])
    >>> round(float(loop_gain(ring).value), 6)
    0.3
    """
    return interval(np.abs(np.linalg.eigvals(matrix)).max(axis=-1))


def loops_between(matrix: Floats, parts: Sequence[str]) -> tuple[Loop, ...]:
    """Every loop that passes no part twice, with the product of its strengths, the largest mean |product| first.

    >>> ring = strength_matrix([Arrow("a", "x", "y", 0.5), Arrow("b", "y", "x", 0.18)], ["x", "y"])
    >>> [(loop.parts, round(float(loop.product.value), 3)) for loop in loops_between(ring, ["x", "y"])]
    [(('x', 'y'), 0.09)]
    """
    linked = (matrix != 0).any(axis=0)
    graph = {part: [to for i, to in enumerate(parts) if linked[i, j]] for j, part in enumerate(parts)}
    cycles = elementary_loops(graph, most=100_000)
    at = {part: i for i, part in enumerate(parts)}
    products = np.empty((len(matrix), len(cycles)))
    for k, cycle in enumerate(cycles):
        pairs = zip((*cycle[1:], cycle[0]), cycle, strict=True)
        products[:, k] = np.prod([matrix[:, at[to], at[from_]] for to, from_ in pairs], axis=0)
    total = np.abs(products).sum(axis=1, keepdims=True)
    shares = np.divide(products, total, out=np.zeros_like(products), where=total > 0)
    order = np.argsort(-np.abs(products.mean(axis=0)), kind="stable")
    return tuple(Loop(cycles[k], interval(products[:, k]), interval(shares[:, k])) for k in order)


def elasticities(arrows: Sequence[Arrow], parts: Sequence[str]) -> dict[str, Estimate]:
    """By link: per cent more loop gain for one per cent more strength. Over all links they add up to 1.

    With right and left eigenvectors r, l of the leading eigenvalue g: dg/da(i, j) = l(i) r(j) / (l . r), and the radius
    |g| changes by Re(conj(g)/|g| dg). Source: Kampmann 2012, System Dynamics Review 28:370; Caswell 2001, Matrix Population
    Models, ch. 9. NaN where the wheel has no loop, or where the leading eigenvalue is not single.

    >>> found = elasticities([Arrow("a", "x", "y", 0.5), Arrow("b", "y", "x", 0.18)], ["x", "y"])
    >>> round(float(found["a"].value), 6)
    0.5
    """
    matrix = strength_matrix(arrows, parts)
    at = {part: i for i, part in enumerate(parts)}
    slopes = np.full(matrix.shape, np.nan)
    radius = np.zeros(len(matrix))
    for draw, here in enumerate(matrix):
        values, right = np.linalg.eig(here)
        lead = int(np.abs(values).argmax())
        radius[draw] = np.abs(values[lead])
        if radius[draw] < 1e-12:
            continue
        back, left = np.linalg.eig(here.T)
        twin = int(np.abs(back - values[lead]).argmin())
        overlap = left[:, twin] @ right[:, lead]
        if abs(overlap) < 1e-9:
            continue
        slope = np.outer(left[:, twin], right[:, lead]) / overlap
        slopes[draw] = np.real(np.conj(values[lead]) / radius[draw] * slope)
    found = {}
    for arrow in arrows:
        part = (
            arrow.sign * arrow.weight * np.broadcast_to(np.asarray(arrow.strength, dtype=float), radius.shape)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            found[arrow.id] = interval(part * slopes[:, at[arrow.target], at[arrow.source]] / radius)
    return found


def momentum(levels: ArrayLike, variances: ArrayLike | None = None, level: float = LEVEL) -> Estimate:
    """How fast each part's level rises: reference standard deviations a year, with interval; ``levels`` (parts, months).

    Least squares over the months given (NaN: not measured), weighted by ``variances`` of the levels if known. The error
    allows for neighbouring months that go together (first-order correlation of the residuals, 0 to 0.9). NaN with fewer
    than six measured months.

    >>> rise = momentum([[0.0, 0.11, 0.19, 0.31, 0.4, 0.5, 0.61, 0.7]])
    >>> [round(float(x[0]), 2) for x in rise]
    [1.2, 1.18, 1.23]
    """
    y = np.atleast_2d(np.asarray(levels, dtype=float))
    v = np.ones_like(y) if variances is None else np.broadcast_to(np.asarray(variances, dtype=float), y.shape)
    out = np.full((3, len(y)), np.nan)
    for i, row in enumerate(y):
        seen = np.isfinite(row) & np.isfinite(v[i]) & (v[i] > 0)
        n = int(seen.sum())
        if n < LEAST_MONTHS:
            continue
        t, w, x = np.flatnonzero(seen) / 12.0, 1 / v[i][seen], row[seen]
        centre = (w @ t) / w.sum()
        spread = w @ (t - centre) ** 2
        slope = (w @ ((t - centre) * x)) / spread
        rest = x - (w @ x) / w.sum() - slope * (t - centre)
        scatter = (w @ rest**2) / (n - 2)
        # With known variances scatter is about 1; chance below that is not evidence of more precision.
        scatter = scatter if variances is None else max(scatter, 1.0)
        seen_together = float((rest[1:] @ rest[:-1]) / max(rest @ rest, 1e-300))
        # Residuals of a fitted line look less alike than they are, by about (2 + 4 r) / n.
        together = float(np.clip((n * seen_together + 2) / max(n - 4, 1), 0.0, 0.9))
        half = stdtrit(n - 2, 0.5 + level / 2) * np.sqrt(scatter / spread * (1 + together) / (1 - together))
        out[:, i] = slope, slope - half, slope + half
    return Estimate(*out)
