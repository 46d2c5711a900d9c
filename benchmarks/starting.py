"""How long the command line takes: the help, and a turn of the bundled example, cold and warm."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.tables import ROOT, Scale, Table, median_seconds

ALLOWED = 0.3


def _run(*words: str) -> None:
    command = [str(Path(sys.executable).parent / "carewheel"), *words]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def bench(scale: Scale) -> list[Table]:
    times, turns = (20, 5) if scale.share > 0.01 else (1, 1)
    table = Table(
        "Command line", f"`carewheel --help` under {ALLOWED} s", ("command", "s, median", "runs", "met")
    )
    seconds = median_seconds(lambda: _run("--help"), times)
    table.add("carewheel --help", f"{seconds:.3f}", str(times), met=seconds < ALLOWED)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        words = ("turn", "examples/practice", "--workspace", str(workspace))

        def cold() -> None:
            shutil.rmtree(workspace, ignore_errors=True)
            _run(*words)

        table.add(
            "carewheel turn examples/practice, new workspace",
            f"{median_seconds(cold, turns):.2f}",
            str(turns),
            "–",
        )
        table.add(
            "the same again, nothing new to load",
            f"{median_seconds(lambda: _run(*words), turns):.2f}",
            str(turns),
            "–",
        )
    table.remarks = "Wall time of whole processes."
    return [table]
