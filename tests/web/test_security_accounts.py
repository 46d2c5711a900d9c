"""What accounts sign in with: every try and change is in the trail, the person is told, other sessions end, and secrets lie sealed."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client, override_settings
from django.utils import timezone
from tests.clinic import PASSWORD, Clinic, small_clinic

from carewheel.practice.access import Refused
from carewheel.practice.messages.sending import send_due
from carewheel.practice.messages.ways import ways
from carewheel.practice.models import AuditEvent, Message, User
from carewheel.web.accounts import MOST_BY_ACCOUNT
from carewheel.web.keys import KeyRefused, sealing_keys
from carewheel.web.sealing import row_of, seal, unseal

LOGIN, PAGE = "/account/login/", "/audit/table.csv"
NEW = "another invented battery"


def code_of(secret: str, steps: int = 0) -> str:
    return f"{hotp_value(secret, int(time.time()) // 30 + steps):06d}"


@pytest.fixture
def user(clinic: Clinic) -> User:
    return clinic.account("owner", "owner@example.com")


@pytest.fixture
def mine(user: User) -> Client:
    """Signed in with the password, just now."""
    return signed_in(user)


def signed_in(user: User) -> Client:
    client = Client()
    assert client.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 302
    assert client.get(PAGE).status_code == 200
    return client


def again(client: Client) -> None:
    """What allauth asks before something important."""
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def rows(*actions: str) -> list[tuple[str, str, int | None, str]]:
    found = AuditEvent.objects.filter(action__in=actions).order_by("number")
    return [(r.action, r.subject_id, r.user_id_seen, r.detail.get("why") or r.detail.get("kind", "")) for r in found]  # fmt: skip


def letters(user: User) -> list[str]:
    return list(Message.objects.filter(kind="account", to=user.email).order_by("pk").values_list("body", flat=True))  # fmt: skip


def test_failed_and_refused_sign_ins_are_in_the_trail_without_what_was_typed(user: User) -> None:
    typed = "zz-typed-password"
    for name in (user.email, "zz-nobody@example.com"):
        Client(REMOTE_ADDR="192.0.2.1").post(LOGIN, {"login": name, "password": typed})
    who = str(user.pk)
    assert rows("sign-in-failed") == [
        ("sign-in-failed", who, None, "password"), ("sign-in-failed", "", None, "password")
    ]  # fmt: skip
    for n in range(40):
        Client(REMOTE_ADDR="192.0.2.1").post(LOGIN, {"login": f"zz{n}@example.com", "password": typed})
        Client(REMOTE_ADDR="192.0.2.1").post(LOGIN, {"login": user.email, "password": typed})
    refused = rows("sign-in-refused")
    assert sorted(refused) == [("sign-in-refused", "", None, "password"), ("sign-in-refused", who, None, "password")], (
        "once in a while for each account, so that nobody fills the trail"
    )  # fmt: skip
    assert AuditEvent.objects.count() <= 33
    said = " ".join(str(row) for row in AuditEvent.objects.values_list("detail", "reason", "subject_id", "subject_kind"))  # fmt: skip
    assert "zz" not in said
    assert user.email not in said
    assert set(AuditEvent.objects.values_list("address", flat=True)) == {"192.0.2.1"}


@pytest.mark.django_db(transaction=True)
def test_case_10_many_guesses_at_an_account_at_once_are_no_more_than_in_a_row() -> None:
    user = small_clinic().account("owner", "owner@example.com")
    gate = threading.Barrier(20)

    def guess(number: int) -> None:
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        gate.wait()
        client.post(LOGIN, {"login": user.email, "password": f"guess number {number}"})
        connections.close_all()

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows("sign-in-failed")) == MOST_BY_ACCOUNT
    assert len(rows("sign-in-refused")) == 20 - MOST_BY_ACCOUNT


def test_a_new_password_is_noted_told_and_ends_other_sessions(
    user: User, mine: Client, tmp_path: Path
) -> None:
    other = signed_in(user)
    words = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    before = mine.cookies[settings.SESSION_COOKIE_NAME].value
    assert mine.post("/account/password/change/", words).status_code == 302
    assert rows("password-changed") == [("password-changed", str(user.pk), user.pk, "")]
    assert len(letters(user)) == 1
    assert send_due(ways(tmp_path), timezone.now()) == 1
    (letter,) = (tmp_path / "messages").iterdir()
    assert letter.read_text().startswith(f"To: {user.email}\nSubject: Your account has changed\n")
    assert "The password of your account was changed" in letter.read_text()
    assert mine.get(PAGE).status_code == 200
    assert mine.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert other.get(PAGE).status_code == 302
    assert other.get(PAGE).status_code == 302
    assert rows("session-ended") == [
        ("session-ended", str(user.pk), user.pk, "password or account changed")
    ], "once"  # fmt: skip
    mine.post("/account/logout/")
    assert rows("session-ended")[-1][3] == "signed out"


def test_case_11_a_second_factor_is_noted_told_and_ends_other_sessions(user: User, mine: Client) -> None:
    other = signed_in(user)
    again(mine)
    page = mine.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'value="([A-Z2-7]{32})"', page)
    assert found, page
    secret = found[1]
    stored = Session.objects.get(
        session_key=row_of(mine.cookies[settings.SESSION_COOKIE_NAME].value)
    ).session_data
    assert secret not in stored
    before = mine.cookies[settings.SESSION_COOKIE_NAME].value
    assert mine.post("/account/2fa/totp/activate/", {"code": code_of(secret)}).status_code == 302
    assert mine.cookies[settings.SESSION_COOKIE_NAME].value != before, "case 6"
    assert other.get(PAGE).status_code == 302
    assert rows("session-ended")[-1][3] == "role or credential changed"
    assert mine.get(PAGE).status_code == 200
    assert mine.post("/account/2fa/recovery-codes/generate/").status_code == 302
    assert mine.post("/account/2fa/totp/deactivate/").status_code == 302
    assert mine.get(PAGE).status_code == 200
    assert rows("second-factor-added", "recovery-codes-made", "second-factor-removed") == [
        ("second-factor-added", str(user.pk), user.pk, "totp"),
        ("recovery-codes-made", str(user.pk), user.pk, "recovery_codes"),
        ("recovery-codes-made", str(user.pk), user.pk, "recovery_codes"),
        ("second-factor-removed", str(user.pk), user.pk, "totp"),
    ]
    assert not Authenticator.objects.exists()
    told = letters(user)
    assert len(told) == 4
    assert not [body for body in told if secret in body or user.email in body]


def test_case_11_a_code_is_good_once_whichever_process_reads_it(user: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    code = code_of(secret)

    def outcome(typed: str) -> int:
        # allauth's own memory of used codes is one of each process.
        cache.clear()
        client = Client()
        client.post(LOGIN, {"login": user.email, "password": PASSWORD})
        client.post("/account/2fa/authenticate/", {"code": typed})
        return client.get(PAGE).status_code

    assert [outcome(code), outcome(code), outcome(f"{code[:3]} {code[3:]}")] == [200, 302, 302]
    assert [row[3] for row in rows("sign-in-failed")] == ["code", "code"]
    recovery = RecoveryCodes.activate(user).get_unused_codes()[0]
    assert outcome(recovery) == 200
    assert rows("recovery-code-used") == [("recovery-code-used", str(user.pk), user.pk, "")]
    assert "recovery code" in letters(user)[-1]


WRONG = (
    '{"id": "eA"}', "[]", "1", '{"id": 1, "rawId": 2, "response": []}', '{"response": "x", "rawId": "eA", "id": "eA"}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "MQ"}}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "!", "attestationObject": "oA"}}',
)  # fmt: skip


def test_case_30_a_passkey_that_is_none_breaks_no_page(user: User, mine: Client) -> None:
    again(mine)
    for sent in WRONG:
        stranger = Client(REMOTE_ADDR="192.0.2.5", raise_request_exception=False)
        stranger.get("/account/2fa/webauthn/login/", HTTP_ACCEPT="application/json")
        assert stranger.post("/account/2fa/webauthn/login/", {"credential": sent}).status_code == 302, sent
        mine.get("/account/2fa/webauthn/add/")
        page = mine.post("/account/2fa/webauthn/add/", {"credential": sent, "name": "x"})
        assert page.status_code == 200, sent
    assert not Authenticator.objects.exists()
    TOTP.activate(user, generate_totp_secret())
    half = Client(raise_request_exception=False)
    half.post(LOGIN, {"login": user.email, "password": PASSWORD})
    for sent in WRONG:
        assert half.post("/account/2fa/authenticate/", {"credential": sent}).status_code == 200, sent
        assert mine.post("/account/2fa/webauthn/reauthenticate/", {"credential": sent}).status_code == 302, sent  # fmt: skip
    assert {row[1:] for row in rows("sign-in-failed")} == {
        ("", None, "passkey"), (str(user.pk), None, "passkey")
    }  # fmt: skip


def test_wrong_passkeys_are_counted_and_noted(user: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.3")
    for _ in range(32):
        # allauth's own limit is one of each process.
        cache.clear()
        client.post("/account/2fa/webauthn/login/", {"credential": WRONG[0]})
    assert rows("sign-in-failed") == [("sign-in-failed", "", None, "passkey")] * 30
    assert rows("sign-in-refused") == [("sign-in-refused", "", None, "passkey")]


def test_no_secret_lies_in_the_database_in_clear(user: User, mine: Client) -> None:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user)
    assert codes.get_unused_codes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(data AS TEXT) FROM mfa_authenticator")
        kept = " ".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT session_data FROM django_session")
        sessions = " ".join(row[0] for row in cursor.fetchall())
    assert secret not in kept
    assert re.search(r'"seed": "gAAAA', kept), "sealed by Fernet"
    assert ":" not in sessions, "no signed session in clear"
    # A row's own key is no cookie.
    cookie = mine.cookies[settings.SESSION_COOKIE_NAME].value
    thief = Client()
    for row in Session.objects.all():
        assert row.session_key != cookie
        thief.cookies[settings.SESSION_COOKIE_NAME] = row.session_key
        assert thief.get(PAGE).status_code == 302
    assert TOTP(Authenticator.objects.get(type="totp")).validate_code(code_of(secret))


def test_another_key_opens_nothing_and_says_so(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    old, new = settings.SEALING_KEYS[0], "bm90IHRoZSBrZXkgdGhhdCBzZWFsZWQgaXQgYXQgYWw="
    client = Client()
    with override_settings(SEALING_KEYS=[new]):
        with pytest.raises(Refused) as refusal:
            unseal(Authenticator.objects.get().data["secret"])
        assert refusal.value.code == "server.other-key"
        client.post(LOGIN, {"login": user.email, "password": PASSWORD})
        page = client.post("/account/2fa/authenticate/", {"code": "000000"})
        assert (page.status_code, "sealing.key" in page.content.decode()) == (400, True)
        later = seal("sealed with the new one")
    # While both are given, the first seals and all open: so a key is changed.
    with override_settings(SEALING_KEYS=[new, old]):
        assert unseal(later) == "sealed with the new one"
        assert unseal(Authenticator.objects.get().data["secret"])


@pytest.mark.parametrize("key", ["", "short", "a" * 43 + "=", "insecure" * 5 + "abc=", "bm90"])
def test_case_34_a_sealing_key_that_can_be_guessed_does_not_start(
    key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAREWHEEL_SEALING_KEY", key)
    with pytest.raises(KeyRefused):
        sealing_keys(tmp_path)


def test_the_sealing_key_is_made_once_for_its_owner_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CAREWHEEL_SEALING_KEY", raising=False)
    made = sealing_keys(tmp_path / "new")
    assert sealing_keys(tmp_path / "new") == made
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["sealing.key"]
    assert (tmp_path / "new" / "sealing.key").stat().st_mode & 0o777 == 0o600
