"""Euler simulation of a model over many draws at once, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.tape import (
    ONCE,
    START,
    STATE,
    TIME,
    TRUTHS,
    Lowered,
    Tape,
    lowered,
    operation,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulation gave: ``times`` (T,), and by name ``series`` (T, draws), in the units of the model."""

    times: Floats
    series: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.series[name]


def simulate(
    model: Model,
    values: Mapping[str, ArrayLike] | None = None,
    *,
    record: Iterable[str] | None = None,
    every: int = 1,
) -> Run:
    """Run a model by Euler's rule, x(t + dt) = x(t) + dt net(x, t).

    ``values``: other values of constants and other initial values of stocks, each a number or one for each draw (n,).
    ``record``: names to keep (default: the stocks), at every ``every``-th step and always at start and end.
    Deterministic; draws do not influence one another.

    Raises `Refusal`: ``unknown`` (a name), ``shape`` (draws differ in number), ``not_finite`` (a stock, and when).

    >>> from carewheel.science.flywheel.stocks.model import Flow, Stock, build
    >>> pot = build("pot", [Stock("water", 8, outflows=("leak",)), Flow("leak", "water / 2")], start=0, stop=2, dt=1)
    >>> simulate(pot, {"water": [8, 16]})["water"].tolist()
    [[8.0, 16.0], [4.0, 8.0], [2.0, 4.0]]
    """
    given, n = checked_values(model, values)
    low = lowered(model, given)
    names = tuple(model.stock_names if record is None else record)
    if unknown := [name for name in names if name not in model.names]:
        raise Refusal(
            "unknown", "What shall be recorded is not in the model.", "Correct the name.", name=unknown[0]
        )
    times, series, last = integrate(model, low, given, n, names, every)
    if not (np.isfinite(last).all() and all(np.isfinite(s).all() for s in series.values())):
        raise _not_finite(model, low, given, n)
    return Run(times, series)


def checked_values(model: Model, values: Mapping[str, ArrayLike] | None) -> tuple[dict[str, Floats], int]:
    """The constants' values, and overridden initial ones, as arrays of shape () or (n,), and n."""
    given = {c.name: np.asarray(c.value) for c in model.constants}
    allowed = {*given, *model.stock_names}
    n = 1
    for name, value in (values or {}).items():
        if name not in allowed:
            raise Refusal(
                "unknown",
                "A value is given to what is no constant and no stock.",
                "Correct the name.",
                name=name,
            )
        array = np.asarray(value, dtype=float)
        if (
            array.ndim > 1
            or array.size == 0
            or (array.ndim == 1 and array.size > 1 and n > 1 and array.size != n)
        ):
            raise Refusal(
                "shape",
                "Draws must be one list, of equal length everywhere.",
                "Give n values.",
                name=name,
                shape=array.shape,
            )
        if not np.isfinite(array).all():
            raise Refusal(
                "not_finite", "A value is not a finite number.", "Leave it out or mend it.", name=name
            )
        given[name] = array.reshape(()) if array.size == 1 else array
        n = max(n, array.size)
    return given, n


def evaluate_once(
    tape: Tape, wanted: Iterable[int], inputs: Mapping[str, Any], known: dict[int, Any]
) -> dict[int, Any]:
    """Values of ``wanted`` nodes out of ``inputs`` by name; fills and returns ``known``."""
    with np.errstate(all="ignore"):
        for node in tape.needed(wanted):
            if node in known:
                continue
            op = tape.ops[node]
            if op == "number":
                known[node] = np.asarray(
                    tape.data[node]
                )  # numpy takes arrays without dimensions faster than floats
            elif op == "input":
                known[node] = inputs[tape.data[node]]
            else:
                known[node] = np.asarray(operation(tape, node)(*(known[arg] for arg in tape.args[node])))
    return known


