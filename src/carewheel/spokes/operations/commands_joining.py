"""Who wants an earlier time, or any, is put on the waitlist."""

from __future__ import annotations

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Location, Visit
from carewheel.practice.patients import bookable
from carewheel.spokes.operations.contracts_booking import WaitlistLine, WaitlistRequest
from carewheel.spokes.operations.models import Gap, WaitlistEntry
from carewheel.spokes.operations.needs import named_by_kind, type_with_needs
from carewheel.spokes.operations.queries_waitlist import entry_line
from carewheel.spokes.operations.transactions import once


def join_waitlist(actor: Actor, request: WaitlistRequest) -> WaitlistLine:
    """Put somebody on the waitlist: staff of all places named, or the patient. Raises `Refused` ``no-place``, ``bad-time``, `NotFound`."""
    if not request.location_ids:
        raise Refused("no-place", "Nobody said where.", "Choose a place at least.")
    window = request.between
    if (request.latest and request.latest < request.earliest) or (window and window[0] >= window[1]):
        raise Refused("bad-time", "The end lies before the beginning.", "Correct the days or times.")
    if request.patient_id not in actor.patient_ids:
        for place in request.location_ids:
            actor.need(Permission.WAITLIST_WRITE, place)

    def work() -> tuple[int, ...]:
        organisation = actor.organisation_id
        places = list(Location.objects.filter(organisation=organisation, pk__in=request.location_ids))
        patient = bookable(actor, request.patient_id).first()
        if len(places) != len(set(request.location_ids)) or patient is None:
            raise NotFound("There is no such patient or place.")
        kind = type_with_needs(organisation, request.visit_type_id).type
        named_by_kind(organisation, request.resource_ids)
        mine = Visit.objects.filter(patient=patient, pk=request.instead_of_id or 0)
        if request.instead_of_id is not None and not mine.exists():
            raise NotFound("There is no such visit.")
        entry = WaitlistEntry.objects.create(
            organisation_id=organisation,
            patient=patient,
            visit_type=kind,
            instead_of_id=request.instead_of_id,
            urgency=min(max(request.urgency, 1), 3),
            earliest=request.earliest,
            latest=request.latest,
            weekdays=sorted(set(request.weekdays) & set(range(7))),
            not_before=window[0] if window else None,
            not_after=window[1] if window else None,
            created_at=actor.at,
        )
        entry.locations.set(places)
        entry.resources.set(request.resource_ids)
        # Gaps that wait for somebody who fits are looked at again at once.
        Gap.objects.filter(location__in=places, status=Gap.Status.OPEN, hold=None).update(
            next_round_at=actor.at
        )
        record(actor, "join", "waitlist", entry.pk, patient_id=patient.pk, type=kind.pk)
        return (entry.pk,)

    return entry_line(once(actor, request.key, ("join", request), work)[0])
