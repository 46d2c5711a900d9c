"""Who reaches which address: one table, every route by name. What is not listed does not start (see `unlisted`).

The door's rule is coarse (does any of your roles allow this at all?); each command and query checks again, with the location.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from carewheel.practice.access import Permission as P

READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
POST = ("POST",)


@dataclass(frozen=True, slots=True)
class Rule:
    """``needs``: a permission, or "open" (anybody), or "signed-in" (any account, with or without a role)."""

    needs: P | str
    methods: tuple[str, ...] = READ
    # Shown inside other sites' pages (the booking page that a practice embeds).
    embeddable: bool = False


OPEN, SIGNED_IN = "open", "signed-in"
POLICY: dict[str, Rule] = {
    # allauth's pages; signing up is closed by the adapter, accounts are made by an owner or the command line.
    "account_login": Rule(OPEN, FORM),
    "account_logout": Rule(OPEN, FORM),
    "account_signup": Rule(OPEN, FORM),
    "account_inactive": Rule(OPEN),
    "account_reauthenticate": Rule(SIGNED_IN, FORM),
    "account_change_password": Rule(SIGNED_IN, FORM),
    "account_set_password": Rule(SIGNED_IN, FORM),
    "account_reset_password": Rule(OPEN, FORM),
    "account_reset_password_done": Rule(OPEN),
    "account_reset_password_from_key": Rule(OPEN, FORM),
    "account_reset_password_from_key_done": Rule(OPEN),
    "account_email": Rule(SIGNED_IN, FORM),
    "account_email_verification_sent": Rule(OPEN),
    "account_confirm_email": Rule(OPEN, FORM),
    "mfa_authenticate": Rule(OPEN, FORM),
    "mfa_trust": Rule(OPEN, FORM),
    "mfa_reauthenticate": Rule(SIGNED_IN, FORM),
    "mfa_index": Rule(SIGNED_IN),
    "mfa_activate_totp": Rule(SIGNED_IN, FORM),
    "mfa_deactivate_totp": Rule(SIGNED_IN, FORM),
    "mfa_view_recovery_codes": Rule(SIGNED_IN),
    "mfa_generate_recovery_codes": Rule(SIGNED_IN, FORM),
    "mfa_download_recovery_codes": Rule(SIGNED_IN),
    "mfa_list_webauthn": Rule(SIGNED_IN),
    "mfa_add_webauthn": Rule(SIGNED_IN, FORM),
    "mfa_edit_webauthn": Rule(SIGNED_IN, FORM),
    "mfa_remove_webauthn": Rule(SIGNED_IN, FORM),
    "mfa_reauthenticate_webauthn": Rule(SIGNED_IN, FORM),
    "mfa_login_webauthn": Rule(OPEN, FORM),
}


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    """Every route of the site: its name ("" where it has none) and its pattern."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            space = f"{one.namespace}:" if one.namespace else ""
            for name, pattern in routes(one.url_patterns, before + str(one.pattern)):
                yield space + name, pattern
        elif isinstance(one, URLPattern):
            yield one.name or "", before + str(one.pattern)


def unlisted() -> list[str]:
    """Patterns of routes that have no rule; the build and the start fail where there is any."""
    return [pattern for name, pattern in routes() if name not in POLICY]
