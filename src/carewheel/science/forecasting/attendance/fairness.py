"""What the score does to groups: whether it is right for each, whom it flags, and who waits longer because of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from carewheel.science.intervals import LEVEL, Estimate, t_mean, wilson
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Under so many visits or so few misses a group gets no figure: it would be chance, and could point at persons.
LEAST_VISITS, LEAST_EVENTS = 100, 10
# Waits of groups may differ by this share; beyond, overbooking by score is refused.
MOST_GAP = 0.05


@dataclass(frozen=True, slots=True)
class GroupAudit:
    """One group of one attribute. ``missed``: share seen; ``expected``: mean chance; ``error``: seen minus expected (0 is right), with interval;
    ``flagged``: share among the highest chances; ``flagged_came``: share flagged of those who came (a burden without cause);
    ``waiting_minutes``: mean expected wait, None if no waits were given. All are None where there is not enough data.
    """

    attribute: str
    group: str
    visits: int
    missed: Estimate | None
    expected: float | None
    error: Estimate | None
    flagged: Estimate | None
    flagged_came: Estimate | None
    waiting_minutes: Estimate | None


@dataclass(frozen=True, slots=True)
class FairnessAudit:
    """Rows by attribute and group; ``waiting_gap``: by attribute, (longest - shortest mean wait of groups) / mean wait of all."""

    rows: tuple[GroupAudit, ...]
    waiting_gap: dict[str, float]

    def markdown(self) -> str:
        """The table of the report."""
        lines = [
            "| Attribute | Group | Visits | Missed | Expected | Error | Flagged | Flagged of those who came | Wait, min |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            cells = [
                _share(row.missed),
                "" if row.expected is None else f"{row.expected:.1%}",
                _share(row.error),
            ]
            cells += [_share(row.flagged), _share(row.flagged_came)]
            wait = row.waiting_minutes
            cells.append("" if wait is None else f"{float(wait.value):.1f}")
            if row.missed is None:
                cells = ["not enough data", *[""] * 5]
            lines.append(f"| {row.attribute} | {row.group} | {row.visits:,} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def fairness_audit(
    groups: dict[str, ArrayLike],
    fell: ArrayLike,
    chance: ArrayLike,
    flag_share: float = 0.1,
    waiting_minutes: ArrayLike | None = None,
    level: float = LEVEL,
) -> FairnessAudit:
    """The audit that stands in every report. ``groups``: by attribute the group (n,) of each visit, any attribute that the practice names.

    ``flag_share``: the share of visits that are flagged (those with the highest chances). ``waiting_minutes`` (n,): expected wait of each visit under the
    template in use. A score that is right on average can still be wrong for a group: read ``error``. Shares that really differ cannot be made equal
    in error and in flags at once (Kleinberg, Mullainathan & Raghavan 2016): both are shown. Raises `CannotTell`.

    >>> rng = np.random.default_rng(5)
    >>> p = rng.uniform(0, 0.5, 4000)
    >>> audit = fairness_audit({"band": np.repeat(["a", "b"], 2000)}, rng.random(4000) < p, p)
    >>> [bool(row.error.low < 0 < row.error.high) for row in audit.rows]
    [True, True]
    """
    y, p = np.asarray(fell, dtype=np.float64), np.asarray(chance, dtype=np.float64)
    wait = None if waiting_minutes is None else np.asarray(waiting_minutes, dtype=np.float64)
    if y.shape != p.shape or y.ndim != 1 or not y.size or not np.isin(y, (0.0, 1.0)).all():
        raise CannotTell(
            "not-visits", {"visits": p.size, "outcomes": y.size}, "give one of each for each visit"
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise CannotTell("not-chances", {"visits": p.size}, "chances are from 0 to 1")
    if not 0 < flag_share < 1:
        raise CannotTell("not-a-share", {"flag_share": flag_share}, "flag more than none and fewer than all")
    if wait is not None and (wait.shape != p.shape or not np.isfinite(wait).all() or (wait < 0).any()):
        raise CannotTell(
            "impossible-wait", {"visits": p.size}, "give each visit's wait in minutes, 0 or more"
        )
    flags = np.zeros(p.size, dtype=bool)
    flags[np.argsort(-p, kind="stable")[: max(1, round(flag_share * p.size))]] = True
    rows: list[GroupAudit] = []
    gaps: dict[str, float] = {}
    for attribute, given in groups.items():
        words = np.asarray(given).astype(str)
        if words.shape != p.shape:
            raise CannotTell(
                "not-visits", {"attribute": attribute, "visits": words.size}, "one group for each visit"
            )
        waits = []
        for group in np.unique(words):
            rows.append(_row(attribute, str(group), words == group, y, p, flags, wait, level))
            if rows[-1].waiting_minutes is not None:
                waits.append(float(rows[-1].waiting_minutes.value))
        if wait is not None and len(waits) > 1:
            gaps[attribute] = (max(waits) - min(waits)) / max(float(wait.mean()), 1e-9)
    return FairnessAudit(tuple(rows), gaps)


def check_overbooking(audit: FairnessAudit, most: float = MOST_GAP) -> None:
    """Refuse overbooking by score where groups would wait unequally, or where nobody looked. Raises `CannotTell` ``unequal-waits``.

    >>> check_overbooking(FairnessAudit((), {"age band": 0.2}))
    Traceback (most recent call last):
    carewheel.science.refusal.CannotTell: unequal-waits (attribute age band, gap 0.2, most 0.05): spread double bookings evenly over the groups, or reach out instead
    """
    if not audit.waiting_gap:
        raise CannotTell(
            "waits-unknown", {}, "audit with the expected wait of each visit, by at least one attribute"
        )
    worst = max(audit.waiting_gap, key=lambda name: audit.waiting_gap[name])
    if audit.waiting_gap[worst] > most:
        raise CannotTell(
            "unequal-waits",
            {"attribute": worst, "gap": round(audit.waiting_gap[worst], 4), "most": most},
            "spread double bookings evenly over the groups, or reach out instead",
        )


def _row(
    attribute: str,
    group: str,
    there: NDArray[np.bool_],
    y: Floats,
    p: Floats,
    flags: NDArray[np.bool_],
    wait: Floats | None,
    level: float,
) -> GroupAudit:
    n, fell = int(there.sum()), float(y[there].sum())
    if n < LEAST_VISITS or min(fell, n - fell) < LEAST_EVENTS:
        return GroupAudit(attribute, group, n, None, None, None, None, None, None)
    expected = float(p[there].mean())
    far = ndtri(0.5 + level / 2) * float(np.sqrt((p[there] * (1 - p[there])).sum())) / n
    error = fell / n - expected
    came = there & (y == 0)
    waits = None
    if wait is not None:
        waits = t_mean(n, wait[there].sum(), np.square(wait[there]).sum(), level)
    return GroupAudit(
        attribute,
        group,
        n,
        wilson(fell, n, level),
        expected,
        Estimate(np.asarray(error), np.asarray(error - far), np.asarray(error + far)),
        wilson(flags[there].sum(), n, level),
        wilson(flags[came].sum(), came.sum(), level),
        waits,
    )


def _share(of: Estimate | None) -> str:
    return "" if of is None else f"{float(of.value):.1%} ({float(of.low):.1%} to {float(of.high):.1%})"
