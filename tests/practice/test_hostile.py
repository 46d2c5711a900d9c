"""The trail tampered with, workers killed, migrations cut short, and canaries in whatever is written down. All people are invented."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice import audit
from carewheel.practice.access import Refused
from carewheel.practice.audit import record, seal, verify
from carewheel.practice.consents import record_consent
from carewheel.practice.emergency import break_glass
from carewheel.practice.jobs import LEASE, Run, enqueue, reap, work
from carewheel.practice.messages import queue_message
from carewheel.practice.messages.sending import send_due
from carewheel.practice.messages.ways import ways
from carewheel.practice.models import AuditEvent, Job, Message, PendingFact
from carewheel.practice.patients import register_patient, search_patients, update_patient

CANARY = "Zqcanary"


@pytest.fixture
def trail() -> Clinic:
    clinic = small_clinic()
    with transaction.atomic():
        for number in range(6):
            record(clinic.actor, "did", "thing", number)
    return clinic


@contextmanager
def unguarded() -> Iterator[None]:
    """As somebody with the rights of the database's owner would: the guards taken off."""
    table = "practice_auditevent"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            return
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]
        )
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def edited() -> None:
    AuditEvent.objects.filter(number=3).update(action="did nothing")


def deleted() -> None:
    AuditEvent.objects.filter(number=3).delete()


def reordered() -> None:
    AuditEvent.objects.filter(number=3).update(number=99)
    AuditEvent.objects.filter(number=4).update(number=3)
    AuditEvent.objects.filter(number=99).update(number=4)


def inserted() -> None:
    row = AuditEvent.objects.get(number=6)
    row.pk, row.number, row.action = None, 7, "never happened"
    row.save(force_insert=True)


def tail_cut() -> None:
    AuditEvent.objects.filter(number__gt=4).delete()


def rebuilt() -> None:
    """The whole chain made anew over a changed row, as one who has the code can."""
    before = audit.FIRST
    for row in AuditEvent.objects.order_by("number"):
        row.action = "did nothing" if row.number == 3 else row.action
        row.before = before
        row.seal = before = seal(row)
        row.save()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tamper", "row", "needs_anchor"),
    [(edited, 3, False), (deleted, 3, False), (reordered, 3, False), (inserted, 7, False), (tail_cut, 5, True), (rebuilt, 6, True)],
)  # fmt: skip
def test_case_75_a_trail_that_was_tampered_with_is_found_out(
    trail: Clinic, tamper: Callable[[], None], row: int, needs_anchor: bool
) -> None:
    whole = verify()
    assert (whole.rows, whole.wrong_at) == (6, None)
    anchor = (whole.rows, whole.last_seal)
    with unguarded():
        tamper()
    assert verify(anchor).wrong_at == row
    assert (verify().wrong_at is None) is needs_anchor


@pytest.mark.django_db
def test_case_75_the_database_refuses_to_change_or_delete_the_trail(trail: Clinic) -> None:
    for attempt in (edited, deleted):
        with pytest.raises(DatabaseError, match="audit_append_only"), transaction.atomic():
            attempt()
    if connection.vendor == "postgresql":
        with (
            pytest.raises(DatabaseError, match="audit_append_only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("TRUNCATE practice_auditevent")
    assert verify().wrong_at is None


@pytest.mark.django_db
def test_nothing_that_is_written_down_names_a_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clinic = small_clinic()
    user = clinic.account("owner")
    actor = type(clinic.actor)(clinic.organisation.pk, NOW, user.pk, clinic.actor.grants)
    made = register_patient(
        actor, given_name=CANARY, family_name=CANARY, home_location_id=clinic.location.pk,
        phone="+1 202 555 0166", email=f"{CANARY}@example.com",
    )  # fmt: skip
    update_patient(actor, made.id, 1, given_name=f"{CANARY}\r\nERROR forged line")
    search_patients(actor, CANARY)
    record_consent(actor, made.id, "marketing", "email", True, how=f"{CANARY} said so")
    break_glass(actor, made.id, f"{CANARY} bleeds in the waiting room")
    with pytest.raises(Refused) as refusal:
        update_patient(actor, made.id, 2, email=f"{CANARY}@@example")
    patient = clinic.patient.__class__.objects.get(pk=made.id)
    queue_message(
        actor,
        patient=patient,
        purpose="visits",
        kind="reminder",
        key="k",
        subject="Your visit",
        body=CANARY,
        due_at=NOW,
    )
    send_due(
        ways(tmp_path / "nowhere" / "\0", smtp="smtp://localhost:9?from=desk@example.com"),
        NOW + timedelta(hours=4),
    )

    def poison(run: Run) -> None:
        raise ValueError(CANARY)

    enqueue("poison", {"patient": made.id}, run_at=NOW)
    work({"poison": poison}, lambda: NOW)
    written = [
        caplog.text, str(refusal.value), str(list(AuditEvent.objects.values())), str(list(Job.objects.values())),
        str(list(PendingFact.objects.values())), str(list(Message.objects.values_list("error", "key", "subject"))),
    ]  # fmt: skip
    for text in written:
        assert CANARY.lower() not in text.lower()
        assert "5550166" not in text
    assert "forged" not in caplog.text


WORKER = """
import os, sys, time
import django
django.setup()
from datetime import timedelta
from tests.clinic import NOW
from django.db import transaction
from carewheel.practice.audit import record
from carewheel.practice.jobs import work

def slow(run):
    with transaction.atomic():
        record(run.actor, "half done")
        print("working", flush=True)
        time.sleep(60)

work({"slow": slow}, lambda: NOW)
"""


@pytest.mark.django_db(transaction=True)
def test_case_67_a_worker_killed_in_the_middle_leaves_nothing_and_the_job_is_done_once() -> None:
    clinic = small_clinic()
    enqueue("slow", run_at=NOW, organisation_id=clinic.organisation.pk)
    name = str(connection.settings_dict["NAME"])
    settings = (
        "from tests.settings import *\n"
        f"DATABASES['default']['NAME'] = {name!r}\n"
    )  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", "import sys, types\nm = types.ModuleType('killed_settings')\n" + f"exec({settings!r}, m.__dict__)\nsys.modules['killed_settings'] = m\n" + WORKER],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "killed_settings"}, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdout
    assert worker.stdout.readline().strip() == "working"
    worker.send_signal(signal.SIGKILL)
    worker.wait(30)
    worker.stdout.close()
    assert Job.objects.get().status == "running"
    assert not AuditEvent.objects.filter(action="half done").exists()

    def quick(run: Run) -> None:
        with transaction.atomic():
            record(run.actor, "done")
            run.fence()

    deadline = time.monotonic() + 30
    later = NOW + LEASE + timedelta(minutes=1)
    while connection.vendor == "postgresql" and time.monotonic() < deadline:
        # The server lets go of a killed client's locks when it notices.
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            if cursor.fetchone()[0] == 0:
                break
        time.sleep(0.2)
    assert reap(later) == 1
    assert work({"slow": quick}, lambda: later + timedelta(minutes=1)) == 1
    assert AuditEvent.objects.filter(action="done").count() == 1
    assert Job.objects.get().status == "done"
