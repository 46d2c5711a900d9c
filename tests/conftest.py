"""What tests need beside the code: the shared data, a browser, Java. A missing one skips loudly, or fails in CI."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.peers.environment import HERE, python_of

# Several processes share the cores: neither matrix products nor trees may spin on all of them. Read by numpy when it is first imported, here and in
# the processes that tests start.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# `make` exports it empty where there are no such data: that is no folder, not this one.
if not os.environ.get("CAREWHEEL_DATA"):
    os.environ.pop("CAREWHEEL_DATA", None)

IN_CI = os.environ.get("CAREWHEEL_CI") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-long", action="store_true", help="run the long validations in full length")


def _missing(marker: str) -> str:
    """What a marked test lacks here, with the remedy; "" if nothing."""
    if marker == "needs_data" and not Path(os.environ.get("CAREWHEEL_DATA", "/nonexistent")).is_dir():
        return "the shared data: set CAREWHEEL_DATA to their folder"
    if marker == "needs_browser" and not chromium():
        return "Chromium: install the package chromium"
    if marker == "needs_java":
        if not shutil.which("java"):
            return "Java 17: install the package default-jre-headless"
        if importlib.util.find_spec("pyspark") is None:
            return "pyspark: pip install 'carewheel[spark]'"
    return ""


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest first (a cluster, then a browser), so that two workers end at about the same time."""
    items.sort(
        key=lambda item: [item.get_closest_marker(name) is None for name in ("needs_java", "needs_browser")]
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in ("needs_data", "needs_browser", "needs_java"):
        if item.get_closest_marker(marker) and (lacking := _missing(marker)):
            if IN_CI:
                pytest.fail(f"CAREWHEEL_CI=1, and this test lacks {lacking}", pytrace=False)
            pytest.skip(f"NOT TESTED HERE: lacks {lacking}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Tests with transactions empty all tables at their end; tables that refuse that are told not to, for that moment only."""
    from django.db import connection

    # Of the class: beside the loop of a browser's driver Django makes another connection.
    operations = type(connection.ops)
    empty = operations.execute_sql_flush

    def execute_sql_flush(self: Any, lines: list[str]) -> None:
        if self.connection.vendor == "postgresql":
            table = "ALTER TABLE practice_auditevent {} TRIGGER USER"
            empty(self, [table.format("DISABLE"), *lines, table.format("ENABLE")])
            return
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'practice_auditevent'"
            )
            triggers = cursor.fetchall()
        empty(
            self, [*(f"DROP TRIGGER {name}" for name, _ in triggers), *lines, *(sql for _, sql in triggers)]
        )

    operations.execute_sql_flush = execute_sql_flush


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party data that is not in the repository."""
    return Path(os.environ["CAREWHEEL_DATA"])


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium()
    assert path
    return path


@pytest.fixture
def long_run(request: pytest.FixtureRequest) -> bool:
    """Whether the long validations were asked for."""
    return bool(request.config.getoption("--run-long"))


def _peer(name: str) -> Path:
    """The interpreter of a peer's throw-away environment; two test workers build it once."""
    try:
        with (HERE / f".venv-{name}.building").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return python_of(name)
    except (OSError, subprocess.CalledProcessError):
        lacking = f"the peer {name}: its locked packages could not be installed"
        if IN_CI:
            pytest.fail(f"CAREWHEEL_CI=1, and this test lacks {lacking}", pytrace=False)
        pytest.skip(f"NOT TESTED HERE: lacks {lacking}")


@pytest.fixture(scope="session")
def fhir_peer() -> Path:
    """An interpreter that has fhir.resources."""
    return _peer("fhir")


@pytest.fixture(scope="session")
def x12valid() -> Callable[[Path], str]:
    """pyx12's verdict on a file: OK or Failure. Of an 835 it says OK and then fails to write its 999: the word counts."""
    command = _peer("pyx12").with_name("x12valid")

    def verdict(path: Path) -> str:
        run = subprocess.run(
            [command, path.name], cwd=path.parent, capture_output=True, text=True, check=False
        )
        said = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(f"{path.name}: ")]
        assert len(said) == 1, run.stdout + run.stderr
        return said[0].removeprefix(f"{path.name}: ")

    return verdict
