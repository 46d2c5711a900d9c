"""`carewheel worker`: what happens behind the pages."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType

import click

from carewheel.cli.console import open_database
from carewheel.cli.terminal import complain, now, say, workspace_option

IDLE_SECONDS = 1.0
AWAY_SECONDS = 5.0
# New organisations get their recurring jobs within this.
SCHEDULE_SECONDS = 60.0


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due, and end.")
@workspace_option
def worker_command(once: bool, workspace: Path) -> None:
    """Do the jobs behind the pages: end holds, offer free times, send messages, turn the wheel at night. `carewheel serve` starts one.

    Several may run at once, also on other machines with the same DATABASE_URL.
    """
    open_database(workspace)
    from django.db import OperationalError, close_old_connections

    from carewheel.journeys.work_behind_the_pages import house, schedule, work_once

    at_work = house(workspace)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    parent, scheduled = os.getppid(), -SCHEDULE_SECONDS
    # A job is finished before a signal ends the worker; whoever lost its parent ends too.
    while not stopped and os.getppid() == parent:
        try:
            if time.monotonic() - scheduled > SCHEDULE_SECONDS:
                schedule(now())
                scheduled = time.monotonic()
            done = work_once(at_work, now)
        except OperationalError:
            complain("The database does not answer.", "Trying again.")
            close_old_connections()
            time.sleep(AWAY_SECONDS)
            continue
        if once:
            say(f"{done} jobs.")
            return
        close_old_connections()
        if not done:
            time.sleep(IDLE_SECONDS)
