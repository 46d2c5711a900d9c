"""A weighed or followed purchase as people read it, from its document: the same words at the command line and at the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carewheel.catalog.measures import measures
from carewheel.wheel.numbers import about
from carewheel.wheel.plans import signed

Document = Mapping[str, Any]
# Below this share of cases a second rate of return is no news.
SELDOM = 0.005
# Units that a change does not say by itself.
AFTER = {"days": " days", "minutes": " min"}


def where_words(weighed: Document) -> str:
    """Where it is put to use.

    >>> where_words({"places": [], "places_counted": 6}), where_words({"places": ["loc1"], "places_counted": 1})
    ('at all 6 places', 'at loc1')
    """
    if weighed["places"]:
        return f"at {', '.join(weighed['places'])}"
    return f"at all {weighed['places_counted']} places" if weighed["places_counted"] > 1 else "here"


def appraisal_rows(found: Document, currency: str, rate: float) -> list[tuple[str, str, str]]:
    """Present value, loss, payback and return of an appraisal's document: name, value, and what stands behind it in brackets."""
    value = [about(x, currency) for x in _three(found["present_value"], "value")]
    loss = [f"{x:.0%}" for x in _three(found["probability_of_loss"], "value")]
    months, later = (
        ["never" if x is None else f"{x:.0f}" for x in _three(found[key], "value")]
        for key in ("payback_months", "discounted_payback_months")
    )
    return [
        ("Present value", value[0], f"({value[1]} to {value[2]}), at {rate:.1%} a year"),
        ("Probability of loss", loss[0], f"({loss[1]} to {loss[2]})"),
        ("Money back after", f"{months[0]} months" if months[0] != "never" else "never",
         f"({months[1]} to {months[2]}); discounted {later[0]} ({later[1]} to {later[2]})"),
        ("Return", _returns(found), ""),
    ]  # fmt: skip


def _returns(found: Document) -> str:
    rates = [f"{rate:.0%}" for rate in found["yearly_returns"]]
    if not rates:
        return "none: no rate brings it to nought"
    if len(rates) > 1:
        return f"{' and '.join(rates)} a year: more than one, so none is the return; look at the present value"  # fmt: skip
    several = found["share_with_several_returns"]
    return f"{rates[0]} a year" + (f"; {several:.0%} of cases have more than one" if several > SELDOM else "")


def patient_words(row: Document, when: str) -> str:
    """What changes for patients in one measure, ``when``: "after_a_year" or "at_the_end"."""
    low, middle, high = (row[when][key] for key in ("low", "middle", "high"))
    if row["measure"].endswith("kept_visits"):
        ends = [f"{x:+,.0f}".replace("-", "−") for x in (middle, low, high)]
        return f"{ends[0]} ({ends[1]} to {ends[2]}) visits in all"
    if max(abs(low), abs(high)) < row["noticed_from"]:
        return "hardly any change"
    return _signed(row[when], row["unit"]) + AFTER.get(row["unit"], "")


def promise_words(promise: Document) -> str:
    """What a purchase shall do to a measure at full use, half of a seller's word already taken off.

    >>> promise_words({"measure": "operations.no_show_rate", "kind": "ratio", "low": 0.75, "expected": 0.88, "high": 1.0})
    '× 0.88 (0.75 to 1)'
    """
    if promise["kind"] == "ratio":
        return f"× {promise['expected']:.3g} ({promise['low']:.3g} to {promise['high']:.3g})"
    measure = promise["measure"]
    unit = measures()[measure].unit if measure in measures() else "count"
    low, middle, high = (signed(promise[end], unit) for end in ("low", "expected", "high"))
    return f"{middle} ({low} to {high})"


def against_words(found: Document, currency: str, *, spending: bool) -> tuple[str, str, str]:
    """Sums so far: what was planned, what is, and how it stands to the plan. Of ``spending`` money out counts up."""
    sign = -1.0 if spending else 1.0
    planned = found["planned"]
    ends = sorted(sign * planned[key] for key in ("low", "high"))
    standing = found["standing"]
    if spending:
        standing = {"below": "above", "above": "below"}.get(standing, standing)
    return (
        f"{about(sign * planned['middle'], currency)} ({about(ends[0], currency)} to {about(ends[1], currency)})",
        about(sign * found["actual"], currency),
        f"{standing} what was planned",
    )


def measure_rows(actual: Document) -> list[tuple[str, str, str, str]]:
    """What the measures did, on average over the months that are judged: measure, planned, found, evidence or why it cannot be told."""
    rows = []
    for seen in actual["measures"]:
        unit = measures()[seen["measure"]].unit if seen["measure"] in measures() else "count"
        planned, found = _signed(seen["planned"], unit), "cannot be told"
        evidence = seen["why"]
        if seen["found"] is not None:
            found = _signed(seen["found"], unit)
            still = seen["whole_effect_now"]["still_planned"]
            evidence = f"{seen['quality']}; {still:.0%} of what is thought is still the plan"
        rows.append((seen["measure"], planned, found, evidence))
    return rows


def _signed(row: Document, unit: str) -> str:
    middle, low, high = (signed(x, unit) for x in _three(row, "middle"))
    return f"{middle} ({low} to {high})"


def _three(row: Document, middle: str) -> tuple[Any, Any, Any]:
    return row[middle], row["low"], row["high"]
