"""What a benchmark returns: tables of rows, with the target that they are held to, and the machine that they ran on."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a run is: ``share`` of the full size (1.0), and how often each thing is timed."""

    share: float
    rounds: int

    def of(self, full: int, least: int = 1) -> int:
        """``full`` scaled, never under ``least``."""
        return max(int(full * self.share), least)


FULL, QUICK, TINY = Scale(1.0, 3), Scale(1 / 20, 1), Scale(1 / 1000, 1)


@dataclass
class Table:
    """One topic: its heading, columns and rows; ``missed`` names the rows that fall short of the target."""

    title: str
    target: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    remarks: str = ""

    def add(self, *cells: str, met: bool | None = None) -> None:
        """A row; with ``met`` its last column says whether the target is reached."""
        verdict = () if met is None else ("yes" if met else "**no**",)
        self.rows.append((*cells, *verdict))
        if met is False:
            self.missed.append(cells[0])

    def markdown(self) -> str:
        """The table as Markdown.

        >>> table = Table("Speed", "at least 2 ×", ("task", "ratio", "met"))
        >>> table.add("reading", "1.0", met=False)
        >>> print(table.markdown().splitlines()[-1], table.missed)
        | reading | 1.0 | **no** | ['reading']
        """
        lines = [f"## {self.title}", "", f"Target: {self.target}", ""]
        lines += [
            "| " + " | ".join(row) + " |" for row in (self.columns, ("---",) * len(self.columns), *self.rows)
        ]
        if self.remarks:
            lines += ["", self.remarks]
        return "\n".join(lines)


def machine(scale: Scale) -> str:
    """The machine, the versions, the date and the commit of a run, as a Markdown list."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    system = next(
        (
            line.split("=")[1].strip().strip('"')
            for line in _lines("/etc/os-release")
            if line.startswith("PRETTY_NAME")
        ),
        platform.platform(terse=True),
    )
    load = os.getloadavg()[0]
    return "\n".join(
        [
            f"- machine: {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system} (Linux {platform.release().split('-')[0]})"
            if platform.system() == "Linux"
            else f"- machine: {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}",
            f"- CPython {platform.python_version()}, DuckDB {_version('duckdb')}, NumPy {_version('numpy')}, "
            f"orjson {_version('orjson')}",
            f"- date {date.today().isoformat()}, commit {commit}, {scale.share:.3g} of the full size, load {load:.1f} at the end",
            "- seed: none is drawn; generated rows are hashes of their number, so that each run has the same input",
        ]
    )


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def median_seconds(work: Callable[[], object], times: int) -> float:
    """Median wall time of ``times`` runs of ``work``."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def peak_mebibytes() -> float:
    """Peak resident memory of this process so far."""
    if platform.system() == "Darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # On Linux ru_maxrss survives exec, so it may be the peak of whoever started this process; VmHWM is its own.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10
