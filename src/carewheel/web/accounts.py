"""Signing in: accounts are made by owners, failed tries are slowed down without locking the owner of the account out.

Tries are counted by address, and by account only from devices that never signed in to it: whoever guesses at an account from elsewhere
slows down strangers, not its owner (a device cookie, as OWASP describes it).
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from carewheel.practice.access import Actor
from carewheel.practice.audit import record
from carewheel.practice.models import Membership, ThrottledTry, User

DEVICE_COOKIE = "cw_device"
DEVICE_DAYS = 90
WINDOW = timedelta(minutes=15)
MOST_BY_ADDRESS = 30
MOST_BY_ACCOUNT = 10


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def too_many(request: HttpRequest, email: str) -> bool:
    """Whether this address, or this account from an unknown device, has failed too often lately."""
    since = timezone.now() - WINDOW
    address = f"address:{request.META.get('REMOTE_ADDR', '')}"
    if ThrottledTry.objects.filter(key=address, at__gte=since).count() >= MOST_BY_ADDRESS:
        return True
    key = _account_key(request, email)
    return ThrottledTry.objects.filter(key=key, at__gte=since).count() >= MOST_BY_ACCOUNT


def failed(request: HttpRequest, email: str) -> None:
    """Count a failed try; those that no longer count go."""
    now = timezone.now()
    with transaction.atomic():
        ThrottledTry.objects.filter(at__lt=now - WINDOW).delete()
        for key in (f"address:{request.META.get('REMOTE_ADDR', '')}", _account_key(request, email)):
            ThrottledTry.objects.create(key=key, at=now)


def _account_key(request: HttpRequest, email: str) -> str:
    """Known devices of an account are counted one by one, all others together."""
    account = _hash(email.strip().lower())
    try:
        known = signing.loads(
            request.COOKIES.get(DEVICE_COOKIE, ""), salt=DEVICE_COOKIE, max_age=DEVICE_DAYS * 86400
        )
    except signing.BadSignature:
        known = {}
    device = known.get(account) if isinstance(known, dict) else None
    return f"account:{account}:{device}" if device else f"account:{account}"


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's hooks."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        email = str(credentials.get("email", ""))
        if too_many(request, email):
            raise ValidationError(
                "Too many failed tries. Wait a quarter of an hour, or sign in on a device that you used before.",
                code="too_many_login_attempts",
            )
        user = super().authenticate(request, **credentials)
        if user is None:
            failed(request, email)
        return user

    def post_login(self, request: HttpRequest, user: User, **words: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **words)
        account = _hash(user.email.strip().lower())
        response.set_cookie(
            DEVICE_COOKIE,
            signing.dumps({account: signing.dumps(account)[-16:]}, salt=DEVICE_COOKIE),
            max_age=DEVICE_DAYS * 86400,
            httponly=True,
            samesite="Lax",
            secure=settings.HTTPS,
        )
        member = Membership.objects.filter(user=user).first()
        if member:
            with transaction.atomic():
                record(
                    Actor(member.organisation_id, timezone.now(), user.pk, address=request.META.get("REMOTE_ADDR", "")),
                    "signed-in", "user", user.pk,
                )  # fmt: skip
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Links in mails carry the site's own name, never what a request's Host header said.
        context = context | {"site_name": "CareWheel"}
        super().send_mail(template_prefix, email, context)
