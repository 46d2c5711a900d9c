"""Who will come, how many will ask, how long it takes, on public data with peers in the same run: `python -m tests.validation.forecasts`.

Every choice of the models was made on days before the test days (of Vitoria: inside the training days; of Iowa: windows that end before the last 336 days; of
the NHS: origins whose targets end before the last three months). How often the test days were looked at stands in docs/why/attendance.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from tests.validation.face_validity import shared_data
from tests.validation.forecasts_data import Vitoria, emergency, nhs, vitoria
from tests.validation.forecasts_durations import durations_section

from carewheel.science.forecasting.attendance import (
    MISS_PRIOR,
    Accuracy,
    ChanceModel,
    Features,
    Recalibration,
    accuracy,
    drift,
    fairness_audit,
    features,
    fitted,
    outcomes,
    rolled,
    sentence,
)
from carewheel.science.forecasting.demand import daily_forecast, hierarchy, monthly_forecast, reconciled
from carewheel.science.intervals import Estimate

Floats = NDArray[np.float64]

SEED = 2016
BARS = {"auc": 0.735, "brier": 0.1360, "ece": 0.012, "auc_later": 0.605}
SCORES_A_SECOND, TRAIN_SECONDS = 1_000_000, 30.0
WINDOWS, HORIZON, WEEK = 12, 28, 7
BARS_MASE = {"emergency": 0.785, "nhs": 0.70}
DRAWS = 2_000


@dataclass(frozen=True)
class Judged:
    """One model on the test days."""

    name: str
    found: Accuracy


def plain_columns(of: Features) -> Floats:
    """For scikit-learn's linear model: unknown is 0 with a flag, long gaps as logs, all on one scale of the training days by its own pipeline."""
    flags = np.isnan(of.values).astype(np.float64)
    x = np.nan_to_num(of.values)
    return np.column_stack([np.sign(x) * np.log1p(np.abs(x)), flags[:, flags.any(axis=0)]])


def peers(v: Vitoria, of: Features, seed: int = SEED) -> dict[str, Floats]:
    """Chances of the test visits by the base rate, logistic regression, and both boosted trees as they come, on the same columns."""
    import lightgbm
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    train, test, y = ~v.test, v.test, v.fell
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
    x = plain_columns(of)
    light = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, random_state=seed).fit(of.values[train], y[train])
    booking = [i for i, name in enumerate(of.names) if name.startswith(("lead", "booked", "visit", "number"))]
    with threadpool_limits(1):  # beside other work its threads would spin for one another
        hist = HistGradientBoostingClassifier(random_state=seed).fit(of.values[train], y[train])
        few = HistGradientBoostingClassifier(random_state=seed).fit(of.values[train][:, booking], y[train])
    return {
        "base rate by same day or not": np.where(
            v.bookings.lead_days[test] == 0,
            y[train & (v.bookings.lead_days == 0)].mean(),
            y[train & (v.bookings.lead_days > 0)].mean(),
        ),
        "logistic regression": linear.fit(x[train], y[train]).predict_proba(x[test])[:, 1],
        "LightGBM as it comes": light.booster_.predict(of.values[test], num_threads=1),
        "HistGB as it comes": hist.predict_proba(of.values[test])[:, 1],
        "HistGB, columns of the booking only": few.predict_proba(of.values[test][:, booking])[:, 1],
    }


def learnt(v: Vitoria, of: Features, seed: int = SEED) -> ChanceModel:
    train = ~v.test
    return fitted(of.only(train), v.fell[train], v.bookings.visit_day[train], MISS_PRIOR, seed)


def followed(v: Vitoria, model: ChanceModel, of: Features) -> Floats:
    """Chances on the morning of the visit: recalibrated with the outcomes of the days before."""
    z = model.log_odds(of.only(v.test))
    lead, day = v.bookings.lead_days[v.test], v.bookings.visit_day[v.test]
    return np.asarray(expit(rolled(Recalibration.fresh(model.centre), z, lead, day, v.fell[v.test]).log_odds))


def _cells(found: Accuracy) -> list[str]:
    return [
        f"{float(e.value):.4f} ({float(e.low):.4f} to {float(e.high):.4f})"
        for e in (found.auc, found.brier, found.ece, found.auc_later)
    ]


