"""XMILE 1.0 of a model, for any system-dynamics tool to open and check.

Delays stand there as the stocks that they are, non-negative stocks as the limits on their outflows, lookups as graphical
functions of auxiliaries of their own; so every tool integrates the same equations in the same way.
Source: OASIS XMILE 1.0, 2015, sections 3.3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from carewheel.science.flywheel.stocks.expressions import Call, Expression, Name, Number
from carewheel.science.flywheel.stocks.model import Model
from carewheel.science.flywheel.stocks.refusals import Refusal

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "eq": "=", "ne": "<>", "and": "AND", "or": "OR",
}  # fmt: skip
_FUNCTIONS = {"min": "MIN", "max": "MAX", "exp": "EXP", "log": "LN", "sqrt": "SQRT", "abs": "ABS"}


def to_xmile(
    model: Model, values: Mapping[str, float] | None = None, vendor: str = "CareWheel", version: str = "1"
) -> str:
    """The model as an XMILE document, with other ``values`` of constants and initial stocks if given.

    Raises `Refusal` (``unknown``) for a value of what is no constant and no stock.

    >>> from carewheel.science.flywheel.stocks.model import Flow, Stock, build
    >>> text = to_xmile(build("pot", [Stock("water", 8, outflows=("leak",)), Flow("leak", "water / 2")], start=0, stop=2, dt=1))
    >>> "<eqn>(water / 2.0)</eqn>" in text
    True
    """
    given = dict(values or {})
    constants = {c.name for c in model.constants}
    if unknown := sorted(set(given) - constants - set(model.stock_names)):
        raise Refusal(
            "unknown",
            "A value is given to what is no constant and no stock.",
            "Correct the name.",
            name=unknown[0],
        )
    root = ET.Element("xmile", {"version": "1.0", "xmlns": NAMESPACE})
    header = ET.SubElement(root, "header")
    ET.SubElement(header, "vendor").text = vendor
    ET.SubElement(header, "product", {"version": version, "lang": "en"}).text = vendor
    ET.SubElement(header, "name").text = model.name
    specs = ET.SubElement(root, "sim_specs", {"method": "euler", "time_units": model.time_unit})
    for tag, number in (("start", model.start), ("stop", model.stop), ("dt", model.dt)):
        ET.SubElement(specs, tag).text = repr(number)
    variables = ET.SubElement(ET.SubElement(root, "model"), "variables")
    writer = _Writer(model, variables)
    for stock in model.stocks:
        initial = (
            repr(float(given[stock.name]))
            if stock.name in given
            else writer.text(model.initials[stock.name], f"{stock.name}_start")
        )
        element = writer.variable("stock", stock.name, initial)
        for flow in stock.inflows:
            ET.SubElement(element, "inflow").text = flow
        for flow in stock.outflows:
            ET.SubElement(element, "outflow").text = flow
        writer.describe(element, stock.name)
    for name in model.order:
        tag = "flow" if name in model.flows else "aux"
        writer.describe(writer.variable(tag, name, writer.text(model.equations[name], name)), name)
    for constant in model.constants:
        writer.describe(
            writer.variable("aux", constant.name, repr(float(given.get(constant.name, constant.value)))),
            constant.name,
        )
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


class _Writer:
    def __init__(self, model: Model, variables: ET.Element) -> None:
        self.model, self.variables = model, variables
        self.taken = set(model.names)

    def variable(self, tag: str, name: str, equation: str) -> ET.Element:
        element = ET.SubElement(self.variables, tag, {"name": name})
        ET.SubElement(element, "eqn").text = equation
        return element

    def describe(self, element: ET.Element, name: str) -> None:
        if self.model.docs.get(name):
            ET.SubElement(element, "doc").text = self.model.docs[name]
        ET.SubElement(element, "units").text = self.model.units.get(name) or "1"

    def text(self, node: Expression, owner: str) -> str:
        """The equation in XMILE's words; a lookup becomes an auxiliary with a graphical function."""
        if isinstance(node, Number):
            return repr(node.value) if node.value >= 0 else f"({node.value!r})"
        if isinstance(node, Name):
            return "TIME" if node.id == "time" else node.id
        args = [self.text(arg, owner) for arg in node.args]
        if node.op in self.model.tables:
            return self._graphical(node, args[0], owner)
        if node.op == "where":
            return f"(IF {args[0]} THEN {args[1]} ELSE {args[2]})"
        if node.op == "neg":
            return f"(-{args[0]})"
        if node.op == "not":
            return f"(NOT {args[0]})"
        if node.op in _FUNCTIONS:
            return f"{_FUNCTIONS[node.op]}({', '.join(args)})"
        return f"({args[0]} {_SIGNS[node.op]} {args[1]})"

    def _graphical(self, node: Call, argument: str, owner: str) -> str:
        number, name = 1, f"{owner}_{node.op}"
        while name in self.taken:
            number += 1
            name = f"{owner}_{node.op}_{number}"
        self.taken.add(name)
        xs, ys = self.model.tables[node.op]
        element = self.variable("aux", name, argument)
        curve = ET.SubElement(element, "gf", {"type": "continuous"})
        ET.SubElement(curve, "yscale", {"min": repr(float(min(ys))), "max": repr(float(max(ys)))})
        ET.SubElement(curve, "xpts").text = ",".join(repr(float(x)) for x in xs)
        ET.SubElement(curve, "ypts").text = ",".join(repr(float(y)) for y in ys)
        return name