class Stepper:
    """Works out ``wanted`` nodes of a tape at one step after another, into buffers that are used again.

    ``rows``: by input node, the view that holds its present values; ``into``: by wanted node, the view to write to.
    Values of other wanted nodes are found in `value` after `step`.
    """

    def __init__(
        self, tape: Tape, wanted: Sequence[int], given: Mapping[str, Any], times: Floats, n: int,
        rows: Mapping[int, Floats], into: Mapping[int, Floats],
    ) -> None:  # fmt: skip
        self.series: list[tuple[Any, Any]] = []
        self.work: list[Callable[[], Any]] = []
        self.value: dict[int, Any] = dict(rows)
        needed = tape.needed(wanted)
        once = [node for node in needed if tape.level[node] <= ONCE]
        evaluate_once(tape, once, given, self.value)
        wide = {node for node in needed if np.ndim(self.value.get(node, 0.0)) == 1}
        for node in needed:
            if tape.level[node] == STATE or any(arg in wide for arg in tape.args[node]):
                wide.add(node)
        moments = {node: v for node, v in self.value.items() if tape.level[node] <= ONCE and np.ndim(v) == 0}
        clock = [node for node in needed if tape.level[node] == TIME and node not in wide]
        evaluate_once(tape, clock, {**given, "time": times}, moments)
        for node in clock:
            cell = np.zeros((), dtype=bool if tape.ops[node] in TRUTHS else float)
            self.series.append((cell, np.broadcast_to(moments[node], times.shape)))
            self.value[node] = cell
        self._plan(tape, needed, set(wanted), n, wide, into)

    def _plan(
        self,
        tape: Tape,
        needed: list[int],
        wanted: set[int],
        n: int,
        wide: set[int],
        into: Mapping[int, Floats],
    ) -> None:
        last = {arg: node for node in needed for arg in tape.args[node]}
        free: dict[type, list[Any]] = {bool: [], float: []}
        owned: dict[int, Any] = {}
        for node in needed:
            if node in self.value:
                continue
            kind = bool if tape.ops[node] in TRUTHS else float
            out = into.get(node)
            if out is None:
                out = free[kind].pop() if free[kind] else np.empty(n, dtype=kind)
                owned[node] = out
            self.value[node] = out
            args = tuple(self.value[arg] for arg in tape.args[node])
            op = tape.ops[node]
            if op == "where":
                self.work.append(_prepared(_choose, args, out))
            elif op in ("lookup", "slope"):
                self.work.append(_prepared(_assign, (operation(tape, node), *args), out))
            else:
                self.work.append(_prepared(operation(tape, node), args, out))
            # Given back only after this node was placed: an operation never writes over what it still reads.
            for arg in set(tape.args[node]):
                if last[arg] == node and arg in owned and arg not in wanted:
                    free[bool if tape.ops[arg] in TRUTHS else float].append(owned.pop(arg))
        for node, out in into.items():
            if self.value[node] is not out:
                self.work.append(partial(np.positive, self.value[node], out))

    def step(self, k: int) -> None:
        """Work out everything for step ``k``."""
        for cell, series in self.series:
            cell[...] = series[k]
        for work in self.work:
            work()


def _prepared(work: Callable[..., Any], args: tuple[Any, ...], out: Any) -> Callable[[], Any]:
    """An operation ready to run. Numpy takes ``out`` faster by place than by name, but not for minimum and maximum."""
    if work in (np.minimum, np.maximum):
        return partial(work, *args, out=out)
    return partial(work, *args, out)


def _choose(condition: Any, yes: Any, no: Any, out: Any) -> None:
    np.copyto(out, no)
    np.copyto(out, yes, where=condition)


def _assign(work: Callable[..., Any], x: Any, out: Any) -> None:
    out[...] = work(x)


class _Rates:
    """The net flows of all stocks, one row each. Rows of first-order lags are worked out together, as one block.

    A lag is a stock whose net flow is k (x - stock), k fixed, x perhaps held between two numbers: of it only x is worked out
    by itself. ``names``: the stocks in the order of rows.
    """

    def __init__(self, model: Model, low: Lowered, given: Mapping[str, Any], n: int) -> None:
        found = {name: _lag(low, name) for name in model.stock_names}
        lags = [name for name in model.stock_names if found[name] is not None]
        self.names = [*(name for name in model.stock_names if found[name] is None), *lags]
        self.rate = np.zeros((len(self.names), n))
        self.lags = slice(len(self.names) - len(lags), len(self.names))
        parts = [part for name in lags if (part := found[name]) is not None]
        pace = evaluate_once(low.tape, [part[1] for part in parts], given, {})
        speeds = [np.atleast_1d(pace[part[1]]) for part in parts]
        width = max((len(speed) for speed in speeds), default=1)
        self.dt = model.dt
        self.pace = self.dt * np.array([np.broadcast_to(speed, (width,)) for speed in speeds]).reshape(
            len(parts), width
        )
        self.least = np.array([part[2] for part in parts]).reshape(-1, 1)
        self.most = np.array([part[3] for part in parts]).reshape(-1, 1)
        # Two stocks may have one rate: the first row is written, the others are copied.
        first: dict[int, int] = {}
        self.copies = []
        for i, name in enumerate(self.names):
            lag = found[name]
            node = low.net[name] if lag is None else lag[0]
            if node in first:
                self.copies.append((i, first[node]))
            first.setdefault(node, i)
        self.into = {node: self.rate[i] for node, i in first.items()}

    def step(self, state: Floats) -> None:
        """Move the state by one step, out of what has been worked out."""
        rate = self.rate
        for i, source in self.copies:
            rate[i] = rate[source]
        if len(self.pace):
            block = rate[self.lags]
            np.maximum(block, self.least, out=block)
            np.minimum(block, self.most, out=block)
            np.subtract(block, state[self.lags], out=block)
            np.multiply(block, self.pace, out=block)
        rest = rate[: self.lags.start]
        np.multiply(rest, self.dt, out=rest)
        np.add(state, rate, out=state)


