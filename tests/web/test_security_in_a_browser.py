"""Attacks and defences that only a real browser shows: what patients type is never run, and passkeys sign in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.clinic import PASSWORD, Clinic
from tests.web.test_in_a_browser import Looks, Opened, browser, clinic, ids, looked_at, looks, opened

from carewheel.practice.models import AuditEvent, Location, Message, Patient, Resource, User, Visit, VisitType

__all__ = ["browser", "clinic", "ids", "looks", "opened"]
pytestmark = [pytest.mark.needs_browser, pytest.mark.django_db(transaction=True)]


def authenticator(page: Any) -> Any:
    """A security key inside the browser, as Chromium's own tools have it: it verifies its user and keeps passkeys."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    made = line.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    return line, made["authenticatorId"]


def test_a_passkey_is_added_and_signs_in_alone(opened: Opened, clinic: Clinic, looks: Looks) -> None:
    email = f"owner{clinic.organisation.pk}@example.com"
    page = opened(signed_in=False)
    line, key = authenticator(page)
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto("/account/2fa/webauthn/add/")
    if page.get_by_label("Password").is_visible():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    looked_at(page, "passkey", looks)
    page.get_by_label("Name").fill("My key")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/recovery-codes/**")
    assert len(line.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]) == 1
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/")
    page.get_by_role("button", name=re.compile("passkey", re.IGNORECASE)).click()
    page.wait_for_url(lambda address: "/account/" not in address)
    page.goto("/day/")
    assert page.get_by_role("heading", level=1).text_content().startswith("Lakeside")
    user = User.objects.get(email=email)
    actions = list(AuditEvent.objects.filter(subject_id=str(user.pk), subject_kind="user").order_by("number").values_list("action", flat=True))  # fmt: skip
    assert actions == [
        "signed-in",
        "second-factor-added",
        "recovery-codes-made",
        "session-ended",
        "signed-in",
    ]
    # Without the key, the password alone does not get in.
    line.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/2fa/authenticate/**")
    page.goto("/day/")
    assert "/account/" in page.url


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>",
    "</script><script>alert(1)</script>",
    "{{7*19187}}${7*19187}",
    "javascript:alert(1)",
)


def test_case_17_what_is_typed_is_shown_and_never_run(
    opened: Opened, ids: dict[str, int], clinic: Clinic, browser: Any, live_server: Any, workspace: Path
) -> None:
    """Names, reasons and messages of patients and of the practice, on every page and in what pages fetch later."""
    now = timezone.now()
    for n, one in enumerate(Patient.objects.order_by("pk")):
        one.family_name = HOSTILE[n % len(HOSTILE)]
        one.given_name = HOSTILE[(n + 1) % len(HOSTILE)]
        one.search_name = f"ex {n}"
        one.email, one.phone = "x@example.com", HOSTILE[1][:30]
        one.save()
    Visit.objects.update(cancel_reason=HOSTILE[0], override_reason=HOSTILE[1])
    VisitType.objects.filter(pk=clinic.check_up.pk).update(
        name=HOSTILE[2], instructions=HOSTILE[0], online="book"
    )
    VisitType.objects.filter(pk=clinic.long_visit.pk).update(name=HOSTILE[1])
    Resource.objects.filter(pk=clinic.practitioner.pk).update(name=HOSTILE[0])
    Resource.objects.filter(pk=clinic.chair.pk).update(name=HOSTILE[2])
    Location.objects.filter(pk=clinic.location.pk).update(
        name=HOSTILE[1], address=HOSTILE[0], phone=HOSTILE[4]
    )
    User.objects.update(name=HOSTILE[2])
    Message.objects.create(
        organisation=clinic.organisation, patient_id=ids["patient"], purpose="visits", kind=HOSTILE[0][:40], channel="email", to="x@example.com",
        subject=HOSTILE[1], body="".join(HOSTILE), key="hostile", due_at=now, created_at=now,
    )  # fmt: skip
    dialogs: list[str] = []
    page, stranger = opened(), opened(signed_in=False)
    for one in (page, stranger):
        one.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    shown = 0
    # Every kind of page that links lead to, one of each; the address of a page for patients also, as nobody.
    public = f"/book/{clinic.location.slug}/"
    coming = [(page, f"/patients/{ids['patient']}/"), (page, "/"), (stranger, public), (stranger, f"{public}?type={clinic.check_up.pk}")]  # fmt: skip
    seen: set[str] = {"/turn/N/"}
    while coming:
        who, address = coming.pop(0)
        if (kind := re.sub(r"\d+|\?.*|(?<=measures/)[^/]+", "N", address)) in seen and who is page:
            continue
        seen.add(kind)
        who.goto(address)
        text = who.locator("body").inner_text()
        shown += sum(one in text for one in HOSTILE)
        assert who.locator("[onerror], [onload], a[href^='javascript:']").count() == 0, address
        assert "134309" not in who.content(), address
        if who is page:
            links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
            coming += [
                (page, one) for one in links if re.fullmatch(r"/(?!turn/|book/|static/|account/)[^.]*", one)
            ]
    assert len(seen) > 20
    # What pages fetch as one types, and the dialogue of a visit.
    page.goto("/schedule/book/")
    page.get_by_label("Find the patient").press_sequentially("ex", delay=20)
    page.get_by_text(HOSTILE[0]).first.wait_for()
    page.goto("/day/")
    page.locator("[data-dialog]").first.click()
    page.locator("dialog[open]").wait_for()
    assert page.locator("[onerror], [onload]").count() == 0
    assert dialogs == []
    assert shown > 20
    # The policy would stop a script even if one got into a page.
    bare = browser.new_page(base_url=live_server.url)
    bare.goto(public)
    put = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    image = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 2\">')"
    bare.evaluate(f"{put}; {image}")
    bare.wait_for_load_state("networkidle")
    assert bare.evaluate("window.ran") is None
    bare.close()
