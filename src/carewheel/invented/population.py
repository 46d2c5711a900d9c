"""The people of an invented place: who they are, how content they have become, whether they are still patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import NONE
from carewheel.invented.draws import Draws, Floats, chosen, normal
from carewheel.invented.parameters import parameters
from carewheel.invented.places import PAYERS

Ints = npt.NDArray[np.int64]
# One row of uniforms a person, always of this width: person k is the same person in every run of a seed.
TRAITS = 14


class Population:
    """Persons as columns of equal length, in the order in which they came. ``content``: running satisfaction, latent."""

    def __init__(self, draws: Draws, kind: str) -> None:
        self.kind = kind
        self.draws = draws
        self._traits = draws.stream("persona")
        self.payers = np.array(PAYERS[kind])
        self.columns: dict[str, npt.NDArray[Any]] = {}
        self.size = 0

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def join(
        self,
        days: Ints,
        channel: npt.ArrayLike,
        referrer: npt.ArrayLike,
        first_visit: npt.ArrayLike,
        wants_from: int,
    ) -> Ints:
        """People become known to the place on ``days``; returns their rows. ``wants_from``: month of their first request."""
        p = parameters()
        rows = len(days)
        u = self._traits.random((rows, TRAITS))
        numbers = np.arange(self.size, self.size + rows)
        knots = np.array(p["population.age_knots"], dtype=float)
        steps = np.concatenate([[0.0], np.cumsum(p[f"population.age_shares_{self.kind}"])])
        age = np.interp(u[:, 0], steps / steps[-1], knots)
        payer_index = chosen(u[:, 2], p[f"payers.{self.kind}_shares"])
        if self.kind == "medical":
            payer_index = np.where(age >= 65, np.where(u[:, 2] < 0.9, 2, payer_index), payer_index)
            payer_index = np.where((age < 65) & (payer_index == 2), 0, payer_index)
        insured = payer_index < len(self.payers)
        payer = np.where(insured, self.payers[np.minimum(payer_index, len(self.payers) - 1)], NONE)
        # Some join a household that is already known; the head of that household pays for it.
        joins = (u[:, 3] < p["population.household_share"]) & (numbers > 0)
        earlier = np.minimum((u[:, 4] * numbers).astype(np.int64), np.maximum(numbers - 1, 0))
        known = np.concatenate([self.columns.get("household", np.empty(0, np.int64)), numbers])
        household = numbers.copy()
        for i in np.flatnonzero(joins):
            household[i] = known[earlier[i]]
            known[numbers[i]] = household[i]
        spread = p["population.need_spread"]
        digital = np.clip(
            p["population.digital_mean"] + 0.22 * normal(u[:, 7]) - 0.004 * (age - 45), 0.02, 0.98
        )
        person = p["voices.person_spread"] * normal(u[:, 8])
        new = {
            "household": household,
            "birth_day": np.asarray(days) - (age * 365.25).astype(np.int64),
            "sex": (u[:, 1] >= p["population.female_share"]).astype(np.int64),
            "payer": payer,
            "payer_index": np.where(insured, payer_index, NONE),
            "joined_day": np.asarray(days),
            "first_visit_day": np.broadcast_to(first_visit, rows),
            "left_day": np.full(rows, NONE),
            "deceased_day": np.full(rows, NONE),
            "channel": np.broadcast_to(channel, rows),
            "referrer": np.broadcast_to(referrer, rows),
            "distance_km": -p["population.distance_km"] * np.log1p(-u[:, 5] * 0.999),
            "need": p["population.need_visits_a_year"] * np.exp(spread * normal(u[:, 6]) - spread**2 / 2),
            "expectation": -person,
            "digital": digital,
            "answers": 0.6 * normal(u[:, 9]),
            "talks": np.exp(0.7 * normal(u[:, 10]) - 0.245),
            "forgets": p["missed.forget_spread"] * normal(u[:, 11]) + 0.03 * np.clip(35 - age, -10, 15) / 5,
            "hand_to_mouth": u[:, 12],
            "content": person * 0.5,
            "wants_from": np.full(rows, wants_from),
            "visits": np.zeros(rows, dtype=np.int64),
            "first_kept_visit": np.full(rows, NONE),
            "pushed": np.zeros(rows, dtype=np.int64),
        }
        for name, values in new.items():
            old = self.columns.get(name)
            values = np.asarray(values)
            if values.dtype.kind in "iu":
                values = values.astype(np.int64)
            self.columns[name] = values.copy() if old is None else np.concatenate([old, values])
        self.size += rows
        return numbers

    def active(self) -> npt.NDArray[np.bool_]:
        """Whether each person still is a patient (or may become one)."""
        return np.asarray((self.columns["left_day"] == NONE) & (self.columns["deceased_day"] == NONE))

    def table(self) -> dict[str, npt.NDArray[Any]]:
        """The columns of the book's table ``patient``."""
        c = self.columns
        names = (
            "household", "birth_day", "sex", "payer", "joined_day", "first_visit_day", "left_day", "deceased_day",
            "channel", "referrer", "distance_km", "need", "expectation", "digital", "answers", "talks", "forgets",
        )  # fmt: skip
        return {name: c[name] for name in names}


def founding_people(population: Population, draws: Draws, first_day: int, size: int) -> None:
    """The people who already were patients on the first day: they came over the ten years before."""
    u = draws.uniform("founding", 0, size, 3)
    years = np.minimum(-4.0 * np.log1p(-u[:, 0] * 0.92), 12.0)
    joined = first_day - 20 - (years * 365.25).astype(np.int64)
    shares = np.cumsum(parameters()["newcomers.channel_shares"])
    channel = np.minimum(np.searchsorted(shares, u[:, 1], side="right"), len(shares) - 1)
    population.join(joined, channel, NONE, joined + 7, 0)
    population.columns["visits"] = (1 + years * 2).astype(np.int64)


def lean_months(draws: Draws, months: int) -> frozenset[int]:
    """Months in which the place sent no surveys: real panels have gaps."""
    count = int(parameters()["shocks.no_survey_months"]) if months >= 12 else 0
    u: Floats = draws.uniform("no surveys", 0, max(count, 1), 1)[:, 0]
    return frozenset(int(3 + x * (months - 4)) for x in u[:count])
