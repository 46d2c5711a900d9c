"""A stock-and-flow model as data: stocks, flows, auxiliaries, constants, lookups; built, checked and put in order once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from carewheel.science.flywheel.stocks.delays import DELAYS, expand
from carewheel.science.flywheel.stocks.expressions import (
    OPERATIONS,
    WORDS,
    Call,
    Expression,
    Name,
    Number,
    Tables,
    calls_in,
    names_in,
    parse,
)
from carewheel.science.flywheel.stocks.refusals import Refusal

_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")
BUILT_IN = ("time", "dt")


@dataclass(frozen=True, slots=True)
class Stock:
    """What piles up: changes by its flows alone. ``non_negative``: outflows, in their order, take no more than is there."""

    name: str
    initial: str | float | Expression
    inflows: tuple[str, ...] = ()
    outflows: tuple[str, ...] = ()
    unit: str = "1"
    doc: str = ""
    non_negative: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """What moves a stock, per unit of time."""

    name: str
    equation: str | float | Expression
    unit: str = "1"
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """What is worked out of stocks, constants and other auxiliaries at each step."""

    name: str
    equation: str | float | Expression
    unit: str = "1"
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that holds for a whole run; a run may give it another value, or one for each draw."""

    name: str
    value: float
    unit: str = "1"
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A function by its points: linear between them, level outside. Called like a function, by its name."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    unit: str = "1"
    doc: str = ""


Variable = Stock | Flow | Auxiliary | Constant | Lookup


