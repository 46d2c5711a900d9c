"""A weighed or followed purchase for programs: plain values, every figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from carewheel.science.finance import Appraisal, FollowUp
from carewheel.science.intervals import Estimate
from carewheel.wheel.investments.following import Followed
from carewheel.wheel.investments.weighing import Weighed, figure_words, noticeable, range_words

LEVEL = 0.90


def weighed_document(found: Weighed) -> dict[str, Any]:
    """What was weighed. Money in ``currency``; every ``low`` and ``high`` is a 90 % interval; ``null``: never, or not known."""
    case, d = found.case, found.case.described
    return {
        "title": d.title,
        "currency": case.now.currency,
        "places": list(d.places),
        "places_counted": case.places,
        "months": d.months,
        "yearly_rate": d.rate,
        "answer": found.answer,
        "gate": [{"what": c.what, "state": c.state, "why": c.why} for c in found.gate],
        **appraisal_document(found.appraisal),
        "pays_from_adoption": found.pays_from,
        "promises": [
            {"measure": p.measure, "kind": p.kind, "low": p.size.low, "expected": p.size.expected, "high": p.size.high,
             "source": p.source, "vendor": p.vendor}
            for p in case.promises
        ],
        "patients": [
            {"measure": b.measure, "title": b.title, "unit": b.unit, "after_a_year": _three(b.after_a_year),
             "at_the_end": _three(b.at_the_end), "chance_better": b.better, "noticed_from": noticeable(case, b)}
            for b in found.benefits
        ],
        "tornado": [
            {"figure": s.name, "title": figure_words(case, s.name), "range": range_words(case, s.name), "at_low": s.low, "at_high": s.high,
             "as_expected": s.middle}
            for s in found.swings
        ],
        "cash_by_month": [_of(estimate) for estimate in _by_month(found)],
        "unmeasured": case.unmeasured,
        "assumed": list(case.now.assumed),
    }  # fmt: skip


def followed_document(found: Followed) -> dict[str, Any]:
    """What became of it."""
    return {
        "months": found.months,
        "spending": _follow_up(found.spending),
        "measures": [
            {"measure": s.measure, "planned": _three(s.planned), "found": None if s.found is None else _three(s.found),
             "quality": s.quality, "why": s.why, "whole_effect_now": {"mean": s.belief.mean, "sd": s.belief.sd, "still_planned": s.belief.prior_weight}}
            for s in found.seen
        ],
        "brought_in": _three(found.brought_in),
        "money": _follow_up(found.money),
        "now": appraisal_document(found.now),
    }  # fmt: skip


def appraisal_document(found: Appraisal) -> dict[str, Any]:
    """Present value, loss, payback and every rate of return of the mean path."""
    return {
        "present_value": _of(found.value),
        "probability_of_loss": _of(found.loss),
        "payback_months": _of(found.payback_months),
        "discounted_payback_months": _of(found.discounted_payback_months),
        "yearly_returns": list(found.yearly_return),
        "share_with_several_returns": found.several_returns,
    }


def _follow_up(found: FollowUp) -> dict[str, Any]:
    return {
        "planned": {"low": float(found.planned.low[-1]), "middle": float(found.planned.value[-1]), "high": float(found.planned.high[-1])},
        "actual": float(found.actual[-1]),
        "standing": found.standing,
        "to_come": _of(found.to_come),
        "by_month": [
            {"month": month, "planned": float(value), "low": float(low), "high": float(high), "actual": float(actual)}
            for month, (value, low, high, actual) in enumerate(
                zip(found.planned.value, found.planned.low, found.planned.high, found.actual, strict=True)
            )
        ],
    }  # fmt: skip


def _by_month(found: Weighed) -> list[Estimate]:
    """Money so far after each month: mean and 90 % band of the draws."""
    so_far = np.cumsum(found.flows, axis=1)
    tails = np.quantile(so_far, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return [Estimate(*row) for row in zip(so_far.mean(axis=0), *tails, strict=True)]


def _of(found: Estimate) -> dict[str, float | None]:
    return {name: _finite(float(value)) for name, value in zip(("value", "low", "high"), found, strict=True)}


def _three(values: Sequence[float]) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in zip(("low", "middle", "high"), values, strict=True)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
