"""Reads of the waitlist, of offers by their link, of how well gaps are filled, and of what the practice system has still to take over."""

from __future__ import annotations

import calendar
import hashlib
import statistics
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, OuterRef, QuerySet, Subquery

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.clocks import clock_time
from carewheel.practice.models import Visit
from carewheel.spokes.operations.contracts_booking import (
    FillRate,
    FittingLine,
    GapLine,
    OfferDetail,
    OutboundLine,
    WaitlistLine,
)
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.gaps import fitting
from carewheel.spokes.operations.models import Gap, Offer, OutboundChange, WaitlistEntry
from carewheel.spokes.operations.rules.offering import ASK_AHEAD

# Gaps that a page lists.
MOST_GAPS = 50
TO_DO = {
    "S12": "Enter this visit in the practice system.",
    "S13": "Move this visit in the practice system.",
    "S14": "Change the length or people of this visit in the practice system.",
    "S15": "Cancel this visit in the practice system.",
    "S26": "Mark this visit as not come in the practice system.",
}
CONTRADICTED = (
    "The practice system says otherwise: call the patient, correct one of the two, then close this."
)


def waitlist(actor: Actor, location_id: int | None = None) -> tuple[WaitlistLine, ...]:
    """Who waits or has an offer, the most urgent first, then who waits longest; of the places that may be seen."""
    actor.need(Permission.WAITLIST_READ, location_id)
    rows = WaitlistEntry.objects.filter(
        organisation=actor.organisation_id,
        status__in=(WaitlistEntry.Status.WAITING, WaitlistEntry.Status.OFFERED),
    )
    places = actor.locations(Permission.WAITLIST_READ)
    if location_id is not None:
        rows = rows.filter(locations=location_id)
    elif places is not None:
        rows = rows.filter(locations__in=places).distinct()
    return _lines(rows.order_by("-urgency", "created_at", "pk"))


def entry_line(entry_id: int) -> WaitlistLine:
    """One entry; whoever calls has asked for permission."""
    return _lines(WaitlistEntry.objects.filter(pk=entry_id))[0]


def _lines(rows: QuerySet[WaitlistEntry]) -> tuple[WaitlistLine, ...]:
    offers = Offer.objects.filter(entry=OuterRef("pk")).order_by().values("entry").annotate(many=Count("pk"))
    told = rows.annotate(asked=Subquery(offers.values("many")))
    found = told.select_related("patient", "visit_type", "organisation")
    return tuple(
        WaitlistLine(
            id=one.pk,
            patient_id=one.patient_id,
            patient_name=one.patient.display_name,
            visit_type=one.visit_type.name,
            location_names=tuple(sorted(place.name for place in one.locations.all())),
            urgency=one.urgency,
            since=one.created_at,
            earliest=one.earliest,
            latest=one.latest,
            wishes=_wishes(one),
            status=one.status,
            offers=one.asked or 0,
            instead_of_id=one.instead_of_id,
        )
        for one in found.prefetch_related("locations", "resources")
    )


def _wishes(one: WaitlistEntry) -> str:
    """In words: days, times, people."""
    parts = [", ".join(calendar.day_abbr[day] for day in one.weekdays)]
    if one.not_before:
        parts.append(f"from {clock_time(one.not_before, one.organisation.clock)}")
    if one.not_after:
        parts.append(f"until {clock_time(one.not_after, one.organisation.clock)}")
    names = sorted(resource.name for resource in one.resources.all())
    if names:
        parts.append(f"with {' or '.join(names)}")
    return " · ".join(part for part in parts if part)


