"""Register somebody whom the practice does not know yet and book the first visit: both or neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from django.db import transaction

from carewheel.practice.access import Actor
from carewheel.practice.patients import register_patient
from carewheel.spokes.operations.commands_booking import book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail


def book_somebody_new(
    actor: Actor, request: BookingRequest, *, given_name: str, family_name: str, birth_date: date | None, phone: str, email: str
) -> VisitDetail:  # fmt: skip
    """The visit of the new patient. Raises as `register_patient` and `book_visit`; then nobody was registered."""
    with transaction.atomic():
        made = register_patient(
            actor, given_name=given_name, family_name=family_name, home_location_id=request.location_id, birth_date=birth_date,
            phone=phone, email=email,
        )  # fmt: skip
        return book_visit(actor, replace(request, patient_id=made.id))
