"""Workers leave when the process that asked for them is killed; nobody else would tell them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SLEEPERS = """
import os, sys, time
from carewheel.invented.workers import spread

def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(600)

if __name__ == "__main__":
    list(spread(work, [sys.argv[1], sys.argv[1]], 2))
"""


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_workers_leave_with_the_process_that_asked(tmp_path: Path) -> None:
    script, seen = tmp_path / "sleepers.py", tmp_path / "seen"
    script.write_text(SLEEPERS)
    seen.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(seen)])
    try:
        for _ in range(600):
            if len(list(seen.iterdir())) == 2:
                break
            time.sleep(0.1)
        workers = [int(path.name) for path in seen.iterdir()]
        assert len(workers) == 2
        assert all(map(alive, workers))
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    for _ in range(300):
        if not any(map(alive, workers)):
            break
        time.sleep(0.1)
    assert not any(map(alive, workers))
