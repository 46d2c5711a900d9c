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
    # Closed: who could take the address of somebody that is to come would get that person's role.
    "account_email": Rule(SIGNED_IN, ()),
    "account_email_verification_sent": Rule(OPEN),
    "account_confirm_login_code": Rule(OPEN, FORM),
    "account_confirm_email": Rule(OPEN, FORM),
    "mfa_authenticate": Rule(OPEN, FORM),
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
    # The wheel and what it is made of. The start leads everybody to the first page that is theirs.
    "home": Rule(SIGNED_IN),
    "wheel_csv": Rule(P.WHEEL_READ),
    "measure": Rule(P.WHEEL_READ),
    "measure_csv": Rule(P.WHEEL_READ),
    "turn_file": Rule(P.WHEEL_READ),
    "plans": Rule(P.WHEEL_READ),
    "plan_new": Rule(P.PLAN_WRITE, FORM),
    "what_if": Rule(P.WHEEL_READ),
    "what_if_csv": Rule(P.WHEEL_READ),
    "what_if_xmile": Rule(P.WHEEL_READ),
    "plan": Rule(P.WHEEL_READ, FORM),
    "purchases": Rule(P.WHEEL_READ),
    "purchase_new": Rule(P.PLAN_WRITE, FORM),
    "purchase_empty": Rule(P.WHEEL_READ),
    "purchase": Rule(P.WHEEL_READ, FORM),
    "purchase_edit": Rule(P.PLAN_WRITE, FORM),
    "purchase_file": Rule(P.WHEEL_READ),
    "purchase_csv": Rule(P.WHEEL_READ),
    "arrows": Rule(P.WHEEL_READ),
    "scorecard": Rule(P.WHEEL_READ, FORM),
    "location": Rule(SIGNED_IN, POST),
    "day": Rule(P.SCHEDULE_READ),
    "day_csv": Rule(P.SCHEDULE_READ),
    "visit": Rule(P.SCHEDULE_READ),
    "several": Rule(P.FLOW_WRITE, POST),
    "undo": Rule(P.FLOW_WRITE, POST),
    "step": Rule(P.FLOW_WRITE, POST),
    "move": Rule(P.SCHEDULE_WRITE, POST),
    "cancel": Rule(P.SCHEDULE_WRITE, POST),
    "confirm": Rule(P.SCHEDULE_WRITE, POST),
    "schedule": Rule(P.SCHEDULE_READ),
    "schedule_csv": Rule(P.SCHEDULE_READ),
    "find": Rule(P.SCHEDULE_READ),
    "book": Rule(P.SCHEDULE_WRITE, FORM),
    "people": Rule(P.PATIENT_READ),
    "patients": Rule(P.PATIENT_READ),
    "patients_csv": Rule(P.PATIENT_READ),
    "patient_new": Rule(P.PATIENT_WRITE, FORM),
    "patient": Rule(P.PATIENT_READ),
    "patient_edit": Rule(P.PATIENT_WRITE, FORM),
    "consent": Rule(P.PATIENT_WRITE, POST),
    "proxy": Rule(P.PATIENT_WRITE, POST),
    "links": Rule(P.PATIENT_WRITE, POST),
    "emergency": Rule(P.EMERGENCY, POST),
    "waitlist": Rule(P.WAITLIST_READ),
    "waitlist_csv": Rule(P.WAITLIST_READ),
    "join": Rule(P.WAITLIST_WRITE, FORM),
    "gap": Rule(P.WAITLIST_READ, FORM),
    "leave": Rule(P.WAITLIST_WRITE, POST),
    "outbound": Rule(P.SCHEDULE_READ),
    "outbound_close": Rule(P.SCHEDULE_WRITE, POST),
    "missing_keep": Rule(P.SCHEDULE_WRITE, POST),
    "missing_end": Rule(P.SCHEDULE_WRITE, POST),
    "settings": Rule(P.SETTINGS_READ, FORM),
    "place_new": Rule(P.SETTINGS_WRITE, FORM),
    "place": Rule(P.SETTINGS_READ, FORM),
    "resource": Rule(P.SETTINGS_READ, FORM),
    "visit_type_new": Rule(P.SETTINGS_WRITE, FORM),
    "visit_type": Rule(P.SETTINGS_READ, FORM),
    "members": Rule(P.SETTINGS_READ),
    "members_csv": Rule(P.SETTINGS_READ),
    "member_add": Rule(P.PEOPLE_WRITE, POST),
    "member_end": Rule(P.PEOPLE_WRITE, POST),
    # For patients without an account: a code, or the token of a link, is what lets them in.
    "public_book": Rule(OPEN, FORM, embeddable=True),
    "public_confirm": Rule(OPEN, POST, embeddable=True),
    "own_visit": Rule(OPEN, FORM, embeddable=True),
    "offer": Rule(OPEN, FORM),
    "access": Rule(P.ACCESS_READ),
    "access_csv": Rule(P.ACCESS_READ),
    "access_lab": Rule(P.ACCESS_READ),
    "data": Rule(P.DATA_READ),
    "findings_csv": Rule(P.DATA_READ),
    "audit": Rule(P.AUDIT_READ),
    "audit_csv": Rule(P.AUDIT_READ),
    "audit_review": Rule(P.AUDIT_REVIEW, POST),
    "jobs": Rule(P.JOBS_READ),
    "jobs_csv": Rule(P.JOBS_READ),
    "job_again": Rule(P.JOBS_WRITE, POST),
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
