"""The roadmap: what each play would be worth at this practice, how surely, how soon, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import GuessedMove, PlayGuess, play_guesses
from carewheel.catalog.plays import plays
from carewheel.science.finance import Play as Choice
from carewheel.science.finance import best_portfolio
from carewheel.science.flywheel.gain import interval
from carewheel.science.flywheel.practice_model import Move, move_worth, net_cash, practice_model
from carewheel.science.flywheel.stocks import sensitivities
from carewheel.wheel.in_place import InPlace
from carewheel.wheel.learnt import Learnt
from carewheel.wheel.numbers import about, number
from carewheel.wheel.present import model_links, model_scales

DRAWS = 200
SEED = 20_250_601
MONTHS = 24
PRICES_IN = "USD"
# What is felt later than the play itself: the mean lag of the links behind it.
LINK_LAG_MONTHS = 2
# What the plays together may take, if nobody says otherwise.
BUDGET_SHARE = 0.5
HOURS_SHARE = 0.03
HOURS_A_MONTH = 160


@dataclass(frozen=True)
class PlayWorth:
    """A play at this practice: net cash of 24 months over all places, its price taken off (draws,).

    ``chance_of_loss``; ``months`` until its effect is whole and felt; ``hours`` of staff in 24 months; ``price`` in 24 months;
    ``lines``: what it moves from where to where, in words. ``places``: at how many it is valued; ``has_it``: those that are left out,
    because it is at work there; ``source`` of what is thought of its effect.
    """

    play: str
    draws: NDArray[np.float64]
    chance_of_loss: float
    months: float
    hours: float
    price: float
    lines: tuple[str, ...]
    needs: tuple[str, ...]
    places: int
    has_it: tuple[str, ...]
    source: str

    @property
    def mean(self) -> float:
        return float(self.draws.mean())

    @property
    def where(self) -> str:
        """Where it is valued, in words; "" for all places."""
        if not self.has_it:
            return ""
        return f"Counted at {self.places} of {self.places + len(self.has_it)} places: {', '.join(self.has_it)} {'has' if len(self.has_it) == 1 else 'have'} it already"


def worth_of_plays(
    learnt: Learnt,
    beliefs: Mapping[tuple[str, str], tuple[float, float]] | None = None,
    has_it: InPlace | None = None,
    sources: Mapping[str, str] | None = None,
) -> list[PlayWorth]:
    """Every play with a guessed effect, run through the practice's own model, the most valuable first.

    ``beliefs``: (mean, sd) of an effect by (play, measure) where verified changes have moved the guess, ``sources``: by play what the
    verdict said. ``has_it``: where a play is at work; it is valued at the other places alone, and left out where it is everywhere.
    Empty where money cannot be modelled.
    """
    if learnt.present is None or learnt.model is None:
        return []
    strengths = {name: draws[:DRAWS] for name, draws in learnt.draws.items()}
    before = net_cash(learnt.model, strengths)
    found = []
    for guess in play_guesses().values():
        there = sorted((has_it or {}).get(guess.play, ()))
        if guess.moves and len(there) < learnt.present.places:
            source = (sources or {}).get(guess.play, guess.source)
            found.append(_worth(learnt, guess, strengths, before, beliefs or {}, there, source))
    return sorted(found, key=lambda worth: -worth.mean)


def _worth(
    learnt: Learnt,
    guess: PlayGuess,
    strengths: Mapping[str, NDArray[np.float64]],
    before: NDArray[np.float64],
    beliefs: Mapping[tuple[str, str], tuple[float, float]],
    there: Sequence[str],
    source: str,
) -> PlayWorth:
    now, model = learnt.present, learnt.model
    assert now is not None
    assert model is not None
    places = now.places - len(there)
    priced = now.currency == PRICES_IN
    once, monthly = (guess.price_once, guess.price_a_month) if priced else (0.0, 0.0)
    moves, drawn = moves_of(guess, model.present, beliefs, priced)
    sizes = dict(enumerate(drawn, 1))
    lines = [
        _line(effect, model.present[effect.what], move.size, effect.what in now.practice.measures)
        for effect, move in zip(guess.moves, moves, strict=True)
    ]
    changed = practice_model(now.practice, model_scales(), model_links(), moves=moves)
    worth = move_worth(model, changed, strengths, sizes, before=before).draws * places
    return PlayWorth(
        guess.play, worth, float(np.mean(worth < 0)), guess.ramp_months + LINK_LAG_MONTHS,
        (guess.hours_once + MONTHS * guess.hours_a_month) * places, (once + MONTHS * monthly) * places,
        tuple(lines), guess.needs, places, tuple(there), source,
    )  # fmt: skip


def moves_of(
    guess: PlayGuess,
    present: Mapping[str, float],
    beliefs: Mapping[tuple[str, str], tuple[float, float]],
    priced: bool,
) -> tuple[list[Move], list[NDArray[np.float64]]]:
    """A play as moves of the model, with the draws (DRAWS,) of their sizes in the measures' own units, as believed now.

    The same play has the same draws wherever it is asked for. Its price, if it is ``priced``, is the first move's.
    """
    rng = np.random.default_rng([SEED, *guess.play.encode()])
    moves, sizes = [], []
    for i, effect in enumerate(guess.moves):
        mean, sd = beliefs.get((guess.play, effect.what), (effect.mean, effect.sd))
        drawn = mean + sd * rng.standard_normal(DRAWS)
        if effect.kind == "ratio":
            drawn = present[effect.what] * (np.maximum(drawn, 0.0) - 1)
        costs = (guess.price_once, guess.price_a_month) if priced and i == 0 else (0.0, 0.0)
        moves.append(Move(effect.what, float(drawn.mean()), 0.0, guess.ramp_months, *costs))
        sizes.append(drawn)
    return moves, sizes


def _line(effect: GuessedMove, present: float, size: float, known: bool) -> str:
    card = measures()[effect.what]
    taken = "" if known else " (not measured here, so taken to stand where it usually does)"
    words = [number(x, "count" if card.unit == "money" else card.unit) for x in (present, present + size)]
    if words[0] == words[1]:  # less than the last digit shown
        return f"{card.title} from {words[0]} by {size:+.1g}".replace("-", "\N{MINUS SIGN}") + taken
    return f"{card.title} from {words[0]} to {words[1]}{taken}"


def roadmap_document(learnt: Learnt, worths: Sequence[PlayWorth]) -> dict[str, Any]:
    """What `wheel.json` says of the roadmap: plays by worth, and what one more unit of money does in each part."""
    currency = learnt.present.currency if learnt.present else ""
    return {
        "months": MONTHS,
        "why_none": learnt.why_no_money if not worths else "",
        "plays": [
            {
                "play": worth.play,
                "title": plays()[worth.play].title,
                "horizon": plays()[worth.play].horizon,
                "worth": _money(worth.draws, currency),
                "chance_of_loss": worth.chance_of_loss,
                "months_to_effect": worth.months,
                "staff_hours": worth.hours,
                "price": {"amount": f"{worth.price:.2f}", "currency": currency},
                "moves": list(worth.lines),
                "needs": list(worth.needs),
                "source": worth.source,
                "places": worth.places,
                "in_place": list(worth.has_it),
            }
            for worth in worths
        ],
        "portfolio": portfolio_document(learnt, worths),
        "reinvestment": reinvestment(learnt),
    }


def portfolio_document(
    learnt: Learnt, worths: Sequence[PlayWorth], budget: float | None = None, hours: float | None = None
) -> dict[str, Any] | None:
    """The plays to begin with: most worth within money and staff hours, prerequisites kept, exactly; None without worths.

    ``budget``: money in 24 months at all places, default half of the free cash of that time; ``hours`` of staff, default 3 % of the
    team's. Two plays that mainly move the same measure are not added up, unless one needs the other. Risk is taken off as for
    somebody who would stake a year's free cash.
    """
    if not worths or learnt.model is None or learnt.present is None:
        return None
    now = learnt.present
    free = learnt.model.now.free * now.places
    money = free * MONTHS * BUDGET_SHARE if budget is None else budget
    time = now.practice.staff * now.places * HOURS_A_MONTH * MONTHS * HOURS_SHARE if hours is None else hours
    known = {worth.play for worth in worths}
    choices = [
        Choice(
            worth.play, worth.mean, float(worth.draws.std()), {"money": worth.price, "hours": worth.hours},
            needs=tuple(need for need in worth.needs if need in known),
            excludes=tuple(
                other.play for other in worths
                if other is not worth and _main(other) == _main(worth) and worth.play not in other.needs and other.play not in worth.needs
            ),
        )
        for worth in worths
    ]  # fmt: skip
    together = np.corrcoef(np.array([worth.draws for worth in worths]))
    found = best_portfolio(
        choices,
        {"money": max(money, 0.0), "hours": max(time, 0.0)},
        risk_tolerance=12 * free if free > 0 else None,
        correlation=together,
    )
    draws = sum((worth.draws for worth in worths if worth.play in found.plays), np.zeros(DRAWS))
    return {
        "plays": list(found.plays),
        "worth": _money(np.asarray(draws), now.currency),
        "budget": {"amount": f"{money:.2f}", "currency": now.currency},
        "price": {"amount": f"{found.used['money']:.2f}", "currency": now.currency},
        "hours_allowed": time,
        "hours": found.used["hours"],
    }


def _main(worth: PlayWorth) -> str:
    return play_guesses()[worth.play].moves[0].what


def reinvestment(learnt: Learnt, months: int = MONTHS) -> list[dict[str, Any]]:
    """What the next unit of free cash brings back within ``months``, by the part that it is put into; the best first.

    Exact derivative of net cash by the share of free cash, over the money which that share is. Parts into which nothing goes
    at present are left out: what money does there cannot be told from a present without it.
    """
    if learnt.model is None or learnt.present is None:
        return []
    strengths = {learnt.model.strengths[name]: draws[:DRAWS] for name, draws in learnt.draws.items()}
    spending = learnt.present.practice.spending
    parts = {"C5": "staff", "C6": "technology", "C1": "amenities", "C2b": "marketing"}
    known = {
        part: share
        for part, share in parts.items()
        if share == "marketing" or getattr(spending, share, 0.0) > 0
    }
    model = learnt.model.model
    if months != MONTHS:
        model = practice_model(learnt.present.practice, model_scales(), model_links(), months=months).model
    found = sensitivities(model, "earned", [f"share_{share}" for share in known.values()], strengths)
    money = learnt.model.now.free * months
    if money <= 0:
        return []
    rows = []
    for part, share in known.items():
        back = 1 + found.by[f"share_{share}"] / money
        bounds = interval(np.atleast_1d(back))
        rows.append(
            {
                "component": part,
                "into": share,
                "value": float(np.mean(back)),
                "low": float(bounds.low),
                "high": float(bounds.high),
            }
        )
    return sorted(rows, key=lambda row: -float(row["value"]))


def _money(draws: NDArray[np.float64], currency: str) -> dict[str, Any]:
    bounds = interval(draws)
    parts = (("mean", float(draws.mean())), ("low", float(bounds.low)), ("high", float(bounds.high)))
    return {name: {"amount": f"{value:.2f}", "currency": currency} for name, value in parts}


def in_words(worth: PlayWorth, currency: str) -> str:
    """A line for people: worth with its interval, chance of loss, and when it is felt."""
    bounds = interval(worth.draws)
    low, mean, high = (about(x, currency) for x in (float(bounds.low), worth.mean, float(bounds.high)))
    return f"{mean} in {MONTHS} months (between {low} and {high}); {worth.chance_of_loss:.0%} chance of loss; felt after {worth.months:.0f} months"
