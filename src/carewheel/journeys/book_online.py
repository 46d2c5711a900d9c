"""Patients book by themselves: a time is kept while they give their name and a code, then it is theirs; a link manages it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from carewheel.practice.access import Actor, NotFound, Refused
from carewheel.practice.messages import queue_message
from carewheel.practice.messages.codes import KIND, check_code, send_code
from carewheel.practice.models import Patient, Visit
from carewheel.practice.patients import phone_form, register_patient, search_name
from carewheel.practice.tries import in_a_row
from carewheel.spokes.operations.commands_booking import book_visit, hold_slot
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.queries_booking import visit

DOOR = "online booking"
LINK_SALT = "carewheel.own-visit"
HOLD_MINUTES = 15
# Times that are kept at once for people who are still typing.
MOST_HELD_BY_ONE, MOST_HELD_AT_ONE = 3, 20
MOST_PEOPLE_OF_ONE, MOST_AHEAD_OF_ONE = 6, 10


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
    """Hold the time and send a code; returns what `take_time` needs, sealed.

    Raises as `hold_slot` and `send_code`, and `Refused`: bad-name, too-many-holds (for one contact, or at one place).
    """
    if not who.family_name.strip() or not date(1900, 1, 1) <= who.birth_date <= actor.at.date():
        raise Refused(
            "bad-name", "The name or the birth date cannot be.", "Give your family name and birth date."
        )
    contact = who.contact.strip() if "@" in who.contact else phone_form(who.contact)

    def held() -> dict[str, Any]:
        _refuse_hoarding(actor, request.location_id, contact)
        hold = hold_slot(actor, request, HOLD_MINUTES)
        return {
            "place": request.location_id,
            "type": request.visit_type_id,
            "starts": hold.starts_at.isoformat(),
            "hold": hold.id,
            "given": who.given_name.strip(),
            "family": who.family_name.strip(),
            "born": who.birth_date.isoformat(),
        }

    return send_code(actor, contact, held, request.location_id)


def _refuse_hoarding(actor: Actor, location_id: int, contact: str) -> None:
    """Nobody keeps many times for nobody: neither one contact, nor many together all of a place's."""
    in_a_row(f"holds-at:{location_id}", f"holds-of:{actor.organisation_id}:{contact.lower()}")
    held = Visit.objects.filter(
        organisation_id=actor.organisation_id, status=Visit.Status.PROPOSED, channel="online", hold_until__gt=actor.at
    )  # fmt: skip
    if held.filter(messages__kind=KIND, messages__to__iexact=contact).count() >= MOST_HELD_BY_ONE:
        raise Refused("too-many-holds", "You keep several times already.", f"Finish one of them, or wait {HOLD_MINUTES} minutes.")  # fmt: skip
    if held.filter(location_id=location_id).count() >= MOST_HELD_AT_ONE:
        raise Refused("too-many-holds", "Very many are booking here at this moment.", f"Try again in {HOLD_MINUTES} minutes, or call the practice.")  # fmt: skip


def take_time(actor: Actor, sealed: str, code: str, link: str) -> VisitDetail:
    """Book what was kept, for the patient whose code it is: a known one where name, birth date and contact all agree, else a new one.

    ``link``: where the visit is managed, with ``{token}`` in it; it is sent to the patient. Sent twice, it books once.
    Raises as `check_code`, `register_patient`, `book_visit`, and `Refused`: contact-shared (it stands for many people already),
    contact-booked (it has many visits ahead).
    """
    about, contact = check_code(sealed, code, actor.at)
    with transaction.atomic():
        in_a_row(f"contact:{actor.organisation_id}:{contact.lower()}")
        known = _known(actor, about, contact)
        if Visit.objects.filter(pk=about["hold"], status=Visit.Status.PROPOSED).exists():
            _refuse_crowd(actor, contact, known)
        patient_id = known or _new(actor, about, contact)
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
    """The sealed number of a visit, for its own patient's link. It ends when the patient's contact changes, or staff end it (`end_links`)."""
    patient = Patient.objects.filter(visits=visit_id).first()
    return signing.dumps([visit_id, _contact_print(patient) if patient else ""], salt=LINK_SALT)


def own_visit(token: str, at: datetime, address: str) -> tuple[Actor, VisitDetail]:
    """The visit of a link, and its patient as the actor. Raises `NotFound` for a token that is none or was ended, or a visit long over."""
    try:
        visit_id, contact = signing.loads(token, salt=LINK_SALT)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise NotFound("This link is not valid.") from error
    patient = Patient.objects.filter(visits=visit_id).first()
    if patient is None or not constant_time_compare(_contact_print(patient), contact):
        raise NotFound("This link is not valid any more.")
    actor = Actor(patient.organisation_id, at, patient_ids=frozenset({patient.pk}), address=address)
    found = visit(actor, visit_id)
    if (at - found.ends_at).days >= 1:
        raise NotFound("This visit is over.")
    return actor, found


def _contact_print(patient: Patient) -> str:
    words = f"{patient.pk}:{patient.links}:{patient.email.lower()}:{phone_form(patient.phone)}"
    return salted_hmac(LINK_SALT, words, algorithm="sha256").hexdigest()[:32]


def _refuse_crowd(actor: Actor, contact: str, known: int | None) -> None:
    """One contact stands for a family, not for a crowd of names that each may hold their visits."""
    people = Patient.objects.filter(_reached_by(contact), organisation_id=actor.organisation_id, active=True)
    if known is None and people.count() >= MOST_PEOPLE_OF_ONE:
        raise Refused("contact-shared", "This contact stands for many people already.", "Call the practice.")
    ahead = Visit.objects.filter(
        patient__in=people, channel="online", status__in=(Visit.Status.PENDING, Visit.Status.BOOKED), starts_at__gt=actor.at
    )  # fmt: skip
    if ahead.count() >= MOST_AHEAD_OF_ONE:
        raise Refused("contact-booked", "This contact has many visits ahead already.", "Call the practice.")


def _reached_by(contact: str) -> Q:
    """Patients of a contact, whichever way it is written."""
    name, at, domain = contact.lower().rpartition("@")
    if not at:
        return Q(phone=contact)
    name = name.partition("+")[0]
    return Q(email__iexact=f"{name}@{domain}") | Q(email__istartswith=f"{name}+", email__iendswith=f"@{domain}")  # fmt: skip


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
