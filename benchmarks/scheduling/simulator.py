"""The clinic simulator beside SimPy on the same days, and the single-practitioner session by the million.

CPU seconds of one core on both sides, ours and the peer's taking turns; compiling and reading are left out for both. The clinic has
nurse and room, then doctor, then nurse again, the room kept all the while: two nurses, three doctors, four rooms.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import Scale, Table

from carewheel.science.queueing.clinic import Clinic, Stage, Steps, simulate_clinic, simulate_sessions
from carewheel.science.scheduling import Patient, Phases, Session, Weights, evaluate, lognormal

FASTER, PER_SECOND, DAYS, VISITS, SEED = 20.0, 10e6, 400, 60, 12
# The room is a stage of its own without minutes: who has it waits in it for a nurse, as in SimPy's clinic.
CLINIC = Clinic(
    {"nurse": 2, "doctor": 3, "room": 4},
    ((Stage({"room": 1}, {}), Stage({"nurse": 1}), Stage({"doctor": 1}), Stage({"nurse": 1}, {"nurse": 1, "room": 1})),),
)  # fmt: skip


def cpu_seconds(call: Callable[[], Any], rounds: int) -> float:
    """CPU seconds of the quickest of some runs."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def days_of(days: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals about their appointments over a day of 480 minutes, one in ten does not come; minutes of three stages."""
    rng = np.random.default_rng(SEED)
    arrival = np.linspace(0, 440, VISITS) + rng.normal(0, 8, (days, VISITS)) + 30
    arrival[rng.random(arrival.shape) < 0.1] = np.nan
    return arrival, rng.gamma(3, np.array([2.0, 5.5, 1.5]), (days, VISITS, 3))


def simpy(given: dict[str, Any]) -> dict[str, Any]:
    """What SimPy takes and finds, from its own environment."""
    run = subprocess.run(
        [python_of("simpy"), HERE / "simpy_clinic.py"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def bench(scale: Scale) -> list[Table]:
    """The tables of the topic."""
    table = Table(
        "Simulating a clinic",
        f"≥ {FASTER:.0f} × SimPy 4.1.2 on the same clinic and days, with the same waits; ≥ {PER_SECOND / 1e6:.0f} million patients/s for one practitioner's session",
        ("task", "CareWheel", "SimPy", "ratio or difference", "met"),
    )
    days = scale.of(DAYS, 5)
    arrival, minutes = days_of(days)
    listed = [[None if np.isnan(a) else float(a) for a in row] for row in arrival]
    given = {
        "arrival": listed,
        "minutes": minutes.tolist(),
        "nurses": 2,
        "doctors": 3,
        "rooms": 4,
        "rounds": 1,
    }
    with_room = np.concatenate([np.zeros((days, VISITS, 1)), minutes], axis=2)
    many = [np.tile(x, (10, *[1] * (x.ndim - 1))) for x in (arrival, with_room)]

    def ours(compiled: bool, what: list[np.ndarray]) -> Any:
        return simulate_clinic(CLINIC, arrival=what[0], minutes=what[1], compiled=compiled)

    run = ours(True, [arrival, with_room])  # compiles
    fast, plain, peer = [], [], []
    found: dict[str, Any] = {}
    for _ in range(max(scale.rounds, 2)):
        fast.append(cpu_seconds(lambda: ours(True, many), 2) / 10)
        plain.append(cpu_seconds(lambda: ours(False, [arrival, with_room]), 1))
        found = simpy({"clinic": given})["clinic"]
        peer.append(found["seconds"])
    waits = np.array(found["waits"])
    here = ~np.isnan(arrival)
    mine = np.nan_to_num(run.waits)[here].sum(axis=1)
    off = float(np.abs(mine - waits[here].sum(axis=1)).max())
    per = {"fast": min(fast) / days, "plain": min(plain) / days, "peer": min(peer) / days}
    table.add(
        f"a day of {VISITS} visits in three stages, compiled",
        f"{per['fast'] * 1e6:.0f} µs",
        f"{per['peer'] * 1e6:.0f} µs",
        f"{per['peer'] / per['fast']:.0f} ×",
        met=per["peer"] >= FASTER * per["fast"],
    )
    table.add(
        "the same, without numba",
        f"{per['plain'] * 1e6:.0f} µs",
        f"{per['peer'] * 1e6:.0f} µs",
        f"{per['peer'] / per['plain']:.1f} ×",
        "–",
    )
    table.add(
        f"waits of every visit of {days} days, minutes",
        f"mean {mine.mean():.3f}",
        f"mean {waits[here].sum(axis=1).mean():.3f}",
        f"largest difference {off:.1e}",
        met=off < 1e-6,
    )
    table = sessions(table, scale)
    table.remarks = f"CPU seconds of one core, the quickest of {max(scale.rounds, 2)} rounds in which ours and SimPy take turns, seed {SEED}. The plain path is the same code uncompiled."
    return [table]


def sessions(table: Table, scale: Scale) -> Table:
    """The single practitioner's session."""
    n, gap = 16, 12
    law = lognormal(13.5, 0.46)
    steps = Steps(law.first, law.mass)
    given = {
        "due": np.arange(n) * gap,
        "show_rate": [0.9] * n,
        "duration": [steps] * n,
        "closes": 200,
        "seed": SEED,
    }
    days = scale.of(1_000_000, 2_000)
    for name, compiled in (("compiled", True), ("numpy alone", False)):
        simulate_sessions(**given, days=10, compiled=compiled)
        many = days if compiled else max(days // 8, 1_000)
        took = cpu_seconds(
            lambda c=compiled, d=many: simulate_sessions(**given, days=d, compiled=c), max(scale.rounds, 2)
        )  # type: ignore[misc]
        speed = n * many / took
        found = simpy(
            {"sessions": {"due": given["due"].tolist(), "mean": 13.5, "days": max(scale.of(2_000), 50)}}
        )["sessions"]
        peer = n * max(scale.of(2_000), 50) / found["seconds"]
        table.add(
            f"sessions of {n} patients, {name}",
            f"{speed / 1e6:.1f} million patients/s",
            f"{peer / 1e3:.0f} thousand",
            f"{speed / peer:,.0f} ×",
            met=speed >= PER_SECOND,
        )
    exact = evaluate(Session((Patient(law, 0.9),) * n, Weights(1, 1), closes=200), given["due"])
    took = cpu_seconds(
        lambda: evaluate(Session((Patient(law, 0.9),) * n, Weights(1, 1), closes=200), given["due"]), 20
    )
    done = simulate_sessions(**given, days=days)
    z = (done.waiting[0] - exact.waiting) / done.waiting[1]
    table.add(
        "the same session exactly",
        f"{took * 1e3:.2f} ms",
        "–",
        f"waiting {exact.waiting:.3f} min; simulated {done.waiting[0]:.3f}, z {z:+.1f}",
        "–",
    )
    true = evaluate(Session((Patient(Phases(1 / 13.5)),) * n, Weights(1, 1), closes=200), given["due"])
    table.add(
        "SimPy's session, exponential service, exactly",
        f"waiting {true.waiting:.1f} min",
        f"{found['waiting']:.1f} min",
        f"{abs(found['waiting'] / true.waiting - 1):.1%}",
        "–",
    )
    return table
