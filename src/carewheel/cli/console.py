"""What commands that touch the operational database do first: find it, and bring its tables up to date."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# By name: the door for operators does not import the door for people.
SETTINGS = "carewheel.web.settings"


def open_database(workspace: Path) -> None:
    """Let Django find the database of the workspace (or of DATABASE_URL). Raises `DatabaseRefused`, `KeyRefused`."""
    os.environ["CAREWHEEL_WORKSPACE"] = str(workspace.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    # Patients' data lie in it: nobody else on the machine looks in.
    workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    import django

    django.setup()


def upgrade_database(workspace: Path, told: Callable[[str], None] = lambda name: None) -> int:
    """`open_database`, and apply what its tables lack; how many migrations."""
    open_database(workspace)
    from carewheel.practice.upgrade import upgrade

    return upgrade(told)
