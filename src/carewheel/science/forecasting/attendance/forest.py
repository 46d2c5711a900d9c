"""Boosted trees laid out flat, so that a million visits are scored in a second.

Every tree is filled up to four levels: 15 questions, 16 answers. Below question i stand 2 i + 1, and 2 i + 2 for values above the limit. Compiled, all
15 questions are asked of a block of visits that lie side by side, and the answer is picked without a branch, so that the processor's wide registers
do eight visits at a time. Unknown values are one low number (`UNKNOWN`) in training and scoring, so that nothing needs a second rule.
Values are rounded to 32 bits first, in training as well, and limits downwards: what LightGBM says of the rounded values is what the forest says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.extras import module
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Narrow = NDArray[np.float32]

DEPTH = 4
INNER, LEAVES = 2**DEPTH - 1, 2**DEPTH
UNKNOWN = -1.0e9
ROWS_AT_ONCE, SIDE_BY_SIDE = 1 << 15, 128


@dataclass(frozen=True, slots=True)
class Forest:
    """``column``, ``limit`` (trees, 15): the questions; ``answer`` (trees, 16): log-odds, already divided by the number of members."""

    column: NDArray[np.int32]
    limit: Narrow
    answer: Narrow

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return int(self.column.shape[0])

    def log_odds(
        self, values: Floats, compiled: bool | None = None, rows: NDArray[np.int64] | None = None
    ) -> Floats:
        """Sum over the trees (n,) for columns (n, k), NaN unknown, or (m,) for the ``rows`` (m,) alone, read where they are.

        ``compiled``: by numba (extra ``speed``); by default if it is there.
        """
        chosen = np.arange(values.shape[0]) if rows is None else rows
        total = np.zeros(chosen.size, dtype=np.float32)
        if self.trees:
            if compiled is None:
                try:
                    walk = _compiled()
                except CannotTell:
                    walk = _walk
            else:
                walk = _compiled() if compiled else _walk
            walk(np.ascontiguousarray(values), chosen, self.column, self.limit, self.answer, total)
        return total.astype(np.float64)


def plain(values: Floats) -> Narrow:
    """Values as trees see them: 32 bits, unknown as `UNKNOWN`."""
    found: Narrow = np.where(np.isnan(values), UNKNOWN, values).astype(np.float32)
    return found


NO_FOREST = Forest(
    np.zeros((0, INNER), np.int32), np.zeros((0, INNER), np.float32), np.zeros((0, LEAVES), np.float32)
)


def _walk(
    values: Floats,
    chosen: NDArray[np.int64],
    column: NDArray[np.int32],
    limit: Narrow,
    answer: Narrow,
    total: Narrow,
) -> None:
    """The chosen rows through one tree after another, a block of rows at a time."""
    for start in range(0, chosen.size, ROWS_AT_ONCE):
        block = plain(values[chosen[start : start + ROWS_AT_ONCE]])
        row = np.arange(block.shape[0])
        for tree in range(column.shape[0]):
            at = np.zeros(block.shape[0], dtype=np.int64)
            for _ in range(DEPTH):
                at = 2 * at + 1 + (block[row, column[tree, at]] > limit[tree, at])
            total[start : start + ROWS_AT_ONCE] += answer[tree, at - INNER]


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., None]:
    """The same by numba, in blocks of `SIDE_BY_SIDE` visits, over all threads that numba may use."""
    numba = module("numba", "score without compiled=True")
    side, unknown = SIDE_BY_SIDE, np.float32(UNKNOWN)

    def ask(x: Any, c: Any, t: Any, a: Any, out: Any) -> None:
        x0, x1, x2, x3, x4, x5, x6, x7 = (
            x[c[0]],
            x[c[1]],
            x[c[2]],
            x[c[3]],
            x[c[4]],
            x[c[5]],
            x[c[6]],
            x[c[7]],
        )
        x8, x9, x10, x11, x12, x13, x14 = x[c[8]], x[c[9]], x[c[10]], x[c[11]], x[c[12]], x[c[13]], x[c[14]]
        t0, t1, t2, t3, t4, t5, t6, t7 = t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
        t8, t9, t10, t11, t12, t13, t14 = t[8], t[9], t[10], t[11], t[12], t[13], t[14]
        a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        a8, a9, a10, a11, a12, a13, a14, a15 = a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]
        for j in range(side):
            d0 = a1 if x7[j] > t7 else a0
            d1 = a3 if x8[j] > t8 else a2
            d2 = a5 if x9[j] > t9 else a4
            d3 = a7 if x10[j] > t10 else a6
            d4 = a9 if x11[j] > t11 else a8
            d5 = a11 if x12[j] > t12 else a10
            d6 = a13 if x13[j] > t13 else a12
            d7 = a15 if x14[j] > t14 else a14
            e0 = d1 if x3[j] > t3 else d0
            e1 = d3 if x4[j] > t4 else d2
            e2 = d5 if x5[j] > t5 else d4
            e3 = d7 if x6[j] > t6 else d6
            f0 = e1 if x1[j] > t1 else e0
            f1 = e3 if x2[j] > t2 else e2
            out[j] += f1 if x0[j] > t0 else f0

    inner = numba.njit(inline="always")(ask)

    def walk(values: Any, chosen: Any, column: Any, limit: Any, answer: Any, total: Any) -> None:
        n, k = chosen.size, values.shape[1]
        for block in numba.prange((n + side - 1) // side):
            start = block * side
            rows = min(side, n - start)
            x = np.full((k, side), unknown, dtype=np.float32)
            for row in range(rows):
                at = chosen[start + row]
                for i in range(k):
                    value = values[at, i]
                    if not math.isnan(value):
                        x[i, row] = np.float32(value)
            out = np.zeros(side, dtype=np.float32)
            for tree in range(column.shape[0]):
                inner(x, column[tree], limit[tree], answer[tree], out)
            for row in range(rows):
                total[start + row] = out[row]

    compiled: Callable[..., None] = numba.njit(parallel=True)(walk)
    return compiled


def laid_out(boosters: list[Any], rounds: int) -> Forest:
    """The first ``rounds`` trees of LightGBM's boosters as one forest; answers are divided by the number of boosters."""
    columns, limits, answers = [], [], []
    for booster in boosters:
        for tree in booster.dump_model(num_iteration=rounds)["tree_info"]:
            c, t, a = np.zeros(INNER, np.int32), np.full(INNER, np.inf, np.float32), np.zeros(LEAVES)
            _fill(tree["tree_structure"], 0, c, t, a)
            columns.append(c)
            limits.append(t)
            answers.append((a / len(boosters)).astype(np.float32))
    if not columns:
        return NO_FOREST
    return Forest(np.array(columns), np.array(limits), np.array(answers))


def _fill(node: dict[str, Any], at: int, column: Any, limit: Any, answer: Any) -> None:
    """Put a node and what is below it in place; a leaf above the last level answers from all places below it."""
    if at >= INNER:
        answer[at - INNER] = node["leaf_value"]
    elif "leaf_value" in node:
        _fill(node, 2 * at + 1, column, limit, answer)
        _fill(node, 2 * at + 2, column, limit, answer)
    else:
        column[at], limit[at] = node["split_feature"], _down(node["threshold"])
        _fill(node["left_child"], 2 * at + 1, column, limit, answer)
        _fill(node["right_child"], 2 * at + 2, column, limit, answer)


def _down(value: float) -> np.float32:
    """The largest number of 32 bits that is not above."""
    near = np.float32(value)
    return near if float(near) <= value else np.nextafter(near, np.float32(-np.inf))
