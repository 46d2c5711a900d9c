"""The command line in a process of its own that starts with everything imported: a fork of the test's process.

A new interpreter spends most of its time on imports; where a test is about what a command says, a fork says the same. What is about the
interpreter (imports of `--help`, kills, limits, pipes) starts one; so does what runs threads of OpenMP, which no fork may use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
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
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Later versions warn of threads, of which the child uses none that are older than it.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _be_the_command(arguments, cwd, environment or {}, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return CompletedProcess(
            arguments, os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode()
        )


def _be_the_command(
    arguments: list[str], cwd: Path | None, environment: Mapping[str, str], out: int, err: int
) -> None:
    code = 1
    try:
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
        main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
