"""The database's server falls over while a desk books: nothing that was acknowledged is lost, nothing happens twice, and pages come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import server

DESKS = """
import json, os, sys, threading, time
import django
django.setup()
from datetime import timedelta
from io import BytesIO
from django.db import InterfaceError, OperationalError, close_old_connections
from carewheel.practice.models import Answered, Occupancy, Visit
from carewheel.practice.upgrade import upgrade
from carewheel.spokes.operations.commands_booking import book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest
from carewheel.web.wsgi import application
from tests.clinic import NOW, small_clinic
from tests.postgres import restart

upgrade(lambda name: None)
clinic = small_clinic()
numbers, acknowledged, again, stop = iter(range(10_000)), [], [], threading.Event()
lock = threading.Lock()

def desk():
    while not stop.is_set():
        with lock:
            number = next(numbers)
        day, slot = divmod(number, 14)
        starts = NOW + timedelta(weeks=1 + day, minutes=30 * slot)
        asked = BookingRequest(clinic.location.pk, clinic.check_up.pk, starts, clinic.patient.pk, key=f"k{number}")
        while True:
            # As every request and every job begins.
            close_old_connections()
            try:
                acknowledged.append(book_visit(clinic.actor, asked).id)
                break
            except (OperationalError, InterfaceError):
                again.append(number)
                time.sleep(0.02)

def page():
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/book/lakeside/", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
               "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": BytesIO()}
    status = []
    answer = application(environ, lambda line, head: status.append(int(line.split()[0])))
    b"".join(answer)
    answer.close()
    return status[0]

def until(more):
    goal = len(acknowledged) + more
    while len(acknowledged) < goal:
        assert all(one.is_alive() for one in desks), "a desk gave up"
        time.sleep(0.01)

desks = [threading.Thread(target=desk, daemon=True) for _ in range(3)]
for one in desks:
    one.start()
pages = []
until(10)
pages.append(page())
falling = threading.Thread(target=restart, args=(os.environ["DATABASE_URL"],))
falling.start()
while falling.is_alive():
    pages.append(page())
until(10)
stop.set()
for one in desks:
    one.join()
pages.append(page())
close_old_connections()
print(json.dumps({
    "acknowledged": sorted(acknowledged), "visits": sorted(Visit.objects.values_list("pk", flat=True)),
    "answers": Answered.objects.count(), "occupied": Occupancy.objects.count(), "again": len(again), "pages": pages,
}))
"""


@pytest.mark.skipif("DATABASE_URL" not in os.environ, reason="SQLite has no server that could fall over")
def test_case_70_nothing_acknowledged_is_lost_when_the_server_falls_over(tmp_path: Path) -> None:
    with server() as url:
        surroundings = os.environ | {
            "DATABASE_URL": url, "CAREWHEEL_WORKSPACE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "carewheel.web.settings",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }  # fmt: skip
        done = subprocess.run([sys.executable, "-c", DESKS], env=surroundings, capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout)
    assert found["acknowledged"] == found["visits"]
    assert found["answers"] == len(found["visits"]) >= 20
    assert found["occupied"] == 2 * len(found["visits"])
    assert found["again"] > 0, "nobody noticed that it fell over"
    assert (found["pages"][0], found["pages"][-1]) == (200, 200)
    assert set(found["pages"]) <= {200, 503}