def _lag(low: Lowered, name: str) -> tuple[int, int, float, float] | None:
    """If the stock is a lag: the node it follows, the node of its pace, and the two numbers between which it is held."""
    tape, own = low.tape, low.names[name]
    node = low.net[name]
    if tape.ops[node] != "mul" or tape.ops[tape.args[node][0]] != "sub":
        return None
    gap, pace = tape.args[node]
    followed, stock = tape.args[gap]
    if stock != own or tape.level[pace] > ONCE:
        return None
    least, most = -np.inf, np.inf
    for op in ("min", "max"):
        if tape.ops[followed] == op and tape.ops[tape.args[followed][1]] == "number":
            limit = tape.data[tape.args[followed][1]]
            least, most = (least, limit) if op == "min" else (limit, most)
            followed = tape.args[followed][0]
    return (followed, pace, least, most) if least <= most else None


def integrate(
    model: Model, low: Lowered, given: Mapping[str, Any], n: int, names: Sequence[str], every: int,
    history: Floats | None = None,
) -> tuple[Floats, dict[str, Floats], Floats]:  # fmt: skip
    """Times, the recorded ``names`` and the last state; ``history`` (steps + 1, stocks, n) is filled if given. States have
    the stocks in the model's order."""
    steps, tape = model.steps, low.tape
    clock = times_of(model)
    rates = _Rates(model, low, given, n)
    order = [model.stock_names.index(name) for name in rates.names]
    state = starting_state(model, low, given, n)[order]
    rows = {low.names[name]: state[i] for i, name in enumerate(rates.names)}
    stepper = Stepper(
        tape, [*rates.into, *(low.names[name] for name in names)], given, clock, n, rows, rates.into
    )
    moments = np.unique(np.append(np.arange(0, steps + 1, every), steps))
    kept = {name: np.empty((len(moments), n)) for name in names}
    at = {int(step): place for place, step in enumerate(moments)}
    with np.errstate(all="ignore"):
        for k in range(steps + 1):
            stepper.step(k)
            if history is not None:
                history[k, order] = state
            if k in at:
                for name in names:
                    kept[name][at[k]] = stepper.value[low.names[name]]
            if k < steps:
                rates.step(state)
    last = np.empty_like(state)
    last[order] = state
    return clock[moments], kept, last


def times_of(model: Model) -> Floats:
    """The moments of all steps, (steps + 1,), in the model's unit of time."""
    return np.asarray(model.start + model.dt * np.arange(model.steps + 1), dtype=np.float64)


def starting_state(model: Model, low: Lowered, given: Mapping[str, Any], n: int) -> Floats:
    """Initial values (stocks, n): those given, else those of the initial equations."""
    found = evaluate_once(low.tape, low.initial.values(), start_inputs(model, given), {})
    state = np.empty((len(model.stocks), n))
    for i, name in enumerate(model.stock_names):
        state[i] = found[low.initial[name]]
    return state


def start_inputs(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of the nodes of `Lowered.begin`: constants, and initial values that are given."""
    stocks = set(model.stock_names)
    return {START + name if name in stocks else name: value for name, value in given.items()}


def _not_finite(model: Model, low: Lowered, given: Mapping[str, Any], n: int) -> Refusal:
    """What left the finite numbers first, and when: found by running once more and looking at everything."""
    times, series, _ = integrate(model, low, given, n, (*model.order, *model.stock_names), 1)
    broken = [
        (int(np.argmax(~np.isfinite(s).all(axis=1))), i, name)
        for i, (name, s) in enumerate(series.items())
        if not np.isfinite(s).all()
    ]
    step, _, name = min(broken)
    return Refusal(
        "not_finite", "The model left the finite numbers.", "Mend its equations, its values, or the time step.",
        name=name, time=float(times[step]), draw=int(np.argmax(~np.isfinite(series[name][step]))),
    )  # fmt: skip
