"""An impact call against tfcausalimpact's, in one run; and what the other methods cost.

Weekly placebo series (104 + 26, one control) from tests/validation. CPU seconds on both sides, so that what else the machine does
matters less. The peer is 2 GB of TensorFlow, and each of its calls takes many seconds: few series are enough to tell a
factor of a hundred.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import Scale, Table
from tests.validation.placebo_series import BEFORE, placebos

from carewheel.science.causal import (
    NEVER,
    Panel,
    impact,
    planned,
    staggered_did,
    synthetic_control,
    synthetic_did,
    verdict,
)

LEAST, MOST_SECONDS, SYNTHETIC_SECONDS = 100, 0.050, 1.0
Series = list[tuple[list[float], list[float]]]


def series_of(count: int) -> Series:
    """``count`` series and controls, of kinds A, B and C by turns."""
    made = {kind: placebos(kind, count, 77) for kind in "ABC"}
    return [(made["ABC"[k % 3]][0][k].tolist(), made["ABC"[k % 3]][1][k].tolist()) for k in range(count)]


def seconds_of_peer(series: Series) -> list[float]:
    """CPU seconds of each of the peer's calls, after one that builds its graphs."""
    run = subprocess.run(
        [python_of("tfcausalimpact"), HERE / "tfcausalimpact_timing.py", str(BEFORE)],
        input=json.dumps(series),
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(answer[0]) for answer in json.loads(run.stdout.split("ANSWERS ")[1])]


def seconds_of_ours(series: Series) -> list[float]:
    """CPU seconds of each of our calls, bands included, after one that loads the code."""
    tables = [(np.array(y), np.array(x)) for y, x in series]
    impact(tables[0][0], BEFORE, tables[0][1])
    taken = []
    for y, x in tables:
        began = time.process_time()
        impact(y, BEFORE, x)
        taken.append(time.process_time() - began)
    return taken


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def others() -> list[tuple[str, Callable[[], object], float | None]]:
    """The other methods on panels of a group's size: (what, a call, seconds allowed or None)."""
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.normal(0, 0.4, 36))

    def panel(units: int, treated: int) -> Panel:
        y = 50 + rng.normal(0, 2, (units, 1)) + drift + rng.normal(0, 1, (units, 36))
        return Panel.of(y, np.where(np.arange(units) < treated, 24.0, NEVER))

    one, many = panel(39, 1), panel(200, 60)
    like = rng.normal(0, 1, (39, 7)) + one.outcomes[:, :7]
    before = Panel.of(one.outcomes[:, :24], [NEVER] * 39)
    plan = planned(before, one.starts.tolist(), 12, measure="invented", unit="points")
    spread = many.with_starts(np.where(many.treated, 18.0 + np.arange(200) % 6, NEVER))
    return [
        (
            "synthetic control, 38 donors, 7 predictors, nested",
            lambda: synthetic_control(one.outcomes[0], one.outcomes[1:], 24, (like[0], like[1:])),
            SYNTHETIC_SECONDS,
        ),
        ("synthetic DiD, 39 units, placebo interval", lambda: synthetic_did(one), None),
        ("staggered DiD, 200 units, 6 cohorts, 36 months", lambda: staggered_did(spread), None),
        ("a verdict with all its checks, 39 units", lambda: verdict(plan, one), None),
    ]


def bench(scale: Scale) -> list[Table]:
    count = 2 if scale.share >= 1 else 1
    theirs = seconds_of_peer(series_of(count))
    ours = seconds_of_ours(series_of(max(count, scale.of(60))))
    mine, peer = float(np.median(ours)), float(np.median(theirs))
    speed = Table(
        "An impact call",
        f"at most {MOST_SECONDS * 1000:.0f} ms, and at least {LEAST} × tfcausalimpact 0.0.19, in one run",
        ("task", f"CareWheel, ms ({len(ours)} series)", f"tfcausalimpact, ms ({count})", "ratio", "met"),
    )
    speed.add(
        "130 weeks, one control",
        f"{mine * 1000:.1f}",
        f"{peer * 1000:,.0f}",
        f"{peer / mine:,.0f}",
        met=mine <= MOST_SECONDS and peer >= LEAST * mine,
    )
    speed.remarks = (
        "Median CPU time of a call, bands of every week included; the first call of each side left out."
    )
    rest = Table(
        "Methods for panels",
        f"synthetic control in at most {SYNTHETIC_SECONDS:.0f} s",
        ("task", "CPU s, median", "met"),
    )
    for what, call, allowed in others():
        taken = float(np.median([cpu_seconds(call) for _ in range(scale.rounds)]))
        if allowed is None:
            rest.add(what, f"{taken:.3f}", "–")
        else:
            rest.add(what, f"{taken:.3f}", met=taken <= allowed)
    return [speed, rest]
