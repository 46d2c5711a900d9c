"""The first start of a console: an organisation, filled with the invented group if there is nothing else, and its owner."""

from __future__ import annotations

import calendar
import os
import shutil
from datetime import date
from pathlib import Path

from carewheel.cli.terminal import bar, now, say, today

LOCATIONS, MONTHS, SEED = 2, 30, 7
DEMO, DONE = "demo", "filled"


def first_start(workspace: Path, owner: str, *, empty: bool, fresh: bool) -> str:
    """Make what is missing; returns the password of the owner's account if it was made now, else "".

    Who is interrupted starts again and it goes on. A workspace that holds facts already keeps them: only an export fills its console.
    """
    from carewheel.practice.members import first_owner
    from carewheel.practice.models import Organisation
    from carewheel.warehouse.workspace import Workspace

    space, demo = Workspace(workspace), workspace / DEMO
    begun = demo.is_dir() and not (demo / DONE).exists()
    if (
        not empty
        and (begun or not Organisation.objects.exists())
        and (begun or not space.manifest()["current"])
    ):
        fill_with_the_invented(workspace, LOCATIONS, MONTHS)
    organisation = Organisation.objects.order_by("id").first()
    if organisation is None:
        organisation = Organisation.objects.create(name="My practice", created_at=now())
        if fresh:
            say("The console is empty. Fill it: carewheel import FOLDER-WITH-EXPORTS")
    return first_owner(organisation, owner, now())


def fill_with_the_invented(workspace: Path, locations: int, months: int) -> None:
    """Live through an invented group up to the end of this month, turn its wheel, and show it as it stands today."""
    from carewheel.interop.files import ReadSettings
    from carewheel.invented.clockwork import holidays_around
    from carewheel.invented.demo import Order, make_demo
    from carewheel.invented.group import DemoRefused, Group
    from carewheel.journeys.fill_the_practice import fill_the_practice
    from carewheel.journeys.import_sources import GivenSource, Progress
    from carewheel.journeys.turn_the_wheel import turn_the_wheel
    from carewheel.warehouse.workspace import Workspace

    say("Filling the console with an invented group (once, under a minute). Nothing in it is real.")
    folder, day = workspace / DEMO, today()
    group = Group(SEED, locations, months, until=_end_of_month(day))
    order = Order(group, folder, workers=os.cpu_count() or 1)
    given = [GivenSource(folder / "exports")]
    settings = ReadSettings(today=day)
    with bar("Living through the places") as show:
        if not (folder / "truth.json").exists():
            try:
                make_demo(order, lambda done: show("places", done, locations))
            except DemoRefused as refusal:
                if refusal.code not in ("demo.other", "demo.folder"):
                    raise
                # Begun in an earlier month, and not finished.
                shutil.rmtree(folder)
                make_demo(order, lambda done: show("places", done, locations))
    with bar("Turning the wheel") as show:
        turn_the_wheel(Workspace(workspace), given, settings, as_of=day, progress=Progress(show=show))
    with bar("Filling the console") as show:
        holidays = holidays_around(day.year)
        fill_the_practice(
            Workspace(workspace), given, settings, now(), holidays=holidays, progress=Progress(show=show)
        )
    (folder / DONE).touch()


def _end_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
