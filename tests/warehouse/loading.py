"""Loading records into a workspace and asking it, for tests."""

from __future__ import annotations

from typing import Any

from carewheel.interop.files import SourceFile
from carewheel.interop.records import AppointmentRecord, ChargeRecord, PaymentRecord, Record
from carewheel.warehouse.load import SourceReport, importing
from carewheel.warehouse.spool import SourceSetting
from carewheel.warehouse.workspace import Workspace


def load_records(
    space: Workspace,
    *records: Record,
    source: str = "pms",
    kind: str = "practice",
    zone: str = "America/New_York",
) -> SourceReport:
    """Import the records as one file of one source, its totals told as a reader tells them."""
    space.root.mkdir(parents=True, exist_ok=True)
    path = space.root.parent / "file.csv"
    path.write_text("x")
    with importing(space) as run:
        sink = run.sink("somewhere", kind, SourceSetting(source, kind, zone, "USD"))
        with sink.file(SourceFile(path, "file.csv")) as out:
            for record in records:
                if isinstance(record, ChargeRecord):
                    out.tally("charges", record.amount or 0)
                if isinstance(record, PaymentRecord):
                    out.tally("collections", record.amount or 0)
                if isinstance(record, AppointmentRecord) and record.status == "fulfilled":
                    out.tally("visits", 1)
                out.add(record)
                out.used()
        return run.commit()[0]


def ask(space: Workspace, sql: str) -> list[tuple[Any, ...]]:
    """Rows over the current facts."""
    connection = space.connect()
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
