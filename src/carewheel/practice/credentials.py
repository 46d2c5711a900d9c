"""What accounts do with what they sign in with: noted in the trail; where it changes, the person is told and older sessions end.

An account may have roles in several organisations; each has the row in its trail. What belongs to no organisation (a try at an account that
there is not) is noted with the first of the database, whose workspace it is.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F

from carewheel.practice.access import Actor
from carewheel.practice.audit import record
from carewheel.practice.models import Membership, Message, Organisation, User

# What is said to the person, by what is noted.
SAID = {
    "password-changed": "The password of your account was changed.",
    "password-reset": "The password of your account was set anew by whoever runs CareWheel.",
    "second-factor-added": "A second factor was added to your account.",
    "second-factor-changed": "A second factor of your account was renamed.",
    "second-factor-removed": "A second factor was removed from your account.",
    "recovery-codes-made": "New recovery codes were made for your account; earlier ones are void.",
    "recovery-code-used": "A recovery code of your account was used. Each works once.",
}
KIND = "account"


def noted(user_id: int | None, action: str, at: datetime, *, address: str = "", by: int | None = None, system: str = "", why: str = "", kind: str = "") -> None:  # fmt: skip
    """A row about an account (None: one that there is not) in each organisation that it has a role in. ``by``: the account that acts."""
    with transaction.atomic():
        for organisation_id in _organisations(user_id, at):
            actor = Actor(organisation_id, at, by, system=system, address=address)
            record(actor, action, "user", user_id or "", why=why, kind=kind)


def changed(user: User, actions: dict[str, str], at: datetime, *, address: str = "", by: int | None = None, system: str = "") -> int:  # fmt: skip
    """Note what changed (an action of `SAID`, and of which kind), tell the person, end all sessions; returns the new epoch of sessions."""
    with transaction.atomic():
        for action, kind in actions.items():
            noted(
                user.pk, action, at, address=address, by=by, system=system, **({"kind": kind} if kind else {})
            )
            tell(user, action, at)
        User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
        user.refresh_from_db(fields=["session_epoch"])
    return user.session_epoch


def tell(user: User, action: str, at: datetime) -> None:
    """A letter to the account's own address, by the queue of messages, in the transaction of the caller."""
    body = (
        f"{SAID[action]} It happened on {at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC. "
        "If it was not you, tell an owner of the practice at once."
    )
    for organisation_id in _organisations(user.pk, at)[:1]:
        Message.objects.create(
            organisation_id=organisation_id, purpose="visits", kind=KIND, channel="email", to=user.email, subject="Your account has changed",
            body=body, key=f"{organisation_id}:{KIND}:{secrets.token_hex(16)}", due_at=at, ignore_quiet_hours=True, created_at=at,
        )  # fmt: skip


def _organisations(user_id: int | None, at: datetime) -> list[int]:
    held = Membership.objects.filter(user_id=user_id or 0).order_by("organisation_id").values_list("organisation_id", "ends_at")  # fmt: skip
    running = {organisation_id for organisation_id, ends_at in held if ends_at is None or ends_at > at}
    # Roles that ended still say whose account it was.
    found = running or {organisation_id for organisation_id, _ in held}
    return sorted(found) or list(Organisation.objects.order_by("pk").values_list("pk", flat=True)[:1])
