"""FHIR, SIU and ledger of an invented medical place: they tell its book, and read with the X12 files each cent counts once."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop.collecting import CollectingSink
from tests.invented import exported as e
from tests.invented.small_book import (
    CHARGES,
    CONTRACTUAL,
    INSURER_PAID,
    INTEREST,
    OWED,
    PATIENT_PAID,
    small_book,
)

from carewheel.invented.book import NONE, Book, to_clock
from carewheel.invented.exports.claims import write_claims
from carewheel.invented.exports.fhir import write_fhir
from carewheel.invented.exports.hl7 import write_siu
from carewheel.invented.exports.ledger import write_ledger

STATUS = ("booked", "fulfilled", "noshow", "cancelled")


def write_all(book: Book, folder: Path) -> Path:
    for write in (write_fhir, write_siu, write_claims, write_ledger):
        write(book, folder)
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, Path]:
    book = e.half_a_year(e.MEDICAL)
    return book, write_all(book, tmp_path_factory.mktemp("medical"))


@pytest.fixture(scope="module")
def real_facts(real: tuple[Book, Path], tmp_path_factory: pytest.TempPathFactory) -> e.Facts:
    return e.Facts(tmp_path_factory.mktemp("facts") / "space", real[1])


@pytest.fixture(scope="module")
def fhir(real: tuple[Book, Path]) -> CollectingSink:
    sink = e.read(real[1] / "fhir")
    e.nothing_wrong(sink)
    return sink


@pytest.fixture(scope="module")
def siu(real: tuple[Book, Path]) -> CollectingSink:
    sink = e.read(real[1] / "hl7")
    e.nothing_wrong(sink)
    return sink


def visit_name(row: Any) -> str:
    return f"loc1-v{int(row) + 1}"


# --- all together


def test_the_small_place_as_worked_out_by_hand(tmp_path: Path) -> None:
    facts = e.Facts(tmp_path / "space", write_all(small_book("medical"), tmp_path / "all"))
    assert [finding for report in facts.reports for finding in report.findings] == []
    assert facts.by_month("charge") == e.of_2025(CHARGES)
    assert facts.by_month("payment", "payer_kind = 'patient'") == e.of_2025(PATIENT_PAID)
    assert facts.by_month("payment", "payer_kind = 'insurer' AND claim_id <> ''") == e.of_2025(INSURER_PAID)
    assert facts.by_month("payment", "claim_id = '' AND payer_kind = 'insurer'") == {"2025-03": INTEREST}
    assert facts.by_month("adjustment", "kind = 'contractual'") == e.of_2025(CONTRACTUAL)
    assert facts.by_month("adjustment", "kind = 'writeoff'") == {"2025-05": 8000, "2025-06": 10000}
    assert facts.by_month("adjustment", "kind = 'discount'") == {"2025-02": 2200}
    assert facts.by_month("adjustment", "kind = 'denial'") == {
        "2025-01": 120000,
        "2025-02": 8000,
        "2025-06": 22000,
    }
    shares = facts.ask(
        "SELECT reason_code, sum(amount) FROM adjustment WHERE kind = 'patient_share' GROUP BY 1 ORDER BY 1"
    )
    assert [(reason, e.cents(amount)) for reason, amount in shares] == [("1", 10000), ("2", 77000)]
    settled = "kind IN ('contractual', 'writeoff', 'discount')"
    assert (
        sum(facts.by_month("charge").values())
        - sum(facts.by_month("payment").values())
        + INTEREST
        - sum(facts.by_month("adjustment", settled).values())
        == OWED
    )
    assert dict(facts.ask("SELECT status, count(*) FROM appointment GROUP BY 1")) == {
        "fulfilled": 28, "noshow": 4, "cancelled": 4, "booked": 4,
    }  # fmt: skip
    assert dict(facts.ask("SELECT event, count(*) FROM visit_event GROUP BY 1")) == {
        "booked": 40, "rescheduled": 2, "cancelled": 4, "noshow": 4,
        "arrived": 28, "roomed": 28, "with-clinician": 28, "done": 28,
    }  # fmt: skip
    waited = facts.ask(
        "SELECT minutes, count(*) FROM (SELECT date_diff('minute', min(happened_at) FILTER (event = 'arrived'), "
        "min(happened_at) FILTER (event = 'roomed')) AS minutes FROM visit_event GROUP BY appointment_id) "
        "WHERE minutes IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    assert waited == [(10, 1), (15, 26), (25, 1)]
    # v32 and v33 of the four that were cancelled.
    late = facts.ask("SELECT appointment_id FROM appointment WHERE late_cancel ORDER BY 1")
    assert late == [("loc1-v33",), ("loc1-v34",)]
    assert facts.ask("SELECT count(*), sum(amount) FROM claim") == [(24, 6130)]
    assert facts.ask("SELECT count(*) FILTER (is_denial) FROM claim_event") == [(3,)]
    assert facts.ask("SELECT count(*), sum(minutes) FROM availability WHERE kind = 'open'") == [(40, 9600)]


def test_read_together_every_cent_counts_once(real: tuple[Book, Path], real_facts: e.Facts) -> None:
    book, facts = real[0], real_facts
    assert [finding for report in facts.reports for finding in report.findings] == []
    assert sum(report.rows_refused + report.rows_ignored for report in facts.reports) == 0
    line, decided, parts = book["line"], book["decision"], book["decision_line"]
    receipt, given_up = book["receipt"], book["write_off"]
    decided_on = decided["day"][parts["decision"]]
    assert facts.by_month("charge") == e.months(book["visit"]["starts"][line["visit"]] // 1440, line["cents"])
    assert facts.by_month("payment", "payer_kind = 'patient'") == e.months(receipt["day"], receipt["cents"])
    assert facts.by_month("payment", "payer_kind = 'insurer'") == e.months(
        decided["day"], decided["paid"] + decided["interest"]
    )
    assert facts.by_month("adjustment", "kind = 'contractual'") == e.months(decided_on, parts["contractual"])
    assert facts.by_month("adjustment", "kind = 'denial'") == e.months(decided_on, parts["denied"])
    assert facts.by_month("adjustment", "kind = 'patient_share'") == e.months(
        decided_on, parts["deductible"] + parts["coinsurance"]
    )
    assert facts.by_month("adjustment", "kind = 'writeoff'") == e.months(given_up["day"], given_up["cents"])
    for table in (
        "charge",
        "payment",
        "adjustment",
        "claim",
        "claim_event",
        "appointment",
        "visit_event",
        "availability",
    ):
        assert facts.ask(f"SELECT DISTINCT location_id FROM {table}") == [("loc1",)], table


def test_claims_and_what_payers_said(real: tuple[Book, Path], real_facts: e.Facts) -> None:
    book, facts = real[0], real_facts
    claims, decided = book["claim"], book["decision"]
    assert facts.ask("SELECT count(*), count(DISTINCT claim_id) FROM claim") == [(len(claims["claim"]),) * 2]
    assert dict(facts.ask("SELECT event, count(*) FROM claim_event GROUP BY 1")) == {
        "submitted": len(claims["claim"]), "resubmitted": len(book["resubmission"]["claim"]),
        "adjudicated": sum(decided["kind"] < 2), "reversed": sum(decided["kind"] == 2), "corrected": sum(decided["kind"] == 3),
    }  # fmt: skip
    first: dict[int, int] = {}
    for row, of in enumerate(decided["claim"].tolist()):
        first.setdefault(of, row)
    denied = {f"loc1-{of + 1}" for of, row in first.items() if decided["kind"][row] == 1}
    told = facts.ask(
        "SELECT claim_id FROM (SELECT claim_id, arg_min(is_denial, event_date) AS denied FROM claim_event "
        "WHERE event = 'adjudicated' GROUP BY 1) WHERE denied"
    )
    assert {name for (name,) in told} == denied
    assert len(denied) > 50
    given_up = book["write_off"]
    lost = facts.ask(
        "SELECT claim_id, sum(amount) FROM adjustment WHERE kind = 'writeoff' AND claim_id <> '' GROUP BY 1"
    )
    assert {claim: e.cents(amount) for claim, amount in lost} == e.summed(
        (f"loc1-{of + 1}", int(x))
        for of, x in zip(given_up["claim"], given_up["cents"], strict=True)
        if of != NONE
    )
    assert len(lost) > 20


def test_all_sources_speak_of_the_same_patients_and_visits(
    real: tuple[Book, Path], real_facts: e.Facts
) -> None:
    book, facts = real[0], real_facts
    visits = len(book["visit"]["visit"])
    assert facts.ask("SELECT count(*), count(DISTINCT appointment_id) FROM appointment") == [(visits, visits)]
    late = [(visit_name(row),) for row in np.flatnonzero(book["visit"]["late"])]
    assert facts.ask("SELECT appointment_id FROM appointment WHERE late_cancel ORDER BY 1") == sorted(late)
    assert len(late) > 20
    for table in ("visit_event", "payment", "charge"):
        # Interest is nobody's.
        strangers = (
            f"SELECT count(*) FROM {table} WHERE (patient_key, appointment_id) NOT IN (SELECT (patient_key, appointment_id) FROM appointment) "
            "AND appointment_id <> ''"
        )
        assert facts.ask(strangers) == [(0,)], table
    assert facts.ask(
        "SELECT count(*) FROM adjustment WHERE patient_key NOT IN (SELECT patient_key FROM patient)"
    ) == [(0,)]
    assert facts.ask(
        "SELECT count(*) FROM payment WHERE claim_id <> '' AND patient_key NOT IN (SELECT patient_key FROM patient)"
    ) == [(0,)]


# --- FHIR alone


def test_appointments_and_waits_are_those_of_the_book(real: tuple[Book, Path], fhir: CollectingSink) -> None:
    visit = real[0]["visit"]
    booked = {one.appointment_id: one for one in e.table(fhir, "appointment") if one.basis == "appointment"}
    kept = visit["status"] == 1
    assert len(booked) == len(visit["visit"])
    steps: dict[str, dict[str, Any]] = defaultdict(dict)
    for one in e.table(fhir, "visit_event"):
        steps[one.appointment_id][one.event] = one.happened_at
    assert len(steps) == kept.sum()
    for row in range(len(visit["visit"])):
        found = booked[visit_name(row)]
        assert found.status == STATUS[visit["status"][row]]
        for name, column in (("starts_at", "starts"), ("booked_at", "booked_at")):
            assert getattr(found, name).replace(tzinfo=None) == to_clock(int(visit[column][row]))
        assert found.minutes == visit["minutes"][row]
        told = {name: at.replace(tzinfo=None) for name, at in steps[visit_name(row)].items()}
        columns = {
            "arrived": "arrived_at",
            "roomed": "roomed_at",
            "with-clinician": "started_at",
            "done": "done_at",
        }
        assert told == (
            {name: to_clock(int(visit[c][row])) for name, c in columns.items()} if kept[row] else {}
        )


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.ndjson")):
        for text in path.read_text().splitlines():
            yield json.loads(text)


def references(value: Any) -> Iterator[str]:
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if name == "reference":
            yield inner
        else:
            yield from references(inner)


def test_whatever_is_referred_to_is_there(real: tuple[Book, Path]) -> None:
    book, folder = real
    there = Counter(f"{one['resourceType']}/{one['id']}" for one in resources(folder / "fhir"))
    assert set(there.values()) == {1}
    for one in resources(folder / "fhir"):
        for reference in references(one):
            assert there[reference] == 1, (one["id"], reference)
    counts = Counter(name.partition("/")[0] for name in there)
    kept = int((book["visit"]["status"] == 1).sum())
    came = set(np.flatnonzero(book["patient"]["first_visit_day"] != NONE)) | set(
        book["visit"]["patient"].tolist()
    )
    assert counts == {
        "Organization": 6, "Location": 1, "Practitioner": 3, "PractitionerRole": 3, "Patient": len(came),
        "Coverage": sum(book["patient"]["payer"][row] != NONE for row in came), "Schedule": 3,
        "Slot": len(book["session"]["session"]), "Appointment": len(book["visit"]["visit"]), "Encounter": kept,
        "Claim": len(book["claim"]["claim"]), "ExplanationOfBenefit": len(book["decision"]["decision"]),
        "ChargeItem": int((book["line"]["claim"] == NONE).sum()),
    }  # fmt: skip


def test_fhir_alone_knows_charges_and_what_insurers_paid(
    real: tuple[Book, Path], fhir: CollectingSink
) -> None:
    book = real[0]
    line, decided, parts = book["line"], book["decision"], book["decision_line"]
    assert sum(e.cents(one.amount) for one in e.table(fhir, "charge")) == line["cents"].sum()
    assert Counter(
        (one.claim_id, one.posted_date, e.cents(one.amount)) for one in e.table(fhir, "payment")
    ) == Counter(
        (f"loc1-{c + 1}", to_clock(d * 1440).date(), x)
        for c, d, x in zip(
            decided["claim"].tolist(), decided["day"].tolist(), decided["paid"].tolist(), strict=True
        )
    )
    reasons = [code for _, code in book.words.denial_reasons]
    expected = e.summed(
        (reasons[r], int(x)) for r, x in zip(parts["reason"], parts["denied"], strict=True) if r != NONE
    )
    denials = [one for one in e.table(fhir, "adjustment") if one.kind == "denial"]
    assert e.summed((one.reason_code, e.cents(one.amount)) for one in denials) == expected
    assert len(expected) > 3


CHECKER = """
import importlib, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.ndjson")):
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{path.stem.lower()}"), path.stem)
    lines = path.read_text().splitlines()
    for line in lines[:: max(1, len(lines) // 60)]:
        model.model_validate_json(line)
    print(path.stem)
"""


def test_fhir_resources_accepts_every_type(real: tuple[Book, Path], fhir_peer: Path) -> None:
    run = subprocess.run(
        [fhir_peer, "-c", CHECKER, real[1] / "fhir"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert len(run.stdout.split()) == 13
    # The judge can say no.
    broken = real[1].parent / "broken"
    broken.mkdir(exist_ok=True)
    (broken / "Slot.ndjson").write_text('{"resourceType": "Slot", "id": "x", "status": "free"}\n')
    assert (
        subprocess.run([fhir_peer, "-c", CHECKER, broken], capture_output=True, check=False).returncode != 0
    )


# --- SIU


def test_messages_tell_what_happened_to_each_booking_in_order(
    real: tuple[Book, Path], siu: CollectingSink
) -> None:
    book, folder = real
    visit = book["visit"]
    expected: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for row in range(len(visit["visit"])):
        told = expected[visit_name(row)]
        told.append((int(visit["booked_at"][row]), "S12", int(visit["first_starts"][row])))
        if visit["moved_at"][row] != NONE:
            told.append((int(visit["moved_at"][row]), "S13", int(visit["starts"][row])))
        if visit["status"][row] == 3:
            told.append((int(visit["cancelled_at"][row]), "S15", int(visit["starts"][row])))
        if visit["status"][row] == 2:
            told.append((int(visit["starts"][row] + visit["minutes"][row]), "S26", int(visit["starts"][row])))
    found: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    controls: list[str] = []
    last = ""
    for path in sorted((folder / "hl7").glob("*.hl7")):
        # A second reader: nothing but splitting.
        for line in path.read_bytes().decode().split("\r"):
            fields = line.split("|")
            if fields[0] == "MSH":
                sent, trigger = fields[6], fields[8].split("^")[1]
                assert path.stem == f"siu-{sent[:4]}-{sent[4:6]}"
                assert last <= sent[:12]
                last = sent[:12]
                controls.append(fields[9])
            elif fields[0] == "SCH":
                found[fields[2]].append((minute(sent), trigger, minute(fields[11].split("^")[3])))
    assert found == {name: sorted(told) for name, told in expected.items()}
    assert len(set(controls)) == len(controls) == sum(map(len, expected.values()))
    assert {t for told in expected.values() for _, t, _ in told} == {"S12", "S13", "S15", "S26"}
    booked: dict[str, Any] = {
        one.appointment_id: one.booked_at for one in e.table(siu, "appointment") if one.booked_at
    }
    cancelled: dict[str, Any] = {
        one.appointment_id: one for one in e.table(siu, "appointment") if one.cancelled_at
    }
    assert len(cancelled) == sum(visit["status"] == 3)
    for row in range(len(visit["visit"])):
        assert booked[visit_name(row)].replace(tzinfo=None) == to_clock(int(visit["booked_at"][row]))
        if visit["status"][row] == 3:
            one = cancelled[visit_name(row)]
            assert one.cancelled_at.replace(tzinfo=None) == to_clock(int(visit["cancelled_at"][row]))
            assert one.starts_at.replace(tzinfo=None) == to_clock(int(visit["starts"][row]))
            assert one.status == "cancelled"


def minute(stamp: str) -> int:
    day = date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8]))
    return (day - date(1970, 1, 1)).days * 1440 + int(stamp[8:10]) * 60 + int(stamp[10:12])


@pytest.mark.parametrize("write", [write_fhir, write_ledger])
def test_a_dental_place_has_another_system(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dental"):
        write(small_book("dental"), tmp_path)
    assert list(tmp_path.iterdir()) == []
