"""The plain CP-SAT model of a day: an interval for each resource that may serve a need, and no more thought than that.

The peer of the benchmark and, on small days, the judge of the tests: it shares no code with the planner but the problem's types.
"""

from __future__ import annotations

from typing import NamedTuple

from ortools.sat.python import cp_model

from carewheel.science.scheduling.allocation import DayPlan, DayProblem


class Answer(NamedTuple):
    """Cost of the best plan, or infinity, the bound, and seconds."""

    cost: float
    bound: float
    seconds: float


def plain(problem: DayProblem, seconds: float, workers: int = 2) -> Answer:
    """What CP-SAT finds in the time given."""
    model, step = cp_model.CpModel(), problem.step
    taken: dict[str, list[cp_model.IntervalVar]] = {r.name: [] for r in problem.resources}
    costs: list[cp_model.LinearExprT] = []
    fixed = {p.visit: p for p in problem.fixed}
    asked = {v.name: v for v in problem.requests}
    for placed in problem.fixed:
        for name, need in zip(placed.resources, asked[placed.visit].needs, strict=True):
            for a, b in need.spans:
                begin = (placed.start + a) // step
                taken[name].append(model.new_fixed_size_interval_var(begin, (b - a) // step, ""))
    for visit in problem.requests:
        if visit.name in fixed:
            continue
        start, given = model.new_int_var(0, problem.horizon, ""), model.new_bool_var("")
        late, early = model.new_int_var(0, problem.horizon, ""), model.new_int_var(0, problem.horizon, "")
        wanted = visit.wanted // step
        model.add(late >= start - wanted).only_enforce_if(given)
        model.add(early >= wanted - start).only_enforce_if(given)
        model.add(start * step >= visit.earliest).only_enforce_if(given)
        if visit.latest is not None:
            model.add(start * step <= visit.latest).only_enforce_if(given)
        costs += [visit.late * late, visit.early * early, visit.unmet * (1 - given)]
        sites = {
            h.site: model.new_bool_var("") for r in problem.resources for h in r.hours
            if not visit.sites or h.site in visit.sites
        }  # fmt: skip
        model.add(sum(sites.values()) == given)
        for need in visit.needs:
            chosen = []
            for r in problem.resources:
                if (
                    r.kind != need.kind
                    or not need.skills <= r.skills
                    or (need.only and r.name not in need.only)
                ):
                    continue
                for site, here in sites.items():
                    hours = [h for h in r.hours if h.site == site]
                    if not hours:
                        continue
                    mine = model.new_bool_var("")
                    model.add_implication(mine, here)
                    chosen.append(mine)
                    costs.append(dict(need.extra).get(r.name, need.otherwise) * mine)
                    for a, b in need.spans:
                        taken[r.name].append(
                            model.new_optional_fixed_size_interval_var(
                                start + a // step, (b - a) // step, mine, ""
                            )
                        )
                        inside = [model.new_bool_var("") for _ in hours]
                        for h, within in zip(hours, inside, strict=True):
                            model.add(start * step + a >= h.start).only_enforce_if(within)
                            model.add(start * step + b <= h.end).only_enforce_if(within)
                        model.add_bool_or(inside).only_enforce_if(mine)
            model.add(sum(chosen) == given)
    for intervals in taken.values():
        model.add_no_overlap(intervals)
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return Answer(
        solver.objective_value if found else float("inf"), solver.best_objective_bound, solver.wall_time
    )


def faults(problem: DayProblem, plan: DayPlan) -> list[str]:
    """What is wrong with a plan: told by a walk over its minutes. Its cost is counted again."""
    asked, there = {v.name: v for v in problem.requests}, {r.name: r for r in problem.resources}
    fixed = {p.visit for p in problem.fixed}
    found: list[str] = []
    busy: set[tuple[str, int]] = set()
    cost = sum(asked[name].unmet for name in plan.unmet)
    for placed in plan.placed:
        visit = asked[placed.visit]
        late, early = max(placed.start - visit.wanted, 0), max(visit.wanted - placed.start, 0)
        if placed.visit not in fixed:
            cost += (visit.late * late + visit.early * early) // problem.step
            if placed.start < visit.earliest or (visit.latest is not None and placed.start > visit.latest):
                found.append(f"{placed.visit} outside its window")
            if visit.sites and placed.site not in visit.sites:
                found.append(f"{placed.visit} at another site")
        for name, need in zip(placed.resources, visit.needs, strict=True):
            r = there[name]
            if placed.visit not in fixed:
                cost += dict(need.extra).get(name, need.otherwise)
                if (
                    r.kind != need.kind
                    or not need.skills <= r.skills
                    or (need.only and name not in need.only)
                ):
                    found.append(f"{name} cannot serve {placed.visit}")
            for a, b in need.spans:
                begin, end = placed.start + a, placed.start + b
                if placed.visit not in fixed and not any(
                    h.start <= begin and end <= h.end and h.site == placed.site for h in r.hours
                ):
                    found.append(f"{name} is not there for {placed.visit}")
                for minute in range(begin, end):
                    if (name, minute) in busy:
                        found.append(f"{name} twice at {minute}")
                    busy.add((name, minute))
    if sorted([p.visit for p in plan.placed] + list(plan.unmet)) != sorted(asked):
        found.append("not every request is told of")
    if cost != plan.cost:
        found.append(f"costs {cost}, not {plan.cost}")
    return found
