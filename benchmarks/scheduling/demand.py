"""Foretelling a day's demand beside AutoETS and AutoARIMA: seconds a forecast, on an invented clinic or the emergency room of Iowa.

Wall seconds, the quickest of some runs, taking turns. Ours also makes its intervals from forty past origins; the peers' are of their formulas.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from benchmarks.scheduling.attendance import quickest
from benchmarks.tables import Scale, Table
from tests.validation.forecasts_data import emergency

from carewheel.science.forecasting.demand import (
    calendar,
    daily_forecast,
    hierarchy,
    monthly_forecast,
    reconciled,
)

DAYS, AREAS, SEED = 1_252, 65, 3
FASTER = {"AutoETS": 1.0, "AutoARIMA": 5.0}


def bench(scale: Scale) -> list[Table]:
    from statsforecast.models import AutoARIMA, AutoETS

    data = Path(os.environ.get("CAREWHEEL_DATA") or "/nonexistent")
    rng = np.random.default_rng(SEED)
    if data.is_dir() and scale.share == 1.0:
        y, _, days = emergency(data)
        y, source = y[:-28], "arrivals of Iowa"
    else:
        n = scale.of(DAYS, 120)
        y = rng.poisson(
            np.resize([60, 50, 48, 48, 55, 30, 25], n) * np.exp(0.1 * np.sin(np.arange(n) / 58))
        ).astype(float)
        days, source = calendar(0, n + 28), "an invented clinic"
    took = quickest(
        {
            "this": lambda: daily_forecast(y, days, 28).interval(0.95),
            "AutoETS": lambda: AutoETS(season_length=7).forecast(y=y, h=28, level=[95]),
            "AutoARIMA": lambda: AutoARIMA(season_length=7).forecast(y=y, h=28, level=[95]),
        },
        scale.rounds,
    )
    table = Table(
        "Demand of 28 days",
        "quicker than AutoETS, and five times quicker than AutoARIMA, with 40 back-tests for the intervals",
        ("model", "seconds", "times ours", "met"),
        remarks=f"{y.size:,} days: {source}. How near each comes stands in [validation](validation.md).",
    )
    table.add("this", f"{took['this']:.3f}", "1.0", met=True)
    for name, least in FASTER.items():
        ratio = took[name] / took["this"]
        judged = scale.share == 1.0
        table.add(name, f"{took[name]:.3f}", f"{ratio:.1f}", met=ratio >= least if judged else None)
        if not judged:
            table.rows[-1] = (*table.rows[-1], "not judged")
    counts = rng.poisson(
        np.outer(rng.uniform(1e4, 5e5, AREAS), np.resize(1 + 0.1 * np.sin(np.arange(12)), 24))
    ).astype(float)
    tree = hierarchy([str(i % 7) for i in range(AREAS)])
    errors, told = rng.normal(size=(20, tree.sums.shape[0])), tree.sums @ counts[:, :3]
    small = quickest(
        {
            "months": lambda: monthly_forecast(counts, np.full(27, 21.0), 3),
            "sums": lambda: reconciled(tree, told, errors),
        },
        scale.rounds,
    )
    table.remarks += f" 65 areas by month together: {small['months'] * 1e3:.1f} ms; made to add up with 7 regions and a group: {small['sums'] * 1e3:.1f} ms."
    return [table]
