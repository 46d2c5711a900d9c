"""How wrong the equations of the links are where the truth is known: what stays when months and places are many.

An equation leaves things out (effects that bend, luck that those asked and those counted do not share, causes that nobody
measures). In invented groups of 200 places the own error of a link is small, and what an estimate is off by beyond that error
is the equation's. The catalog's ``doubt`` of each link is that, found on seeds that no other validation uses.

By itself: `python -m tests.validation.link_doubts [GROUPS]`. Groups are kept in the folder CAREWHEEL_VALIDATION_ANSWERS, if set.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from tests.validation.demo_groups import demo_group, kept_in
from tests.validation.link_learning import group_panel

from carewheel.catalog.links import Link, links
from carewheel.wheel.panel import estimates

Floats = NDArray[np.float64]
DOUBT_SEED, DOUBT_GROUPS, PLACES = 30_001, 20, 200
LEAST = 0.01
# Of a link that no group can show, this share of its likely size is taken.
UNSEEN = 0.15


class Off(NamedTuple):
    """One estimate beside its truth: how far off, and its own variance without the catalog's doubt."""

    error: float
    variance: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A link over all groups; ``beyond``: the standard deviation of what its errors are beyond their own variance."""

    link: Link
    off: Sequence[Off]
    beyond: float

    @property
    def catalog(self) -> float:
        """What the catalog has to say: rounded up, never nothing."""
        if not self.off:
            return round(UNSEEN * math.hypot(self.link.assumed.mean, self.link.assumed.sd), 2)
        return max(math.ceil(100 * self.beyond - 1e-6) / 100, LEAST)

    @property
    def holds(self) -> bool:
        return abs(self.link.doubt - self.catalog) < 0.005


def beyond(off: Sequence[Off]) -> float:
    """The standard deviation that makes errors with known variances likeliest, mean nought.

    >>> round(beyond([Off(0.3, 0.01), Off(-0.3, 0.01)]), 3), beyond([Off(0.05, 0.01)] * 2)
    (0.283, 0.0)
    """
    if not off:
        return 0.0
    error, variance = np.array(off).T

    def unlikely(tau: float) -> float:
        total = variance + tau**2
        return float(0.5 * np.sum(np.log(total) + error**2 / total))

    # Nought itself is no candidate: an error without a variance of its own cannot be.
    nothing = 1e-6
    found = minimize_scalar(unlikely, bounds=(nothing, 5.0), method="bounded")
    return 0.0 if unlikely(nothing) <= found.fun else float(found.x)


def doubts(groups: int = DOUBT_GROUPS, places: int = PLACES) -> list[Doubt]:
    """Every link of the catalog over the first ``groups`` groups."""
    off: dict[str, list[Off]] = {name: [] for name in links()}
    for seed in range(DOUBT_SEED, DOUBT_SEED + groups):
        made = demo_group(seed, places, kept_in())
        for name, estimate in estimates(group_panel(made)).items():
            if np.isfinite(estimate.own_sd):
                own = estimate.own_sd**2 - links()[name].doubt ** 2
                off[name].append(Off(estimate.own_mean - made.strengths[name], own))
    return [Doubt(links()[name], found, beyond(found)) for name, found in off.items()]


def doubt_section(groups: int = DOUBT_GROUPS) -> tuple[list[str], bool]:
    """The section of the page, and whether the catalog says what was found."""
    rows = doubts(groups)
    lines = [
        "",
        "## How wrong the equations of the links are",
        "",
        f"Invented groups of {PLACES} places, drawn and broken as in the section on links, with seeds of their own ({groups} from {DOUBT_SEED}): there",
        "own errors are small, and what an estimate is off by beyond them is the equation's. Off: the panel's own answer less the drawn",
        "strength. Beyond: the standard deviation, about nought, of what the errors alone do not explain (greatest likelihood). The catalog's",
        f"doubt is that, rounded up, at least {LEAST}; of a link that no group shows it is {UNSEEN} of the likely size, by assumption. It is added to",
        "every estimate's error. It is how wrong the equations are in the invented world; a real practice may be further from them.",
        "",
        "| Link | Kind | Own error, median | Off, mean | Off, root mean square | Beyond | Catalog | |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        shown = "no months | – | – | –"
        if row.off:
            error, variance = np.array(row.off).T
            shown = f"{np.sqrt(np.median(variance)):.3f} | {error.mean():+.3f} | {np.sqrt(np.mean(error**2)):.3f} | {row.beyond:.3f}"
        mark = "holds" if row.holds else "**does not hold**"
        lines.append(f"| {row.link.id} | {row.link.kind} | {shown} | {row.link.doubt:.2f} | {mark} |")
    return [*lines, ""], all(row.holds for row in rows)


if __name__ == "__main__":
    text, fine = doubt_section(int(sys.argv[1]) if len(sys.argv) > 1 else DOUBT_GROUPS)
    print("\n".join(text))
    sys.exit(0 if fine else 1)
