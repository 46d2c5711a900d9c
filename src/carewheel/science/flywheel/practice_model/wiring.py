"""The network of measures: how a link's felt deviation shifts its target, written as equations.

Source: felt follows the deviation (measure - reference) / sd, clipped, with a first-order lag. Target, in reference standard
deviations from the present: shift = sum over links of (strength + stronger) felt - strength felt(now). So the present is
reproduced whatever the strengths, and a stronger link is worth something where its source is away from its reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carewheel.science.flywheel.practice_model.practice import BOUNDS, WITHIN, Link, Move, Scale
from carewheel.science.flywheel.stocks import Auxiliary, Constant, Flow, Stock
from carewheel.science.flywheel.stocks.model import Variable


def word(measure: str) -> str:
    """The name of a measure in the model: "experience.nps" is ``nps``."""
    return measure.rsplit(".", maxsplit=1)[-1].lower()


def link_word(link: str) -> str:
    """The name of a link in the model: "C4-C5-hours" is ``c4_c5_hours``."""
    return link.replace("-", "_").replace("~", "_to_").lower()


def within_links(within: Mapping[tuple[str, str], float] = WITHIN) -> list[Link]:
    """The carry-overs within a part of the wheel as links, "csat~nps"."""
    return [Link(f"{word(a)}~{word(b)}", a, b) for a, b in within]


@dataclass(slots=True)
class Wiring:
    """Collects the variables of the network. ``shift`` terms by measure; ``source``: the deviation of each felt source."""

    present: Mapping[str, float]
    scales: Mapping[str, Scale]
    felt_at_most: float
    variables: list[Variable] = field(default_factory=list)
    strengths: dict[str, str] = field(default_factory=dict)
    stronger: dict[str, str] = field(default_factory=dict)
    _felt: dict[tuple[str, float], str] = field(default_factory=dict)
    _terms: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    _moved: dict[str, list[str]] = field(default_factory=dict)

    def gap(self, measure: str) -> float:
        """The present deviation of a measure, in reference standard deviations, clipped."""
        scale = self.scales[measure]
        deviation = (self.present[measure] - scale.value) / scale.sd
        return max(-self.felt_at_most, min(self.felt_at_most, deviation))

    def felt(self, key: str, measure: str, months: float, deviation: str) -> str:
        """The stock that follows ``deviation`` (text, in sds) with a lag; one for each source and lag."""
        known = (key, months)
        if known not in self._felt:
            count = sum(k == key for k, _ in self._felt)
            name = f"felt_{key}" + (f"_{count + 1}" if count else "")
            self._felt[known] = name
            limit = self.felt_at_most
            self.variables += [
                Stock(name, self.gap(measure), (f"{name}_change",), (), "sd", f"{measure} as others feel it"),
                Flow(f"{name}_change", f"(min(max({deviation}, -{limit!r}), {limit!r}) - {name}) / {months!r}", "sd/month", f"lag of {months:g} months"),
            ]  # fmt: skip
        return self._felt[known]

    def connect(self, link: Link, strength: float, key: str, deviation: str, beyond: str = "") -> None:
        """Add a link whose source's deviation is ``deviation``; ``beyond``: a constant that the stocks already do."""
        felt = self.felt(key, link.source, link.months, deviation)
        own, more = f"strength_{link_word(link.id)}", f"stronger_{link_word(link.id)}"
        self.strengths[link.id], self.stronger[link.id] = own, more
        self.variables += [
            Constant(own, strength, "sd/sd", f"strength of {link.id}"),
            Constant(more, 0.0, "sd/sd", f"how much stronger {link.id} is made"),
        ]
        base = f"({own} - {beyond})" if beyond else own
        moving, fixed = self._terms.setdefault(link.target, ([], []))
        moving.append(f"({base} + {more}) * {felt}")
        fixed.append(f"{base} * {self.gap(link.source)!r}")

    def move(self, number: int, move: Move, quantity: str, sd: float) -> None:
        """Add a move of ``quantity`` (a measure or a lever); its size becomes a constant, so that it can be drawn."""
        size = f"move_{number}_size"
        self.variables.append(Constant(size, move.size, "own unit", f"move of {move.what}"))
        reached = (
            f"min(max((time - {move.month!r}) / {move.ramp!r}, 0), 1)"
            if move.ramp > 0
            else f"(if time >= {move.month!r} then 1 else 0)"
        )
        self._moved.setdefault(quantity, []).append(f"{size} / {sd!r} * {reached}")

    def moved(self, quantity: str) -> str:
        """What moves add to a quantity, as text; "0" without any."""
        return " + ".join(self._moved.get(quantity, ["0"]))

    def linear(self, measure: str, start: float, scale: float) -> str:
        """``start`` plus ``scale`` times the measure's shift from the present (in reference standard deviations), as text.

        What does not change in a run stands together, so that it is worked out once.
        """
        moving, fixed = self._terms.get(measure, ([], []))
        text = repr(start) if not fixed else f"({start!r} - {scale!r} * ({' + '.join(fixed)}))"
        text = " + ".join([text, *(f"{scale!r} * {term}" for term in moving)])
        return text if measure not in self._moved else f"{text} + {scale!r} * ({self.moved(measure)})"

    def changed(self, measure: str) -> str:
        """What links and moves add to a quantity that the stocks make, in its own unit; 0 at present."""
        return f"({self.linear(measure, 0.0, self.scales[measure].sd)})"

    def measure(self, measure: str) -> str:
        """The name of the measure in its own unit: present plus shift, within its bounds; defines it once."""
        name = word(measure)
        if all(v.name != name for v in self.variables):
            now = self.present[measure]
            text = self.linear(measure, now, self.scales[measure].sd)
            if measure in BOUNDS:
                least, most = BOUNDS[measure]
                text = f"min(max({text}, {min(least, now)!r}), {max(most, now)!r})"
            self.variables.append(Auxiliary(name, text, "own unit", measure))
        return name

    def deviation(self, measure: str) -> str:
        """The measure's deviation from its reference in standard deviations, as text."""
        scale = self.scales[measure]
        if measure in BOUNDS:
            return f"{self.measure(measure)} * {1 / scale.sd!r} - {scale.value / scale.sd!r}"
        return self.linear(measure, (self.present[measure] - scale.value) / scale.sd, 1.0)


def touched(links: Sequence[Link]) -> list[str]:
    """Every measure at an end of a link, once, in order."""
    return list(dict.fromkeys(m for link in links for m in (link.source, link.target)))
