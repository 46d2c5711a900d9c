"""Plans of a day: against CP-SAT's own optimum on small days of every kind, and walked over minute by minute."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from benchmarks.scheduling.drawn_days import drawn_day
from benchmarks.scheduling.plain_model import faults, plain

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation import (
    DayProblem,
    Hours,
    Need,
    Placed,
    Resource,
    VisitRequest,
    allocate,
)

EASY = Need("chair", ((0, 30),))


def small_day(seed: int) -> DayProblem:
    """Few visits with all that the model knows: sites, skills, names, extra costs, two spans, two of a kind, breaks, something fixed."""
    rng = np.random.default_rng([20261126, seed])
    sites = ("north", "south")[: int(rng.integers(1, 3))]
    resources = []
    for kind, count in (("carer", 3), ("chair", 2), ("nurse", 2)):
        for i in range(int(rng.integers(1, count + 1))):
            hours = [
                Hours(0, 60, str(rng.choice(sites))),
                Hours(int(rng.integers(13, 16)) * 5, 120, str(rng.choice(sites))),
            ]
            skills = frozenset(s for s in ("implant", "child") if rng.random() < 0.6)
            resources.append(Resource(f"{kind} {i}", kind, tuple(hours[: int(rng.integers(1, 3))]), skills))
    names = [r.name for r in resources if r.kind == "carer"]
    requests = []
    for i in range(int(rng.integers(3, 8))):
        long = int(rng.integers(2, 7)) * 5
        needs = [Need("chair", ((0, long),))]
        spans = ((0, 10), (long, long + 5)) if rng.random() < 0.3 else ((5, long),)
        needs.append(Need(
            "carer", spans, skills=frozenset(["child"] if rng.random() < 0.2 else []),
            only=frozenset(map(str, rng.choice(names, 2))) if rng.random() < 0.3 else frozenset(),
            extra=((str(rng.choice(names)), 0),) if rng.random() < 0.5 else (), otherwise=int(rng.integers(0, 4)),
        ))  # fmt: skip
        needs += [Need("nurse", ((0, 10),))] * int(rng.integers(0, 3))
        wanted = int(rng.integers(0, 16)) * 5
        earliest = int(rng.integers(0, wanted // 5 + 1)) * 5
        latest = wanted + int(rng.integers(0, 9)) * 5 if rng.random() < 0.5 else None
        requests.append(VisitRequest(
            f"visit {i}", tuple(needs), wanted, earliest, latest, late=int(rng.integers(0, 4)), early=int(rng.integers(0, 4)),
            unmet=int(rng.integers(5, 60)), sites=frozenset([sites[0]] if rng.random() < 0.3 else []),
        ))  # fmt: skip
    fixed: tuple[Placed, ...] = ()
    if rng.random() < 0.4:
        one = requests[0]
        by = [next((r.name for r in resources if r.kind == n.kind), "") for n in one.needs[:2]]
        requests[0] = VisitRequest(one.name, one.needs[:2], one.wanted)
        fixed = (Placed(one.name, int(rng.integers(0, 9)) * 5, tuple(by), sites[0]),)
    if not any(r.kind == "nurse" for r in resources):
        requests = [
            VisitRequest(v.name, v.needs[:2], v.wanted, v.earliest, v.latest, v.late, v.early, v.unmet)
            for v in requests
        ]
    return DayProblem(tuple(resources), tuple(requests), fixed)


@pytest.mark.parametrize("seed", range(60))
def test_a_small_day_costs_what_cp_sat_proves(seed: int) -> None:
    problem = small_day(seed)
    plan = allocate(problem, proof=True)
    assert faults(problem, plan) == []
    truth = plain(problem, 20.0, workers=1)
    assert truth.cost == truth.bound, "CP-SAT did not finish"
    assert (plan.cost, plan.proved) == (truth.cost, True)


@pytest.mark.parametrize("seed", range(40))
def test_without_the_solver_the_bound_is_still_true(seed: int) -> None:
    problem = small_day(seed)
    plan = allocate(problem, proof=False)
    best = allocate(problem, proof=True)
    assert faults(problem, plan) == []
    assert plan.bound <= best.cost <= plan.cost


@pytest.mark.parametrize("visits", [20, 40])
def test_a_drawn_dental_day_is_proved_and_holds(visits: int) -> None:
    problem = drawn_day(visits, 7)
    plan = allocate(problem)
    assert faults(problem, plan) == []
    assert plan.proved


def test_what_is_fixed_stays_and_the_others_go_around_it() -> None:
    problem = drawn_day(20, 1)
    first = allocate(problem)
    kept = first.placed[:8]
    again = allocate(DayProblem(problem.resources, problem.requests, kept))
    assert again.placed[:8] == kept
    assert faults(DayProblem(problem.resources, problem.requests, kept), again) == []
    late = sum(
        problem.requests[i].late * (p.start - problem.requests[i].wanted) // 5 for i, p in enumerate(kept)
    )
    assert again.cost == first.cost - late, "with the best places kept, the rest costs what it cost"


def test_the_same_seed_gives_the_same_plan() -> None:
    assert allocate(drawn_day(40, 2), seed=3) == allocate(drawn_day(40, 2), seed=3)


CHAIR = Resource("chair", "chair", (Hours(0, 60),))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Hours(-5, 10), "hours"),
        (lambda: Hours(10, 10), "hours"),
        (lambda: Need("chair", ()), "spans"),
        (lambda: Need("chair", ((-5, 5),)), "spans"),
        (lambda: Need("chair", ((0, 10), (5, 15))), "spans-overlap"),
        (lambda: Need("chair", ((0, 10),), otherwise=-1), "negative-cost"),
        (lambda: VisitRequest("A", (), 0), "no-needs"),
        (lambda: VisitRequest("A", (EASY,), -5), "times"),
        (lambda: VisitRequest("A", (EASY,), 0, 10, 5), "times"),
        (lambda: VisitRequest("A", (EASY,), 0, unmet=-1), "negative-cost"),
        (lambda: DayProblem((), ()), "no-resources"),
        (lambda: DayProblem((Resource("chair", "chair", ()),), ()), "zero-capacity"),
        (lambda: DayProblem((CHAIR, CHAIR), ()), "name-twice"),
        (lambda: DayProblem((CHAIR,), (), step=0), "step"),
        (lambda: DayProblem((CHAIR,), (VisitRequest("A", (Need("laser", ((0, 5),)),), 0),)), "missing-resource"),
        (lambda: DayProblem((CHAIR,), (VisitRequest("A", (EASY,), 3),)), "off-grid"),
        (lambda: DayProblem((CHAIR,), (), (Placed("A", 0, ("chair",)),)), "unknown-visit"),
        (lambda: allocate(DayProblem((CHAIR,), ()), seconds=1.0), "no-clock"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_remedy(make, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CannotTell) as refusal:
        make()
    assert refusal.value.code == code
    assert refusal.value.remedy


def test_two_fixed_visits_on_one_chair_are_refused() -> None:
    asks = tuple(VisitRequest(name, (EASY,), 0) for name in "AB")
    with pytest.raises(CannotTell, match="fixed-clash"):
        allocate(DayProblem((CHAIR,), asks, (Placed("A", 0, ("chair",)), Placed("B", 25, ("chair",)))))


def test_a_proof_without_the_extra_is_refused_and_a_plan_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    problem = drawn_day(20, 1)
    with pytest.raises(CannotTell, match="missing-extra"):
        allocate(problem, proof=True)
    assert faults(problem, allocate(problem)) == []
