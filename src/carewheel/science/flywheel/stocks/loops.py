"""Feedback loops of a model, and which of them drives it at each moment (Loops that Matter).

A loop's score is the product of its links' scores; its relative score is its share of the sum of |scores| of all loops of
the same cycle partition (a set of variables that all reach one another). Source: Schoenberg, Davidsen & Eberlein 2020,
System Dynamics Review 36:158; Eberlein & Schoenberg 2020, Finding the Loops that Matter (the strongest-path search);
Johnson 1975, SIAM J Comput 4:77 (all loops).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from carewheel.science.flywheel.stocks.link_scores import Link, LinkScores, causes, link_scores
from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal

Floats = NDArray[np.float64]
Graph = Mapping[str, Sequence[str]]
LOOKS = 24  # moments at which the strongest paths are searched


@dataclass(frozen=True, slots=True)
class LoopScores:
    """Loops (L) as the variables in order, with ``score`` and ``relative`` (L, T); entry t is the step that begins at ``times``[t].

    ``all_loops``: every loop is there; else the strongest found by search, and shares are among those.
    """

    times: Floats
    loops: tuple[tuple[str, ...], ...]
    score: Floats
    relative: Floats
    all_loops: bool

    def dominant(self) -> NDArray[np.intp]:
        """By moment, the number of the loop with the largest |relative score|."""
        return np.asarray(np.abs(self.relative).argmax(axis=0))


def partitions(graph: Graph) -> dict[str, int]:
    """By node the number of its set of nodes that all reach one another (strongly connected component)."""
    names = list(graph)
    at = {name: i for i, name in enumerate(names)}
    pairs = [(at[a], at[b]) for a, targets in graph.items() for b in targets]
    rows, columns = (np.array(side, dtype=int) for side in (zip(*pairs, strict=True) if pairs else ((), ())))
    matrix = csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    return dict(zip(names, connected_components(matrix, connection="strong")[1].tolist(), strict=True))


def elementary_loops(graph: Graph, most: int) -> list[tuple[str, ...]]:
    """Every loop that passes no node twice, each from its first node on.

    Raises `Refusal` (``too_many_loops``) beyond ``most``.

    >>> elementary_loops({"a": ["b"], "b": ["a", "c"], "c": ["a"]}, most=10)
    [('a', 'b'), ('a', 'b', 'c')]
    """
    found = []
    for loop in _johnson({node: list(targets) for node, targets in graph.items()}):
        found.append(loop)
        if len(found) > most:
            raise Refusal(
                "too_many_loops",
                "The model has more loops than asked for.",
                "Search the strongest.",
                most=most,
            )
    return found


def _johnson(graph: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    order = list(graph)
    for i, start in enumerate(order):
        left = set(order[i:])
        sub = {node: [t for t in graph[node] if t in left] for node in order[i:]}
        group = partitions(sub)
        mine = {node for node in sub if group[node] == group[start]}
        sub = {node: [t for t in sub[node] if t in mine] for node in order[i:] if node in mine}
        blocked = {start}
        behind: dict[str, set[str]] = {node: set() for node in sub}
        path, stack, closed = [start], [(start, list(sub[start]))], set()
        while stack:
            node, targets = stack[-1]
            if targets:
                target = targets.pop(0)
                if target == start:
                    yield tuple(path)
                    closed.update(path)
                elif target not in blocked:
                    path.append(target)
                    stack.append((target, list(sub[target])))
                    closed.discard(target)
                    blocked.add(target)
                continue
            if node in closed:
                todo = {node}
                while todo:
                    free = todo.pop()
                    if free in blocked:
                        blocked.discard(free)
                        todo |= behind[free]
                        behind[free].clear()
            else:
                for target in sub[node]:
                    behind[target].add(node)
            stack.pop()
            path.pop()


def loop_scores(model: Model, values: Mapping[str, ArrayLike] | None = None, most: int = 5_000) -> LoopScores:
    """Scores of the loops of a model over a run with one draw.

    With at most ``most`` loops all are scored; else the strongest path search at 24 moments chooses them.

    >>> from carewheel.science.flywheel.stocks.model import Flow, Stock, build
    >>> pot = [Stock("x", 8, inflows=("born",), outflows=("gone",)), Flow("born", "0.3 * x"), Flow("gone", "0.1 * x")]
    >>> found = loop_scores(build("growth", pot, start=0, stop=2, dt=1))
    >>> found.loops, found.relative[:, 0].round(3).tolist()
    ((('x', 'born'), ('x', 'gone')), [0.75, -0.25])
    """
    scores = link_scores(model, values)
    graph: dict[str, list[str]] = {name: [] for name in (*model.stock_names, *model.order)}
    for effect, by in causes(model).items():
        for cause in by:
            graph[cause].append(effect)
    group = partitions(graph)
    for cause, effects in graph.items():
        graph[cause] = [effect for effect in effects if group[effect] == group[cause]]
    try:
        loops, everything = elementary_loops(graph, most), True
    except Refusal:
        loops, everything = _strongest(graph, model.stock_names, scores), False
    table = np.empty((len(loops), len(scores.times)))
    for i, loop in enumerate(loops):
        links = zip(loop, (*loop[1:], loop[0]), strict=True)
        table[i] = np.prod([scores.score[link] for link in links], axis=0)
    share = np.zeros_like(table)
    of = np.array([group[loop[0]] for loop in loops], dtype=int)
    for part in np.unique(of):
        here = table[of == part]
        total = np.abs(here).sum(axis=0)
        share[of == part] = np.divide(here, total, out=np.zeros_like(here), where=total > 0)
    return LoopScores(scores.times, tuple(loops), table, share, everything)


def _strongest(graph: Graph, stocks: Sequence[str], scores: LinkScores) -> list[tuple[str, ...]]:
    """Loops through stocks met by always following the strongest link first, at several moments; each loop once."""
    found: dict[frozenset[Link], tuple[str, ...]] = {}
    moments = np.unique(np.linspace(0, len(scores.times) - 1, LOOKS).astype(int))
    for moment in moments:
        weight = {link: abs(float(score[moment])) for link, score in scores.score.items()}
        ways = {node: sorted(targets, key=lambda t: (-weight[node, t], t)) for node, targets in graph.items()}
        for start in stocks:
            _follow(start, ways, weight, found)
    return sorted(found.values())


def _follow(
    start: str, ways: Graph, weight: Mapping[Link, float], found: dict[frozenset[Link], tuple[str, ...]]
) -> None:
    best = {start: -1.0}
    path, stack = [start], [(1.0, iter(ways[start]))]
    while stack:
        score, targets = stack[-1]
        target = next(targets, None)
        if target is None:
            stack.pop()
            path.pop()
            continue
        ahead = score * weight[path[-1], target]
        if ahead == 0.0:
            continue
        if target == start:
            found.setdefault(frozenset(zip(path, (*path[1:], start), strict=True)), tuple(path))
        elif target not in path and ahead > best.get(target, 0.0):
            best[target] = ahead
            path.append(target)
            stack.append((ahead, iter(ways[target])))
