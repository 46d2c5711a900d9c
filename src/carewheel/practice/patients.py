"""Patients: found as one types, shown, registered and changed; who may act for them.

Staff of one location see patients whose home it is or who have a visit there, and those without a home. Each look at one patient is in the
audit trail; searching is not (its result shows little, and would bury the trail).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from carewheel.practice.access import Actor, Conflict, NotFound, Permission, Refused
from carewheel.practice.audit import record, seen
from carewheel.practice.consents import consents
from carewheel.practice.emergency import open_for
from carewheel.practice.models import Location, Message, Patient, Proxy, Visit

MOST_FOUND = 50
# What staff may change by hand; nothing else is taken from a form.
EDITABLE = frozenset(
    {"given_name", "family_name", "birth_date", "sex", "phone", "email", "language", "preferred_channel", "home_location_id", "active"}
)  # fmt: skip
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class PatientLine:
    """A patient in a list."""

    id: int
    name: str
    birth_date: date | None
    phone: str
    home_location_id: int | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class ProxyLine:
    """Somebody who may act for a patient today."""

    id: int
    name: str
    relation: str
    phone: str
    email: str
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class PatientDetail:
    """One patient as staff see it. ``consents``: the latest yes or no by purpose and channel."""

    id: int
    version: int
    name: str
    given_name: str
    family_name: str
    birth_date: date | None
    sex: str
    phone: str
    email: str
    language: str
    preferred_channel: str
    home_location_id: int | None
    source: str
    source_id: str
    active: bool
    is_test: bool
    deceased_on: date | None
    consents: Mapping[tuple[str, str], bool]
    proxies: tuple[ProxyLine, ...]


def search_patients(actor: Actor, text: str, count: int = 20) -> tuple[PatientLine, ...]:
    """Patients whose name ("family given" or "given family") begins so, or by phone, birth date or number of the source."""
    actor.need(Permission.PATIENT_READ)
    words = search_form(text)
    if not words:
        return ()
    count = min(max(count, 1), MOST_FOUND)
    visible = _visible(actor).filter(active=True)
    found: list[Patient] = []
    numbers = any(sign.isdigit() for sign in words)
    # One question a way, each read from its own index; together, or numbers in the order of names, they would be read from none.
    for way in _by_number(text) if numbers else _by_name(words):
        if len(found) < count:
            more = visible.filter(way).exclude(pk__in=[one.pk for one in found])
            found += (more.order_by() if numbers else more.order_by("search_name", "id"))[
                : count - len(found)
            ]
    return tuple(_patient_line(one) for one in found)


def patient(actor: Actor, patient_id: int) -> PatientDetail:
    """One patient; the look is in the audit trail. Raises `NotFound` outside of what the actor may see.

    With `emergency.break_glass` open for the patient, also beyond one's locations.
    """
    return _detail(_seen(actor, patient_id), actor)


def patient_line(actor: Actor, patient_id: int) -> PatientLine:
    """As `patient`, where no more is asked than who it is."""
    return _patient_line(_seen(actor, patient_id))


def _patient_line(p: Patient) -> PatientLine:
    return PatientLine(p.pk, p.display_name, p.birth_date, p.phone, p.home_location_id, p.is_test)


def _seen(actor: Actor, patient_id: int) -> Patient:
    usual = actor.may(Permission.PATIENT_READ)
    found = _visible(actor).select_related("home_location").filter(pk=patient_id).first() if usual else None
    if found is None and (patient_id in actor.patient_ids or open_for(actor, patient_id)):
        found = Patient.objects.filter(pk=patient_id, organisation_id=actor.organisation_id).first()
    elif found is None:
        actor.need(Permission.PATIENT_READ)
    if found is None:
        raise NotFound
    seen(actor, "patient", found.pk, patient_id=found.pk)
    return found


def register_patient(
    actor: Actor, *, given_name: str, family_name: str, home_location_id: int | None, birth_date: date | None = None,
    sex: str = "", phone: str = "", email: str = "", language: str = "", preferred_channel: str = "",
) -> PatientDetail:  # fmt: skip
    """A new patient. Raises `Refused` (patient.name, patient.email, patient.phone, patient.birth) for what cannot be."""
    actor.need(Permission.PATIENT_WRITE, home_location_id)
    _location(actor, home_location_id)
    values = _checked(actor, {
        "given_name": given_name, "family_name": family_name, "birth_date": birth_date, "sex": sex, "phone": phone,
        "email": email, "language": language, "preferred_channel": preferred_channel,
    })  # fmt: skip
    with transaction.atomic():
        made = Patient.objects.create(
            organisation_id=actor.organisation_id, home_location_id=home_location_id, created_at=actor.at, **values
        )  # fmt: skip
        record(
            actor, "patient-registered", "patient", made.pk, patient_id=made.pk, location_id=home_location_id
        )
    return _detail(made, actor)


def update_patient(actor: Actor, patient_id: int, version: int, **changes: Any) -> PatientDetail:
    """Change what is `EDITABLE`. Raises `Conflict` where somebody changed the patient since ``version`` was read."""
    unknown = set(changes) - EDITABLE
    if unknown:
        raise Refused("patient.fields", "This cannot be changed.", fields=sorted(unknown))
    found = _visible(actor, Permission.PATIENT_WRITE).filter(pk=patient_id).first()
    if found is None:
        actor.need(Permission.PATIENT_WRITE)
        raise NotFound
    actor.need(Permission.PATIENT_WRITE, found.home_location_id)
    if "home_location_id" in changes:
        _location(actor, changes["home_location_id"])
        actor.need(Permission.PATIENT_WRITE, changes["home_location_id"])
    names = {name: getattr(found, name) for name in ("given_name", "family_name")}
    values = _checked(actor, names | changes)
    with transaction.atomic():
        changed = Patient.objects.filter(pk=patient_id, version=version).update(
            **values, version=F("version") + 1
        )
        if not changed:
            raise Conflict(
                "patient.changed", "Somebody changed this patient just now.", "Look at it anew and repeat."
            )
        record(actor, "patient-changed", "patient", patient_id, patient_id=patient_id, fields=sorted(changes))
    found.refresh_from_db()
    return _detail(found, actor)


def add_proxy(
    actor: Actor, patient_id: int, *, name: str, relation: str, phone: str = "", email: str = "", ends_on: date | None = None
) -> ProxyLine:  # fmt: skip
    """Let somebody act for a patient, from today until a day (inclusive) or without end."""
    held = _visible(actor, Permission.PATIENT_WRITE).filter(pk=patient_id).first()
    if held is None:
        actor.need(Permission.PATIENT_WRITE)
        raise NotFound
    today = local_day(actor, held)
    if not name.strip() or (ends_on and ends_on < today):
        raise Refused("proxy.day", "A name is missing, or the last day is past.", "Correct it.")
    with transaction.atomic():
        made = Proxy.objects.create(
            patient=held, name=name.strip()[:200], relation=relation.strip()[:40], phone=phone_form(phone),
            email=email.strip(), starts_on=today, ends_on=ends_on,
        )  # fmt: skip
        record(actor, "proxy-added", "proxy", made.pk, patient_id=patient_id)
    return _proxy(made)


def end_links(actor: Actor, patient_id: int) -> None:
    """End the links to their visits that were sent to a patient; those still waiting are not sent. Raises `NotFound`."""
    held = _visible(actor, Permission.PATIENT_WRITE).filter(pk=patient_id).first()
    if held is None:
        actor.need(Permission.PATIENT_WRITE)
        raise NotFound
    with transaction.atomic():
        Patient.objects.filter(pk=patient_id).update(links=F("links") + 1)
        waiting = Message.objects.filter(patient=held, kind="manage", status=Message.Status.WAITING)
        waiting.update(status=Message.Status.CANCELLED)
        record(actor, "links-ended", "patient", patient_id, patient_id=patient_id)


def acts_for(actor: Actor, user_id: int) -> frozenset[int]:
    """The patients for whom an account may act on this day: proxies whose time runs. Past their day they are nobody's."""
    rows = Proxy.objects.filter(user_id=user_id, patient__organisation_id=actor.organisation_id)
    return frozenset(
        one.patient_id
        for one in rows.select_related("patient__home_location")
        if _runs(one, local_day(actor, one.patient))
    )


