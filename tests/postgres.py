"""Run a command beside a PostgreSQL of its own: ``python -m tests.postgres COMMAND…``, with DATABASE_URL set for it.

The server lives in a throw-away folder, listens on a socket in it only, and ends with the command. Exit 77 where PostgreSQL is not installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOT_HERE = 77


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: of the newest server that Debian installed, or of the PATH."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]), reverse=True
    )
    found = shutil.which("initdb")
    if debian:
        return debian[0].parent
    return Path(found).resolve().parent if found else None


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that lives as long as the block. As root it runs as nobody else but ``postgres``, which refuses root."""
    bin_ = binaries()
    if bin_ is None:
        raise FileNotFoundError("PostgreSQL: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="carewheel-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data, log = folder / "data", folder / "log"
    try:
        _run(
            folder,
            "initdb",
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            "carewheel",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        )
        # What tests need: many connections. Commits are not flushed to disk: nobody pulls the plug on a test.
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=300 -c fsync=off"
        )
        try:
            _run(folder, "pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
            yield f"postgresql://carewheel@/postgres?host={folder}"
        finally:
            _run(folder, "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def restart(url: str) -> None:
    """The server of an address of `server` falls over and comes back: nobody's transaction is waited for."""
    folder = Path(url.partition("host=")[2])
    _run(
        folder,
        "pg_ctl",
        "-D",
        str(folder / "data"),
        "-l",
        str(folder / "log"),
        "-m",
        "immediate",
        "-w",
        "restart",
    )


def _run(folder: Path, program: str, *words: str) -> None:
    before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    bin_ = binaries()
    assert bin_ is not None
    # What it says goes nowhere but into the log: a server that stays would hold a pipe open.
    subprocess.run(
        [*before, str(bin_ / program), *words], check=True, cwd=folder, timeout=120,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def main(words: list[str]) -> int:
    if binaries() is None:
        print("NOT TESTED HERE: lacks PostgreSQL (install the package postgresql)", file=sys.stderr)
        return NOT_HERE
    with server() as url:
        return subprocess.run(words, env=os.environ | {"DATABASE_URL": url}, check=False).returncode


def broken_off(*_: object) -> None:
    """The server ends with the command, however that ends; a second signal does not stop the ending."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, broken_off)
    sys.exit(main(sys.argv[1:]))
