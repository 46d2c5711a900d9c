"""Patients book by themselves: a time is kept while they give their name and a code, then it is theirs; a link manages it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core import signing
from django.db import transaction

from carewheel.practice.access import Actor, NotFound, Refused
from carewheel.practice.messages import queue_message
from carewheel.practice.messages.codes import check_code, send_code
from carewheel.practice.models import Patient, Visit
from carewheel.practice.patients import phone_form, register_patient, search_name
from carewheel.spokes.operations.commands_booking import book_visit, hold_slot
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.queries_booking import visit

DOOR = "online booking"
LINK_SALT = "carewheel.own-visit"
HOLD_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who books, as typed. ``contact``: e-mail address or telephone number."""

    given_name: str
    family_name: str
    birth_date: date
    contact: str


def door(organisation_id: int, at: datetime, address: str) -> Actor:
    """The actor of the booking page: it acts for whoever is not signed in, under the rules for patients."""
    return Actor(organisation_id, at, system=DOOR, address=address)


def keep_time(actor: Actor, request: BookingRequest, who: Newcomer) -> str:
    """Hold the time and send a code; returns what `take_time` needs, sealed. Raises as `hold_slot` and `send_code`."""
    if not who.family_name.strip() or not date(1900, 1, 1) <= who.birth_date <= actor.at.date():
        raise Refused(
            "bad-name", "The name or the birth date cannot be.", "Give your family name and birth date."
        )
    contact = who.contact.strip() if "@" in who.contact else phone_form(who.contact)
    with transaction.atomic():
        held = hold_slot(actor, request, HOLD_MINUTES)
        return send_code(
            actor,
            contact,
            {
                "place": request.location_id,
                "type": request.visit_type_id,
                "starts": held.starts_at.isoformat(),
                "hold": held.id,
                "given": who.given_name.strip(),
                "family": who.family_name.strip(),
                "born": who.birth_date.isoformat(),
            },
            request.location_id,
        )


def take_time(actor: Actor, sealed: str, code: str, link: str) -> VisitDetail:
    """Book what was kept, for the patient whose code it is: a known one where name, birth date and contact all agree, else a new one.

    ``link``: where the visit is managed, with ``{token}`` in it; it is sent to the patient. Sent twice, it books once.
    Raises as `check_code`, `register_patient`, `book_visit`.
    """
    about, contact = check_code(sealed, code, actor.at)
    with transaction.atomic():
        patient_id = _known(actor, about, contact) or _new(actor, about, contact)
        booked = book_visit(
            actor,
            BookingRequest(
                location_id=about["place"],
                visit_type_id=about["type"],
                starts_at=datetime.fromisoformat(about["starts"]),
                patient_id=patient_id,
                hold_id=about["hold"],
                channel="online",
                patient_side=True,
                key=f"online:{about['hold']}",
            ),
        )
        queue_message(
            actor,
            patient=Patient.objects.get(pk=patient_id),
            purpose="visits",
            kind="manage",
            key=f"manage:{booked.id}",
            subject="Change or cancel your visit",
            body=f"Change or cancel your visit here: {link.format(token=token_of(booked.id))}",
            due_at=actor.at,
            expires_at=booked.starts_at,
            visit=Visit.objects.get(pk=booked.id),
        )
    return booked


def token_of(visit_id: int) -> str:
    """The sealed number of a visit, for its own patient's link."""
    return signing.dumps(visit_id, salt=LINK_SALT)


def own_visit(token: str, at: datetime, address: str) -> tuple[Actor, VisitDetail]:
    """The visit of a link, and its patient as the actor. Raises `NotFound` for a token that is none, or a visit that is long over."""
    try:
        visit_id = signing.loads(token, salt=LINK_SALT)
    except signing.BadSignature as error:
        raise NotFound("This link is not valid.") from error
    row = Visit.objects.filter(pk=visit_id).values("organisation_id", "patient_id").first()
    if row is None or row["patient_id"] is None:
        raise NotFound("This link is not valid.")
    actor = Actor(row["organisation_id"], at, patient_ids=frozenset({row["patient_id"]}), address=address)
    found = visit(actor, visit_id)
    if (at - found.ends_at).days >= 1:
        raise NotFound("This visit is over.")
    return actor, found


def _known(actor: Actor, about: Mapping[str, Any], contact: str) -> int | None:
    """A patient of the organisation whose name, birth date and contact are those; none where two are alike."""
    name = search_name(about["given"], about["family"])
    rows = Patient.objects.filter(
        organisation_id=actor.organisation_id, active=True, search_name=name, birth_date=about["born"]
    )
    found = [
        one.pk
        for one in rows[:10]
        if (contact.lower() == one.email.lower() if "@" in contact else contact == phone_form(one.phone))
    ]
    return found[0] if len(found) == 1 else None


def _new(actor: Actor, about: Mapping[str, Any], contact: str) -> int:
    made = register_patient(
        actor,
        given_name=about["given"],
        family_name=about["family"],
        home_location_id=about["place"],
        birth_date=date.fromisoformat(about["born"]),
        email=contact if "@" in contact else "",
        phone="" if "@" in contact else contact,
    )
    return made.id
