"""Who may not come: from the facts of the main practice to chances, what to offer whom, and the audit of the score."""

from __future__ import annotations

from contextlib import closing
from datetime import date

from carewheel.journeys.look_at_the_wheel import look
from carewheel.spokes.operations.contracts import AttendanceReport
from carewheel.spokes.operations.queries import who_may_not_come
from carewheel.warehouse.workspace import Workspace


def foresee_attendance(
    workspace: Workspace, today: date, as_of: date | None, days: int, calls: int | None
) -> AttendanceReport:
    """The report of the visits of ``days`` after ``as_of`` (default: the last day with activity).

    Raises `NothingToTurn` where nothing with a date was read, `CannotTell` where no visit has a known time of booking.
    """
    looked = look(workspace, today, as_of)
    with closing(workspace.connect(looked.sources)) as connection:
        return who_may_not_come(connection, looked.as_of, days, calls)
