"""The tables brought to what this version of CareWheel needs: loudly where it cannot be, from where it stood after an interruption.

Each migration is one transaction on both engines; one that was killed midway has left nothing, and the next start does it anew.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from carewheel.practice.database import DatabaseRefused

OURS = ("practice", "operations")


def upgrade(told: Callable[[str], None] = lambda name: None) -> int:
    """Apply what is missing, in order; ``told`` hears the name of each. Returns how many.

    Raises `DatabaseRefused` (database.newer) where a later version of CareWheel has been at work, (database.away) without a database.
    """
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise DatabaseRefused(
            "database.away", "The database does not answer.", "Start it, or correct DATABASE_URL."
        ) from error
    unknown = sorted(
        f"{app}.{name}"
        for app, name in executor.loader.applied_migrations
        if app in OURS and (app, name) not in executor.loader.disk_migrations
    )
    if unknown:
        raise DatabaseRefused(
            "database.newer",
            f"The database was upgraded by a later CareWheel ({unknown[-1]}).",
            "Install that version, or restore the backup made before the upgrade.",
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # One upgrade at a time; the lock goes with the connection.
            cursor.execute("SELECT pg_advisory_lock(%s)", [0x4341_5246])
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    for migration, _ in plan:
        told(f"{migration.app_label}.{migration.name}")
    executor.migrate(executor.loader.graph.leaf_nodes(), plan)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [0x4341_5246])
    return len(plan)
