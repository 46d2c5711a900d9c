"""Whether the wheel names the right drag and the right first action, held against invented groups lived through with each cause changed.

What is true costs some hundred lives of a place a group, so the candidates race: all are tried at a few of the group's own places, and
those that lie three errors of the difference behind the leader drop out. Money of the 24 months after the turn, by place; a play's price is
taken off on both sides. By itself: `python -m tests.validation.first_things [GROUPS]`; found things are kept in the folder
CAREWHEEL_VALIDATION_ANSWERS, if it is set, and gone on from.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.validation.demo_groups import FIRST_SEED, LAWS, MONTHS, demo_group, group_of, kept_in
from tests.validation.link_doubts import Off, beyond
from tests.validation.link_learning import Row

from carewheel.catalog.links import links
from carewheel.catalog.play_guesses import play_guesses
from carewheel.invented.group import Group, PlannedPlay
from carewheel.invented.location import Lived
from carewheel.invented.ports import Strengthening
from carewheel.invented.truth import WORTH_MONTHS, At, Fork
from carewheel.science.flywheel.practice_model import Worth, usual_worth
from carewheel.wheel.learnt import learn
from carewheel.wheel.roadmap import worth_of_plays

Floats = NDArray[np.float64]
GROUPS, PLACES = 50, 30
PLAYS = tuple(play for play, guess in play_guesses().items() if guess.moves)
ROUNDS = (4, 8, 16, 30)
BEHIND = 3.0
# Worths lived through at fewer places are luck for the most part.
ENOUGH = 8
# The truths of so many groups, the first, were looked at when the start of the practice model was mended.
LOOKED_AT = 16
# A step up and one down, both of three tenths: a slope with a ninth of the chance in one step of a tenth, and no curvature.
STEP = 0.3


def race(
    names: Sequence[str], gain: Callable[[str, int], float], rounds: Sequence[int] = ROUNDS
) -> dict[str, list[float]]:
    """Gains by place of each name: the more places, the nearer to the leader. ``gain`` of a name at a place (0, 1, ...)."""
    found: dict[str, list[float]] = {name: [] for name in names}
    still = list(names)
    for upto in rounds:
        for name in still:
            found[name] += [gain(name, place) for place in range(len(found[name]), upto)]
        leader = max(still, key=lambda name: float(np.mean(found[name])))
        away = {name: np.subtract(found[leader], found[name]) for name in still}
        still = [
            name for name, d in away.items()
            if name == leader or d.mean() <= BEHIND * d.std(ddof=1) / np.sqrt(len(d))
        ]  # fmt: skip
        if len(still) == 1:
            break
    return found


def _cash(lived: Lived) -> float:
    """Net cash of the months after the turn, in whole money."""
    return sum(lived.net_cash[MONTHS : MONTHS + WORTH_MONTHS]) / 100


def truth_of(
    group: Group, places: int = PLACES, laws: Sequence[str] = LAWS, plays: Sequence[str] = PLAYS
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Worth of 0.1 more of each law, and of each play less its price, at the group's own places."""
    short = replace(group, months=MONTHS + WORTH_MONTHS, plays=())
    strengths = group.strengths

    @cache
    def at(place: int) -> tuple[Fork, float]:
        here = Fork(At(short, place + 1, strengths), MONTHS)
        return here, _cash(here.live())

    def of_law(law: str, place: int) -> float:
        here, _ = at(place)
        step = float(np.sign(strengths[law])) * STEP
        up, down = (_cash(here.live(stronger=Strengthening(law, MONTHS, by))) for by in (step, -step))
        return (up - down) / (20 * STEP)

    def of_play(play: str, place: int) -> float:
        here, base = at(place)
        guess = play_guesses()[play]
        price = guess.price_once + WORTH_MONTHS * guess.price_a_month
        return _cash(here.live(PlannedPlay(play, MONTHS, (place + 1,)))) - base - price

    rounds = [n for n in ROUNDS if n < places] + [places]
    return race(laws, of_law, rounds), race(plays, of_play, rounds)


