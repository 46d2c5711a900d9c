"""Links learnt from panels, held against known truths: a design with known site links, and invented groups with laws broken.

By itself: `python -m tests.validation.link_learning [DESIGNS [GROUPS]]`. Groups are kept in the folder CAREWHEEL_VALIDATION_ANSWERS, if
it is set, and gone on from.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.peers.environment import HERE, python_of
from numpy.typing import NDArray
from tests.science.flywheel.site_links import Design, draw, fit, score
from tests.validation.demo_groups import FIRST_SEED, LAWS, MONTHS, DemoGroup, demo_group, kept_in

from carewheel.science.flywheel.equation import Assumptions
from carewheel.science.flywheel.learning import LinkPrior, felt, lag_profile
from carewheel.wheel.panel import LinkPanel, estimates, link_panel, link_priors

Floats = NDArray[np.float64]
DESIGN_SEED, DESIGNS, MEAN_DESIGNS, NUTS_DESIGNS = 70_001, 400, 2_000, 6
GROUPS = {6: 100, 30: 100, 200: 10}
SMALL = 6


@dataclass(frozen=True)
class Row:
    what: str
    bar: str
    found: str
    holds: bool | None  # None: shown beside, not judged


def design_rows(designs: int = DESIGNS, mean_designs: int = MEAN_DESIGNS) -> list[Row]:
    """The design of known site links: ours beside a regression of each site alone and one of all sites together."""
    found, longer = score(DESIGN_SEED, designs), score(DESIGN_SEED + 100_000, mean_designs)
    alone, pooled = plain_errors(designs)
    error = 0.075 / mean_designs**0.5
    return [
        Row(f"site links, RMSE ({designs} repeats)", "≤ .145 (oracle .125; NUTS .142)", f"{found.rmse:.4f}", found.rmse <= 0.145),
        Row("site links, RMSE of each site's own regression", "beside", f"{alone:.4f}", None),
        Row("site links, RMSE of one regression for all sites", "beside", f"{pooled:.4f}", None),
        Row("site links, coverage of 90 %", ".88 to .92", f"{found.covered:.4f}", 0.88 <= found.covered <= 0.92),
        Row(f"mean link, bias ({mean_designs:,} repeats, error {error:.4f})", "≤ .01", f"{longer.bias:+.4f}", abs(longer.bias) <= 0.01),
        Row("mean link, coverage of 90 %", ".88 to .93", f"{longer.mean_covered:.4f}", 0.88 <= longer.mean_covered <= 0.93),
    ]  # fmt: skip


def plain_errors(designs: int) -> tuple[float, float]:
    """RMSE of the sites' links by least squares with an intercept: site by site, and one link for all."""
    alone, pooled = [], []
    for seed in range(DESIGN_SEED, DESIGN_SEED + designs):
        d = draw(seed)
        seen = np.isfinite(d.target)
        x, y = (np.where(seen, v, 0.0) for v in (d.source, d.target))
        n = seen.sum(axis=1, keepdims=True)
        x, y = (np.where(seen, v - v.sum(axis=1, keepdims=True) / n, 0.0) for v in (x, y))
        each = (x * y).sum(axis=1) / (x * x).sum(axis=1)
        alone.append(np.mean((each - d.links) ** 2))
        pooled.append(np.mean(((x * y).sum() / (x * x).sum() - d.links) ** 2))
    return float(np.mean(alone)) ** 0.5, float(np.mean(pooled)) ** 0.5