def _met(found: Accuracy) -> dict[str, bool]:
    return {
        "auc": float(found.auc.value) >= BARS["auc"],
        "brier": float(found.brier.value) <= BARS["brier"],
        "ece": float(found.ece.value) <= BARS["ece"],
        "auc_later": float(found.auc_later.value) >= BARS["auc_later"],
    }


def leak_found(v: Vitoria, of: Features) -> bool:
    """Whether turning every outcome of the last training week moves a feature of a visit booked before it."""
    cut = int(v.bookings.visit_day[~v.test].max()) - 7
    turned = np.where(v.bookings.visit_day >= cut, 1 - v.fell, v.fell).astype(np.int64)
    other = features(v.bookings, outcomes(v.bookings, np.arange(turned.size), turned))
    early = v.bookings.booked_day <= cut
    return not np.array_equal(of.values[early], other.values[early], equal_nan=True)


def attendance_section() -> tuple[list[str], bool]:
    """The section of the page, and whether all of it holds."""
    data = shared_data()
    head = ["", "## Who will come: missed visits", ""]
    if data is None:
        return [*head, "Not run: `CAREWHEEL_DATA` is not set."], True
    v = vitoria(data)
    of = features(v.bookings, v.outcomes)
    began = time.perf_counter()
    model = learnt(v, of)
    seconds = time.perf_counter() - began
    test, lead, day = v.test, v.bookings.lead_days[v.test], v.bookings.visit_day[v.test]
    chances = peers(v, of)
    mine = {
        "this, as learnt before the test days": np.asarray(expit(model.log_odds(of.only(test)))),
        "this, recalibrated to the day before": followed(v, model, of),
    }
    bare = vitoria(data, reminders=False)
    without = features(bare.bookings, bare.outcomes)
    mine["the same without the column of reminders"] = followed(bare, learnt(bare, without), without)
    refreshed = features(v.bookings, v.outcomes, as_of=v.bookings.visit_day)
    mine["the same, record refreshed to the day before"] = followed(v, model, refreshed)
    judged = {name: accuracy(v.fell[test], p, lead, day, SEED) for name, p in (chances | mine).items()}
    lines = [
        *head,
        "Public clinics of Vitoria 2016, the fixed split of the data's README: 71,369 visits before 25 May to learn, 39,152 after to judge. All choices were",
        "made inside the training days; how often the test days were looked at stands in [why](../why/attendance.md). Every peer has the same",
        "columns. ECE: 15 bins of equal mass. Intervals: 90 %, 400 bootstrap samples of whole days. By itself: `python -m tests.validation.forecasts`.",
        "",
        "| Chances | AUC | Brier | ECE | AUC, lead above 0 |",
        "|---|---|---|---|---|",
        *(f"| {name} | " + " | ".join(_cells(found)) + " |" for name, found in judged.items()),
        "",
    ]
    daily = _met(judged["this, recalibrated to the day before"])
    frozen = _met(judged["this, as learnt before the test days"])
    for name, bar in BARS.items():
        sign = "≤" if name in {"brier", "ece"} else "≥"
        lines.append(
            f"- {name} {sign} {bar}: recalibrated {'holds' if daily[name] else '**does not hold**'}, "
            f"as learnt {'holds' if frozen[name] else '**does not hold**'}"
        )
    x = np.tile(of.values, (10, 1))
    model.log_odds(of)  # once, to compile
    began = time.perf_counter()
    model.log_odds(Features(x, of.names))
    speed = x.shape[0] / (time.perf_counter() - began)
    leak = leak_found(v, of)
    lines += [
        f"- learnt in {seconds:.1f} s ({model.trees.forest.trees} trees for all visits and {model.later.forest.trees} for those with a lead, their number chosen on the last quarter of the training days); {speed / 1e6:.1f} million "
        "scores a second",
        f"- turning every outcome of the last training week moved {'**a feature**' if leak else 'no feature'} of any visit booked before it",
        "",
        "The audit by group that stands in every report; flagged: the tenth with the highest chances.",
        "",
        fairness_audit(
            v.groups_of(test), v.fell[test], mine["this, recalibrated to the day before"]
        ).markdown(),
        "",
        "One score, explained:",
        "",
        f"> {_explained(model, of.only(test))}",
        "",
        f"Drift alarm as learnt: day {_alarm(day, mine['this, as learnt before the test days'], v.fell[test])} of the test; recalibrated: "
        f"{_alarm(day, mine['this, recalibrated to the day before'], v.fell[test])}.",
    ]
    ok = all(daily.values()) and not leak and seconds < TRAIN_SECONDS and speed >= SCORES_A_SECOND
    return lines, ok


