"""`carewheel serve`: the console, from nothing to an address that answers."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.util
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from carewheel.cli.console import SETTINGS, upgrade_database
from carewheel.cli.terminal import complain, say, workspace_option

PAGES, LIVE = "carewheel.web.rsgi:application", "carewheel.web.live:application"
READY_SECONDS = 60
STOP_SECONDS = 15
# Whoever sends headers by the drop is cut off.
HEADER_MILLISECONDS = "10000"
# Lines that a process keeps open: a browser holds its own between two pages, and must not keep the next one out; nor may whoever opens many.
LINES = 4_096
OWNER = "owner@example.com"


class ServeRefused(Exception):
    """The console cannot be started here: what and remedy."""


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(1, 65534),
    help="Port of the pages; live events use the next.",
)
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes for pages."
)
@click.option(
    "--owner",
    default=OWNER,
    show_default=True,
    help="E-mail address of the first account, if there is none yet.",
)
@click.option("--empty", is_flag=True, help="Begin without the invented group.")
@workspace_option
def serve_command(host: str, port: int, workers: int, owner: str, empty: bool, workspace: Path) -> int:
    """Show the console in the browser. An empty workspace is filled with an invented group first; the sign-in is printed once.

    Ctrl-C ends it; everything stays in the workspace. With DATABASE_URL the tables are in PostgreSQL.
    """
    with alone(workspace):
        _free(host, port)
        live = importlib.util.find_spec(LIVE.partition(":")[0]) is not None
        if live:
            _free(host, port + 1)
        count = upgrade_database(workspace)
        if count:
            say("The tables are up to date.")
        from carewheel.cli.first_start import first_start

        password = first_start(workspace, owner, empty=empty, fresh=count > 0)
        if password:
            # Said before anything can go wrong with the processes: it is kept nowhere.
            say(f"Sign in as  {owner}")
            say(f"Password    {password}")
            say("The password is shown this once. Lost: carewheel account reset EMAIL")
        # An address that listens everywhere is no address to open.
        shown = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"
        os.environ.setdefault("CAREWHEEL_ADDRESS", shown)
        if live:
            os.environ.setdefault("CAREWHEEL_LIVE", f"{shown.rpartition(':')[0]}:{port + 1}")
        commands = {
            "pages": [*granian("rsgi", host, port), "--workers", str(workers), PAGES],
            "worker": [sys.executable, "-c", "from carewheel.cli import main; main()", "worker", "--workspace", str(workspace)],
        }  # fmt: skip
        if live:
            commands["live"] = [*granian("asgi", host, port + 1), "--workers", "1", LIVE]
        return _run(commands, host, port, lambda: _greet(shown, workspace))


def _greet(address: str, workspace: Path) -> None:
    say(f"CareWheel is at {address}", bold=True)
    say(f"Ctrl-C ends it. Everything stays in {workspace}.")
    sys.stdout.flush()


def granian(interface: str, host: str, port: int) -> list[str]:
    """The words that start granian, but for its workers and what it serves."""
    return [
        sys.executable, "-m", "granian", "--interface", interface, "--host", host, "--port", str(port), "--http", "1", "--no-ws",
        "--log-level", "error", "--respawn-failed-workers", "--http1-header-read-timeout", HEADER_MILLISECONDS,
        "--backpressure", str(LINES), "--backlog", "1024", "--workers-kill-timeout", "10",
    ]  # fmt: skip


@contextlib.contextmanager
def alone(workspace: Path) -> Iterator[None]:
    """The right to be the console of a workspace, or to replace it. Raises `ServeRefused` while a console runs."""
    workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(workspace / "console-lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ServeRefused(
                "The console of this workspace runs already. Stop it, or give another --workspace."
            ) from error
        yield
    finally:
        os.close(handle)


def _free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeRefused(
                f"Port {port} of {host} cannot be used ({error.strerror}). Give another with --port."
            ) from error


def _with_parent() -> None:
    """In the child, before it begins: end when the parent does, however that ends (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _run(commands: dict[str, list[str]], host: str, port: int, ready: Callable[[], None]) -> int:
    """All processes until one is told to stop; if the pages end by themselves, the others end with them."""
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    environment = os.environ | {"DJANGO_SETTINGS_MODULE": SETTINGS}
    # Each line is a file to the system.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2 * LINES, hard)), hard))

    def begin(name: str) -> subprocess.Popen[bytes]:
        # A process group of its own: Ctrl-C reaches this process, which ends the others in order.
        return subprocess.Popen(
            commands[name],
            env=environment,
            start_new_session=True,
            preexec_fn=_with_parent,  # noqa: PLW1509 - there are no threads here
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    running = {name: begin(name) for name in commands}
    try:
        if not _answers(host, port, running["pages"], stopped):
            if not stopped:
                complain("The pages did not start.", "What they said stands above.")
            return 0 if stopped else 1
        ready()
        while not stopped:
            time.sleep(0.2)
            for name, process in running.items():
                if process.poll() is None:
                    continue
                if name == "pages":
                    complain("The pages ended by themselves.", "What they said stands above.")
                    return 1
                complain(f"The {name} process ended.", "It is started again.")
                time.sleep(2)
                running[name] = begin(name)
        return 0
    finally:
        _end(list(running.values()))
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(host: str, port: int, pages: subprocess.Popen[bytes], stopped: list[int]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    while time.monotonic() < deadline and pages.poll() is None and not stopped:
        with contextlib.suppress(OSError), socket.create_connection((target, port), timeout=1):
            return True
        time.sleep(0.1)
    return False


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
