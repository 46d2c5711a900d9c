"""Imports one file into a new workspace and prints what it took as JSON; runs in a process of its own.

python -m benchmarks.memory.importing FILE WORKSPACE [MAPPING]
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.tables import peak_mebibytes

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace


def main() -> None:
    path, folder, *mappings = map(Path, sys.argv[1:])
    settings = ReadSettings(
        today=date(2026, 1, 1), zone="America/New_York", currency="USD", mappings=mappings
    )
    start, cpu = time.perf_counter(), time.process_time()
    reports = import_sources(Workspace(folder), [GivenSource(path)], settings)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "cpu": time.process_time() - cpu,
                "peak": peak_mebibytes(),
                "read": sum(report.rows_read for report in reports),
                "used": sum(report.rows_used for report in reports),
                "findings": [finding for report in reports for finding in report.findings],
            }
        )
    )


if __name__ == "__main__":
    main()
