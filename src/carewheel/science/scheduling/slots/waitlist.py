"""A slot that became free, and those who wait: who fits, and whom to ask in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.problem import Need
from carewheel.science.scheduling.slots.calendar import Calendar, Span
from carewheel.science.scheduling.slots.finding import Search, Slot


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits. ``prefers``: spans in which it may lie (none: any time); ``urgency``: what a filled minute of it counts;
    ``accepts``: probability of saying yes when asked now."""

    name: str
    needs: tuple[Need, ...]
    urgency: float = 1.0
    accepts: float = 1.0
    prefers: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.accepts <= 1:
            raise CannotTell("accepts", {"visit": self.name, "accepts": self.accepts}, "give a probability")
        if not 0 < self.urgency < float("inf"):
            raise CannotTell("urgency", {"visit": self.name}, "give a finite urgency above nought")

    @property
    def minutes(self) -> int:
        """From the start to the end of the last span."""
        return max(b for need in self.needs for _, b in need.spans)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whom to ask: ``slot`` as it would be, ``value`` if accepted (urgency times minutes), ``reached``: chance that it comes to asking."""

    name: str
    slot: Slot
    value: float
    accepts: float
    reached: float


def waitlist_fit(
    calendar: Calendar, gap: Span, waiting: Sequence[Waiting], asks: int | None = None
) -> list[Fit]:
    """Those who fit into a span that is free again, in the order in which to ask them, at most ``asks``.

    One after the other is asked until one accepts. The order and choice give the highest expected value: whoever is worth most first, and
    with few asks only those who are worth their ask (exact, by dynamic programming). A visit fits where all that it needs is
    free within the span, at a time that it prefers; it gets the earliest such start.
    """
    if asks is not None and asks < 1:
        raise CannotTell("asks", {"asks": asks}, "ask one at least")
    if len({w.name for w in waiting}) != len(waiting):
        raise CannotTell("name-twice", {}, "give each request a name of its own")
    found: list[Fit] = []
    for one in waiting:
        last = gap.end - one.minutes
        if last < gap.start:
            continue
        between = Search(calendar, one.needs).between(
            calendar.at(gap.day, gap.start), calendar.at(gap.day, last) + 1
        )
        for slot in between:
            if slot.minute <= last and (not gap.site or slot.site == gap.site) and _liked(one, slot):
                found.append(Fit(one.name, slot, one.urgency * one.minutes, one.accepts, 0.0))
                break
    found.sort(key=lambda fit: -fit.value)
    chosen = _worth(found, len(found) if asks is None else min(asks, len(found)))
    reached, told = 1.0, []
    for fit in chosen:
        told.append(Fit(fit.name, fit.slot, fit.value, fit.accepts, reached))
        reached *= 1 - fit.accepts
    return told


def _liked(one: Waiting, slot: Slot) -> bool:
    return not one.prefers or any(
        p.day == slot.day and p.start <= slot.minute and slot.minute + one.minutes <= p.end and (not p.site or p.site == slot.site)
        for p in one.prefers
    )  # fmt: skip


def _worth(fits: Sequence[Fit], asks: int) -> list[Fit]:
    """Of fits from the most to the least valuable, those to ask: best[i][k] is the value of asking at most k of those from i on."""
    n = len(fits)
    best = [[0.0] * (asks + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        for k in range(1, asks + 1):
            asked = fits[i].accepts * fits[i].value + (1 - fits[i].accepts) * best[i + 1][k - 1]
            best[i][k] = max(best[i + 1][k], asked)
    chosen, k = [], asks
    for i, fit in enumerate(fits):
        if k and fit.accepts > 0 and best[i][k] > best[i + 1][k]:
            chosen.append(fit)
            k -= 1
    return chosen
