"""Link scores of Loops that Matter: how much of each variable's change came from each of its causes, step by step.

For z = f(x, y): score = |Dx z / D z| sign(Dx z / D x), where Dx z = f(x new, y old) - f(x old, y old). For a flow into or
out of a stock: |D flow / D net flow|, positive for an inflow and negative for an outflow. 0 where nothing changed.
Source: Schoenberg, Davidsen & Eberlein 2020, System Dynamics Review 36:158, eq. (1); for flows the correction of 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.flywheel.stocks.expressions import evaluate, names_in
from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.simulation import Run, simulate

Floats = NDArray[np.float64]
Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LinkScores:
    """``score`` (T,) of each link (cause, effect); entry t is the step from ``times``[t] to the next."""

    times: Floats
    score: dict[Link, Floats]


def causes(model: Model) -> dict[str, tuple[str, ...]]:
    """By variable, the variables of the model that move it: for a stock its flows; constants and time move nothing."""
    fixed = {c.name for c in model.constants} | {"time"}
    found = {name: tuple(sorted(set(names_in(e)) - fixed)) for name, e in model.equations.items()}
    return found | {stock.name: (*stock.inflows, *stock.outflows) for stock in model.stocks}


def link_scores(model: Model, values: Mapping[str, ArrayLike] | None = None) -> LinkScores:
    """Scores of all links over a run with one draw.

    Raises `Refusal` (``shape``) with more than one draw, else as `simulate`.

    >>> from carewheel.science.flywheel.stocks.model import Auxiliary, Flow, Stock, build
    >>> parts = [Stock("x", 5, inflows=("f",)), Stock("y", 4, inflows=("g",)), Flow("f", 2), Flow("g", 1)]
    >>> model = build("table 1", [*parts, Auxiliary("z", "2 * x + y")], start=0, stop=1, dt=1)
    >>> scores = link_scores(model).score
    >>> scores["x", "z"].tolist(), scores["y", "z"].tolist()
    ([0.8], [0.2])
    """
    run = simulate(model, values, record=[*model.stock_names, *model.order])
    if any(series.shape[1] != 1 for series in run.series.values()):
        raise Refusal("shape", "Loops are read from one run.", "Give one draw.")
    return LinkScores(run.times[:-1], _scores(model, run, values or {}))


def _scores(model: Model, run: Run, values: Mapping[str, ArrayLike]) -> dict[Link, Floats]:
    series = {name: s[:, 0] for name, s in run.series.items()}
    constants = {
        c.name: np.asarray(values.get(c.name, c.value), dtype=float).reshape(()) for c in model.constants
    }
    old = {**{name: s[:-1] for name, s in series.items()}, **constants, "time": run.times[:-1]}
    found: dict[Link, Floats] = {}
    with np.errstate(all="ignore"):
        for effect, by in causes(model).items():
            if effect not in model.equations:
                continue
            whole = np.diff(series[effect])
            for cause in by:
                moved = {**old, cause: series[cause][1:]}
                part = evaluate(model.equations[effect], moved, model.tables) - series[effect][:-1]
                change = np.diff(series[cause])
                score = np.abs(part / whole) * np.sign(part * np.sign(change))
                known = (whole != 0) & (change != 0)
                found[cause, effect] = np.where(known, score, 0.0)
        for stock in model.stocks:
            sides = [(flow, 1.0) for flow in stock.inflows] + [(flow, -1.0) for flow in stock.outflows]
            net = sum((sign * np.diff(series[flow]) for flow, sign in sides), np.zeros(len(run.times) - 1))
            for flow, sign in sides:
                score = sign * np.abs(np.diff(series[flow]) / net)
                found[flow, stock.name] = np.where(net != 0, score, 0.0)
    return found
