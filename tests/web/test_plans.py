"""Plans, arrows and the scorecard at the console: from the proposal to the end of a plan, and who may."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from tests.clinic import Clinic

from carewheel.practice.models import AuditEvent

pytestmark = pytest.mark.django_db


def test_a_plan_from_the_proposal_to_its_end(owner: Client, own: Path) -> None:
    form = owner.get("/plans/new/Q1/").content.decode()
    assert "First month" in form
    refused = owner.post("/plans/new/Q1/", {"places": [], "start": "2031-01", "months": 12})
    assert "Not saved yet" in refused.content.decode()
    start = form.split('<option value="')[1].split('"')[0]
    places = [part.split('"')[0] for part in form.split('name="places" value="')[1:]]
    answer = owner.post(
        "/plans/new/Q1/", {"places": places, "start": start, "months": 12, "note": "fewer calls at noon"}
    )
    assert answer.status_code == 302, answer.content.decode()
    address = answer["Location"]
    name = address.split("/")[2]
    page = owner.get(address).content.decode()
    assert "waits for an owner" in page
    assert "fewer calls at noon" in page
    assert "Smallest effect" in page
    again = owner.post("/plans/new/Q1/", {"places": places, "start": start, "months": 12})
    assert "has Q1 at" in again.content.decode()
    # Who answers for it has no address and no number in a plan.
    wrong = owner.post(address, {"step": "accept", "accept-owner": "desk@example.com"})
    assert wrong.status_code == 400
    assert "address or a long number" in wrong.content.decode()
    assert owner.post(address, {"step": "accept", "accept-owner": "front desk"}).status_code == 302
    assert "front desk" in owner.get("/plans/").content.decode()
    assert owner.post(address, {"step": "review", "review-study": "x"}).status_code in (400, 409), (
        "not started"
    )
    assert owner.post(address, {"step": "stop", "stop-act": "another way first"}).status_code == 302
    page = owner.get(address).content.decode()
    assert "ended by hand" in page
    assert "another way first" in page
    rows = AuditEvent.objects.filter(subject_id=name).values_list("action", flat=True)
    assert sorted(rows) == ["accept-plan", "propose-plan", "stop-plan"]


def test_what_does_not_exist_is_not_found(owner: Client, own: Path) -> None:
    assert owner.get("/plans/Q9-2021-01/").status_code == 404
    assert owner.get("/plans/new/Z9/").status_code == 404
    assert owner.post("/plans/Q9-2021-01/", {"step": "eat"}).status_code == 404


def test_own_scores_are_kept_and_can_be_taken_back(owner: Client, own: Path) -> None:
    assert owner.post("/scorecard/", {"MD04": "3", "FR04": "9"}).status_code == 302
    page = owner.get("/scorecard/").content.decode()
    assert '<option value="3" selected>' in page
    assert page.count("given ") == 1, "9 is no score"
    assert owner.post("/scorecard/", {"MD04": ""}).status_code == 302
    assert "given " not in owner.get("/scorecard/").content.decode()


def test_the_arrows_say_how_well_they_are_known(owner: Client, workspace: Path) -> None:
    page = owner.get("/arrows/").content.decode()
    assert "C1-C2a" in page
    assert "mostly a guess" in page or "not measured" in page


@pytest.mark.parametrize(("role", "status"), [("manager", 200), ("biller", 403), ("front_desk", 403)])
def test_who_may_plan(clinic: Clinic, own: Path, role: str, status: int) -> None:
    client = Client()
    client.force_login(clinic.account(role))
    assert client.get("/plans/new/Q1/").status_code == status
    if status == 403:
        assert client.post("/plans/Q1-2021-04/", {"step": "stop"}).status_code in (403, 404)
        assert client.post("/scorecard/", {"MD04": "3"}).status_code == 403
