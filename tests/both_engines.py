"""All tests on SQLite and, beside them, what has a database once more on a PostgreSQL of its own: ``python -m tests.both_engines PYTEST_ARGS…``.

Side by side, because each waits now and then for a browser, a process or a clock. The second one's output stands in
``artefacts/postgresql.log`` and is shown at the end. With some tests named, those alone run, on SQLite. Where PostgreSQL is not installed it says so; with CAREWHEEL_CI=1 that is a failure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.postgres import NOT_HERE, broken_off

# One worker more than cores: some tests wait for a browser or for processes.
EVERYTHING = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
# What a browser draws and clicks does not hang on the engine; the requests behind it are tested on both.
WITH_DATABASE = ["tests/practice", "tests/operations", "tests/web", "-m", "not needs_browser"]
LOG = Path("artefacts/postgresql.log")
PYTEST = [sys.executable, "-m", "pytest"]


def main(words: list[str]) -> int:
    if any(Path(word.partition("::")[0]).exists() for word in words):  # some tests only
        return subprocess.run([*PYTEST, *words], check=False).returncode
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres", *PYTEST, "-q", *WITH_DATABASE],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            first = subprocess.run([*PYTEST, *EVERYTHING, *words], check=False).returncode
            beside = second.wait()
        finally:
            # Broken off: its server ends with it.
            second.terminate()
            second.wait()
    print("On PostgreSQL:", LOG.read_text(), sep="\n")
    if beside == NOT_HERE and os.environ.get("CAREWHEEL_CI") != "1":
        beside = 0
    return first or beside


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, broken_off)
    sys.exit(main(sys.argv[1:]))