def hash_of(token: str) -> str:
    """As an offer's token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def offer_row(token: str) -> Offer:
    """The offer of a link. Raises `NotFound`."""
    rows = Offer.objects.select_related("gap__location", "entry__patient", "entry__visit_type")
    found = rows.filter(token_hash=hash_of(token)).first()
    if found is None:
        raise NotFound("This link is none of ours, or too old.")
    return found


def offer_detail(offer: Offer, at: datetime) -> OfferDetail:
    """As a page shows it; an open offer whose time is over has lapsed, whether a job has noted it or not."""
    location = offer.gap.location
    zone = ZoneInfo(location.zone)
    over = offer.status == Offer.Status.OPEN and offer.expires_at <= at
    return OfferDetail(
        id=offer.pk,
        entry_id=offer.entry_id,
        patient_name=offer.entry.patient.display_name,
        organisation_id=location.organisation_id,
        location_id=location.pk,
        location_name=location.name,
        visit_type=offer.entry.visit_type.name,
        starts_at=offer.starts_at.astimezone(zone),
        ends_at=offer.ends_at.astimezone(zone),
        expires_at=offer.expires_at.astimezone(zone),
        status=Offer.Status.LAPSED.value if over else offer.status,
    )


def offer_by_token(token: str, at: datetime) -> OfferDetail:
    """What a link offers. Looking changes nothing: mail scanners open links as well. Raises `NotFound`."""
    return offer_detail(offer_row(token), at)


def fill_rate(actor: Actor, first: date, last: date) -> FillRate:
    """Of the gaps that came up between two days (inclusive, in UTC) and were offered: how many were filled, and how fast."""
    actor.need(Permission.WAITLIST_READ)
    begins = datetime.combine(first, time(0), UTC)
    rows = Gap.objects.filter(
        organisation=actor.organisation_id,
        created_at__gte=begins,
        created_at__lt=datetime.combine(last, time(0), UTC) + timedelta(days=1),
    )
    places = actor.locations(Permission.WAITLIST_READ)
    if places is not None:
        rows = rows.filter(location__in=places)
    offered = list(rows.annotate(asked=Count("offers")).filter(asked__gt=0))
    minutes = [(one.filled_at - one.created_at) / timedelta(minutes=1) for one in offered if one.filled_at]
    return FillRate(
        len(offered),
        sum(one.status == Gap.Status.FILLED for one in offered),
        sum(one.asked for one in offered),
        statistics.median(minutes) if minutes else None,
    )


def open_gaps(actor: Actor) -> tuple[GapLine, ...]:
    """Times that became free and are still to be filled, the nearest first, each with those who were asked and may still answer."""
    actor.need(Permission.WAITLIST_READ)
    rows = Gap.objects.filter(
        organisation=actor.organisation_id, status=Gap.Status.OPEN, starts_at__gte=actor.at + ASK_AHEAD
    )
    places = actor.locations(Permission.WAITLIST_READ)
    if places is not None:
        rows = rows.filter(location__in=places)
    found = list(rows.select_related("location").order_by("starts_at", "pk")[:MOST_GAPS])
    offers = Offer.objects.filter(
        gap__in=[one.pk for one in found], status=Offer.Status.OPEN, expires_at__gt=actor.at
    )
    asked: dict[int, list[Offer]] = defaultdict(list)
    for offer in offers.select_related("gap__location", "entry__patient", "entry__visit_type").order_by("pk"):
        asked[offer.gap_id].append(offer)
    return tuple(_gap_line(one, asked[one.pk], actor.at) for one in found)


def who_fits(actor: Actor, gap_id: int) -> tuple[GapLine, tuple[FittingLine, ...]]:
    """A gap with all whom it fits and who were not asked about it, whoever is worth asking most first. Raises `NotFound`, `Refused` ``gap-over``."""
    rows = Gap.objects.select_related("location").filter(organisation=actor.organisation_id, pk=gap_id)
    gap = rows.first()
    if gap is None:
        raise NotFound("There is no such gap.")
    actor.need_of(
        Permission.WAITLIST_READ, gap.location_id, Permission.WAITLIST_READ, "There is no such gap."
    )
    if gap.status != Gap.Status.OPEN:
        raise Refused("gap-over", "This time is not offered any more.", "Look at the waitlist anew.")
    asked = gap.offers.filter(status=Offer.Status.OPEN, expires_at__gt=actor.at)
    line = _gap_line(
        gap, list(asked.select_related("gap__location", "entry__patient", "entry__visit_type")), actor.at
    )
    fits = [] if line.asked else fitting(actor, gap, None)
    zone = ZoneInfo(gap.location.zone)
    return line, tuple(
        FittingLine(
            f.entry.pk, f.entry.patient.display_name, f.entry.visit_type.name, f.entry.urgency, _wishes(f.entry),
            f.starts_at.astimezone(zone), f.accepts,
        )
        for f in fits
    )  # fmt: skip


def _gap_line(gap: Gap, asked: Sequence[Offer], at: datetime) -> GapLine:
    zone = ZoneInfo(gap.location.zone)
    return GapLine(
        gap.pk, gap.location_id, gap.location.name, gap.starts_at.astimezone(zone), gap.ends_at.astimezone(zone),
        gap.next_round_at, tuple(offer_detail(one, at) for one in asked),
    )  # fmt: skip


def outbound(actor: Actor, location_id: int | None = None) -> tuple[OutboundLine, ...]:
    """What the practice system has still to take over, or says otherwise about; the oldest first."""
    return _outbound_lines(list(_open_changes(actor, location_id).order_by("created_at", "pk")))


def outbound_count(actor: Actor) -> int:
    """How many changes there are of these."""
    return _open_changes(actor, None).count()


def _open_changes(actor: Actor, location_id: int | None) -> QuerySet[OutboundChange]:
    actor.need(Permission.SCHEDULE_READ, location_id)
    rows = OutboundChange.objects.filter(
        organisation=actor.organisation_id,
        state__in=(OutboundChange.State.OPEN, OutboundChange.State.CONTRADICTED),
    )
    places = actor.locations(Permission.SCHEDULE_READ)
    if location_id is not None:
        rows = rows.filter(location=location_id)
    elif places is not None:
        rows = rows.filter(location__in=places)
    return rows


def _outbound_lines(rows: Sequence[OutboundChange]) -> tuple[OutboundLine, ...]:
    visits = {one.id: one for one in details(Visit.objects.filter(pk__in=[row.visit_id for row in rows]))}
    return tuple(
        OutboundLine(
            row.pk,
            visits[row.visit_id],
            row.event,
            row.state,
            row.created_at,
            row.message,
            TO_DO[row.event] if row.state == OutboundChange.State.OPEN else CONTRADICTED,
        )
        for row in rows
    )
