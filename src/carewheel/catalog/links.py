"""The arrows of the wheel with their mechanism, measures and published figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from carewheel.catalog.dictionary import load
from carewheel.catalog.measures import Reference, measures

Quality = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class Prior:
    """A published figure as it was published, in its own ``unit``.

    ``quality``: A trial or strong quasi-experiment, B cohort or meta-analysis, C cross-section, D vendor.
    ``value`` is None where the source gives a direction only.
    """

    figure: str
    unit: str
    quality: Quality
    source: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Strength:
    """A prior in the link's own units: reference SD per reference SD, cumulative over 12 months; 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """A weak guess of a strength, in the link's own units: mean and standard deviation. No evidence."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow. ``id`` is "C1-C2a"; a second arrow between the same parts carries a word more ("C4-C1-hours").

    ``ring``: part of the main ring. ``balancing``: it brakes. ``from_measure``/``to_measure``: the pair of cards that
    stand for the link, "" where none exists yet. ``same_month``: whether its effect may begin within the month. ``strength``: see the head of ``data/links.toml``, as ``assumed``, ``doubt`` and ``worth_doubt``.
    """

    id: str
    source: str
    target: str
    kind: Literal["law", "policy", "multiplier"]
    ring: bool
    balancing: bool
    mechanism: str
    measured_by: str
    from_measure: str
    to_measure: str
    same_month: bool
    priors: tuple[Prior, ...]
    prior_note: str
    strength: Strength | None
    assumed: Assumed
    doubt: float
    worth_doubt: float


@lru_cache(maxsize=1)
def links() -> dict[str, Link]:
    """Every arrow by id.

    >>> links()["C5-C1"].mechanism
    'engaged, well-trained people give better care'
    >>> [link.id for link in links().values() if link.balancing]
    ['C2b-C4', 'C2b-C5']
    """
    found = {}
    for row in load("links.toml")["link"]:
        name = "-".join(filter(None, (row["from"], row["to"], row.get("suffix"))))
        strength = row.get("strength")
        found[name] = Link(
            id=name,
            source=row["from"],
            target=row["to"],
            kind=row["kind"],
            ring=row.get("ring", False),
            balancing=row.get("balancing", False),
            mechanism=row["mechanism"],
            measured_by=row["measured_by"],
            from_measure=row["from_measure"],
            to_measure=row["to_measure"],
            same_month=row.get("same_month", False),
            priors=tuple(Prior(**prior) for prior in row["priors"]),
            prior_note=row["prior_note"],
            strength=None if strength is None else Strength(**strength),
            assumed=Assumed(**row["assumed"]),
            doubt=row["doubt"],
            worth_doubt=row.get("worth_doubt", 0.0),
        )
    return found


@lru_cache(maxsize=1)
def chance_absent() -> float:
    """The chance, before data, that an arrow is broken at a practice.

    >>> chance_absent()
    0.1
    """
    return float(load("links.toml")["absent"]["chance"])


@lru_cache(maxsize=1)
def link_scales() -> dict[str, Reference]:
    """The fixed reference value and standard deviation of every measure at an end of a link: that of its card, else
    (counts and sums) one per location and month.

    >>> link_scales()["growth.new_patients"].sd
    8.0
    """
    counts = load("links.toml")["scales"]
    scales = {}
    for name in {measure for link in links().values() for measure in (link.from_measure, link.to_measure)}:
        reference = measures()[name].reference
        scales[name] = reference if reference is not None else Reference(**counts[name])
    return scales
