"""What the model of a practice says: trajectories, the worth of stronger links, the drag, the worth of moves, its loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.flywheel.practice_model.equations import DISCOUNTED, EARNED, STOCKS, PracticeModel
from carewheel.science.flywheel.stocks import (
    LoopScores,
    Refusal,
    loop_scores,
    sensitivities,
    simulate,
    simulate_compiled,
)

Floats = NDArray[np.float64]
LEVEL = 0.90
STRONGER = 0.1
Strengths = Mapping[str, ArrayLike]


@dataclass(frozen=True, slots=True)
class Forecast:
    """By month (months + 1, draws): ``stocks`` by name, ``measures`` by id, ``flows`` of money and people by name. ``net_cash``
    and ``net_cash_discounted`` (draws,): money over the whole run, before what the owners take out."""

    months: Floats
    stocks: dict[str, Floats]
    measures: dict[str, Floats]
    flows: dict[str, Floats]
    net_cash: Floats
    net_cash_discounted: Floats


@dataclass(frozen=True, slots=True)
class Worth:
    """Money over the run with an interval at 90 %: ``draws`` (draws,), their mean, and quantiles; NaN bounds with one draw."""

    draws: Floats
    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: Floats) -> Worth:
        low, high = (
            np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(draws) > 1 else (np.nan, np.nan)
        )
        return cls(draws, float(draws.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class LinkWorths:
    """By link: ``gradient`` (draws,) of net cash by its strength, ``worth`` of 0.1 more in the direction of its sign, and the
    probability ``is_drag`` that it is worth most (0 for a link that costs on average). ``drag``: the link of the largest mean worth, or None if none is positive."""

    gradient: dict[str, Floats]
    worth: dict[str, Worth]
    is_drag: dict[str, float]
    drag: str | None


def forecast(pm: PracticeModel, strengths: Strengths, *, compiled: bool = False) -> Forecast:
    """Run the model month by month with ``strengths`` by link id: numbers, or (draws,) of a posterior.

    Raises `Refusal` (``strengths``) for an unknown link or one without a strength, else as `stocks.simulate`.
    """
    flows = (
        "net_cash",
        "new_patients",
        "leaving",
        "kept_visits",
        "collecting",
        "quitting",
        "hiring",
        "marketing",
    )
    names = [*STOCKS, EARNED, DISCOUNTED, *pm.measures.values(), *flows]
    run = (simulate_compiled if compiled else simulate)(
        pm.model, values_of(pm, strengths), record=list(dict.fromkeys(names)), every=round(1 / pm.model.dt)
    )
    return Forecast(
        run.times, {s: run[s] for s in STOCKS}, {m: run[n] for m, n in pm.measures.items()}, {f: run[f] for f in flows},
        run[EARNED][-1], run[DISCOUNTED][-1],
    )  # fmt: skip


def values_of(pm: PracticeModel, strengths: Strengths) -> dict[str, ArrayLike]:
    """The strengths under the names of the model's constants; carry-overs within a part keep theirs unless given."""
    remedy = "Give a strength, or draws of it, for each link and no other."
    if unknown := sorted(set(strengths) - set(pm.strengths)):
        raise Refusal(
            "strengths", "A strength of a link that the model does not have.", remedy, link=unknown[0]
        )
    if missing := sorted(link for link in pm.strengths if link not in strengths and "~" not in link):
        raise Refusal("strengths", "A link has no strength.", remedy, link=missing[0])
    return {pm.strengths[link]: value for link, value in strengths.items()}


