"""How long it takes to learn the links: one equation of the known design beside NUTS, and whole wheels of many places."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import Scale, Table
from tests.science.flywheel.site_links import draw, fit
from tests.validation.link_learning import design_for_peer

from carewheel.catalog.links import link_scales
from carewheel.science.flywheel.learning import PanelSeries, learn_links
from carewheel.wheel.panel import link_priors

SEED, ROUNDS, PEER_DESIGNS = 7, 20, 3
FIT_SECONDS, FACTOR, WHEEL_SECONDS = 0.020, 100, 30.0
PLACES, MONTHS = 2_000, 60


def wheel_panel(places: int, months: int) -> dict[str, PanelSeries]:
    """A panel of all link ends: autocorrelated series about a level of each place, a tenth missing, sampled ones noisy."""
    rng = np.random.default_rng(SEED)
    panel = {}
    for number, name in enumerate(sorted(link_scales())):
        values = np.empty((places, months))
        values[:, 0] = rng.normal(0, 0.5, places)
        for t in range(1, months):
            values[:, t] = 0.5 * values[:, t - 1] + rng.normal(0, 0.43, places)
        sampled = number % 4 == 0
        noise = np.full(values.shape, 0.3 if sampled else 0.05)
        values += rng.normal(0, 0.5, (places, 1)) + rng.normal(size=values.shape) * np.sqrt(noise)
        values[rng.random(values.shape) < 0.1] = np.nan
        panel[name] = PanelSeries(values, noise, sampled=sampled)
    return panel


def seconds_of_peer(designs: int) -> list[float]:
    """CPU seconds of a NUTS fit of each design, its compiling included."""
    run = subprocess.run(
        [python_of("nuts"), HERE / "nuts_links.py"],
        input=json.dumps([design_for_peer(draw(SEED + k)) for k in range(designs)]),
        capture_output=True, text=True, check=True, env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    return [float(answer["seconds"]) for answer in json.loads(run.stdout.split("ANSWERS ")[1])]


def bench(scale: Scale) -> list[Table]:
    table = Table(
        "Learning the links",
        f"an equation of the known design (12 sites, 12 to 36 months) in {1000 * FIT_SECONDS:.0f} ms and at least {FACTOR} × faster than NUTS; "
        f"{PLACES:,} places × {MONTHS} months in {WHEEL_SECONDS:.0f} s",
        ("what", "s", "ratio", "met"),
    )
    fit(draw(SEED))
    taken = []
    for k in range(ROUNDS):
        design = draw(SEED + k)
        began = time.process_time()
        fit(design)
        taken.append(time.process_time() - began)
    ours = statistics.median(taken)
    table.add("an equation of the known design, ours (CPU)", f"{ours:.4f}", "–", met=ours <= FIT_SECONDS)
    if scale.share > 0.01:
        peer = statistics.median(seconds_of_peer(PEER_DESIGNS))
        table.add("the same by NUTS (CPU)", f"{peer:.1f}", f"{peer / ours:.0f}", met=peer / ours >= FACTOR)
    for places in sorted({6, 30, scale.of(PLACES, 6)}):
        panel, priors = wheel_panel(places, MONTHS), link_priors()
        began, cpu = time.perf_counter(), time.process_time()
        learn_links(panel, priors, np.arange(MONTHS) % 12)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        table.add(
            f"all {len(priors)} links of {places:,} places × {MONTHS} months, wall ({cpu:.1f} s CPU)",
            f"{wall:.1f}",
            "–",
            met=wall <= WHEEL_SECONDS,
        )
    table.remarks = (
        f"Median of {ROUNDS} fits and of {PEER_DESIGNS} by the peer (1,000 steps of warm-up, 8,000 draws, one chain). The panel of a whole wheel is drawn "
        f"(`benchmarks/links.py`, seed {SEED}), one run each."
    )
    return [table]
