"""Why a request has no place: sets of reasons against the trial of every smaller set by the plain model."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.scheduling.plain_model import plain

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation import (
    DayProblem,
    Hours,
    Need,
    Placed,
    Reason,
    Resource,
    VisitRequest,
    why_unmet,
)

SURE = 10_000
DOCTOR = Resource("Dr A", "carer", (Hours(0, 60, "north"), Hours(90, 120, "north")), frozenset({"child"}))
OTHER = Resource("Dr B", "carer", (Hours(0, 60, "south"),))


def asks(name: str = "V", minutes: int = 30, **given: object) -> VisitRequest:
    need = Need(
        "carer", ((0, minutes),), frozenset(given.pop("skills", ())), frozenset(given.pop("only", ()))
    )  # type: ignore[call-overload]
    return VisitRequest(name, (need,), 0, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("visit", "kinds"),
    [
        (asks(minutes=70), {"hours"}),
        (asks(earliest=60, latest=80), {"hours", "window"}),
        (asks(skills=["surgery"]), {"skills"}),
        (asks(only=["Dr C"]), {"names"}),
        (asks(skills=["child"], only=["Dr B"]), {"skills", "names"}),
        (asks(sites=frozenset({"south"}), skills=["child"]), {"site", "skills"}),
        (asks(sites=frozenset({"west"})), {"site"}),
    ],
)  # fmt: skip
def test_alone_the_fewest_own_conditions_are_named(visit: VisitRequest, kinds: set[str]) -> None:
    found = why_unmet(DayProblem((DOCTOR, OTHER), (visit,)), "V")
    assert ({r.kind for r in found.because}, found.smallest) == (kinds, True)


def test_fixed_visits_are_a_reason() -> None:
    problem = DayProblem((OTHER,), (asks("F", 45), asks("V", 30)), (Placed("F", 0, ("Dr B",), "south"),))
    assert {r.kind for r in why_unmet(problem, "V").because} == {"hours", "fixed"}


def crowded(seed: int) -> DayProblem:
    rng = np.random.default_rng([7, seed])
    resources = (
        Resource("c0", "carer", (Hours(0, 60),)), Resource("c1", "carer", (Hours(0, 40),)), Resource("r0", "room", (Hours(0, 60),)),
        Resource("r1", "room", (Hours(10, 60),)),
    )  # fmt: skip
    visits = []
    for i in range(5):
        long = int(rng.integers(3, 7)) * 5
        only = frozenset([str(rng.choice(["c0", "c1"]))]) if rng.random() < 0.5 else frozenset()
        needs = (Need("room", ((0, long),)), Need("carer", ((5, long),), only=only))
        latest = int(rng.integers(0, 5)) * 5 if rng.random() < 0.7 else None
        visits.append(VisitRequest(f"v{i}", needs, 0, latest=latest, late=0, early=0, unmet=SURE))
    return DayProblem(resources, tuple(visits))


def possible(problem: DayProblem, visit: str, kept: set[Reason]) -> bool:
    """By the plain model: all of some visits at once, with kinds that are not counted there eight times over."""
    counted = {r.what for r in kept if r.kind == "resource"}
    resources, names = [], {}
    for r in problem.resources:
        names[r.name] = [r.name] + ([] if r.kind in counted else [f"{r.name}-{i}" for i in range(8)])
        resources += [replace(r, name=n) for n in names[r.name]]
    wanted = {visit, *(r.what for r in kept if r.kind == "visit")}
    requests = tuple(
        replace(
            v, needs=tuple(replace(n, only=frozenset(m for x in n.only for m in names[x])) for n in v.needs)
        )
        for v in problem.requests
        if v.name in wanted
    )
    return plain(DayProblem(tuple(resources), requests), 20.0, workers=1).cost < SURE


@pytest.mark.parametrize("seed", range(8))
def test_beside_others_the_set_is_a_reason_and_no_smaller_one_is(seed: int) -> None:
    problem = crowded(seed)
    found = why_unmet(problem, "v0")
    everything = {Reason("visit", f"v{i}") for i in range(1, 5)} | {
        Reason("resource", k) for k in ("carer", "room")
    }
    if any(r.kind not in ("visit", "resource") for r in found.because):
        assert not possible(problem, "v0", {Reason("resource", "carer"), Reason("resource", "room")})
        return
    assert found.smallest
    if not found.because:
        assert possible(problem, "v0", everything)
        return
    assert not possible(problem, "v0", set(found.because))
    for some in itertools.combinations(sorted(everything, key=str), len(found.because) - 1):
        assert possible(problem, "v0", set(some)), some


def test_some_drawn_days_do_have_several_reasons() -> None:
    sizes = [len(why_unmet(crowded(seed), "v0").because) for seed in range(8)]
    assert max(sizes) >= 3, "the days above would not try the search"


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = DayProblem((OTHER,), (asks("F", 45), asks("V", 30)), (Placed("F", 0, ("Dr B",), "south"),))
    for name, code in (("nobody", "unknown-visit"), ("F", "fixed-visit")):
        with pytest.raises(CannotTell, match=code):
            why_unmet(problem, name)
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(CannotTell, match="missing-extra"):
        why_unmet(DayProblem((OTHER,), (asks("A", 45), asks("V", 30))), "V")
