"""From the SQL of a card to values: total, by location, by month, with interval, n, change and freshness.

Turned by fact tables seen through an `Engine` (DuckDB, or Spark with the extra) and the cards of the catalog.
`evaluate` gives one `MeasureResult`; `evaluate_all` gives those of many cards over the same facts.
Who may call: wheel, spokes, journeys, cli.
"""

from carewheel.warehouse.measures.binding import bind
from carewheel.warehouse.measures.engines import DuckDbEngine, Engine, EngineMissing
from carewheel.warehouse.measures.evaluation import evaluate, evaluate_all, latest_dates
from carewheel.warehouse.measures.results import DimensionRow, MeasureResult, Series, Value

__all__ = [
    "DimensionRow",
    "DuckDbEngine",
    "Engine",
    "EngineMissing",
    "MeasureResult",
    "Series",
    "Value",
    "bind",
    "evaluate",
    "evaluate_all",
    "latest_dates",
]
