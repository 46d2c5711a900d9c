"""Who reaches what: every route, every role, every method, made from the site's own list of routes; reliability.md's cases 1 to 4.

What a role may is said here once more by hand (`EXPECTED`), so that a slip in the table is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import PERMISSIONS, Permission
from carewheel.practice.models import (
    Consent,
    EmergencyAccess,
    Job,
    Membership,
    Message,
    Occupancy,
    Role,
    User,
    Visit,
)
from carewheel.web.policy import OPEN, POLICY, SIGNED_IN, routes, unlisted

CANARY = "Zzcanaryzz"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Subjects that a role may never reach, whatever the table says.
EXPECTED = {
    "owner": set(),
    "manager": {"people.write"},
    "front_desk": {"money.read", "settings.write", "people.write", "audit.read", "audit.review", "data.write", "jobs.write"},
    "clinician": {"money.read", "settings.read", "settings.write", "people.write", "audit.read", "data.read", "jobs.read", "schedule.write", "schedule.override"},
    "biller": {"schedule.write", "schedule.override", "settings.write", "people.write", "audit.read", "patient.write", "patient.emergency"},
    "staff": {"patient.read", "patient.write", "schedule.write", "money.read", "audit.read", "settings.read", "data.read", "wheel.read"},
    "patient": {p.value for p in Permission},
    "auditor": {"patient.read", "patient.write", "schedule.write", "settings.write", "people.write", "data.write", "jobs.write"},
}  # fmt: skip


def parameters(pattern: str) -> list[tuple[str, str]]:
    """Converter and name of each parameter of a route."""
    return re.findall(r"<(\w+):(\w+)>", pattern)


def named(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from named(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield one.name or "", before + str(one.pattern)


OURS = [(name, pattern) for name, pattern in named() if not pattern.startswith("account/")]


def things_of(clinic: Clinic) -> dict[str, Any]:
    """One of each thing that an address can name; parameters are called after them."""
    from carewheel.spokes.operations.models import Gap, MissingVisit, Offer, OutboundChange, WaitlistEntry

    organisation, location, patient = clinic.organisation, clinic.location, clinic.patient
    visit = Visit.objects.create(
        organisation=organisation, location=location, patient=patient, visit_type=clinic.check_up, status="booked",
        starts_at=NOW + timedelta(days=1), ends_at=NOW + timedelta(days=1, minutes=30), booked_at=NOW,
    )  # fmt: skip
    for resource in (clinic.practitioner, clinic.chair):
        Occupancy.objects.create(
            visit=visit, resource=resource, starts_at=visit.starts_at, ends_at=visit.ends_at
        )
    entry = WaitlistEntry.objects.create(
        organisation=organisation, patient=patient, visit_type=clinic.check_up, earliest=NOW.date(), created_at=NOW
    )  # fmt: skip
    entry.locations.add(location)
    gap = Gap.objects.create(
        organisation=organisation, location=location, starts_at=visit.ends_at, ends_at=visit.ends_at + timedelta(hours=1), created_at=NOW
    )  # fmt: skip
    offer = Offer.objects.create(
        gap=gap, entry=entry, starts_at=gap.starts_at, ends_at=gap.ends_at, token_hash=f"{organisation.pk:064d}", offered_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )  # fmt: skip
    outbound = OutboundChange.objects.create(
        organisation=organisation, location=location, visit=visit, event="S12", control_id=f"C{organisation.pk}", message="MSH", created_at=NOW
    )  # fmt: skip
    user = clinic.account("staff", f"colleague{organisation.pk}@example.com")
    message = Message.objects.create(
        organisation=organisation, patient=patient, purpose="visits", kind="reminder", channel="email", to="pat@example.com", body="…",
        key=f"m{organisation.pk}", due_at=NOW, created_at=NOW,
    )  # fmt: skip
    missing = MissingVisit.objects.create(
        organisation=organisation, location=location, visit=visit, since=NOW
    )
    emergency = EmergencyAccess.objects.create(
        organisation=organisation, user=user, patient=patient, reason="invented", starts_at=NOW, ends_at=NOW + timedelta(hours=1)
    )  # fmt: skip
    job = Job.objects.create(
        kind="nothing", run_at=NOW, organisation=organisation, created_at=NOW, status="dead"
    )
    Consent.objects.create(patient=patient, purpose="visits", channel="email", given=True, recorded_at=NOW)
    return {
        "location_id": location.pk, "visit_id": visit.pk, "patient_id": patient.pk, "entry_id": entry.pk, "gap_id": gap.pk,
        "offer_id": offer.pk, "outbound_id": outbound.pk, "missing_id": missing.pk, "user_id": user.pk, "message_id": message.pk, "emergency_id": emergency.pk,
        "job_id": job.pk, "resource_id": clinic.practitioner.pk, "visit_type_id": clinic.check_up.pk,
        "membership_id": Membership.objects.get(user=user).pk, "slug": location.slug, "location_slug": location.slug,
    }  # fmt: skip


def path_of(pattern: str, things: dict[str, Any]) -> str:
    words = {
        "str": "experience.nps",
        "slug": "lakeside",
        "uuid": "00000000-0000-0000-0000-000000000000",
        "path": "x",
    }
    for converter, name in parameters(pattern):
        if converter == "int":
            assert name in things, f"{pattern}: a parameter called {name} is not known to this test"
        value = things.get(name, words.get(converter, "x"))
        pattern = pattern.replace(f"<{converter}:{name}>", str(value))
    return "/" + pattern


@pytest.fixture
def lakeside(db: None) -> Clinic:
    return small_clinic()


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert unlisted() == []
    assert {name for name, _ in routes()} == set(POLICY)


def test_case_3_the_table_allows_no_role_what_it_must_never_reach() -> None:
    assert set(PERMISSIONS) == {role.value for role in Role} == set(EXPECTED)
    for role, never in EXPECTED.items():
        assert never <= {p.value for p in Permission}
        assert not never & {p.value for p in PERMISSIONS[role]}, role


def test_case_3_every_role_reaches_what_the_table_says_and_nothing_else(lakeside: Clinic) -> None:
    things = things_of(lakeside)
    clients: dict[str, Client] = {"nobody": Client()}
    for role in PERMISSIONS:
        clients[role] = Client()
        clients[role].force_login(lakeside.account(role, f"{role}@example.com"))
    clients["stranger"] = Client()
    clients["stranger"].force_login(User.objects.create(email="stranger@example.com"))
    tried = 0
    for (name, pattern), (who, client) in product(OURS, clients.items()):
        rule, path = POLICY[name], path_of(pattern, things)
        # What is allowed is tried by reading only: writing would change the world of the next try.
        for method in METHODS:
            wanted = method in rule.methods
            if wanted and rule.needs == OPEN:
                continue
            allowed = (rule.needs == SIGNED_IN and who not in ("nobody",)) or (
                who in PERMISSIONS and rule.needs in PERMISSIONS[who]
            )
            if wanted and allowed:
                continue
            response = client.generic(method, path)
            tried += 1
            what = (name, who, method, response.status_code)
            if not wanted:
                assert response.status_code == 405, what
            elif who == "nobody":
                assert response.status_code == 302, what
                assert response["Location"].startswith("/account/login/"), what
            else:
                assert response.status_code == 403, what
    assert tried > 500


def test_case_2_the_wheel_of_one_organisation_is_not_shown_to_another(
    lakeside: Clinic, workspace: Path
) -> None:
    other = small_clinic("Hillside")
    for clinic, sees in ((lakeside, True), (other, False)):
        client = Client()
        client.force_login(clinic.account("owner"))
        assert (b"wheel on" in client.get("/").content) is sees
        assert client.get("/turn/report/").status_code == (200 if sees else 404)
        assert client.get("/measures/experience.nps/table.csv").status_code == (200 if sees else 404)
        assert (b"none refused" in client.get("/data/").content) is sees


def test_case_1_and_2_another_organisations_things_do_not_exist(lakeside: Clinic) -> None:
    other = small_clinic(CANARY)
    other.organisation.name = other.patient.family_name = CANARY
    other.organisation.save()
    other.patient.save()
    for thing in (other.practitioner, other.chair, other.check_up):
        thing.name = f"{CANARY} {thing.name}"
        thing.save()
    mine, theirs = things_of(lakeside), things_of(other)
    client = Client()
    client.force_login(lakeside.account("owner", "owner@example.com"))
    tried = 0
    for name, pattern in OURS:
        if POLICY[name].needs == OPEN:
            continue
        numbered = [parameter for converter, parameter in parameters(pattern) if converter == "int"]
        for swapped in numbered or [""]:
            path = path_of(pattern, mine | ({swapped: theirs[swapped]} if swapped else {}))
            for method in POLICY[name].methods:
                response = client.generic(method, path)
                tried += 1
                what = (name, method, swapped, response.status_code)
                body = b"".join(response.streaming_content) if response.streaming else response.content
                assert CANARY.encode() not in body + str(response.headers).encode(), what
                assert response.status_code < 500, what
                if swapped:
                    # A form may be refused before it is asked whose thing it is about: never accepted.
                    assert response.status_code in (404, 400, 403), what
    assert tried > 30
    untouched = Visit.objects.get(pk=theirs["visit_id"])
    assert (untouched.status, untouched.version) == ("booked", 1)
    assert Visit.objects.filter(organisation=other.organisation).count() == 1
