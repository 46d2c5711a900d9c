"""Attacks on signing in: reliability.md's cases 5 to 12, 14 and 34. Real requests through every layer of the site."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from statistics import median

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client, override_settings
from tests.clinic import PASSWORD, Clinic
from tests.practice.receivers import mail_server

from carewheel.practice.models import AuditEvent, Membership, ThrottledTry, User
from carewheel.web import doorkeeper
from carewheel.web.keys import KeyRefused, server_key
from carewheel.web.sealing import row_of

LOGIN = "/account/login/"


def sign_in(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(LOGIN, {"login": email, "password": password}).status_code


@pytest.fixture
def user(clinic: Clinic) -> User:
    return clinic.account("owner", "owner@example.com")


def test_who_signs_in_gets_in_and_it_is_noted(user: User, client: Client) -> None:
    assert client.get("/audit/table.csv").status_code == 302
    assert sign_in(client, "Owner@Example.com") == 302
    assert client.get("/audit/table.csv").status_code == 200
    assert AuditEvent.objects.filter(action="signed-in", user_id_seen=user.pk).count() == 1


def test_nobody_makes_an_account_alone(clinic: Clinic, client: Client) -> None:
    words = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/account/signup/", words)
    assert not User.objects.filter(email="new@example.com").exists()


def test_case_5_a_role_that_ended_is_gone_with_the_next_request(user: User, client: Client) -> None:
    client.force_login(user)
    assert client.get("/audit/table.csv").status_code == 200
    Membership.objects.filter(user=user).update(role="front_desk")
    assert client.get("/audit/table.csv").status_code == 403
    Membership.objects.filter(user=user).update(role="owner", ends_at=user.created_at)
    assert client.get("/audit/table.csv").status_code == 403


def test_case_6_the_session_gets_another_name_when_somebody_signs_in(user: User, client: Client) -> None:
    client.get(LOGIN)
    client.session.save()
    planted = "plantedbyanattacker0000000000000"
    client.cookies[settings.SESSION_COOKIE_NAME] = planted
    sign_in(client, user.email)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    assert not Session.objects.filter(session_key__in=(planted, row_of(planted))).exists()


def test_case_7_a_session_ends_on_the_server(
    user: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, user.email)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/account/logout/")
    again = Client()
    again.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert again.get("/audit/table.csv").status_code == 302
    # Idle too long, and too old although never idle.
    for idle, steps in ((settings.SESSION_IDLE_SECONDS + 1, 1), (20 * 60, 40)):
        sign_in(client, user.email)
        assert client.get("/audit/table.csv").status_code == 200
        now = doorkeeper.timezone.now()
        codes = []
        for step in range(1, steps + 1):
            later = now + timedelta(seconds=idle * step)
            with monkeypatch.context() as patch:
                patch.setattr(doorkeeper.timezone, "now", lambda later=later: later)
                codes.append(client.get("/audit/table.csv").status_code)
        assert codes[-1] == 302
        assert steps == 1 or codes[0] == 200


def test_case_7_changed_rights_end_older_sessions(user: User, client: Client) -> None:
    client.force_login(user)
    assert client.get("/audit/table.csv").status_code == 200
    User.objects.filter(pk=user.pk).update(session_epoch=1)
    assert client.get("/audit/table.csv").status_code == 302


def test_case_8_a_form_from_elsewhere_is_refused(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 403
    client.force_login(user)
    assert client.post("/account/logout/").status_code == 403
    body = '{"a": 1}'
    assert client.post("/account/logout/", body, content_type="application/json").status_code == 403


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])
def test_case_9_an_unknown_account_looks_like_a_wrong_password(clinic: Clinic, client: Client) -> None:
    user = clinic.account("owner", "known@example.com")
    said, seconds = {}, {}
    for email in (user.email, "unknown@example.com"):
        took = []
        for _ in range(5):
            began = time.perf_counter()
            response = client.post(LOGIN, {"login": email, "password": "wrong wrong wrong"})
            took.append(time.perf_counter() - began)
        page = response.content.decode().replace(email, "")
        said[email] = re.sub(r'(csrfmiddlewaretoken" value=|nonce=)"[^"]*"', "", page)
        seconds[email] = median(took)
    assert said[user.email] == said["unknown@example.com"]
    # A missing hash would be many times quicker; the machine's own noise is far from that.
    assert 1 / 3 < seconds[user.email] / seconds["unknown@example.com"] < 3


def test_case_10_guessing_is_slowed_and_the_owner_still_gets_in(user: User, client: Client) -> None:
    sign_in(client, user.email)
    client.post("/account/logout/")
    # From many addresses, on one account.
    for n in range(12):
        stranger = Client(REMOTE_ADDR=f"192.0.2.{n}")
        sign_in(stranger, user.email, f"guess number {n}")
    assert ThrottledTry.objects.filter(key__startswith="account:").count() == 10
    stranger = Client(REMOTE_ADDR="192.0.2.200")
    assert sign_in(stranger, user.email) == 200, "even the right password waits on an unknown device"
    assert stranger.get("/audit/table.csv").status_code == 302
    assert sign_in(client, user.email) == 302, "the owner's own device is not locked out"


def test_case_10_one_address_guessing_at_many_accounts_is_slowed(user: User) -> None:
    for n in range(31):
        sign_in(Client(REMOTE_ADDR="192.0.2.7"), f"somebody{n}@example.com", "password password")
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7"), user.email) == 200
    assert sign_in(Client(REMOTE_ADDR="192.0.2.8"), user.email) == 302


def code_of(secret: str, steps: int = 0) -> str:
    return f"{hotp_value(secret, int(time.time()) // 30 + steps):06d}"


@pytest.fixture
def guarded(user: User) -> str:
    """The secret of the account's second factor."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return str(secret)


