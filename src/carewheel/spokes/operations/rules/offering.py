"""Offering a slot to those who wait: to how many at a time, for how long, and how likely each says yes."""

from __future__ import annotations

from datetime import datetime, timedelta

# Asked at a time. More fills faster and disappoints more.
GROUP = 3
# Time to answer; a near slot leaves a quarter of what is left, ten minutes at least.
ANSWER, LEAST = timedelta(minutes=30), timedelta(minutes=10)
# Later than this nobody can be asked any more.
ASK_AHEAD = timedelta(minutes=45)
# Where nobody fits now, somebody may by then.
AGAIN = timedelta(minutes=30)
# Before anybody was asked: one in three says yes. An own answer weighs as much as a quarter of what all say.
PRIOR_YES, PRIOR_ASKED, OWN = 1.0, 3.0, 4.0


def answer_by(at: datetime, starts_at: datetime) -> datetime:
    """Until when an offer made now may be answered.

    >>> answer_by(datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10)).minute
    15
    """
    return at + max(min(ANSWER, (starts_at - at) / 4), LEAST)


def acceptance(yes: int, asked: int, all_yes: int, all_asked: int) -> float:
    """The chance that somebody says yes who did so ``yes`` of ``asked`` times, where all did ``all_yes`` of ``all_asked``.

    >>> acceptance(0, 0, 0, 0) == 1 / 3
    True
    >>> acceptance(4, 4, 30, 90) > 0.6 > acceptance(0, 4, 30, 90)
    True
    """
    everybody = (all_yes + PRIOR_YES) / (all_asked + PRIOR_ASKED)
    return (yes + OWN * everybody) / (asked + OWN)
