"""Why a visit has its chance: the parts of its log-odds, and a sentence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from carewheel.science.forecasting.attendance.features import Features
from carewheel.science.forecasting.attendance.forest import plain
from carewheel.science.forecasting.attendance.model import ChanceModel
from carewheel.science.forecasting.attendance.prior import terms
from carewheel.science.forecasting.attendance.trees import Trees
from carewheel.science.forecasting.extras import module
from carewheel.science.intervals import Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Columns by what they tell; the first beginning that fits counts.
_MEANINGS = (
    ("lead_days", "lead time"),
    ("booked_", "when it was booked"),
    ("visit_", "when the visit is"),
    ("past_", "own record"),
    ("last_bad", "own record"),
    ("days_since_last", "own record"),
    ("own_", "own other bookings"),
    ("place_", "how full the day and busy the desk is"),
    ("practice_", "how full the day and busy the desk is"),
)
# Parts below this change of the log-odds are not worth a word: a tenth changes a chance of 20 % by 1.6 points.
LEAST_PART = 0.1


def meaning(column: str) -> str:
    """What a column tells, in words.

    >>> meaning("past_bad"), meaning("number age"), meaning("kind type and lead")
    ('own record', 'age', 'type')
    """
    for kind in ("number ", "kind "):
        if column.startswith(kind):
            return column.removeprefix(kind).removesuffix(" and lead")
    return next((words for start, words in _MEANINGS if column.startswith(start)), column)


def parts(model: ChanceModel, of: Features) -> dict[str, Floats]:
    """By meaning, what it adds to the log-odds (n,) against a typical visit of training; with ``"typical"`` they sum to the log-odds.

    Trees: Shapley values of the columns (Lundberg, Erion & Lee 2018, TreeSHAP, by LightGBM), summed by meaning. Terms of the prior: coefficient
    times distance from the mean of training. Raises `CannotTell` ``missing-extra``.
    """
    found: dict[str, Floats] = {}

    def add(words: str, values: Floats) -> None:
        found[words] = found.get(words, np.zeros(len(of))) + values

    away = (terms(of) - model.typical) * model.believed.mean
    add("typical", np.full(len(of), float(model.typical @ model.believed.mean)))
    add("lead time", away[:, 1] + away[:, 2])
    add("own record", away[:, 3] + away[:, 4])
    ahead = (of.column("lead_days") > 0) & (model.later.rounds > 0)
    for trees, rows, share in (
        (model.trees, np.ones(len(of), dtype=bool), np.where(ahead, 0.5, 1.0)),
        (model.later, ahead, np.full(len(of), 0.5)),
    ):
        if trees.boosters and rows.any():
            each = np.zeros((len(of), len(trees.names) + 1))
            each[rows] = _shapley(trees, of.only(rows)) * share[rows, None]
            for i, column in enumerate(trees.names):
                add(meaning(column), each[:, i])
            add("typical", each[:, -1])
    return found


def _shapley(trees: Trees, of: Features) -> Floats:
    """Shapley values (n, columns + 1) of the trees, the last the mean of training."""
    lightgbm = module("lightgbm")
    x = plain(of.as_named(trees.names)).astype(np.float64)
    each = [
        lightgbm.Booster(model_str=text).predict(x, pred_contrib=True, num_threads=1)
        for text in trees.boosters
    ]
    return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def sentence(
    model: ChanceModel, of: Features, row: int, chance: Estimate, event: str = "a missed visit"
) -> str:
    """One visit's score in a sentence; ``chance``: of all visits in ``of``, as the practice shows it (recalibrated).

    It says what the score rests on, not what makes people stay away. Raises `CannotTell` ``no-such-visit``.
    """
    if not 0 <= row < len(of):
        raise CannotTell("no-such-visit", {"row": row, "visits": len(of)}, "name one of the visits")
    mine = Estimate(*(np.atleast_1d(end)[row : row + 1] for end in chance))
    return sentences(model, of.only(np.array([row])), mine, event)[0]


def sentences(model: ChanceModel, of: Features, chance: Estimate, event: str = "a missed visit") -> list[str]:
    """The score of each visit in a sentence; the trees are opened once for all of them."""
    found = parts(model, of)
    usual = expit(found.pop("typical"))
    value, low, high = (np.atleast_1d(end) for end in chance)
    told = []
    for row in range(len(of)):
        one = of.only(np.array([row]))
        by_size = sorted(
            ((words, float(part[row])) for words, part in found.items()), key=lambda p: -abs(p[1])
        )
        large = [(words, part) for words, part in by_size if abs(part) >= LEAST_PART]
        up = [_told(words, one) for words, part in large if part > 0][:3]
        down = [_told(words, one) for words, part in large if part < 0][:3]
        reasons = "; ".join(
            f"{verb} by {_listed(words)}" for verb, words in (("raised", up), ("lowered", down)) if words
        )
        told.append(
            f"Chance of {event} {value[row]:.0%} (interval {low[row]:.0%} to {high[row]:.0%}; a typical visit {usual[row]:.0%}): "
            f"{reasons or 'nothing known of this visit sets it apart'}."
        )
    return told


def _told(words: str, one: Features) -> str:
    """A meaning with its figures, where they say more."""
    if words == "lead time":
        days = int(one.column("lead_days")[0])
        return "being booked for the same day" if days == 0 else f"lead time ({days} day{'s' * (days != 1)})"
    if words == "own record":
        seen, fallen = one.column("past_visits")[0], one.column("past_bad")[0]
        if np.isnan(seen) or seen == 0:
            return "having no record yet"
        return f"own record ({int(fallen)} of {int(seen)} earlier visits missed)"
    number = one.column(f"number {words}")
    return words if np.isnan(number[0]) else f"{words} {number[0]:g}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
