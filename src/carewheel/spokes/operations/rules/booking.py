"""What a visit needs and when, who serves each need, and what patients may do by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carewheel.practice.access import Refused

# The steps of the grid in minutes; staff may book at any minute, free times are looked for on it.
STEP = 5


@dataclass(frozen=True, slots=True)
class NeedLine:
    """One thing that a visit type needs, from a minute of the visit to another."""

    order: int
    kind: str
    from_minute: int
    to_minute: int
    capabilities: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What a visit type says about booking."""

    online: str
    minutes: int
    for_new_patients: bool
    lead_minutes: int
    horizon_days: int
    most_open: int


def stretched(needs: Sequence[NeedLine], planned: int, minutes: int) -> tuple[NeedLine, ...]:
    """The needs of a visit that takes ``minutes`` instead of ``planned``: what lasts to the end still does, the rest is cut there.

    >>> [n.to_minute for n in stretched([NeedLine(0, "room", 0, 60), NeedLine(1, "practitioner", 20, 40)], 60, 90)]
    [90, 40]
    """
    if minutes == planned:
        return tuple(needs)
    ends = (
        replace(need, to_minute=minutes if need.to_minute >= planned else min(need.to_minute, minutes))
        for need in needs
    )
    return tuple(need for need in ends if need.from_minute < need.to_minute)


def interval(minutes: int) -> int:
    """How far apart the starts are that are offered for a visit of so many minutes: a quarter of an hour, ten or five minutes.

    >>> [interval(n) for n in (60, 45, 20, 25)]
    [15, 15, 10, 5]
    """
    return next(step for step in (15, 10, STEP) if minutes % step == 0 or step == STEP)


def chosen(
    needs: Sequence[NeedLine], able: Mapping[int, Sequence[int]], prefer: Sequence[int] = ()
) -> tuple[int, ...] | None:
    """A resource for each need, by order: the preferred before the earlier listed, never one twice at a time. None where there is no such choice.

    ``able``: by a need's order the resources that could serve it.

    >>> needs = [NeedLine(0, "practitioner", 0, 30), NeedLine(1, "practitioner", 0, 30)]
    >>> chosen(needs, {0: [1, 2], 1: [1]})
    (2, 1)
    """

    def go(k: int, taken: tuple[int, ...]) -> tuple[int, ...] | None:
        if k == len(needs):
            return taken
        need = needs[k]
        for one in sorted(able[need.order], key=lambda r: r not in prefer):
            clash = any(
                one == other and need.from_minute < needs[j].to_minute and needs[j].from_minute < need.to_minute
                for j, other in enumerate(taken)
            )  # fmt: skip
            if not clash and (found := go(k + 1, (*taken, one))) is not None:
                return found
        return None

    return go(0, ())


def check_patient_side(
    rules: TypeRules, starts_at: datetime, at: datetime, *, new_patient: bool, open_visits: int
) -> None:
    """Raises `Refused` where a patient may not book this alone; see the codes in docs/reference/booking.md."""
    if rules.online not in ("request", "book"):
        raise Refused("not-online", "This visit cannot be booked online.", "Call the practice.")
    if new_patient and not rules.for_new_patients:
        raise Refused("not-for-new-patients", "This visit is for known patients.", "Book a first visit.")
    if starts_at < at + timedelta(minutes=rules.lead_minutes):
        raise Refused(
            "too-soon",
            "This time is too near to be booked online.",
            "Choose a later one, or call the practice.",
            lead_minutes=rules.lead_minutes,
        )
    if starts_at > at + timedelta(days=rules.horizon_days):
        raise Refused(
            "too-far",
            "This time is too far ahead.",
            "Choose an earlier one.",
            horizon_days=rules.horizon_days,
        )
    if open_visits >= rules.most_open:
        raise Refused(
            "most-open",
            "There is a visit of this kind already.",
            "Move or cancel it first, or call the practice.",
            most_open=rules.most_open,
        )


def check_move_alone(rules: TypeRules, late_minutes: int, starts_at: datetime, at: datetime) -> None:
    """Raises `Refused` where a patient may not move a visit alone: ``not-online``, or ``too-late`` from so many minutes before it."""
    if rules.online not in ("request", "book"):
        raise Refused("not-online", "This visit cannot be moved online.", "Call the practice, or cancel it.")
    if at > starts_at - timedelta(minutes=late_minutes):
        raise Refused(
            "too-late", "It is too late to move this visit online.", "Call the practice, or cancel it."
        )


def check_moment(when: datetime) -> None:
    """Raises `Refused` for a moment without zone or within a minute."""
    if when.tzinfo is None or when.utcoffset() is None:
        raise Refused("no-zone", "The time says no zone.", "Give the moment with its offset.")
    if when.second or when.microsecond:
        raise Refused("bad-time", "Visits start at whole minutes.", "Leave out the seconds.")
