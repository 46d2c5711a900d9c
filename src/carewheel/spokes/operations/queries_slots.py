"""Free times, over all places that may be seen: bits from the calendars in memory, the first ones first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from carewheel.practice.access import Actor, Permission, Refused
from carewheel.practice.models import Visit
from carewheel.science.scheduling.slots.finding import Part
from carewheel.spokes.operations.calendars import Book, Sought, as_they_are, books, window_of
from carewheel.spokes.operations.contracts_booking import FreeSlot, SlotQuestion
from carewheel.spokes.operations.needs import TypeWithNeeds, named_by_kind, type_with_needs
from carewheel.spokes.operations.rules.booking import STEP

# Where the question names no last moment, and the longest look ahead there is.
AHEAD, MOST_AHEAD = timedelta(days=90), timedelta(days=400)
MOST = 5_000


def free_slots(actor: Actor, question: SlotQuestion) -> tuple[FreeSlot, ...]:
    """The first free times, in order; of group visits also those with a seat left.

    Staff see those of the places whose schedule they may read; ``patient_side`` those that the rules for patients allow, at every active
    place. Raises `Refused`: ``not-online``, ``not-for-new-patients``, ``bad-count``, ``bad-length``, ``no-zone``.
    """
    if not 1 <= question.count <= MOST:
        raise Refused("bad-count", "That many times cannot be listed.", f"Ask for 1 to {MOST}.")
    if question.earliest.tzinfo is None or (question.latest and question.latest.tzinfo is None):
        raise Refused("no-zone", "The time says no zone.", "Give moments with their offset.")
    asked = type_with_needs(actor.organisation_id, question.visit_type_id)
    places = _places(actor, question)
    earliest, latest = _between(actor, question, asked)
    if places is not None and not places:
        return ()
    minutes, needs = asked.lasting(question.minutes)
    only = named_by_kind(actor.organisation_id, question.resource_ids)
    wanted = _Wanted(question, asked.type.pk, Sought(needs, minutes, only))
    single: list[FreeSlot] = []
    rows = as_they_are(actor.organisation_id, places)
    for window in range(window_of(earliest), window_of(latest) + 1):
        wanted.search(books(rows, window, actor.at), earliest, latest, single)
        if len(single) >= question.count:
            break
    if asked.type.seats == 1:
        return tuple(single)
    shared = _seats(wanted, asked.type.seats, actor, places, earliest, latest)
    return tuple(heapq.merge(shared, single, key=lambda one: one.starts_at.timestamp()))[: question.count]


@dataclass(slots=True)
class _Wanted:
    question: SlotQuestion
    type_id: int
    sought: Sought

    def search(self, kept: list[Book], earliest: datetime, latest: datetime, found: list[FreeSlot]) -> None:
        """The slots of some places in one window, in order of time, added until there are enough."""
        queue: list[tuple[int, int, int, Part]] = []
        if not kept:
            return
        zero = kept[0].zero
        first, last = max(_step(earliest, zero), 0), max(_step(latest, zero, up=False) + 1, 0)
        until = (1 << last) - 1
        for n, book in enumerate(kept):
            fits = book.part(self.sought)
            if fits is not None and (mask := (fits[0] >> first << first) & until):
                queue.append(((mask & -mask).bit_length() - 1, n, mask, fits[1]))
        heapq.heapify(queue)
        while queue and len(found) < self.question.count:
            at, n, mask, part = queue[0]
            if slot := self._slot(kept[n], part, at):
                found.append(slot)
            mask ^= 1 << at
            if mask:
                heapq.heapreplace(queue, ((mask & -mask).bit_length() - 1, n, mask, part))
            else:
                heapq.heappop(queue)

    def _slot(self, book: Book, part: Part, at: int) -> FreeSlot | None:
        start = datetime.fromtimestamp((book.zero + at * STEP) * 60, book.zone)
        end = datetime.fromtimestamp((book.zero + at * STEP + self.sought.minutes) * 60, book.zone)
        if not self.likes(start, end):
            return None
        # None where two needs of the visit would want the same resource.
        found = part.names("", 1 << at)
        if found is None:
            return None
        return FreeSlot(book.location_id, self.type_id, start, end, tuple(map(int, found[1:])))

    def likes(self, start: datetime, end: datetime) -> bool:
        """Whether the local day and time are wished for."""
        asked = self.question
        if asked.weekdays and start.weekday() not in asked.weekdays:
            return False
        if asked.between is None:
            return True
        same_day = end.date() == start.date()
        return start.time() >= asked.between[0] and same_day and end.time() <= asked.between[1]


def _seats(
    wanted: _Wanted, seats: int, actor: Actor, places: frozenset[int] | None, earliest: datetime, latest: datetime
) -> list[FreeSlot]:  # fmt: skip
    """Groups that are there already and have a seat left."""
    groups = Visit.objects.filter(
        organisation=actor.organisation_id,
        visit_type=wanted.type_id,
        group=None,
        patient=None,
        status__in=Visit.OCCUPYING,
        starts_at__range=(earliest, latest),
        location__active=True,
    ).exclude(status=Visit.Status.PROPOSED, hold_until__lte=actor.at)
    if places is not None:
        groups = groups.filter(location__in=places)
    full = Count("members", filter=seated(actor.at))
    rows = (
        groups.annotate(taken=full).filter(taken__lt=seats).order_by("starts_at").select_related("location")
    )
    found = []
    for group in rows.prefetch_related("occupancies")[: wanted.question.count]:
        zone = ZoneInfo(group.location.zone)
        start, end = group.starts_at.astimezone(zone), group.ends_at.astimezone(zone)
        used = tuple(one.resource_id for one in sorted(group.occupancies.all(), key=lambda o: o.need_order))
        wished = all(ids & set(used) for ids in wanted.sought.only.values())
        if wished and wanted.likes(start, end):
            found.append(FreeSlot(group.location_id, wanted.type_id, start, end, used))
    return found


def seated(at: datetime) -> Q:
    """The members of a group who have a seat: held ones only until their hold runs out."""
    held = Q(members__status=Visit.Status.PROPOSED)
    return Q(members__status__in=Visit.OCCUPYING) & (~held | Q(members__hold_until__gt=at))


def _places(actor: Actor, question: SlotQuestion) -> frozenset[int] | None:
    """The places to look at; None for all of the organisation."""
    seen = None if question.patient_side else actor.locations(Permission.SCHEDULE_READ)
    if not question.location_ids:
        return seen
    asked = frozenset(question.location_ids)
    return asked if seen is None else asked & seen


def _between(actor: Actor, question: SlotQuestion, asked: TypeWithNeeds) -> tuple[datetime, datetime]:
    """First and last start in UTC, under the rules for patients where they ask."""
    earliest = max(question.earliest, actor.at).astimezone(UTC)
    latest = earliest + AHEAD if question.latest is None else question.latest.astimezone(UTC)
    latest = min(latest, actor.at + MOST_AHEAD)
    if not question.patient_side:
        actor.need(Permission.SCHEDULE_READ)
        return earliest, latest
    rules = asked.rules
    if rules.online == "hidden" or not asked.type.active:
        raise Refused("not-online", "This visit cannot be booked online.", "Call the practice.")
    if question.new_patient and not rules.for_new_patients:
        raise Refused("not-for-new-patients", "This visit is for known patients.", "Book a first visit.")
    return (
        max(earliest, actor.at + timedelta(minutes=rules.lead_minutes)),
        min(latest, actor.at + timedelta(days=rules.horizon_days)),
    )


def _step(when: datetime, zero: int, *, up: bool = True) -> int:
    """The step of a window at or after (else before) a moment."""
    seconds = int(when.timestamp()) - zero * 60
    return -(-seconds // (STEP * 60)) if up else seconds // (STEP * 60)