def _explained(model: ChanceModel, of: Features) -> str:
    z = model.log_odds(of)
    row = int(np.argsort(z)[int(0.97 * z.size)])
    one = of.only(np.array([row]))
    return sentence(model, one, 0, model.chance(one))


def _alarm(day: NDArray[np.int64], p: Floats, fell: Floats) -> str:
    found = drift(day, p, fell)
    return "none" if found.alarm is None else str(1 + int(np.flatnonzero(found.days == found.alarm)[0]))


# --- demand


def mase_scale(y: Floats, season: int) -> float:
    """Mean absolute error of the seasonal naive forecast inside the training series (Hyndman & Koehler 2006)."""
    return float(np.abs(y[season:] - y[:-season]).mean())


def statsforecast_peers(season: int) -> dict[str, Callable[[], Any]]:
    from statsforecast.models import AutoARIMA, AutoETS, SeasonalNaive

    return {
        "seasonal naive": lambda: SeasonalNaive(season_length=season),
        "AutoETS": lambda: AutoETS(season_length=season),
        "AutoARIMA": lambda: AutoARIMA(season_length=season),
    }


def emergency_errors(
    data: Path, with_peers: bool = True
) -> tuple[dict[str, Floats], dict[float, Floats], Floats]:
    """Scaled absolute errors (windows, days) by model, whether intervals held (windows, days) by level, and whether weeks held at 80 %."""
    y, _, days = emergency(data)
    errors: dict[str, list[Floats]] = {}
    inside: dict[float, list[Floats]] = {0.8: [], 0.95: []}
    weeks = []
    for window in range(WINDOWS):
        end = y.size - HORIZON * (WINDOWS - window)
        known, seen = y[:end], y[end : end + HORIZON]
        scale = mase_scale(known, WEEK)
        told = daily_forecast(known, days, HORIZON)
        errors.setdefault("this", []).append(np.abs(seen - told.mean) / scale)
        for level, kept in inside.items():
            found = told.interval(level)
            kept.append(((found.low <= seen) & (seen <= found.high)).astype(float))
        for week in range(4):
            at = np.arange(7 * week, 7 * week + 7)
            total = told.total(at, 0.8)
            weeks.append(bool(total.low <= seen[at].sum() <= total.high))
        for name, make in statsforecast_peers(WEEK).items() if with_peers else ():
            told_by = make().forecast(y=known, h=HORIZON)["mean"]
            errors.setdefault(name, []).append(np.abs(seen - told_by) / scale)
    return (
        {name: np.array(e) for name, e in errors.items()},
        {level: np.array(e) for level, e in inside.items()},
        np.array(weeks, dtype=float),
    )


