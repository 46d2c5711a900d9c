"""The next 24 months as the practice's own model runs them: what is ahead, what the first action hangs on, which loops drive."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.components import components
from carewheel.catalog.links import links
from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.science.flywheel.practice_model import Move, PracticeModel, loop_dominance, practice_model
from carewheel.science.flywheel.practice_model.equations import EARNED
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import LoopScores, simulate
from carewheel.wheel.learnt import Learnt
from carewheel.wheel.measured import Measured
from carewheel.wheel.plans import signed
from carewheel.wheel.plans.months import known_month
from carewheel.wheel.present import model_links, model_scales
from carewheel.wheel.roadmap import DRAWS, MONTHS, PRICES_IN, PlayWorth, moves_of, reinvestment
from carewheel.wheel.swings import HIGH, LOW, range_of, swings

Floats = NDArray[np.float64]
Beliefs = Mapping[tuple[str, str], tuple[float, float]]
NET_CASH, PATIENTS, VISITS = "net_cash", "active_patients", "kept_visits"
TITLES = {NET_CASH: "Net cash a month", PATIENTS: "Active patients", VISITS: "Kept visits a month"}
# By when the next unit of free cash shall have come back.
HORIZONS = {"quick": 6, "medium": 12, "long": MONTHS}
SHOWN_LOOPS = 4
LEAST_MONTHS = 8
# What moves the worth less than this part of the widest swing is not worth a line.
LEAST_SWING = 0.03
# Nine of ten of a normal lie so many standard deviations from its middle.
Z = 1.6449
# A quarter of a month is fine enough for who pushes whom, and four times as quick.
LOOP_STEPS = 4
# Where a variable of the model stands in the wheel, if it is no measure.
PART_OF = {
    "active_patients": "C2b", "new_patients": "C2b", "joining": "C2b", "leaving": "C2b", "leaving_a_year": "C2b", "advocates": "C2a", "referred": "C2a",
    "backlog": "C4", "wait": "C4", "capacity": "C4", "kept_visits": "C4", "seeing": "C4", "wanting": "C4", "demand_seen": "C4",
    "staff": "C5", "skill": "C5", "seats": "C5", "technology": "C6", "receivables": "C3", "paid_out": "C3", "collecting": "C3", "cash": "C3",
    "staff_money": "C3", "technology_money": "C3", "amenities_money": "C3",
}  # fmt: skip


def outlook_document(
    learnt: Learnt,
    worths: Sequence[PlayWorth],
    chosen: Sequence[str],
    beliefs: Beliefs,
    measured: Mapping[str, Measured],
    roadmap_rows: list[dict[str, Any]],
) -> dict[str, Any] | None:
    """What `wheel.json` says of the months ahead; None where money cannot be modelled. ``chosen``: the plays to begin with;
    ``roadmap_rows``: what the next unit of free cash brings back in 24 months.

    Bands hold how well arrows and effects are known. What single months do by chance is not in them; ``scatter`` says how far nine of
    ten of the last 24 months lay from their own straight line.
    """
    now, model = learnt.present, learnt.model
    if now is None or model is None:
        return None
    strengths = {name: draws[:DRAWS] for name, draws in learnt.draws.items()}
    mine = [worth for worth in worths if worth.play in chosen]
    lines = _lines(model, strengths, {}, now.places)
    with_plays = _with_plays(learnt, strengths, mine, beliefs) if mine else None
    loops, why = loops_document(learnt)
    within = {
        name: roadmap_rows if months == MONTHS else reinvestment(learnt, months)
        for name, months in HORIZONS.items()
    }
    return {
        "months": MONTHS,
        "plays": [worth.play for worth in mine],
        "lines": [
            {
                "name": name, "title": TITLES[name], "unit": "money" if name == NET_CASH else "count",
                "currency": now.currency if name == NET_CASH else "",
                "as_it_goes_on": _band(draws), "with_plays": None if with_plays is None else _band(with_plays[name]),
                "scatter": scatter(name, measured),
            }
            for name, draws in lines.items()
        ],
        "hangs_on": hangs_on(learnt, worths[0], beliefs) if worths and now.currency else None,
        "reinvestment": [
            {"horizon": name, "months": HORIZONS[name], "rows": _shares(rows)} for name, rows in within.items()
        ],
        "loops": loops,
        "why_no_loops": why,
    }  # fmt: skip


def _lines(
    model: PracticeModel, strengths: Mapping[str, Floats], sizes: Mapping[str, Floats], places: int
) -> dict[str, Floats]:
    """By month (months, draws), all places together: net cash and visits of the month, patients at its end."""
    run = simulate(model.model, {**values_of(model, strengths), **sizes}, record=[EARNED, PATIENTS, VISITS],
                   every=round(1 / model.model.dt))  # fmt: skip
    visits = (run[VISITS][1:] + run[VISITS][:-1]) / 2
    found = {NET_CASH: np.diff(run[EARNED], axis=0), PATIENTS: run[PATIENTS][1:], VISITS: visits}
    return {name: draws * places for name, draws in found.items()}


def _with_plays(
    learnt: Learnt, strengths: Mapping[str, Floats], mine: Sequence[PlayWorth], beliefs: Beliefs
) -> dict[str, Floats]:
    """The same with the plays at work from now on, at the places that do not have them yet."""
    now, model = learnt.present, learnt.model
    assert now is not None
    assert model is not None
    moves: list[Move] = []
    sizes: dict[str, Floats] = {}
    for worth in mine:
        own, drawn = moves_of(play_guesses()[worth.play], model.present, beliefs, now.currency == PRICES_IN)
        # The model is of a mean place: where some have the play already, it gets the others' share of it.
        share = worth.places / now.places
        for move, size in zip(own, drawn, strict=True):
            moves.append(Move(move.what, 0.0, 0.0, move.ramp, share * move.cost_once, share * move.cost_a_month))  # fmt: skip
            sizes[f"move_{len(moves)}_size"] = share * size
    changed = practice_model(now.practice, model_scales(), model_links(), moves=moves)
    return _lines(changed, strengths, sizes, now.places)


def _band(draws: Floats) -> dict[str, list[float]]:
    low, middle, high = np.quantile(draws, (LOW, 0.5, HIGH), axis=-1)
    return {
        name: [round(float(x), 2) for x in xs]
        for name, xs in (("low", low), ("median", middle), ("high", high))
    }


def _shares(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Marginal values with each part's share of their sum; what brings nothing back has none."""
    total = sum(max(row["value"], 0.0) for row in rows)
    return [{**row, "share": max(row["value"], 0.0) / total if total > 0 else 0.0} for row in rows]


