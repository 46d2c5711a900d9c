"""A template for a practitioner's half-day: from the facts of the main practice to today's times, better ones, and what both come to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date

from carewheel.journeys.look_at_the_wheel import look
from carewheel.spokes.operations.contracts_template import TemplateReport, TemplateWish
from carewheel.spokes.operations.queries_template import better_template
from carewheel.warehouse.workspace import Workspace


def draw_a_template(
    workspace: Workspace,
    today: date,
    as_of: date | None,
    wish: TemplateWish,
    told: Callable[[float], None] = lambda share: None,
) -> TemplateReport:
    """The report of the last year up to ``as_of`` (default: the last day with activity). ``told``: how far it is, 0 to 1.

    Raises `NothingToTurn` where nothing with a date was read, `CannotTell` where too little is known of the half-days that are meant.
    """
    looked = look(workspace, today, as_of)
    with closing(workspace.connect(looked.sources)) as connection:
        return better_template(connection, looked.as_of, wish, told)
