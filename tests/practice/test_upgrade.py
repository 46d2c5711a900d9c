"""Tables brought up to date: killed in the middle nothing is left and the next start completes it; a later version's tables are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

START = """
import os, signal
import django
django.setup()
from django.db import connection
from django.db.migrations.migration import Migration
from carewheel.practice.upgrade import upgrade
apply = Migration.apply

def killed(self, *words, **more):
    state = apply(self, *words, **more)
    if f"{self.app_label}.{self.name}" == os.environ.get("KILLED_AT"):
        os.kill(os.getpid(), signal.SIGKILL)
    return state

Migration.apply = killed
print(upgrade(), flush=True)
tables = connection.introspection.table_names()
print("practice_visit" in tables, "operations_gap" in tables)
if os.environ.get("LATER"):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('practice', '9999_later', CURRENT_TIMESTAMP)")
"""


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an empty database of its own."""
    mine = os.environ | {
        "CAREWHEEL_WORKSPACE": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "carewheel.web.settings",
    }
    if connection.vendor == "sqlite":
        yield mine
        return
    from urllib.parse import urlsplit

    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as line:
        line.execute("CREATE DATABASE upgraded")
        yield mine | {
            "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path="/upgraded").geturl()
        }
        line.execute("DROP DATABASE upgraded WITH (FORCE)")


def start(surroundings: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START],
        env=surroundings | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_case_77_an_upgrade_killed_in_the_middle_goes_on(surroundings: dict[str, str]) -> None:
    killed = start(surroundings, KILLED_AT="practice.0001_initial")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = start(surroundings)
    assert resumed.returncode == 0, resumed.stderr
    assert int(resumed.stdout.split()[0]) > 0
    assert "True True" in resumed.stdout
    again = start(surroundings, LATER="1")
    assert again.stdout.split()[0] == "0"
    later = start(surroundings)
    assert "DatabaseRefused" in later.stderr
    assert "9999_later" in later.stderr


WITHOUT_EXTRAS = """
import sys
for extra in ("psycopg", "psycopg2", "lightgbm", "sklearn", "statsforecast", "highspy", "ortools", "pyspark", "numba"):
    sys.modules[extra] = None  # to import it fails, as where it is not installed
import carewheel.cli.serve, carewheel.cli.worker
from carewheel.practice.upgrade import upgrade
import django
django.setup()
print(upgrade())
import carewheel.web.urls, carewheel.web.wsgi, carewheel.web.live
"""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL needs the extra")
def test_the_default_install_is_enough_for_the_console(tmp_path: Path) -> None:
    mine = os.environ | {
        "CAREWHEEL_WORKSPACE": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "carewheel.web.settings",
    }
    started = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS], env=mine, capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stderr
    assert int(started.stdout) > 0
