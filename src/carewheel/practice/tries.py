"""Tries at what could be guessed: each is counted before it is made, so that many at once are no more than many in a row."""

from __future__ import annotations

from datetime import datetime

from carewheel.practice.models import ThrottledTry


def begin_try(key: str, at: datetime, since: datetime, most: int) -> ThrottledTry | None:
    """A try that counts unless it is deleted, as a right one is; None where there were too many since a moment."""
    row = ThrottledTry.objects.create(key=key, at=at)
    if ThrottledTry.objects.filter(key=key, at__gt=since, pk__lte=row.pk).count() > most:
        row.delete()
        return None
    return row
