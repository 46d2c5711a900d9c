"""A panel of units (locations) by months, and when each unit's change started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.causal.refusal import Flags, Floats, check_outliers, flat
from carewheel.science.refusal import CannotTell

NEVER = float("inf")
# A unit that lacks more than a fifth of its months is left out of methods that need complete series.
MOST_MISSING = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """``outcomes`` (units, months), NaN where missing; ``starts`` (units,): the first month of the change, `NEVER` without.

    ``variances`` (units, months) or None: known sampling variances, in the outcome's unit squared. ``other_changes``: what
    else is known to have happened, as (unit, month). ``unaffected`` (units, months) or None: a second outcome that the change
    cannot move, but that whatever else might have happened would (negative control).
    """

    outcomes: Floats
    starts: Floats
    variances: Floats | None = None
    other_changes: tuple[tuple[int, int], ...] = ()
    unaffected: Floats | None = None

    @classmethod
    def of(
        cls,
        outcomes: ArrayLike,
        starts: ArrayLike,
        *,
        variances: ArrayLike | None = None,
        other_changes: Sequence[tuple[int, int]] = (),
        unaffected: ArrayLike | None = None,
    ) -> Panel:
        """Checked. Raises `CannotTell` for shapes that do not fit, infinities, absurd outliers, and starts outside the months.

        >>> panel = Panel.of([[1.0, 2, 3], [1, 2, 2]], [2, NEVER])
        >>> panel.treated.tolist(), panel.cohorts()
        ([True, False], [2])
        """
        y = np.array(outcomes, dtype=np.float64)
        if y.ndim != 2 or y.size == 0:
            raise CannotTell("not-a-panel", {"shape": str(y.shape)}, "give units by months")
        begins = np.array(starts, dtype=np.float64)
        if begins.shape != (len(y),) or np.isnan(begins).any():
            raise CannotTell("starts-shape", {"units": len(y)}, "give one start a unit, NEVER without")
        inside = np.isfinite(begins)
        if np.any(begins[inside] != np.floor(begins[inside])):
            raise CannotTell("starts-shape", {"units": len(y)}, "a start is a whole month")
        if np.any((begins[inside] < 1) | (begins[inside] >= y.shape[1])):
            raise CannotTell(
                "start-outside", {"months": y.shape[1]}, "each start needs months before it and after it"
            )
        for unit, row in enumerate(y):
            check_outliers(row, f"unit {unit}")
        extra = [
            None if part is None else np.array(part, dtype=np.float64) for part in (variances, unaffected)
        ]
        if any(part is not None and part.shape != y.shape for part in extra):
            raise CannotTell("panel-shapes", {"shape": str(y.shape)}, "give all tables in the same shape")
        changes = tuple((int(unit), int(month)) for unit, month in other_changes)
        if any(not 0 <= unit < len(y) for unit, _ in changes):
            raise CannotTell("no-such-unit", {"units": len(y)}, "name units by their place in the panel")
        return cls(y, begins, extra[0], changes, extra[1])

    @property
    def treated(self) -> Flags:
        """(units,): whose change starts within the months."""
        return np.asarray(np.isfinite(self.starts))

    def cohorts(self) -> list[int]:
        """The different starts, earliest first."""
        return sorted({int(start) for start in self.starts[self.treated]})

    def only(self, units: ArrayLike) -> Panel:
        """The panel of some units: flags or places, in that order."""
        chosen = np.arange(len(self.outcomes))[np.asarray(units)]
        place = {int(unit): k for k, unit in enumerate(chosen)}
        return Panel(
            self.outcomes[chosen],
            self.starts[chosen],
            None if self.variances is None else self.variances[chosen],
            tuple((place[unit], month) for unit, month in self.other_changes if unit in place),
            None if self.unaffected is None else self.unaffected[chosen],
        )

    def until(self, month: int) -> Panel:
        """The months before ``month`` alone; starts after them are `NEVER`."""
        return Panel(
            self.outcomes[:, :month],
            np.where(self.starts < month, self.starts, NEVER),
            None if self.variances is None else self.variances[:, :month],
            tuple(change for change in self.other_changes if change[1] < month),
            None if self.unaffected is None else self.unaffected[:, :month],
        )

    def with_starts(self, starts: Floats) -> Panel:
        """The same outcomes under other starts (for placebos)."""
        return Panel(self.outcomes, starts, self.variances, self.other_changes, self.unaffected)

    def with_outcomes(self, outcomes: Floats) -> Panel:
        """The same units and starts with other outcomes (a negative control, a simulation)."""
        return Panel(outcomes, self.starts, None, self.other_changes)


def completed(panel: Panel) -> tuple[Panel, int, int]:
    """A panel without holes: units that lack over a fifth of the months left out, single months filled; (panel, out, filled).

    A missing month gets unit mean + month mean of the months that no change has touched (two-way fit, alternating until
    still): it then carries no news of its own. A constant unit without a change is left out: it is nobody's double.
    Raises `CannotTell` where no unit with a change or none without is left.

    >>> filled, out, months = completed(Panel.of([[1.0, 2, np.nan, 4, 9], [2, 3, 4, 5, 6], [7, 7, 7, 7, 7]], [4, NEVER, NEVER]))
    >>> filled.outcomes.round(6).tolist(), out, months
    ([[1.0, 2.0, 3.0, 4.0, 9.0], [2.0, 3.0, 4.0, 5.0, 6.0]], 1, 1)
    """
    y = panel.outcomes
    holes = ~np.isfinite(y)
    still = np.array([flat(row) for row in y])
    keep = (holes.mean(axis=1) <= MOST_MISSING) & ~(still & ~panel.treated)
    if not np.any(keep & panel.treated):
        raise CannotTell(
            "all-missing", {"units": int(panel.treated.sum())}, "units with the change lack too many months"
        )
    if not np.any(keep & ~panel.treated):
        raise CannotTell(
            "too-few-units", {"controls": 0, "needed": 1}, "no unit without the change can be compared"
        )
    rest = panel.only(keep)
    y = rest.outcomes.copy()
    holes = ~np.isfinite(y)
    if holes.any():
        months = np.arange(y.shape[1])
        untouched = ~holes & (months[None] < rest.starts[:, None])
        if not untouched.any(axis=1).all():
            raise CannotTell(
                "too-few-months", {"months": 0, "needed": 1}, "a unit has no month before its change"
            )
        base = np.where(untouched, y, 0.0)
        by_month = np.zeros(y.shape[1])
        for _ in range(200):
            by_unit = np.where(untouched, base - by_month, 0).sum(axis=1) / untouched.sum(axis=1)
            left = np.where(untouched, base - by_unit[:, None], 0).sum(axis=0)
            new = left / np.maximum(untouched.sum(axis=0), 1)
            moved = float(np.abs(new - by_month).max())
            by_month = new
            if moved <= 1e-12 * max(float(np.abs(by_month).max()), 1e-300):
                break
        y[holes] = (by_unit[:, None] + by_month)[holes]
    return (
        Panel(y, rest.starts, rest.variances, rest.other_changes, rest.unaffected),
        int((~keep).sum()),
        int(holes.sum()),
    )
