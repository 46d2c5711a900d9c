"""Who came how often, and when last: all that the models of visits need to know of a patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# Below these the likelihood says next to nothing about how people differ from each other.
LEAST_PATIENTS, LEAST_RETURNED = 30, 10


@dataclass(frozen=True, slots=True)
class Histories:
    """Visits of patients, those with the same history put together. Times in one unit (weeks, months), from the first visit.

    ``repeats`` (groups,): visits after the first; ``last``: when the latest of them was, 0 without; ``observed``: how long the
    patient was watched; ``patients``: how many have this history; ``group_of`` (patients,): the group of each.
    ``log_gaps``: sum over everybody of the logarithms of the times between visits, None if unknown.
    """

    repeats: Floats
    last: Floats
    observed: Floats
    patients: Floats
    group_of: Whole
    log_gaps: float | None

    @property
    def count(self) -> int:
        """How many patients there are."""
        return int(self.group_of.size)

    def check_enough(self) -> None:
        """Refuse a model of fewer than 30 patients, or of fewer than 10 who came back."""
        returned = int(self.patients[self.repeats > 0].sum())
        if self.count < LEAST_PATIENTS or returned < LEAST_RETURNED:
            raise CannotTell(
                "not-enough-data",
                {"patients": self.count, "returned": returned, "needed": LEAST_PATIENTS},
                f"at least {LEAST_PATIENTS} patients are needed, {LEAST_RETURNED} of them with a second visit",
            )


def histories(
    repeats: ArrayLike, last: ArrayLike, observed: ArrayLike, log_gaps: float | None = None
) -> Histories:
    """Put patients with equal histories together. All (patients,), times in one unit from each one's first visit.

    Raises `CannotTell` for no patients, for shapes that differ, and for what cannot be: fractions of visits, a last visit outside the
    time watched, repeats at no time, nobody watched for any time.

    >>> h = histories([0, 2, 0], [0, 5.5, 0], [9, 9, 9])
    >>> h.repeats.tolist(), h.patients.tolist(), h.group_of.tolist()
    ([0.0, 2.0], [2.0, 1.0], [0, 1, 0])
    """
    x, last_at, whole = (np.asarray(a, dtype=np.float64) for a in (repeats, last, observed))
    if x.ndim != 1 or x.shape != last_at.shape or x.shape != whole.shape or x.size == 0:
        raise CannotTell(
            "not-histories",
            {"shapes": f"{x.shape} {last_at.shape} {whole.shape}"},
            "give one number of each kind for every patient",
        )
    right = np.isfinite(x) & np.isfinite(last_at) & np.isfinite(whole) & (x >= 0) & (x == np.round(x))
    right &= (last_at >= 0) & (last_at <= whole) & ((x > 0) == (last_at > 0))
    if not right.all():
        raise CannotTell(
            "impossible-history",
            {"patients": int((~right).sum()), "first_place": int(np.argmin(right))},
            "repeats are whole numbers; the last visit lies within the time watched, and is 0 without repeats only",
        )
    if not whole.max() > 0:
        raise CannotTell("no-time", {"observed": 0}, "nobody was watched for any time yet")
    order = np.lexsort((whole, last_at, x))
    rows = np.column_stack([x, last_at, whole])[order]
    new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    group = np.empty(x.size, dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    kept = rows[new]
    sizes = np.bincount(group, minlength=len(kept)).astype(np.float64)
    return Histories(kept[:, 0], kept[:, 1], kept[:, 2], sizes, group, log_gaps)


def histories_of_visits(patients: ArrayLike, times: ArrayLike, end: float) -> Histories:
    """The histories at time ``end`` from a list of visits: whose, and when. Later visits, and who only came later, are left out.

    ``patients``, ``times`` (visits,): any keys, and times in one unit. Several visits at one time count once, so give days (over 7, for
    weeks) and not minutes. Patients come in the order of their sorted keys. Raises `CannotTell` as `histories`, and where no visit
    lies before the end or a time is not finite.

    >>> h = histories_of_visits(["a", "b", "a", "a", "a"], [1.0, 2, 4, 4, 6], end=10)
    >>> h.repeats[h.group_of].tolist(), h.last[h.group_of].tolist(), h.observed[h.group_of].tolist(), round(h.log_gaps, 3)
    ([2.0, 0.0], [5.0, 0.0], [9.0, 8.0], 1.792)
    """
    keys, when = np.asarray(patients), np.asarray(times, dtype=np.float64)
    if keys.ndim != 1 or keys.shape != when.shape:
        raise CannotTell(
            "not-histories", {"shapes": f"{keys.shape} {when.shape}"}, "give a patient and a time a visit"
        )
    if not (np.isfinite(when).all() and np.isfinite(end)):
        raise CannotTell("not-finite", {"what": "times"}, "leave out visits without a time")
    kept = when <= end
    if not kept.any():
        raise CannotTell("no-visits", {"end": float(end)}, "no visit lies before the end")
    _, whose = np.unique(keys[kept], return_inverse=True)
    order = np.lexsort((when[kept], whose))
    who, at = whose[order], when[kept][order]
    new = np.concatenate([[True], (who[1:] != who[:-1]) | (at[1:] != at[:-1])])
    who, at = who[new], at[new]
    starts = np.flatnonzero(np.concatenate([[True], who[1:] != who[:-1]]))
    visits = np.diff(np.append(starts, who.size))
    first, latest = at[starts], at[starts + visits - 1]
    gaps = np.diff(at)[who[1:] == who[:-1]]
    return histories(visits - 1, latest - first, end - first, float(np.log(gaps).sum()))
