"""A look at the wheel without a report: the measures, what is learnt from them, and the plans of the main practice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from carewheel.warehouse.measures import DuckDbEngine
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.learnt import Learnt, learn
from carewheel.wheel.measured import Measured, measure_all
from carewheel.wheel.plans import Ledger
from carewheel.wheel.practices import practices
from carewheel.wheel.roadmap import PlayWorth, worth_of_plays
from carewheel.wheel.turn import NothingToTurn, places_of, plans_on
from carewheel.wheel.verification import Change, Standing, changes_on_record, standing

Progress = Callable[[str, int, int], None]


class MoneyUnknown(Exception):
    """Nothing can be said in money of this practice: ``why`` names what is missing."""

    code = "wheel.no-money"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} See “What is missing” in the report of `carewheel turn`.")
        self.why = why


@dataclass(frozen=True)
class Looked:
    """The practice with most facts of a workspace at the end of ``as_of``, its plans at ``plans_on``. What costs time is worked out when it is asked for."""

    workspace: Workspace
    as_of: date
    plans_on: date
    measured: Mapping[str, Measured]
    changes: tuple[Change, ...]
    invented: bool

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.workspace)

    @cached_property
    def places(self) -> list[str]:
        return places_of(self.measured)

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
        result = self.measured["finance.collections"].result
        return result.currency if result else ""

    def worths(self) -> list[PlayWorth]:
        """Every play by its worth, with the effects as they are believed now. Raises `MoneyUnknown`."""
        self.need_money()
        return worth_of_plays(self.learnt, self.standing.sizes)

    def need_money(self) -> None:
        """Raises `MoneyUnknown` where the practice's money cannot be modelled."""
        if self.learnt.model is None:
            raise MoneyUnknown(self.learnt.why_no_money)
        if not self.currency:
            raise MoneyUnknown(
                "The currency of the amounts is not stated: read the sources again with --currency."
            )


def look(
    workspace: Workspace,
    today: date,
    as_of: date | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Looked:
    """Measure the main practice at ``as_of`` (inclusive; default: its last date with activity up to ``today``).

    Raises `NothingToTurn` where no source has a dated fact, `WorkspaceRefused` for a damaged workspace.
    """
    progress("measures", 0, 2)
    manifest = workspace.manifest()
    dated = (
        [p for p in practices(workspace, today) if p.last_activity is not None] if manifest["current"] else []
    )
    if not dated:
        raise NothingToTurn("Nothing with a date was read into this workspace yet.")
    main = dated[0]
    assert main.last_activity is not None
    day = as_of or main.last_activity
    connection = workspace.connect(main.sources)
    try:
        measured = {m.card.id: m for m in measure_all(DuckDbEngine(connection), day)}
        changes = tuple(changes_on_record(connection, day))
    finally:
        connection.close()
    progress("links", 1, 2)
    return Looked(
        workspace, day, plans_on(workspace, today, as_of, day), measured, changes, bool(manifest["invented"])
    )


def plan_day(workspace: Workspace, today: date, as_of: date | None = None) -> date:
    """The day on which a step of a plan is taken: ``as_of``, else today; in an invented group its last day with activity."""
    if as_of is not None or not workspace.manifest()["invented"]:
        return as_of or today
    last = [p.last_activity for p in practices(workspace, today) if p.last_activity is not None]
    return last[0] if last else today
