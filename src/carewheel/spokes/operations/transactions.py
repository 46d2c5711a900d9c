"""One transaction a command: repeated requests get the first answer, and what the database refuses is a refusal, never a failure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction

from carewheel.practice.access import Actor, Conflict
from carewheel.practice.models import Answered

T = TypeVar("T")
TRIES = 4
# PostgreSQL: deadlock found, serialisation failure, lock not to be had.
AGAIN = ("40P01", "40001", "55P03")


def slot_taken() -> Conflict:
    """Somebody was faster."""
    return Conflict("slot-taken", "This time has just been taken.", "Choose another one.")


def changed_since() -> Conflict:
    """What was read is not what is there any more."""
    return Conflict(
        "changed-since", "The visit has changed since you looked.", "Look at it anew, then decide."
    )


def whole(work: Callable[[], T]) -> T:
    """Run ``work`` in one transaction. Overlap refused by the database is `Conflict` ``slot-taken``; a deadlock is tried again, then,
    as a database that stays locked, it is `Conflict` ``busy``."""
    outer = connection.in_atomic_block
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return work()
        except IntegrityError as refusal:
            if "occupancy_no_overlap" in str(refusal):
                raise slot_taken() from refusal
            raise
        except OperationalError as trouble:
            again = getattr(trouble.__cause__, "sqlstate", None) in AGAIN
            # SQLite has waited half a minute for the one who writes already.
            locked = "database is locked" in str(trouble)
            if not again and not locked:
                raise
            if outer or locked or not left:
                raise Conflict("busy", "Too many are booking at this moment.", "Try again.") from trouble
    raise AssertionError("the last try returns or raises")


def once(actor: Actor, key: str, asked: object, work: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
    """As `whole`, for work that answers with ids of visits; with a key the same request gets the first answer, and only one of two twins works.

    ``asked``: whatever makes up the request. Raises `Conflict` ``key-reused`` where the key came with other words. A refused request leaves
    its key free.
    """
    if not key:
        return whole(work)
    print_ = hashlib.sha256(repr(asked).encode()).hexdigest()

    def keyed() -> tuple[int, ...]:
        # First of all: a twin waits here until this one is through or taken back.
        row = Answered.objects.create(
            organisation_id=actor.organisation_id,
            key=key[:120],
            fingerprint=print_,
            answer={},
            answered_at=actor.at,
        )
        ids = work()
        row.answer = {"visits": ids}
        row.save(update_fields=["answer"])
        return ids

    try:
        return whole(keyed)
    except IntegrityError as refusal:
        row = Answered.objects.filter(organisation=actor.organisation_id, key=key[:120]).first()
        if row is None:
            raise
        if row.fingerprint != print_:
            raise Conflict(
                "key-reused", "This key came with another request.", "Use a new key for a new request."
            ) from refusal
        return tuple(row.answer["visits"])


def already_answered(actor: Actor, key: str) -> bool:
    """Whether a request with this key has been answered."""
    return bool(key) and Answered.objects.filter(organisation=actor.organisation_id, key=key[:120]).exists()
