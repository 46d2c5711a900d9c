"""Codes of the second factor: few wrong ones in a quarter of an hour, counted in the database, for all processes and addresses together.

Only who has the password comes so far, so that nobody else can lock an account's owner out.
"""

from __future__ import annotations

from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError

from carewheel.web.accounts import note, often

MOST_CODES = 10


class _Counted(BaseAuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        key = f"second-factor:{self.user.pk}"
        if often(key, MOST_CODES):
            raise ValidationError("Too many wrong codes. Wait a quarter of an hour.", code="too_many_codes")
        try:
            return str(super().clean_code())
        except ValidationError:
            note(key)
            raise


class CodeForm(_Counted, AuthenticateForm):  # type: ignore[misc]
    """The code while signing in."""


class CodeAgainForm(_Counted, ReauthenticateForm):  # type: ignore[misc]
    """The code before something important is changed."""
