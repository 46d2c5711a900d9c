"""The console over a million visits, on both engines, and two hundred people at once on PostgreSQL. In processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.tables import ROOT, Scale, Table
from tests.postgres import binaries, server

from carewheel.cli.serve import PAGES, granian

VISITS, MOST_MS, MOST_QUERIES = 1_000_000, 50, 12
USERS, THINK, SECONDS, MOST_P95 = 200, 10.0, 60, 300
# What people at a front desk open, in this mixture.
OPENED = (
    "/day/",
    "/day/",
    "/schedule/",
    "/schedule/",
    "/patients/?q=exampleab",
    "/waitlist/",
    "/schedule/?view=table",
    "/jobs/",
)


def environment(workspace: str, url: str) -> dict[str, str]:
    given = {
        "CAREWHEEL_WORKSPACE": workspace,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "carewheel.web.settings",
    }
    return os.environ | given | ({"DATABASE_URL": url} if url else {})


def measured(visits: int, workspace: str, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.console.measure", str(visits)],
        env=environment(workspace, url), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(workspace: str, url: str) -> Iterator[int]:
    """The pages as `carewheel serve` starts them: two processes of eight threads."""
    port = free_port()
    command = [*granian("rsgi", "127.0.0.1", port), "--workers", "2", PAGES]
    process = subprocess.Popen(command, env=environment(workspace, url))
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def got(line: http.client.HTTPConnection, address: str, session: str) -> int:
    """The status of a page. Where the server has closed a line that lay idle, the page is asked for on a new one, as browsers do."""
    idle = line.sock is not None
    try:
        line.request("GET", address, headers={"Cookie": f"sessionid={session}"})
        answer = line.getresponse()
    except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
        line.close()
        if not idle:
            raise
        return got(line, address, session)
    answer.read()
    return answer.status


def crowd(port: int, session: str, users: int, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of each answer that ``users`` got, each thinking ten seconds on average between two, and how many answers were no page."""
    took: list[float] = []
    wrong: list[int] = []
    until = time.monotonic() + seconds

    def user(number: int) -> None:
        rng = random.Random(number)
        time.sleep(rng.uniform(0, THINK))
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            began = time.perf_counter()
            try:
                status = got(line, rng.choice(OPENED), session)
            except OSError:
                status = 0
                line.close()
            took.append(1000 * (time.perf_counter() - began))
            if status != 200:
                wrong.append(status)
            time.sleep(rng.uniform(0.5 * THINK, 1.5 * THINK))
        line.close()

    threads = [threading.Thread(target=user, args=(n,)) for n in range(users)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return took, len(wrong)


def bench(scale: Scale) -> list[Table]:
    visits = scale.of(VISITS, 5_000)
    full = scale.share == 1.0
    table = Table(
        "Pages of the console",
        f"with {VISITS:,} visits each page in at most {MOST_MS} ms of server time at the median of 20, with at most {MOST_QUERIES} queries",
        ("page", "queries", "kB", "SQLite, ms", "PostgreSQL, ms", "met"),
    )
    load = Table(
        "Two hundred people at once",
        f"{USERS} people who think {THINK:.0f} s between pages, on PostgreSQL: 95 % of answers within {MOST_P95} ms, none wrong",
        ("people", "pages", "a second", "median, ms", "95 %, ms", "99 %, ms", "wrong", "met"),
        remarks="The crowd runs on the same two cores. Pages: " + ", ".join(sorted(set(OPENED))) + ".",
    )
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
        contextlib.ExitStack() as stack,
    ):
        embedded = measured(visits, one, "")
        other: dict[str, Any] | None = None
        if binaries() is not None:
            url = stack.enter_context(server())
            other = measured(visits, two, url)
        for number, row in enumerate(embedded["rows"]):
            there = other["rows"][number] if other else None
            both = [row, there] if there else [row]
            met = all(
                r["ms"] <= MOST_MS and r["queries"] <= MOST_QUERIES and r["status"] == 200 for r in both
            )
            table.add(
                row["page"], str(max(r["queries"] for r in both)), f"{row['bytes'] / 1000:.0f}", f"{row['ms']:.1f}",
                f"{there['ms']:.1f}" if there else "–", met=met if full else None,
            )  # fmt: skip
        table.remarks = (
            f"{embedded['visits']:,} visits of ten places, made in {embedded['filled']:.0f} s (SQLite"
            + (f"), {other['filled']:.0f} s (PostgreSQL)." if other else ").")
        )
        if other:
            with serving(two, url) as port:
                crowd(port, other["session"], 8, scale.of(10, 2))
                took, wrong = crowd(port, other["session"], scale.of(USERS, 10), scale.of(SECONDS, 5))
            took.sort()
            at = [took[min(int(q * len(took)), len(took) - 1)] for q in (0.5, 0.95, 0.99)]
            load.add(
                str(scale.of(USERS, 10)), str(len(took)), f"{len(took) / scale.of(SECONDS, 5):.0f}", *(f"{x:.0f}" for x in at), str(wrong),
                met=(at[1] <= MOST_P95 and wrong == 0) if full else None,
            )  # fmt: skip
    return [table, load]


if __name__ == "__main__":
    print(
        "\n\n".join(t.markdown() for t in bench(Scale(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, 3)))
    )
