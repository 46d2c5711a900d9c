"""Hostile requests: reliability.md's cases 19, 25 to 27, 30, 33, 35 and 37, on every page that can be read."""

from __future__ import annotations

import logging
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client
from tests.clinic import Clinic, small_clinic
from tests.web.test_security_access import OURS, path_of, things_of

from carewheel.web.policy import OPEN, POLICY, READ

HOSTILE = {
    "quotes": "' OR 1=1 --",
    "markup": "<script>alert(1)</script>",
    "lookup": "_connector",
    "nul": "a\x00b",
    "right to left": "\u202egnp.exe",
    "long": "x" * 5_000,
    "number": "99999999999999999999",
    "negative": "-1",
    "date": "2026-02-30",
    "lone surrogate": "%ED%A0%80",
    "format": "{0.__class__} %s ${7*19187} {{7*19187}}",
}
# Every word that an address's query may hold, and some that no page knows.
QUERY = ("q", "day", "date", "first", "days", "page", "location", "by", "status", "sort", "next", "visit_type", "resource", "view", "of", "__class__", "_connector", "patient__organisation")  # fmt: skip


@pytest.fixture
def things(db: None) -> tuple[Clinic, dict[str, object]]:
    clinic = small_clinic()
    return clinic, things_of(clinic)


@pytest.fixture
def owner(things: tuple[Clinic, dict[str, object]]) -> Client:
    client = Client()
    client.force_login(things[0].account("owner", "owner@example.com"))
    return client


def test_case_26_another_host_is_refused(owner: Client) -> None:
    for host in ("evil.example", "testserver.evil.example", "testserver:80@evil.example", ""):
        assert owner.get("/account/login/", HTTP_HOST=host).status_code == 400, host
    assert "*" not in settings.ALLOWED_HOSTS


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example"])  # fmt: skip
def test_case_25_nobody_is_led_elsewhere(things: tuple[Clinic, dict[str, object]], where: str) -> None:
    from tests.clinic import PASSWORD

    things[0].account("manager", "m@example.com")
    response = Client().post(
        f"/account/login/?next={quote(where)}",
        {"login": "m@example.com", "password": PASSWORD, "next": where},
    )
    assert response.status_code == 302
    assert response["Location"].startswith("/")
    assert not response["Location"].startswith(("//", "/\\"))


def test_cases_27_and_35_every_page_says_who_may_frame_and_keep_it(
    owner: Client, things: tuple[Clinic, dict[str, object]]
) -> None:
    seen = 0
    for name, pattern in [*OURS, ("account_login", "account/login/")]:
        if "GET" not in POLICY[name].methods:
            continue
        client = Client() if POLICY[name].needs == OPEN else owner
        response = client.get(path_of(pattern, things[1]))
        if response.status_code not in (200, 404):
            continue
        seen += 1
        policy = response["Content-Security-Policy"]
        assert "default-src 'self'" in policy, name
        assert "unsafe" not in policy, name
        assert response["X-Content-Type-Options"] == "nosniff", name
        assert "no-store" in response["Cache-Control"], name
        assert response["Referrer-Policy"] == "same-origin", name
        if not POLICY[name].embeddable:
            assert "frame-ancestors 'none'" in policy, name
            assert response["X-Frame-Options"] == "DENY", name
    assert seen > 10


def test_cases_19_29_and_30_no_word_of_an_address_breaks_a_page(
    owner: Client, things: tuple[Clinic, dict[str, object]]
) -> None:
    tried = 0
    for name, pattern in OURS:
        if POLICY[name].methods != READ and "GET" not in POLICY[name].methods:
            continue
        path = path_of(pattern, things[1])
        for text in HOSTILE.values():
            response = owner.get(path, dict.fromkeys(QUERY, text))
            tried += 1
            assert response.status_code < 500, (name, text[:40], response.status_code)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            assert b"<script>alert(1)</script>" not in body, name
            assert b"134309" not in body, f"{name} works out what it was given"
    assert tried > 100


def test_case_30_no_word_of_a_form_breaks_a_page(
    owner: Client, things: tuple[Clinic, dict[str, object]]
) -> None:
    """Every form with every field hostile: refused in words (4xx, or the form again), nothing 5xx."""
    for name, pattern in OURS:
        if "POST" not in POLICY[name].methods:
            continue
        path = path_of(pattern, things[1])
        for text in (*HOSTILE.values(), ""):
            fields = ("patient", "patient_id", "visit_type", "visit_type_id", "starts_at", "start", "day", "time", "version", "reason", "step", "email", "code", "name", "phone", "location", "location_id", "zone", "role", "minutes", "resource", "resource_id", "resource_ids", "key", "q", "next", "given_name", "family_name", "birth_date")  # fmt: skip
            response = owner.post(path, dict.fromkeys(fields, text))
            assert response.status_code < 500, (name, text[:40], response.status_code)


def test_case_33_nothing_of_a_patient_is_logged(
    owner: Client, things: tuple[Clinic, dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    clinic, those = things
    clinic.patient.family_name = "Zzcanaryzz"
    clinic.patient.email = "zzcanaryzz@example.com"
    clinic.patient.save()
    with caplog.at_level(logging.DEBUG):
        for name, pattern in OURS:
            if "GET" in POLICY[name].methods:
                owner.get(path_of(pattern, those))
                owner.get(path_of(pattern, those | {"visit_id": 10**9, "patient_id": 10**9}))
    texts = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert not [text for text in texts if "zzcanaryzz" in text.lower()]


def test_case_37_headers_by_the_thousand(owner: Client) -> None:
    response = Client().get("/account/login/", **{f"HTTP_X_{n}": "x" * 50 for n in range(2_000)})
    assert response.status_code == 200
    assert owner.post("/location/", {f"f{n}": "1" for n in range(2_000)}).status_code == 400
