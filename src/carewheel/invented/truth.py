"""The truth of an invented world, found by intervention: the same people and the same luck, one cause changed.

Strength of a link (design.md): the change of the target in the twelfth month after the source is raised by one reference
standard deviation and held, in reference standard deviations of the target. The push is felt by that link only (all other
ports feel what they felt without it), so the loops of the wheel are not mixed in. The twelfth month is read as the mean of
months 11 to 13, which halves the noise. Error: standard error over places.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from carewheel.catalog.links import links
from carewheel.catalog.plays import plays
from carewheel.invented.group import Group, PlannedPlay
from carewheel.invented.location import Lived, Place
from carewheel.invented.ports import Ports, Push, Strengthening, sd_of
from carewheel.invented.workers import spread

BEFORE = 12
READ = (10, 11, 12)
WORTH_MONTHS = 24
STRONGER = 0.1
PLACES = 12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over places with its Monte-Carlo standard error."""

    value: float
    error: float
    places: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        known = np.array([v for v in values if np.isfinite(v)])
        if not len(known):
            return cls(float("nan"), float("nan"), 0)
        error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
        return cls(float(known.mean()), error, len(known))

    def as_json(self) -> dict[str, Any]:
        known = np.isfinite(self.value)
        return {
            "value": round(self.value, 5) if known else None,
            "error": round(self.error, 5) if np.isfinite(self.error) else None,
            "places": self.places,
        }


def experiment_places(group: Group, months: int, places: int = PLACES) -> list[tuple[Group, int]]:
    """Places to experiment in: those of the group, then places of further seeds with the same strengths."""
    short = replace(group, months=max(months, 3), plays=())
    own = [(short, number) for number in range(1, min(group.locations, places) + 1)]
    extra = 0
    while len(own) < places:
        extra += 1
        other = replace(short, seed=group.seed + 1_000_003 * extra)
        own += [(other, n) for n in range(1, min(max(group.locations, 2), places - len(own)) + 1)]
    return own


@dataclass(frozen=True, slots=True)
class At:
    group: Group
    number: int
    strengths: dict[str, float]
    only: tuple[str, ...] = ()  # links or plays to look at


def place_of(at: At) -> Place:
    """A place before its first month, without the pages of a book."""
    return Place(at.group, at.number, Ports(at.strengths, at.group.weaken), book=False)


class Fork:
    """A place lived through up to ``month``, to go on from with one cause changed: what was before is the same in all lives."""

    def __init__(self, at: At, month: int) -> None:
        self.number, place = at.number, place_of(at)
        place.live_until(month)
        self._kept = pickle.dumps(place, pickle.HIGHEST_PROTOCOL)

    def live(
        self,
        *plays: PlannedPlay,
        replay: dict[str, list[float]] | None = None,
        push: Push | None = None,
        stronger: Strengthening | None = None,
    ) -> Lived:
        """The rest of the months with what is given, none of which may begin before the fork."""
        place: Place = pickle.loads(self._kept)
        place.plays = [*place.plays, *(play for play in plays if self.number in play.locations)]
        place.ports.replay, place.ports.push, place.ports.stronger = replay, push, stronger
        return place.live()


def _strengths_at(at: At) -> dict[str, float]:
    """The strength of every link at one place: one run as it is, one with each link's source pushed."""
    fork = Fork(at, BEFORE)
    base = fork.live()
    found = {}
    for link in (links()[name] for name in at.only):
        pushed = fork.live(replay=base.felt, push=Push(link.id, BEFORE))
        months = [BEFORE + m for m in READ]
        target = link.to_measure
        if target == "growth.referral_reproduction" or target in RATIOS:
            change = _ratio_change(pushed, base, target, months)
        else:
            change = float(
                np.nanmean([pushed.measures[target][m] - base.measures[target][m] for m in months])
            )
        found[link.id] = change / sd_of(target)
    return found


