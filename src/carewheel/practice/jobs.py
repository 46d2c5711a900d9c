"""Work behind the pages, in the same database: leased, retried with growing pauses, given up after so many tries, visible as rows.

A worker takes a job with a lease: a token and a moment until which it holds. Whoever lost the lease (killed, hung, cut off) cannot end
the job any more, nor commit what it did if it asks `Run.fence` in its transaction. So an effect in this database happens once.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from carewheel.practice.access import Actor, NotFound, Permission
from carewheel.practice.audit import record
from carewheel.practice.models import Job

LEASE = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=6)
KEPT = timedelta(days=30)

_log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Somebody else has the job now; nothing that this run did may be kept."""


@dataclass(frozen=True, slots=True)
class Run:
    """One try of a job, as its handler sees it. ``now`` reads the worker's clock."""

    job_id: int
    kind: str
    payload: Mapping[str, Any]
    organisation_id: int | None
    lease: str
    at: datetime
    now: Callable[[], datetime]

    @property
    def actor(self) -> Actor:
        """The job as actor within its organisation."""
        if self.organisation_id is None:
            raise RuntimeError(f"{self.kind} belongs to no organisation")
        return Actor(self.organisation_id, self.at, system=f"job {self.kind}")

    def fence(self) -> None:
        """Called in a transaction: it commits only while the lease is held. Raises `LeaseLost`."""
        if _mine(self.job_id, self.lease).select_for_update().first() is None:
            raise LeaseLost(self.kind)

    def beat(self, progress: float | None = None, *, lasting: timedelta = LEASE) -> None:
        """Hold the lease for so long from now, and show how far it is (0 to 1). Raises `LeaseLost`."""
        held = _mine(self.job_id, self.lease).update(lease_until=self.now() + lasting, progress=progress)
        if not held:
            raise LeaseLost(self.kind)


Handler = Callable[[Run], object]


def enqueue(
    kind: str,
    payload: Mapping[str, Any] | None = None,
    *,
    run_at: datetime,
    key: str = "",
    every_seconds: int | None = None,
    organisation_id: int | None = None,
    most_tries: int = 5,
) -> Job:
    """Queue a job, in the caller's transaction if there is one. With a ``key`` that waits or runs already: that job.

    ``every_seconds``: once done it waits again, so long after it was due. ``payload``: numbers of rows, never data of patients.
    """
    if key and (there := _keyed(key)):
        return there
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind,
                payload=dict(payload or {}),
                organisation_id=organisation_id,
                run_at=run_at,
                key=key,
                every_seconds=every_seconds,
                most_tries=most_tries,
                created_at=run_at,
            )
    except IntegrityError:
        if key and (there := _keyed(key)):
            return there
        raise


def work(handlers: Mapping[str, Handler], now: Callable[[], datetime], *, most: int = 100) -> int:
    """Take back expired leases, then do due jobs one after the other, ``most`` at a time; returns how many were tried.

    A job of a kind without handler fails like one whose handler does.
    """
    reap(now())
    for done in range(most):
        run = take(now)
        if run is None:
            return done
        try:
            handlers[run.kind](run)
        except LeaseLost:
            _log.warning("job %s lost its lease", run.kind)
        except Exception as error:
            # Its class and place only: texts of errors may quote data of patients.
            _log.warning("job %s failed: %s", run.kind, type(error).__name__)
            fail(run, type(error).__name__)
        else:
            finish(run)
    return most


def take(now: Callable[[], datetime]) -> Run | None:
    """Lease the job that is due longest, if any."""
    at = now()
    with transaction.atomic():
        due = Job.objects.filter(status=Job.Status.WAITING, run_at__lte=at).order_by("run_at", "id")
        # SQLite has no row locks; its transactions are IMMEDIATE, so there is one taker at a time.
        job = due.select_for_update(skip_locked=True).first()
        if job is None:
            return None
        job.status, job.lease, job.lease_until = Job.Status.RUNNING, secrets.token_hex(16), at + LEASE
        job.tries += 1
        job.progress = None
        job.save(update_fields=["status", "lease", "lease_until", "tries", "progress"])
    return Run(job.pk, job.kind, job.payload, job.organisation_id, job.lease, at, now)


def finish(run: Run) -> bool:
    """Note that a job is done; one that recurs waits for its next time. False where the lease was lost: nothing is noted then."""
    at = run.now()
    with transaction.atomic():
        job = _held(run)
        if job is None:
            return False
        if job.every_seconds:
            _wait_again(job, at)
        else:
            job.status = Job.Status.DONE
        job.ended_at, job.error, job.lease, job.lease_until, job.progress = at, "", "", None, None
        job.save()
    return True


def fail(run: Run, error: str) -> bool:
    """Note that a try failed: the job waits longer each time, and is given up after its most tries. False where the lease was lost."""
    with transaction.atomic():
        job = _held(run)
        if job is None:
            return False
        _failed(job, run.now(), error)
    return True


def reap(at: datetime) -> int:
    """Take back jobs whose lease has expired, and forget those done long ago. Returns how many were taken back."""
    with transaction.atomic():
        expired = Job.objects.filter(status=Job.Status.RUNNING, lease_until__lt=at)
        taken = list(expired.select_for_update(skip_locked=True))
        for job in taken:
            _failed(job, at, "the worker did not come back")
    Job.objects.filter(status=Job.Status.DONE, ended_at__lt=at - KEPT).delete()
    return len(taken)


def try_again(actor: Actor, job_id: int) -> None:
    """Bring a job that was given up back into the queue, once (what recurs has gone on by itself)."""
    actor.need(Permission.JOBS_WRITE)
    with transaction.atomic():
        revived = Job.objects.filter(
            Q(organisation_id=actor.organisation_id) | Q(organisation__isnull=True), pk=job_id, status=Job.Status.DEAD
        ).update(status=Job.Status.WAITING, tries=0, run_at=actor.at, key="", every_seconds=None)  # fmt: skip
        if not revived:
            raise NotFound
        record(actor, "job-tried-again", "job", job_id)


def _failed(job: Job, at: datetime, error: str) -> None:
    job.error, job.lease, job.lease_until, job.ended_at = error[:500], "", None, at
    if job.tries < job.most_tries:
        job.status = Job.Status.WAITING
        job.run_at = at + min(FIRST_PAUSE * 4 ** (job.tries - 1), LONGEST_PAUSE)
        job.save()
        return
    job.status = Job.Status.DEAD
    job.save()
    if job.every_seconds:
        # What recurs goes on at its next time; the dead row stays to be looked at.
        again = Job(
            kind=job.kind, payload=job.payload, organisation_id=job.organisation_id, key=job.key,
            run_at=job.run_at, every_seconds=job.every_seconds, most_tries=job.most_tries, created_at=at,
        )  # fmt: skip
        _wait_again(again, at)
        again.save()


def _wait_again(job: Job, at: datetime) -> None:
    """The next time on the job's own beat that is not past."""
    every = timedelta(seconds=job.every_seconds or 0)
    missed = max((at - job.run_at) // every, 0)
    job.status, job.tries, job.run_at = Job.Status.WAITING, 0, job.run_at + every * (missed + 1)


def _mine(job_id: int, lease: str) -> QuerySet[Job]:
    return Job.objects.filter(pk=job_id, status=Job.Status.RUNNING, lease=lease)


def _held(run: Run) -> Job | None:
    return _mine(run.job_id, run.lease).select_for_update().first()


def _keyed(key: str) -> Job | None:
    return Job.objects.filter(key=key, status__in=(Job.Status.WAITING, Job.Status.RUNNING)).first()
