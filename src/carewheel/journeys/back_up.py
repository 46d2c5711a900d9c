"""Backup and restore of a whole house: facts, plans and turns of the workspace, and the operational database, in one file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from carewheel.practice import backup
from carewheel.practice.audit import Verdict, verify
from carewheel.practice.upgrade import upgrade
from carewheel.warehouse.workspace import Workspace


def back_up(path: Path, workspace: Workspace, at: datetime) -> backup.BackupMade:
    """Write the backup while nobody else writes facts; the console may run. Raises `Refused`, `WorkspaceRefused`.

    A workspace that has never had a console is backed up with an empty database: so its backup is restored like any other.
    """
    if not MigrationRecorder(connection).has_table():
        upgrade()
    with workspace.writing():
        return backup.back_up(path, workspace.root, dict(settings.DATABASES["default"]), at)


def restore(path: Path, workspace: Workspace, *, replace: bool) -> Verdict:
    """Bring a backup back, and hold the audit trail that came against what the backup says of its end. Raises `Refused`."""
    loader = MigrationLoader(None)
    connection.close()
    manifest = backup.restore(
        path, workspace.root, dict(settings.DATABASES["default"]), replace=replace,
        known=lambda app, name: (app, name) in loader.disk_migrations,
    )  # fmt: skip
    number, seal = manifest["audit"]
    return verify((number, seal) if number else None)


def check(path: Path) -> dict[str, Any]:
    """What a backup says of itself, after every byte of it was checked. Raises `Refused`."""
    return backup.check(path)
