"""The one list of operations that a model is lowered to: simulated, compiled and differentiated from here.

Every node is an operation on earlier nodes; equal nodes are one node. A node's `level` says how often it must be worked
out: never (0, a number), once a run (1, constants only), once a step for all draws (2, time) or for each draw (3, stocks).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from carewheel.science.flywheel.stocks.expressions import OPERATIONS, Expression, Name, Number, Tables
from carewheel.science.flywheel.stocks.model import Model, in_order

TRUTHS = frozenset(("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"))
NUMBER, ONCE, TIME, STATE = range(4)
START = "start of "


@dataclass(slots=True)
class Tape:
    """Nodes by number: ``ops[i]`` on ``args[i]``; ``data[i]`` is a number, the name of an input, or of a lookup."""

    tables: Tables
    ops: list[str] = field(default_factory=list)
    args: list[tuple[int, ...]] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)
    level: list[int] = field(default_factory=list)
    _known: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def _add(self, op: str, args: tuple[int, ...], data: Any, level: int) -> int:
        key = (op, args, data)
        if key not in self._known:
            self._known[key] = len(self.ops)
            self.ops.append(op)
            self.args.append(args)
            self.data.append(data)
            self.level.append(level)
        return self._known[key]

    def number(self, value: float) -> int:
        """The node of a number."""
        return self._add("number", (), float(value), NUMBER)

    def input(self, name: str, level: int) -> int:
        """The node of what is given: a constant (level 1), time (2) or a stock (3)."""
        return self._add("input", (), name, level)

    def is_number(self, node: int, value: float) -> bool:
        return self.ops[node] == "number" and bool(self.data[node] == value)

    def truth(self, node: int) -> int:
        """The node as yes or no."""
        return node if self.ops[node] in TRUTHS else self.call("ne", node, self.number(0.0))

    def call(self, op: str, *args: int, table: str | None = None) -> int:
        """The node of an operation; what is known at once is worked out at once."""
        if op in ("and", "or", "not"):
            args = tuple(self.truth(arg) for arg in args)
        elif op == "where":
            args = (self.truth(args[0]), *(self.plain(arg) for arg in args[1:]))
        else:
            args = tuple(self.plain(arg) for arg in args)
        if all(self.ops[arg] == "number" for arg in args) and op not in TRUTHS and op != "where":
            return self.number(_known_value(op, [self.data[arg] for arg in args], self.tables, table))
        if op == "div" and self.level[args[1]] <= ONCE < self.level[args[0]]:
            # One division a run instead of one a step; off by at most one unit in the last place.
            return self.call("mul", args[0], self.call("div", self.number(1.0), args[1]))
        simple = self._simple(op, args)
        if simple is not None:
            return simple
        return self._add(op, args, table, max(self.level[arg] for arg in args) if args else NUMBER)

    def plain(self, node: int) -> int:
        """The node as a number: yes is 1, no is 0."""
        if self.ops[node] in TRUTHS:
            return self._add("where", (node, self.number(1.0), self.number(0.0)), None, self.level[node])
        return node

    def _simple(self, op: str, args: tuple[int, ...]) -> int | None:
        if op == "add":
            return args[1] if self.is_number(args[0], 0) else args[0] if self.is_number(args[1], 0) else None
        if op == "sub" and self.is_number(args[1], 0):
            return args[0]
        if op in ("mul", "div", "pow") and self.is_number(args[1], 1):
            return args[0]
        if op == "mul" and self.is_number(args[0], 1):
            return args[1]
        if op == "mul" and (self.is_number(args[0], 0) or self.is_number(args[1], 0)):
            return self.number(0.0)
        if op == "div" and self.is_number(args[0], 0):
            return args[0]
        if op == "where" and args[1] == args[2]:
            return args[1]
        return None

    def lower(self, expression: Expression, names: Mapping[str, int]) -> int:
        """The node of an expression whose names have nodes."""
        if isinstance(expression, Number):
            return self.number(expression.value)
        if isinstance(expression, Name):
            return names[expression.id]
        args = [self.lower(arg, names) for arg in expression.args]
        if expression.op in self.tables:
            return self.call("lookup", *args, table=expression.op)
        return self.call(expression.op, *args)

    def needed(self, wanted: Iterable[int]) -> list[int]:
        """Nodes that ``wanted`` need, themselves included, in an order that works."""
        todo, seen = list(wanted), set()
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo.extend(self.args[node])
        return sorted(seen)


def operation(tape: Tape, node: int) -> Callable[..., Any]:
    """What to call for a node, with arrays and, for ufuncs, ``out``."""
    op = tape.ops[node]
    if op in ("lookup", "slope"):
        xs, ys = (np.array(points, dtype=float) for points in tape.tables[tape.data[node]])
        work = lookup if op == "lookup" else slope
        return lambda x: work(x, xs, ys)
    return OPERATIONS[op]


def lookup(x: Any, xs: Any, ys: Any) -> Any:
    """The value of a lookup: linear between its points, level outside."""
    return np.interp(x, xs, ys)


def slope(x: Any, xs: Any, ys: Any) -> Any:
    """The slope of a lookup to the right of x; 0 outside its points."""
    slopes = np.concatenate([[0.0], np.diff(ys) / np.diff(xs), [0.0]])
    return slopes[np.searchsorted(xs, x, side="right")]


def _known_value(op: str, values: list[float], tables: Tables, table: str | None) -> float:
    with np.errstate(all="ignore"):
        if table is not None:
            points = tuple(np.array(p, dtype=float) for p in tables[table])
            return float((lookup if op == "lookup" else slope)(values[0], *points))
        return float(OPERATIONS[op](*values)) if values else math.nan


@dataclass(slots=True)
class Lowered:
    """A model's tape: node of every name during a step, of every stock's net flow, and of every initial value."""

    tape: Tape
    names: dict[str, int]
    net: dict[str, int]
    initial: dict[str, int]
    begin: dict[str, int]


def lowered(model: Model, given: Collection[str] = ()) -> Lowered:
    """Lower a model. ``begin`` holds the nodes of all names at the start (time is the start), out of constants and of the
    initial values of the stocks that are ``given``, which are inputs of the name ``start of STOCK``."""
    tape = Tape(model.tables)
    constants = {c.name: tape.input(c.name, ONCE) for c in model.constants}
    names = {**constants, "time": tape.input("time", TIME)}
    names |= {name: tape.input(name, STATE) for name in model.stock_names}
    for name in model.order:
        names[name] = tape.lower(model.equations[name], names)
    net = {stock.name: tape.plain(tape.lower(model.net_flow(stock), names)) for stock in model.stocks}
    begin = {**constants, "time": tape.number(model.start)}
    begin |= {name: tape.input(START + name, ONCE) for name in model.stock_names if name in given}
    pending = {name: e for name, e in {**model.equations, **model.initials}.items() if name not in begin}
    for name in in_order(pending):
        begin[name] = tape.plain(tape.lower(pending[name], begin))
    return Lowered(tape, names, net, {name: begin[name] for name in model.stock_names}, begin)
