"""The same simulation compiled by numba (extra ``[speed]``): one loop over steps, in it one over a block of draws.

The code of the loop is written from the model's tape. All draws of a block lie side by side in one array per kind of value, so
that the compiler turns the inner loop into vector instructions. Results equal those of `simulate` up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.simulation import (
    Run,
    checked_values,
    evaluate_once,
    simulate,
    starting_state,
    times_of,
)
from carewheel.science.flywheel.stocks.tape import ONCE, STATE, TIME, Lowered, Tape, lowered

BLOCK = 32
_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "eq": "==", "ne": "!=", "and": "and", "or": "or",
}  # fmt: skip


def simulate_compiled(
    model: Model,
    values: Mapping[str, ArrayLike] | None = None,
    *,
    record: Iterable[str] | None = None,
    every: int = 1,
) -> Run:
    """`simulate`, compiled. The first call for a model and kind of values compiles (seconds); later calls do not.

    Raises `Refusal` as `simulate` does, and ``missing_extra`` without numba.
    """
    numba = _numba()
    given, n = checked_values(model, values)
    names = tuple(model.stock_names if record is None else record)
    if unknown := [name for name in names if name not in model.names]:
        raise Refusal(
            "unknown", "What shall be recorded is not in the model.", "Correct the name.", name=unknown[0]
        )
    low = lowered(model, given)
    layout = _Layout(model, low, given, names)
    clock = times_of(model)
    moments = np.unique(np.append(np.arange(0, model.steps + 1, every), model.steps))
    blocks = -(-n // BLOCK)

    def blocked(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """(rows, n) as (blocks, rows * BLOCK); the last block is filled up with its last draw."""
        padded = rows[:, np.minimum(np.arange(blocks * BLOCK), n - 1)]
        return np.ascontiguousarray(padded.reshape(len(rows), blocks, BLOCK).transpose(1, 0, 2)).reshape(
            blocks, -1
        )

    state = blocked(starting_state(model, low, given, n))
    wide = blocked(
        np.array([np.broadcast_to(layout.known[node], (n,)) for node in layout.wide]).reshape(-1, n)
    )
    narrow = np.array([layout.known[node] for node in layout.narrow], dtype=float)
    series = layout.series(clock, given)
    kept = np.empty((blocks, len(moments), len(names) * BLOCK))
    _kernel(layout.source, numba)(state, wide, narrow, series, moments, kept)
    found = (
        kept.reshape(blocks, len(moments), len(names), BLOCK)
        .transpose(2, 1, 0, 3)
        .reshape(len(names), len(moments), -1)[:, :, :n]
    )
    if not np.isfinite(found).all() or not np.isfinite(state).all():
        return simulate(model, values, record=names, every=every)  # says what, and when
    return Run(clock[moments], {name: np.ascontiguousarray(found[i]) for i, name in enumerate(names)})


def _numba() -> Any:
    try:
        import numba  # type: ignore[import-not-found, unused-ignore]
    except ImportError as missing:
        raise Refusal(
            "missing_extra",
            "The compiled simulation needs numba.",
            "Install carewheel[speed], or use simulate.",
        ) from missing
    return numba


@lru_cache(maxsize=16)
def _kernel(source: str, numba: Any) -> Callable[..., None]:
    space: dict[str, Any] = {"math": math}
    exec(compile(source, "<stocks kernel>", "exec"), space)  # written here, out of checked equations
    return numba.njit(error_model="numpy")(space["kernel"])  # type: ignore[no-any-return]


class _Layout:
    """Which nodes are worked out before the loop, which in it, and the loop's source."""

    def __init__(self, model: Model, low: Lowered, given: Mapping[str, Any], names: tuple[str, ...]) -> None:
        self.tape, self.low = low.tape, low
        tape = low.tape
        nets = [low.net[name] for name in model.stock_names]
        recorded = [low.names[name] for name in names]
        needed = tape.needed([*nets, *recorded])
        self.known: dict[int, Any] = {}
        once = [node for node in needed if tape.level[node] <= ONCE]
        evaluate_once(tape, once, given, self.known)
        wide = {node for node in once if np.ndim(self.known[node]) == 1}
        for node in needed:
            if tape.level[node] == STATE or any(arg in wide for arg in tape.args[node]):
                wide.add(node)
        self.clock = [n for n in needed if tape.level[n] == TIME and n not in wide]
        inner = [n for n in needed if n in wide and n not in self.known and tape.ops[n] != "input"]
        used = {arg for node in inner for arg in tape.args[node]} | set(nets) | set(recorded)
        self.wide = [n for n in once if n in wide and n in used]
        self.narrow = [n for n in once if n not in wide and n in used]
        self.clock = [n for n in self.clock if n in used]
        self.source = self._source(model, nets, recorded, set(inner), names)

    def series(self, times: np.ndarray[Any, Any], given: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Values of the nodes that only time moves, (steps + 1, nodes)."""
        known = {node: value for node, value in self.known.items() if np.ndim(value) == 0}
        evaluate_once(self.tape, self.clock, {**given, "time": times}, known)
        rows = [np.broadcast_to(np.asarray(known[node], dtype=float), times.shape) for node in self.clock]
        return np.ascontiguousarray(np.array(rows).reshape(-1, len(times)).T)

    def _source(
        self, model: Model, nets: list[int], recorded: list[int], inner: set[int], names: tuple[str, ...]
    ) -> str:
        head = [f"v{n} = narrow[{i}]" for i, n in enumerate(self.narrow)]
        moment = [f"v{n} = series[k, {i}]" for i, n in enumerate(self.clock)]

        def body(wanted: list[int]) -> list[str]:
            """Loads and operations of one draw that ``wanted`` need."""
            lines, needed = [], self.tape.needed(wanted)
            place = {self.low.names[name]: i for i, name in enumerate(model.stock_names)}
            lines += [f"v{n} = s[{place[n] * BLOCK} + j]" for n in needed if n in place]
            lines += [f"v{n} = p[{i * BLOCK} + j]" for i, n in enumerate(self.wide) if n in needed]
            return lines + [f"v{n} = {_code(self.tape, n)}" for n in needed if n in inner]

        keep = [*body(recorded), *(f"kept[b, at, {i * BLOCK} + j] = v{n}" for i, n in enumerate(recorded))]
        move = [*body(nets), *(f"s[{i * BLOCK} + j] += {model.dt!r} * v{n}" for i, n in enumerate(nets))]
        out = ["def kernel(state, wide, narrow, series, moments, kept):"]
        out += [f"    {line}" for line in head]
        out += [
            "    for b in range(state.shape[0]):",
            "        s = state[b]",
            "        p = wide[b]",
            "        at = 0",
        ]
        out += [f"        for k in range({model.steps + 1}):"] + [f"            {line}" for line in moment]
        if names:
            out += [
                "            if at < len(moments) and moments[at] == k:",
                f"                for j in range({BLOCK}):",
            ]
            out += [f"                    {line}" for line in keep] + ["                at += 1"]
        out += [f"            if k < {model.steps}:", f"                for j in range({BLOCK}):"]
        out += [f"                    {line}" for line in move]
        return "\n".join(out) + "\n"


def _code(tape: Tape, node: int) -> str:
    op = tape.ops[node]
    args = [f"v{a}" if tape.ops[a] != "number" else f"({tape.data[a]!r})" for a in tape.args[node]]
    if op in _SIGNS:
        return f"({args[0]} {_SIGNS[op]} {args[1]})"
    if op == "neg":
        return f"(-{args[0]})"
    if op == "not":
        return f"(not {args[0]})"
    if op == "where":
        return f"({args[1]} if {args[0]} else {args[2]})"
    if op in ("min", "max"):
        return f"({args[0]} if {args[0]} {'<' if op == 'min' else '>'} {args[1]} else {args[1]})"
    if op == "abs":
        return f"abs({args[0]})"
    if op == "lookup":
        # A sum of clipped segments: no branch, no search, so the loop stays one of vector instructions.
        xs, ys = tape.tables[tape.data[node]]
        x, parts = args[0], [repr(float(ys[0]))]
        for x0, x1, y0, y1 in zip(xs, xs[1:], ys, ys[1:], strict=False):
            inside = f"({x} if {x} < {x1!r} else {x1!r})"
            parts.append(
                f"{(y1 - y0) / (x1 - x0)!r} * (({inside} if {inside} > {x0!r} else {x0!r}) - {x0!r})"
            )
        return "(" + " + ".join(parts) + ")"
    return f"math.{op}({args[0]})"
