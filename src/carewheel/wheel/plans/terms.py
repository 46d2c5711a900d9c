"""What a plan says will be done and how it will be judged: frozen before the start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from carewheel.science.causal import Plan as CausalPlan
from carewheel.wheel.plans.months import last_day, month_after, month_of, months_between


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a plan.

    ``places``: id to first month of the play there. ``units``: all places that are judged, those without the play too;
    ``first_month``: of the panel, in which ``judged_by`` counts its months. ``kind``: of the play's guessed effect ("" where
    none is guessed), with ``expected``: that effect in the measure's unit at these places, or None. ``hours`` of staff and
    ``budget`` for the months of the plan; ``review_days``: from one review to the next.
    """

    play: str
    places: Mapping[str, date]
    units: tuple[str, ...]
    first_month: date
    judged_by: CausalPlan
    kind: str
    expected: float | None
    hours: float
    budget: Decimal | None
    currency: str
    review_days: int

    @property
    def first_start(self) -> date:
        return min(self.places.values())

    @property
    def last_start(self) -> date:
        return max(self.places.values())

    @property
    def ends_on(self) -> date:
        """The last day of the months that are waited for."""
        return last_day(month_after(self.last_start, self.judged_by.months_after - 1))

    @property
    def fingerprint(self) -> str:
        return self.judged_by.fingerprint

    @property
    def promises(self) -> bool | None:
        """Whether the guessed effect would be found in four cases of five; None where none is guessed."""
        return None if self.expected is None else abs(self.expected) >= self.judged_by.smallest_effect

    def as_row(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return {
            "play": self.play, "places": {place: f"{start:%Y-%m}" for place, start in self.places.items()},
            "units": list(self.units), "first_month": f"{self.first_month:%Y-%m}",
            "judged_by": {**asdict(self.judged_by), "starts": self._starts()}, "fingerprint": self.fingerprint,
            "kind": self.kind, "expected": self.expected, "hours": self.hours,
            "budget": None if self.budget is None else str(self.budget), "currency": self.currency,
            "review_days": self.review_days,
        }  # fmt: skip

    def _starts(self) -> list[int | None]:
        return [int(start) if math.isfinite(start) else None for start in self.judged_by.starts]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Terms:
        """From the ledger. Raises ValueError, TypeError or KeyError for anything that is not what `as_row` wrote."""
        judged = dict(row["judged_by"])
        if set(judged) != {field.name for field in fields(CausalPlan)}:
            raise ValueError("other keys than those of a plan")
        judged["starts"] = tuple(math.inf if start is None else float(start) for start in judged["starts"])
        found = cls(
            play=row["play"], places={place: month_of(start) for place, start in row["places"].items()},
            units=tuple(row["units"]), first_month=month_of(row["first_month"]), judged_by=CausalPlan(**judged),
            kind=row["kind"], expected=row["expected"], hours=float(row["hours"]),
            budget=None if row["budget"] is None else Decimal(row["budget"]), currency=row["currency"],
            review_days=int(row["review_days"]),
        )  # fmt: skip
        if found.fingerprint != row["fingerprint"] or not found.places or found.starts != judged["starts"]:
            raise ValueError("the plan does not have its fingerprint")
        return found

    @property
    def starts(self) -> tuple[float, ...]:
        """Of the units, in months of the panel."""
        return tuple(
            float(months_between(self.first_month, self.places[unit])) if unit in self.places else math.inf
            for unit in self.units
        )
