"""No two visits at one resource at once, held by the database: an exclusion constraint on PostgreSQL, triggers on SQLite.

Rows that overbook on purpose are outside of it. Whoever books locks the resource's row first: an exclusion constraint alone may end in a
storm of deadlocks when many want one slot.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import BaseConstraint

TABLE = "practice_occupancy"
# Nothing occupies longer (a visit lasts a day at most), so that what began before need not be looked through: years of bookings of one person.
LONGEST = timedelta(days=7)
_TRIGGER = """CREATE TRIGGER {name}_{event} BEFORE {event} ON {table}
WHEN NOT NEW.overbooks AND (julianday(NEW.ends_at) - julianday(NEW.starts_at) > {days} OR EXISTS (
  SELECT 1 FROM {table} WHERE resource_id = NEW.resource_id AND NOT overbooks AND id IS NOT NEW.id
    AND starts_at >= datetime(NEW.starts_at, '-{days} days') AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at))
BEGIN SELECT RAISE(ABORT, '{name}'); END"""


_EXCLUSION = """CONSTRAINT {name}
EXCLUDE USING GIST (resource_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&) WHERE (NOT overbooks)"""


class NoOverlap(BaseConstraint):
    """The constraint on both engines. Its name is in the message of the error, on both.

    Not made of django.contrib.postgres: that cannot be imported where psycopg is absent, as in the default install.
    """

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)

    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, NoOverlap) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        return (f"{type(self).__module__}.{type(self).__name__}", (), {"name": self.name})

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor == "postgresql":
            return _EXCLUSION.format(name=self.name)
        # A table made anew by Django's SQLite editor loses its triggers; they are put back once it has its name.
        schema_editor.deferred_sql.extend(_triggers(str(self.name)))
        return None

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        constraint = self.constraint_sql(model, schema_editor)
        return constraint and f"ALTER TABLE {TABLE} ADD {constraint}"

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor == "postgresql":
            return f"ALTER TABLE {TABLE} DROP CONSTRAINT {self.name}"
        for event in ("INSERT", "UPDATE"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {self.name}_{event}")
        return None

    def validate(self, *args: Any, **words: Any) -> None:
        """The database decides, in the transaction that writes; asking before would only be a guess."""


def add_btree_gist(apps: Any, schema_editor: Any) -> None:
    """The extension whose index holds "same resource and overlapping times"; nothing on SQLite. For the first migration."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")


def _triggers(name: str) -> list[str]:
    words = {"name": name, "table": TABLE, "days": LONGEST.days}
    return [_TRIGGER.format(event=event, **words) for event in ("INSERT", "UPDATE")]
