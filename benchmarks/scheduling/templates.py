"""Best appointment times: how long they take and what they save, beside sampling, simple rules and a single-move search.

CPU seconds of one core. Durations are drawn (lognormal with the mean and spread of real consultations), so that the topic runs
anywhere; the same with real durations is in the validation. The public Kaandorp-Koole tool is quoted, not run: about 1.5 s for
one evaluation (seen in its port's own output), and its exponential option is no exponential.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.scheduling.drawn_sessions import drawn_session
from benchmarks.tables import Scale, Table
from tests.validation.scheduling_templates import (
    KAANDORP_KOOLE_MORE,
    kaandorp_koole,
    sample_cost,
    sample_optimum,
    sampled,
)

from carewheel.science.scheduling import (
    Patient,
    Session,
    Weights,
    bailey_welch_times,
    best_sequence,
    best_times,
    empirical,
    evaluate,
    individual_times,
    poisson,
    tuned,
)

RATIO, SECONDS, SEED = 1.002, {16: 0.5, 40: 2.0}, 31


def timed(call: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """CPU seconds of the quickest of some runs, and what the last found."""
    taken, found = [], None
    for _ in range(rounds):
        began = time.process_time()
        found = call()
        taken.append(time.process_time() - began)
    return min(taken), found


def single_moves(session: Session, slots: int, slot: float) -> float:
    """The cost where no move of one patient to another slot helps any more, from one patient every few slots."""
    n = len(session.patients)
    where = np.linspace(0, slots - 1, n).astype(int)
    cost = evaluate(session, where * slot).cost
    while True:
        best, found = cost - 1e-12, None
        for k in range(n):
            for s in range(slots):
                other = np.sort(np.append(np.delete(where, k), s))
                if (c := evaluate(session, other * slot).cost) < best:
                    best, found = c, other
        if found is None:
            return cost
        cost, where = best, found


def bench(scale: Scale) -> list[Table]:
    """The tables of the topic."""
    table = Table(
        "Best appointment times",
        f"cost ≤ {RATIO} × the sample-average optimum on fresh sessions; ≤ {SECONDS[16]} s for 16 patients, ≤ {SECONDS[40]:.0f} s for 40",
        ("task", "CareWheel", "peer", "ratio", "met"),
    )
    rng = np.random.default_rng(SEED)
    values = np.exp(
        rng.normal(np.log(13.5) - 0.0955, 0.437, 4_000)
    )  # mean 13.5, coefficient of variation 0.46
    law, rounds = empirical(values), max(scale.rounds, 2)
    for n, most in SECONDS.items():
        weights = Weights(0.15, 0.85)
        session = Session((Patient(law, 0.9),) * n, weights)
        took, ours = timed(lambda s=session: best_times(s), rounds)  # type: ignore[misc]
        sample = sampled(values, n, 0.9, scale.of(20_000, 300), SEED)
        peer, theirs = timed(lambda s=sample, w=weights: sample_optimum(s, w, 12.0), 1)  # type: ignore[misc]
        fresh = sampled(values, n, 0.9, scale.of(200_000, 2_000), SEED + 1)
        ratio = sample_cost(ours.times, fresh, weights)[0] / sample_cost(theirs, fresh, weights)[0]
        table.add(
            f"{n} patients: CPU seconds, beside sample paths and L-BFGS",
            f"{took:.2f} s",
            f"{peer:.2f} s",
            f"{peer / took:.1f} ×",
            met=took <= most,
        )
        table.add(
            f"{n} patients: cost on {fresh.shape[1]:,} fresh sessions",
            "–",
            "sample-average optimum",
            f"{ratio:.5f}",
            met=ratio <= RATIO,
        )
        for name, rule in (("individual spacing", individual_times), ("Bailey–Welch", bailey_welch_times)):
            cost = tuned(session, rule).evaluation.cost
            table.add(
                f"{n} patients: cost beside {name}, tuned",
                f"{ours.evaluation.cost:.2f}",
                f"{cost:.2f}",
                f"{ours.evaluation.cost / cost:.3f}",
                "–",
            )
    session = Session((Patient(law, 0.9),) * 16, Weights(0.15, 0.85))
    took, proved = timed(lambda: best_times(session, prove=True), 1)
    table.add(
        "16 patients on a grid of minutes, proved best",
        f"{took:.2f} s",
        "–",
        f"gap {proved.gap:.0e}",
        met=proved.proved,
    )
    obp = Session((Patient(poisson(9.0)),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    took, _ = timed(lambda: evaluate(obp, individual_times(24, 10)), 20)
    table.add(
        "one exact evaluation, 24 patients in 48 slots",
        f"{took * 1e3:.2f} ms",
        "1.5 s (seen)",
        f"{1.5 / took:,.0f} ×",
        "–",
    )
    slots = kaandorp_koole(KAANDORP_KOOLE_MORE)
    best = best_times(slots, slot=10)
    table.add(
        "8 patients in 16 slots, beside moves of one patient",
        f"{best.evaluation.cost:.6f}",
        f"{(single := single_moves(slots, 16, 10)):.6f}",
        f"{single / best.evaluation.cost:.4f}",
        met=best.proved,
    )
    unlike = [drawn_session(k) for k in range(scale.of(4, 1))]
    took, found = timed(lambda: [best_sequence(s).template.evaluation.cost for s in unlike], 1)
    spacing = [tuned(s, individual_times).evaluation.cost for s in unlike]
    table.add(
        f"{len(unlike)} sessions of 16 unlike patients, order free: cost beside tuned individual spacing",
        f"{took / len(unlike):.1f} s each",
        "–",
        f"{np.mean(np.array(found) / spacing):.3f}",
        "–",
    )
    table.remarks = f"CPU seconds of one core, the quickest of {rounds} rounds, seed {SEED}. What the ratios to the rules mean stands in docs/why/templates.md."
    return [table]
