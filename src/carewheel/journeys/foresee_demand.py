"""How many will ask: from the facts of the main practice to visits by day and week, of places, regions and the group."""

from __future__ import annotations

import csv
from contextlib import closing
from datetime import date
from pathlib import Path

from carewheel.journeys.look_at_the_wheel import look
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import DemandReport
from carewheel.spokes.operations.queries import how_many_will_ask
from carewheel.warehouse.workspace import Workspace


def foresee_demand(
    workspace: Workspace, today: date, as_of: date | None, days: int, regions: Path | None
) -> DemandReport:
    """The report of ``days`` after ``as_of`` (default: the last day with activity). ``regions``: a CSV with the columns location and region.

    Raises `NothingToTurn` where nothing with a date was read, `CannotTell` where no place has enough days, or the regions cannot be read.
    """
    looked = look(workspace, today, as_of)
    named = {} if regions is None else regions_of(regions)
    with closing(workspace.connect(looked.sources)) as connection:
        return how_many_will_ask(connection, looked.as_of, days, named)


def regions_of(path: Path) -> dict[str, str]:
    """Region by location. Raises `CannotTell` ``not-regions``."""
    remedy = "write a CSV with the columns location and region"
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotTell("not-regions", {"file": path.name}, remedy) from error
    if not rows or not {"location", "region"} <= set(rows[0]):
        raise CannotTell("not-regions", {"file": path.name}, remedy)
    return {(row["location"] or "").strip(): (row["region"] or "").strip() for row in rows}
