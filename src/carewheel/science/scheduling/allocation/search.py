"""Good plans quickly: visits are taken out and put back at their cheapest places, over and over, by counting in bits.

Ruin and recreate with annealed acceptance. Source: Schrimpf et al. 2000, J. Computational Physics 159, "Record breaking
optimization results using the ruin and recreate principle".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from carewheel.science.scheduling.allocation.bits import block, starts
from carewheel.science.scheduling.allocation.compiled import GridDay, GridMode, GridVisit


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visit of a `GridDay` stands: mode, start in steps, class of each need, whole cost."""

    mode: int
    start: int
    classes: tuple[int, ...]
    cost: int


class Book:
    """A day being filled. Of each class, level j holds the steps in which more than j of it are taken."""

    def __init__(self, day: GridDay) -> None:
        self.day = day
        self.levels = [[0] * len(names) for names in day.classes]
        self.places: list[Place | None] = [None] * len(day.visits)

    @property
    def cost(self) -> int:
        """Cost of all that is placed and of all that is not."""
        return sum(
            v.unmet if p is None else p.cost for v, p in zip(self.day.visits, self.places, strict=True)
        )

    def add(self, mode: GridMode, place: Place) -> None:
        for need, c in zip(mode.needs, place.classes, strict=True):
            levels = self.levels[c]
            for a, b in need.spans:
                carry = block(place.start + a, place.start + b)
                for j, level in enumerate(levels):
                    levels[j] = level | carry
                    carry &= level
                    if not carry:
                        break

    def drop(self, mode: GridMode, place: Place) -> None:
        for need, c in zip(mode.needs, place.classes, strict=True):
            levels = self.levels[c]
            for a, b in need.spans:
                carry = block(place.start + a, place.start + b)
                for j in range(len(levels) - 1, -1, -1):
                    top = levels[j] & carry
                    levels[j] ^= top
                    carry ^= top
                    if not carry:
                        break

    def put(self, i: int, place: Place) -> None:
        self.places[i] = place
        self.add(self.day.visits[i].modes[place.mode], place)

    def take(self, i: int) -> None:
        place = self.places[i]
        if place is not None:
            self.drop(self.day.visits[i].modes[place.mode], place)
            self.places[i] = None

    def able(self, mode: GridMode, k: int, c: int) -> int:
        """Starts at which class ``c`` has one to spare for need ``k``."""
        return starts(self.day.there[c][mode.site] & ~self.levels[c][-1], mode.needs[k].spans)

    def cheapest(self, i: int, rng: random.Random) -> Place | None:
        """The cheapest place that is free now, None if there is none below the cost of leaving the visit out."""
        visit = self.day.visits[i]
        best: Place | None = None
        limit = visit.unmet
        for m, mode in enumerate(visit.modes):
            if len(mode.needs) == 0:
                continue
            layers = [self._layers(mode, k) for k in range(len(mode.needs))]
            found = self._best_of(visit, mode, m, layers, limit, rng)
            if found is not None:
                best, limit = found, found.cost
        return best

    def _layers(self, mode: GridMode, k: int) -> list[tuple[int, int, list[tuple[int, int]]]]:
        """By extra cost: starts that options of at most this cost allow, with the (class, starts) of exactly this cost."""
        layers: list[tuple[int, int, list[tuple[int, int]]]] = []
        spans = mode.needs[k].spans
        there, levels, site = self.day.there, self.levels, mode.site
        for c, cost in mode.needs[k].options:
            mine = starts(there[c][site] & ~levels[c][-1], spans) & mode.starts
            if not mine:
                continue
            if layers and layers[-1][0] == cost:
                _, mask, options = layers[-1]
                options.append((c, mine))
                layers[-1] = (cost, mask | mine, options)
            else:
                layers.append((cost, mine | (layers[-1][1] if layers else 0), [(c, mine)]))
        return layers

    def _best_of(
        self, visit: GridVisit, mode: GridMode, m: int, layers: list[list[tuple[int, int, list[tuple[int, int]]]]], limit: int, rng: random.Random
    ) -> Place | None:  # fmt: skip
        if not all(layers):
            return None
        best: Place | None = None
        picks = [0] * len(layers)
        while True:
            extra, mask = 0, mode.starts
            for k, pick in enumerate(picks):
                extra += layers[k][pick][0]
                mask &= layers[k][pick][1]
            while mask and extra < limit:
                start = _nearest(visit, mask)
                if extra + visit.delay(start) >= limit:
                    break
                classes = self._assigned(mode, layers, picks, start, rng)
                if classes is not None:
                    paid = sum(dict(n.options)[c] for n, c in zip(mode.needs, classes, strict=True))
                    best = Place(m, start, classes, paid + visit.delay(start))
                    limit = best.cost
                    break
                mask &= ~(1 << start)  # two needs of this visit want the last one of a class
            k = 0
            while k < len(picks) and picks[k] + 1 == len(layers[k]):
                picks[k] = 0
                k += 1
            if k == len(picks):
                return best
            picks[k] += 1

    def _assigned(
        self, mode: GridMode, layers: list[list[tuple[int, int, list[tuple[int, int]]]]], picks: Sequence[int], start: int, rng: random.Random
    ) -> tuple[int, ...] | None:  # fmt: skip
        """A class for each need at this start, the cheapest first, any of those that cost the same."""
        chosen: list[int] = []
        bit = 1 << start
        for k, pick in enumerate(picks):
            options: list[int] = []
            for _, _, mine in layers[k][: pick + 1]:
                options = [c for c, able in mine if able & bit]
                if options:
                    break
            if not options:
                return None
            chosen.append(options[0] if len(options) == 1 else options[int(rng.random() * len(options))])
        if len(set(chosen)) == len(chosen):
            return tuple(chosen)
        return self._apart(mode, layers, picks, start)

    def _apart(
        self, mode: GridMode, layers: list[list[tuple[int, int, list[tuple[int, int]]]]], picks: Sequence[int], start: int
    ) -> tuple[int, ...] | None:  # fmt: skip
        """The same where needs of one visit may want one class: tried in order, each counted before the next."""
        done: list[int] = []

        def go(k: int) -> bool:
            if k == len(picks):
                return True
            one = GridMode(mode.site, (mode.needs[k],), mode.starts)
            for _, _, mine in layers[k][: picks[k] + 1]:
                for c, _ in mine:
                    if self.able(mode, k, c) >> start & 1:
                        place = Place(0, start, (c,), 0)
                        self.add(one, place)
                        done.append(c)
                        fine = go(k + 1)
                        self.drop(one, place)
                        if fine:
                            return True
                        done.pop()
            return False

        return tuple(done) if go(0) else None


