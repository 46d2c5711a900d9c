"""The practice model simulated: in numpy, compiled, and differentiated, beside PySD and pysimlin on the same XMILE file.

All times are CPU seconds of one core, each the quickest of several rounds in one run; loading, translating and compiling
are left out for everybody.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import ROOT, Scale, Table
from tests.science.flywheel.balanced_practice import assumed_strengths, practice, scales, wheel_links

from carewheel.science.flywheel.practice_model import Move, PracticeModel, link_worths, practice_model
from carewheel.science.flywheel.practice_model.equations import EARNED, STOCKS
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import sensitivities, simulate, to_xmile

MONTHS, DRAWS, SEED = 60, 1_000, 11
NUMPY_MS, COMPILED_MS, PYSD, PYSIMLIN, ALIKE = 0.2, 0.03, 150, 15, 1e-9


def quickest(work: Callable[[], Any], rounds: int) -> float:
    """CPU seconds of the quickest of ``rounds`` runs."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def model_and_strengths(draws: int) -> tuple[PracticeModel, dict[str, Any], dict[str, float]]:
    """The practice over 960 steps with a move that sets it going; strengths as draws, and one value each."""
    move = Move("operations.no_show_rate", -0.03, 6, 3, 3_000, 50)
    pm = practice_model(practice(), scales(), wheel_links(), moves=[move], months=MONTHS)
    rng, one = np.random.default_rng(SEED), assumed_strengths()
    return pm, {link: value + 0.05 * rng.standard_normal(draws) for link, value in one.items()}, one


def peers(
    pm: PracticeModel, one: dict[str, float], folder: Path, rounds: int
) -> tuple[float, float, float, float]:
    """Seconds a run of PySD and pysimlin, and the largest relative difference of any stock or flow from ours."""
    values = {name: float(np.asarray(v)) for name, v in values_of(pm, one).items()}
    path, out = folder / "model.xmile", folder / "peers.npz"
    path.write_text(to_xmile(pm.model, values), "utf-8")
    command = [python_of("systemdynamics"), HERE / "systemdynamics_run.py", path, out, str(rounds)]
    subprocess.run(command, check=True, capture_output=True)
    theirs = dict(np.load(out))
    ours = simulate(pm.model, values, record=[*pm.model.stock_names, *pm.model.order])
    worst = dict.fromkeys(("pysd", "simlin"), 0.0)
    for who in worst:
        for name, series in ours.series.items():
            scale = max(float(np.abs(series).max()), 1e-12)
            worst[who] = max(worst[who], float(np.abs(theirs[f"{who}:{name}"] - series[:, 0]).max()) / scale)
    seconds = theirs["seconds"]
    return float(seconds[0]), float(seconds[1]), worst["pysd"], worst["simlin"]


def compiled(
    pm: PracticeModel, values: dict[str, Any], folder: Path, rounds: int
) -> tuple[float, float, np.ndarray]:
    """Seconds of the compiled batch, of compiling, and the net cash it found."""
    path, out = folder / "model.pickle", folder / "compiled.npz"
    path.write_bytes(pickle.dumps((pm.model, values, [EARNED], 16)))
    command = [python_of("speed"), HERE / "compiled_timing.py", path, out, str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "NUMBA_NUM_THREADS": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    found = np.load(out)
    return float(found["seconds"]), float(found["compiling"]), found[EARNED]


def bench(scale: Scale) -> list[Table]:
    draws, rounds = scale.of(DRAWS, 20), max(2 * scale.rounds, 2)
    pm, strengths, one = model_and_strengths(draws)
    values = values_of(pm, strengths)
    table = Table(
        "Simulating a practice",
        f"≤ {NUMPY_MS} ms a run in batches of {DRAWS:,} draws, compiled ≤ {COMPILED_MS} ms; ≥ {PYSD} × PySD 3.14.3, ≥ {PYSIMLIN} × "
        f"pysimlin 0.8.5; the exported XMILE within {ALIKE:g} of both",
        ("task", "CareWheel", "peer", "ratio or difference", "met"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        batches, theirs = [], []
        for _ in range(2):  # ours and the peers take turns
            batches.append(quickest(lambda: simulate(pm.model, values, record=[EARNED], every=16), rounds))
            theirs.append(peers(pm, one, folder, rounds))
        run = simulate(pm.model, values, record=[EARNED], every=16)
        mine = min(batches) / draws
        pysd, simlin = (min(row[i] for row in theirs) for i in (0, 1))
        fast, compiling, earned = compiled(pm, values, folder, rounds)
        alike = float(np.abs(earned - run[EARNED]).max() / np.abs(run[EARNED]).max())
    table.add(f"numpy, {draws:,} draws", f"{mine * 1e3:.3f} ms a run", "–", "–", met=mine * 1e3 <= NUMPY_MS)
    table.add(
        "numpy against PySD",
        f"{mine * 1e3:.3f} ms",
        f"{pysd * 1e3:.0f} ms",
        f"{pysd / mine:,.0f} ×",
        met=pysd >= PYSD * mine,
    )
    table.add(
        "numpy against pysimlin",
        f"{mine * 1e3:.3f} ms",
        f"{simlin * 1e3:.2f} ms",
        f"{simlin / mine:.1f} ×",
        met=simlin >= PYSIMLIN * mine,
    )
    table.add(
        f"compiled (numba), {draws:,} draws",
        f"{fast / draws * 1e3:.4f} ms a run",
        "–",
        f"{mine * draws / fast:.1f} × numpy",
        met=fast / draws * 1e3 <= COMPILED_MS,
    )
    table.add(
        "compiled against PySD; pysimlin",
        f"{fast / draws * 1e3:.4f} ms",
        f"{pysd * 1e3:.0f}; {simlin * 1e3:.2f} ms",
        f"{pysd / fast * draws:,.0f}; {simlin / fast * draws:.0f} ×",
        "–",
    )
    table.add("compiled equals numpy", "net cash", "–", f"{alike:.1e}", met=alike <= ALIKE)
    table.add(
        "XMILE in PySD, every variable and step",
        f"{len(pm.model.names)} variables",
        "PySD",
        f"{theirs[0][2]:.1e}",
        met=theirs[0][2] <= ALIKE,
    )
    table.add(
        "XMILE in pysimlin, every variable and step",
        f"{len(pm.model.names)} variables",
        "pysimlin",
        f"{theirs[0][3]:.1e}",
        met=theirs[0][3] <= ALIKE,
    )
    some = {link: value[: max(draws // 10, 10)] for link, value in strengths.items()}
    several = values_of(pm, some)
    once = quickest(lambda: simulate(pm.model, several, record=[EARNED], every=960), rounds)
    names = [pm.stronger[link] for link in one]
    adjoint = quickest(lambda: sensitivities(pm.model, EARNED, names, several), rounds)
    runs = quickest(lambda: link_worths(pm, some, method="runs"), 1) - adjoint
    table.add(
        f"worth of 0.1 more on each of {len(one)} links: by the adjoint", f"{adjoint / once:.1f} simulations", f"by runs: {runs / once:.0f} simulations",
        f"{runs / adjoint:.1f} ×", "–",
    )  # fmt: skip
    table.remarks = (
        f"The practice has {len(STOCKS)} stocks in real units; with the lags of its links and two counters of money {len(pm.model.stocks)} are integrated over "
        f"{pm.model.steps} steps, by everybody alike. CPU time, the quickest of {rounds} rounds; peers and ours take turns. A peer runs one draw at a "
        f"time. Compiling takes {compiling:.1f} s once a model. Seed {SEED}."
    )
    return [table]
