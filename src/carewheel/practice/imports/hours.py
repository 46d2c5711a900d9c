"""When people work and places are open, as an import tells it: from the sessions of the source, else worked out from the book.

Hours by weekday are assumed: what held in most of the last weeks. They are marked so until somebody confirms them, and whoever has hours
keeps them. Leave, blocks and holidays ahead are taken as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from carewheel.interop.records import AvailabilityRecord
from carewheel.practice.imports.ground import Ground, moment
from carewheel.practice.models import Closure, Leave, Location, OpeningHours, WorkingHours

BACK, AHEAD = timedelta(days=84), timedelta(days=28)
BOOK_BACK = timedelta(days=90)
# A weekday is worked if it was in so many of the weeks.
OFTEN = 0.5
BOOKED_OFTEN = 0.25
_LEAVE = {"leave": Leave.Kind.LEAVE, "blockout": Leave.Kind.BLOCK, "closed": Leave.Kind.BLOCK, "holiday": Leave.Kind.LEAVE}  # fmt: skip

Spans = tuple[tuple[time, time], ...]


@dataclass
class HoursSeen:
    """What the book tells of who is where when, while it is read."""

    at: datetime
    booked: dict[tuple[str, str], dict[date, tuple[time, time]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add_visit(self, provider: str, place: str, starts: datetime, ends: datetime, zone: ZoneInfo) -> None:
        """One visit: the provider is there from its start to its end."""
        if not provider or not self.at - BOOK_BACK < starts <= self.at:
            return
        begin, end = starts.astimezone(zone), ends.astimezone(zone)
        if begin.date() != end.date():
            return
        days = self.booked[provider, place]
        first, last = days.get(begin.date(), (time.max, time.min))
        days[begin.date()] = (min(first, begin.time()), max(last, end.time()))


def take_hours(ground: Ground, told: Iterable[AvailabilityRecord], seen: HoursSeen) -> bool:
    """Working and opening hours of the source's people and places, and what stands against them; whether any were assumed."""
    sessions: dict[tuple[str, str], dict[date, list[tuple[time, time]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    with transaction.atomic():
        for one in told:
            place = ground.locations.get(one.location_id)
            if place is None:
                continue
            zone = ZoneInfo(place.zone)
            starts, ends = moment(one.starts_at, zone), moment(one.ends_at, zone)
            if starts is None:
                continue
            if one.kind == "open":
                local, until = starts.astimezone(zone), ends.astimezone(zone) if ends else None
                near = seen.at - BACK < starts < seen.at + AHEAD
                if near and one.provider_key and until and until.date() == local.date():
                    sessions[one.provider_key, one.location_id][local.date()].append(
                        (local.time(), until.time())
                    )
            elif starts > seen.at - BACK:
                _away(ground, place, one, starts, ends, seen.at)
        assumed = False
        for provider, place_id in sorted(set(sessions) | set(seen.booked)):
            days = {
                day: tuple(sorted(spans)) for day, spans in sessions.get((provider, place_id), {}).items()
            }
            week = weekly(days) if days else weekly_of_book(seen.booked[provider, place_id])
            assumed |= _work(ground, provider, ground.locations[place_id], week)
        for place in ground.locations.values():
            assumed |= _open(place)
    return assumed


def weekly(days: dict[date, Spans]) -> dict[int, Spans]:
    """The usual spans by weekday: the commonest of those weekdays that were worked in at least half of the weeks.

    >>> monday = date(2026, 3, 2)
    >>> week = {monday + timedelta(days=7 * n): ((time(8), time(12)),) for n in range(4)} | {date(2026, 3, 3): ((time(8), time(9)),)}
    >>> weekly(week) == {0: ((time(8), time(12)),)}
    True
    """
    weeks = (max(days) - min(days)).days // 7 + 1
    by_weekday: dict[int, list[Spans]] = defaultdict(list)
    for day, spans in days.items():
        by_weekday[day.weekday()].append(_joined(spans))
    return {
        weekday: Counter(found).most_common(1)[0][0]
        for weekday, found in sorted(by_weekday.items())
        if len(found) >= OFTEN * weeks
    }


def weekly_of_book(days: dict[date, tuple[time, time]]) -> dict[int, Spans]:
    """The earliest start and the latest end of visits by weekday, to the quarter of an hour outwards; rare weekdays are left out.

    >>> mondays = {date(2026, 3, 2): (time(8, 5), time(11, 50)), date(2026, 3, 9): (time(8, 30), time(12, 1))}
    >>> weekly_of_book(mondays) == {0: ((time(8), time(12, 15)),)}
    True
    """
    if not days:
        return {}
    weeks = (max(days) - min(days)).days // 7 + 1
    by_weekday: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for day, span in days.items():
        by_weekday[day.weekday()].append(span)
    return {
        weekday: (
            (_quarter(min(a for a, _ in found), up=False), _quarter(max(b for _, b in found), up=True)),
        )
        for weekday, found in sorted(by_weekday.items())
        if len(found) >= BOOKED_OFTEN * weeks
    }


def _joined(spans: Spans) -> Spans:
    """Spans that touch or overlap as one."""
    joined: list[tuple[time, time]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > begin:
            joined.append((begin, end))
    return tuple(joined)


def _quarter(clock: time, *, up: bool) -> time:
    minutes = clock.hour * 60 + clock.minute
    minutes = -(-minutes // 15) * 15 if up else minutes // 15 * 15
    return time(minutes // 60, minutes % 60) if minutes < 24 * 60 else time(23, 59)


def _work(ground: Ground, provider: str, place: Location, week: dict[int, Spans]) -> bool:
    resource = ground.practitioner(provider)
    if resource is None or WorkingHours.objects.filter(resource_id=resource, location=place).exists():
        return False
    WorkingHours.objects.bulk_create(
        WorkingHours(
            resource_id=resource, location=place, weekday=weekday, starts=begin, ends=end, assumed=True
        )
        for weekday, spans in week.items()
        for begin, end in spans
    )
    return bool(week)


def _open(place: Location) -> bool:
    """Open from when the first begins to when the last ends."""
    if OpeningHours.objects.filter(location=place).exists():
        return False
    spans: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for weekday, begin, end in WorkingHours.objects.filter(location=place).values_list(
        "weekday", "starts", "ends"
    ):
        spans[weekday].append((begin, end))
    if not spans:
        return False
    OpeningHours.objects.bulk_create(
        OpeningHours(location=place, weekday=weekday, opens=min(a for a, _ in found), closes=max(b for _, b in found), assumed=True)
        for weekday, found in sorted(spans.items())
    )  # fmt: skip
    Location.objects.filter(pk=place.pk).update(calendar_version=F("calendar_version") + 1)
    return bool(spans)


def _away(
    ground: Ground, place: Location, told: AvailabilityRecord, starts: datetime, ends: datetime | None, at: datetime
) -> None:  # fmt: skip
    """Leave or a block of somebody or a room; a holiday of nobody in particular closes the place. Of today and later only."""
    whole_day = ends is None or ends <= starts
    ends = starts + timedelta(days=1) if whole_day or ends is None else ends
    kind = _LEAVE.get(told.kind)
    if ends <= at or kind is None:
        return
    resource = ground.practitioner(told.provider_key) or ground.room(told.resource_id, place)
    if resource is None:
        if told.kind in ("holiday", "closed") and whole_day:
            day = starts.astimezone(ZoneInfo(place.zone)).date()
            Closure.objects.get_or_create(location=place, date=day, defaults={"name": told.kind.capitalize()})
        return
    Leave.objects.update_or_create(
        resource_id=resource, source=ground.source, source_id=told.source_id[:120],
        defaults={"kind": kind, "starts_at": starts, "ends_at": ends},
    )  # fmt: skip
