"""The wheel run forward: how the practice goes on, and how with plays put to work and free cash spent otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.journeys.look_at_the_wheel import Looked
from carewheel.science.flywheel.practice_model import Move, Policy, PracticeModel, practice_model
from carewheel.science.flywheel.practice_model.equations import EARNED
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import Run, simulate, to_xmile
from carewheel.wheel.plans import PlanRefused
from carewheel.wheel.present import model_links, model_scales
from carewheel.wheel.roadmap import DRAWS, PRICES_IN, moves_of

Floats = NDArray[np.float64]
SHORTEST, LONGEST = 1, 120
LOW, HIGH = 0.05, 0.95
# What is shown beside the measures of the wheel and those that a play moves.
STOCKS = {"active_patients": "Active patients", "staff": "Staff", "cash": "Cash on hand"}
ALWAYS = ("growth.new_patients", "operations.kept_visits", "operations.no_show_rate", "finance.collections")
POLICIES = ("staff", "technology", "amenities", "marketing")


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity by month (months + 1,): median and 90 % band without and with what is asked, and of their difference.

    Counts and money are those of all places together, everything else that of a mean place.
    """

    name: str
    title: str
    unit: str
    without: tuple[Floats, Floats, Floats]
    with_it: tuple[Floats, Floats, Floats]
    difference: tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Simulation:
    """``lines``: the quantities; ``net_cash``: what is asked adds over the whole run (low, median, high); ``places``."""

    months: int
    places: int
    currency: str
    plays: tuple[str, ...]
    policy: Mapping[str, float]
    lines: tuple[Line, ...]
    net_cash: tuple[float, float, float]
    chance_of_loss: float
    assumed: tuple[str, ...]


def simulate_the_wheel(
    looked: Looked, chosen: Sequence[str] = (), months: int = 24, policy: Mapping[str, float] | None = None
) -> Simulation:
    """Run the practice's own model with and without plays and a policy, with the same draws of every arrow in both.

    ``policy``: shares of free cash by part, on top of what goes there now. Raises `MoneyUnknown`; `PlanRefused` (``plan.play``,
    ``plan.length``, ``plan.policy``); `Refusal` of the model for a policy that cannot be.
    """
    shares = dict(policy or {})
    check_run(chosen, months, shares)
    looked.need_money()
    learnt, now = looked.learnt, looked.learnt.present
    assert now is not None
    base = practice_model(now.practice, model_scales(), model_links(), months=months)
    moves, sizes = drawn_moves(looked, base, chosen)
    changed = practice_model(
        now.practice, model_scales(), model_links(), months=months, policy=Policy(**shares), moves=moves
    )
    strengths = {name: draws[:DRAWS] for name, draws in learnt.draws.items()}
    shown = _shown(base, [move.what for move in moves])
    without, with_it = _run(base, strengths, {}, shown), _run(changed, strengths, sizes, shown)
    earned = np.atleast_1d(with_it[EARNED][-1] - without[EARNED][-1]) * now.places
    low, median, high = np.quantile(earned, (LOW, 0.5, HIGH))
    return Simulation(
        months, now.places, now.currency, tuple(chosen), shares, tuple(_line(name, without[variable], with_it[variable], now.places) for name, variable in shown.items()),
        (float(low), float(median), float(high)), float(np.mean(earned < 0)), now.assumed,
    )  # fmt: skip


def check_run(chosen: Sequence[str], months: int, policy: Mapping[str, float] | None = None) -> None:
    """Raises `PlanRefused` for what no practice could run: ``plan.play``, ``plan.length``, ``plan.policy``."""
    if not SHORTEST <= months <= LONGEST:
        raise PlanRefused(
            "plan.length", f"A run has {SHORTEST} to {LONGEST} months.", "Give another number with --months."
        )
    if unknown := sorted(set(policy or {}) - set(POLICIES)):
        raise PlanRefused(
            "plan.policy", f"There is no part {unknown[0]!r}.", f"Parts are: {', '.join(POLICIES)}."
        )
    if sum((policy or {}).values()) > 1 + 1e-12:
        raise PlanRefused(
            "plan.policy",
            "The shares are together more than all of the free cash.",
            "Give shares that sum to 1 at most.",
        )
    for play in chosen:
        if play not in plays():
            raise PlanRefused("plan.play", f"There is no play {play!r}.", f"Plays are: {', '.join(plays())}.")
        if not play_guesses()[play].moves:
            raise PlanRefused(
                "plan.play",
                f"What {play} moves cannot be guessed: it is a way to decide.",
                "Choose another play.",
            )


