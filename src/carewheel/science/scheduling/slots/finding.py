"""Free slots: where all that a visit needs is free at once, the first ones, those of a day, or the cheapest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bits import block, starts
from carewheel.science.scheduling.allocation.problem import Need
from carewheel.science.scheduling.slots.calendar import DAY, Bookable, Calendar

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A start that is free, with a resource for each need in order. ``cost``: of the ranking, else the extra cost of the resources."""

    day: int
    minute: int
    site: str
    resources: tuple[str, ...]
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Preference:
    """What a start costs a patient: ``late``, ``early`` a day after, before ``day``; ``off`` an hour away from ``minute``.

    ``price`` (steps of the calendar): anything on top, such as the expected waiting and idling that a start brings.
    """

    day: int
    minute: int
    late: float = 1.0
    early: float = 1.0
    off: float = 0.0
    price: ArrayLike | None = None

    def __post_init__(self) -> None:
        if self.day < 0 or not 0 <= self.minute < DAY or min(self.late, self.early, self.off) < 0:
            raise CannotTell("preference", {"day": self.day, "minute": self.minute}, "give a day, a minute of it, and costs of nought or more")  # fmt: skip


class Search:
    """Needs of one visit type, checked once, looked for in parts of a calendar."""

    def __init__(self, calendar: Calendar, needs: Sequence[Need]) -> None:
        if not needs:
            raise CannotTell("no-needs", {}, "say what the visit needs, such as a practitioner")
        self.calendar, self.needs = calendar, tuple(needs)
        kinds = {r.kind for r in calendar.resources.values()}
        self.spans: list[Spans] = []
        for need in needs:
            if need.kind not in kinds:
                raise CannotTell("missing-resource", {"kind": need.kind}, "add a resource of this kind")
            if any(m % calendar.step for span in need.spans for m in span):
                raise CannotTell("off-grid", {"kind": need.kind, "step": calendar.step}, "give spans in multiples of the step")  # fmt: skip
            self.spans.append(tuple((a // calendar.step, b // calendar.step) for a, b in need.spans))
        self.length = max(b for spans in self.spans for _, b in spans)
        # The cheapest first, so that the first one free is the one to take.
        self.able = [
            sorted((r for r in calendar.resources.values() if _serves(r, need)), key=lambda r, k=k: self.extra(k, r.name))  # type: ignore[misc]
            for k, need in enumerate(needs)
        ]  # fmt: skip
        # Needs that may want one resource at one time: a start that is free for each may not be so for all.
        self.clash = any(
            _meet(self.spans[i], self.spans[j]) and {r.name for r in self.able[i]} & {r.name for r in self.able[j]}
            for i in range(len(needs)) for j in range(i)
        )  # fmt: skip
        self.paid = any(need.extra or need.otherwise for need in needs)

    def part(self, earliest: int, latest: int) -> Part:
        """Starts at steps ``earliest`` to ``latest`` - 1."""
        return Part(self, max(earliest, 0), min(latest, self.calendar.days * self.calendar.per_day))

    def between(self, earliest: int, latest: int) -> Iterator[Slot]:
        """Slots whose start lies at steps ``earliest`` to ``latest`` - 1, in order of time; looked for in ever longer parts."""
        at, long = max(earliest, 0), 2 * self.calendar.per_day
        while at < latest:
            yield from self.part(at, min(at + long, latest)).slots()
            at += long
            long *= 3

    def extra(self, k: int, name: str) -> int:
        """What a resource costs on top for need ``k``."""
        need = self.needs[k]
        return dict(need.extra).get(name, need.otherwise) if need.extra or need.otherwise else 0


class Part:
    """The starts in a part of a calendar as it is now; bit 0 is its first step."""

    def __init__(self, search: Search, first: int, last: int) -> None:
        self.search, self.first, self.size = search, first, max(last - first, 0)
        self.sites: dict[str, tuple[int, list[list[tuple[str, int]]]]] = {}
        if self.size:
            for site in search.calendar.sites:
                together, options = self._options(site)
                if together:
                    self.sites[site] = together, options

    def _options(self, site: str) -> tuple[int, list[list[tuple[str, int]]]]:
        """Starts at which each need has somebody, and by need the starts of each resource that has any, the cheapest first."""
        search, free, found = self.search, self.search.calendar.free, []
        together, window = block(0, self.size), block(0, self.size + search.length)
        for able, spans in zip(search.able, search.spans, strict=True):
            options, some = [], 0
            for r in able:
                open_ = free[r.name].get(site, 0) >> self.first & window
                mine = starts(open_, spans) & together if open_ else 0
                if mine:
                    options.append((r.name, mine))
                    some |= mine
            together &= some
            found.append(options)
            if not together:
                return 0, []
        return together, found

    def slots(self) -> Iterator[Slot]:
        """All of them, in order of time."""
        left = {site: mask for site, (mask, _) in self.sites.items()}
        while left:
            site = min(left, key=lambda s: left[s] & -left[s]) if len(left) > 1 else next(iter(left))
            low = left[site] & -left[site]
            left[site] ^= low
            if not left[site]:
                del left[site]
            slot = self.at(site, low)
            if slot is not None:
                yield slot

    def at(self, site: str, bit: int) -> Slot | None:
        """The slot at a start, with the cheapest resources; None where needs of the visit want the same one."""
        search, chosen = self.search, self.names(site, bit)
        if chosen is None:
            return None
        paid = float(sum(search.extra(k, name) for k, name in enumerate(chosen))) if search.paid else 0.0
        day, minute = search.calendar.moment(self.first + bit.bit_length() - 1)
        return Slot(day, minute, site, chosen, paid)

    def names(self, site: str, bit: int) -> tuple[str, ...] | None:
        """The resources of the slot at a start alone."""
        if self.search.clash:
            return self._apart([[n for n, mine in options if mine & bit] for options in self.sites[site][1]])
        names = []
        for options in self.sites[site][1]:
            for name, mine in options:
                if mine & bit:
                    names.append(name)
                    break
        return tuple(names)

    def _apart(self, options: list[list[str]]) -> tuple[str, ...] | None:
        """The cheapest choice in which needs that meet take different resources."""
        search = self.search
        best: tuple[int, tuple[str, ...]] | None = None

        def go(k: int, paid: int, chosen: tuple[str, ...]) -> None:
            nonlocal best
            if best is not None and paid >= best[0]:
                return
            if k == len(options):
                best = (paid, chosen)
                return
            for name in options[k]:
                if not any(
                    other == name and _meet(search.spans[k], search.spans[j])
                    for j, other in enumerate(chosen)
                ):
                    go(k + 1, paid + search.extra(k, name), (*chosen, name))

        go(0, 0, ())
        return None if best is None else best[1]

    def cheapest(self, count: int, preference: Preference) -> list[Slot]:
        """The ``count`` starts that cost least under a preference, the earlier of equals first."""
        cal, search = self.search.calendar, self.search
        price = None
        if preference.price is not None:
            price = np.asarray(preference.price, dtype=np.float64)
            if price.shape != (cal.days * cal.per_day,) or not np.all(np.isfinite(price)):
                raise CannotTell(
                    "price", {"needed": cal.days * cal.per_day, "shape": str(price.shape)}, "give one finite price a step"
                )  # fmt: skip
        every: list[tuple[float, int, str]] = []
        for site, (mask, options) in self.sites.items():
            at = _positions(mask, self.size)
            step = at + self.first
            away, minute = step // cal.per_day - preference.day, step % cal.per_day * cal.step
            whole = np.where(away > 0, preference.late * away, -preference.early * away)
            whole = whole + preference.off * np.abs(minute - preference.minute) / 60
            if price is not None:
                whole += price[step]
            for k, names in enumerate(options):
                if search.needs[k].extra or search.needs[k].otherwise:
                    least = np.full(self.size, np.inf)
                    for name, mine in reversed(names):  # the cheapest last
                        least[_positions(mine, self.size)] = search.extra(k, name)
                    whole += least[at]
            some = np.argsort(whole, kind="stable")
            # With needs that may clash a start may fall out or cost more than its needs one by one.
            kept = some if search.clash else some[:count]
            every += zip(whole[kept].tolist(), at[kept].tolist(), [site] * kept.size, strict=True)
        every.sort(key=lambda one: one[:2])
        found: list[Slot] = []
        for cost, start, site in every:
            if len(found) >= count and cost > found[count - 1].cost:
                break
            slot = self.at(site, 1 << start)
            if slot is not None:
                found.append(replace(slot, cost=self._told(slot, preference, price, self.first + start)))
                found.sort(key=lambda s: (s.cost, s.day, s.minute))
        return found[:count]

    def _told(self, slot: Slot, p: Preference, price: NDArray[np.float64] | None, step: int) -> float:
        away = slot.day - p.day
        own = p.late * away if away > 0 else -p.early * away
        own += p.off * abs(slot.minute - p.minute) / 60 + slot.cost
        return own + (float(price[step]) if price is not None else 0.0)


def first_slots(
    calendar: Calendar, needs: Sequence[Need], count: int, *, day: int = 0, minute: int = 0
) -> list[Slot]:
    """The first ``count`` free slots from a minute of a day on. Raises `CannotTell` for needs that the calendar does not know.

    >>> from carewheel.science.scheduling.slots import Bookable, Span
    >>> hours = (Span(0, 540, 600),)
    >>> calendar = Calendar(1, [Bookable("A", "carer", hours, (Span(0, 540, 560),)), Bookable("1", "room", hours)])
    >>> needs = (Need("room", ((0, 30),)), Need("carer", ((10, 30),)))
    >>> [(slot.minute, slot.resources) for slot in first_slots(calendar, needs, 2)]
    [(550, ('1', 'A')), (555, ('1', 'A'))]
    """
    _positive(count)
    found: list[Slot] = []
    for slot in Search(calendar, needs).between(calendar.at(day, minute), calendar.days * calendar.per_day):
        found.append(slot)
        if len(found) == count:
            break
    return found


def day_slots(calendar: Calendar, needs: Sequence[Need], day: int) -> list[Slot]:
    """All free slots that start on a day."""
    if not 0 <= day < calendar.days:
        raise CannotTell("day-beyond", {"day": day, "days": calendar.days}, "give a day of the calendar")
    return list(Search(calendar, needs).part(calendar.at(day, 0), calendar.at(day + 1, 0)).slots())


def ranked_slots(
    calendar: Calendar, needs: Sequence[Need], count: int, preference: Preference, *, day: int = 0, minute: int = 0
) -> list[Slot]:  # fmt: skip
    """The ``count`` free slots that cost least: by preference, extra cost of resources and expected cost of the start."""
    _positive(count)
    part = Search(calendar, needs).part(calendar.at(day, minute), calendar.days * calendar.per_day)
    return part.cheapest(count, preference)


def _positive(count: int) -> None:
    if count < 1:
        raise CannotTell("count", {"count": count}, "ask for one slot at least")


def _serves(resource: Bookable, need: Need) -> bool:
    return (
        resource.kind == need.kind
        and need.skills <= resource.skills
        and (not need.only or resource.name in need.only)
    )


def _meet(one: Spans, other: Spans) -> bool:
    return any(a < d and c < b for a, b in one for c, d in other)


def _positions(mask: int, size: int) -> NDArray[np.int64]:
    raw = np.frombuffer(mask.to_bytes(size // 8 + 1, "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(raw, bitorder="little"))
