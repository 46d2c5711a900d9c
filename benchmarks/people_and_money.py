"""Lifetime value, turnover and returns against lifetimes, lifelines, numpy-financial and pyxirr, in one run.

CPU seconds on both sides. CDNOW and Rossi come from the shared data (`CAREWHEEL_DATA`); without them only the returns are timed. 100,000 patients
are drawn from the BG/NBD with CDNOW's parameters.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import Scale, Table
from tests.validation.published_people import columns_of, rossi, rows_of

from carewheel.science.finance import irr_of_paths
from carewheel.science.lifetime_value import BG_NBD, PARETO_NBD, fitted, histories
from carewheel.science.survival import cox

LEAST = {"BG/NBD": 3.0, "Pareto/NBD": 9.0}
SAME, MOST_SECONDS, MOST_IRR_MS = 0.001, 0.7, 0.01
PATHS = 10_000


def cpu_seconds(call: Callable[[], object], times: int) -> float:
    """Median CPU seconds of some calls, after one that loads the code."""
    call()
    taken = []
    for _ in range(times):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return float(np.median(taken))


def many_patients(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients of a BG/NBD world (r .243, alpha 4.414, a .793, b 2.426), watched for 27 to 39 weeks: repeats, last, observed."""
    rng = np.random.default_rng(11)
    observed = rng.uniform(27, 39, count)
    rate, stop = rng.gamma(0.243, 1 / 4.414, count), rng.beta(0.793, 2.426, count)
    x, last, now = np.zeros(count), np.zeros(count), np.zeros(count)
    here = np.arange(count)
    while here.size:
        now[here] += rng.exponential(size=here.size) / np.maximum(rate[here], 1e-12)
        here = here[now[here] <= observed[here]]
        x[here] += 1
        last[here] = now[here]
        here = here[rng.random(here.size) >= stop[here]]
    return x, last, observed


def flows_of(count: int) -> np.ndarray:
    """Paths of 61 flows: an outlay, then five years of noisy months."""
    rng = np.random.default_rng(5)
    return np.column_stack([-rng.uniform(5e4, 1.5e5, count), rng.normal(2500, 1500, (count, 60))])


def asked(given: dict[str, object]) -> dict[str, dict[str, object]]:
    """The peers' answers."""
    run = subprocess.run(
        [python_of("money"), HERE / "money_timing.py"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, dict[str, object]] = json.loads(run.stdout.split("ANSWERS ")[1])
    return answers


def bench(scale: Scale) -> list[Table]:
    data = Path(os.environ.get("CAREWHEEL_DATA") or "/nonexistent")
    rounds = 3 * scale.rounds
    flows = flows_of(scale.of(PATHS, 200))
    given: dict[str, object] = {"rounds": rounds, "flows": flows[: scale.of(500, 50)].tolist()}
    there = data.is_dir()
    if there:
        summary = columns_of(rows_of(data, "cdnow_summary"), "frequency", "recency", "T")
        many = many_patients(scale.of(100_000, 2_000))
        people = rossi(data)
        given |= {
            "summary": [c.tolist() for c in summary],
            "many": [c.tolist() for c in many],
            "cox": [c.tolist() for c in people],
        }
    theirs = asked(given)
    money = Table(
        "Internal rates of return",
        f"at most {MOST_IRR_MS} ms a path of 61 flows, every root found",
        ("task", "ours, ms", "numpy-financial 1.0.0, ms", "pyxirr 0.10.8, ms", "ratios", "met"),
    )
    ours = cpu_seconds(lambda: irr_of_paths(flows), rounds) / len(flows) * 1000
    peers = [float(str(theirs[name]["seconds"])) * 1000 for name in ("numpy-financial", "pyxirr")]
    money.add(
        f"{len(flows):,} paths at once",
        f"{ours:.4f}",
        *(f"{peer:.4f}" for peer in peers),
        ", ".join(f"{peer / ours:.1f} ×" for peer in peers),
        met=ours <= MOST_IRR_MS or scale.share < 1,
    )
    several = irr_of_paths(flows).count > 1
    money.remarks = (
        f"The peers give one rate a path, called path by path; ours gives all. {several.mean():.1%} of these paths have more than one rate, "
        "of which the peers say nothing."
    )
    return [money] if not there else [money, *_people(summary, many, people, theirs, rounds, scale)]


def _people(
    summary: list[np.ndarray],
    many: tuple[np.ndarray, ...],
    people: tuple[np.ndarray, ...],
    theirs: dict[str, dict[str, object]],
    rounds: int,
    scale: Scale,
) -> list[Table]:
    visits = Table(
        "Models of visits",
        f"BG/NBD at least 3 ×, Pareto/NBD at least 9 × lifetimes 0.11.3, log-likelihood within {SAME} of its or higher; 100,000 patients in {MOST_SECONDS} s",
        ("task", "ours, ms", "lifetimes, ms", "ratio", "log-likelihood", "lifetimes'", "met"),
    )
    for model in (BG_NBD, PARETO_NBD):
        took = cpu_seconds(lambda model=model: fitted(model, histories(*summary)), rounds)  # type: ignore[misc]
        fit, peer = fitted(model, histories(*summary)), theirs[model.name]
        other = float(str(peer["seconds"]))
        height = model.log_likelihood(np.array(peer["parameters"], dtype=float), histories(*summary))[0]
        visits.add(
            f"{model.name}, CDNOW, 2,357 customers",
            f"{took * 1000:.1f}",
            f"{other * 1000:.0f}",
            f"{other / took:.1f}",
            f"{fit.log_likelihood:.4f}",
            f"{height:.4f}",
            met=other >= LEAST[model.name] * took and fit.log_likelihood >= height - SAME,
        )
    took = cpu_seconds(lambda: fitted(BG_NBD, histories(*many)), 1)
    fit, peer = fitted(BG_NBD, histories(*many)), theirs["many"]
    other = float(str(peer["seconds"]))
    height = BG_NBD.log_likelihood(np.array(peer["parameters"], dtype=float), histories(*many))[0]
    visits.add(
        f"BG/NBD, {many[0].size:,} invented patients",
        f"{took * 1000:.0f}",
        f"{other * 1000:.0f}",
        f"{other / took:.1f}",
        f"{fit.log_likelihood:.4f}",
        f"{height:.4f}",
        met=took <= MOST_SECONDS and fit.log_likelihood >= height - SAME,
    )
    visits.remarks = (
        "Ours include the grouping of histories and the curvature that the intervals need; median CPU time. The log-likelihood of the peer's parameters "
        "is taken by our function, which the tests hold to numerical integrals: what the peer keeps is on a scale of its own."
    )
    turnover = Table(
        "Cox's regression",
        "the coefficients of lifelines 0.30.3",
        ("task", "ours, ms", "lifelines, ms", "ratio", "largest difference", "met"),
    )
    took = cpu_seconds(lambda: cox(*people), rounds)
    other = float(str(theirs["lifelines"]["seconds"]))
    apart = float(np.abs(cox(*people).beta - np.array(theirs["lifelines"]["coefficients"])).max())
    turnover.add(
        "Rossi, 432 people, 7 columns, Efron's ties",
        f"{took * 1000:.1f}",
        f"{other * 1000:.0f}",
        f"{other / took:.1f}",
        f"{apart:.0e}",
        met=apart < 1e-5,
    )
    return [visits, turnover]