def first_things(seed: int, places: int = PLACES, folder: Path | None = None) -> dict[str, Any]:
    """What the wheel says first of a group, and what is true of it. The truth is what takes long: it is kept in ``folder``."""
    learnt = learn({m.card.id: m for m in demo_group(seed, places, folder).measured})
    assert learnt.worths is not None
    drags = sorted(learnt.worths.worth, key=lambda name: -learnt.worths.worth[name].mean)  # type: ignore[union-attr]
    usual = usual_worth(learnt.worths)
    said = {
        "worths": {
            name: _worth(worth, usual, name) for name, worth in learnt.worths.worth.items() if name in LAWS
        },
        "chance": learnt.worths.is_drag.get(drags[0], 0.0),
        "drags": [name for name in drags if name in LAWS][:3],
        "actions": [worth.play for worth in worth_of_plays(learnt)][:3],
    }
    kept = None if folder is None else folder / f"first-{places}" / f"{seed}.json"
    if kept is not None and kept.exists():
        return {**json.loads(kept.read_text()), **said}
    laws, plays = truth_of(group_of(seed, places), places)
    true = {"laws": _ranked(laws), "plays": _ranked(plays)}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(".new")
        temporary.write_text(json.dumps(true))
        temporary.replace(kept)
    return {**true, **said}


def _worth(worth: Worth, usual: float, name: str) -> dict[str, float]:
    """What the wheel says a law is worth; ``own``: the variance of its draws without the doubt of the model."""
    own = float(worth.draws.var()) - (links()[name].worth_doubt * usual) ** 2
    return {"mean": worth.mean, "low": worth.low, "high": worth.high, "own": max(own, 0.0), "usual": usual}


