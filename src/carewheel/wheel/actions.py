"""What to do next: each play, with its worth where the arithmetic can be shown line by line, else without a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import Effect, Play, arithmetics, plays
from carewheel.science.flywheel.gain import interval
from carewheel.science.intervals import Estimate, product
from carewheel.wheel.in_place import InPlace
from carewheel.wheel.measured import Measured
from carewheel.wheel.numbers import about, amount, number
from carewheel.wheel.roadmap import PlayWorth

HORIZONS = {"quick": "quick win", "medium": "medium term", "long": "long term"}
# When a play's effect can first be judged.
CHECK_AFTER = {"quick": timedelta(days=91), "medium": timedelta(days=182), "long": timedelta(days=365)}
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class _Factor:
    """One line of the arithmetic: in words, as shown, and as an estimate."""

    what: str
    shown: str
    estimate: Estimate


def actions(
    measured: Mapping[str, Measured],
    as_of: date,
    worths: Sequence[PlayWorth] = (),
    currency: str = "",
    has_it: InPlace | None = None,
) -> list[dict[str, Any]]:
    """Every play as `wheel.json` states it, those with a number first, the most valuable at the top.

    ``worths``: what the practice's own model says; where it says nothing of any play, plain arithmetic stands in its place. The two
    are never ranked in one list: one is net cash of 24 months with its costs, the other what a year brings before them.
    """
    by_play = {worth.play: worth for worth in worths} if currency else {}
    found = [_action(play, measured, as_of) for play in plays().values()]
    if by_play:
        known = has_it or {}
        found = [
            _by_model(action, by_play.get(action["play"]), currency, action["play"] in known)
            for action in found
        ]
    return sorted(
        found, key=lambda a: -float(a["expected_value"]["mean"]["amount"]) if a["expected_value"] else 1.0
    )


def _action(play: Play, measured: Mapping[str, Measured], as_of: date) -> dict[str, Any]:
    lines, value, why = _arithmetic(play, measured)
    return {
        "play": play.id,
        "title": play.title,
        "group": play.group,
        "horizon": play.horizon,
        "component": play.components[0],
        "cost": None
        if play.cost is None
        else {
            "low": _money(play.cost.low, play.cost.currency),
            "high": _money(play.cost.high, play.cost.currency),
            "per": play.cost.per,
            "source": play.cost.source,
        },
        "expected_value": value,
        "arithmetic": lines,
        "why_no_number": why,
        "owner": None,
        "check_date": (as_of + CHECK_AFTER[play.horizon]).isoformat(),
        "verification": play.verification,
        "moves": [effect.measure for effect in play.moves],
    }


def _by_model(
    action: dict[str, Any], worth: PlayWorth | None, currency: str, at_work: bool
) -> dict[str, Any]:
    """The action with the worth that the practice's model gives it; its arithmetic stays beside it, as a check."""
    if worth is None:
        return {
            **action,
            "expected_value": None,
            "arithmetic": [],
            "why_no_number": "It is at work at all places already."
            if at_work and play_guesses()[action["play"]].moves
            else "What it moves cannot be guessed: it is a way to decide.",
        }
    bounds = interval(worth.draws)
    low, high = float(bounds.low), float(bounds.high)
    plain = action["arithmetic"][-1] if action["arithmetic"] else None
    lines = [{"what": line, "amount": ""} for line in (*worth.lines, *filter(None, [worth.where]))]
    if worth.source != play_guesses()[worth.play].source:
        lines.append({"what": f"What is thought of its effect: {worth.source}", "amount": ""})
    lines += [
        {"what": "Its price in 24 months, guessed", "amount": about(worth.price, currency)},
        {"what": "Staff hours in 24 months, guessed", "amount": f"{worth.hours:,.0f}"},
        {"what": "Chance that it loses money", "amount": number(worth.chance_of_loss, "share")},
    ]
    if plain:
        lines.append(
            {
                "what": f"For comparison, by plain arithmetic: {plain['what'].lower()}",
                "amount": plain["amount"],
            }
        )
    rounded = [about(x, currency) for x in (worth.mean, low, high)]
    lines.append(
        {"what": f"Net cash of 24 months (between {rounded[1]} and {rounded[2]})", "amount": rounded[0]}
    )
    value = {
        "mean": _money(worth.mean, currency), "low": _money(low, currency), "high": _money(high, currency), "period": "24 months",
        "assumes": "The effect is a guess until it is tried here; the rest is your own numbers in the stock-and-flow model."
        if worth.source == play_guesses()[worth.play].source
        else "Its effect was verified here; the rest is your own numbers in the stock-and-flow model.",
    }  # fmt: skip
    return {**action, "expected_value": value, "arithmetic": lines, "why_no_number": ""}