def link_worths(
    pm: PracticeModel, strengths: Strengths, *, links: Sequence[str] | None = None, discounted: bool = False,
    method: Literal["gradient", "runs"] = "gradient",
) -> LinkWorths:  # fmt: skip
    """What 0.1 more strength of each link, in the direction of its sign, adds to net cash over the run.

    "gradient": 0.1 times the exact derivative, all links for the price of about three runs. "runs": the model run with each
    link stronger by 0.1, with the same draws. A link of strength 0 counts as positive. ``links``: default all but
    carry-overs. Ties share the probability of being the drag.
    """
    values, chosen = (
        values_of(pm, strengths),
        list(links or (link for link in pm.strengths if "~" not in link)),
    )
    outcome = DISCOUNTED if discounted else EARNED
    found = sensitivities(pm.model, outcome, [pm.stronger[link] for link in chosen], values)
    gradient = {link: found.by[pm.stronger[link]] for link in chosen}
    n = len(found.value)
    sign = {
        link: np.where(np.broadcast_to(strengths.get(link, 0.0), (n,)).mean() < 0, -1.0, 1.0)
        for link in chosen
    }
    if method == "gradient":
        gain = {link: STRONGER * sign[link] * gradient[link] for link in chosen}
    else:
        gain = {}
        for link in chosen:
            pushed = {**values, pm.stronger[link]: STRONGER * float(sign[link])}
            gain[link] = (
                simulate(pm.model, pushed, record=[outcome], every=pm.model.steps)[outcome][-1] - found.value
            )
            gain[link] = np.broadcast_to(gain[link], (n,)).copy()
    return _ranked(gradient, gain)


def _ranked(gradient: dict[str, Floats], gain: Mapping[str, Floats]) -> LinkWorths:
    # What costs on average is not what the wheel lacks, however unsure its worth is.
    table = np.array([draws if draws.mean() > 0 else np.zeros_like(draws) for draws in gain.values()])
    best = (table == table.max(axis=0)) & (table > 0)
    share = (best / np.maximum(best.sum(axis=0), 1)).mean(axis=1)
    worth = {link: Worth.of(draws) for link, draws in gain.items()}
    top = max(worth, key=lambda link: worth[link].mean)
    return LinkWorths(
        gradient, worth, dict(zip(worth, share.tolist(), strict=True)), top if worth[top].mean > 0 else None
    )


def usual_worth(worths: LinkWorths) -> float:
    """What links are worth here, whatever their sign: the root mean square of the mean worths."""
    return float(np.sqrt(np.mean([worth.mean**2 for worth in worths.worth.values()])))


def doubted(worths: LinkWorths, doubt: Mapping[str, float], normals: Floats) -> LinkWorths:
    """The same with what the model leaves out: each worth is off by its ``doubt`` times the `usual_worth`, standard deviation.

    ``normals`` (links, draws): standard normal, one row a link. They are made to have mean nought, deviation one, and nothing in common
    with the draws: no mean worth moves, the order of the links stays, and variances add. Fewer than three draws have nothing
    to spare for that, and are left as they are.
    """
    if normals.shape[1] < 3:
        return worths
    usual, gain = usual_worth(worths), {}
    for (link, worth), z in zip(worths.worth.items(), normals, strict=True):
        draws, own = worth.draws - worth.draws.mean(), z - z.mean()
        own = own - draws * float(draws @ own) / max(float(draws @ draws), 1e-300)
        gain[link] = worth.draws + doubt.get(link, 0.0) * usual * own / own.std()
    return _ranked(worths.gradient, gain)


def net_cash(
    pm: PracticeModel, strengths: Strengths, sizes: Mapping[int, ArrayLike] | None = None, *, discounted: bool = False
) -> Floats:  # fmt: skip
    """Net cash over the run (draws,). ``sizes``: draws of the size of move number 1, 2, …, in its own unit; else those built in."""
    drawn = {f"move_{number}_size": size for number, size in (sizes or {}).items()}
    outcome = DISCOUNTED if discounted else EARNED
    run = simulate(pm.model, {**values_of(pm, strengths), **drawn}, record=[outcome], every=pm.model.steps)
    return np.atleast_1d(run[outcome][-1])


def move_worth(
    without: PracticeModel, with_moves: PracticeModel, strengths: Strengths,
    sizes: Mapping[int, ArrayLike] | None = None, *, discounted: bool = False, before: Floats | None = None,
) -> Worth:  # fmt: skip
    """Net cash with moves less net cash without, draw by draw (common random numbers), costs of the moves taken off.

    ``before``: the `net_cash` without, where it is known already.
    """
    if before is None:
        before = net_cash(without, strengths, discounted=discounted)
    return Worth.of(net_cash(with_moves, strengths, sizes, discounted=discounted) - before)


def loop_dominance(pm: PracticeModel, strengths: Mapping[str, float], most: int = 2_000) -> LoopScores:
    """Which feedback loops drive the practice when, with one value for each strength (Loops that Matter)."""
    return loop_scores(pm.model, values_of(pm, strengths), most)
