"""The panel that links are learnt from: the measures at the ends of the arrows by place and month, in reference sd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.links import chance_absent, link_scales, links
from carewheel.catalog.measures import MeasureCard, measures
from carewheel.science.flywheel.learning import LinkEstimate, LinkPrior, PanelSeries, learn_links
from carewheel.warehouse.measures import MeasureResult

# Older months tell of another practice; five years are enough to learn from.
MOST_MONTHS = 60
# A record begins with open books: nobody was referred yet, no claim was sent, and money takes some three months to come in.
OPENING = 3
# Facts in which some speak for all: what acts on others is how all are, not how those were who answered.
ANSWERS = frozenset({"survey_response", "staff_pulse"})
# Stars act as they stand, posted by whom they may be, and are read by the year.
POSTED = "review"
A_YEAR, HALF_A_YEAR = 12, 6


@dataclass(frozen=True, slots=True)
class LinkPanel:
    """Series by measure id, (places × months) each, with the names of both axes."""

    locations: tuple[str, ...]
    months: tuple[date, ...]
    series: Mapping[str, PanelSeries]


def link_panel(results: Mapping[str, MeasureResult]) -> LinkPanel:
    """The panel of all link ends among ``results``. Facts without a place count as one place of their own."""
    ends = {name: results[name] for name in link_scales() if name in results and results[name].months}
    months = sorted({month for result in ends.values() for month in result.months})
    locations = sorted({place for result in ends.values() for place in result.by_location_month})
    if len(locations) > 1:
        locations = [place for place in locations if place]
    column = {month: t for t, month in enumerate(months)}
    series = {}
    for name, result in ends.items():
        card, scale = measures()[name], link_scales()[name]
        values, noise = (np.full((len(locations), len(months)), np.nan) for _ in range(2))
        at = [column[month] for month in result.months]
        for i, place in enumerate(locations):
            found = result.by_location_month.get(place)
            if found is not None:
                values[i, at] = (found.value - scale.value) / scale.sd
                noise[i, at] = found.variance / scale.sd**2
        series[name] = _series(card, values, noise)
    begun = max(_begun(series.values()) + OPENING, len(months) - MOST_MONTHS)
    kept_months = {name: _since(one, begun) for name, one in series.items()}
    return LinkPanel(tuple(locations), tuple(months[begun:]), kept_months)


def _begun(series: Iterable[PanelSeries]) -> int:
    """The first month in which half of the measures have a value anywhere.

    Before that only remains of a longer past are on record (first visits of patients who are still here, hiring dates): their
    numbers are not those of their time, and would be taken for a great change when the record begins.
    """
    seen = np.array([np.isfinite(one.values).any(axis=0) for one in series])
    if not seen.size:
        return 0
    enough = seen.sum(axis=0) * 2 >= seen.any(axis=1).sum()
    return int(enough.argmax()) if enough.any() else seen.shape[1]


def _since(one: PanelSeries, begun: int) -> PanelSeries:
    return replace(one, values=one.values[:, begun:], noise=one.noise[:, begun:])


def _series(card: MeasureCard, values: NDArray[np.float64], noise: NDArray[np.float64]) -> PanelSeries:
    return PanelSeries(
        values,
        noise,
        sampled=bool(ANSWERS & set(card.facts)),
        trailing=A_YEAR if card.window == "trailing12" else 1,
        acts_over=A_YEAR if POSTED in card.facts else HALF_A_YEAR if card.interval == "poisson_rate" else 1,
    )


def link_priors() -> list[LinkPrior]:
    """What is taken of every arrow before data: the catalog's guess, and that it may be broken here."""
    return [
        LinkPrior(
            link.id, link.from_measure, link.to_measure, link.assumed.mean, link.assumed.sd, link.target,
            chance_absent(), link.same_month, link.doubt,
        )
        for link in links().values()
    ]  # fmt: skip


def estimates(panel: LinkPanel) -> dict[str, LinkEstimate]:
    """Every arrow's strength from the panel and the priors, by link id."""
    of_year: NDArray[np.intp] = np.array([month.month - 1 for month in panel.months], dtype=np.intp)
    return learn_links(panel.series, link_priors(), of_year)
