"""Drawn and measured strengths of the invented world, and what a broken link does to them. Rows for the table in the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from carewheel.catalog.links import links
from carewheel.invented.group import Group
from carewheel.invented.truth import Estimate, link_truth

# Links whose target is worked out from their source by arithmetic as well: their sign alone is no test of the world.
ACCOUNTING = ("C2b-C3",)
SLACK = 0.02


@dataclass(frozen=True, slots=True)
class Broken:
    """What is left of a link that was broken, and the other link that moved most, in errors beyond the slack."""

    link: str
    left: Estimate
    farthest: str
    errors: float

    @property
    def holds(self) -> bool:
        return is_nought(self.left) and self.errors <= 3.0


def is_nought(found: Estimate) -> bool:
    """Whether a strength is 0 within three Monte-Carlo errors and 0.02."""
    return bool(abs(found.value) <= 3 * found.error + SLACK)


def moved(one: Estimate, other: Estimate) -> float:
    """How far two strengths lie apart beyond 0.02, in errors of their difference; errors themselves are estimates."""
    apart = max(abs(one.value - other.value) - SLACK, 0.0)
    return apart / max(float(np.hypot(one.error, other.error)), 1e-9)


def broken(group: Group, link: str, whole: dict[str, Estimate], places: int, workers: int) -> Broken:
    """Break one link and measure all of them at ``places`` places; ``whole``: the same of the unbroken world."""
    found = link_truth(replace(group, weaken={link: 0.0}), workers, places)
    distances = {name: moved(found[name], whole[name]) for name in links() if name != link}
    farthest = max(distances, key=lambda name: distances[name])
    return Broken(link, found[link], farthest, distances[farthest])


def wrong_signs(group: Group, found: dict[str, Estimate], names: Sequence[str]) -> list[str]:
    """Links whose measured strength has not the sign that was drawn."""
    return [name for name in names if np.sign(found[name].value) != np.sign(group.strengths[name])]
