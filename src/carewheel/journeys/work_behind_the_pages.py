"""What the worker does behind the pages: one table of jobs, each with its beat; nothing is discovered."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from carewheel.interop.files import ReadSettings
from carewheel.journeys.ask_what_if import WHAT_IF, answer_what_if
from carewheel.journeys.foresee_the_book import FORESEE, foresee_the_book
from carewheel.journeys.keep_purchases import WEIGH_PURCHASE, weigh_kept
from carewheel.journeys.take_facts import take_facts
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.journeys.weigh_half_days import weigh_half_days
from carewheel.practice.jobs import Handler, Run, enqueue, work
from carewheel.practice.messages.sending import send_due
from carewheel.practice.messages.ways import Way, ways
from carewheel.practice.models import Location, Organisation
from carewheel.practice.workspaces import folder_of
from carewheel.spokes.operations.commands_booking import expire_holds
from carewheel.spokes.operations.commands_lab import WEIGH
from carewheel.spokes.operations.commands_waitlist import work_waitlist
from carewheel.warehouse.workspace import Workspace

# When the wheel turns; who may not come is foreseen an hour later.
NIGHT = 3
DAY = 86_400
LONG = timedelta(hours=4)
# Where patients open links of messages.
OFFER = "/offer/{token}/"


@dataclass(frozen=True)
class House:
    """What jobs need beside the database: the workspace, the ways out, and the address under which patients reach the pages."""

    workspace: Workspace
    ways: dict[str, Way]
    address: str


def house(workspace: Path) -> House:
    """From the environment: CAREWHEEL_SMTP, CAREWHEEL_SMS, CAREWHEEL_ADDRESS. Raises `Refused` for ways that would be unsafe."""
    found = ways(workspace, os.environ.get("CAREWHEEL_SMTP", ""), os.environ.get("CAREWHEEL_SMS", ""))
    return House(Workspace(workspace), found, os.environ.get("CAREWHEEL_ADDRESS", "").rstrip("/"))


def _hold(house: House, run: Run) -> object:
    return expire_holds(run.actor)


def _waitlist(house: House, run: Run) -> object:
    return work_waitlist(run.actor, house.address + OFFER)


def _messages(house: House, run: Run) -> object:
    return send_due(house.ways, run.at)


def _turn(house: House, run: Run) -> object:
    """The facts of the day, and the wheel turned on them. A workspace without facts is left alone."""
    run.beat(lasting=LONG)
    workspace = Workspace(folder_of(house.workspace.root, run.actor.organisation_id))
    while take_facts(workspace, run.actor):
        pass
    if not workspace.manifest()["current"]:
        return None
    return turn_the_wheel(workspace, [], ReadSettings(today=run.at.date()), as_of=run.at.date())


def _foresee(house: House, run: Run) -> object:
    """Who may not come, into the book. After the wheel, which takes the facts of the day."""
    run.beat(lasting=LONG)
    return foresee_the_book(
        Workspace(folder_of(house.workspace.root, run.actor.organisation_id)), run.actor, run.fence
    )


def _weigh(house: House, run: Run) -> object:
    """A question of the access lab."""
    weigh_half_days(Workspace(folder_of(house.workspace.root, run.actor.organisation_id)), run)
    return None


def _weigh_purchase(house: House, run: Run) -> object:
    """A purchase of the practice."""
    weigh_kept(Workspace(folder_of(house.workspace.root, run.actor.organisation_id)), run)
    return None


def _what_if(house: House, run: Run) -> object:
    """A question of the practice to its model."""
    answer_what_if(Workspace(folder_of(house.workspace.root, run.actor.organisation_id)), run)
    return None


# Kind of job: what does it, every how many seconds (None: when it is asked for), and whether once for each organisation.
JOBS: dict[str, tuple[Callable[[House, Run], object], int | None, bool]] = {
    "expire-holds": (_hold, 30, True),
    "work-waitlist": (_waitlist, 30, True),
    "send-messages": (_messages, 15, False),
    "turn-the-wheel": (_turn, DAY, True),
    FORESEE: (_foresee, DAY, True),
    WEIGH: (_weigh, None, True),
    WEIGH_PURCHASE: (_weigh_purchase, None, True),
    WHAT_IF: (_what_if, None, True),
}


def handlers(house: House) -> dict[str, Handler]:
    """The table as `jobs.work` wants it."""

    def bound(do: Callable[[House, Run], object]) -> Handler:
        return lambda run: do(house, run)

    return {kind: bound(do) for kind, (do, _, _) in JOBS.items()}


def schedule(at: datetime) -> None:
    """See to it that what recurs is in the queue, of each organisation. What is there already stays as it is."""
    for kind, (_, every, of_each) in JOBS.items():
        if every is None:
            continue
        if not of_each:
            enqueue(kind, run_at=at, key=kind, every_seconds=every)
            continue
        for organisation in Organisation.objects.order_by("id"):
            due = _tonight(organisation, at, NIGHT + (kind == FORESEE)) if every == DAY else at
            enqueue(kind, run_at=due, key=f"{kind}:{organisation.pk}", every_seconds=every, organisation_id=organisation.pk)  # fmt: skip


def work_once(house: House, now: Callable[[], datetime]) -> int:
    """Everything that is due now; returns how many jobs were tried."""
    return work(handlers(house), now)


def _tonight(organisation: Organisation, at: datetime, hour: int) -> datetime:
    """The next time that the clock of its first location shows this hour."""
    place = Location.objects.filter(organisation=organisation).order_by("id").first()
    local = at.astimezone(ZoneInfo(place.zone if place else "UTC"))
    night = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return night if night > local else night + timedelta(days=1)
