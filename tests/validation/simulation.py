"""The stock-and-flow part held against papers, peers, differences and its own books, over many random practices.

By itself: `python -m tests.validation.simulation`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.peers.environment import python_of
from tests.science.flywheel.balanced_practice import PRESENT, assumed_strengths, practice, scales, wheel_links
from tests.science.flywheel.published_models import backlog_and_workforce, bass, logistic_growth
from tests.science.flywheel.test_loop_scores import PRINTED, _digits
from tests.science.flywheel.test_xmile_peers import farthest
from tests.validation.face_validity import shared_data

from carewheel.catalog.links import links
from carewheel.invented.group import Group
from carewheel.invented.purse import OTHER, PAY, RENT, SUPPLIES
from carewheel.invented.truth import At, place_of, worth_truth
from carewheel.science.flywheel.gain import momentum
from carewheel.science.flywheel.practice_model import (
    Move,
    Policy,
    Practice,
    PracticeModel,
    Spending,
    link_worths,
    practice_model,
)
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import loop_scores, residuals, sensitivities, simulate

SEED = 20_261
PRACTICES, PEERS, PLACES, WORLD = 100, 12, 6, 3


@dataclass(frozen=True)
class Row:
    what: str
    bar: str
    found: str
    holds: bool


def random_practice(rng: np.random.Generator, balanced: bool = False) -> Practice:
    """A practice of any size, fill, wait, trend and purse; ``balanced``: newcomers equal leavers, nothing is amiss."""
    size = float(np.exp(rng.uniform(-1, 2)))
    change = {name: float(PRESENT[name] * np.exp(0.2 * rng.standard_normal())) for name in
              ("operations.wait_minutes", "people.turnover", "people.burnout", "people.training_hours", "finance.days_in_ar",
               "finance.revenue_per_visit", "operations.third_next_available", "operations.no_show_rate")}  # fmt: skip
    measures = {
        **PRESENT, **change, "operations.utilisation": float(rng.uniform(0.45, 0.84)), "growth.new_patients": 26 * size,
        "operations.kept_visits": 345 * size, "experience.nps": float(rng.uniform(0, 80)), "technology.online_booking": float(rng.uniform(0, 0.6)),
    }  # fmt: skip
    one = practice(measures=measures, active_patients=1450 * size, advocates=210 * size, staff=8 * size, marketing=4680 * size,
                   fixed_costs=7000 * size, market=12_000 * size, cash=60_000 * size, reserve=20_000 * size,
        spending=Spending(1100.0 * size, 1850.0 * size, 740.0 * size))  # fmt: skip
    if balanced:
        return one
    return replace(
        one, retention=float(rng.uniform(0.6, 0.97)), cash=float(rng.uniform(-1, 3)) * 20_000 * size
    )


def random_model(rng: np.random.Generator, balanced: bool = False) -> tuple[PracticeModel, dict[str, float]]:
    """A model of a random practice with random strengths; unless ``balanced`` with moves and another policy too."""
    strengths = {
        link: float(value + 0.1 * rng.standard_normal()) for link, value in assumed_strengths().items()
    }
    moves = () if balanced else (
        Move("operations.no_show_rate", float(rng.uniform(-0.05, 0.02)), 3, 4, 2000, 100),
        Move("experience.nps", float(rng.normal(0, 8)), 6, 3),
    )  # fmt: skip
    policy = None if balanced else Policy(*(float(x) for x in rng.uniform(0, 0.25, 4)))
    pm = practice_model(random_practice(rng, balanced), scales(), wheel_links(), moves=moves, policy=policy)
    return pm, {name: float(np.asarray(v)) for name, v in values_of(pm, strengths).items()}


def loops() -> list[Row]:
    """Loops that Matter against the printed tables."""
    found, wrong = loop_scores(bass()), []
    b = next(i for i, loop in enumerate(found.loops) if "potential_adopters" in loop)
    for at, row in PRINTED.items():
        k = round(at * 16)
        numbers = (found.score[b, k], found.score[1 - b, k], found.relative[b, k])
        wrong += [
            (at, text) for value, text in zip(numbers, row, strict=True) if _digits(value, text) != text
        ]
    rows = [
        Row(
            "loop scores of the Bass model, 15 printed figures",
            "every digit",
            f"{15 - len(wrong)} of 15",
            not wrong,
        )
    ]
    data = shared_data()
    if data is None:
        return rows
    text = (data / "flywheel" / "ltm_logistic_growth_expected.tsv").read_text("utf-8-sig")
    table = {
        line.split("\t")[0]: np.array(line.split("\t")[1:], dtype=float) for line in text.splitlines()[1:]
    }
    growth = loop_scores(logistic_growth())
    off = max(
        float(np.abs(100 * share[1:] - table["b1" if "fraction_used" in loop else "r1"][1:-1]).max())
        for loop, share in zip(growth.loops, growth.relative, strict=True)
    )
    rows.append(
        Row(
            "relative loop scores of logistic growth against Stella's, 198 figures",
            "0.05 points",
            f"{off:.4f} points",
            off <= 0.05,
        )
    )
    wanted = json.loads((data / "flywheel" / "EXPECTED.json").read_text("utf-8"))[
        "sd reference runs (PySD 3.14.3)"
    ]
    wanted = wanted["Backlog-workforce, Albany PAD624 (Euler dt 1/16, 80 months)"]
    run, at = simulate(backlog_and_workforce()), [round(t * 16) for t in (6, 12, 24, 40, 80)]
    off = max(
        float(np.abs(run[n][at, 0] - wanted[k]).max())
        for n, k in (("backlog", "Backlog t=6,12,24,40,80"), ("workforce", "Workforce"))
    )
    rows.append(
        Row(
            "backlog and workforce, 10 reference values",
            "half of the last digit",
            f"{off:.1e}",
            off <= 5.001e-5,
        )
    )
    return rows


def differences(count: int) -> Row:
    """The worth of each link by the adjoint against central differences of fourth order, in random practices.

    A difference is compared where two step lengths and both sides agree with one another: elsewhere a kink lies there.
    """
    rng = np.random.default_rng(SEED)
    worst, compared, all_ = 0.0, 0, 0
    for _ in range(count):
        pm, values = random_model(rng)
        names = list(pm.stronger.values())
        exact = sensitivities(pm.model, "earned", names, values)
        ends, bends = [], []
        for h in (1e-4, 5e-5):
            steps = np.concatenate(
                [
                    np.array([h, -h, 2 * h, -2 * h]) if i == j else np.zeros(4)
                    for i in range(len(names))
                    for j in range(len(names))
                ]
            )
            pushed = steps.reshape(len(names), len(names), 4).transpose(1, 0, 2).reshape(len(names), -1)
            last = simulate(
                pm.model,
                {**values, **dict(zip(names, pushed, strict=True))},
                record=["earned"],
                every=pm.model.steps,
            )["earned"][-1]
            e = last.reshape(len(names), 4)
            ends.append((8 * (e[:, 0] - e[:, 1]) - (e[:, 2] - e[:, 3])) / (12 * h))
            bends.append((e[:, 0] + e[:, 1] - 2 * exact.value[0]) / h)
        gradient = np.array([exact.by[name][0] for name in names])
        scale = np.maximum(np.abs(gradient), 1e-3 * np.abs(gradient).max())
        # Second differences over h vanish with h where all is smooth; what a kink adds to them stays.
        kink = np.abs(bends[0] - 2 * bends[1])
        smooth = (np.abs(ends[0] - ends[1]) <= 3e-7 * scale) & (kink <= 3e-7 * scale)
        compared, all_ = compared + int(smooth.sum()), all_ + len(names)
        worst = max(worst, float((np.abs(ends[1] - gradient) / scale)[smooth].max(initial=0.0)))
    what = f"worth of links by the adjoint against central differences, {count} practices, {compared:,} of {all_:,} without a kink between"
    return Row(what, "1e-6", f"{worst:.1e}", worst <= 1e-6 and compared >= all_ / 2)


def books(count: int) -> list[Row]:
    """Conservation in any practice; standing still in a balanced one."""
    rng, worst, drift = np.random.default_rng(SEED + 1), 0.0, 0.0
    for _ in range(count):
        pm, values = random_model(rng)
        worst = max(worst, *(float(r.max()) for r in residuals(pm.model, values).values()))
        still, values = random_model(rng, balanced=True)
        names = [name for name in still.model.stock_names if not name.startswith("earned")]
        if still.now.net < 0:  # loses cash at present: a trend, not a balance
            continue
        run = simulate(still.model, values, record=names, every=still.model.steps)
        drift = max(
            drift, *(float(np.abs(run[n][-1] / run[n][0] - 1).max()) for n in names if run[n][0, 0] != 0)
        )
    return [
        Row(
            f"change of every stock less in and out, relative, {count} practices",
            "1e-11",
            f"{worst:.1e}",
            worst <= 1e-11,
        ),
        Row(
            f"drift in 24 months of balanced practices, relative, {count} practices",
            "1e-9",
            f"{drift:.1e}",
            drift <= 1e-9,
        ),
    ]


def peers(count: int) -> Row:
    """XMILE of random practices in PySD and pysimlin."""
    rng, worst = np.random.default_rng(SEED + 2), 0.0
    try:
        python = python_of("systemdynamics")
    except (OSError, subprocess.CalledProcessError):
        return Row(
            "exported XMILE in PySD and pysimlin", "1e-9", "not run: peers could not be installed", False
        )
    for _ in range(count):
        pm, values = random_model(rng)
        with tempfile.TemporaryDirectory() as folder:
            worst = max(worst, farthest(python, pm.model, values, Path(folder)))
    return Row(
        f"exported XMILE in PySD and pysimlin, every variable and step, {count} practices",
        "1e-9",
        f"{worst:.1e}",
        worst <= 1e-9,
    )


def trends(count: int) -> list[Row]:
    """How often the interval of momentum holds the true trend, by how far neighbouring months go together."""
    rng, rows = np.random.default_rng(SEED + 3), []
    for together, months in ((0.0, 12), (0.0, 24), (0.3, 24), (0.6, 24)):
        noise = rng.normal(0, 0.2, (count, months))
        for t in range(1, months):
            noise[:, t] += together * noise[:, t - 1]
        found = momentum(0.5 / 12 * np.arange(months) + noise)
        share = float(np.mean((found.low <= 0.5) & (found.high >= 0.5)))
        low = 0.86 if together < 0.5 else 0.80
        rows.append(
            Row(
                f"momentum, {months} months, correlation {together}: 90 % interval covers",
                f"{low:.2f} to 0.97",
                f"{share:.3f}",
                low <= share <= 0.97,
            )
        )
    return rows


def lived_practice(group: Group, number: int) -> dict[str, float]:
    """What the books of an invented place tell of its second year, a month: measures by id, and people and money."""
    lived = place_of(At(group, number, group.strengths)).live()
    book, people = lived.book, lived.people
    found = {name: float(np.nanmean(series[12:24])) for name, series in lived.measures.items()}
    start = book.last_day - 365
    gone_day = np.where(people["left_day"] >= 0, people["left_day"], people["deceased_day"])
    before = (people["joined_day"] <= start) & ((gone_day < 0) | (gone_day > start))
    now = (people["joined_day"] <= book.last_day) & ((gone_day < 0) | (gone_day > book.last_day))
    expense, staff = book["expense"], book["staff"]
    for name, category in (("pay", PAY), ("rent", RENT), ("supplies", SUPPLIES), ("other", OTHER)):
        here = (expense["day"] > start) & (expense["category"] == category)
        found[name] = float(expense["cents"][here].sum()) / 100 / 12
    at_work = (staff["started_day"] <= book.last_day) & (
        (staff["ended_day"] < 0) | (staff["ended_day"] > book.last_day)
    )
    return {
        **found, "active": float(now.sum()), "stayed": float((before & now).sum() / before.sum()), "staff": float(at_work.sum()),
        "marketing": found["growth.acquisition_cost"] * found["growth.new_patients"],
    }  # fmt: skip


def mean_practice(group: Group) -> Practice:
    """The mean place of an invented group as a practice."""
    places = [lived_practice(group, number) for number in range(1, group.locations + 1)]
    m = {name: float(np.nanmean([place[name] for place in places])) for name in places[0]}
    collected = m["finance.collections"]
    m["finance.revenue_per_visit"] = collected / m["operations.kept_visits"]
    m["operations.utilisation"] = min(m["operations.utilisation"], 0.97 * (1 - m["operations.no_show_rate"]))
    invested = m["technology.investment_share"] * collected
    return Practice(
        {name: value for name, value in m.items() if "." in name}, m["active"], 0.15 * m["active"], m["stayed"], m["staff"],
        m["pay"] / m["staff"], m["rent"], (m["supplies"] + m["other"]) / collected, m["marketing"], 20 * collected, collected / 4,
        20 * m["active"], spending=Spending(0.1 * invested, 0.6 * invested, 0.3 * invested),
    )  # fmt: skip


def worths(seed: int, places: int) -> list[Row]:
    """The worth of each law and multiplier, 0.1 stronger, by the model against an invented world lived through twice.

    The model gets the strengths that were drawn and what the books tell; it knows nothing else of that world.
    """
    group = Group(seed, places, 24)
    model = practice_model(mean_practice(group), scales(), wheel_links())
    found = link_worths(model, group.strengths, method="runs")
    truth = worth_truth(
        group, os.cpu_count() or 1, places, [link.id for link in links().values() if link.kind != "policy"]
    )
    mine = np.array([found.worth[link].mean for link in truth])
    true = np.array([estimate.value for estimate in truth.values()])
    error = np.array([estimate.error for estimate in truth.values()])
    together = float(np.corrcoef(mine, true)[0, 1])
    near = float(np.mean(np.abs(mine - true) <= 2 * error + 0.25 * np.abs(true) + 500))
    first, drag = max(truth, key=lambda link: truth[link].value), found.drag
    at = f"invented world of seed {seed}, {places} places"
    return [
        Row(
            f"{at}: worth of {len(true)} links by the model and as lived, correlation",
            "0.80",
            f"{together:.2f}",
            together >= 0.8,
        ),
        Row(
            f"{at}: links within 2 errors, a quarter and 500 of what was lived",
            "0.80",
            f"{near:.2f}",
            near >= 0.8,
        ),
        Row(
            f"{at}: worth of {drag}, the model's drag, against that of {first}, worth most as lived ({truth[first].value:,.0f} ± {truth[first].error:,.0f})",
            "within 2 errors",
            f"{truth[drag or first].value:,.0f} ± {truth[drag or first].error:,.0f}",
            truth[first].value - truth[drag or first].value
            <= 2 * np.hypot(truth[first].error, truth[drag or first].error),
        ),
    ]


def simulation_section(
    practices: int = PRACTICES, with_peers: int = PEERS, places: int = PLACES
) -> tuple[list[str], bool]:
    """The section of the validation page."""
    began = time.monotonic()
    rows = [
        *loops(),
        differences(practices),
        *books(practices),
        peers(with_peers),
        *trends(20 * practices),
        *worths(WORLD, places),
    ]
    lines = [
        "",
        "## Stocks and flows, the practice, and the gain of the wheel",
        "",
        "Random practices differ in size, fill, wait, purse and trend, and have random strengths, a policy and two moves. Momentum's",
        "interval is short where months go together strongly: 24 months tell little of that, and the bar there is 0.80.",
        "",
        "The last rows hold the model, given true strengths, to a world that is simulated person by person; errors are those of the world's luck.",
        "",
        f"Seed {SEED}, {time.monotonic() - began:.0f} s. By itself: `python -m tests.validation.simulation`.",
        "",
        "| What | Bar | Found | |",
        "|---|---|---|---|",
        *(
            f"| {row.what} | {row.bar} | {row.found} | {'holds' if row.holds else '**does not hold**'} |"
            for row in rows
        ),
    ]
    return lines, all(row.holds for row in rows)


if __name__ == "__main__":
    print("\n".join(simulation_section()[0]))
