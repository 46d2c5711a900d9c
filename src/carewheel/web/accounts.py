"""Signing in: accounts are made by owners, failed tries are slowed down without locking the owner of the account out.

Tries are counted by address, and by account only from devices that never signed in to it: whoever guesses at an account from elsewhere
slows down strangers, not its owner (a device cookie, as OWASP describes it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from carewheel.practice.credentials import changed, noted
from carewheel.practice.models import ThrottledTry, User
from carewheel.practice.tries import begin_all, begin_try
from carewheel.web.doorkeeper import EPOCH, ended

DEVICE_COOKIE = "cw_device"
DEVICE_DAYS = 90
WINDOW = timedelta(minutes=15)
MOST_BY_ADDRESS = 30
MOST_BY_ACCOUNT = 10
ENDLESS = 1_000_000


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def begin(most: Mapping[str, int]) -> list[ThrottledTry]:
    """Count a try of each key before it is made, to be deleted if it is right; none where there were too many lately. Old tries go.

    Codes by letter keep theirs for longer, and sweep them themselves.
    """
    now = timezone.now()
    ThrottledTry.objects.filter(at__lt=now - WINDOW).exclude(key__startswith="code").delete()
    with transaction.atomic():
        return begin_all(most, now, now - WINDOW)


def over(tries: list[ThrottledTry]) -> None:
    """They were right: they do not count."""
    ThrottledTry.objects.filter(pk__in=[one.pk for one in tries]).delete()


def _limits(request: HttpRequest, email: str) -> dict[str, int]:
    """This account from unknown devices, or from this one, and this address.

    A device that is known to the account waits for its own tries only, not for those of others behind the same address.
    """
    key, known = _account_key(request, email)
    return {key: MOST_BY_ACCOUNT, address_key(request): ENDLESS if known else MOST_BY_ADDRESS}


def address_key(request: HttpRequest) -> str:
    """Under which tries from where a request comes are counted."""
    return f"address:{request.META.get('REMOTE_ADDR', '')}"


def refused(request: HttpRequest, user_id: int | None, why: str) -> None:
    """Note that a sign-in was not even tried, once in a while for each account and address: nobody fills the trail by guessing."""
    now, address = timezone.now(), request.META.get("REMOTE_ADDR", "")
    if begin_try(f"refused:{why}:{user_id or ''}:{address}", now, now - WINDOW, 1):
        noted(user_id, "sign-in-refused", now, address=address, why=why)


def replace_credential(request: HttpRequest, user: User, actions: dict[str, str]) -> None:
    """See `changed`; the session in which the person did it goes on, under another name."""
    address = request.META.get("REMOTE_ADDR", "")
    own = request.user.is_authenticated and request.user.pk == user.pk
    epoch = changed(user, actions, timezone.now(), address=address, by=user.pk if own else None)
    if own:
        request.session.cycle_key()
        request.session[EPOCH] = epoch


def _account_id(email: str) -> int | None:
    return User.objects.filter(email__iexact=email.strip()).values_list("pk", flat=True).first()


def note(*keys: str) -> None:
    """Count a try of each key. Codes by letter keep theirs for longer, and sweep them themselves."""
    now = timezone.now()
    with transaction.atomic():
        ThrottledTry.objects.filter(at__lt=now - WINDOW).exclude(key__startswith="code").delete()
        ThrottledTry.objects.bulk_create(ThrottledTry(key=key, at=now) for key in keys)


def _account_key(request: HttpRequest, email: str) -> tuple[str, bool]:
    """Known devices of an account are counted one by one, all others together; and whether this one is known."""
    account = _hash(email.strip().lower())
    try:
        known = signing.loads(
            request.COOKIES.get(DEVICE_COOKIE, ""), salt=DEVICE_COOKIE, max_age=DEVICE_DAYS * 86400
        )
    except signing.BadSignature:
        known = {}
    device = known.get(account) if isinstance(known, dict) else None
    return (f"account:{account}:{device}", True) if device else (f"account:{account}", False)


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's hooks."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        email = str(credentials.get("email", ""))
        tries = begin(_limits(request, email))
        if not tries:
            refused(request, _account_id(email), "password")
            raise ValidationError(
                "Too many failed tries. Wait a quarter of an hour, or sign in on a device that you used before.",
                code="too_many_login_attempts",
            )
        user = super().authenticate(request, **credentials)
        if user is None:
            # What was typed is nowhere.
            address = request.META.get("REMOTE_ADDR", "")
            noted(_account_id(email), "sign-in-failed", timezone.now(), address=address, why="password")
        else:
            over(tries)
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
        noted(user.pk, "signed-in", timezone.now(), address=request.META.get("REMOTE_ADDR", ""), by=user.pk)
        return response

    def logout(self, request: HttpRequest) -> None:
        ended(request, "signed out", request.user.pk)
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        with transaction.atomic():
            super().set_password(user, password)
            replace_credential(self.request, user, {"password-changed": ""})

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Links in mails carry the site's own name, never what a request's Host header said.
        context = context | {"site_name": "CareWheel"}
        super().send_mail(template_prefix, email, context)
