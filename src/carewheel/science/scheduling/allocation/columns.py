"""The time-indexed model: a column for each visit, start and option, solved by HiGHS on the columns that a better plan can have.

Under the prices of a bound a column has a reduced cost; a plan of cost z has none with more than z - bound. So few columns are
left, and what is best among them is best at all as soon as its cost lets no other column in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bound import Bound, Relaxation
from carewheel.science.scheduling.allocation.search import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solved:
    """``places`` None where no plan was found among the columns; ``lower``: no plan of these columns costs less."""

    places: list[Place | None] | None
    lower: float
    columns: int


def highs() -> Any:
    """The solver, or a refusal where the extra is missing."""
    try:
        import highspy  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as missing:
        raise CannotTell(
            "missing-extra", {"package": "highspy"}, "pip install 'carewheel[solve]', or plan without proof"
        ) from missing
    return highspy


class Columns:
    """Columns of a relaxation with their reduced costs, at the prices of a bound."""

    def __init__(self, relaxation: Relaxation, bound: Bound) -> None:
        self.relaxation, self.bound = relaxation, bound
        r = relaxation
        self.options, self.whole = r.priced(bound.prices)
        self.lowest = np.minimum.reduceat(self.options, r.first_of_need, axis=0)
        cheapest = self.whole.min(axis=1)
        least = np.minimum(np.minimum.reduceat(cheapest, r.first_of_visit), r.unmet)
        self.reduced = self.whole - least[r.visit_of_mode][:, None]
        self.absent = r.unmet - least

    def solved(self, slack: float, *, seconds: float | None, nodes: int, seed: int) -> Solved:
        """The best plan whose columns all have a reduced cost of at most ``slack``."""
        highspy = highs()
        r = self.relaxation
        model = _Model(r)
        for v in np.flatnonzero(self.absent <= slack):
            model.add(int(v), -1, 0, {}, float(r.unmet[v]), [], None)
        for m, start in zip(*np.nonzero(self.reduced <= slack), strict=True):
            self._columns_of(model, int(m), int(start), slack)
        if not model.costs:
            return Solved(None, np.inf, 0)
        solver = highspy.Highs()
        for name, value in {
            "output_flag": False, "threads": 1, "random_seed": seed, "mip_max_nodes": nodes, "mip_rel_gap": 0.0,
            "mip_abs_gap": 0.999,  # costs are whole: less than one apart is equal
        }.items():  # fmt: skip
            solver.setOptionValue(name, value)
        if seconds is not None:
            solver.setOptionValue("time_limit", max(seconds, 0.01))
        solver.passModel(model.program(highspy))
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        if status == highspy.HighsModelStatus.kInfeasible:
            return Solved(None, np.inf, len(model.costs))
        lower = float(info.mip_dual_bound) + r.never
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return Solved(None, lower, len(model.costs))
        return Solved(model.places(np.array(solver.getSolution().col_value) > 0.5), lower, len(model.costs))

    def _columns_of(self, model: _Model, m: int, start: int, slack: float) -> None:
        """Columns of a mode at a start: one an option of the need with most of them, linked to those of other needs with several."""
        r = self.relaxation
        open_ = []
        for k in range(r.first_of_mode[m], model.need_of_mode_ends[m]):
            ids = np.arange(r.first_of_need[k], model.option_ends[k])
            over = self.options[ids, start] - self.lowest[k, start] + self.reduced[m, start]
            open_.append([int(o) for o in ids[over <= slack + 1e-9]])
        main = max(range(len(open_)), key=lambda k: len(open_[k]))
        single = {k: os[0] for k, os in enumerate(open_) if k != main and len(os) == 1}
        several = [k for k, os in enumerate(open_) if k != main and len(os) > 1]
        links = [model.link() for _ in several]
        v, own = int(r.visit_of_mode[m]), float(r.own[m, start])
        shared = [cell for o in single.values() for cell in model.cells(o, start)]
        paid = own + sum(float(r.able[o, start]) for o in single.values())
        for o in open_[main]:
            cells = [*shared, *model.cells(o, start)]
            model.add(v, m, start, {**single, main: o}, paid + float(r.able[o, start]), cells, links)
        for k, link in zip(several, links, strict=True):
            for o in open_[k]:
                model.choose(link, v, {k: o}, float(r.able[o, start]), model.cells(o, start))


class _Model:
    """Columns as they are made, and the program of them."""

    def __init__(self, relaxation: Relaxation) -> None:
        self.r = relaxation
        self.steps = relaxation.day.steps
        self.cells_of_all = relaxation.capacity.size
        self.links = 0
        self.costs: list[float] = []
        self.index: list[NDArray[np.int64]] = []
        self.value: list[Floats] = []
        self.what: list[tuple[int, int, int, dict[int, int]]] = []
        r = relaxation
        self.need_of_mode_ends = np.append(r.first_of_mode[1:], r.first_of_need.size)
        self.option_ends = np.append(r.first_of_need[1:], r.first_of_option.size)
        self.row_ends = np.append(r.first_of_option[1:], r.rows.shape[0])

    def link(self) -> int:
        """A row that holds: a need is served by one option where its visit is given, by none where not."""
        self.links += 1
        return self.cells_of_all + len(self.r.visits) + self.links - 1

    def cells(self, option: int, start: int) -> list[int]:
        """Rows of the classes and steps that an option takes."""
        rows = self.r.rows[self.r.first_of_option[option] : self.row_ends[option]]
        return [int(c) * self.steps + t for c, a, b in rows for t in range(start + a, start + b)]

    def add(
        self, v: int, m: int, start: int, options: dict[int, int], cost: float, cells: list[int], links: list[int] | None
    ) -> None:  # fmt: skip
        """A visit done so, or (mode -1) not at all."""
        links = links or []
        self._column([self.cells_of_all + v, *cells], links, cost, (v, m, start, options))

    def choose(self, link: int, v: int, options: dict[int, int], cost: float, cells: list[int]) -> None:
        """An option of a need beside the one that the visit's own column has."""
        self._column([link, *cells], [], cost, (v, -2, 0, options))

    def _column(
        self, plus: list[int], minus: list[int], cost: float, what: tuple[int, int, int, dict[int, int]]
    ) -> None:
        index, times = np.unique(np.array(plus, dtype=np.int64), return_counts=True)
        self.index.append(np.concatenate([index, np.array(minus, dtype=np.int64)]))
        self.value.append(np.concatenate([times.astype(np.float64), -np.ones(len(minus))]))
        self.costs.append(cost)
        self.what.append(what)

    def program(self, highspy: Any) -> Any:
        lp = highspy.HighsLp()
        size, visits = len(self.costs), len(self.r.visits)
        lp.num_col_, lp.num_row_ = size, self.cells_of_all + visits + self.links
        lp.col_cost_ = np.array(self.costs)
        lp.col_lower_, lp.col_upper_ = np.zeros(size), np.ones(size)
        exact = np.concatenate([np.ones(visits), np.zeros(self.links)])
        lp.row_lower_ = np.concatenate([np.full(self.cells_of_all, -np.inf), exact])
        lp.row_upper_ = np.concatenate([self.r.capacity.ravel(), exact])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.cumsum([0, *(i.size for i in self.index)]).astype(np.int32)
        lp.a_matrix_.index_ = np.concatenate(self.index).astype(np.int32)
        lp.a_matrix_.value_ = np.concatenate(self.value)
        lp.integrality_ = [highspy.HighsVarType.kInteger] * size
        return lp

    def places(self, chosen: NDArray[np.bool_]) -> list[Place | None]:
        """The plan of the chosen columns, for every visit of the day."""
        r = self.r
        options: dict[int, dict[int, int]] = {}
        done: dict[int, tuple[int, int]] = {}
        for j in np.flatnonzero(chosen):
            v, m, start, mine = self.what[j]
            options.setdefault(v, {}).update(mine)
            if m >= 0:
                done[v] = (m, start)
        found: list[Place | None] = [None] * len(r.day.visits)
        for v, (m, start) in done.items():
            needs = self.need_of_mode_ends[m] - r.first_of_mode[m]
            ids = [options[v][k] for k in range(needs)]
            classes = tuple(int(r.rows[r.first_of_option[o], 0]) for o in ids)
            cost = float(r.own[m, start]) + sum(float(r.able[o, start]) for o in ids)
            found[r.visits[v]] = Place(r.modes[m][1], start, classes, round(cost))
        return found