def scatter(name: str, measured: Mapping[str, Measured]) -> float | None:
    """How far nine of ten of the last 24 months lie from their own straight line, all places together; None where it is not known."""
    if name == NET_CASH:
        money, spent = (
            _monthly(measured, m) for m in ("finance.collections", "finance.expenses_by_category")
        )
        series = {month: money[month] - spent[month] for month in money if month in spent}
    elif name == VISITS:
        series = _monthly(measured, "operations.kept_visits")
    else:
        return None
    values = np.array([series[month] for month in sorted(series)][-MONTHS:])
    if len(values) < LEAST_MONTHS:
        return None
    at = np.arange(len(values))
    off = values - np.polyval(np.polyfit(at, values, 1), at)
    return round(float(np.sqrt((off**2).sum() / (len(values) - 2))) * Z, 2)


def _monthly(measured: Mapping[str, Measured], name: str) -> dict[date, float]:
    """Months with a value; the last may be half a month and does not count."""
    result = measured[name].result if name in measured else None
    if result is None:
        return {}
    last = known_month(result.as_of)
    pairs = zip(result.months, result.monthly.value, strict=True)
    return {month: float(value) for month, value in pairs if np.isfinite(value) and month <= last}


def hangs_on(learnt: Learnt, worth: PlayWorth, beliefs: Beliefs) -> dict[str, Any]:
    """What the worth of a play hangs on most: each effect and each arrow alone at its 5 % and 95 % point, the others at their means."""
    now, model = learnt.present, learnt.model
    assert now is not None
    assert model is not None
    guess = play_guesses()[worth.play]
    moves, drawn = moves_of(guess, model.present, beliefs, now.currency == PRICES_IN)
    changed = practice_model(now.practice, model_scales(), model_links(), moves=moves)
    effects = {f"effect {i}": range_of(size) for i, size in enumerate(drawn, 1)}
    ranges = {**effects, **{name: range_of(draws) for name, draws in learnt.draws.items()}}

    def worth_of(rows: Mapping[str, Floats]) -> Floats:
        strengths = {name: rows[name] for name in learnt.draws}
        sizes = {f"move_{i}_size": rows[f"effect {i}"] for i in range(1, len(moves) + 1)}
        ends = []
        for one, given in ((model, {}), (changed, sizes)):
            run = simulate(
                one.model, {**values_of(one, strengths), **given}, record=[EARNED], every=one.model.steps
            )
            ends.append(np.asarray(run[EARNED][-1]))
        return np.asarray((ends[1] - ends[0]) * worth.places)

    found = swings(ranges, worth_of, most=8, least=LEAST_SWING)

    def money(value: float) -> dict[str, str]:
        return {"amount": f"{value:.2f}", "currency": now.currency}

    bars = []
    for swing in found:
        low, _, high = ranges[swing.name]
        if swing.name in effects:
            move = guess.moves[int(swing.name.split()[1]) - 1]
            unit = measures()[move.what].unit
            what = f"Effect on {measures()[move.what].title.lower()}"
            where = f"{signed(low, unit)} to {signed(high, unit)}"
        else:
            what, where = (
                f"Arrow {swing.name}: {links()[swing.name].mechanism}",
                f"{low:+.2f} to {high:+.2f}".replace("-", "−"),
            )
        bars.append({"figure": swing.name, "what": what, "range": where, "at_low": money(swing.low), "at_high": money(swing.high)})  # fmt: skip
    expected = money(found[0].middle if found else worth.mean)
    return {"play": worth.play, "title": plays()[worth.play].title, "as_expected": expected, "bars": bars}


