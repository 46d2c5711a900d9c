"""Exact sensitivities of a run: the reverse adjoint of Euler's recursion, out of the same tape that simulates.

With x(k+1) = x(k) + dt f(x(k), p, t(k)) and an outcome J = g(x(K), p): l(K) = dg/dx, l(k) = l(k+1) + dt (df/dx)' l(k+1),
dJ/dp = dg/dp + dt sum over k of (df/dp)' l(k+1) + (dx(0)/dp)' l(0). One sweep back gives the derivative by every constant
and every initial value at once. Source: Griewank & Walther 2008, Evaluating Derivatives, ch. 3. At a kink (min, max, abs,
if, a corner of a lookup) the derivative of the branch that was taken is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.simulation import (
    Stepper,
    checked_values,
    evaluate_once,
    integrate,
    start_inputs,
    times_of,
)
from carewheel.science.flywheel.stocks.tape import NUMBER, ONCE, START, STATE, TRUTHS, Lowered, Tape, lowered

Floats = NDArray[np.float64]
MEMORY = 2**26  # bytes of states kept at once


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """``value`` (n,) of the outcome at the end, and ``by`` name its derivatives (n,): outcome's unit per the name's unit."""

    value: Floats
    by: dict[str, Floats]


def sensitivities(
    model: Model, outcome: str, by: Iterable[str], values: Mapping[str, ArrayLike] | None = None
) -> Sensitivity:
    """The value of ``outcome`` at the end of a run, and its exact derivative by each constant or initial stock in ``by``.

    Costs about two to three simulations, whatever the number of names. Draws are worked through in parts, so that the
    kept states stay within 64 MB.

    Raises `Refusal` as `simulate` does, and ``unknown`` for names that are no constant and no stock.

    >>> from carewheel.science.flywheel.stocks.model import Constant, Flow, Stock, build
    >>> pot = [Stock("water", 8, outflows=("leak",)), Flow("leak", "water * rate"), Constant("rate", 0.5)]
    >>> found = sensitivities(build("pot", pot, start=0, stop=2, dt=1), "water", ["rate", "water"])
    >>> found.value.tolist(), found.by["rate"].tolist(), found.by["water"].tolist()
    ([2.0], [-8.0], [0.25])
    """
    wanted = tuple(dict.fromkeys(by))
    constants = {c.name for c in model.constants}
    for name in (outcome, *wanted):
        if name not in (model.names if name == outcome else constants | set(model.stock_names)):
            raise Refusal(
                "unknown", "A sensitivity by what the model does not have.", "Correct the name.", name=name
            )
    given, n = checked_values(model, values)
    start = {name for name in given if name not in constants} | (set(wanted) - constants)
    low = lowered(model, start)
    if start - set(given):
        plain = lowered(model, set(given))
        missing = start - set(given)
        found = evaluate_once(
            plain.tape, [plain.initial[name] for name in missing], start_inputs(model, given), {}
        )
        given |= {name: np.asarray(found[plain.initial[name]]) for name in missing}
    back = _Backward(model, low, outcome, wanted)
    part = max(1, int(MEMORY // (8 * (model.steps + 1) * len(model.stocks))))
    pieces = []
    for first in range(0, n, part):
        here = {name: v[first : first + part] if np.ndim(v) else v for name, v in given.items()}
        pieces.append(back.sweep(here, min(part, n - first)))
    value = np.concatenate([piece[0] for piece in pieces])
    gradient = {name: np.concatenate([piece[1][name] for piece in pieces]) for name in wanted}
    if not (np.isfinite(value).all() and all(np.isfinite(g).all() for g in gradient.values())):
        raise Refusal(
            "not_finite",
            "A sensitivity is not a finite number.",
            "Mend the model or its values.",
            name=outcome,
        )
    return Sensitivity(value, gradient)


class _Backward:
    """The backward step of a model as nodes of its tape, built once."""

    def __init__(self, model: Model, low: Lowered, outcome: str, wanted: Sequence[str]) -> None:
        self.model, self.low, self.outcome, self.wanted = model, low, outcome, wanted
        tape = low.tape
        self.inputs = {name: (START + name if name in model.stock_names else name) for name in wanted}
        # Nodes that hold for a whole run and depend on what is asked for: the sweep stops there, and goes on once at the end.
        asked = {tape.input(name, ONCE) for name in self.inputs.values()}
        touched = set(asked)
        for node in range(len(tape.ops)):
            if any(arg in touched for arg in tape.args[node]):
                touched.add(node)
        self.touched = touched
        self.weight = {name: tape.input(f"weight of {name}", STATE) for name in model.stock_names}
        self.dt = tape.number(model.dt)
        stops = {low.names[name] for name in model.stock_names}
        seeds: dict[int, list[int]] = {low.net[name]: [] for name in model.stock_names}
        for name in model.stock_names:
            seeds[low.net[name]].append(tape.call("mul", self.dt, self.weight[name]))
        self.step_bars = self._reverse({node: _sum(tape, bars) for node, bars in seeds.items()}, stops, STATE)
        self.end_bars = self._reverse({low.names[outcome]: tape.number(1.0)}, stops, STATE)

    def _reverse(self, seeds: dict[int, int], stops: set[int], above: int) -> dict[int, int]:
        """Adjoint nodes of ``stops`` and of the touched nodes that hold for a whole run, out of adjoints of ``seeds``."""
        tape = self.low.tape
        parts: dict[int, list[int]] = {node: [bar] for node, bar in seeds.items()}
        found: dict[int, int] = {}
        moving = set(stops) | self.touched
        needed = tape.needed(seeds)
        for node in needed:
            if any(arg in moving for arg in tape.args[node]):
                moving.add(node)
        for node in reversed(needed):
            if node not in parts or node not in moving:
                continue
            bar = _sum(tape, parts.pop(node))
            if node in stops or tape.level[node] <= ONCE:
                found[node] = bar
                continue
            for arg, more in partials(tape, node, bar):
                if arg in moving:
                    parts.setdefault(arg, []).append(more)
        return {node: bar for node, bar in found.items() if not tape.is_number(bar, 0.0)}

    def sweep(self, given: Mapping[str, Any], n: int) -> tuple[Floats, dict[str, Floats]]:
        model, low, tape = self.model, self.low, self.low.tape
        steps, names = model.steps, model.stock_names
        history = np.empty((steps + 1, len(names), n))
        _, kept, _ = integrate(model, low, given, n, (self.outcome,), steps, history)
        value = kept[self.outcome][-1]
        clock = times_of(model)
        state, weight = np.empty((len(names), n)), np.zeros((len(names), n))
        rows = {low.names[name]: state[i] for i, name in enumerate(names)}
        rows |= {self.weight[name]: weight[i] for i, name in enumerate(names)}
        place = {low.names[name]: i for i, name in enumerate(names)}
        total: dict[int, Floats] = {}

        def looking(bars: Mapping[int, int], steps_back: Iterable[int]) -> None:
            """Add the adjoints of ``bars`` at the steps given, one after another, to weights and totals."""
            # An adjoint that is a weight itself is copied first: weights change while they are added up.
            into = {bar: np.empty(n) for bar in bars.values() if low.tape.ops[bar] == "input"}
            stepper = Stepper(tape, list(bars.values()), given, clock, n, rows, into)
            sums = []
            for node, bar in bars.items():
                target = weight[place[node]] if node in place else total.setdefault(node, np.zeros(n))
                sums.append((target, into.get(bar, stepper.value[bar])))
            for k in steps_back:
                state[...] = history[k]
                stepper.step(k)
                for target, more in sums:
                    np.add(target, more, target)

        with np.errstate(all="ignore"):
            looking(self.end_bars, [steps])
            looking(self.step_bars, range(steps - 1, -1, -1))
        return value, self._finish(given, n, total, weight)

    def _finish(
        self, given: Mapping[str, Any], n: int, total: dict[int, Any], weight: Floats
    ) -> dict[str, Floats]:
        """From whole-run nodes and initial values back to what was asked for."""
        tape, inputs = self.low.tape, start_inputs(self.model, given)
        bars = {node: np.asarray(bar, dtype=float) for node, bar in total.items()}
        for i, name in enumerate(self.model.stock_names):
            node = self.low.initial[name]
            bars[node] = bars.get(node, 0.0) + weight[i]
        known: dict[int, Any] = {}
        for node in reversed(tape.needed([node for node in bars if tape.level[node] == ONCE])):
            if node not in bars or not tape.args[node]:
                continue
            seed = tape.input(f"bar {node}", ONCE)
            for arg, more in partials(tape, node, seed):
                if arg in self.touched:
                    evaluate_once(tape, [more], {**inputs, f"bar {node}": bars[node]}, known)
                    bars[arg] = bars.get(arg, 0.0) + known[more]
        found = {}
        for name, label in self.inputs.items():
            node = tape.input(label, ONCE)
            found[name] = np.broadcast_to(np.asarray(bars.get(node, 0.0), dtype=float), (n,)).copy()
        return found


def _sum(tape: Tape, nodes: Sequence[int]) -> int:
    total = nodes[0]
    for node in nodes[1:]:
        total = tape.call("add", total, node)
    return total


def partials(tape: Tape, node: int, bar: int) -> list[tuple[int, int]]:
    """For each argument of a node that has a derivative: the argument and ``bar`` times that derivative, as nodes."""
    op, args, zero = tape.ops[node], tape.args[node], tape.number(0.0)
    call, number = tape.call, tape.number
    if op in TRUTHS or op in ("number", "input", "slope"):
        return []
    a, b = args[0], args[-1]
    if op == "add":
        return [(a, bar), (b, bar)]
    if op == "sub":
        return [(a, bar), (b, call("neg", bar))]
    if op == "mul":
        return [(a, call("mul", bar, b)), (b, call("mul", bar, a))]
    if op == "div":
        part = call("div", bar, b)
        return [(a, part), (b, call("neg", call("mul", part, node)))]
    if op == "pow":
        found = [(a, call("mul", bar, call("mul", b, call("pow", a, call("sub", b, number(1.0))))))]
        if tape.level[b] > NUMBER:
            found.append((b, call("mul", bar, call("mul", node, call("log", a)))))
        return found
    if op in ("min", "max"):
        first = call("le" if op == "min" else "ge", a, b)
        return [(a, call("where", first, bar, zero)), (b, call("where", first, zero, bar))]
    if op == "where":
        return [(args[1], call("where", a, bar, zero)), (b, call("where", a, zero, bar))]
    if op == "neg":
        more = call("neg", bar)
    elif op == "exp":
        more = call("mul", bar, node)
    elif op == "log":
        more = call("div", bar, a)
    elif op == "sqrt":
        more = call("div", bar, call("mul", number(2.0), node))
    elif op == "abs":
        more = call("where", call("ge", a, zero), bar, call("neg", bar))
    else:
        more = call("mul", bar, call("slope", a, table=tape.data[node]))
    return [(a, more)]
