"""A link's strength when the link may not be there at all: a point at nothing beside a normal distribution.

A practice's wheel can be broken somewhere: then a link's strength is exactly 0, whatever is usual elsewhere. With a prior
chance of that, data that show nothing raise it (Jeffreys 1961, Theory of Probability, ch. 5; spike and slab: Mitchell & Beauchamp
1988, JASA 83:1023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strength:
    """Posterior of a strength: 0 with probability ``absent``, else normal with ``centre`` and ``sd`` (reference sd)."""

    absent: float
    centre: float
    sd: float

    @property
    def mean(self) -> float:
        return (1 - self.absent) * self.centre

    @property
    def spread(self) -> float:
        """Standard deviation of the whole."""
        return float(np.sqrt((1 - self.absent) * (self.sd**2 + self.absent * self.centre**2)))

    def interval(self, level: float = 0.90) -> tuple[float, float]:
        """The shortest interval that holds ``level`` of the probability; it contains 0 or leaves the chance of 0 out.

        >>> low, high = Strength(0.0, 0.3, 0.1).interval(0.90)
        >>> round(low, 3), round(high, 3)
        (0.136, 0.464)
        >>> Strength(0.1, 0.3, 0.1).interval(0.90)[0], Strength(1.0, 0.3, 0.1).interval()
        (0.0, (0.0, 0.0))
        >>> Strength(0.95, 0.2, 0.1).interval()[1] == Strength(0.95, 0.2, 0.1).mean
        True
        """
        found = []
        if 1 - self.absent > level:
            found.append(self._central(level / (1 - self.absent)))
        if self.absent > 0:
            rest = max(level - self.absent, 0.0) / max(1 - self.absent, 1e-12)
            found.append(self._with_nothing(rest))
        low, high = min(found, key=lambda ends: ends[1] - ends[0])
        # Almost surely not there: the interval is 0, and the mean, a little beside it, belongs into it.
        return min(low, self.mean), max(high, self.mean)

    def draws(self, uniforms: Floats) -> Floats:
        """Draws from uniforms (..., 2): the first says whether the link is there, the second how strong it is."""
        strength = self.centre + self.sd * ndtri(np.clip(uniforms[..., 1], 1e-12, 1 - 1e-12))
        return np.where(uniforms[..., 0] < self.absent, 0.0, strength)

    def _central(self, mass: float) -> tuple[float, float]:
        half = float(ndtri(0.5 + mass / 2)) * self.sd
        return self.centre - half, self.centre + half

    def _with_nothing(self, mass: float) -> tuple[float, float]:
        """The shortest interval that contains 0 and has ``mass`` of the normal part."""
        if mass <= 0:
            return 0.0, 0.0
        low, high = self._central(mass)
        if low <= 0 <= high:
            return low, high
        below = float(ndtr(-self.centre / self.sd))
        if self.centre > 0:
            return 0.0, self.centre + self.sd * float(ndtri(min(below + mass, 1 - 1e-12)))
        return self.centre + self.sd * float(ndtri(max(below - mass, 1e-12))), 0.0


def posterior(own_mean: float, own_sd: float, prior_mean: float, prior_sd: float, absent: float) -> Strength:
    """Combine what the data say (``own_mean``, ``own_sd``; infinite: nothing) with a normal prior and a chance of no link.

    >>> weak, strong = posterior(0.0, 1.0, 0.3, 0.1, 0.1), posterior(0.0, 0.05, 0.3, 0.1, 0.1)
    >>> round(weak.absent, 2), round(strong.absent, 2)
    (0.1, 0.9)
    """
    if not np.isfinite(own_sd):
        return Strength(absent, prior_mean, prior_sd)
    together = own_sd**2 + prior_sd**2
    # Bayes factor of "not there" against "there": densities of what the data say under both.
    log_factor = (
        0.5 * np.log(together / own_sd**2)
        - 0.5 * (own_mean / own_sd) ** 2
        + 0.5 * (own_mean - prior_mean) ** 2 / together
    )
    odds = absent / (1 - absent) * np.exp(np.clip(log_factor, -50, 50))
    precision = own_sd**-2 + prior_sd**-2
    centre = (own_mean / own_sd**2 + prior_mean / prior_sd**2) / precision
    return Strength(float(odds / (1 + odds)), float(centre), float(precision**-0.5))
