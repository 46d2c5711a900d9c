"""The clinic simulator against queueing theory: one station, several servers, stations in a row, and held rooms."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from carewheel.science.queueing import erlang_c, mg1_mean_wait, mm1_mean_wait, mmc_mean_wait
from carewheel.science.queueing.clinic import Clinic, Stage, long_run, simulate_clinic

SEED, CUSTOMERS, WARM_UP, BATCHES = 20261127, 2_000_000, 50_000, 40


class Row(NamedTuple):
    """One line of the page."""

    what: str
    bar: str
    found: str
    holds: bool


def station(servers: int, stages: int = 1) -> Clinic:
    """Stations in a row, each with its own servers."""
    names = [f"server {i}" for i in range(stages)]
    return Clinic(dict.fromkeys(names, servers), (tuple(Stage({name: 1}) for name in names),))


def _row(what: str, waits: np.ndarray, truth: float, customers: int) -> Row:
    found = long_run(waits, warm_up=min(WARM_UP, customers // 10), batches=BATCHES)
    z = (found.mean - truth) / found.error
    share = found.error / truth
    return Row(
        f"{what}: mean wait by theory {truth:.4f}",
        "z within ±4, error ≤ 5 %",
        f"{found.mean:.4f} ± {found.error:.4f} (z {z:+.1f})",
        abs(z) <= 4 and share <= 0.05,
    )


def simulator_rows(customers: int = CUSTOMERS, compiled: bool | None = None) -> list[Row]:
    """M/M/c, M/G/1, tandem (Burke, Jackson), priorities (Cobham), and a loss of capacity by held rooms."""
    rng, rows = np.random.default_rng(SEED), []
    simulated = partial(simulate_clinic, compiled=compiled)

    def poisson(rate: float) -> np.ndarray:
        return np.cumsum(rng.exponential(1 / rate, (1, customers)), axis=1)

    for servers, load in ((1, 0.5), (1, 0.8), (2, 0.8), (4, 0.85), (10, 0.9)):
        run = simulated(
            station(servers), arrival=poisson(load * servers), minutes=rng.exponential(1, (1, customers, 1))
        )
        rows.append(
            _row(
                f"M/M/{servers}, load {load}",
                run.waits[0, :, 0],
                mmc_mean_wait(load * servers, 1, servers),
                customers,
            )
        )
        if servers == 4:
            delayed = long_run(
                (run.waits[0, :, 0] > 0).astype(float), warm_up=min(WARM_UP, customers // 10), batches=BATCHES
            )
            truth = erlang_c(servers, load * servers)
            z = (delayed.mean - truth) / delayed.error
            rows.append(
                Row(
                    f"M/M/4: share who wait, Erlang C {truth:.4f}",
                    "z within ±4",
                    f"{delayed.mean:.4f} (z {z:+.1f})",
                    abs(z) <= 4,
                )
            )
    for name, draw, cv in (
        ("constant", np.ones, 0.0),
        ("gamma", lambda size: rng.gamma(4, 0.25, size), 0.5),
        ("lognormal", lambda size: np.exp(rng.normal(-np.log(2.0) / 2, np.sqrt(np.log(2.0)), size)), 1.0),
    ):
        run = simulated(station(1), arrival=poisson(0.7), minutes=draw((1, customers, 1)))
        rows.append(
            _row(f"M/G/1, {name} service, load 0.7", run.waits[0, :, 0], mg1_mean_wait(0.7, 1, cv), customers)
        )
    # Burke: what leaves M/M/1 is Poisson again, so that each station of a row is an M/M/1 of its own.
    long = rng.exponential(1, (1, customers, 3)) * np.array([1.0, 0.8, 1.2])
    run = simulated(station(1, 3), arrival=poisson(0.6), minutes=long)
    for stage, mean in enumerate((1.0, 0.8, 1.2)):
        rows.append(
            _row(
                f"tandem, station {stage + 1}, load {0.6 * mean:.2f}",
                run.waits[0, :, stage],
                mm1_mean_wait(0.6, 1 / mean),
                customers,
            )
        )
    # Cobham: two priorities without interruption; the residual work of whoever is being served is lambda E S^2 / 2 = load.
    urgent = rng.random((1, customers)) < 0.3
    run = simulated(
        station(1),
        arrival=poisson(0.8),
        minutes=rng.exponential(1, (1, customers, 1)),
        priority=np.where(urgent, 0.0, 1.0),
    )
    waits, high = run.waits[0, :, 0], 0.8 * 0.3
    rows.append(_row("M/M/1, urgent ones of two priorities", waits[urgent[0]], 0.8 / (1 - high), customers))
    rows.append(_row("M/M/1, the others", waits[~urgent[0]], 0.8 / ((1 - high) * (1 - 0.8)), customers))
    # One room held through two stages is one server whose service is their sum (Erlang 2, cv^2 = 1/2).
    held = Clinic(
        {"room": 1, "nurse": 5, "doctor": 5},
        ((Stage({"room": 1, "nurse": 1}, {"nurse": 1}), Stage({"doctor": 1}, {"doctor": 1, "room": 1})),),
    )
    run = simulated(held, arrival=poisson(0.7), minutes=rng.exponential(0.5, (1, customers, 2)))
    rows.append(
        _row(
            "one room held for two stages, as M/E2/1",
            run.waits[0, :, 0],
            mg1_mean_wait(0.7, 1, np.sqrt(0.5)),
            customers,
        )
    )
    return rows
