"""What happens before every page: the rule of its route, the session's limits, and the actor made of the account's roles."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import timezone

from carewheel.practice.access import Actor, Grant, NotFound, Permission, Refused
from carewheel.practice.credentials import noted
from carewheel.practice.models import Membership, User
from carewheel.web import errors
from carewheel.web.policy import OPEN, POLICY, SIGNED_IN, unlisted
from carewheel.web.sealing import SessionStore

SEEN, STARTED, EPOCH, ORGANISATION = "seen_at", "started_at", "epoch", "organisation"
# How often the moment of the last request is written.
SEEN_EVERY = 60


class Doorkeeper:
    """Django middleware; see the module. A view finds its actor as ``request.actor``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if bare := unlisted():
            raise ImproperlyConfigured(
                f"these routes have no rule in carewheel.web.policy: {', '.join(bare)}"
            )
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["REMOTE_ADDR"] = address_of(request)
        response = self.get_response(request)
        if not request.path.startswith(settings.STATIC_URL):
            # A shared browser or proxy must not keep what a page says about patients.
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
            match = request.resolver_match
            if match and (rule := POLICY.get(match.view_name or "")) and rule.embeddable:
                response.xframe_options_exempt = True
                response._csp_replace = {"frame-ancestors": ["*"]}  # type: ignore[attr-defined]
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if zeros(request):
            return errors.unreadable(request)
        match = request.resolver_match
        rule = POLICY.get(match.view_name) if match and match.view_name else None
        if match is None or rule is None:
            return errors.refused(request, NotFound())
        if request.method not in rule.methods:
            return HttpResponseNotAllowed(rule.methods)
        now = timezone.now()
        request.at = now  # type: ignore[attr-defined]
        whose = request.session.get(SESSION_KEY)
        if not request.user.is_authenticated:
            if whose:
                # Django has let go of it already: another password, or an account that is closed.
                ended(request, "password or account changed", int(whose))
                request.session.flush()
        elif why := over(request, now):
            ended(request, why, request.user.pk)
            logout(request)
        request.actor = actor_of(request, now)  # type: ignore[attr-defined]
        if rule.needs == OPEN:
            return None
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                # The whole page goes to the sign-in, not a part of it.
                response = HttpResponse(status=401)
                response["HX-Redirect"] = settings.LOGIN_URL and redirect_to_login(came_from(request)).url
                return response
            return redirect_to_login(came_from(request))
        if needs_second_factor(request) and not str(match.view_name).startswith(("account_", "mfa_")):
            return redirect("mfa_index")
        if rule.needs == SIGNED_IN:
            return None
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        if actor is None or not (isinstance(rule.needs, Permission) and actor.may(rule.needs)):
            return errors.refused(request, Refused("forbidden", "Your role does not allow this.", "Ask an owner or manager."))  # fmt: skip
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError):
            # PostgreSQL minds the length of columns, SQLite does not; nothing was saved.
            error = Refused("bad-fields", "Something that was typed is too long.", "Go back and shorten it.")
        return errors.refused(request, error) if isinstance(error, Refused) else None


def came_from(request: HttpRequest) -> str:
    """Where to lead back after signing in: the page that was asked for; where something was sent, or a part asked for, the page that it came from."""
    if request.method in ("GET", "HEAD") and not request.headers.get("HX-Request"):
        return request.get_full_path()
    page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    query = f"?{page.query}" if page.query else ""
    return f"{page.path}{query}" if page.netloc == request.get_host() and page.path.startswith("/") else "/"


def address_of(request: HttpRequest) -> str:
    """From where it is asked. By HTTPS there is a proxy in front, the same that says so; it adds whom it saw as the last."""
    seen = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.HTTPS:
        return seen
    last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return seen


def zeros(request: HttpRequest) -> bool:
    """Whether any word of the request holds a zero byte, which PostgreSQL keeps in no text."""
    sent = [request.GET, request.POST] if request.method == "POST" else [request.GET]
    words = [word for one in sent for name, found in one.lists() for word in (name, *found)]
    return any("\0" in word for word in (*words, *request.COOKIES.values()))


def over(request: HttpRequest, now: dt.datetime) -> str:
    """Why the session does not hold any more: idle too long, too old, or a role, password or second factor has changed since; "" if it does."""
    session, seconds = request.session, now.timestamp()
    user = request.user
    if STARTED not in session:
        session[STARTED] = session[SEEN] = seconds
        session[EPOCH] = user.session_epoch if isinstance(user, User) else 0
    if seconds - session[SEEN] > settings.SESSION_IDLE_SECONDS:
        return "idle"
    if seconds - session[STARTED] > settings.SESSION_COOKIE_AGE:
        return "too old"
    if not isinstance(user, User) or session.get(EPOCH) != user.session_epoch:
        return "role or credential changed"
    if seconds - session[SEEN] > SEEN_EVERY:
        session[SEEN] = seconds
    return ""


def ended(request: HttpRequest, why: str, user_id: int | None) -> None:
    """Note the end of a session: when somebody signs out, else when it is used once more."""
    noted(user_id, "session-ended", timezone.now(), address=request.META.get("REMOTE_ADDR", ""), by=user_id, why=why)  # fmt: skip


def actor_of_session(key: str) -> Actor | None:
    """The actor of a session where there is no page: for live updates, which keep no session awake."""
    request = HttpRequest()
    request.session = SessionStore(key)
    request.user = get_user(request)
    now = timezone.now()
    if not request.user.is_authenticated or over(request, now):
        return None
    found = actor_of(request, now)
    return None if needs_second_factor(request) else found


def needs_second_factor(request: HttpRequest) -> bool:
    """Whether the organisation asks for a second factor and this account has none yet."""
    organisation = getattr(request, "organisation", None)
    return bool(
        organisation is not None
        and organisation.requires_mfa
        and not Authenticator.objects.filter(user_id=request.user.pk)
        .exclude(type=Authenticator.Type.RECOVERY_CODES)
        .exists()
    )


def actor_of(request: HttpRequest, now: dt.datetime) -> Actor | None:
    """The actor of a signed-in account: its roles that hold now, read anew for each request."""
    user = request.user
    if not isinstance(user, User):
        return None
    held = [
        m
        for m in Membership.objects.filter(user=user).select_related("organisation").order_by("id")
        if m.ends_at is None or m.ends_at > now
    ]
    if not held:
        return None
    chosen = request.session.get(ORGANISATION)
    organisation = next((m.organisation for m in held if m.organisation_id == chosen), held[0].organisation)
    mine = [m for m in held if m.organisation_id == organisation.pk]
    request.organisation = organisation  # type: ignore[attr-defined]
    return Actor(
        organisation_id=organisation.pk,
        at=now,
        user_id=user.pk,
        grants=tuple(Grant(m.role, m.location_id) for m in mine),
        patient_ids=frozenset(m.patient_id for m in mine if m.patient_id),
        address=request.META.get("REMOTE_ADDR", ""),
    )