def drawn_moves(
    looked: Looked, model: PracticeModel, chosen: Sequence[str]
) -> tuple[list[Move], dict[str, Floats]]:
    """Plays as moves of the model, with draws of their sizes as they are believed now, by the name of the model's constant.

    The draws are those of the roadmap, so that a play alone is worth here what it is worth there. Several plays on one measure add
    up.
    """
    beliefs, priced = looked.standing.sizes, looked.currency == PRICES_IN
    moves: list[Move] = []
    sizes: dict[str, Floats] = {}
    for play in dict.fromkeys(chosen):
        own, drawn = moves_of(play_guesses()[play], model.present, beliefs, priced)
        for move, size in zip(own, drawn, strict=True):
            moves.append(move)
            sizes[f"move_{len(moves)}_size"] = size
    return moves, sizes


def xmile(
    looked: Looked, chosen: Sequence[str] = (), months: int = 24, policy: Mapping[str, float] | None = None
) -> str:
    """The practice's model as XMILE, every arrow at its mean. Raises as `simulate_the_wheel` does."""
    shares = dict(policy or {})
    check_run(chosen, months, shares)
    looked.need_money()
    now = looked.learnt.present
    assert now is not None
    base = practice_model(now.practice, model_scales(), model_links(), months=months)
    moves, _ = drawn_moves(looked, base, chosen)
    model = practice_model(
        now.practice, model_scales(), model_links(), months=months, policy=Policy(**shares), moves=moves
    )
    values = {model.strengths[name]: float(draws.mean()) for name, draws in looked.learnt.draws.items()}
    return to_xmile(model.model, values)


def _shown(model: PracticeModel, moved: Sequence[str]) -> dict[str, str]:
    """What is shown, by stock or measure: the name of it in the model."""
    wheel = [card.id for card in measures().values() if card.wheel]
    names = [name for name in dict.fromkeys([*ALWAYS, *wheel, *moved]) if name in model.measures]
    return {**{stock: stock for stock in STOCKS}, **{name: model.measures[name] for name in names}}


def _run(
    model: PracticeModel,
    strengths: Mapping[str, Floats],
    sizes: Mapping[str, Floats],
    shown: Mapping[str, str],
) -> Run:
    every = round(1 / model.model.dt)
    record = list(dict.fromkeys([*shown.values(), EARNED]))
    return simulate(model.model, {**values_of(model, strengths), **sizes}, record=record, every=every)


def _line(name: str, without: Floats, with_it: Floats, places: int) -> Line:
    card = measures().get(name)
    # Counts and sums have no reference on their card: the model holds them for one place.
    factor = places if card is None or card.reference is None else 1
    unit = card.unit if card else "money" if name == "cash" else "count"
    before, after = np.broadcast_arrays(without, with_it)
    return Line(
        name, card.title if card else STOCKS[name], unit,
        _band(before * factor), _band(after * factor), _band((after - before) * factor),
    )  # fmt: skip


def _band(draws: Floats) -> tuple[Floats, Floats, Floats]:
    low, median, high = np.quantile(draws, (LOW, 0.5, HIGH), axis=-1)
    return low, median, high


def simulation_document(found: Simulation) -> dict[str, Any]:
    """A simulation for programs and pages: its lines, their values by month (`as_rows`), and net cash over the whole run."""
    low, median, high = found.net_cash
    return {
        "months": found.months, "places": found.places, "currency": found.currency, "plays": list(found.plays), "policy": dict(found.policy),
        "lines": [{"name": line.name, "title": line.title, "unit": line.unit} for line in found.lines], "rows": as_rows(found),
        "net_cash": {"low": low, "median": median, "high": high, "chance_of_loss": found.chance_of_loss}, "assumed": list(found.assumed),
    }  # fmt: skip


def as_rows(found: Simulation) -> list[dict[str, Any]]:
    """A row for each quantity and month, for programs and spreadsheets."""
    return [
        {
            "name": line.name,
            "month": month,
            **{
                f"{what}_{bound}": float(values[month])
                for what, bands in (
                    ("without", line.without),
                    ("with", line.with_it),
                    ("difference", line.difference),
                )
                for bound, values in zip(("low", "median", "high"), bands, strict=True)
            },
        }
        for line in found.lines
        for month in range(found.months + 1)
    ]
