"""The answer in three sentences: the strongest part, the worst part, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carewheel.catalog.components import components
from carewheel.wheel.numbers import about, between, counted, with_unit


def headline(view: Mapping[str, Any]) -> list[str]:
    """Three sentences about a practice, made only of what its document says."""
    return [_strongest(view), _weakest(view), _next(view)]


def _strongest(view: Mapping[str, Any]) -> str:
    measured = [c for c in view["components"] if c["status"] != "unmeasured"]
    if view["strongest"] is None:
        if not measured:
            return "No part of the wheel can be measured from these sources yet."
        names = " and ".join(c["name"].lower() for c in measured)
        return f"Only {names} can be measured from these sources, too little to say what is strongest."
    part = view["strongest"]["component"]
    return f"Strongest: {_name(part)}{_shown_by(view, part, best=True)}."


def _weakest(view: Mapping[str, Any]) -> str:
    if view["weakest"] is None:
        unmeasured = [c["name"].lower() for c in view["components"] if c["status"] == "unmeasured"]
        return (
            f"Not measured at all: {', '.join(unmeasured)}."
            if unmeasured
            else "No part is clearly the weakest."
        )
    part = view["weakest"]["component"]
    return f"Weakest: {_name(part)}{_shown_by(view, part, best=False)}. {view['weakest']['why']}"


def _next(view: Mapping[str, Any]) -> str:
    valued = [
        a for a in view["actions"] if a["expected_value"] and float(a["expected_value"]["mean"]["amount"]) > 0
    ]
    if valued:
        action, value = valued[0], valued[0]["expected_value"]
        money, low, high = (
            about(value[name]["amount"], value[name]["currency"]) for name in ("mean", "low", "high")
        )
        span = f"{low} to {high}"
        worth = {
            "year": f"worth about {money} a year",
            "24 months": f"worth about {money} in 24 months",
            "once": f"about {money} of cash earlier, once",
        }[value["period"]]
        return f"Do next: {_lower(action['title'])}, {worth} ({span})."
    if view["missing"]:
        first = view["missing"][0]
        return f"Do next: begin to measure. {first['title']} would show most: {counted(len(first['unlocks']), 'more measure')}."
    return "Do next: keep measuring; no action can be given a number yet."


def _shown_by(view: Mapping[str, Any], part: str, *, best: bool) -> str:
    """The measure that speaks most for the part's place, with its value and interval."""
    shown = next(c for c in view["components"] if c["id"] == part)["measures"]
    candidates = [m for m in view["measures"] if m["id"] in shown and m["value"] is not None]
    if not candidates:
        return ""
    wheel = [m for m in candidates if m["wheel"]] or candidates
    chosen = (max if best else min)(wheel, key=lambda m: (m["status"] == "met", -m["minimum_n"], m["id"]))
    text = with_unit(chosen["value"], chosen["unit"], chosen["currency"])
    span = between(chosen["low"], chosen["high"], chosen["unit"], chosen["currency"])
    return f", {_lower(chosen['title'])} {text}" + (f" ({span})" if span else "") + f"; n {chosen['n']:,}"


def _name(part: str) -> str:
    return components()[part].name.lower()


def _lower(title: str) -> str:
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
