"""Run a command beside a PostgreSQL of its own: ``python -m tests.postgres COMMAND…``, with DATABASE_URL set for it.

The server lives in a throw-away folder, listens on a socket in it only, and ends with the command. Exit 77 where PostgreSQL is not installed.
"""

from __future__ import annotations

import os
import shutil
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
    as_root = os.geteuid() == 0
    user = "postgres" if as_root else ""
    if user:
        shutil.chown(folder, user)
    before = ["runuser", "-u", user, "--"] if user else []
    data, log = folder / "data", folder / "log"

    def run(*words: str) -> None:
        subprocess.run(
            [*before, str(bin_ / words[0]), *words[1:]],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=120,
        )

    try:
        run(
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
        run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
        try:
            yield f"postgresql://carewheel@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(words: list[str]) -> int:
    if binaries() is None:
        print("NOT TESTED HERE: lacks PostgreSQL (install the package postgresql)", file=sys.stderr)
        return NOT_HERE
    with server() as url:
        return subprocess.run(words, env=os.environ | {"DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
