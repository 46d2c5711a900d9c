"""The reference page of all measures, written from their cards: ``python -m carewheel.catalog.document > FILE``."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from carewheel.catalog.components import components
from carewheel.catalog.measures import MeasureCard, Target, measures

HEAD = """# Measures

Written from the cards in `src/carewheel/catalog/data/measures/` by `python -m carewheel.catalog.document`; do not edit.

Every number in CareWheel has a card here. Intervals are 90 %. `:as_of` is the date of the turn, inclusive. The window
`sum12` adds the last 12 full months; `trailing12` and `point` are the state at the end of the last full month.
Where it says "cut at", the measure cannot be less or more, and its interval ends there: nothing is cut away that could be true, so that it covers as often as it says.
Comparisons of two windows use the intervals before they are cut.
"""

INTERVALS = {
    "wilson": "Wilson's score interval of a share",
    "t_mean": "Student's interval of a mean",
    "nps": "adjusted Wald interval of a net promoter score (Rocks 2016); below 100 answers the score interval (Tango 1998)",
    "poisson_count": "Garwood's exact interval of a count",
    "poisson_rate": "Garwood's exact interval over a known exposure",
    "cost_per_count": "known cost over Garwood's interval of the count",
    "ratio_months": "jackknife over months; for a state: noise about the line through the last 12 month ends",
    "lifetime": "jackknife of yearly revenue and Wilson's interval of retention, combined on logarithms",
    "visit_model": "doubt of the model's parameters (delta method) and chance (drawn), as a gamma distribution",
    "tenure_model": "doubt of the regression and chance, as a beta distribution between nobody and everybody",
    "none": "none: counted, not sampled",
}


def page() -> str:
    """The page as Markdown, ending with a newline."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEAD
    for component in components().values():
        yield f"## {component.id} {component.name}\n"
        for card in measures().values():
            if card.component == component.id:
                yield from _card(card)


def _ends(card: MeasureCard) -> str:
    """Where its intervals end because it cannot be less or more."""
    ends = [f"{end:g}" for end in (card.least, card.most) if math.isfinite(end)]
    return f", cut at {' and '.join(ends)}" if ends else ""


def _card(card: MeasureCard) -> Iterator[str]:
    yield f"### {card.id}\n"
    yield f"**{card.title}.** {card.definition}\n"
    if card.status != "computed":
        yield f"- Not yet computed: {card.why}"
    yield f"- Unit: {card.unit}; better: {card.direction}"
    yield f"- Denominator: {card.denominator}"
    yield f"- Clock: {card.clock}"
    yield f"- Left out: {'; '.join(card.excluded) or 'nothing'}"
    yield f"- Smallest n: {card.minimum_n}; interval: {INTERVALS[card.interval]}{_ends(card)}; window: {card.window}"
    yield f"- Facts: {', '.join(card.facts)}; by {card.grain}; serves {', '.join(card.missions)}"
    if card.target:
        yield f"- Target: {_target(card.target)}"
    if card.reference:
        yield f"- Reference: {card.reference.value:g}, standard deviation {card.reference.sd:g} ({card.reference.source})"
    yield ""
    if card.sql:
        yield f"```sql\n{card.sql}\n```\n"


def _target(target: Target) -> str:
    what = f"{target.value:+.0%} a year" if target.kind == "annual_change" else f"{target.value:g}"
    if target.low is not None and target.high is not None:
        what += f", aim {target.low:g} to {target.high:g}"
    if target.only_if:
        what += f", progress only if {target.only_if} rises"
    return f"{what} ({target.source})"


if __name__ == "__main__":
    sys.stdout.write(page())