@dataclass(frozen=True)
class Model:
    """A checked model. Build it with `build`; delays are already stocks, equations are expressions, order is fixed.

    ``order``: flows and auxiliaries, each after what it needs. Euler: x(t + dt) = x(t) + dt (inflows - outflows).
    """

    name: str
    stocks: tuple[Stock, ...]
    constants: tuple[Constant, ...]
    lookups: tuple[Lookup, ...]
    equations: Mapping[str, Expression]
    initials: Mapping[str, Expression]
    order: tuple[str, ...]
    flows: frozenset[str]
    start: float
    stop: float
    dt: float
    time_unit: str
    units: Mapping[str, str] = field(default_factory=dict)
    docs: Mapping[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of Euler steps from start to stop."""
        return round((self.stop - self.start) / self.dt)

    @cached_property
    def tables(self) -> Tables:
        """Lookups by name, as (x, y)."""
        return {lookup.name: (lookup.xs, lookup.ys) for lookup in self.lookups}

    @cached_property
    def stock_names(self) -> tuple[str, ...]:
        """Names of the stocks, those of delays included, in order."""
        return tuple(stock.name for stock in self.stocks)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that has a value during a run."""
        return frozenset((*self.stock_names, *self.equations, *(c.name for c in self.constants)))

    def net_flow(self, stock: Stock) -> Expression:
        """Inflows less outflows of a stock, in their order."""
        total: Expression | None = None
        for flow in stock.inflows:
            total = Name(flow) if total is None else Call("add", (total, Name(flow)))
        for flow in stock.outflows:
            total = Call("neg", (Name(flow),)) if total is None else Call("sub", (total, Name(flow)))
        return Number(0.0) if total is None else total


def build(
    name: str,
    variables: Iterable[Variable],
    *,
    start: float,
    stop: float,
    dt: float,
    time_unit: str = "month",
) -> Model:
    """Check the variables and put them in order.

    Raises `Refusal`: ``time_step`` (dt not positive and finite, or not a whole number of steps), ``name``, ``duplicate``,
    ``unknown``, ``circular``, ``lookup``, ``flow`` (a flow that no stock uses, or that enters or leaves two), ``syntax``.

    >>> pot = [Stock("water", 10, outflows=("leak",), unit="l"), Flow("leak", "water / 5", unit="l/hour")]
    >>> model = build("leaking pot", pot, start=0, stop=2, dt=0.5, time_unit="hour")
    >>> model.steps, model.order
    (4, ('leak',))
    >>> build("pot", pot, start=0, stop=2, dt=-1)
    Traceback (most recent call last):
    carewheel.science.flywheel.stocks.refusals.Refusal: The time step must be positive, ... (dt: -1)
    """
    _check_time(start, stop, dt)
    given = _plain(list(variables))
    stocks = [v for v in given if isinstance(v, Stock)]
    lookups = tuple(v for v in given if isinstance(v, Lookup))
    constants = tuple(v for v in given if isinstance(v, Constant))
    equations = {v.name: parse(v.equation) for v in given if isinstance(v, (Flow, Auxiliary))}
    flows = {v.name for v in given if isinstance(v, Flow)}
    units, docs = {v.name: v.unit for v in given}, {v.name: v.doc for v in given}
    more = expand(equations, {v.name for v in given}, units)
    equations = {**more.equations}
    stocks += [Stock(s.name, s.initial, (s.inflow,), (s.outflow,), s.unit, s.doc) for s in more.stocks]
    for new in more.stocks:
        flows |= {new.inflow, new.outflow}
        units |= {
            new.name: new.unit,
            new.inflow: f"{new.unit}/{time_unit}",
            new.outflow: f"{new.unit}/{time_unit}",
        }
        docs |= {new.name: new.doc, new.inflow: f"into {new.name}", new.outflow: f"out of {new.name}"}
    for stock in stocks:
        if stock.non_negative:
            _limit_outflows(stock, equations)
    equations = {key: _with_dt(value, dt) for key, value in equations.items()}
    initials = {stock.name: _with_dt(parse(stock.initial), dt) for stock in stocks}
    stocks = [replace(stock, initial=initials[stock.name]) for stock in stocks]
    _check_flows(stocks, flows)
    known = {*equations, *initials, *(c.name for c in constants), "time"}
    tables = {lookup.name for lookup in lookups}
    for owner, equation in (*equations.items(), *initials.items()):
        _check_names(owner, equation, known, tables)
    order = in_order(equations)
    # Initial values may use auxiliaries at the start and other initial values, but not in a circle.
    in_order({**equations, **initials})
    return Model(
        name, tuple(stocks), constants, lookups, equations, initials, order, frozenset(flows),
        float(start), float(stop), float(dt), time_unit, units, docs,
    )  # fmt: skip


def _check_time(start: float, stop: float, dt: float) -> None:
    remedy = "Give a positive dt that divides the span."
    if not (math.isfinite(dt) and dt > 0):
        raise Refusal("time_step", "The time step must be positive, and finite.", remedy, dt=dt)
    steps = (stop - start) / dt
    if not (math.isfinite(steps) and steps >= 1 and abs(steps - round(steps)) < 1e-9 * max(steps, 1)):
        raise Refusal(
            "time_step", "The span is not a whole number of steps.", remedy, start=start, stop=stop, dt=dt
        )


def _plain(variables: list[Variable]) -> list[Variable]:
    seen: set[str] = set()
    for variable in variables:
        name = variable.name
        if not _WORD.match(name) or name in WORDS or name in BUILT_IN or name in DELAYS or name in OPERATIONS:
            raise Refusal(
                "name",
                "This cannot be the name of a variable.",
                "Use lower-case words and underscores.",
                name=name,
            )
        if name in seen:
            raise Refusal("duplicate", "A name stands for two variables.", "Rename one.", name=name)
        seen.add(name)
        if isinstance(variable, Lookup):
            rising = all(a < b for a, b in zip(variable.xs, variable.xs[1:], strict=False))
            if len(variable.xs) < 2 or len(variable.xs) != len(variable.ys) or not rising:
                raise Refusal(
                    "lookup",
                    "A lookup needs two points or more, with rising x.",
                    "Mend its points.",
                    name=name,
                )
        if isinstance(variable, Constant) and not math.isfinite(variable.value):
            raise Refusal("not_finite", "A constant is not a finite number.", "Give it a value.", name=name)
    return variables


def _limit_outflows(stock: Stock, equations: dict[str, Expression]) -> None:
    left: Expression = Call("div", (Name(stock.name), Name("dt")))
    for flow in stock.outflows:
        if flow in equations:
            bounded = Call("min", (equations[flow], left))
            equations[flow] = Call("max", (bounded, Number(0.0)))
            left = Call("sub", (left, Name(flow)))


def _with_dt(expression: Expression, dt: float) -> Expression:
    if isinstance(expression, Name) and expression.id == "dt":
        return Number(dt)
    if isinstance(expression, Call):
        return Call(expression.op, tuple(_with_dt(arg, dt) for arg in expression.args))
    return expression


def _check_flows(stocks: Sequence[Stock], flows: set[str]) -> None:
    for kind in ("inflows", "outflows"):
        users: dict[str, str] = {}
        for stock in stocks:
            for flow in getattr(stock, kind):
                if flow not in flows:
                    raise Refusal(
                        "unknown",
                        "A stock names a flow that is none.",
                        "Add the flow.",
                        stock=stock.name,
                        name=flow,
                    )
                if flow in users:
                    raise Refusal(
                        "flow", f"A flow stands among the {kind} of two stocks, or twice.", "Split it.", flow=flow, stocks=(users[flow], stock.name)
                    )  # fmt: skip
                users[flow] = stock.name
    used = {flow for stock in stocks for flow in (*stock.inflows, *stock.outflows)}
    if idle := sorted(flows - used):
        raise Refusal(
            "flow", "A flow moves no stock.", "Name it at a stock, or make it an auxiliary.", flow=idle[0]
        )


def _check_names(owner: str, equation: Expression, known: set[str], tables: set[str]) -> None:
    for name in names_in(equation):
        if name not in known:
            raise Refusal(
                "unknown",
                "An equation uses an unknown name.",
                "Define it, or correct the name.",
                name=name,
                within=owner,
            )
    for call in calls_in(equation):
        if call.op in tables:
            if len(call.args) != 1:
                raise Refusal(
                    "lookup", "A lookup takes one value.", "Call it with one.", name=call.op, within=owner
                )
        elif call.op not in OPERATIONS:
            raise Refusal(
                "unknown",
                "An equation calls an unknown function.",
                "Define it, or correct the name.",
                name=call.op,
                within=owner,
            )


def in_order(equations: Mapping[str, Expression]) -> tuple[str, ...]:
    """Names so that each comes after what it needs, else in the order given; depth first without recursion limits."""
    state: dict[str, int] = {}
    order: list[str] = []
    for first in equations:
        stack = [(first, iter(sorted(set(names_in(equations[first])))))]
        if state.get(first) == 2:
            continue
        state[first] = 1
        while stack:
            name, needs = stack[-1]
            need = next((n for n in needs if n in equations and state.get(n) != 2), None)
            if need is None:
                stack.pop()
                state[name] = 2
                order.append(name)
            elif state.get(need) == 1:
                circle = [n for n, _ in stack]
                path = (*circle[circle.index(need) :], need)
                raise Refusal(
                    "circular",
                    "Equations need each other.",
                    "Put a stock or a delay between them.",
                    path=" -> ".join(path),
                )
            else:
                state[need] = 1
                stack.append((need, iter(sorted(set(names_in(equations[need]))))))
    return tuple(order)