def loops_document(learnt: Learnt) -> tuple[dict[str, Any] | None, str]:
    """Which loops push the practice's change in each month, by the parts that they pass; or None, and why.

    Loops that Matter with every arrow at its mean. Only loops that are joined with most others are compared (their cycle partition);
    a loop counts as the parts that it passes, each once, in its order.
    """
    if not any(e.identified for e in learnt.estimates.values()):
        return None, "No arrow is learnt from your own months yet: which loop drives would be a guess."
    now = learnt.present
    assert now is not None
    model = practice_model(now.practice, model_scales(), model_links(), steps_a_month=LOOP_STEPS)
    found = loop_dominance(model, {name: float(draws.mean()) for name, draws in learnt.draws.items()})
    joined = _joined(found)
    total = np.abs(found.score[joined]).sum(axis=0)
    if not (total > 0).all():
        return None, "The practice stands still in the model: no loop pushes."
    groups: dict[tuple[str, ...], Floats] = {}
    for i in joined:
        parts = _parts(found.loops[i])
        groups[parts] = groups.get(parts, np.zeros_like(total)) + found.score[i] / total
    monthly = {parts: share.reshape(MONTHS, -1).mean(axis=1) for parts, share in groups.items() if parts}
    first = sorted(monthly, key=lambda parts: (-float(np.abs(monthly[parts]).mean()), parts))[:SHOWN_LOOPS]
    every = np.array(list(groups.values()))
    driving = np.maximum(every, 0).sum(axis=0).reshape(MONTHS, -1).mean(axis=1)
    return {
        "groups": [{"parts": list(parts), "share": monthly[parts].tolist()} for parts in first],
        "driving": driving.tolist(),
        "loops": len(joined),
        "all_loops": found.all_loops,
    }, ""  # fmt: skip


def _joined(found: LoopScores) -> list[int]:
    """The numbers of the loops in the largest set that hangs together by shared variables."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for loop in found.loops:
        for name in loop[1:]:
            parent[root(name)] = root(loop[0])
    roots = [root(loop[0]) for loop in found.loops]
    largest = max(sorted(set(roots)), key=roots.count)
    return [i for i, own in enumerate(roots) if own == largest]


def _parts(loop: Sequence[str]) -> tuple[str, ...]:
    """The parts of the wheel that a loop passes, each once, from the first in the wheel's order on.

    >>> _parts(["felt_csat", "gap_nps", "sending", "advocates", "new_patients", "collecting"])
    ('C1', 'C2a', 'C2b', 'C3')
    """
    words = {name.rsplit(".", maxsplit=1)[-1].lower(): card.component for name, card in measures().items()}
    passed = []
    for variable in loop:
        name = re.sub(r"(_change|_\d+)+$", "", re.sub(r"^(gap|felt)_", "", variable))
        part = PART_OF.get(name) or words.get(name)
        if part and part not in passed:
            passed.append(part)
    if not passed:
        return ()
    start = min(range(len(passed)), key=lambda i: list(components()).index(passed[i]))
    return (*passed[start:], *passed[:start])
