"""Placebos: the planned method where nothing happened. What it finds there is what its findings are worth.

In time: the same units, a start that is made up, only months before the true one. In space: units without the change, the
true starts. Source: Abadie, Diamond & Hainmueller 2010, JASA 105:493, section 3.4; 2015, Am J Pol Sci 59:495 (in time).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from carewheel.science.causal.methods import Method, Settings, estimate, fakes
from carewheel.science.causal.panel import Panel
from carewheel.science.causal.refusal import Effect
from carewheel.science.causal.synthetic_control import mean_gap
from carewheel.science.refusal import CannotTell

MOST = 12
MOST_IN_SPACE = 40
# An interval that is itself made of placebos needs no more of them inside a placebo.
DRAWS = 60


@dataclass(frozen=True, slots=True)
class Placebos:
    """``effects`` that were found where nothing happened; ``rate``: share whose interval excludes nought.

    ``apart``: how many of them share no treated unit (sets of several units overlap, and count for less), None: all.
    ``p``: in space, the share of units (the true ones included) whose effect is as far from nought as the true one, in
    units of its own noise; None in time.
    """

    where: Literal["time", "space"]
    effects: tuple[Effect, ...]
    p: float | None = None
    apart: int | None = None

    @property
    def hits(self) -> float:
        """Placebos that found an effect, as so many of `independent` ones."""
        return self.rate * self.independent if self.effects else 0.0

    @property
    def independent(self) -> int:
        return self.count if self.apart is None else min(self.apart, self.count)

    @property
    def count(self) -> int:
        return len(self.effects)

    @property
    def rate(self) -> float:
        """Raises `CannotTell` where no placebo could be run."""
        if not self.effects:
            raise CannotTell(
                "no-placebo", {"where": self.where}, "more months before, or more units, are needed"
            )
        return sum(effect.excludes_zero for effect in self.effects) / len(self.effects)


def placebos_in_time(
    panel: Panel, method: Method, settings: Settings, months_after: int, most: int = MOST
) -> Placebos:
    """Made-up starts before the true ones, evenly spaced, each judged on at most ``months_after`` months.

    Starts keep their distances; every placebo ends before the first true start. Windows overlap, so that a few placebos
    say less than their number. Starts at which the method cannot be run (too few months) are left out.

    >>> rng = np.random.default_rng(4)
    >>> panel = Panel.of(rng.normal(0, 1, (12, 36)), [30.0] + [np.inf] * 11)
    >>> found = placebos_in_time(panel, "difference_in_differences", Settings(), 6)
    >>> found.count
    0
    >>> found = placebos_in_time(panel, "synthetic_did", Settings(), 6)
    >>> found.count, found.rate <= 0.25
    (12, True)
    """
    first = min(panel.cohorts())
    # A cohort that starts later than the first is as untouched as the others until then.
    earlier = panel.only(np.ones(len(panel.outcomes), dtype=bool)).until(first)
    settings = replace(settings, draws=min(settings.draws, DRAWS))
    found: list[Effect] = []
    window = max(1, min(months_after, first // 3))
    starts = np.unique(np.linspace(4, first - window, most).round().astype(int))
    for start in starts[starts >= 1]:
        moved = np.where(panel.treated, panel.starts - first + start, np.inf)
        months = min(first, int(start) + window)
        moved = np.where(moved < months, moved, np.inf)
        if not np.isfinite(moved).any():
            continue
        # Units with a later start are left out of a shortened placebo: they are neither treated nor ordinary controls.
        chosen = np.isfinite(moved) | ~panel.treated
        fake = earlier.with_starts(moved).only(chosen)
        fake = fake.until(months)
        try:
            found.append(estimate(fake, method, settings))
        except CannotTell:
            continue
    return Placebos("time", tuple(found))


def placebos_in_space(
    panel: Panel, method: Method, settings: Settings, true: Effect, most: int = MOST_IN_SPACE
) -> Placebos:
    """The true starts on units without the change, the true ones taken out; and where the true effect ranks among them.

    The rank goes by the effect over its own sd; for the synthetic control, whose sd are placebos already, over the error of
    the fit before the start. With k placebos p is at least 1 / (k + 1): few units cannot make an effect certain.
    """
    own = replace(settings, draws=min(settings.draws, DRAWS))
    found, sizes = [], []
    for fake in fakes(panel, settings.seed, most):
        try:
            effect = estimate(fake, method, own)
        except CannotTell:
            continue
        found.append(effect)
        sizes.append(_size(fake, method, effect))
    if not found:
        return Placebos("space", ())
    size = _size(panel, method, true)
    p = (1 + sum(other >= size for other in sizes)) / (1 + len(sizes))
    size_of_sets = int(fakes(panel, settings.seed, 1)[0].treated.sum())
    apart = None if size_of_sets == 1 else int((~panel.treated).sum()) // size_of_sets
    return Placebos("space", tuple(found), p, apart)


def leave_one_out(panel: Panel, method: Method, settings: Settings, most: int = MOST) -> tuple[float, ...]:
    """The effect without each unit that did not change (evenly spaced ones if there are more than ``most``).

    An effect that hangs on one donor is a finding about that donor.
    """
    controls = np.flatnonzero(~panel.treated)
    if len(controls) < 2:
        return ()
    settings = replace(settings, draws=min(settings.draws, 20))
    chosen = controls[np.unique(np.linspace(0, len(controls) - 1, most).round().astype(int))]
    found = []
    for unit in chosen:
        keep = np.arange(len(panel.outcomes)) != unit
        try:
            found.append(estimate(panel.only(keep), method, settings).value)
        except CannotTell:
            continue
    return tuple(found)


def _size(panel: Panel, method: Method, effect: Effect) -> float:
    """How far from nought, in units that can be compared between units."""
    if method != "synthetic_control":
        return abs(effect.value) / effect.sd
    value, before = mean_gap(panel)
    return abs(value) / max(before, 1e-12 * float(np.nanmax(np.abs(panel.outcomes))), 1e-300)
