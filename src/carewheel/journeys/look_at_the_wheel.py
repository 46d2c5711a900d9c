"""A look at the wheel without a report: the measures, what is learnt from them, and the plans of the main practice."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from carewheel.catalog.facts import fact_tables
from carewheel.catalog.measures import measures
from carewheel.warehouse.measures import DuckDbEngine, MeasureResult, evaluate
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.in_place import InPlace, in_place
from carewheel.wheel.learnt import Learnt, learn
from carewheel.wheel.measured import Measured, measure_all
from carewheel.wheel.plans import Ledger
from carewheel.wheel.practices import practices
from carewheel.wheel.roadmap import PlayWorth, worth_of_plays
from carewheel.wheel.turn import NothingToTurn, plans_on
from carewheel.wheel.verification import Change, Standing, changes_on_record, standing


class MoneyUnknown(Exception):
    """Nothing can be said in money of this practice: ``why`` names what is missing."""

    code = "wheel.no-money"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} See “What is missing” in the report of `carewheel turn`.")
        self.why = why


@dataclass(frozen=True)
class Looked:
    """The practice with most facts of a workspace at the end of ``as_of``, its plans at ``plans_on``.

    What costs time is worked out when it is asked for, and once: all measures, or a single one by `result`.
    """

    workspace: Workspace
    sources: tuple[str, ...]
    as_of: date
    plans_on: date
    changes: tuple[Change, ...]
    invented: bool

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.workspace)

    @cached_property
    def measured(self) -> Mapping[str, Measured]:
        """Every measure of the catalog, by card id."""
        with closing(self.workspace.connect(self.sources)) as connection:
            return {m.card.id: m for m in measure_all(DuckDbEngine(connection), self.as_of, foreseen=False)}

    def result(self, measure: str) -> MeasureResult | None:
        """One computed measure, without the others."""
        if "measured" in self.__dict__:
            return self.measured[measure].result
        known: dict[str, MeasureResult] = self._results
        if measure not in known:
            with closing(self.workspace.connect(self.sources)) as connection:
                known[measure] = evaluate(measures()[measure], DuckDbEngine(connection), self.as_of)
        return known[measure]

    @cached_property
    def _results(self) -> dict[str, MeasureResult]:
        return {}

    @cached_property
    def places(self) -> list[str]:
        """Every place that a fact names; "" alone where none is named."""
        asked = " UNION ".join(f"SELECT location_id FROM {table}" for table in fact_tables())
        with closing(self.workspace.connect(self.sources)) as connection:
            rows = connection.execute(asked).fetchall()
        return sorted(place for (place,) in rows if place) or [""]

    @property
    def standing(self) -> Standing:
        """Read anew each time: a step may have been added."""
        return standing(self.ledger, self.places, self.plans_on)

    @cached_property
    def learnt(self) -> Learnt:
        return learn(self.measured)

    @property
    def currency(self) -> str:
        """Of the practice's collections; "" if none is known."""
        result = self.result("finance.collections")
        return result.currency if result else ""

    def worths(self) -> list[PlayWorth]:
        """Every play by its worth, with the effects as they are believed now. Raises `MoneyUnknown`."""
        self.need_money()
        now = self.standing
        return worth_of_plays(self.learnt, now.sizes, self.in_place, now.sources)

    @property
    def in_place(self) -> InPlace:
        """Where plays are at work."""
        with closing(self.workspace.connect(self.sources)) as connection:
            return in_place(connection, self.standing.plans, self.places, self.as_of, self.plans_on)

    def need_money(self) -> None:
        """Raises `MoneyUnknown` where the practice's money cannot be modelled."""
        if self.learnt.model is None:
            raise MoneyUnknown(self.learnt.why_no_money)
        if not self.currency:
            raise MoneyUnknown(
                "The currency of the amounts is not stated: read the sources again with --currency."
            )


def look(workspace: Workspace, today: date, as_of: date | None = None) -> Looked:
    """The main practice at ``as_of`` (inclusive; default: its last date with activity up to ``today``).

    Raises `NothingToTurn` where no source has a dated fact, `WorkspaceRefused` for a damaged workspace.
    """
    manifest = workspace.manifest()
    dated = (
        [p for p in practices(workspace, today) if p.last_activity is not None] if manifest["current"] else []
    )
    if not dated:
        raise NothingToTurn("Nothing with a date was read into this workspace yet.")
    main = dated[0]
    assert main.last_activity is not None
    day = as_of or main.last_activity
    with closing(workspace.connect(main.sources)) as connection:
        changes = tuple(changes_on_record(connection, day))
    on = plans_on(workspace, today, as_of, day)
    return Looked(workspace, main.sources, day, on, changes, bool(manifest["invented"]))


def plan_day(workspace: Workspace, today: date, as_of: date | None = None) -> date:
    """The day on which a step of a plan is taken: ``as_of``, else today; in an invented group its last day with activity."""
    if as_of is not None or not workspace.manifest()["invented"]:
        return as_of or today
    last = [p.last_activity for p in practices(workspace, today) if p.last_activity is not None]
    return last[0] if last else today
