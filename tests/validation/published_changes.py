"""Published changes and their answers: three examples of R's CausalImpact, and California's Proposition 99."""

from __future__ import annotations

import csv
import gzip
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from carewheel.science.causal import NEVER, R_PRIOR, Effect, Panel, impact, synthetic_control, synthetic_did
from carewheel.science.causal.staggered import average_effect

Floats = NDArray[np.float64]


class Example(NamedTuple):
    """A series, its controls, the first row after the change, and R's answer (average, sd, low, high)."""

    name: str
    y: Floats
    controls: Floats
    start: int
    published: Effect


class Answer(NamedTuple):
    """A row of the table: what was obtained, what was published, and whether it is within the error allowed."""

    what: str
    obtained: str
    published: str
    allowed: str
    holds: bool


def rows_of(data: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(data / "flywheel" / f"{name}.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def expected(data: Path) -> dict[str, Any]:
    return dict(json.loads((data / "flywheel" / "EXPECTED.json").read_text("utf-8")))


def r_examples(data: Path) -> list[Example]:
    answers = expected(data)["causalimpact R answers (average effect, sd, 95% low, high)"]
    published = {key.split()[0]: Effect(v[0], v[2], v[3], v[1]) for key, v in answers.items()}
    shapes = {
        "comparison": (
            "CHANGED",
            ["NOT_CHANGED_1", "NOT_CHANGED_2", "NOT_CHANGED_3"],
            ("DATE", "2019-07-14"),
        ),
        "google": ("y", ["x1", "x2"], ("date", "2020-03-01")),
        "arma": ("y", ["X"], None),
    }
    found = []
    for name, (outcome, controls, last) in shapes.items():
        rows = rows_of(data, f"causalimpact_{name}")
        start = 70 if last is None else sum(row[last[0]] <= last[1] for row in rows)
        y = np.array([float(row[outcome]) for row in rows])
        x = np.array([[float(row[column]) for column in controls] for row in rows])
        found.append(Example(name, y, x, start, published[name]))
    return found


def r_answers(data: Path) -> list[Answer]:
    """The mean within .15 sd of R's, the interval's ends within .3, with R's own prior and any shape of effect."""
    found = []
    for example in r_examples(data):
        ours = impact(example.y, example.start, example.controls, profile=None, prior=R_PRIOR).average
        theirs = example.published
        off = abs(ours.value - theirs.value) / theirs.sd
        ends = max(abs(ours.low - theirs.low), abs(ours.high - theirs.high)) / theirs.sd
        found.append(
            Answer(
                f"CausalImpact, R: {example.name}",
                f"{ours.value:.4g} ({ours.sd:.3g}) [{ours.low:.4g}, {ours.high:.4g}]",
                f"{theirs.value:g} ({theirs.sd:g}) [{theirs.low:g}, {theirs.high:g}]",
                f"mean {off:.2f} ≤ .15 sd, ends {ends:.2f} ≤ .3 sd",
                off <= 0.15 and ends <= 0.3,
            )
        )
    return found


class Smoking(NamedTuple):
    """California and the other states: packs by year (1970-2000), and the predictors of Abadie et al. 2010."""

    states: list[str]
    packs: Floats
    predictors: Floats
    california: int
    start: int


def smoking(data: Path) -> Smoking:
    rows = rows_of(data, "prop99_smoking")
    states = sorted({row["state"] for row in rows})

    def table(column: str) -> Floats:
        found = np.full((len(states), 31), np.nan)
        for row in rows:
            if row[column]:
                found[states.index(row["state"]), int(float(row["year"])) - 1970] = float(row[column])
        return found

    packs = table("cigsale")
    late = [np.nanmean(table(name)[:, 10:19], axis=1) for name in ("lnincome", "retprice", "age15to24")]
    beer = np.nanmean(table("beer")[:, 14:19], axis=1)
    predictors = np.column_stack([*late, beer, packs[:, 5], packs[:, 10], packs[:, 18]])
    return Smoking(states, packs, predictors, states.index("California"), 19)


def prop99_answers(data: Path) -> list[Answer]:
    """Synthetic control with predictors, synthetic DiD, synthetic control and DiD of outcomes alone."""
    answers = expected(data)
    title = next(key for key in answers if key.startswith("prop99"))
    published = answers[title]
    one = smoking(data)
    others = [k for k in range(len(one.states)) if k != one.california]
    began = time.process_time()
    found = synthetic_control(
        one.packs[one.california],
        one.packs[others],
        one.start,
        (one.predictors[one.california], one.predictors[others]),
    )
    seconds = time.process_time() - began
    weights = {one.states[k]: float(w) for k, w in zip(others, found.weights, strict=True) if w > 0.001}
    best = published["global optimum"]
    off = max(abs(weights.get(state, 0) - best.get(state, 0)) for state in {*weights, *best})
    rows = [
        Answer(
            "Prop 99, synthetic control: weights",
            ", ".join(
                f"{state} {weight:.3f}" for state, weight in sorted(weights.items(), key=lambda p: -p[1])
            ),
            ", ".join(f"{state} {weight:.3f}" for state, weight in best.items()),
            f"{off:.4f} ≤ .002 each",
            off <= 0.002,
        ),
        Answer(
            "Prop 99, synthetic control: mean squared error before",
            f"{found.before_error:.4f} in {seconds:.2f} s (CPU)",
            f"{published['pre MSPE']}",
            "≤ 3.08",
            found.before_error <= 3.08,
        ),
    ]
    for what, obtained, answer in (
        ("gap 1999", float(found.gap[29]), published["gap 1999"]),
        ("mean gap 1989-2000", found.average, published["mean gap 1989-2000"]),
    ):
        rows.append(
            Answer(
                f"Prop 99, synthetic control: {what}",
                f"{obtained:.3f}",
                f"{answer}",
                "± .02",
                abs(obtained - answer) <= 0.02,
            )
        )
    return rows + _outcomes_alone(data, answers["sdid_california"])


def _outcomes_alone(data: Path, published: dict[str, float]) -> list[Answer]:
    rows = rows_of(data, "sdid_california")
    states = sorted({row["State"] for row in rows})
    packs = np.full((len(states), 31), np.nan)
    starts = np.full(len(states), NEVER)
    for row in rows:
        packs[states.index(row["State"]), int(row["Year"]) - 1970] = float(row["PacksPerCapita"])
        if row["treated"] == "1":
            starts[states.index(row["State"])] = min(
                starts[states.index(row["State"])], float(int(row["Year"]) - 1970)
            )
    panel = Panel.of(packs, starts)
    own = int(np.flatnonzero(panel.treated)[0])
    sdid = synthetic_did(panel).average
    plain = synthetic_control(packs[own], packs[np.arange(len(states)) != own], 19).average
    did = average_effect(panel, controls="never")
    return [
        Answer(
            "Prop 99, synthetic DiD",
            f"{sdid.value:.3f} (placebo sd {sdid.sd:.1f})",
            f"{published['SDID']} (AER 2021: -15.6)",
            "-15.60 ± .02",
            abs(sdid.value + 15.60) <= 0.02,
        ),
        Answer(
            "Prop 99, synthetic control of outcomes alone", f"{plain:.3f}", f"{published['SC outcomes only']}", "± .05",
            abs(plain - published["SC outcomes only"]) <= 0.05,
        ),
        Answer("Prop 99, DiD", f"{did:.3f}", f"{published['DiD']}", "-27.35 ± .01", abs(did + 27.35) <= 0.01),
    ]  # fmt: skip