def local_day(actor: Actor, held: Patient) -> date:
    """Today at the patient's location."""
    place = held.home_location
    return actor.at.astimezone(ZoneInfo(place.zone) if place else actor.at.tzinfo).date()


def search_form(text: str) -> str:
    """Lower case, without accents and signs, words apart by one space: how names are kept for searching.

    >>> search_form("  Müller, ÉVA")
    'muller eva'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text[:250]) if not unicodedata.combining(c))
    return re.sub(r"[^\w]+", " ", plain.casefold()).strip()


def search_name(given: str, family: str) -> str:
    """The name that searching goes by: "family given"."""
    return f"{search_form(family)} {search_form(given)}".strip()[:250]


def phone_form(text: str) -> str:
    """A telephone number as it is kept: digits, with a plus before them if it was given.

    >>> phone_form("+1 (202) 555-0101")
    '+12025550101'
    """
    digits = re.sub(r"\D", "", text)
    return ("+" if text.strip().startswith("+") else "") + digits if digits else ""


def _visible(actor: Actor, permission: Permission = Permission.PATIENT_READ) -> QuerySet[Patient]:
    mine = Patient.objects.filter(organisation_id=actor.organisation_id)
    places = actor.locations(permission)
    if places is None:
        return mine
    here = Visit.objects.filter(location_id__in=places, patient__isnull=False).values("patient_id")
    return mine.filter(Q(home_location_id__in=places) | Q(home_location__isnull=True) | Q(pk__in=here)) if places else mine.none()  # fmt: skip


def bookable(actor: Actor, patient_id: int) -> QuerySet[Patient]:
    """The patient, if active and one whom the actor may see or act for: a booking would make somebody visible who is not."""
    mine = Patient.objects.filter(organisation_id=actor.organisation_id)
    rows = mine if patient_id in actor.patient_ids else _visible(actor)
    return rows.filter(active=True, pk=patient_id)


def _begins(column: str, words: str) -> Q:
    """By the index of the column: PostgreSQL reads LIKE from one made for patterns, SQLite a range in its own order."""
    if connection.vendor == "postgresql":
        return Q(**{f"{column}__startswith": words})
    return Q(**{f"{column}__gte": words, f"{column}__lt": words + _LAST})


def _by_name(words: str) -> list[Q]:
    """ "family given", "given family"; one word also as the given name alone, which is read through the whole index of names."""
    first, _, rest = words.partition(" ")
    if rest:
        return [
            _begins("search_name", words),
            _begins("search_name", rest) & Q(search_name__contains=f" {first}"),
        ]
    return [_begins("search_name", words), Q(search_name__contains=f" {words}")]


def _by_number(text: str) -> list[Q]:
    """The number of the source, a birth date, a telephone number from its beginning."""
    text = text.strip()
    ways = [Q(source_id=text)]
    if born := _day(text):
        return [*ways, Q(birth_date=born)]
    digits = re.sub(r"\D", "", text)
    if len(digits) >= 4:
        ways += [_begins("phone", before + digits) for before in ("", "+", "+1")]
    return ways


def _day(text: str) -> date | None:
    """A birth date as people write it: 1980-02-03, 2/3/1980 (month first), 3.2.1980 (day first)."""
    for pattern, order in (
        (r"(\d{4})-(\d{1,2})-(\d{1,2})", (0, 1, 2)),
        (r"(\d{1,2})/(\d{1,2})/(\d{4})", (2, 0, 1)),
        (r"(\d{1,2})\.(\d{1,2})\.(\d{4})", (2, 1, 0)),
    ):
        if found := re.fullmatch(pattern, text):
            parts = [int(part) for part in found.groups()]
            try:
                return date(*(parts[i] for i in order))
            except ValueError:
                return None
    return None


def _location(actor: Actor, location_id: int | None) -> None:
    if location_id is not None and not Location.objects.filter(
        pk=location_id, organisation_id=actor.organisation_id
    ).exists():  # fmt: skip
        raise NotFound


def _checked(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    """The values as they are kept, with the search name."""
    values = {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}
    if any("\x00" in v or len(v) > 120 for v in (values["given_name"], values["family_name"])) or not (
        values["given_name"] or values["family_name"]
    ):
        raise Refused("patient.name", "The name is empty or too long.", "Give a name of at most 120 signs.")
    if "phone" in values:
        values["phone"] = phone_form(values["phone"])
        if values["phone"] and not 5 <= len(values["phone"]) <= 20:
            raise Refused("patient.phone", "The telephone number is none.", "Give it with its area code.")
    if values.get("email"):
        try:
            validate_email(values["email"])
        except ValidationError as error:
            raise Refused("patient.email", "The e-mail address is none.", "Correct it.") from error
    born = values.get("birth_date")
    if born and not date(1900, 1, 1) <= born <= actor.at.date():
        raise Refused("patient.birth", "The birth date is in the future or too long ago.", "Correct it.")
    if values.get("preferred_channel", "") not in Patient.Channel.values:
        raise Refused("patient.channel", "There is no such channel.", "Choose one of those shown.")
    values["search_name"] = search_name(values["given_name"], values["family_name"])
    return values


def _runs(one: Proxy, day: date) -> bool:
    return one.starts_on <= day and (one.ends_on is None or day <= one.ends_on)


def _proxy(one: Proxy) -> ProxyLine:
    return ProxyLine(one.pk, one.name, one.relation, one.phone, one.email, one.ends_on)


def _detail(p: Patient, actor: Actor) -> PatientDetail:
    today = local_day(actor, p)
    return PatientDetail(
        p.pk, p.version, p.display_name, p.given_name, p.family_name, p.birth_date, p.sex, p.phone, p.email,
        p.language, p.preferred_channel, p.home_location_id, p.source, p.source_id, p.active, p.is_test, p.deceased_on,
        consents(p.pk), tuple(_proxy(one) for one in p.proxies.order_by("id") if _runs(one, today)),
    )  # fmt: skip
