"""Tries at what could be guessed or used up: each is counted before it is made, so that many at once are no more than many in a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from carewheel.practice.models import ThrottledTry

# PostgreSQL: the room of our locks, apart from others'.
LOCKS = 0x4341_5254


def begin_try(key: str, at: datetime, since: datetime, most: int) -> ThrottledTry | None:
    """A try that counts unless it is deleted, as a right one is; None where there were too many since a moment."""
    with transaction.atomic():
        in_a_row(key)
        if _count(key, since) >= most:
            return None
        return ThrottledTry.objects.create(key=key, at=at)


def begin_all(most: Mapping[str, int], at: datetime, since: datetime) -> list[ThrottledTry]:
    """Count a try of each key, in the transaction of the caller; none, and nothing is counted, where one of them had its most."""
    in_a_row(*most)
    if any(_count(key, since) >= count for key, count in most.items()):
        return []
    return ThrottledTry.objects.bulk_create(ThrottledTry(key=key, at=at) for key in most)


def in_a_row(*keys: str) -> None:
    """Whoever counts one of these keys waits until the transaction of the caller ends. On SQLite one writes at a time anyway."""
    if not connection.in_atomic_block:
        raise RuntimeError("what is counted is kept in the transaction that counts it")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Always in the same order, so that two who count both do not wait for one another.
            for key in sorted(keys):
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCKS, key])


def _count(key: str, since: datetime) -> int:
    return ThrottledTry.objects.filter(key=key, at__gt=since).count()
