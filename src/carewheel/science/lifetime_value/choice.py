"""Which model of visits to believe: the one that foretells what it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.lifetime_value.histories import Histories, histories_of_visits
from carewheel.science.lifetime_value.periodic import periodic_models
from carewheel.science.lifetime_value.visits import MODELS, VisitFit, VisitModel, fitted, total_visits
from carewheel.science.refusal import CannotTell

# Shares of the time that are known to a model when it is tried on what comes after.
SPLITS = (0.7, 0.8, 0.9)


class Trial(NamedTuple):
    """One model on a hold-out: fitted before the split, judged by the visits after it.

    ``score``: logarithm of the probability (density) that it gave to all visits after the split, given those before; the more the
    better. ``foretold``: visits of the hold-out, with interval; ``came``: how many there were.
    """

    fit: VisitFit
    score: float
    foretold: Estimate
    came: int


def trials(
    patients: ArrayLike,
    times: ArrayLike,
    split: float,
    end: float,
    models: tuple[VisitModel, ...] = MODELS,
    level: float = LEVEL,
) -> list[Trial]:
    """Every model on a hold-out, the best first.

    ``patients``, ``times`` (visits,): a list of visits as in `histories_of_visits`; fitted up to ``split``, judged from there to ``end`` on
    the patients who were there at the split. The score is proper (Gneiting & Raftery 2007, JASA 102:359): nobody gains by
    claiming to be surer than he is. All models give densities of the same thing, the times of visits, so their scores compare.
    Raises `CannotTell` where the split is not before the end, and as `fitted`.
    """
    if not split < end:
        raise CannotTell(
            "no-time", {"split": float(split), "end": float(end)}, "the split lies before the end"
        )
    before, whole = _both(np.asarray(patients), np.asarray(times, dtype=np.float64), split, end)
    came = int(whole.patients @ whole.repeats - before.patients @ before.repeats)
    found = []
    for model in models:
        fit = fitted(model, before)
        score = model.log_likelihood(fit.theta, whole)[0] - fit.log_likelihood
        found.append(Trial(fit, score, total_visits(fit, before, end - split, level), came))
    return sorted(found, key=lambda trial: -trial.score)


def chosen(
    patients: ArrayLike,
    times: ArrayLike,
    end: float,
    models: tuple[VisitModel, ...] | None = None,
    splits: tuple[float, ...] = SPLITS,
) -> VisitFit:
    """The model that foretold best what it had not seen, fitted again on all visits up to ``end``.

    Three hold-outs, one after another: the models are fitted on 70, 80 and 90 % of the time and judged on the rest by the score of `trials`; the scores
    are added. ``models``: by default visits at random and regular visits, and chances to leave of several spacings (`periodic_models`).
    Raises `CannotTell` as `fitted`.

    >>> rng = np.random.default_rng(4)
    >>> gaps = rng.gamma(4, 26 / 4, (300, 12))  # every half year, give or take
    >>> times = np.cumsum(gaps, axis=1) - gaps[:, :1]
    >>> who = np.repeat(np.arange(300), 12)
    >>> chosen(who, np.ravel(times), end=150.0).model.k  # nobody leaves, so how they would is all one
    4
    """
    who, when = np.asarray(patients), np.asarray(times, dtype=np.float64)
    known = histories_of_visits(who, when, end)
    known.check_enough()
    tried = (*MODELS, *periodic_models(known)) if models is None else models
    first = float(when.min())
    scores = np.zeros(len(tried))
    # With a tenth more of the time the peak lies near the one before.
    fits: list[VisitFit | None] = [None] * len(tried)
    for share in sorted(splits):
        before, whole = _both(who, when, first + share * (end - first), end)
        for place, model in enumerate(tried):
            fits[place] = fit = fitted(model, before, fits[place])
            scores[place] += model.log_likelihood(fit.theta, whole)[0] - fit.log_likelihood
    best = int(scores.argmax())
    return fitted(tried[best], known, fits[best])


def _both(
    who: NDArray[np.generic], when: NDArray[np.float64], split: float, end: float
) -> tuple[Histories, Histories]:
    """Histories up to the split, and up to the end, of the patients who were there at the split."""
    before = histories_of_visits(who, when, split)
    there = np.isin(who, np.unique(who[when <= split]))
    return before, histories_of_visits(who[there], when[there], end)
