"""Roles: given by who has them, never to oneself, and one owner always stays."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import connection
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Actor, Forbidden, Grant, NotFound, Refused
from carewheel.practice.members import Member, add_member, end_member, first_owner, members
from carewheel.practice.models import AuditEvent, Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return small_clinic()


def signed_in(clinic: Clinic, user: User) -> Actor:
    grants = tuple(Grant(m.role, m.location_id) for m in user.memberships.all())
    return Actor(clinic.organisation.pk, NOW, user.pk, grants)


def give(actor: Actor, user: User, role: str, location_id: int | None = None) -> Member:
    return add_member(actor, email=user.email, name="", role=role, location_id=location_id)[0]


def test_an_owner_lets_people_in_and_their_sessions_follow(clinic: Clinic) -> None:
    owner = signed_in(clinic, clinic.account("owner"))
    line, password = add_member(
        owner, email="new@example.com", name="New", role="front_desk", location_id=None
    )
    user = User.objects.get(pk=line.user_id)
    assert user.check_password(password)
    epoch = user.session_epoch
    give(owner, user, "biller", clinic.location.pk)
    with pytest.raises(Refused, match="already"):
        give(owner, user, "biller", clinic.location.pk)
    end_member(owner, line.id)
    user.refresh_from_db()
    assert user.session_epoch == epoch + 2
    assert {m.role for m in members(owner)} == {"owner", "biller"}
    again, none = add_member(owner, email="NEW@example.com ", name="", role="front_desk", location_id=None)
    assert (again.user_id, none) == (user.pk, "")
    assert [row.action for row in AuditEvent.objects.order_by("number")] == [
        "member-added", "member-added", "member-ended", "member-added",
    ]  # fmt: skip
    assert "new@example.com" not in str(list(AuditEvent.objects.values("detail", "reason"))).lower()


@pytest.mark.parametrize("role", ["manager", "front_desk", "clinician", "biller", "staff", "auditor"])
def test_others_grant_nothing(clinic: Clinic, role: str) -> None:
    actor = signed_in(clinic, clinic.account(role))
    other = clinic.account("staff", "staff@example.com")
    for attempt in (
        lambda: add_member(actor, email="x@example.com", name="", role="staff", location_id=None),
        lambda: give(actor, other, "owner"),
        lambda: end_member(actor, other.memberships.get().pk),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_nobody_changes_their_own_roles_or_reaches_above_them(clinic: Clinic) -> None:
    me, other = clinic.account("owner"), clinic.account("owner", "other@example.com")
    local = clinic.account("owner", "local@example.com", everywhere=False)
    owner, of_place = signed_in(clinic, me), signed_in(clinic, local)
    with pytest.raises(Refused, match="their own"):
        give(owner, me, "manager")
    with pytest.raises(Refused, match="their own"):
        end_member(owner, me.memberships.get().pk)
    with pytest.raises(Refused) as above:
        give(of_place, other, "staff")
    assert above.value.code == "role-above"
    with pytest.raises((Refused, Forbidden)):
        end_member(of_place, other.memberships.get().pk)
    give(of_place, other, "front_desk", clinic.location.pk)
    for role in ("patient", "root", ""):
        with pytest.raises(Refused):
            give(owner, other, role)


def test_another_organisations_people_do_not_exist(clinic: Clinic) -> None:
    owner = signed_in(clinic, clinic.account("owner"))
    stranger = small_clinic("Elsewhere")
    theirs = stranger.account("staff", "theirs@example.com")
    for attempt in (
        lambda: end_member(owner, theirs.memberships.get().pk),
        lambda: give(owner, theirs, "staff", stranger.location.pk),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_the_first_owner_is_made_once(clinic: Clinic) -> None:
    password = first_owner(clinic.organisation, "owner@example.com", NOW)
    assert len(password) >= 20
    assert User.objects.get().check_password(password)
    assert first_owner(clinic.organisation, "other@example.com", NOW) == ""
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_remove_each_other_at_once() -> None:
    clinic = small_clinic()
    users = [clinic.account("owner", f"owner{n}@example.com") for n in range(2)]
    actors = [signed_in(clinic, user) for user in users]
    start, outcomes = Barrier(2), []

    def remove(actor: Actor, held: int) -> None:
        start.wait()
        try:
            end_member(actor, held)
            outcomes.append("removed")
        except Refused as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [
        Thread(target=remove, args=(actor, other.memberships.get().pk))
        for actor, other in zip(actors, reversed(users), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["last-owner", "removed"]
    assert Membership.objects.filter(role="owner", ends_at__isnull=True).count() == 1
