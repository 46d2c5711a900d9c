"""Who may not come, into the book of the console: each night, and after an import."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from zoneinfo import ZoneInfo

from carewheel.practice.access import Actor
from carewheel.practice.models import Location
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.commands_attendance import keep_foreseen
from carewheel.spokes.operations.queries import foreseen_of_the_book
from carewheel.warehouse.workspace import Workspace

# The job that does it.
FORESEE = "foresee-attendance"


def foresee_the_book(workspace: Workspace, actor: Actor, fence: Callable[[], None] = lambda: None) -> int:
    """Write the chance of every booked visit to come into the console; of how many. Nought where the facts hold no visit to learn from.

    By what was known at the end of yesterday, on the clock of the first location: nothing that came later is read.
    """
    if not workspace.manifest()["current"]:
        return 0
    place = Location.objects.filter(organisation=actor.organisation_id).order_by("pk").first()
    today = actor.at.astimezone(ZoneInfo(place.zone if place else "UTC")).date()
    with closing(workspace.connect()) as connection:
        try:
            ahead = foreseen_of_the_book(connection, today - timedelta(days=1))
        except CannotTell as unknown:
            if unknown.code != "no-visits":
                raise
            return 0
    return keep_foreseen(actor, ahead, fence)
