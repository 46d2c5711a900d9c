"""Purchases at the console: from the form through the worker to the answer, with files, what was kept, and who may."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.clinic import Clinic, small_clinic
from tests.web.conftest import REMINDERS

from carewheel.journeys.weigh_a_purchase import purchase_template
from carewheel.journeys.work_behind_the_pages import house, work_once
from carewheel.practice.models import AuditEvent, Job
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.investments import PurchaseRefused, Purchases, described, keeping

pytestmark = pytest.mark.django_db
FORM = {
    "title": "Chairside scanner", "price-amount-low": "18000", "price-amount-expected": "20000", "price-amount-high": "26000", "effects": "3",
    "effect-0-measure": "operations.no_show_rate", "effect-0-kind": "ratio", "effect-0-low": "0.8", "effect-0-expected": "0.9", "effect-0-high": "1",
}  # fmt: skip
ADDRESS = "/purchases/chairside-scanner/"


def page(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def test_a_purchase_from_the_form_to_the_answer_and_away(owner: Client, own: Path) -> None:
    assert "No purchase yet" in page(owner, "/purchases/")
    assert "/purchases/" in page(owner, "/plans/")
    refused = owner.post("/purchases/new/", {**FORM, "price-amount-expected": "-3", "gate-loss_at_most": "250"}).content.decode()  # fmt: skip
    assert "What you typed is still here" in refused
    assert 'value="Chairside scanner"' in refused
    assert "Give a number from 0 to 100." in refused
    assert not (own / "purchases").exists(), "nothing is half-kept"
    assert owner.post("/purchases/new/", FORM)["Location"] == ADDRESS
    assert described((own / "purchases" / "chairside-scanner.toml").read_text()).price.high == 26_000
    assert "The worker will weigh it" in page(owner, ADDRESS)
    assert "not weighed yet" in page(owner, "/purchases/")
    Job.objects.update(status="running", progress=0.5)
    waiting = page(owner, ADDRESS, **{"HX-Request": "true"})
    assert "50 %" in waiting
    assert "<html" not in waiting
    Job.objects.update(status="waiting")
    assert work_once(house(own), timezone.now) == 1
    # The bundled example knows too little for money, and the page says what is missing.
    said = page(owner, ADDRESS)
    assert "It cannot be weighed" in said
    assert "Worth in money needs" in said
    assert owner.get(f"{ADDRESS}table.csv").status_code == 404
    # A changed text is another purchase to weigh; asked twice it is one job.
    assert 'value="26000"' in page(owner, f"{ADDRESS}edit/")
    assert owner.post(f"{ADDRESS}edit/", {**FORM, "months": "36"})["Location"] == ADDRESS
    assert "cannot be weighed" not in page(owner, ADDRESS)
    assert owner.post(ADDRESS, {"step": "weigh"}).status_code == 302
    assert Job.objects.filter(kind="weigh-purchase", status="waiting").count() == 1
    # A second one of that name has a name of its own.
    assert owner.post("/purchases/new/", FORM)["Location"] == "/purchases/chairside-scanner-2/"
    assert owner.post(ADDRESS, {"step": "remove"})["Location"] == "/purchases/"
    assert work_once(house(own), timezone.now) == 2
    assert owner.get(ADDRESS).status_code == 404
    assert sorted(path.name for path in (own / "purchases").iterdir()) == ["chairside-scanner-2.json", "chairside-scanner-2.toml"]  # fmt: skip
    rows = AuditEvent.objects.filter(subject_id="chairside-scanner").order_by("number")
    assert [row.action for row in rows] == ["keep-purchase", "change-purchase", "weigh-purchase", "remove-purchase"]  # fmt: skip


def brought(owner: Client, data: bytes) -> str:
    sent = {"bring": "1", "file": SimpleUploadedFile("purchase.toml", data)}
    return owner.post("/purchases/new/", sent).content.decode()


def test_a_file_fills_in_the_form_and_is_given_back(owner: Client, own: Path) -> None:
    filled = brought(owner, purchase_template().encode())
    assert 'value="Portal with booking and reminders"' in filled
    assert "nothing is kept yet" in filled
    assert not (own / "purchases").exists()
    owner.post("/purchases/new/", FORM)
    kept = owner.get(f"{ADDRESS}purchase.toml")
    assert kept["Content-Disposition"] == 'attachment; filename="chairside-scanner.toml"'
    assert described(kept.content.decode()).title == "Chairside scanner"
    assert owner.get("/purchases/purchase.toml").content.decode() == purchase_template()


def test_case_23_a_file_that_is_no_purchase_is_refused_and_not_kept(owner: Client, own: Path) -> None:
    for data, words in (
        (b"\xff\xfe", "cannot be read as text"), (b"title = ", "is no TOML"), (b"x" + b".x" * 20_000, "too large"), (b"rate = 1" + b"0" * 5_000, "is no TOML"), (b"<svg onload=alert(1)></svg>", "is no TOML"), (b"\x89PNG\r\n\x1a\n", "cannot be read as text"), (b"prize = 3", "There is no key"),
        (b"[price]\namount = -1", "what the purchase shall do"),
    ):  # fmt: skip
        said = brought(owner, data)
        assert words in said
        assert "alert(1)" not in said
        assert "carewheel template" not in said
    assert "No file was chosen" in owner.post("/purchases/new/", {"bring": "1"}).content.decode()
    assert not (own / "purchases").exists()


def test_what_was_weighed_is_shown_with_its_doubt_and_held_against_the_plan(
    owner: Client, reminders: str, weighing: dict[str, Any]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        said = page(owner, f"/purchases/{reminders}/")
    assert len(queries) <= 12
    for words in (
        "The gate", "Present value", "Chance of better", "What it hangs on", "at high (dot)", "No-show rate", "invented group",
        "Planned against actual, after 5 months", "Spent and brought in", "What it looks to be worth now", "What was assumed",
    ):  # fmt: skip
        assert words in said, words
    assert said.count("<svg") >= 3
    assert " style=" not in said
    listed = page(owner, "/purchases/")
    assert weighing["weighed"]["answer"] in listed
    assert "2025-08" in listed
    rows = [line.split(",") for line in owner.get(f"/purchases/{reminders}/table.csv").content.decode().splitlines()]  # fmt: skip
    assert len(rows) == 1 + 13
    assert sum(float(row[1]) for row in rows[1:]) == pytest.approx(float(rows[-1][2]))
    assert rows[6][6] != ""
    assert rows[7][6] == ""


def test_what_is_damaged_or_does_not_exist_is_said(owner: Client, own: Path, reminders: str) -> None:
    shelf = Purchases(Workspace(own))
    (shelf.folder / f"{reminders}.json").write_text("{")
    assert "Not weighed yet" in page(owner, f"/purchases/{reminders}/")
    (shelf.folder / f"{reminders}.toml").write_text("title = ")
    assert "is no TOML" in page(owner, f"/purchases/{reminders}/")
    assert "is no TOML" in page(owner, "/purchases/")
    assert owner.get(f"/purchases/{reminders}/edit/").status_code == 404
    assert owner.post(f"/purchases/{reminders}/", {"step": "remove"}).status_code == 302
    for address in ("/purchases/none/", "/purchases/none/edit/", "/purchases/..%2Fmanifest/", "/purchases/none/purchase.toml"):  # fmt: skip
        assert owner.get(address).status_code == 404
    assert owner.post("/purchases/none/", {"step": "eat"}).status_code == 404


def test_what_cannot_be_read_at_all_can_be_removed(owner: Client, own: Path, reminders: str) -> None:
    file = own / "purchases" / f"{reminders}.toml"
    file.write_bytes(b"\xff\xfe")
    assert "cannot be read as text" in page(owner, f"/purchases/{reminders}/")
    assert owner.post(f"/purchases/{reminders}/", {"step": "remove"})["Location"] == "/purchases/"
    assert not file.exists()


def test_what_cannot_be_kept_is_refused_beside_what_was_typed(owner: Client, own: Path) -> None:
    (own / "purchases").write_text("a file where the folder should be")
    answer = owner.post("/purchases/new/", FORM)
    assert answer.status_code == 400
    assert "cannot be written" in answer.content.decode()
    assert 'value="Chairside scanner"' in answer.content.decode()


def test_who_saw_an_older_text_does_not_overwrite_the_newer(owner: Client, own: Path) -> None:
    owner.post("/purchases/new/", FORM)
    seen = re.findall(r'name="of" value="(\w+)"', page(owner, f"{ADDRESS}edit/"))
    assert owner.post(f"{ADDRESS}edit/", {**FORM, "months": "36", "of": seen[0]})["Location"] == ADDRESS
    late = owner.post(f"{ADDRESS}edit/", {**FORM, "months": "48", "of": seen[0]})
    assert late.status_code == 409
    assert "Somebody changed it" in late.content.decode()
    assert 'value="48"' in late.content.decode()
    assert f'name="of" value="{seen[0]}"' in late.content.decode(), "sent again it is refused again"
    assert described((own / "purchases" / "chairside-scanner.toml").read_text()).months == 36


def test_another_organisation_has_purchases_of_its_own(owner: Client, own: Path, reminders: str) -> None:
    stranger = Client()
    stranger.force_login(small_clinic("Hillside").account("owner"))
    assert "No purchase yet" in page(stranger, "/purchases/")
    for address in ("", "edit/", "table.csv", "purchase.toml"):
        assert owner.get(f"/purchases/{reminders}/{address}").status_code == 200
        assert stranger.get(f"/purchases/{reminders}/{address}").status_code == 404
    assert stranger.post(f"/purchases/{reminders}/", {"step": "remove"}).status_code == 404
    assert (own / "purchases" / f"{reminders}.toml").exists()


@pytest.mark.parametrize(("role", "reads", "writes"), [("manager", 200, 302), ("auditor", 200, 403), ("biller", 200, 403), ("front_desk", 403, 403)])  # fmt: skip
def test_who_may_read_and_who_may_write(
    clinic: Clinic, own: Path, reminders: str, role: str, reads: int, writes: int
) -> None:
    client = Client()
    client.force_login(clinic.account(role))
    address = f"/purchases/{reminders}/"
    found = client.get(address)
    assert found.status_code == reads
    assert client.get("/purchases/").status_code == reads
    if reads == 200:
        assert (b"Remove it" in found.content) is (writes == 302)
    assert client.post("/purchases/new/", FORM).status_code == writes
    assert client.post(address, {"step": "weigh"}).status_code == writes
    assert client.post(address, {"step": "remove"}).status_code == writes
    assert (own / "purchases" / f"{reminders}.toml").exists() is (writes == 403)


def test_what_was_weighed_belongs_to_the_text_that_was_weighed(tmp_path: Path) -> None:
    shelf = Purchases(Workspace(tmp_path))
    name = shelf.put(REMINDERS, "New")
    assert name == "new-2", "the console has a page called new"
    assert not shelf.keep_weighing(name, REMINDERS + "\n", {"answer": 1})
    assert shelf.keep_weighing(name, REMINDERS, {"answer": 1})
    found = shelf.weighing(name)
    assert found is not None
    assert found["answer"] == 1
    shelf.put(REMINDERS.replace("12", "24"), "New", name)
    assert shelf.weighing(name) is None
    shelf.remove(name)
    assert shelf.names() == []
    assert list(shelf.folder.iterdir()) == []
    assert not shelf.keep_weighing(name, REMINDERS, {"answer": 1})


def test_there_is_an_end_to_purchases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST", 2)
    shelf = Purchases(Workspace(tmp_path))
    kept = [shelf.put(REMINDERS, "Chair") for _ in range(2)]
    with pytest.raises(PurchaseRefused, match="There are 2 purchases already"):
        shelf.put(REMINDERS, "Chair")
    shelf.put(REMINDERS.replace("12", "24"), "Chair", kept[0])
    shelf.remove(kept[1])
    assert shelf.put(REMINDERS, "Chair") == kept[1]
