"""How fast an invented group is made: exports, facts, and a large group streamed, killed midway and gone on with."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import ROOT, Scale, Table

SECONDS_ALLOWED = 60.0
RATE_ALLOWED = 40.0
MEBIBYTES_ALLOWED = 2048.0
WORKERS = 2
LARGE, LARGE_MONTHS = 2_000, 60


def _start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [
        str(Path(sys.executable).parent / "carewheel"),
        "demo",
        str(folder),
        "--workers",
        str(WORKERS),
        *words,
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)


def _make(folder: Path, *words: str) -> float:
    began = time.perf_counter()
    if _start(folder, *words).wait():
        raise AssertionError(f"carewheel demo {' '.join(words)} failed")
    return time.perf_counter() - began


def _resident(session: int) -> float:
    """MiB of all processes of a session now (Linux; 0 elsewhere)."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += int(fields[21])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGESIZE") / 2**20


def _large(folder: Path, words: tuple[str, ...], places: int) -> tuple[float, float, int]:
    """Make a large group, killed after about a third and asked for again: seconds, peak MiB, places done when killed."""
    began = time.perf_counter()
    peak, at_kill = 0.0, 0
    for wanted in (places // 3, None):
        process = _start(folder, *words)
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            done = len(list((folder / ".progress").glob("loc*.json")))
            if wanted is not None and done >= wanted:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                at_kill = done
                break
            time.sleep(0.2)
        if wanted is None and process.returncode:
            raise AssertionError("the demo that was gone on with failed")
    return time.perf_counter() - began, peak, at_kill


def _large_kept(folder: Path, words: tuple[str, ...], places: int) -> tuple[float, float, int]:
    """`_large`, or its answer if CAREWHEEL_BENCH_ANSWERS names a folder that has one: it takes most of an hour."""
    kept = os.environ.get("CAREWHEEL_BENCH_ANSWERS")
    path = Path(kept) / f"demo-{places}x{LARGE_MONTHS}.json" if kept else None
    if path is not None and path.exists():
        seconds, peak, at_kill = json.loads(path.read_text())
        return seconds, peak, at_kill
    answer = _large(folder, words, places)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answer))
    return answer


def bench(scale: Scale) -> list[Table]:
    times = 3 if scale.share > 0.01 else 1
    table = Table(
        "Invented groups",
        f"6 places × 36 months with exports under {SECONDS_ALLOWED:.0f} s; facts of at least {RATE_ALLOWED:.0f} location-months a second on two "
        f"cores; {LARGE:,} × {LARGE_MONTHS} streamed within {MEBIBYTES_ALLOWED:,.0f} MiB, with resume",
        ("group", "s", "location-months/s", "peak MiB", "met"),
    )
    with tempfile.TemporaryDirectory() as root:
        # The large group first: its answer is kept, so that the quick rows can be measured again on a quieter machine.
        places = scale.of(LARGE, 6)
        words = ("--locations", str(places), "--months", str(LARGE_MONTHS), "--write", "facts")
        seconds, peak, at_kill = _large_kept(Path(root) / "large", words, places)
        large = (
            f"{places:,} × {LARGE_MONTHS}, facts; killed at {at_kill:,} places and gone on with", f"{seconds:,.0f}",
            f"{places * LARGE_MONTHS / seconds:.0f}", f"{peak:,.0f}",
        )  # fmt: skip
        taken = [
            _make(Path(root) / f"exports-{i}", "--locations", "6", "--months", "36") for i in range(times)
        ]
        seconds = statistics.median(taken)
        table.add(
            "6 × 36, exports", f"{seconds:.1f}", f"{216 / seconds:.0f}", "–", met=seconds < SECONDS_ALLOWED
        )
        places = scale.of(40, 4)
        taken = [
            _make(Path(root) / f"facts-{i}", "--locations", str(places), "--months", "36", "--write", "facts")
            for i in range(times)
        ]
        rate = places * 36 / statistics.median(taken)
        table.add(
            f"{places} × 36, facts",
            f"{statistics.median(taken):.1f}",
            f"{rate:.0f}",
            "–",
            met=rate >= RATE_ALLOWED,
        )
        table.add(*large, met=peak <= MEBIBYTES_ALLOWED and at_kill > 0)
    table.remarks = (
        f"{WORKERS} processes; wall time of the whole command, median of {times} (the large group: one run). Peak: all its processes together, "
        "sampled five times a second."
    )
    return [table]
