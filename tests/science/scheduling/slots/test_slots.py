"""Free slots and waitlist: the same as a scan minute by minute, on calendars of every kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation import Need
from carewheel.science.scheduling.slots import (
    Bookable,
    Calendar,
    Preference,
    Slot,
    Span,
    Waiting,
    day_slots,
    first_slots,
    ranked_slots,
    waitlist_fit,
)

DAYS = 3
# Hours stand on minutes 0 to 240 of a day, so that the scan stays small.
MINUTE = st.integers(0, 240)


@st.composite
def spans(draw: st.DrawFn, sites: bool) -> Span:
    a, b = sorted((draw(MINUTE), draw(MINUTE)))
    site = draw(st.sampled_from(["", "south"])) if sites else ""
    return Span(draw(st.integers(0, DAYS - 1)), a, b + 1, site)


@st.composite
def calendars(draw: st.DrawFn) -> list[Bookable]:
    found = []
    for kind in ("carer", "room"):
        for i in range(draw(st.integers(1, 3))):
            hours = draw(st.lists(spans(True), min_size=1, max_size=5))
            away = draw(st.lists(spans(False), max_size=5))
            skills = frozenset(draw(st.sets(st.sampled_from(["child", "implant"]))))
            found.append(Bookable(f"{kind} {i}", kind, tuple(hours), tuple(away), skills))
    return found


@st.composite
def visit_needs(draw: st.DrawFn) -> list[Need]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        cuts = sorted(draw(st.sets(st.integers(0, 12), min_size=2, max_size=4)))
        cuts = cuts[: len(cuts) // 2 * 2]
        found.append(Need(
            draw(st.sampled_from(["carer", "room"])),
            tuple((5 * a, 5 * b) for a, b in zip(cuts[::2], cuts[1::2], strict=True)),
            skills=frozenset(draw(st.sets(st.just("child")))),
            extra=draw(st.sampled_from([(), (("carer 0", 3),)])), otherwise=draw(st.integers(0, 2)),
        ))  # fmt: skip
    return found


def free_minutes(resources: list[Bookable]) -> dict[tuple[str, str], set[int]]:
    """By resource and site the free steps, each found by looking at its minutes: of hours whole steps, of absence any touch."""
    found = {}
    for r in resources:
        gone = {(s.day, m) for s in r.away for m in range(s.start, s.end)}
        for site in ("", "south"):
            mine = set()
            for day in range(DAYS):
                for step in range(288):
                    minutes = range(step * 5, step * 5 + 5)
                    inside = any(
                        h.day == day and h.site == site and h.start <= minutes[0] and minutes[-1] < h.end
                        for h in r.hours
                    )
                    if inside and not any((day, m) in gone for m in minutes):
                        mine.add(day * 288 + step)
            found[r.name, site] = mine
    return found


def by_scan(resources: list[Bookable], needs: list[Need]) -> Iterator[tuple[int, str, float]]:
    """Every free start, site and least extra cost, by trying each choice of resources at each step."""
    free = free_minutes(resources)
    for step in range(DAYS * 288):
        for site in ("", "south"):
            best = None
            able = []
            for need in needs:
                taken = [step + t for a, b in need.spans for t in range(a // 5, b // 5)]
                able.append([
                    (r.name, taken) for r in resources
                    if r.kind == need.kind and need.skills <= r.skills and all(t in free[r.name, site] for t in taken)
                ])  # fmt: skip
            for choice in itertools.product(*able):
                used = [(name, t) for name, taken in choice for t in taken]
                if len(set(used)) == len(used):
                    cost = sum(
                        dict(n.extra).get(name, n.otherwise)
                        for n, (name, _) in zip(needs, choice, strict=True)
                    )
                    best = cost if best is None else min(best, cost)
            if best is not None:
                yield step, site, best


@settings(max_examples=60, deadline=None)
@given(calendars(), visit_needs())
def test_slots_are_those_that_a_scan_finds(resources: list[Bookable], needs: list[Need]) -> None:
    calendar = Calendar(DAYS, resources)
    truth = list(by_scan(resources, needs))
    told = [s for day in range(DAYS) for s in day_slots(calendar, needs, day)]
    assert sorted((s.day * 288 + s.minute // 5, s.site, s.cost) for s in told) == sorted(truth)
    first = first_slots(calendar, needs, 7)
    assert [s.day * 288 + s.minute // 5 for s in first] == [step for step, _, _ in truth[:7]]
    wish = Preference(1, 60, late=2.0, early=5.0, off=1.0)
    ranked = ranked_slots(calendar, needs, 9, wish)

    def cost(step: int, extra: float) -> float:
        day, minute = step // 288, step % 288 * 5
        return 2.0 * max(day - 1, 0) + 5.0 * max(1 - day, 0) + abs(minute - 60) / 60 + extra

    assert np.allclose([s.cost for s in ranked], sorted(cost(step, extra) for step, _, extra in truth)[:9])


@settings(max_examples=60, deadline=None)
@given(calendars(), st.lists(spans(False), max_size=6))
def test_booking_takes_away_and_releasing_gives_back(resources: list[Bookable], wanted: list[Span]) -> None:
    calendar = Calendar(DAYS, resources)
    before = {name: dict(sites) for name, sites in calendar.free.items()}
    booked = []
    for span in wanted:
        try:
            calendar.book("carer 0", span)
        except CannotTell:
            continue
        booked.append(span)
        with pytest.raises(CannotTell, match="taken"):
            calendar.book("carer 0", span)
    for span in booked:
        calendar.release("carer 0", span)
    assert calendar.free == before


def test_the_price_of_a_start_moves_the_ranking() -> None:
    calendar = Calendar(1, [Bookable("A", "carer", (Span(0, 540, 600),))])
    price = np.zeros(288)
    price[540 // 5] = 10.0
    best = ranked_slots(calendar, [Need("carer", ((0, 20),))], 1, Preference(0, 540, off=1.0, price=price))
    assert best == [Slot(0, 545, "", ("A",), pytest.approx(5 / 60))]


@pytest.mark.parametrize("asks", [None, 1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_asking_is_worth_most_of_all_orders(seed: int, asks: int | None) -> None:
    rng = np.random.default_rng(seed)
    calendar = Calendar(1, [Bookable("A", "carer", (Span(0, 540, 600),))])
    waiting = [
        Waiting(f"w{i}", (Need("carer", ((0, int(rng.integers(2, 15)) * 5),)),), float(rng.uniform(0.5, 2)), float(rng.uniform(0, 1)))
        for i in range(5)
    ]  # fmt: skip
    told = waitlist_fit(calendar, Span(0, 540, 600), waiting, asks)
    fitting = [w for w in waiting if w.minutes <= 60]

    def worth(order: tuple[Waiting, ...]) -> float:
        value, reached = 0.0, 1.0
        for w in order:
            value += reached * w.accepts * w.urgency * w.minutes
            reached *= 1 - w.accepts
        return value

    most = len(fitting) if asks is None else min(asks, len(fitting))
    best = max(worth(order) for k in range(most + 1) for order in itertools.permutations(fitting, k))
    assert sum(f.reached * f.accepts * f.value for f in told) == pytest.approx(best)
    assert len(told) <= most


def test_who_does_not_fit_or_does_not_like_it_is_not_asked() -> None:
    calendar = Calendar(1, [Bookable("A", "carer", (Span(0, 540, 660),), (Span(0, 600, 660),))])
    short, long = (Need("carer", ((0, 30),)),), (Need("carer", ((0, 90),)),)
    waiting = [
        Waiting("long", long), Waiting("afternoon", short, prefers=(Span(0, 720, 900),)), Waiting("late", short, accepts=0.5, prefers=(Span(0, 565, 660),)),
        Waiting("likes", short, accepts=0.5, prefers=(Span(0, 550, 600),)), Waiting("never", short, accepts=0.0),
    ]  # fmt: skip
    fits = waitlist_fit(calendar, Span(0, 540, 660), waiting)
    assert [(f.name, f.slot.minute, f.reached) for f in fits] == [("late", 565, 1.0), ("likes", 550, 0.5)]


HOURS = (Span(0, 0, 60),)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Span(0, -5, 10), "span"),
        (lambda: Span(-1, 5, 10), "span"),
        (lambda: Span(0, 10, 10), "span"),
        (lambda: Calendar(0, []), "days"),
        (lambda: Calendar(1, []), "no-resources"),
        (lambda: Calendar(1, [Bookable("A", "carer", ())]), "zero-capacity"),
        (lambda: Calendar(1, [Bookable("A", "carer", HOURS)] * 2), "name-twice"),
        (lambda: Calendar(1, [Bookable("A", "carer", (Span(1, 0, 60),))]), "day-beyond"),
        (lambda: Calendar(1, [Bookable("A", "carer", HOURS)], step=7), "step"),
        (lambda: first_slots(Calendar(1, [Bookable("A", "carer", HOURS)]), [Need("room", ((0, 5),))], 1), "missing-resource"),
        (lambda: first_slots(Calendar(1, [Bookable("A", "carer", HOURS)]), [Need("carer", ((0, 3),))], 1), "off-grid"),
        (lambda: first_slots(Calendar(1, [Bookable("A", "carer", HOURS)]), [], 1), "no-needs"),
        (lambda: first_slots(Calendar(1, [Bookable("A", "carer", HOURS)]), [Need("carer", ((0, 5),))], 0), "count"),
        (lambda: Calendar(1, [Bookable("A", "carer", HOURS)]).book("B", Span(0, 0, 5)), "missing-resource"),
        (lambda: Preference(0, 0, late=-1.0), "preference"),
        (lambda: Waiting("A", (Need("carer", ((0, 5),)),), accepts=1.2), "accepts"),
        (lambda: Waiting("A", (Need("carer", ((0, 5),)),), urgency=0.0), "urgency"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_remedy(make, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CannotTell) as refusal:
        make()
    assert refusal.value.code == code
    assert refusal.value.remedy
