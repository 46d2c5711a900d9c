"""Reading FHIR NDJSON to records, against fhir.resources parsing the same lines into its R4B models, in one run.

CPU seconds on one core. Ours reads more lines than the peer, which needs seconds for a thousand; both read the same
resources, repeated with distinct ids.
"""

from __future__ import annotations

import gzip
import os
import statistics
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.counting import Counting
from benchmarks.peers.environment import HERE, python_of
from benchmarks.tables import ROOT, Scale, Table

from carewheel.interop import fhir
from carewheel.interop.files import ReadSettings, SourceFile

TYPES = ("Patient", "Encounter", "Claim", "ExplanationOfBenefit")
LEAST = 10
BUNDLED = ROOT / "examples" / "practice" / "fhir"


def lines_of(kind: str) -> list[tuple[str, list[bytes]]]:
    """Resources of a type by set: those in the repository, and the full ones of the shared data where they are."""
    sets = [
        (
            "bundled example, trimmed",
            gzip.decompress((BUNDLED / f"{kind}.ndjson.gz").read_bytes()).splitlines(),
        )
    ]
    shared = os.environ.get("CAREWHEEL_DATA")
    if shared:
        folder = Path(shared) / "interop" / "fhir" / "synthea2019-100pts"
        for path in sorted(folder.glob(f"{kind}*.ndjson*"))[:1]:
            content = path.read_bytes()
            sets.append(
                (
                    "Synthea 2019, whole",
                    (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines(),
                )
            )
    return sets


def write_lines(path: Path, lines: list[bytes], count: int) -> None:
    """``count`` resources: ``lines`` over and over, each time with other ids."""
    with path.open("wb") as stream:
        for number in range(count):
            around, which = divmod(number, len(lines))
            line = lines[which]
            if around:
                line = line.replace(b'"id":"', b'"id":"%d-' % around, 1)
            stream.write(line + b"\n")


def _ours(path: Path, kind: str, count: int) -> float:
    sink = Counting()
    start = time.process_time()
    fhir.read([(SourceFile(path, path.name), kind)], sink, ReadSettings(today=date(2026, 1, 1)))
    seconds = time.process_time() - start
    assert sink.rows == count, (sink.rows, sink.findings[:3])
    return count / seconds


def _theirs(python: Path, path: Path, kind: str) -> float:
    command = [str(python), str(HERE / "fhir_timing.py"), str(path), kind]
    count, seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(count) / float(seconds)


def bench(scale: Scale) -> list[Table]:
    python = python_of("fhir")
    table = Table(
        "FHIR NDJSON to records",
        f"at least {LEAST} × fhir.resources 8.3.0 (R4B models, the faster of its two ways of parsing), in one run",
        ("type and set", "bytes a line", "CareWheel, lines/s", "fhir.resources, lines/s", "ratio", "met"),
    )
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large.ndjson", Path(folder) / "small.ndjson"
        for kind in TYPES:
            for name, lines in lines_of(kind):
                size = statistics.mean(map(len, lines))
                many = scale.of(min(200_000, int(60e6 / size)), len(lines[:20]))
                few = scale.of(min(4_000, int(4e6 / size)), 10)
                write_lines(large, lines, many)
                write_lines(small, lines, few)
                pairs = [
                    (_ours(large, kind, many), _theirs(python, small, kind)) for _ in range(scale.rounds)
                ]
                ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
                table.add(
                    f"{kind}, {name}",
                    f"{size:,.0f}",
                    f"{ours:,.0f}",
                    f"{theirs:,.0f}",
                    f"{ours / theirs:.0f}",
                    met=ours >= LEAST * theirs,
                )
    table.remarks = f"Median of {scale.rounds}, CPU time of one core; ours and the peer's rounds take turns."
    return [table]
