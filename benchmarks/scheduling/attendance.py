"""Learning and scoring missed visits beside LightGBM and HistGB as they come: on Vitoria if it is there, on invented visits of the same size if not.

Seconds of wall time, each the quickest of some runs, ours and the peers' taking turns. All learn with one thread; all threads of the
machine are open to all when they score.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.tables import Scale, Table
from tests.validation.forecasts_data import vitoria

from carewheel.science.forecasting.attendance import (
    MISS_PRIOR,
    Bookings,
    Features,
    Outcomes,
    bookings,
    features,
    fitted,
    outcomes,
)

MOST_SECONDS, PER_SECOND, FASTER = 30.0, 1e6, 1.0
VISITS, SCORED, SEED = 70_000, 1_000_000, 5


def quickest(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Wall seconds of the quickest run of each, all taking turns."""
    best = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def invented(visits: int) -> tuple[Bookings, Outcomes]:
    """Visits of a quarter year in which lead time and the patient count."""
    rng = np.random.default_rng(SEED)
    lead, booked = rng.choice([0, 1, 3, 7, 14, 28], visits), rng.integers(0, 90, visits)
    who = rng.integers(0, max(visits // 2, 1), visits)
    nature = rng.normal(0, 0.6, max(visits // 2, 1))[who]
    fell = rng.random(visits) < 1 / (1 + np.exp(2.2 - 0.4 * np.log1p(lead) - nature))
    made = bookings(
        booked * 86_400 + rng.integers(28_800, 61_200, visits),
        booked + lead,
        who,
        numbers={f"known {i}": rng.normal(size=visits) for i in range(8)},
        kinds={"place": rng.integers(0, 80, visits)},
    )
    return made, outcomes(made, np.arange(visits), fell.astype(np.int64))


def bench(scale: Scale) -> list[Table]:
    import lightgbm
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    data = Path(os.environ.get("CAREWHEEL_DATA") or "/nonexistent")
    real = data.is_dir() and scale.share == 1.0
    if real:
        whole = vitoria(data)
        made, known = whole.bookings.only(~whole.test), None
        known = outcomes(made, np.arange(len(made)), whole.fell[~whole.test].astype(np.int64))
    else:
        made, known = invented(scale.of(VISITS, 4_000))
    of = features(made, known)
    fell, day = known.kind.astype(np.float64), known.day
    model = fitted(of, fell, day, MISS_PRIOR, SEED)
    x = np.resize(of.values, (scale.of(SCORED, 20_000), of.values.shape[1]))
    many = Features(x, of.names)
    light = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1).fit(of.values, fell)

    def grown_hist() -> HistGradientBoostingClassifier:
        # One thread as the others: with more its threads spin for one another beside other work.
        with threadpool_limits(1):
            return HistGradientBoostingClassifier().fit(of.values, fell)

    hist = grown_hist()
    model.log_odds(many.only(np.arange(100)))  # compiles
    learn = quickest(
        {
            "this": lambda: fitted(of, fell, day, MISS_PRIOR, SEED),
            "LightGBM": lambda: lightgbm.LGBMClassifier(n_jobs=1, verbose=-1).fit(of.values, fell),
            "HistGB": grown_hist,
            "columns": lambda: features(made, known),
        },
        scale.rounds,
    )
    score = quickest(
        {
            "this": lambda: model.log_odds(many),
            "LightGBM": lambda: light.booster_.predict(x, raw_score=True, num_threads=os.cpu_count()),
            "HistGB": lambda: hist.decision_function(x),
        },
        scale.rounds,
    )
    rate = {name: x.shape[0] / seconds for name, seconds in score.items()}
    trees = model.trees.forest.trees + model.later.forest.trees
    table = Table(
        "Missed visits: learning and scoring",
        f"learnt in under {MOST_SECONDS:.0f} s; at least {PER_SECOND / 1e6:.0f} million scores a second; faster than both peers",
        ("what", "this", "LightGBM", "HistGB", "met"),
        remarks=(
            f"{len(made):,} visits {'of Vitoria' if real else '(invented)'} with {of.values.shape[1]} columns, {x.shape[0]:,} scored. Ours has "
            f"{trees:,} trees of four levels, the peers 100 of up to 31 leaves: a score of ours asks more. Learning is slower by the choice of the number of "
            f"trees on held-out days and by several members. Making the columns takes {learn['columns']:.2f} s."
        ),
    )
    full = scale.share == 1.0
    table.add(
        "learning, s",
        *(f"{learn[name]:.2f}" for name in ("this", "LightGBM", "HistGB")),
        met=learn["this"] < MOST_SECONDS,
    )
    table.add(
        "scores a second, millions",
        *(f"{rate[name] / 1e6:.2f}" for name in ("this", "LightGBM", "HistGB")),
        met=rate["this"] >= PER_SECOND
        and min(rate["this"] / rate["LightGBM"], rate["this"] / rate["HistGB"]) > FASTER
        if full
        else None,
    )
    if not full:
        table.rows[-1] = (*table.rows[-1], "not judged")
    return [table]