def test_case_11_the_second_factor_cannot_be_skipped_replayed_or_guessed(user: User, guarded: str) -> None:
    client = Client()
    assert client.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 302
    assert client.get("/audit/table.csv").status_code == 302, "half signed in is not signed in"
    code = code_of(guarded)
    assert client.post("/account/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/audit/table.csv").status_code == 200
    other = Client()
    sign_in(other, user.email)
    other.post("/account/2fa/authenticate/", {"code": code})
    assert other.get("/audit/table.csv").status_code == 302, "a code works once"
    for n in range(8):
        guess = Client()
        sign_in(guess, user.email)
        for _ in range(3):
            guess.post("/account/2fa/authenticate/", {"code": f"{n:06d}"})
        assert guess.get("/audit/table.csv").status_code == 302


def test_case_11_a_recovery_code_works_once(user: User, guarded: str) -> None:
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    outcomes = []
    for _ in range(2):
        client = Client()
        sign_in(client, user.email)
        client.post("/account/2fa/authenticate/", {"code": code})
        outcomes.append(client.get("/audit/table.csv").status_code)
    assert outcomes == [200, 302]


def test_an_organisation_can_ask_everybody_for_a_second_factor(clinic: Clinic, user: User) -> None:
    clinic.organisation.requires_mfa = True
    clinic.organisation.save()
    client = Client()
    client.force_login(user)
    assert client.get("/audit/table.csv")["Location"] == "/account/2fa/"
    TOTP.activate(user, generate_totp_secret())
    assert client.get("/audit/table.csv").status_code == 200


def test_case_12_a_reset_link_works_once_and_carries_our_own_name(user: User, client: Client) -> None:
    client.post("/account/password/reset/", {"email": user.email})
    (letter,) = mail.outbox
    link = re.search(r"http://(\S+?)(/account/password/reset/key/\S+)", letter.body)
    assert link
    assert link[1] == "testserver"
    page = client.get(link[2], follow=True)
    where = page.redirect_chain[-1][0]
    new = "another invented battery"
    assert client.post(where, {"password1": new, "password2": new}).status_code == 302
    again = Client()
    assert "password1" not in again.get(link[2], follow=True).content.decode()
    assert sign_in(Client(), user.email) == 200
    assert sign_in(Client(), user.email, new) == 302
    # A Host header of somebody else never gets into a letter.
    assert (
        Client().post("/account/password/reset/", {"email": user.email}, HTTP_HOST="evil.example").status_code
        == 400
    )
    assert len([m for m in mail.outbox if "evil" in m.body]) == 0


@override_settings(EMAIL_BACKEND="carewheel.web.letters.Letters")
def test_case_12_the_letter_leaves_by_the_mail_server(
    user: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as box:
        monkeypatch.setenv("CAREWHEEL_SMTP", f"smtp://127.0.0.1:{box.port}?from=desk@example.com")
        assert client.post("/account/password/reset/", {"email": user.email}).status_code == 302
    assert len(box.letters) == 1
    assert user.email in box.recipients[0]
    assert "/account/password/reset/key/" in box.letters[0].replace("=\r\n", "")


def test_case_12_an_unknown_address_gets_the_same_answer(user: User, client: Client) -> None:
    known = client.post("/account/password/reset/", {"email": user.email})
    unknown = client.post("/account/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_case_14_a_leaver_is_out_at_once(user: User, client: Client) -> None:
    client.force_login(user)
    assert client.get("/audit/table.csv").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/audit/table.csv").status_code == 302
    anew = Client()
    sign_in(anew, user.email)
    assert anew.get("/audit/table.csv").status_code == 302


@pytest.mark.parametrize("key", ["", "short", "django-insecure-" + "x" * 60, "a" * 80])
def test_case_34_a_key_that_can_be_guessed_does_not_start(
    key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("CAREWHEEL_SECRET_KEY", key)
    with pytest.raises(KeyRefused):
        server_key(tmp_path)  # type: ignore[arg-type]


def test_case_34_nothing_is_debugged_and_nobody_is_there_by_default(db: None) -> None:
    assert settings.DEBUG is False
    assert User.objects.count() == 0
    assert settings.SESSION_COOKIE_HTTPONLY