def worth_doubts(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    """By law, how far worths are off beyond their own draws, in the usual worth of each group (greatest likelihood)."""
    off: dict[str, list[Off]] = {name: [] for name in LAWS}
    for one in found:
        for name, value, _, places in one["laws"]:
            said = one["worths"][name]
            if places >= ENOUGH:
                off[name].append(
                    Off((value - said["mean"]) / said["usual"], said["own"] / said["usual"] ** 2)
                )
    return {name: beyond(errors) for name, errors in off.items()}


def worth_rows(found: Sequence[dict[str, Any]], what: str) -> list[Row]:
    """Intervals of worth against what is true, and the stated chance of the drag against how often it was one."""
    held = [
        one["worths"][name]["low"] <= value <= one["worths"][name]["high"]
        for one in found for name, value, _, places in one["laws"] if places >= ENOUGH
    ]  # fmt: skip
    alone = [
        abs(value - said["mean"]) <= 1.6449 * said["own"] ** 0.5
        for one in found for name, value, _, places in one["laws"] if places >= ENOUGH
        for said in [one["worths"][name]]
    ]  # fmt: skip
    covered, chance = float(np.mean(held)), float(np.mean([one["chance"] for one in found]))
    right = float(np.mean([one["laws"][0][0] == one["drags"][0] for one in found]))
    return [
        Row(f"90 % intervals of the worth of {len(held)} laws, {what}", ".85 to .95", f"{covered:.3f}", 0.85 <= covered <= 0.95),
        Row("the same without the doubt of the model", "beside", f"{np.mean(alone):.3f}", None),
        Row(f"chance said that the drag is one, mean; how often it was, {what}", "not more than it was, + .05", f"{chance:.2f}; {right:.2f}", chance <= right + 0.05),
    ]  # fmt: skip


def _ranked(gains: dict[str, list[float]]) -> list[tuple[str, float, float, int]]:
    """Name, mean, error of its difference to the leader, places; the leader first."""
    order = sorted(gains, key=lambda name: (-len(gains[name]), -float(np.mean(gains[name]))))
    best = gains[order[0]]
    return [
        (name, float(np.mean(v)), float(np.std(np.subtract(best[: len(v)], v), ddof=1) / np.sqrt(len(v))), len(v))
        for name, v in ((name, gains[name]) for name in order)
    ]  # fmt: skip


def first_rows(groups: int = GROUPS, places: int = PLACES) -> list[Row]:
    """How often the true drag is among the first two, and the first action the one that is worth most."""
    found = [first_things(FIRST_SEED + k, places, kept_in()) for k in range(groups)]
    later = found[LOOKED_AT:]
    unseen = [
        Row(f"{row.what}, which nobody had looked at before", row.bar, row.found, None)
        for row in (rows_of(later, places)[::2] if later else ())
    ]
    judged = (
        worth_rows(later, f"{len(later)} groups of {places} places that its doubt was not found with")
        if later
        else []
    )
    return [*rows_of(found, places), *unseen, *judged, *doubt_rows(found[:LOOKED_AT])]


def doubt_rows(found: Sequence[dict[str, Any]]) -> list[Row]:
    """The catalog's doubts of worth beside what the first groups show."""
    return [
        Row(f"worth of {name}: off beyond its draws, in usual worths, {len(found)} groups", f"catalog: {links()[name].worth_doubt:.2f}",
            f"{doubt:.3f}", abs(doubt - links()[name].worth_doubt) < 0.02)
        for name, doubt in worth_doubts(found).items()
    ]  # fmt: skip


def rows_of(found: Sequence[dict[str, Any]], places: int) -> list[Row]:
    n = len(found)
    drag = sum(one["laws"][0][0] in one["drags"][:2] for one in found)
    either = sum(bool({name for name, *_ in _near(one["laws"])} & set(one["drags"][:2])) for one in found)
    action = sum(one["plays"][0][0] == one["actions"][0] for one in found)
    near = sum(one["actions"][0] in {name for name, *_ in _near(one["plays"])} for one in found)
    what = f"{n} groups of {places} places"
    return [
        Row(f"true drag among the first two, {what}", "≥ 90 %", f"{drag} ({100 * drag / n:.0f} %)", drag >= 0.9 * n),
        Row("or one that lies within two errors of it", "beside", f"{either} ({100 * either / n:.0f} %)", None),
        Row(f"first action is the one worth most, {what}", "≥ 80 %", f"{action} ({100 * action / n:.0f} %)", action >= 0.8 * n),
        Row("or one that lies within two errors of it", "beside", f"{near} ({100 * near / n:.0f} %)", None),
    ]  # fmt: skip


def _near(ranked: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return [row for row in ranked if ranked[0][1] - row[1] <= 2 * row[2]]


def first_section(groups: int = GROUPS) -> tuple[list[str], bool]:
    """The section of the page, and whether all that is judged holds."""
    began = time.monotonic()
    rows = first_rows(groups)
    lines = [
        "",
        "## The drag and the first action",
        "",
        f"Invented groups of {PLACES} places, {MONTHS} months, strengths drawn and laws broken as in the section above, turned at the end; what is true is lived",
        f"through {WORTH_MONTHS} months further, with one law stronger or weaker by {STEP} or one play begun, the luck of all others the same. Candidates race over the",
        f"group's own places ({', '.join(map(str, ROUNDS))}); the worth of a play is less its price. The start of the practice model was mended with the truths",
        f"of the first {LOOKED_AT}, and with them the model's own doubt of each worth was found. Source: `tests/validation/first_things.py`.",
        "",
        f"Seeds from {FIRST_SEED}; numpy {np.__version__}; {time.monotonic() - began:.0f} s, kept answers not counted.",
        "",
        "| What | Bar | Found | |",
        "|---|---|---|---|",
        *(f"| {r.what} | {r.bar} | {r.found} | {'' if r.holds is None else 'holds' if r.holds else '**does not hold**'} |" for r in rows),
    ]  # fmt: skip
    return lines, all(r.holds is not False for r in rows)


def main() -> None:
    groups = int(sys.argv[1]) if len(sys.argv) > 1 else GROUPS
    found = []
    for k in range(groups):
        found.append(first_things(FIRST_SEED + k, PLACES, kept_in()))
        one = found[-1]
        print(FIRST_SEED + k, one["drags"], one["laws"][:3], one["actions"], one["plays"][:3], flush=True)
    for row in rows_of(found, PLACES):
        print(row)


if __name__ == "__main__":
    main()
