"""Plans as `wheel.json` states them, and whose play is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from carewheel.catalog.plays import plays
from carewheel.wheel.plans.plan import Plan

STATE_WORDS = {
    "proposed": "waits for an owner", "accepted": "has an owner, not started", "started": "runs", "stopped": "ended by hand",
    "finished": "ran for its months",
}  # fmt: skip


def plan_document(plan: Plan, as_of: date) -> dict[str, Any]:
    """One plan at the end of ``as_of``."""
    terms, judged = plan.terms, plan.terms.judged_by
    return {
        "id": plan.id,
        "play": terms.play,
        "title": plays()[terms.play].title,
        "state": plan.state,
        "owner": plan.owner or None,
        "places": {place: f"{start:%Y-%m}" for place, start in sorted(terms.places.items())},
        "measure": judged.measure,
        "unit": judged.unit,
        "method": judged.method,
        "months_after": judged.months_after,
        "ends_on": terms.ends_on.isoformat(),
        "smallest_effect": judged.smallest_effect,
        "expected": terms.expected,
        "promises": terms.promises,
        "fingerprint": terms.fingerprint,
        "registered": plan.registered,
        "hours": terms.hours,
        "budget": None
        if terms.budget is None
        else {"amount": f"{terms.budget:.2f}", "currency": terms.currency},
        "started_on": None if plan.started_on is None else plan.started_on.isoformat(),
        "next_review": None if plan.next_review is None else plan.next_review.isoformat(),
        "overdue": plan.overdue(as_of),
        "notes": [
            {"on": day.isoformat(), "step": step, "note": name, "text": text}
            for day, step, name, text in plan.notes()
        ],
        "verdict": None if plan.verdict is None else verdict_document(plan.verdict),
    }


def verdict_document(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Of a verdict what a reader needs; all of it stands in the ledger."""
    shown = ("as_of", "conclusion", "quality", "registered", "effect", "size")
    refusal = verdict["refusal"]
    flags = [check["why"] for check in verdict["checks"] if check["outcome"] in ("flagged", "refused")]
    return {
        **{key: verdict[key] for key in shown},
        "refusal": None if refusal is None else {"code": refusal["code"], "remedy": refusal["remedy"]},
        "flags": flags,
    }


def owners(plans: Sequence[Plan]) -> dict[str, str]:
    """Who owns an open plan of a play, by play."""
    return {plan.terms.play: plan.owner for plan in plans if plan.open and plan.owner}


def verdict_words(verdict: Mapping[str, Any] | None, unit: str) -> str:
    """A verdict for people, in a line.

    >>> verdict_words(None, "share")
    'not yet'
    >>> verdict_words({"effect": None, "refusal": {"remedy": "wait 3 more months"}}, "share")
    'cannot be told: wait 3 more months'
    """
    if verdict is None:
        return "not yet"
    if verdict["effect"] is None:
        return f"cannot be told: {verdict['refusal']['remedy']}"
    effect = verdict["effect"]
    value, low, high = (signed(effect[key], unit) for key in ("value", "low", "high"))
    conclusion = {"changed": "changed", "not_seen": "no change seen"}[verdict["conclusion"]]
    asked = "" if verdict["registered"] else ", asked afterwards"
    return f"{conclusion}: {value} ({low} to {high}); {verdict['quality']} evidence{asked}"


def signed(value: float, unit: str) -> str:
    """A change in a measure's unit, with its sign; shares in percentage points.

    >>> signed(-0.0319, "share"), signed(4.2, "points"), signed(1234.5, "count")
    ('−3.2 points', '+4.2', '+1,234')
    """
    sign = "−" if value < 0 else "+"
    if unit.startswith("share"):
        return f"{sign}{abs(value) * 100:.1f} points"
    return f"{sign}{abs(value):,.0f}" if abs(value) >= 1000 else f"{sign}{abs(value):.3g}"
