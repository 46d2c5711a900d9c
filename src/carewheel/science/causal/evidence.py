"""From a verdict to what is thought of a play next time: arithmetic alone."""

from __future__ import annotations

from typing import Literal, NamedTuple

from carewheel.science.causal.refusal import Effect
from carewheel.science.refusal import CannotTell

Quality = Literal["strong", "moderate", "weak", "refused"]
# How much of its precision a verdict keeps: as if its sd were 1, 1.4 and 2.2 times as large; a refusal says nothing.
WEIGHT: dict[Quality, float] = {"strong": 1.0, "moderate": 0.5, "weak": 0.2, "refused": 0.0}


class Belief(NamedTuple):
    """What is thought of an effect: normal with ``mean`` and ``sd``; ``prior_weight``: how much of it is not from here (0 to 1)."""

    mean: float
    sd: float
    prior_weight: float = 1.0


def updated(prior: Belief, effect: Effect | None, quality: Quality) -> Belief:
    """The prior after a verdict: precisions add, the verdict's reduced by its quality; a refusal leaves the prior as it was.

    ``prior`` and ``effect`` in the same unit. Raises `CannotTell` where an sd is not positive, or an effect is missing from a
    verdict that is none of refusal. Source: Gelman et al. 2013, Bayesian Data Analysis, eq. (2.10); the reduction is a power prior
    (Ibrahim & Chen 2000, Stat Sci 15:46) with the weights above, which are a judgement of this house.

    >>> updated(Belief(2.0, 1.0), Effect(0.0, -2.0, 2.0, 1.0), "strong")
    Belief(mean=1.0, sd=0.7071067811865476, prior_weight=0.5)
    >>> updated(Belief(2.0, 1.0), None, "refused")
    Belief(mean=2.0, sd=1.0, prior_weight=1.0)
    """
    if not prior.sd > 0:
        raise CannotTell("no-variation", {"sd": prior.sd}, "a prior needs a positive standard deviation")
    if quality == "refused":
        return prior
    if effect is None or not effect.sd > 0:
        raise CannotTell("no-variation", {}, "a verdict needs an effect with a positive standard deviation")
    own, new = prior.sd**-2, WEIGHT[quality] * effect.sd**-2
    total = own + new
    return Belief(
        (own * prior.mean + new * effect.value) / total, total**-0.5, prior.prior_weight * own / total
    )
