"""Best times at length: published optima, enumeration, sample averages, simple rules at equal idle time, and multistart."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.scheduling.drawn_sessions import drawn_session
from scipy import optimize
from tests.validation.scheduling_multistart import kept

from carewheel.science.scheduling import (
    Minutes,
    Patient,
    Phases,
    Session,
    Weights,
    bailey_welch_times,
    best_sequence,
    best_times,
    empirical,
    evaluate,
    individual_times,
    lognormal,
    poisson,
    tuned,
)

SEED, FRESH, SAMPLE = 20261128, 200_000, 20_000
# The rows of reference tables that are not in anchors_exact.json: N, slots, d, mean, no-show, weights W/I/L, optimum, cost.
KAANDORP_KOOLE_MORE = {
    "N": 8, "intervals": 16, "d": 10, "beta": 20, "noshow": 0.2, "weights": {"W": 0.5, "I": 0.25, "L": 0.25},
    "optimal": [2, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], "optimal_cost": 23.693510,
}  # fmt: skip


class Row(NamedTuple):
    """One line of the page."""

    what: str
    bar: str
    found: str
    holds: bool


def hassin_mendel(n: int, show: float) -> Session:
    """n customers, exponential service of mean 1; waiting and the server's availability cost 1 a minute each."""
    return Session((Patient(Phases(1.0), show),) * n, Weights(waiting=1, idle=1))


def kaandorp_koole(case: dict[str, Any]) -> Session:
    """Slots of d minutes; W mean wait of who comes, I idle time, L work left at the end."""
    n, show, w = case["N"], 1 - case["noshow"], case["weights"]
    weights = Weights(w["W"] / (n * show), w["I"], w["L"])
    return Session((Patient(Phases(1 / case["beta"]), show),) * n, weights, case["intervals"] * case["d"])


def anchor_rows(folder: Path) -> list[Row]:
    """Every published optimum: cost over it, and the same schedule."""
    anchors = json.loads((folder / "anchors_exact.json").read_text("utf-8"))
    hm = []
    for case in anchors["HM"]:
        found = best_times(hassin_mendel(case["n"], case["show_p"]))
        hm.append(
            ((found.evaluation.waiting + found.evaluation.availability) / case["optimal_cost"], found.gap)
        )
    kk = []
    for case in [*anchors["KK"], KAANDORP_KOOLE_MORE]:
        found = best_times(kaandorp_koole(case), slot=case["d"])
        where = np.bincount(np.rint(found.times / case["d"]).astype(int), minlength=case["intervals"])
        kk.append(
            (found.evaluation.cost / case["optimal_cost"], found.proved, where.tolist() == case["optimal"])
        )
    worst, gap = max(r for r, _ in hm), max(g for _, g in hm)
    return [
        Row(f"Hassin–Mendel, {len(hm)} optima: largest cost ratio", "1.000001", f"{worst:.8f}", worst <= 1.000001),
        Row("the same: largest stated gap", "1e-6", f"{gap:.1e}", gap <= 1e-6),
        Row(f"Kaandorp–Koole, {len(kk)} enumerated optima: largest cost ratio", "1.000001", f"{max(r for r, *_ in kk):.8f}", max(r for r, *_ in kk) <= 1.000001),
        Row("the same: proved without enumeration, same schedule", f"{len(kk)} of {len(kk)}", f"{sum(p and s for _, p, s in kk)}", all(p and s for _, p, s in kk)),
    ]  # fmt: skip


