"""Throw-away environments for peers: one per lock, beside it, never mixed with the test environment."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent


def python_of(name: str) -> Path:
    """The interpreter of the environment ``.venv-NAME``, built from ``NAME.lock`` if it is missing or the lock changed.

    Raises `subprocess.CalledProcessError` where the locked packages cannot be installed.
    """
    lock = HERE / f"{name}.lock"
    folder = HERE / f".venv-{name}"
    python = folder / "bin" / "python"
    stamp = folder / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Building {folder.name} from {lock.name} ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder)
    # By the pip that is here, and compiled as it is imported: a pip of its own and compiling all of it take most of the time.
    options = ("--disable-pip-version-check", "--quiet", "install", "--no-compile", "--require-hashes", "-r")
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *options, lock], check=True)
    stamp.write_text(wanted)
    return python
