"""Delays and smooths, expanded into stocks so that every tool integrates the same thing.

``smooth1(x, t)`` and ``smooth3(x, t)``: x, felt with an exponential lag of mean t, of first and third order.
``delay1(x, t)`` and ``delay3(x, t)``: a flow x that comes out again after t on average; what is under way is conserved.
A last argument gives the value at the start; without it that of x. Source: Forrester 1961, ch. 9; Sterman 2000, ch. 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from carewheel.science.flywheel.stocks.expressions import Call, Expression, Name, Number
from carewheel.science.flywheel.stocks.refusals import Refusal

DELAYS = {"smooth1": 1, "smooth3": 3, "delay1": 1, "delay3": 3}


@dataclass(frozen=True, slots=True)
class HiddenStock:
    """A stock that a delay is made of, with its two flows."""

    name: str
    initial: Expression
    inflow: str
    outflow: str
    unit: str
    doc: str


@dataclass(slots=True)
class Expanded:
    """Equations without delays, and the stocks that stand for them."""

    equations: dict[str, Expression] = field(default_factory=dict)
    stocks: list[HiddenStock] = field(default_factory=list)


def expand(equations: Mapping[str, Expression], taken: set[str], units: Mapping[str, str]) -> Expanded:
    """Replace each delay in ``equations`` by stocks; a delay of the same arguments twice in one equation is one delay.

    >>> from carewheel.science.flywheel.stocks.expressions import parse
    >>> [stock.name for stock in expand({"seen": parse("smooth1(demand, 3)")}, {"seen", "demand"}, {}).stocks]
    ['seen_smooth1_1']
    """
    found = Expanded()
    for owner, equation in equations.items():
        made: dict[Call, Expression] = {}
        found.equations[owner] = _without(equation, owner, taken, units.get(owner, "1"), found, made)
    return found


def _without(
    node: Expression, owner: str, taken: set[str], unit: str, found: Expanded, made: dict[Call, Expression]
) -> Expression:
    if not isinstance(node, Call):
        return node
    node = Call(node.op, tuple(_without(arg, owner, taken, unit, found, made) for arg in node.args))
    if node.op not in DELAYS:
        return node
    if len(node.args) not in (2, 3):
        raise Refusal(
            "syntax", "A delay takes a value, a time, and perhaps a start.", "Correct it.", within=owner
        )
    if node not in made:
        made[node] = _stages(node, owner, taken, unit, found)
    return made[node]


def _stages(call: Call, owner: str, taken: set[str], unit: str, found: Expanded) -> Expression:
    order, conserved = DELAYS[call.op], call.op.startswith("delay")
    value, time = call.args[:2]
    start = call.args[2] if len(call.args) == 3 else value
    each: Expression = time if order == 1 else Call("div", (time, Number(float(order))))
    for _ in range(order):
        name = _free(f"{owner}_{call.op}", taken)
        inflow, outflow = _free(f"{name}_in", taken, plain=True), _free(f"{name}_out", taken, plain=True)
        doc = f"stage of {call.op} in {owner}"
        if conserved:
            found.stocks.append(
                HiddenStock(name, Call("mul", (start, each)), inflow, outflow, f"{unit} under way", doc)
            )
            found.equations[inflow] = value
            found.equations[outflow] = Call("div", (Name(name), each))
            value = Name(outflow)
        else:
            found.stocks.append(HiddenStock(name, start, inflow, outflow, unit, doc))
            found.equations[inflow] = Call("div", (value, each))
            found.equations[outflow] = Call("div", (Name(name), each))
            value = Name(name)
    return value


def _free(stem: str, taken: set[str], plain: bool = False) -> str:
    number = 1
    name = stem if plain else f"{stem}_1"
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name
