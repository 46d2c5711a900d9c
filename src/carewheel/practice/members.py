"""Members: accounts with their roles at the organisation's locations.

Nobody gives what they do not have, nobody changes their own roles, and one owner of the whole organisation always stays. Whoever gets or
loses a role is signed out everywhere: their older sessions end at the next request.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q, QuerySet

from carewheel.practice.access import PERMISSIONS, Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.credentials import changed
from carewheel.practice.models import Location, Membership, Organisation, Role, User


@dataclass(frozen=True, slots=True)
class Member:
    """A role of somebody. ``location``: "" for everywhere."""

    id: int
    user_id: int
    name: str
    email: str
    role: str
    location: str
    ends_at: datetime | None


def members(actor: Actor) -> tuple[Member, ...]:
    """Who has which role now; patients are not members."""
    actor.need(Permission.SETTINGS_READ)
    return tuple(_member(row) for row in _held(actor).order_by("user__name", "user__email", "id"))


def add_member(
    actor: Actor, *, email: str, name: str, role: str, location_id: int | None
) -> tuple[Member, str]:
    """Give somebody a role; for a new account also its first password, shown once and kept nowhere ("" for an account that there was).

    Raises `Forbidden`, `NotFound`, and `Refused`: bad-email, bad-role, role-above, own-role, member-already.
    """
    _may_give(actor, role, location_id)
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused("bad-email", "The e-mail address is none.", "Correct it.") from error
    password = ""
    with transaction.atomic():
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            password = secrets.token_urlsafe(15)
            user = User(email=email, name=name.strip()[:200])
            user.set_password(password)
            user.save()
        _not_own(actor, user.pk)
        place = Q(location__isnull=True) if location_id is None else Q(location_id=location_id)
        mine = Membership.objects.filter(place, organisation_id=actor.organisation_id, user=user, role=role)
        if _running(mine, actor.at).exists():
            raise Refused("member-already", "They have this role already.", "Choose another one.")
        # One that has ended gives its place to the new one.
        mine.delete()
        made = Membership.objects.create(
            user=user, organisation_id=actor.organisation_id, role=role, location_id=location_id
        )
        _sign_out(user.pk)
        record(actor, "member-added", "user", user.pk, location_id=location_id, role=role)
    return _member(made), password


def end_member(actor: Actor, membership_id: int) -> None:
    """End a role now. Raises as `add_member`, and `Refused` last-owner."""
    actor.need(Permission.PEOPLE_WRITE)
    with transaction.atomic():
        # All changes of an organisation's roles one after the other: of two owners who end one another's role at once, one stays.
        Organisation.objects.select_for_update().get(pk=actor.organisation_id)
        row = _held(actor).filter(pk=membership_id).first()
        if row is None:
            raise NotFound
        _may_give(actor, row.role, row.location_id)
        _not_own(actor, row.user_id)
        if row.role == Role.OWNER and row.location_id is None:
            owners = _held(actor).filter(role=Role.OWNER, location__isnull=True, user__is_active=True)
            if not owners.exclude(user_id=row.user_id).exists():
                raise Refused("last-owner", "This is the last owner.", "Make somebody else owner first.")
        Membership.objects.filter(pk=row.pk).update(ends_at=actor.at)
        _sign_out(row.user_id)
        record(actor, "member-ended", "user", row.user_id, location_id=row.location_id, role=row.role)


def first_owner(organisation: Organisation, email: str, at: datetime) -> str:
    """An owner for an organisation that never had one; returns the password, which is kept nowhere. "" where there was an owner."""
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        if Membership.objects.filter(organisation=organisation, role=Role.OWNER).exists():
            return ""
        actor = Actor(organisation.pk, at, system="setup")
        _, password = add_member(actor, email=email, name="Owner", role=Role.OWNER, location_id=None)
    return password


def reset_password(email: str, at: datetime) -> str:
    """A new random password for an account, for the operator's command line; its sessions end. Raises `NotFound`."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email__iexact=email.strip()).first()
        if user is None:
            raise NotFound("There is no such account.")
        password = secrets.token_urlsafe(15)
        user.set_password(password)
        user.save(update_fields=["password"])
        changed(user, {"password-reset": ""}, at, system="command line")
    return password


def _may_give(actor: Actor, role: str, location_id: int | None) -> None:
    actor.need(Permission.PEOPLE_WRITE, location_id)
    if role not in Role.values or role == Role.PATIENT:
        raise Refused("bad-role", "There is no such role.", "Choose one of those shown.")
    if location_id is not None:
        if not Location.objects.filter(pk=location_id, organisation_id=actor.organisation_id).exists():
            raise NotFound
    elif actor.locations(Permission.PEOPLE_WRITE) is not None:
        raise Refused("role-above", "Your own role holds at some locations only.", "Name the location.")
    if not all(actor.may(permission, location_id) for permission in PERMISSIONS[role]):
        raise Refused("role-above", "The role reaches further than yours.", "Ask an owner.")


def _not_own(actor: Actor, user_id: int) -> None:
    if user_id == actor.user_id:
        raise Refused("own-role", "Nobody changes their own roles.", "Ask another owner.")


def _running(rows: QuerySet[Membership], at: datetime) -> QuerySet[Membership]:
    return rows.filter(Q(ends_at=None) | Q(ends_at__gt=at))


def _held(actor: Actor) -> QuerySet[Membership]:
    rows = Membership.objects.filter(organisation_id=actor.organisation_id).exclude(role=Role.PATIENT)
    return _running(rows, actor.at).select_related("user", "location")


def _sign_out(user_id: int) -> None:
    User.objects.filter(pk=user_id).update(session_epoch=F("session_epoch") + 1)


def _member(row: Membership) -> Member:
    return Member(
        row.pk, row.user_id, row.user.name, row.user.email, row.role, row.location.name if row.location else "", row.ends_at
    )  # fmt: skip