def _nearest(visit: GridVisit, mask: int) -> int:
    """The cheapest start in a mask: the first from the wanted one on, or the last before it."""
    later = mask >> visit.wanted
    after = visit.wanted + (later & -later).bit_length() - 1 if later else -1
    sooner = mask & ((1 << visit.wanted) - 1)
    if not sooner:
        return after
    before = sooner.bit_length() - 1
    if after < 0 or visit.early * (visit.wanted - before) < visit.late * (after - visit.wanted):
        return before
    return after


def filled(day: GridDay, order: Sequence[int], rng: random.Random) -> Book:
    """All visits put in one after the other, each at its cheapest place."""
    book = Book(day)
    for i in order:
        place = book.cheapest(i, rng)
        if place is not None:
            book.put(i, place)
    return book


def ruin_and_recreate(
    book: Book, rng: random.Random, *, rounds: int, enough: Callable[[int, int], bool], heat: float = 0.02
) -> list[Place | None]:
    """The best places found in at most ``rounds`` rounds, from the ones of ``book`` (which is changed).

    ``enough``: asked every 32 rounds with the round and the best cost, whether to stop. Annealed from ``heat`` times the first cost down.
    """
    visits = book.day.visits
    cost = book.cost
    best, best_cost = list(book.places), cost
    if not visits:
        return best
    hot, cold = max(2.0, heat * cost), 0.3
    for turn in range(rounds):
        if turn % 32 == 0 and (best_cost == 0 or enough(turn, best_cost)):
            break
        temperature = hot * (cold / hot) ** (turn / rounds)
        out = _out(book, rng)
        before = {i: book.places[i] for i in out}
        old = sum(_paid(visits[i], p) for i, p in before.items())
        for i in out:
            book.take(i)
        _order(out, visits, rng)
        new, ceiling = 0, old - temperature * math.log(1.0 - rng.random())
        for i in out:
            place = book.cheapest(i, rng)
            if place is not None:
                book.put(i, place)
            new += _paid(visits[i], place)
            if new > ceiling:
                break
        if new <= ceiling:
            cost += new - old
            if cost < best_cost:
                best, best_cost = list(book.places), cost
        else:
            for i in out:
                book.take(i)
            for i, place in before.items():
                if place is not None:
                    book.put(i, place)
    return best


def _paid(visit: GridVisit, place: Place | None) -> int:
    return visit.unmet if place is None else place.cost


def _out(book: Book, rng: random.Random) -> list[int]:
    """Some visits around a moment at which somebody waits, and who has no place."""
    visits, places = book.day.visits, book.places
    n = len(visits)
    pivot = int(rng.random() * n)
    for _ in range(3):
        place = places[pivot]
        if place is None or place.cost > 0:
            break
        pivot = int(rng.random() * n)
    at, wanted = places[pivot], visits[pivot].wanted
    moment = wanted if at is None else wanted + rng.random() * (at.start - wanted)
    size = min(n, 2 + int(rng.random() * 8))
    away = [
        (-1.0 if p is None or i == pivot else abs(p.start - moment) * (0.5 + rng.random()), i)
        for i, p in enumerate(places)
    ]
    away.sort()
    return [i for _, i in away[:size]]


def _order(out: list[int], visits: Sequence[GridVisit], rng: random.Random) -> None:
    """The order in which visits go back: by chance, by what delay costs, by when they were wanted, or by how much they need."""
    kind = rng.random()
    rng.shuffle(out)
    if kind < 0.35:
        return
    if kind < 0.6:
        out.sort(key=lambda i: -visits[i].late)
    elif kind < 0.8:
        out.sort(key=lambda i: visits[i].wanted)
    else:
        out.sort(key=lambda i: -visits[i].late / (1 + visits[i].load))
