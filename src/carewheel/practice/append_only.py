"""Rows that are written once: the database refuses UPDATE and DELETE, on both engines."""

from __future__ import annotations

from typing import Any

from django.db.models import BaseConstraint

_SQLITE = "CREATE TRIGGER {name}_{event} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END"
_POSTGRES = (
    "CREATE OR REPLACE FUNCTION {name}_refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = "
    "'integrity_constraint_violation'; END $$ LANGUAGE plpgsql",
    "CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}_refuse()",
    "CREATE TRIGGER {name}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}_refuse()",
)


class AppendOnly(BaseConstraint):
    """Refuses changes and deletions of a table's rows. The name is in the message of the error."""

    def __init__(self, *, name: str, table: str) -> None:
        super().__init__(name=name)
        self.table = table

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__name__}",
            (),
            {"name": self.name, "table": self.table},
        )

    def _lines(self, schema_editor: Any) -> list[str]:
        words = {"name": self.name, "table": self.table}
        if schema_editor.connection.vendor == "postgresql":
            return [line.format(**words) for line in _POSTGRES]
        return [_SQLITE.format(event=event, **words) for event in ("UPDATE", "DELETE")]

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        # Deferred: PostgreSQL makes constraints within CREATE TABLE, a trigger needs the table.
        schema_editor.deferred_sql.extend(self._lines(schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        schema_editor.deferred_sql.extend(self._lines(schema_editor))

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor == "postgresql":
            for trigger in (self.name, f"{self.name}_all"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {self.table}")
            return
        for event in ("UPDATE", "DELETE"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {self.name}_{event}")

    def validate(self, *args: Any, **words: Any) -> None:
        """Nothing to ask before: the database refuses."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AppendOnly) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((self.name, self.table))
