"""The command line in a process of its own that starts with everything imported: a fork of the test's process.

A new interpreter spends most of its time on imports; where a test is about what a command says, a fork says the same. What is about the
interpreter (imports of `--help`, kills, limits, pipes) starts one; so does what runs threads of OpenMP, which no fork may use.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from carewheel.cli import main


def carewheel(
    words: Sequence[str | Path], cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run `carewheel WORDS` with nothing on standard input; what it printed, and its exit code."""
    arguments = [str(word) for word in words]
    if "PYTHONPATH" in (environment or {}):  # read by an interpreter when it starts
        return subprocess.run(
            [sys.executable, "-c", "from carewheel.cli import main; main()", *arguments], cwd=cwd, check=False, capture_output=True, text=True,
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = fork(lambda: _be_the_command(arguments, cwd, environment or {}, out.fileno(), err.fileno()))
        code = child.wait()
        out.seek(0)
        err.seek(0)
        return CompletedProcess(arguments, code, out.read().decode(), err.read().decode())


@dataclass(frozen=True)
class Child:
    """A process of its own that began with all that this one has imported."""

    pid: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Exit code, or the negative number of the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def fork(work: Callable[[], int]) -> Child:
    """Start ``work``, which gives an exit code, in a fork; a bug in it is exit code 1 with its traceback."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Later versions warn of threads, of which the child uses none that are older than it.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return Child(pid)
    code = 1
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _be_the_command(
    arguments: list[str], cwd: Path | None, environment: Mapping[str, str], out: int, err: int
) -> int:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(ours, standard)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update(environment)
    if cwd is not None:
        os.chdir(cwd)
    sys.argv = ["carewheel", *arguments]
    try:
        main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return 0
