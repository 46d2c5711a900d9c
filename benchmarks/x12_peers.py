"""Reading 837P and 835 to records, against pyx12's validation, in one run on one core; and reading them into facts.

Files are made by repeating one claim of a published sample (tests/interop/excerpts/x12) with distinct numbers. CPU time,
median over the rounds; ours and the peer's rounds take turns.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

from benchmarks.counting import Counting
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import Scale, Table

from carewheel.interop import x12
from carewheel.interop.files import ReadSettings, SourceFile
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.workspace import Workspace

SAMPLES = Path(__file__).parent.parent / "tests" / "interop" / "excerpts" / "x12"
LEAST = 20


def segments_of(name: str) -> list[str]:
    return [segment.strip() for segment in (SAMPLES / name).read_text().split("~") if segment.strip()]


def index(segments: list[str], start: str, after: int = 0) -> int:
    return next(i for i in range(after, len(segments)) if segments[i].startswith(start))


def finished(head: list[str], body: list[str], tail: list[str]) -> str:
    """Head, body and tail with the right number in SE01."""
    begins = index(head, "ST*")
    end = tail[0].split("*")
    end[1] = str(len(head) - begins + len(body) + 1)
    return "~\n".join([*head, *body, "*".join(end), *tail[1:]]) + "~\n"


def claims_837(count: int) -> str:
    """One subscriber, patient and claim of a published 837P, ``count`` times with distinct CLM01 and HL numbers."""
    segments = segments_of("837p-dependent.edi")
    start, stop = index(segments, "HL*2*"), index(segments, "SE*")
    body = []
    for number in range(count):
        for segment in segments[start:stop]:
            parts = segment.split("*")
            if parts[0] == "HL":
                level = 2 + 2 * number + (parts[3] == "23")
                parts[1], parts[2] = str(level), "1" if parts[3] == "22" else str(level - 1)
            elif parts[0] == "CLM":
                parts[1] = f"C{number}"
            body.append("*".join(parts))
    return finished(segments[:start], body, segments[stop:])


def claims_835(count: int) -> str:
    """The first claim (five lines) of a published 835, ``count`` times with distinct CLP01, in balance."""
    segments = segments_of("835-nine-claims.edi")
    start = index(segments, "CLP*")
    stop, end = index(segments, "LX*", start), index(segments, "SE*")
    paid = Decimal(segments[start].split("*")[4])
    head = segments[:start]
    place = index(head, "BPR*")
    parts = head[place].split("*")
    parts[2] = str(paid * count)
    head[place] = "*".join(parts)
    body = []
    for number in range(count):
        first = segments[start].split("*")
        first[1] = f"C{number}"
        body += ["*".join(first), *segments[start + 1 : stop]]
    return finished(head, body, segments[end:])


def time_ours(path: Path, claims: int) -> float:
    sink = Counting()
    start = time.process_time()
    x12.read([(SourceFile(path, path.name), "interchange")], sink, ReadSettings(today=date(2026, 1, 1)))
    seconds = time.process_time() - start
    assert sink.rows == claims, (sink.rows, sink.findings)
    return claims / seconds


def time_pyx12(python: Path, path: Path, claims: int) -> float:
    command = [str(python), str(HERE / "pyx12_timing.py"), str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=path.parent).stdout
    return claims / float(out.split()[-1])


def time_import(path: Path, claims: int) -> float:
    """Claims a second of wall time through the whole import: read, spooled, typed, versions and current facts written."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        (report,) = import_sources(
            Workspace(Path(folder) / "workspace"),
            [GivenSource(path)],
            ReadSettings(today=date(2026, 1, 1), currency="USD"),
        )
        seconds = time.perf_counter() - start
    assert report.rows_used == claims, (report.rows_used, report.findings)
    return claims / seconds


def bench(scale: Scale) -> list[Table]:
    ours, theirs = scale.of(20_000, 20), scale.of(1_000, 5)
    python = python_of("pyx12")
    table = Table(
        "X12 to records and into facts",
        f"reading 837P and 835 at least {LEAST} × pyx12 4.0.0, in one run",
        ("task", f"CareWheel, claims/s ({ours:,})", f"pyx12, claims/s ({theirs:,})", "ratio", "met"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for task, make in (("837P", claims_837), ("835, balanced", claims_835)):
            large, small = Path(folder) / "large.edi", Path(folder) / "small.edi"
            large.write_text(make(ours))
            small.write_text(make(theirs))
            pairs = [(time_ours(large, ours), time_pyx12(python, small, theirs)) for _ in range(scale.rounds)]
            mine, peer = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            table.add(
                f"{task} to records",
                f"{mine:,.0f}",
                f"{peer:,.0f}",
                f"{mine / peer:.0f}",
                met=mine >= LEAST * peer,
            )
            facts = statistics.median(time_import(large, ours) for _ in range(scale.rounds))
            table.add(f"{task} into facts (wall)", f"{facts:,.0f}", "–", "–", "–")
    table.remarks = f"Median of {scale.rounds}. Records: CPU time of one core; pyx12 validates by its maps, ours by its guides and balances. Facts: wall time of a whole import."
    return [table]
