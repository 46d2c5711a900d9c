"""Jobs: taken once, retried, given up, fenced; workers that are killed or come back late change nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import close_old_connections, transaction
from tests.clinic import NOW, small_clinic

from carewheel.practice import jobs
from carewheel.practice.access import Actor, Forbidden, NotFound
from carewheel.practice.audit import record, verify
from carewheel.practice.jobs import LEASE, LeaseLost, Run, enqueue, finish, reap, take, try_again, work
from carewheel.practice.models import AuditEvent, Job, Organisation

pytestmark = pytest.mark.django_db


def at(seconds: float = 0) -> Callable[[], datetime]:
    return lambda: NOW + timedelta(seconds=seconds)


def test_due_jobs_are_done_in_order_and_once() -> None:
    done: list[int] = []
    for number in (2, 1, 3):
        enqueue("count", {"n": number}, run_at=NOW + timedelta(seconds=number))
    handlers = {"count": lambda run: done.append(run.payload["n"])}
    assert work(handlers, at(2)) == 2
    assert done == [1, 2]
    assert work(handlers, at(9)) == 1
    assert work(handlers, at(9)) == 0
    assert done == [1, 2, 3]
    assert set(Job.objects.values_list("status", flat=True)) == {"done"}


def test_a_key_waits_once_and_may_come_again_when_done() -> None:
    first = enqueue("count", run_at=NOW, key="daily")
    assert enqueue("count", run_at=NOW, key="daily").pk == first.pk
    work({"count": lambda run: None}, at())
    assert enqueue("count", run_at=NOW, key="daily").pk != first.pk


def test_what_recurs_stays_one_row_and_keeps_its_beat() -> None:
    enqueue("sweep", run_at=NOW, key="sweep", every_seconds=60)
    ran: list[datetime] = []
    handlers = {"sweep": lambda run: ran.append(run.at)}
    for seconds in (0, 30, 60, 200, 210, 240):
        work(handlers, at(seconds))
    assert [(moment - NOW).seconds for moment in ran] == [0, 60, 200, 240]
    assert Job.objects.get().run_at == NOW + timedelta(seconds=300)


def test_case_68_a_poison_job_is_given_up_and_the_queue_moves() -> None:
    done: list[str] = []

    def handler(run: Run) -> None:
        if run.payload.get("poison"):
            raise ValueError("Pat Example +1 202 555 0101")
        done.append(run.kind)

    enqueue("work", {"poison": True}, run_at=NOW, most_tries=3)
    enqueue("work", run_at=NOW)
    seconds, pauses = 0.0, []
    while Job.objects.filter(status="waiting").exists():
        job = Job.objects.filter(status="waiting").earliest("run_at")
        pauses.append((job.run_at - NOW).total_seconds() - seconds)
        seconds = (job.run_at - NOW).total_seconds()
        work({"work": handler}, at(seconds))
    assert done == ["work"]
    poison = Job.objects.get(status="dead")
    assert (poison.tries, poison.error) == (3, "ValueError")
    assert pauses == [0, 15, 60]
    clinic = small_clinic()
    with pytest.raises(Forbidden):
        try_again(clinic.as_role("front_desk"), poison.pk)
    try_again(clinic.actor, poison.pk)
    assert Job.objects.get(pk=poison.pk).status == "waiting"
    with pytest.raises(NotFound):
        try_again(clinic.actor, poison.pk)


def test_case_68_a_poison_job_that_recurs_leaves_its_dead_row_and_comes_again() -> None:
    enqueue("sweep", run_at=NOW, key="sweep", every_seconds=600, most_tries=1)
    work({}, at())
    assert {job.status: (job.run_at - NOW).total_seconds() for job in Job.objects.all()} == {
        "dead": 0,
        "waiting": 600,
    }


def test_case_67_a_killed_worker_is_taken_back_and_its_zombie_changes_nothing() -> None:
    organisation = Organisation.objects.create(name="Lakeside", created_at=NOW)
    enqueue("send", run_at=NOW, organisation_id=organisation.pk)
    zombie = take(at())
    assert zombie is not None
    assert take(at(10)) is None, "leased to the zombie"
    assert reap(NOW + LEASE + timedelta(seconds=1)) == 1
    late = LEASE.total_seconds() + 60

    def effect(run: Run) -> None:
        with transaction.atomic():
            record(run.actor, "sent")
            run.fence()

    assert work({"send": effect}, at(late)) == 1
    assert Job.objects.get().status == "done"
    # The zombie returns: what it writes is rolled back, and it cannot end or prolong the job.
    with pytest.raises(LeaseLost):
        effect(zombie)
    with pytest.raises(LeaseLost):
        zombie.beat(0.5)
    assert finish(zombie) is False
    assert jobs.fail(zombie, "late") is False
    assert Job.objects.get().status == "done"
    assert AuditEvent.objects.filter(action="sent").count() == 1
    assert verify().why == ""


def test_case_67_a_job_that_kills_its_worker_each_time_is_given_up() -> None:
    enqueue("crash", run_at=NOW, most_tries=2)
    moment = NOW
    for _ in range(2):
        assert take(at((moment - NOW).total_seconds())) is not None
        moment += LEASE + timedelta(seconds=1)
        reap(moment)
        moment += timedelta(hours=1)
    assert Job.objects.get().status == "dead"
    assert take(lambda: moment) is None


def test_jobs_done_long_ago_are_forgotten() -> None:
    enqueue("count", run_at=NOW)
    work({"count": lambda run: None}, at())
    reap(NOW + timedelta(days=29))
    assert Job.objects.count() == 1
    reap(NOW + timedelta(days=31))
    assert Job.objects.count() == 0


def test_a_job_without_organisation_has_no_actor() -> None:
    enqueue("sweep", run_at=NOW)
    run = take(at())
    assert run is not None
    with pytest.raises(RuntimeError):
        _ = run.actor
    assert isinstance(Actor(1, NOW, system="job").at, datetime)


@pytest.mark.django_db(transaction=True)
def test_many_workers_take_each_job_once() -> None:
    for number in range(40):
        enqueue("count", {"n": number}, run_at=NOW)
    # Also: a trail that refuses deletion does not keep tests with transactions from cleaning up.
    with transaction.atomic():
        record(Actor(1, NOW, system="test"), "begun")
    taken: list[int] = []
    start = Barrier(4)

    def worker() -> None:
        start.wait()
        try:
            work({"count": lambda run: taken.append(run.payload["n"])}, at())
        finally:
            close_old_connections()
            from django.db import connection

            connection.close()

    threads = [Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(40))
