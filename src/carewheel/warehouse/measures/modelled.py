"""Measures that need a model: rows of persons from the card's SQL, an estimate of what is foreseen out of `science`.

The two of mission WH1: what a patient will still bring, and who will leave. Estimates are of groups; keys of persons are only used to put
their rows together. What the model cannot tell is a finding and "not enough data".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import LIFETIME_DISCOUNT, MeasureCard
from carewheel.interop.files import Finding, note
from carewheel.science.intervals import Estimate
from carewheel.science.lifetime_value import (
    Terms,
    chosen,
    fitted,
    fitted_spend,
    histories_of_visits,
    lifetime_value,
)
from carewheel.science.refusal import CannotTell
from carewheel.science.survival import LEAST_GROUP, coding, cox, expected_leavers
from carewheel.warehouse.measures.engines import Arrays
from carewheel.warehouse.measures.panels import several_currencies
from carewheel.warehouse.measures.results import UNMEASURED, Value

Days = NDArray[np.datetime64]
Answer = tuple[Value, dict[str, Value], str, tuple[Finding, ...]]

MONTH = 365.25 / 12
# Five years of money to come; after that what is foreseen is worth little and known less. By years: within .04 % of every day.
TERMS = Terms(horizon=60.0, unit_per_year=12.0, discount=LIFETIME_DISCOUNT, slices=5)
# Models are chosen on the first of the patients, who come in no order: with more the choice is the same and takes long.
CHOOSERS = 1_000
SETTLED = 120
ACTIVE = 365
AHEAD = 12.0


def modelled(card: MeasureCard, rows: Arrays, as_of: date, locations: Collection[str] | None) -> Answer:
    """Total, values by place, currency and findings of a card with a model.

    ``rows`` as the card's SQL gives them; ``locations``: only these places (None: all).
    """
    if not rows or not len(rows["location_id"]):
        return UNMEASURED, {}, "", ()
    if locations is not None:
        kept = np.isin(rows["location_id"].astype(str), sorted(locations))
        rows = {name: column[kept] for name, column in rows.items()}
    return METHODS[card.interval](card, rows, np.datetime64(as_of, "D"))


def _value_of_patients(card: MeasureCard, rows: Arrays, today: np.datetime64) -> Answer:
    is_visit = rows["visits"] > 0
    currency, findings = _currency(card, rows["currency"][~is_visit])
    if not is_visit.any() or not currency:
        return UNMEASURED, {}, currency, findings
    paid = ~is_visit & (rows["currency"] == currency)
    keys, whose = np.unique(
        np.concatenate([rows["patient_key"][is_visit], rows["patient_key"][paid]]), return_inverse=True
    )
    payer = whose[is_visit.sum() :]
    days = rows["day"].astype("datetime64[D]")
    opened = days[is_visit].min()
    # In whole weeks, two visits of a week being one: patients with the same history are then worked out together.
    weeks = (days[is_visit] - opened).astype(np.int64) // 7
    who, week = np.unique(np.stack([whose[: is_visit.sum()], weeks]), axis=1)
    at, end = week * 7 / MONTH, float((today - opened).astype(np.float64)) / MONTH
    settled = int((today - opened).astype(np.int64)) - SETTLED
    visits = np.bincount(who[week * 7 <= settled], minlength=len(keys)).astype(np.float64)
    on_time = (days[paid] >= opened) & ((days[paid] - opened).astype(np.int64) // 7 * 7 <= settled)
    money = np.bincount(payer[on_time], rows["amount"][paid][on_time], minlength=len(keys))
    pays = (visits > 0) & (money > 0)
    active = np.zeros(len(keys), dtype=bool)
    active[whose[: is_visit.sum()][days[is_visit] > today - np.timedelta64(ACTIVE, "D")]] = True
    n = int(active.sum())
    if n < card.minimum_n:
        return Value(None, None, None, n, "not_enough_data"), {}, currency, findings
    try:
        first = who < CHOOSERS
        model = chosen(who[first], at[first], end).model
        visit_fit = fitted(model, histories_of_visits(who, at, end))
        spend_fit = fitted_spend(
            np.where(pays, visits, 0.0), np.where(pays, money / np.maximum(visits, 1), 0.0)
        )
        here = active[who]
        of_active = histories_of_visits(who[here], at[here], end)
        told = lifetime_value(
            visit_fit, spend_fit, of_active, np.where(pays, visits, 0.0)[active],
            np.where(pays, money / np.maximum(visits, 1), 0.0)[active], TERMS,
        ).mean  # fmt: skip
    except CannotTell as error:
        return Value(None, None, None, n, "not_enough_data"), {}, currency, (*findings, _untold(card, error))
    # A visit for which nobody ever paid is a visit as well.
    share = float(visits[pays].sum() / max(visits.sum(), 1.0))
    return _value(Estimate(*(part * share for part in told)), n), {}, currency, findings


def _currency(card: MeasureCard, currencies: NDArray[np.object_]) -> tuple[str, tuple[Finding, ...]]:
    names, counts = np.unique(currencies.astype(str), return_counts=True)
    known = names != ""
    if not known.any():
        return "", ()
    best = str(names[known][counts[known].argmax()])
    others = sorted(str(name) for name in names[known] if name != best)
    if not others:
        return best, ()
    return best, (several_currencies(card, best, ", ".join(others)),)


def _leaving(card: MeasureCard, rows: Arrays, today: np.datetime64) -> Answer:
    left, here = rows["has_left"] > 0, rows["is_here"] > 0
    started = rows["started"].astype("datetime64[D]")
    ended = np.where(here, today, rows["ended"].astype("datetime64[D]"))
    n = int(here.sum())
    if not left.any():
        return UNMEASURED, {}, "", ()
    # A list knows leavers from some month on: before that it holds only those who stayed.
    opened = ended[left].min().astype("datetime64[M]").astype("datetime64[D]")
    entry = np.maximum((opened - started).astype(np.float64), 0.0) / MONTH
    until = (ended - started).astype(np.float64) / MONTH
    known = until > entry
    role, place = rows["role"].astype(str), rows["location_id"].astype(str)
    factors = {"job": role, "place": place}
    try:
        made = coding({}, {name: words[known] for name, words in factors.items()})
        columns = made.features({}, factors)
        fit = cox(
            until[known], left[known], columns.values[known], names=columns.names, entry=entry[known], pool=columns.pool
        )  # fmt: skip
        values = {}
        for name in ("", *sorted(set(place[here].tolist()))):
            group = here if not name else here & (place == name)
            people = int(group.sum())
            if people < LEAST_GROUP:
                values[name] = Value(None, None, None, people, "not_enough_data")
                continue
            count = expected_leavers(fit, until[group], columns.values[group], AHEAD).count
            values[name] = _value(Estimate(*(part / people for part in count)), people)
    except CannotTell as error:
        return Value(None, None, None, n, "not_enough_data"), {}, "", (_untold(card, error),)
    total = values.pop("")
    return total, values, "", ()


def _value(told: Estimate, n: int) -> Value:
    value, low, high = (float(part) for part in told)
    return Value(value, low, high, n, "ok")


def _untold(card: MeasureCard, error: CannotTell) -> Finding:
    return note(
        "measure.model-cannot-tell",
        f"{card.title}: {error}",
        remedy="It comes with more months or more people.",
    )


METHODS: Mapping[str, Callable[[MeasureCard, Arrays, np.datetime64], Answer]] = {
    "visit_model": _value_of_patients,
    "tenure_model": _leaving,
}
