"""How much memory reading takes: files of 2 GiB, each through the product's import in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.memory.files import MAPPING, WRITERS, Writer, json_bundle
from benchmarks.tables import ROOT, Scale, Table

SIZE = 2 * 2**30
ALLOWED = 1024.0
BUNDLE = 260 * 2**20
# A folder for the answer of each file, so that a run of hours that was stopped goes on where it stood.
KEPT = "CAREWHEEL_BENCH_ANSWERS"


def import_file(path: Path, mapping: str = "") -> dict[str, Any]:
    """Import ``path`` into a workspace of its own: seconds, peak MiB, rows read and used, findings."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, "-m", "benchmarks.memory.importing", str(path), folder + "/workspace"]
        if mapping:
            (Path(folder) / "bench.toml").write_text(mapping)
            command.append(folder + "/bench.toml")
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _smaller(scale: Scale, short: list[str]) -> str:
    if not short:
        return ""
    return f" (**not shown here** for files of {scale.share:.3g} of that size: {'; '.join(short)})"


def _answer(path: Path, write: Writer, scale: Scale) -> tuple[int, float, dict[str, Any], bool]:
    """Rows and MiB of a file, what importing it took, and whether it had the full size.

    From the folder of answers if it is there already; an answer at full size stands for one at any.
    """
    folder = Path(os.environ[KEPT]) if KEPT in os.environ else None
    sizes = (SIZE, scale.of(SIZE, 200_000))
    for wanted in sizes:
        kept = folder / f"{path.name}-{wanted}.json" if folder is not None else None
        if kept is not None and kept.exists():
            rows, size, answer = json.loads(kept.read_text())
            return rows, size, answer, wanted == SIZE
    rows = write(path, wanted)
    size = path.stat().st_size / 2**20
    answer = import_file(path, MAPPING if path.name.startswith("visits") else "")
    path.unlink()
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([rows, size, answer]))
    return rows, size, answer, wanted == SIZE


def bench(scale: Scale, only: tuple[str, ...] = ()) -> list[Table]:
    table = Table(
        "Memory and speed of an import",
        f"at most {ALLOWED:,.0f} MiB for a file of 2 GiB, facts written",
        ("file", "MiB", "rows", "s", "rows/s", "MiB/s", "peak MiB", "met"),
    )
    short: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (what, write) in WRITERS.items():
            if only and name not in only:
                continue
            rows, size, answer, is_full = _answer(Path(folder) / name, write, scale)
            if not is_full:
                short.append(what)
            if answer["used"] != rows:
                raise AssertionError(
                    f"{name}: {rows} rows written, {answer['used']} used; {answer['findings'][:3]}"
                )
            table.add(
                what, f"{size:,.0f}", f"{rows:,}", f"{answer['seconds']:,.0f}", f"{rows / answer['seconds']:,.0f}",
                f"{size / answer['seconds']:.1f}", f"{answer['peak']:,.0f}", met=answer["peak"] <= ALLOWED,
            )  # fmt: skip
        bundle = Path(folder) / "bundle.json"
        if not only:
            json_bundle(bundle, BUNDLE)
            answer = import_file(bundle)
            refused = [finding for finding in answer["findings"] if finding["code"] == "fhir.too-large"]
            table.add(
                "one JSON Bundle over 256 MB: refused, with the remedy", f"{bundle.stat().st_size / 2**20:,.0f}", "–",
                f"{answer['seconds']:,.0f}", "–", "–", f"{answer['peak']:,.0f}",
                met=bool(refused and refused[0]["remedy"]) and answer["peak"] <= ALLOWED,
            )  # fmt: skip
    table.target += _smaller(scale, short)
    table.remarks = "One run each: spooling, pseudonyms, typing, versions, current facts and tie-out included. Another size than 2 GiB is named in the second column."
    return [table]
