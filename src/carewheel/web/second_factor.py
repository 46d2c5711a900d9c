"""Second factors: few wrong codes in a quarter of an hour, counted in the database for all processes and addresses together, each code once;
what changes of somebody's factors is noted in its transaction, told to them, and ends their other sessions.

Only who has the password comes as far as a code, so that nobody else can lock an account's owner out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from carewheel.practice.credentials import noted, tell
from carewheel.practice.models import User
from carewheel.practice.tries import begin_try
from carewheel.web.accounts import (
    MOST_BY_ADDRESS,
    WINDOW,
    address_key,
    begin,
    over,
    refused,
    replace_credential,
)
from carewheel.web.doorkeeper import address_of

MOST_CODES = 10
# Longer than a code is good for.
USED = timedelta(minutes=2)
WATCHED = {
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
}
View = Callable[..., HttpResponse]


class _Counted(forms.Form):
    """Tries of who has the password, whatever the factor is. ``user``: whose account it is."""

    user: User

    @contextmanager
    def counted(self, why: str) -> Iterator[None]:
        """A try: counted and noted where it is wrong, refused where there were too many."""
        now, request = timezone.now(), context.request
        mine = begin_try(f"second-factor:{self.user.pk}", now, now - WINDOW, MOST_CODES)
        if mine is None:
            refused(request, self.user.pk, why)
            raise ValidationError("Too many wrong codes. Wait a quarter of an hour.", code="too_many_codes")
        try:
            yield
        except ValidationError:
            noted(self.user.pk, "sign-in-failed", now, address=address_of(request), why=why)
            raise
        mine.delete()


class _Code(_Counted, BaseAuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        now = timezone.now()
        with self.counted("code"):
            code = str(super().clean_code())
            step = f"used-code:{self.user.pk}:{''.join(filter(str.isalnum, code))}"
            # allauth remembers a used code in its own process only.
            if self.authenticator.type == Authenticator.Type.TOTP and not begin_try(step, now, now - USED, 1):
                raise get_adapter().validation_error("incorrect_code")
        if self.authenticator.type == Authenticator.Type.RECOVERY_CODES:
            with transaction.atomic():
                noted(self.user.pk, "recovery-code-used", now, address=address_of(context.request), by=self.user.pk)  # fmt: skip
                tell(self.user, "recovery-code-used", now)
        return code


class CodeForm(_Code, AuthenticateForm):  # type: ignore[misc]
    """The code while signing in."""


class CodeAgainForm(_Code, ReauthenticateForm):  # type: ignore[misc]
    """The code before something important is changed."""


class _Passkey(_Counted, AuthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Authenticator:
        with self.counted("passkey"), _readable():
            return super().clean_credential()


class PasskeyForm(_Passkey):
    """The passkey as second factor while signing in."""


class PasskeyAgainForm(_Passkey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """The passkey before something important is changed."""


class PasskeyAloneForm(LoginWebAuthnForm):  # type: ignore[misc]
    """Signing in with a passkey alone. Nobody is locked out of their account by it: wrong ones are counted by address."""

    def clean_credential(self) -> Authenticator:
        now, request = timezone.now(), context.request
        address = address_of(request)
        tries = begin({address_key(request): MOST_BY_ADDRESS})
        if not tries:
            refused(request, None, "passkey")
            raise ValidationError("Too many failed tries. Wait a quarter of an hour.", code="too_many_login_attempts")  # fmt: skip
        try:
            with _readable():
                found = super().clean_credential()
        except ValidationError:
            noted(None, "sign-in-failed", now, address=address, why="passkey")
            raise
        over(tries)
        return found


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A passkey that is added."""

    def clean(self) -> Any:
        with _readable():
            return super().clean()


@contextmanager
def _readable() -> Iterator[None]:
    """The libraries read whatever is sent as a passkey, and fail over it in ways of their own: all are a wrong one."""
    try:
        yield
    except (ValidationError, DatabaseError):
        raise
    except Exception as error:
        raise get_adapter().validation_error("incorrect_code") from error


def watched(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """allauth's routes; those that change second factors do it in one transaction with what it brings along."""
    found: list[URLPattern | URLResolver] = []
    for one in patterns:
        if isinstance(one, URLResolver):
            found.append(URLResolver(one.pattern, watched(one.url_patterns), one.default_kwargs, one.app_name, one.namespace))  # fmt: skip
        elif one.name in WATCHED:
            found.append(URLPattern(one.pattern, _watched(one.callback), one.default_args, one.name))
        else:
            found.append(one)
    return found


def _watched(view: View) -> View:
    @wraps(view)
    def seen(request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        user = request.user
        if request.method != "POST" or not isinstance(user, User):
            return view(request, *args, **words)
        with transaction.atomic():
            before = _factors(user)
            response = view(request, *args, **words)
            if actions := _actions(before, _factors(user)):
                replace_credential(request, user, actions)
        return response

    return seen


def _factors(user: User) -> dict[int, tuple[str, str]]:
    """Kind and name of each factor."""
    rows = Authenticator.objects.filter(user_id=user.pk)
    return {one.pk: (one.type, one.data.get("name", "")) for one in rows}


def _actions(before: dict[int, tuple[str, str]], after: dict[int, tuple[str, str]]) -> dict[str, str]:
    codes = Authenticator.Type.RECOVERY_CODES
    actions: dict[str, str] = {}
    for key, (kind, name) in after.items():
        if key not in before:
            actions["recovery-codes-made" if kind == codes else "second-factor-added"] = kind
        elif before[key][1] != name:
            actions["second-factor-changed"] = kind
    for key, (kind, _) in before.items():
        # Codes go with the last factor, or for new ones.
        if key not in after and kind != codes:
            actions["second-factor-removed"] = kind
    return actions
