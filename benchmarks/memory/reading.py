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


def _smaller(scale: Scale) -> str:
    return (
        ""
        if scale.share >= 1
        else f" (**not shown by this run**: its files have {scale.share:.3g} of that size)"
    )


def _answer(path: Path, write: Writer, scale: Scale) -> tuple[int, float, dict[str, Any]]:
    """Rows and MiB of a file and what importing it took; from the folder of answers if it is there already."""
    wanted = scale.of(SIZE, 200_000)
    kept = Path(os.environ[KEPT]) / f"{path.name}-{wanted}.json" if KEPT in os.environ else None
    if kept is not None and kept.exists():
        return tuple(json.loads(kept.read_text()))  # type: ignore[return-value]
    rows = write(path, wanted)
    size = path.stat().st_size / 2**20
    answer = import_file(path, MAPPING if path.name.startswith("visits") else "")
    path.unlink()
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([rows, size, answer]))
    return rows, size, answer


def bench(scale: Scale, only: tuple[str, ...] = ()) -> list[Table]:
    table = Table(
        "Memory and speed of an import",
        f"at most {ALLOWED:,.0f} MiB for a file of 2 GiB, facts written" + _smaller(scale),
        ("file", "MiB", "rows", "s", "rows/s", "MiB/s", "peak MiB", "met"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (what, write) in WRITERS.items():
            if only and name not in only:
                continue
            rows, size, answer = _answer(Path(folder) / name, write, scale)
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
    table.remarks = "One run each: spooling, pseudonyms, typing, versions, current facts and tie-out included. Another size than 2 GiB is named in the second column."
    return [table]