def nuts_rows(designs: int = NUTS_DESIGNS) -> list[Row]:
    """A full-Bayes fit of the same model by NUTS on a few designs: how far apart, and how much slower."""
    drawn = [draw(DESIGN_SEED + k) for k in range(designs)]
    run = subprocess.run(
        [python_of("nuts"), HERE / "nuts_links.py"], input=json.dumps([design_for_peer(d) for d in drawn]), capture_output=True, text=True,
        check=True, env={**os.environ, "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    answers = json.loads(run.stdout.split("ANSWERS ")[1])
    fit(drawn[0])
    group, sites, ratios = [], [], []
    for d, peer in zip(drawn, answers, strict=True):
        began = time.process_time()
        ours = fit(d)
        ratios.append(peer["seconds"] / (time.process_time() - began))
        group.append(abs(float(ours.mean[0]) - peer["mean"]) / peer["sd"])
        sites.append(float(np.max(np.abs(ours.site_mean[:, 0] - peer["sites"]) / np.array(peer["site_sd"]))))
    return [
        Row(f"group link against NUTS, farthest of {designs} designs", "≤ 0.1 sd", f"{max(group):.3f} sd", max(group) <= 0.1),
        Row("site links against NUTS, farthest of all", "beside (8,000 draws leave up to 0.05)", f"{max(sites):.3f} sd", None),
        Row("CPU time of NUTS over ours, median, its compiling included", "≥ 100", f"{np.median(ratios):.0f}", bool(np.median(ratios) >= 100)),
    ]  # fmt: skip


def design_for_peer(d: Design) -> dict[str, object]:
    y = [[None if np.isnan(v) else float(v) for v in row] for row in d.target]
    seen = np.isfinite(d.target)
    mean = np.nanmean(d.target, axis=1, keepdims=True)
    total = float(np.where(seen, (d.target - mean) ** 2, 0.0).sum() / seen.sum())
    return {"x": d.source.tolist(), "y": y, "log_sigma": 0.5 * float(np.log(total)), "shock": fit(d).shock}


class Plain(NamedTuple):
    """A strength and its standard error by least squares; NaN and infinite where there is nothing to regress."""

    mean: float
    sd: float

    def covers(self, true: float) -> bool:
        return abs(self.mean - true) <= 1.6449 * self.sd


def plain_link(panel: LinkPanel, link: LinkPrior) -> Plain:
    """The target regressed on what is felt of the source as it was measured, with an effect of each place and month: noise of
    answers, other causes, and months that hang together are ignored."""
    if link.source not in panel.series or link.target not in panel.series:
        return Plain(float("nan"), float("inf"))
    spans, shares = lag_profile(link)
    y = panel.series[link.target].values
    x = np.tensordot(shares, felt(panel.series[link.source].values, spans), axes=1)
    seen = np.isfinite(x) & np.isfinite(y)
    x, y = (np.where(seen, v, 0.0) for v in (x, y))
    for _ in range(50):
        for axis in (1, 0):
            n = np.maximum(seen.sum(axis=axis, keepdims=True), 1)
            x, y = (np.where(seen, v - v.sum(axis=axis, keepdims=True) / n, 0.0) for v in (x, y))
    free, weight = seen.sum() - sum(seen.shape), float((x * x).sum())
    if free <= 0 or weight < 1e-9:
        return Plain(float("nan"), float("inf"))
    slope = float((x * y).sum()) / weight
    return Plain(slope, (float(((y - slope * x) ** 2).sum()) / free / weight) ** 0.5)


@dataclass(frozen=True)
class Found:
    """One law of one group: truth, intervals at 90 and 95 %, what the panel alone says, and a plain regression of it."""

    seed: int
    law: str
    true: float
    covered: bool
    excludes_nothing: bool
    own_mean: float
    own_sd: float
    mean: float
    guess: float
    plain: Plain


def laws_of(group: DemoGroup, panel: LinkPanel) -> list[Found]:
    rows, priors = [], {link.id: link for link in link_priors()}
    for law, estimate in estimates(panel).items():
        if law not in LAWS:
            continue
        low, high = estimate.strength.interval(0.90)
        far_low, far_high = estimate.strength.interval(0.95)
        true = group.strengths[law]
        rows.append(
            Found(group.seed, law, true, low - 1e-12 <= true <= high + 1e-12, far_low > 0 or far_high < 0, estimate.own_mean,
                  estimate.own_sd, estimate.strength.mean, priors[law].mean * (1 - priors[law].absent), plain_link(panel, priors[law]))
        )  # fmt: skip
    return rows


def group_panel(group: DemoGroup, places: int | None = None) -> LinkPanel:
    """The panel of a group, or of its first ``places`` places: those are the whole group of that size and seed."""
    panel = link_panel({m.card.id: m.result for m in group.measured if m.result is not None})
    if places is None:
        return panel
    rows = [i for i, name in enumerate(panel.locations) if int(name.removeprefix("loc")) <= places]
    series = {
        name: replace(one, values=one.values[rows], noise=one.noise[rows])
        for name, one in panel.series.items()
    }
    return LinkPanel(tuple(panel.locations[i] for i in rows), panel.months, series)


def group_rows(found: Sequence[Found], what: str) -> list[Row]:
    """Coverage over all laws with an error clustered by seed, and how often a broken law is taken for one."""
    seeds = sorted({f.seed for f in found})
    by_seed = np.array([np.mean([f.covered for f in found if f.seed == seed]) for seed in seeds])
    covered, error = (
        float(by_seed.mean()),
        float(by_seed.std(ddof=1) / len(seeds) ** 0.5) if len(seeds) > 1 else 1.0,
    )
    broken = [f.excludes_nothing for f in found if f.true == 0]
    wrong = float(np.mean(broken)) if broken else 0.0
    limit = 0.05 + 2 * (0.05 * 0.95 / max(len(broken), 1)) ** 0.5
    seen = [f for f in found if np.isfinite(f.plain.sd)]
    covers = np.mean([f.plain.covers(f.true) for f in seen]) if seen else float("nan")
    ours, guessed, plain = (
        float(np.sqrt(np.mean([(value(f) - f.true) ** 2 for f in seen]))) if seen else float("nan")
        for value in (lambda f: f.mean, lambda f: f.guess, lambda f: f.plain.mean)
    )
    return [
        Row(f"{what}, {len(seeds)} seeds: 90 % intervals of {len(found)} laws", f".87 to .93, within 2 errors of {error:.3f}",
            f"{covered:.3f}", 0.87 - 2 * error <= covered <= 0.93 + 2 * error),
        Row(f"{what}: of {len(broken)} broken laws a 95 % interval excludes 0", f"≤ 5 % (two errors: {limit:.1%})", f"{wrong:.1%}", wrong <= limit),
        Row(f"{what}: 90 % intervals of a plain panel regression, {len(seen)} laws", "beside", f"{covers:.3f}", None),
        Row(f"{what}: root mean square error, ours; the guess alone; the plain regression", "beside", f"{ours:.3f}; {guessed:.3f}; {plain:.3f}", None),
    ]  # fmt: skip


def law_lines(found: Sequence[Found]) -> list[str]:
    """By law: how far the panel's own answer lies from the drawn truth, in its own errors."""
    lines = [
        "| Law | Own error, median | Off by, mean | Off by, root mean square | Covered |",
        "|---|---|---|---|---|",
    ]
    for law in LAWS:
        mine = [f for f in found if f.law == law]
        known = [f for f in mine if np.isfinite(f.own_sd)]
        off = np.array([(f.own_mean - f.true) / f.own_sd for f in known])
        shown = (
            f"{np.median([f.own_sd for f in known]):.2f} | {off.mean():+.2f} | {np.sqrt(np.mean(off**2)):.2f}"
            if known
            else "no months | – | –"
        )
        lines.append(f"| {law} | {shown} | {np.mean([f.covered for f in mine]):.2f} |")
    return lines


def groups(counts: dict[int, int], folder: Path | None) -> Iterable[tuple[int, list[Found]]]:
    """Size of group and what was found in its seeds. Groups of six are the first places of groups of thirty."""
    for places, count in sorted(counts.items()):
        found: list[Found] = []
        for k in range(count):
            made = demo_group(FIRST_SEED + k, 30 if places == SMALL else places, folder)
            found += laws_of(made, group_panel(made, SMALL if places == SMALL else None))
        yield places, found


def link_section(designs: int = DESIGNS, counts: dict[int, int] | None = None) -> tuple[list[str], bool]:
    """The section of the page, and whether all that is judged holds."""
    began = time.monotonic()
    rows = [*design_rows(designs, 5 * designs), *nuts_rows()]
    tables = []
    for places, found in groups(counts or GROUPS, kept_in()):
        rows += group_rows(found, f"groups of {places} places")
        if places == 30:
            tables = law_lines(found)
    lines = [
        "",
        "## Links learnt from panels",
        "",
        f"Design: 12 sites with 12 to 36 months, links of mean .4 and standard deviation .15, noise 1, autocorrelation .3. Groups: {MONTHS} months of an",
        "invented group, strengths drawn from the catalog's guesses, each law broken with the catalog's chance of that; the truth is the",
        "drawn strength. Sources: `tests/validation/link_learning.py`, `tests/validation/demo_groups.py`.",
        "",
        f"Seeds from {DESIGN_SEED} and {FIRST_SEED}; numpy {np.__version__}; {time.monotonic() - began:.0f} s.",
        "",
        "| What | Bar | Found | |",
        "|---|---|---|---|",
        *(f"| {r.what} | {r.bar} | {r.found} | {'' if r.holds is None else 'holds' if r.holds else '**does not hold**'} |" for r in rows),
        "",
        f"By law, groups of 30 places. A chance of {Assumptions().site_spread} of spread between sites is presumed and there is none in these groups. Own errors include the",
        "doubt of each equation (section above).",
        "",
        *tables,
    ]  # fmt: skip
    return lines, all(r.holds is not False for r in rows)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    some = (
        {size: min(count, given[1]) for size, count in GROUPS.items() if size < 200}
        if len(given) > 1
        else None
    )
    text, fine = link_section(given[0] if given else DESIGNS, some)
    print("\n".join(text))
    sys.exit(0 if fine else 1)
