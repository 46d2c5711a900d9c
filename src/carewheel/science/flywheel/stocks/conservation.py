"""Conservation: every flow takes out of one stock, or out of the surroundings, what it brings into another, or out to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.simulation import simulate

SURROUNDINGS = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a flow comes from and goes to; "" is the surroundings."""

    flow: str
    source: str
    target: str
    unit: str


def transfers(model: Model) -> tuple[Transfer, ...]:
    """Every flow with its two ends.

    Raises `Refusal` (``unit``) where a flow's unit is not the unit of its stock per unit of time, so that something of one
    kind would turn into another.

    >>> from carewheel.science.flywheel.stocks.model import Flow, Stock, build
    >>> pot = [Stock("water", 8, outflows=("leak",), unit="l"), Flow("leak", "water / 2", unit="l/month")]
    >>> transfers(build("pot", pot, start=0, stop=2, dt=1))
    (Transfer(flow='leak', source='water', target='', unit='l/month'),)
    """
    out = {flow: stock.name for stock in model.stocks for flow in stock.outflows}
    into = {flow: stock.name for stock in model.stocks for flow in stock.inflows}
    found = []
    for flow in sorted(model.flows):
        ends = (out.get(flow, SURROUNDINGS), into.get(flow, SURROUNDINGS))
        for stock in filter(None, ends):
            wanted = f"{model.units[stock]}/{model.time_unit}"
            if model.units[flow] != wanted:
                raise Refusal(
                    "unit", "A flow is not in the unit of its stock per unit of time.", "Correct the unit, or the ends.",
                    flow=flow, stock=stock, unit=model.units[flow], wanted=wanted,
                )  # fmt: skip
        found.append(Transfer(flow, *ends, model.units[flow]))
    return tuple(found)


def residuals(model: Model, values: Mapping[str, ArrayLike] | None = None) -> dict[str, NDArray[np.float64]]:
    """For each stock the largest |change - dt (inflows - outflows)| over a run, relative to the largest |stock|, (draws,).

    Conservation is exact up to rounding: 1e-12 is generous.
    """
    run = simulate(model, values, record=[*model.stock_names, *sorted(model.flows)])
    found = {}
    for stock in model.stocks:
        level = run[stock.name]
        net = sum((run[f] for f in stock.inflows), np.zeros_like(level)) - sum(
            (run[f] for f in stock.outflows), np.zeros_like(level)
        )
        scale = np.maximum(np.abs(level).max(axis=0), np.finfo(float).tiny)
        found[stock.name] = np.abs(np.diff(level, axis=0) - model.dt * net[:-1]).max(axis=0) / scale
    return found