def _arithmetic(
    play: Play, measured: Mapping[str, Measured]
) -> tuple[list[dict[str, str]], dict[str, Any] | None, str]:
    """(lines, expected value, why there is none)."""
    if not play.arithmetic:
        return [], None, "No study gives its effect in a form that could be multiplied with your numbers."
    template = arithmetics()[play.arithmetic]
    lacking = [
        measured[name].card.title.lower() for name in template.measures if measured[name].value is None
    ]
    if lacking:
        return [], None, f"It needs {' and '.join(lacking)}, not measured yet."
    effect = next(effect for effect in play.moves if effect.value is not None)
    money = {"fewer_no_shows": "finance.revenue_per_visit", "faster_cash": "finance.charges"}[template.name]
    result = measured[money].result
    currency = result.currency if result else ""
    if not currency:
        return [], None, "The currency of your amounts is not stated: give --currency."
    factors = {"fewer_no_shows": _fewer_no_shows, "faster_cash": _faster_cash}[template.name](
        effect, measured, currency
    )
    mean, low, high = _product([factor.estimate for factor in factors])
    lines = [{"what": factor.what, "amount": factor.shown} for factor in factors]
    yearly = template.value == "yearly"
    span = f"{amount(low, currency)} and {amount(high, currency)}"
    lines.append(
        {
            "what": ("Expected a year" if yearly else "Cash that comes in earlier, once")
            + f" (between {span})",
            "amount": amount(mean, currency),
        }
    )
    return (
        lines,
        {
            "mean": _money(mean, currency),
            "low": _money(low, currency),
            "high": _money(high, currency),
            "period": "year" if yearly else "once",
            "assumes": template.assumes,
        },
        "",
    )


def _fewer_no_shows(effect: Effect, measured: Mapping[str, Measured], currency: str) -> list[_Factor]:
    assert effect.expected is not None
    no_shows, revenue = measured["operations.no_shows"], measured["finance.revenue_per_visit"]
    # Without a published interval anything from no effect to the whole published one is possible.
    worst, best = effect.expected_range or (1.0, effect.value or 1.0)
    worst, best = max(worst, best), min(worst, best)
    share = _estimate(1 - effect.expected, 1 - worst, 1 - best)
    return [
        _Factor("No-shows in the last 12 months", number(no_shows.value, "count"), _of(no_shows)),
        _Factor(f"× share avoided, by {effect.source}", number(1 - effect.expected, "share"), share),
        _Factor(
            "× your revenue a kept visit", number(revenue.value, revenue.card.unit, currency), _of(revenue)
        ),
    ]


def _faster_cash(effect: Effect, measured: Mapping[str, Measured], currency: str) -> list[_Factor]:
    assert effect.expected is not None
    charges, net, days = (
        measured["finance.charges"],
        measured["finance.net_collection"],
        measured["finance.days_in_ar"],
    )
    assert charges.value is not None
    assert days.value is not None
    # Never more days than there are: a practice that is paid at once gains nothing.
    fewer = min(-effect.expected, days.value)
    a_day = charges.value / DAYS_A_YEAR
    weighed = f", counted {effect.weight:.0%}" if effect.weight != 1 else ""
    return [
        _Factor(
            f"Fewer days in A/R, of your {number(days.value, 'days')}, by {effect.source}{weighed}",
            number(fewer, "days"),
            # No interval was published: anything from nothing to the vendor's whole figure is possible.
            _estimate(fewer, 0.0, min(-(effect.value or 0.0), days.value)),
        ),
        _Factor("× your charges a day", amount(a_day, currency), _estimate(a_day, None, None)),
        _Factor("× your net collection rate", number(net.value, "share"), _of(net)),
    ]


def _product(estimates: Sequence[Estimate]) -> tuple[float, float, float]:
    """(mean, low, high) of a product of independent estimates; a factor that may be nothing makes nothing possible."""
    nothing = any(bool(estimate.low <= 0) for estimate in estimates)
    safe = [Estimate(e.value, np.where(e.low <= 0, e.value, e.low), e.high) for e in estimates]
    total = safe[0]
    for estimate in safe[1:]:
        total = product(total, estimate)
    mean, low, high = (float(np.asarray(part)) for part in total)
    return mean, 0.0 if nothing else low, high


def _of(m: Measured) -> Estimate:
    assert m.value is not None
    return _estimate(m.value, m.low, m.high)


def _estimate(value: float, low: float | None, high: float | None) -> Estimate:
    """An estimate; one without an interval counts as exact, and the lines say where it is from."""
    return Estimate(*(np.asarray(value if x is None else x) for x in (value, low, high)))


def _money(value: float, currency: str) -> dict[str, str]:
    cents = Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {"amount": str(cents), "currency": currency}