# Ratios of small monthly numbers: read over the whole second half of the year, not month by month.
RATIOS: frozenset[str] = frozenset(("growth.acquisition_cost",))


def _ratio_change(pushed: Lived, base: Lived, target: str, months: list[int]) -> float:
    span = range(months[-1] - 6, months[-1] + 1)

    def ratio(lived: Lived) -> float:
        new = np.array([lived.measures["growth.new_patients"][m] for m in span])
        per = np.array([np.nan_to_num(lived.measures[target][m]) for m in span])
        return float((new * per).sum() / max(new.sum(), 1.0))

    return ratio(pushed) - ratio(base)


def link_truth(
    group: Group, workers: int = 1, places: int = PLACES, only: Sequence[str] = ()
) -> dict[str, Estimate]:
    """The measured strength of every link of the catalog (or of those in ``only``) in this world."""
    names = tuple(only) or tuple(links())
    where = experiment_places(group, BEFORE + READ[-1] + 1, places)
    rows = list(spread(_strengths_at, [At(g, n, group.strengths, names) for g, n in where], workers))
    return {link: Estimate.of([row[link] for row in rows]) for link in names}


def _cash(lived: Lived) -> float:
    return sum(lived.net_cash[BEFORE : BEFORE + WORTH_MONTHS]) / 100


def _worths_at(at: At) -> dict[str, float]:
    """Net cash gained by each stronger link and by each play, at one place."""
    fork = Fork(at, BEFORE)
    base = _cash(fork.live())
    found = {}
    for name in at.only:
        if name in links():
            more = Strengthening(name, BEFORE, float(np.sign(at.strengths[name])) * STRONGER)
            found[name] = _cash(fork.live(stronger=more)) - base
        else:
            found[f"play {name}"] = _cash(fork.live(PlannedPlay(name, BEFORE, (at.number,)))) - base
    return found


def worth_truth(
    group: Group, workers: int = 1, places: int = PLACES, only: Sequence[str] = ()
) -> dict[str, Estimate]:
    """Money over 24 months and place: of each link stronger by 0.1 (``C1-C2a``), of each play (``play Q2``; its cost not
    taken off). Both begin after a year, when the place has settled: a world that has just begun has hardly any collections yet.
    ``only``: these links and plays, else all laws, multipliers and plays."""
    laws = [link.id for link in links().values() if link.kind != "policy"]
    names = tuple(only) or (*laws, *plays())
    where = experiment_places(group, BEFORE + WORTH_MONTHS, places)
    rows = list(spread(_worths_at, [At(g, n, group.strengths, names) for g, n in where], workers))
    return {name: Estimate.of([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True, slots=True)
class _Change:
    group: Group
    planned: PlannedPlay
    number: int


def _effect_of(change: _Change) -> dict[str, Any]:
    group, planned = change.group, change.planned
    strengths = group.strengths
    others = tuple(p for p in group.plays if p != planned)
    with_it = place_of(At(group, change.number, strengths)).live()
    without = place_of(At(replace(group, plays=others), change.number, strengths)).live()
    months = range(planned.month, min(planned.month + 12, group.months))
    effects = {
        name: round(
            float(np.nanmean([with_it.measures[name][m] - without.measures[name][m] for m in months])), 5
        )
        for name in sorted(with_it.measures)
    }
    cash = [with_it.net_cash[m] - without.net_cash[m] for m in months]
    return {
        "play": planned.play, "location": f"loc{change.number}", "from_month": planned.month, "months": len(months),
        "mean_effect": effects, "net_cash": round(sum(cash) / 100, 2),
    }  # fmt: skip


def change_truth(group: Group, workers: int = 1) -> list[dict[str, Any]]:
    """What each planned play did at each of its places: mean monthly difference to the same world without it."""
    tasks = [_Change(group, planned, n) for planned in group.plays for n in planned.locations]
    return list(spread(_effect_of, tasks, workers))