def published_slots(folder: Path, count: int | None = None) -> np.ndarray:
    """Published over exact cost of the schedules of the public tool (its service: a Poisson number of minutes)."""
    service, ratios = poisson(9.0), []
    with gzip.open(folder / "slot_schedules_obp_n24.csv.gz", "rt") as stream:
        rows = [(r["schedule_48_slots"], float(r["objective"])) for r in csv.DictReader(stream)]
    if count is not None:
        rows = [rows[i] for i in np.random.default_rng(SEED).choice(len(rows), count, replace=False)]
    session = Session((Patient(service),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    for schedule, published in rows:
        times = np.repeat(np.arange(48) * 5.0, [int(x) for x in schedule.split()])
        ratios.append(published / evaluate(session, times).cost)
    return np.array(ratios)


def tool_rows(folder: Path) -> list[Row]:
    """The public tool: its truncation, and its best schedule."""
    off = published_slots(folder) - 1
    alien = np.abs(off) > 0.01
    bias, most = float(off[~alien].mean()), float(np.abs(off[~alien]).max())
    session = Session((Patient(poisson(9.0)),) * 24, Weights(0.4 / 24, 0.2, 0.4), closes=240)
    found = best_times(session, slot=5, prove=True)
    return [
        Row(f"public tool, {(~alien).sum():,} schedules: mean of published / exact - 1", "-0.12 % ± 0.03", f"{bias:.3%}", abs(bias + 0.0012) <= 0.0003),
        Row("the same: largest difference", "0.17 %", f"{most:.3%}", most <= 0.00171),
        Row("published values that belong to no such schedule (off by 24 % or more)", "shown", f"{alien.sum()} of {off.size:,}", True),
        Row("its best schedule, 24 patients in 48 slots, against ours with proof", "6.636674, proved", f"{found.evaluation.cost:.6f}, gap {found.gap:.0e}", found.proved and found.evaluation.cost <= 6.636675),
    ]  # fmt: skip


def enumerated(session: Session, slots: int, slot: float) -> float:
    """The least cost over all schedules, one by one."""
    n = len(session.patients)
    return min(
        evaluate(session, np.array(times) * slot).cost
        for times in itertools.combinations_with_replacement(range(slots), n)
    )


def enumeration_rows(cases: int = 40) -> list[Row]:
    """Random small sessions of unlike patients: every schedule tried."""
    rng, worst, proved = np.random.default_rng(SEED), 0.0, 0
    for _ in range(cases):
        n, slots = int(rng.integers(3, 6)), int(rng.integers(5, 9))
        early = empirical(rng.normal(-2, 8, 20), 5.0)
        patients = tuple(
            Patient(lognormal(float(rng.uniform(8, 22)), float(rng.uniform(0.3, 0.9)), 5.0), float(rng.uniform(0.5, 1)), early if rng.random() < 0.4 else None, float(rng.uniform(0.5, 2)))
            for _ in range(n)
        )  # fmt: skip
        closes = 10.0 * slots if rng.random() < 0.7 else None
        session = Session(patients, Weights(*rng.uniform(0.2, 2, 3).tolist()), closes)
        found = best_times(session, slot=10, latest=10.0 * (slots - 1), prove=True)
        proved += found.proved
        worst = max(worst, found.evaluation.cost / enumerated(session, slots, 10) - 1)
    return [
        Row(f"{cases} random sessions of unlike, partly unpunctual patients, all schedules enumerated: largest excess", "1e-9", f"{worst:.0e}", worst <= 1e-9),
        Row("the same: proved", f"{cases}", f"{proved}", proved == cases),
    ]  # fmt: skip


# --- samples


def hangu(folder: Path) -> np.ndarray:
    """Consultation times in minutes."""
    with (folder / "service_hangu_sessions_001_266.csv").open(encoding="utf-8") as stream:
        return np.array([float(row["ServTime"]) / 60 for row in csv.DictReader(stream)])


def sampled(values: np.ndarray, n: int, show: float, sessions: int, seed: int) -> np.ndarray:
    """Service minutes (n, sessions), NaN for who does not come: drawn from the data as they are, off any grid."""
    rng = np.random.default_rng(seed)
    found = rng.choice(values, (n, sessions))
    found[rng.random(found.shape) >= show] = np.nan
    return found


def sample_cost(
    times: np.ndarray, service: np.ndarray, weights: Weights
) -> tuple[float, np.ndarray, float, float]:
    """Mean cost over sampled sessions that end when the last is seen or due, its gradient, mean waiting and idling."""
    n, sessions = service.shape
    free, who, waiting = np.zeros(sessions), np.full(sessions, -1), 0.0
    gradient = np.zeros(n)
    for k in range(n):
        here = ~np.isnan(service[k])
        late = here & (free > times[k])
        waiting += float((free[late] - times[k]).sum())
        moved = who[late]
        gradient += weights.waiting * np.bincount(moved[moved >= 0], minlength=n)[:n]
        gradient[k] -= weights.waiting * late.sum()
        who = np.where(here & ~late, k, who)
        free = np.where(here, np.maximum(free, times[k]) + np.where(here, service[k], 0), free)
    end = np.maximum(free, times[-1])
    who = np.where(free >= times[-1], who, n - 1)
    gradient += weights.idle * np.bincount(who[who >= 0], minlength=n)[:n]
    idle = float(end.mean() - np.nansum(service) / sessions)
    return (
        weights.waiting * waiting / sessions + weights.idle * idle,
        gradient / sessions,
        waiting / sessions,
        idle,
    )


def sample_optimum(service: np.ndarray, weights: Weights, start: float) -> np.ndarray:
    """Times that are best for these sampled sessions, by sample-path gradients: knows no distribution and no recursion."""
    n = len(service)

    def cost(gaps: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient, *_ = sample_cost(np.concatenate([[0.0], np.cumsum(gaps)]), service, weights)
        return value, np.cumsum(gradient[::-1])[::-1][1:]

    done = optimize.minimize(
        cost,
        np.full(n - 1, start),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * (n - 1),
        options={"maxiter": 500, "ftol": 1e-10},
    )
    return np.concatenate([[0.0], np.cumsum(done.x)])


def sample_rows(values: np.ndarray) -> Iterator[Row]:
    """Our times against the sample average's, on fresh sessions, with the time ours took."""
    law = empirical(values)
    for n, limit in ((12, 0.5), (16, 0.5), (40, 2.0)):
        worst, longest, cases = 0.0, 0.0, 0
        for noshow, idle in itertools.product((0.0, 0.1, 0.2), (0.7, 0.85)):
            if n == 40 and (noshow, idle) not in ((0.1, 0.7), (0.2, 0.85)):
                continue
            weights = Weights(1 - idle, idle)
            session = Session((Patient(law, 1 - noshow),) * n, weights)
            began = time.process_time()
            ours = best_times(session)
            longest = max(longest, time.process_time() - began)
            theirs = sample_optimum(
                sampled(values, n, 1 - noshow, SAMPLE, SEED + n), weights, law.mean * (1 - noshow)
            )
            fresh = sampled(values, n, 1 - noshow, FRESH, SEED + 1000 + n)
            worst = max(
                worst, sample_cost(ours.times, fresh, weights)[0] / sample_cost(theirs, fresh, weights)[0]
            )
            cases += 1
        yield Row(
            f"{n} patients, Hangu durations, {cases} settings: largest cost / sample-average optimum on {FRESH:,} fresh sessions",
            "1.002",
            f"{worst:.5f}",
            worst <= 1.002,
        )
        yield Row(
            "the same: longest time to find the times, CPU seconds",
            f"{limit}",
            f"{longest:.2f}",
            longest <= limit,
        )


# --- rules at equal idle time


def frontier(law: Minutes, n: int, show: float, idle: float, *, prove: bool = False) -> float:
    """Least waiting at an expected idle time, by exact best times under a varied weight (between two of them: a mixture by lot)."""
    low, high, met = 0.02, 0.998, []
    for _ in range(16):
        weight = (low + high) / 2
        session = Session((Patient(law, show),) * n, Weights(1 - weight, weight))
        found = best_times(session, prove=prove).evaluation
        met.append((found.idle, found.waiting))
        low, high = (weight, high) if found.idle > idle else (low, weight)
    met.sort()
    return float(np.interp(idle, [i for i, _ in met], [w for _, w in met]))


def rule_savings(
    law: Minutes, rule: Any, idles: tuple[float, ...] = (0.7, 0.8, 0.9), *, prove: bool = False
) -> Iterator[float]:
    """Waiting less than the rule's at the rule's own idle time, with the rule's gap tuned: 12 and 16 patients, no-shows 0 to 20 %."""
    for n, noshow in itertools.product((12, 16), (0.0, 0.1, 0.2)):
        for idle in idles:
            session = Session((Patient(law, 1 - noshow),) * n, Weights(1 - idle, idle))
            found = tuned(session, rule).evaluation
            yield 1 - frontier(law, n, 1 - noshow, found.idle, prove=prove) / found.waiting


def drawn_rows() -> Iterator[Row]:
    """Unlike patients in free order against ten minutes of random starts, and against tuned individual spacing."""
    ratios, longest = [], 0.0
    stored = kept()
    for number in range(16):
        session = drawn_session(number)
        began = time.process_time()
        cost = best_sequence(session).template.evaluation.cost
        longest = max(longest, time.process_time() - began)
        single = tuned(session, individual_times).evaluation.cost
        as_asked = best_times(session).evaluation.cost
        row = stored.get(str(number))
        ratios.append((cost / single, as_asked / single, cost / float(row["cost"]) if row else np.nan))  # type: ignore[arg-type]
    r = np.array(ratios)
    judged = r[~np.isnan(r[:, 2]), 2]
    yield Row(
        f"16 drawn sessions of 16 unlike patients, order free: largest cost / best of 600 s of random starts ({judged.size} sessions run so far)",
        "1.01",
        f"{judged.max(initial=0):.5f}",
        judged.size > 0 and judged.max() <= 1.01,
    )
    yield Row(
        "the same: mean cost / tuned individual spacing (order as asked)",
        "0.89",
        f"{r[:, 0].mean():.3f}; times alone, order as asked {r[:, 1].mean():.3f}",
        r[:, 0].mean() <= 0.89,
    )
    yield Row("the same: longest search, CPU seconds", "shown", f"{longest:.1f}", True)


def template_rows(folder: Path | None) -> Iterator[Row]:
    """All rows of the section."""
    yield from enumeration_rows()
    if folder is not None:
        yield from anchor_rows(folder)
        yield from tool_rows(folder)
        values = hangu(folder)
        yield from sample_rows(values)
        law = empirical(values)
        for name, rule, low, high in (
            ("individual spacing", individual_times, 0.031, 0.064),
            ("Bailey–Welch", bailey_welch_times, None, None),
        ):
            savings = np.array(list(rule_savings(law, rule, (0.85,))))
            bar = "3.1 to 6.4 % ± 0.5" if low else "shown (reference: 0.7 to 9.5 %, its idle times unknown)"
            yield Row(
                f"waiting below {name} at its idle time and throughput, tuned at idle weight 0.85, {savings.size} settings: least, median, most",
                bar,
                f"{savings.min():.1%}, {np.median(savings):.1%}, {savings.max():.1%}",
                low is None
                or high is None
                or bool(savings.min() >= low - 0.005 and savings.max() <= high + 0.005),
            )
        quick, limit = (
            np.array(list(rule_savings(law, individual_times, (0.85,), prove=p))) for p in (False, True)
        )
        off = float(np.abs(quick - limit).max())
        yield Row(
            "that saving by times found quickly against times proved best (the limit), 6 settings: largest difference",
            "0.5 points",
            f"{100 * off:.2f} points",
            off <= 0.005,
        )
    yield from drawn_rows()
