"""Equations as data: a small expression tree, its text, and its direct evaluation.

Grammar, loosest first: ``if C then A else B``; ``or``; ``and``; ``not``; ``< <= > >= = <>``; ``+ -``; ``* /``; unary ``-``;
``^`` (binds to the right, tighter than unary minus: -2^2 = -4). Functions: min, max (two or more), exp, log (natural),
sqrt, abs, step(height, from), ramp(slope, from, to), lookups by their name, and the delays of `delays`.
Names are lower-case words with underscores; ``time`` and ``dt`` are known everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.science.flywheel.stocks.refusals import Refusal

Value = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, ``time`` or ``dt``."""

    id: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on expressions; ``op`` is one of `OPERATIONS`, a delay, or the name of a lookup."""

    op: str
    args: tuple[Expression, ...]


Expression = Number | Name | Call


def _lookup(x: Value, xs: tuple[float, ...], ys: tuple[float, ...]) -> Value:
    return np.asarray(np.interp(x, xs, ys))


OPERATIONS: dict[str, Callable[..., Value]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "neg": np.negative,
    "min": np.minimum, "max": np.maximum, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.absolute,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not, "where": np.where,
}  # fmt: skip
FUNCTIONS = {"min": 2, "max": 2, "exp": 1, "log": 1, "sqrt": 1, "abs": 1}
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "=": "eq", "<>": "ne"}
WORDS = frozenset(
    ("if", "then", "else", "and", "or", "not", *FUNCTIONS, "step", "ramp", "ln", "pi", "mod", "int")
)
_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(<=|>=|<>|[-+*/^()<>=,]))"
)


def parse(text: str | float | Expression) -> Expression:
    """The expression that ``text`` says; numbers and expressions pass through.

    Raises `Refusal` (``syntax``) with the place where reading stopped.

    >>> parse("2 * stock - 1").op
    'sub'
    >>> float(evaluate(parse("if time >= 3 then 2^3 else 0"), {"time": np.array(3.0)}))
    8.0
    """
    if isinstance(text, (Number, Name, Call)):
        return text
    if isinstance(text, (int, float)):
        return Number(float(text))
    return _read(text)


@lru_cache(maxsize=4096)
def _read(text: str) -> Expression:
    """Models of one practice differ in a few equations; the others are read once."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, int]] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None:
                raise self._refusal(place)
            self.tokens.append((found.group().strip().lower(), found.start()))
            place = found.end()

    def _refusal(self, place: int) -> Refusal:
        return Refusal(
            "syntax",
            "An equation cannot be read.",
            "Mend it at the place given.",
            equation=self.text,
            at=place,
        )

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if not token or (wanted and token not in wanted):
            raise self._refusal(self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text))
        self.at += 1
        return token

    def whole(self) -> Expression:
        found = self.choice()
        if self.peek():
            raise self._refusal(self.tokens[self.at][1])
        return found

    def choice(self) -> Expression:
        if self.peek() != "if":
            return self.binary(0)
        self.take("if")
        condition = self.choice()
        self.take("then")
        yes = self.choice()
        self.take("else")
        return Call("where", (condition, yes, self.choice()))

    LEVELS = ({"or": "or"}, {"and": "and"}, COMPARISONS, {"+": "add", "-": "sub"}, {"*": "mul", "/": "div"})

    def binary(self, level: int) -> Expression:
        if level == len(self.LEVELS):
            return self.unary()
        if level == 2 and self.peek() == "not":
            self.take()
            return Call("not", (self.binary(level),))
        left = self.binary(level + 1)
        while self.peek() in self.LEVELS[level]:
            op = self.LEVELS[level][self.take()]
            left = Call(op, (left, self.binary(level + 1)))
        return left

    def unary(self) -> Expression:
        if self.peek() == "-":
            self.take()
            return Call("neg", (self.unary(),))
        base = self.atom()
        if self.peek() == "^":
            self.take()
            return Call("pow", (base, self.unary()))
        return base

    def atom(self) -> Expression:
        place = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text)
        token = self.take()
        if token == "(":
            inside = self.choice()
            self.take(")")
            return inside
        if token[0].isdigit() or token[0] == ".":
            return Number(float(token))
        if not (token[0].isalpha() or token[0] == "_"):
            raise self._refusal(place)
        if self.peek() != "(":
            if token in WORDS:
                raise self._refusal(place)
            return Name(token)
        self.take("(")
        args = [self.choice()]
        while self.peek() == ",":
            self.take()
            args.append(self.choice())
        self.take(")")
        return self._call(token, args, place)

    def _call(self, name: str, args: list[Expression], place: int) -> Expression:
        time = Name("time")
        if name in ("step", "ramp"):
            if len(args) != (2 if name == "step" else 3):
                raise self._refusal(place)
            if name == "step":
                return Call("where", (Call("ge", (time, args[1])), args[0], Number(0.0)))
            past = Call("min", (time, args[2]))
            return Call("mul", (args[0], Call("max", (Call("sub", (past, args[1])), Number(0.0)))))
        if name in FUNCTIONS:
            if (
                len(args) < FUNCTIONS[name]
                or (len(args) > 2 and name not in ("min", "max"))
                or (FUNCTIONS[name] == 1 and len(args) > 1)
            ):
                raise self._refusal(place)
            found = Call(name, tuple(args[: FUNCTIONS[name]]))
            for more in args[FUNCTIONS[name] :]:
                found = Call(name, (found, more))
            return found
        return Call(name, tuple(args))


def names_in(expression: Expression) -> Iterator[str]:
    """Every name that the expression uses, with repeats; lookups that it calls are not among them."""
    if isinstance(expression, Name):
        yield expression.id
    elif isinstance(expression, Call):
        for arg in expression.args:
            yield from names_in(arg)


def calls_in(expression: Expression) -> Iterator[Call]:
    """Every call inside the expression, the innermost first."""
    if isinstance(expression, Call):
        for arg in expression.args:
            yield from calls_in(arg)
        yield expression


Tables = Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]


def evaluate(expression: Expression, values: Mapping[str, Value], tables: Tables | None = None) -> Value:
    """The expression's value, node by node, with ``values`` by name and lookup ``tables`` (x, y) by name.

    Slow and plain: the compiled programs are held against it.

    >>> float(evaluate(parse("max(a, 3) / 2"), {"a": np.array(5.0)}))
    2.5
    """
    if isinstance(expression, Number):
        return np.asarray(expression.value)
    if isinstance(expression, Name):
        return values[expression.id]
    args = [evaluate(arg, values, tables) for arg in expression.args]
    if tables is not None and expression.op in tables:
        return _lookup(args[0], *tables[expression.op])
    return np.asarray(OPERATIONS[expression.op](*args))
