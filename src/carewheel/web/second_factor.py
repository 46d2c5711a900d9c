"""Codes of the second factor: few wrong ones in a quarter of an hour, counted in the database, for all processes and addresses together.

Only who has the password comes so far, so that nobody else can lock an account's owner out.
"""

from __future__ import annotations

from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from carewheel.practice.tries import begin_try
from carewheel.web.accounts import WINDOW

MOST_CODES = 10


class _Counted(BaseAuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        now = timezone.now()
        mine = begin_try(f"second-factor:{self.user.pk}", now, now - WINDOW, MOST_CODES)
        if mine is None:
            raise ValidationError("Too many wrong codes. Wait a quarter of an hour.", code="too_many_codes")
        code = str(super().clean_code())
        mine.delete()
        return code


class CodeForm(_Counted, AuthenticateForm):  # type: ignore[misc]
    """The code while signing in."""


class CodeAgainForm(_Counted, ReauthenticateForm):  # type: ignore[misc]
    """The code before something important is changed."""