def block_bootstrap(values: Floats, seed: int = SEED, block: int = 14, level: float = 0.95) -> Estimate:
    """Mean of a series with a percentile interval of the moving-block bootstrap (Künsch 1989)."""
    y = values.ravel()
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, y.size - block + 1, (DRAWS, -(-y.size // block)))
    means = y[(starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, : y.size]].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(y.mean(), low, high)


def nhs_errors(data: Path, origin: int) -> tuple[dict[str, Floats], dict[float, float], dict[str, float]]:
    """Scaled errors (65,) by model of three months after ``origin``, coverage by level, and scaled errors of regions and country, each way."""
    counts, worked, region = nhs(data)
    known, seen = counts[:, :origin], counts[:, origin : origin + 3]
    scale = np.array([mase_scale(row, 12) for row in known])
    told = monthly_forecast(known, worked[: origin + 3], 3)
    errors = {"this": np.abs(seen - told.mean).mean(axis=1) / scale}
    for name, make in statsforecast_peers(12).items():
        by = np.array([make().forecast(y=row, h=3)["mean"] for row in known])
        errors[name] = np.abs(seen - by).mean(axis=1) / scale
    cover = {}
    for level in (0.8, 0.95):
        found = told.interval(level)
        cover[level] = float(np.mean((found.low <= seen) & (seen <= found.high)))
    # Every node foretold by itself, then made to add up with the covariance of its own past errors.
    tree = hierarchy(region)
    upper = int(np.unique(region).size) + 1
    nodes = tree.sums @ known
    alone = np.vstack(
        [monthly_forecast(part, worked[: origin + 3], 3).mean for part in (nodes[:upper], known)]
    )
    past = []
    for earlier in range(16, origin):
        ahead = np.vstack(
            [
                monthly_forecast(part[:, :earlier], worked[: earlier + 1], 1).mean
                for part in (nodes[:upper], known)
            ]
        )
        past.append(nodes[:, earlier] - ahead[:, 0])
    joined = reconciled(tree, alone, np.array(past)).mean
    node_scale = np.array([mase_scale(row, 12) for row in nodes])
    sums = {}
    for name, by in (("alone", alone), ("bottom up", tree.sums @ told.mean), ("reconciled", joined)):
        each = np.abs(tree.sums @ seen - by).mean(axis=1) / node_scale
        sums[f"{name}: country"], sums[f"{name}: regions"] = float(each[0]), float(each[1:upper].mean())
        sums[f"{name}: areas"] = float(each[upper:].mean())
    return errors, cover, sums


def demand_section() -> tuple[list[str], bool]:
    """The section of the page, and whether all of it holds."""
    data = shared_data()
    head = ["", "## How many will ask", ""]
    if data is None:
        return [*head, "Not run: `CAREWHEEL_DATA` is not set."], True
    errors, inside, weeks = emergency_errors(data)
    lines = [
        *head,
        "MASE: mean absolute error over that of the seasonal naive forecast inside the training series. *Emergency*: arrivals of an emergency room in Iowa, hours",
        "summed by day, 28 days ahead, 12 windows side by side that end with the series (the last 336 days); season of the scale 7 days, each window's own",
        "training series. *NHS*: appointments of 65 areas, the last three of 24 months; season of the scale 12 months. Peers see the series only; ours also knows the",
        "calendar (special days of the set; English bank holidays). Intervals: 95 %, moving blocks of 14 days; for the NHS areas drawn with replacement.",
        "",
        "| Model | Emergency | NHS |",
        "|---|---|---|",
    ]
    months, cover, sums = nhs_errors(data, 21)
    for name, found in errors.items():
        one, other = block_bootstrap(found), _areas(months[name])
        lines.append(f"| {name} | {_three(one)} | {_three(other)} |")
    ahead = all(
        float(found.mean()) > float(all_of["this"].mean())
        for all_of in (errors, months)
        for name, found in all_of.items()
        if name != "this"
    )
    held = {level: block_bootstrap(found) for level, found in inside.items()}
    covers = all(float(e.low) <= level <= float(e.high) for level, e in held.items())
    good = (
        float(errors["this"].mean()) <= BARS_MASE["emergency"]
        and float(months["this"].mean()) <= BARS_MASE["nhs"]
    )
    lines += [
        "",
        f"- bars {BARS_MASE['emergency']} and {BARS_MASE['nhs']}: {'hold' if good else '**do not hold**'}; ahead of every peer: {'yes' if ahead else '**no**'}",
        *(f"- days inside the {level:.0%} interval: {_three(e)}" for level, e in held.items()),
        f"- weeks inside the 80 % interval of their sum: {weeks.mean():.3f} of {weeks.size}",
        f"- NHS months inside the 80 % and 95 % interval: {cover[0.8]:.3f}, {cover[0.95]:.3f}",
        "- difference to AutoETS, emergency: " + _three(block_bootstrap(errors["this"] - errors["AutoETS"])),
        "",
        "Areas, regions and country of the NHS, each foretold by itself, summed from below, and reconciled (MASE):",
        "",
        "| Way | Areas | Regions | Country |",
        "|---|---|---|---|",
        *(
            f"| {way} | "
            + " | ".join(f"{sums[f'{way}: {part}']:.3f}" for part in ("areas", "regions", "country"))
            + " |"
            for way in ("alone", "bottom up", "reconciled")
        ),
    ]
    return lines, good and ahead and covers


def _areas(values: Floats) -> Estimate:
    rng = np.random.default_rng(SEED)
    means = values[rng.integers(values.size, size=(DRAWS, values.size))].mean(axis=1)
    return Estimate(values.mean(), *np.quantile(means, [0.025, 0.975]))


def _three(e: Estimate) -> str:
    return f"{float(e.value):.3f} ({float(e.low):.3f} to {float(e.high):.3f})"


def main() -> int:
    fine = True
    for section in (attendance_section, demand_section, durations_section):
        lines, holds = section()
        print("\n".join(lines), flush=True)
        fine &= holds
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
