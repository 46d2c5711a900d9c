"""What a turn learns of the wheel itself: strengths of the arrows, how strongly the wheel turns, and where it drags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.components import components
from carewheel.catalog.links import Link, link_scales, links
from carewheel.catalog.measures import measures
from carewheel.science.flywheel.gain import (
    Arrow,
    direction,
    elasticities,
    even_weights,
    interval,
    loop_gain,
    loops_between,
    strength_matrix,
)
from carewheel.science.flywheel.learning import LinkEstimate
from carewheel.science.flywheel.practice_model import (
    LinkWorths,
    PracticeModel,
    doubted,
    link_worths,
    practice_model,
)
from carewheel.science.flywheel.stocks import Refusal
from carewheel.wheel.measured import Measured
from carewheel.wheel.numbers import about
from carewheel.wheel.panel import estimates, link_panel
from carewheel.wheel.present import Lacking, Present, model_links, model_scales, present

DRAWS = 400
SEED = 20_250_101
# An arrow is said to be the drag of the wheel only with this probability; below it is the likeliest of several.
SURE = 0.8


@dataclass(frozen=True)
class Learnt:
    """The wheel as one practice's facts and the priors show it.

    ``estimates`` and ``draws`` (DRAWS,) by link id. ``present``, ``model``, ``worths``: None where money cannot be modelled, and
    ``why_no_money`` says why.
    """

    estimates: Mapping[str, LinkEstimate]
    draws: Mapping[str, NDArray[np.float64]]
    present: Present | None
    model: PracticeModel | None
    worths: LinkWorths | None
    why_no_money: str


def learn(measured: Mapping[str, Measured]) -> Learnt:
    """Learn the arrows from the measures of a practice (by card id), and value them where its money is known."""
    results = {name: m.result for name, m in measured.items() if m.result is not None}
    found = estimates(link_panel(results))
    uniforms = np.random.default_rng(SEED).random((len(found), DRAWS, 2))
    draws = {name: e.strength.draws(uniforms[i]) for i, (name, e) in enumerate(found.items())}
    now = present(measured)
    if isinstance(now, Lacking):
        return Learnt(found, draws, None, None, None, now.why)
    try:
        model = practice_model(now.practice, model_scales(), model_links())
        chosen = [name for name in draws if links()[name].kind != "policy"]
        normals = np.random.default_rng(SEED + 1).standard_normal((len(chosen), DRAWS))
        doubt = {name: links()[name].worth_doubt for name in chosen}
        worths = doubted(link_worths(model, draws, links=chosen), doubt, normals)
    except Refusal as refusal:
        return Learnt(found, draws, None, None, None, str(refusal))
    return Learnt(found, draws, now, model, worths, "")


def arrows(draws: Mapping[str, NDArray[np.float64]]) -> list[Arrow]:
    """The arrows between parts, turned so that more is better at both ends."""
    weights = even_weights({name: (links()[name].target, links()[name].to_measure) for name in draws})
    return [
        Arrow(name, links()[name].source, links()[name].target, strength, _sign(links()[name]), weights[name])
        for name, strength in draws.items()
    ]


def _sign(link: Link) -> int:
    better = {"up": 1, "down": -1, "none": 1}
    ends = (measures()[link.from_measure].direction, measures()[link.to_measure].direction)
    return direction(better[ends[0]], better[ends[1]])


def gain_document(learnt: Learnt) -> dict[str, Any] | None:
    """Loop gain, the loops that make it and the arrows it hangs on, as `wheel.json` states them; None if no arrow is learnt."""
    own = [e for e in learnt.estimates.values() if e.identified]
    if not own:
        return None
    parts, between = list(components()), arrows(learnt.draws)
    matrix = strength_matrix(between, parts)
    gain = loop_gain(matrix)
    loops = sorted(loops_between(matrix, parts), key=lambda loop: -abs(float(loop.product.value)))[:5]
    leverage = elasticities(between, parts)
    return {
        "value": float(gain.value),
        "low": float(gain.low),
        "high": float(gain.high),
        "compounds": float(gain.low) > 1,
        "links_from_data": len(own),
        "links": len(learnt.estimates),
        "loops": [
            {"parts": list(loop.parts), "product": float(loop.product.value), "low": float(loop.product.low),
             "high": float(loop.product.high), "share": float(loop.share.value)}
            for loop in loops
        ],
        "elasticity": {name: float(e.value) for name, e in leverage.items()},
    }  # fmt: skip


def drag_document(learnt: Learnt) -> dict[str, Any] | None:
    """The arrow whose strengthening is worth most, with its probability; None where money cannot be modelled."""
    worths, now = learnt.worths, learnt.present
    if worths is None or now is None or worths.drag is None:
        return None
    name, link = worths.drag, links()[worths.drag]
    chance, worth = worths.is_drag[worths.drag], worths.worth[worths.drag]
    money = about(worth.mean * now.places, now.currency)
    odds = "over 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"
    sure = "most likely" if chance < SURE else "clearly"
    why = (
        f"The drag is {link.id}, {link.mechanism}: of all arrows it is {sure} ({odds}) the one whose strengthening pays most, about "
        f"{money} in 24 months for 0.1 more."
    )
    return {"link": name, "why": why, "probability": chance}


def link_document(learnt: Learnt, link: Link, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """One arrow as `wheel.json` states it."""
    estimate = learnt.estimates[link.id]
    low, high = estimate.strength.interval()
    own = estimate.own_sd if np.isfinite(estimate.own_sd) else None
    both = all(
        name in measured and measured[name].value is not None for name in (link.from_measure, link.to_measure)
    )
    worth = learnt.worths.worth.get(link.id) if learnt.worths else None
    places = learnt.present.places if learnt.present else 1
    currency = learnt.present.currency if learnt.present else ""
    shown = estimate.identified or both
    return {
        "evidence": "data" if estimate.identified else "prior" if both else "none",
        "strength": estimate.strength.mean if shown else None,
        "low": low if shown else None,
        "high": high if shown else None,
        "prior_weight": estimate.prior_weight if shown else None,
        "chance_absent": estimate.strength.absent,
        "own": None if own is None else {"value": estimate.own_mean, "sd": own, "months": estimate.cells},
        "from_measure": link.from_measure,
        "to_measure": link.to_measure,
        "scales": {name: link_scales()[name].sd for name in (link.from_measure, link.to_measure)},
        "both_ends_measured": both,
        "worth": None if worth is None or not currency else _worth(worth.draws * places, currency),
        "chance_of_drag": None if learnt.worths is None else learnt.worths.is_drag.get(link.id),
    }


def _worth(draws: NDArray[np.float64], currency: str) -> dict[str, Any]:
    found = interval(draws)
    parts = zip(
        ("mean", "low", "high"), (float(draws.mean()), float(found.low), float(found.high)), strict=True
    )
    return {name: {"amount": f"{value:.2f}", "currency": currency} for name, value in parts}
