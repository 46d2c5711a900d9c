"""The arrows of the wheel inside the invented world: where one part is felt by another, and where one can intervene.

Each link has one port. The source's measure enters as a deviation from the catalog's reference in reference standard
deviations, is felt with a lag, and leaves as an effect in reference standard deviations of the target, which the
target's own mechanism turns into what people do. Nothing here knows the model that the wheel fits.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from carewheel.catalog.links import link_scales, links
from carewheel.invented.parameters import parameters

FELT_AT_MOST = 2.5


@dataclass(frozen=True, slots=True)
class Push:
    """An intervention: the source of ``link`` is felt ``size`` reference standard deviations higher from ``month`` on."""

    link: str
    month: int
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Strengthening:
    """An intervention: ``link`` is stronger by ``size`` (signed) from ``month`` on."""

    link: str
    month: int
    size: float


@dataclass(slots=True)
class Ports:
    """Drawn ``strengths``, ``weaken`` factors (0 = broken), and for an experiment what was felt before (``replay``), a push, or a
    link made ``stronger``. ``month``: the month that is being lived through.

    With ``replay`` every port feels what it felt in that run, whatever happens now: so a push travels along its own link
    only, and the strength of a link is not mixed with the loops through the rest of the wheel.
    """

    strengths: dict[str, float]
    weaken: dict[str, float] = field(default_factory=dict)
    replay: dict[str, list[float]] | None = None
    push: Push | None = None
    stronger: Strengthening | None = None
    month: int = 0
    recorded: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _state: dict[str, float] = field(default_factory=dict)

    def gain(self, link: str) -> float:
        """The strength of a link in this world this month, as drawn, weakened, and strengthened."""
        now, later = self.strengths[link] * self.weaken.get(link, 1.0), self.stronger
        more = later is not None and later.link == link and self.month >= later.month
        return now + later.size if more and later is not None else now

    def felt(self, link: str, month: int, measure: float) -> float:
        """The source's deviation as the target feels it this month; ``measure`` in the units of the source's card."""
        scale = link_scales()[links()[link].from_measure]
        now = max(-FELT_AT_MOST, min(FELT_AT_MOST, (measure - scale.value) / scale.sd))
        if self.replay is not None:
            now = self.replay[link][month]
        self.recorded[link].append(now)
        now += self.pushed(link, month)
        lag = parameters().get(f"learning.{link}", 2.0)
        before = self._state.get(link, now)
        self._state[link] = before + (now - before) / lag
        return self._state[link]

    def effect(self, link: str, month: int, measure: float) -> float:
        """What the target gets this month through ``link``, in its own reference standard deviations."""
        return self.gain(link) * self.felt(link, month, measure)

    def pushed(self, link: str, month: int) -> float:
        """The push on ``link`` this month, in reference standard deviations; 0 without one."""
        push = self.push
        return push.size if push is not None and push.link == link and month >= push.month else 0.0


def sd_of(measure: str) -> float:
    """The reference standard deviation of a measure of the catalog.

    >>> sd_of("experience.nps")
    20.0
    """
    return link_scales()[measure].sd
