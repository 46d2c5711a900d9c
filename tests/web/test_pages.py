"""Every page of the console answers, empty and filled, with few queries."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.clinic import NOW, Clinic

from carewheel.practice.models import Membership, Organisation, User
from carewheel.web.policy import unlisted

PAGES = ["/", "/day/", "/schedule/", "/schedule/?days=7", "/schedule/?view=table", "/schedule/find/", "/schedule/book/", "/patients/", "/patients/new/", "/waitlist/", "/waitlist/join/", "/outbound/", "/access/", "/access/lab/", "/data/", "/settings/", "/settings/places/new/", "/settings/types/new/", "/settings/members/", "/audit/", "/jobs/"]  # fmt: skip


def test_every_route_has_its_rule() -> None:
    assert unlisted() == []


@pytest.mark.parametrize("address", PAGES)
def test_an_empty_page_says_what_to_do_next(
    owner: Client, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # The first look builds the calendars in memory and opens the session.
    owner.get(address)
    with django_assert_max_num_queries(12):
        answer = owner.get(address)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "<h1>" in said
    assert " style=" not in said, "the policy forbids inline styles"
    assert "<script>" not in said


@pytest.mark.parametrize("address", ["/", "/access/", "/data/", "/measures/experience.nps/", "/measures/finance.denial_rate/"])  # fmt: skip
def test_pages_of_the_turn_show_n_and_interval(
    owner: Client, workspace: Path, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12):
        answer = owner.get(address)
    said = answer.content.decode()
    assert answer.status_code == 200, said[:500]
    assert " style=" not in said
    if address in ("/", "/measures/experience.nps/"):
        assert "between" in said
        assert "n " in said


@pytest.mark.parametrize("address", ["/measures/table.csv", "/measures/operations.wait_minutes/table.csv", "/access/table.csv", "/data/findings.csv", "/audit/table.csv", "/jobs/table.csv", "/settings/members/table.csv"])  # fmt: skip
def test_lists_can_be_kept_as_csv(owner: Client, workspace: Path, address: str) -> None:
    answer = owner.get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert answer.content.decode("utf-8-sig").count("\r\n") >= 1


def test_the_files_of_the_turn_can_be_kept(owner: Client, workspace: Path) -> None:
    answer = owner.get("/turn/report/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert owner.get("/turn/passwords/").status_code == 404


def test_the_lab_comes_first_and_fetches_what_takes_seconds(owner: Client, workspace: Path) -> None:
    wish = "?waiting=1&idle=5&overtime=7.5"
    assert 'hx-trigger="load"' in owner.get(f"/access/lab/{wish}").content.decode()
    # The bundled example knows too little of half-days, and the page says so.
    assert "Too little is known" in owner.get(f"/access/lab/{wish}&now=1").content.decode()
    wrong = owner.get("/access/lab/?waiting=many&idle=5&overtime=7.5").content.decode()
    assert "many" in wrong
    assert "Not saved yet" in wrong


def test_whoever_has_no_wheel_begins_at_the_day(clinic: Clinic) -> None:
    client = Client()
    client.force_login(clinic.account("front_desk"))
    assert client.get("/")["Location"] == "/day/"


@pytest.mark.parametrize("address", PAGES)
def test_a_practice_without_a_location_is_told_how_to_begin(db: None, address: str) -> None:
    organisation = Organisation.objects.create(name="New", created_at=NOW)
    user = User.objects.create(email="new@example.com")
    Membership.objects.create(user=user, organisation=organisation, role="owner")
    client = Client()
    client.force_login(user)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()
    if address.startswith(("/day/", "/schedule/")):
        assert "/settings/places/new/" in answer.content.decode()
