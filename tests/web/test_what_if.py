"""What if at the console: from the form through the worker to the answer, kept for its turn; downloads, refusals, and who may."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.clinic import Clinic, small_clinic
from tests.web.conftest import TRIED, keep_answer

from carewheel.journeys.ask_what_if import WHAT_IF, answer_of
from carewheel.journeys.look_at_the_wheel import Looked
from carewheel.journeys.see_the_wheel import latest_turn
from carewheel.journeys.work_behind_the_pages import house, work_once
from carewheel.practice.models import Job
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.report.what_if import futures, lines_table
from carewheel.wheel.what_if import MOST_KEPT, Answers, Question

pytestmark = pytest.mark.django_db
PAGE = "/plans/what-if/"
ASKED = f"{PAGE}?play=Q2&months=24"
SPACE = {"x": "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"}


def page(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def jobs() -> int:
    return Job.objects.filter(kind=WHAT_IF).count()


def test_a_question_from_the_form_through_the_worker_to_the_answer(owner: Client, trying: Path) -> None:
    assert PAGE in page(owner, "/plans/")
    form = page(owner, PAGE)
    assert form.index('value="Q2"') > 0
    assert "worth $" in form
    assert jobs() == 0, "looking at the form asks nothing"
    # The same question, however it is written, is one.
    for address in (
        ASKED,
        f"{PAGE}?months=24&play=Q2&staff=&marketing=0",
        f"{PAGE}?play=Q2&play=Q2&months=24",
    ):
        assert "The worker will run it" in page(owner, address)
    assert jobs() == 1
    Job.objects.update(status="running", progress=0.6)
    waiting = page(owner, ASKED, **{"HX-Request": "true"})
    assert "60 %" in waiting
    assert "<html" not in waiting
    assert owner.get(f"{PAGE}table.csv?play=Q2&months=24").status_code == 404
    Job.objects.update(status="waiting")
    assert work_once(house(trying), timezone.now) == 1
    assert "net cash in 24 months" in page(owner, ASKED)
    page(owner, ASKED)
    assert jobs() == 1, "going back asks nothing anew"
    # After the next turn it is another question.
    turned = latest_turn(Workspace(trying))
    assert turned is not None
    os.utime(turned.folder / "wheel.json", ns=(0, 1))
    assert "The worker will run it" in page(owner, ASKED)
    assert jobs() == 2


def test_the_answer_is_shown_with_its_doubt_and_can_be_kept(
    owner: Client, trying: Path, tried: dict[str, Any]
) -> None:
    keep_answer(trying, tried)
    with CaptureQueriesContext(connection) as queries:
        said = page(owner, ASKED)
    assert len(queries) <= 12
    for words in (
        "net cash in 24 months", "In nine cases of ten between", "chance of loss", "Propose this play", "/plans/new/Q2/", "Cash on hand", "Kept visits",
        "No-show rate", "Active patients: hardly any change", "Difference in month 24", "as it goes on", "The same as a table", "invented group", "What was assumed", "Ask something else",
    ):  # fmt: skip
        assert words in said, words
    assert said.count("<svg") >= 4
    assert " style=" not in said
    assert 'value="Q2" checked' in said
    assert jobs() == 0
    rows = list(csv.DictReader(io.StringIO(owner.get(f"{PAGE}table.csv?play=Q2&months=24").content.decode("utf-8-sig"))))  # fmt: skip
    assert len(rows) == 25 * len(tried["lines"])
    cash = [row for row in rows if row["measure"] == "cash"]
    assert float(cash[-1]["difference_low_90"]) < float(cash[-1]["difference_median"]) < float(cash[-1]["difference_high_90"])  # fmt: skip
    model = owner.get(f"{PAGE}practice.xmile?play=Q2&months=24")
    assert model["Content-Type"] == "application/xml; charset=utf-8"
    assert model["Content-Disposition"] == f'attachment; filename="practice-{tried["as_of"]}.xmile"'
    assert ET.fromstring(model.content.decode()).findtext("x:sim_specs/x:stop", None, SPACE) == "24.0"


def test_it_says_what_the_roadmap_says_of_a_play_alone(trying: Path, tried: dict[str, Any]) -> None:
    turned = latest_turn(Workspace(trying))
    assert turned is not None
    (told,) = (row for row in turned.document["roadmap"]["plays"] if row["play"] == "Q2")
    assert tried["net_cash"]["chance_of_loss"] == pytest.approx(told["chance_of_loss"])
    assert tried["net_cash"]["low"] == pytest.approx(float(told["worth"]["low"]["amount"]), rel=0.02)


def test_nothing_asked_is_how_it_goes_on_and_a_policy_is_in_the_model(trying_looked: Looked) -> None:
    as_it_is = answer_of(trying_looked, Question(months=6))
    assert {row["difference_high"] for row in as_it_is["rows"]} == {0.0}
    assert all(not chart["actual"] and "now" in chart["title"] for chart in futures(as_it_is))
    assert all(line["change"][0] == "0" for line in lines_table(as_it_is))
    # This practice spends what it takes in: a share of nothing is nothing, and the page has to say so.
    otherwise = answer_of(trying_looked, Question(months=6, policy={"technology": 0.1}))
    assert (otherwise["free_a_month"], otherwise["net_cash"]["median"]) == (0.0, 0.0)
    shares = {
        found.get("name"): found.findtext("x:eqn", None, SPACE)
        for found in ET.fromstring(otherwise["xmile"]).iterfind(".//x:aux", SPACE)
    }
    assert (shares["share_technology"], shares["share_marketing"]) == ("0.1", "0.0")


def test_what_cannot_be_asked_is_said_beside_what_was_typed(owner: Client, trying: Path) -> None:
    for query, status, words in (
        ("months=0", 200, "greater than or equal to 1"),
        ("months=many", 200, "Enter a whole number"),
        ("months=24&play=Z9", 200, "Z9 is not one of the available choices"),
        ("months=24&play=F5", 200, "F5 is not one of the available choices"),
        ("months=24&staff=120", 200, "less than or equal to 100"),
        ("months=24&staff=80&technology=80", 400, "together 100 % at most"),
    ):
        answer = owner.get(f"{PAGE}?{query}")
        said = answer.content.decode()
        assert answer.status_code == status, query
        assert words in said
        assert "--" not in said.partition("<main")[2].partition("</main>")[0], (
            "no options of the command line"
        )
        for file in ("table.csv", "practice.xmile"):
            assert owner.get(f"{PAGE}{file}?{query}").status_code == 404
    assert 'name="staff" value="80"' in said
    assert jobs() == 0


def test_shares_of_all_the_free_cash_can_be_asked_and_keep_their_digits(owner: Client, trying: Path) -> None:
    page(owner, f"{PAGE}?months=24&staff=5&technology=55&amenities=30&marketing=10")
    assert "marketing=33.3333333" in page(owner, f"{PAGE}?months=24&marketing=33.3333333")
    assert jobs() == 2


def test_without_facts_the_question_can_still_be_asked(owner: Client, trying: Path) -> None:
    (trying / "manifest.json").unlink()
    assert "The worker will run it" in page(owner, ASKED)


def test_five_questions_may_be_open_and_one_that_was_given_up_says_so(owner: Client, trying: Path) -> None:
    for months in range(1, 6):
        page(owner, f"{PAGE}?months={months}")
    refused = owner.get(f"{PAGE}?months=6")
    assert refused.status_code == 400
    assert "Several questions are being worked out already" in refused.content.decode()
    assert jobs() == 5
    Job.objects.update(status="dead")
    assert "The worker gave it up" in page(owner, f"{PAGE}?months=1")
    assert jobs() == 5


def test_without_money_or_a_turn_it_says_what_is_missing(owner: Client, own: Path) -> None:
    said = page(owner, ASKED)
    assert "cannot be run forward yet" in said
    assert "Worth in money needs" in said
    assert "See what would be" not in said
    for file in ("table.csv", "practice.xmile"):
        assert owner.get(f"{PAGE}{file}?play=Q2&months=24").status_code == 404
    assert jobs() == 0
    stranger = Client()
    stranger.force_login(small_clinic("Hillside").account("owner"))
    assert "Nothing to ask yet" in page(stranger, ASKED), "another organisation has a wheel of its own"
    assert stranger.get(f"{PAGE}table.csv?play=Q2&months=24").status_code == 404


def test_the_worker_keeps_why_nothing_can_be_said(owner: Client, trying: Path) -> None:
    """Facts may have gone since the turn that the page knows."""
    manifest = trying / "manifest.json"
    changed = manifest.stat().st_mtime_ns
    page(owner, ASKED)
    manifest.write_bytes(orjson.dumps(orjson.loads(manifest.read_bytes()) | {"current": {}, "sources": {}}))
    os.utime(manifest, ns=(changed, changed))
    assert work_once(house(trying), timezone.now) == 1
    said = page(owner, ASKED)
    assert "It cannot be told" in said
    assert "Import the exports" in said
    assert owner.get(f"{PAGE}table.csv?play=Q2&months=24").status_code == 404
    assert jobs() == 1


@pytest.mark.parametrize(("role", "everywhere", "status", "proposes"), [("manager", True, 200, True), ("auditor", True, 200, False), ("biller", True, 200, False), ("front_desk", True, 403, False), ("manager", False, 403, False)])  # fmt: skip
def test_who_may_ask_and_who_may_propose(
    clinic: Clinic, trying: Path, tried: dict[str, Any], role: str, everywhere: bool, status: int, proposes: bool
) -> None:  # fmt: skip
    keep_answer(trying, tried)
    client = Client()
    client.force_login(clinic.account(role, everywhere=everywhere))
    found = client.get(ASKED)
    assert found.status_code == status
    assert (b"Propose this play" in found.content) is proposes
    for file in ("table.csv", "practice.xmile"):
        assert client.get(f"{PAGE}{file}?play=Q2&months=24").status_code == status


def test_the_latest_answers_are_kept_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    answers = Answers(Workspace(tmp_path))
    for number in range(MOST_KEPT + 3):
        answers.keep(f"{number:03d}", {"refused": None})
        os.utime(answers.folder / f"{number:03d}.json", ns=(number, number))
    answers.keep("last", {"refused": None})
    assert len(list(answers.folder.iterdir())) == MOST_KEPT
    assert answers.answer("003") is None
    assert answers.answer("last") == {"schema_version": 1, "refused": None}
    (answers.folder / "last.json").write_text("{")
    assert answers.answer("last") is None
    assert TRIED.plain() == Question(("Q2", "Q2"), 24, {"staff": 0.0}).plain()
