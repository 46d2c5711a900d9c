"""No person's data in what a turn leaves or says: canaries stand where names, contacts, notes and ids of people stand.

Scanned are standard output and error, `wheel.json`, `report.html`, the manifest, every file of the workspace as bytes, and
every text column of every Parquet file as a query gives it. All people are invented.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from tests.journeys.turns import texts_below

EXCERPTS = Path(__file__).parents[1] / "interop" / "excerpts"
WORD = "ZQCANARY"
NUMBER = "909900990"
BOTH = (WORD, NUMBER)


def fhir() -> str:
    person = {
        "resourceType": "Patient", "id": f"{WORD}id", "gender": "female", "birthDate": "1980-02-03",
        "name": [{"family": WORD, "given": [WORD]}], "telecom": [{"system": "phone", "value": NUMBER}],
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": NUMBER}],
        "address": [{"line": [WORD]}], "text": {"status": "generated", "div": WORD},
    }  # fmt: skip
    me = {"reference": f"Patient/{WORD}id", "display": WORD}
    period = {"start": "2025-03-03T09:00:00Z", "end": "2025-03-03T09:30:00Z"}
    resources = [
        person,
        {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": me, "period": period,
         "reasonCode": [{"text": WORD}]},
        {"resourceType": "Encounter", "id": "e2", "status": "finished", "subject": me, "period": WORD},
        {"resourceType": "Coverage", "id": "c1", "status": "active", "beneficiary": me, "payor": [me]},
        {"resourceType": "QuestionnaireResponse", "id": "q1", "authored": "2025-03-04T09:00:00Z", "subject": me,
         "item": [{"linkId": "1", "answer": [{"valueString": WORD}]}, {"linkId": "2", "answer": [{"valueInteger": 9}]}]},
        {"resourceType": "Claim", "id": "k1", "created": "2025-03-04", "patient": me,
         "total": {"value": 100.0, "currency": WORD}},
        {"resourceType": "Appointment", "id": "a1", "status": "booked", "start": WORD},
        {"resourceType": f"{WORD} {NUMBER}", "id": "x"},
        {"resourceType": "Patient", "id": "p2", "gender": {"a": WORD}, "birthDate": WORD, "name": NUMBER},
    ]  # fmt: skip
    return "\n".join(json.dumps(one) for one in resources) + f'\n{{"resourceType":"Patient","id":"{WORD}\n'


def x12(name: str) -> str:
    """An excerpt with canaries for the people's names, addresses, member numbers and social security numbers."""
    segments = (EXCERPTS / "x12" / name).read_text().replace("\n", "").split("~")
    for place, segment in enumerate(segments):
        e = segment.split("*")
        if e[0] == "NM1" and e[1] in ("IL", "QC", "74", "03"):
            e[3:5] = [WORD, WORD]
            if len(e) > 9:
                e[9] = NUMBER
        elif e[0] == "N3":
            e[1] = WORD
        elif e[0] == "PER" and len(e) > 4:
            e[2], e[4] = WORD, NUMBER
        segments[place] = "*".join(e)
    return "~\n".join(segments)


def hl7(name: str) -> str:
    """An excerpt with canaries in every field of PID but sex and birth, in next of kin, guarantor and notes."""
    lines = re.split(r"[\r\n]+", (EXCERPTS / "hl7v2" / name).read_text("utf-8-sig"))
    for place, line in enumerate(lines):
        fields = line.split("|")
        if fields[0] == "PID":
            for at in (2, 3, 4, 5, 9, 11, 13, 14, 18, 19):
                if at < len(fields):
                    fields[at] = f"{WORD}^{NUMBER}" if at in (5, 11) else NUMBER
        elif fields[0] in ("NK1", "GT1", "NTE"):
            fields[3:] = [WORD] * len(fields[3:])
        lines[place] = "|".join(fields)
    return "\r".join(lines)


TABLES = {
    "patients.csv": "PatNum,PatStatus,Guarantor,LName,FName,HmPhone,SSN,Email,Birthdate,Gender,PriProv\n"
    f"{NUMBER},0,{NUMBER},{WORD},{WORD},{NUMBER},{NUMBER},{WORD}@example.com,1980-02-03,1,7\n"
    f"{NUMBER}1,{WORD},{NUMBER},{WORD},{WORD},{NUMBER},{NUMBER},{WORD}@example.com,{WORD},1,7\n",
    "visits.csv": "AptNum,PatNum,AptStatus,AptDateTime,Pattern,Op,ProvNum,ClinicNum,Note\n"
    f"1,{NUMBER},2,2025-03-03 09:00:00,/XX/,3,7,0,{WORD}\n"
    f"2,{NUMBER},2,{WORD},/XX/,3,7,0,{WORD}\n3,{NUMBER},{WORD},2025-03-03 09:00:00,{WORD},3,7,0,{WORD}\n"
    f"4,{NUMBER},2,2025-03-05 09:00:00,/XX/,3,7,0,{WORD},{WORD}\n",
    "people.csv": "id,pid,DOB,sex,fname,lname,ss,phone_home,status\n"
    f"1,{NUMBER},1980-02-03,Female,{WORD},{WORD},{NUMBER},{NUMBER},{WORD}\n",
    "surveys.csv": "response_id,answered_at,question,score,scale_min,scale_max,patient_id,comment\n"
    f"1,2025-03-03,nps,9,0,10,{NUMBER},{WORD}\n2,{WORD},nps,9,0,10,{NUMBER},{WORD}\n"
    f"3,2025-03-03,nps,{WORD},0,10,{NUMBER},{WORD}\n4,2025-03-03,nps,9,0,10,{NUMBER},{WORD},{WORD}\n",
    "contacts.csv": "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Create Date\n"
    f"{NUMBER},{WORD},{WORD},{WORD}@example.com,{NUMBER},lead,2025-03-03 09:00\n",
    "unknown.csv": f"Name,Phone,Diagnosis\n{WORD},{NUMBER},{WORD}\n",
    "no-header.csv": f"{WORD},{NUMBER},2025-03-03\n{WORD},{NUMBER},2025-03-04\n",
}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that a turn over all of it left, and all it said."""
    root = tmp_path_factory.mktemp("canaries")
    given = root / "given"
    given.mkdir()
    (given / "bulk.ndjson").write_text(fhir())
    for name in (
        "837p-dependent.edi",
        "837p-cob-payer-a.edi",
        "837p-out-of-order.txt",
        "835-denied.txt",
        "835-bad-date.835",
    ):
        (given / name).write_text(x12(name))
    for name in ("ADT-A03-01.hl7", "ADT-A40-01.hl7", "SIU-S12-01.hl7", "DFT-P03-01.hl7"):
        (given / name).write_text(hl7(name))
    for name, text in TABLES.items():
        (given / name).write_text(text)
    said = ""
    for more in ([], ["--json"]):
        command = [sys.executable, "-c", "from carewheel.cli import main; main()"]
        done = subprocess.run(
            [*command, "turn", str(given), "--workspace", str(root / "space"), "--zone", "America/Chicago", *more],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode in (0, 3), done.stderr
        said += done.stdout + done.stderr
    return root / "space", said


def test_the_canaries_were_really_read(left: tuple[Path, str]) -> None:
    connection = duckdb.connect()
    root = left[0] / "loads"
    for table in ("patient", "appointment", "survey_response", "contact", "claim", "payment", "charge"):
        files = str(root / "*" / f"{table}.parquet")
        assert connection.execute(f"SELECT count(*) FROM '{files}'").fetchall()[0][0] > 0, table


def test_no_canary_is_said_on_the_terminal(left: tuple[Path, str]) -> None:
    for canary in BOTH:
        assert canary not in left[1]


def test_no_canary_is_in_any_file_that_is_left(left: tuple[Path, str]) -> None:
    seen = set()
    for path, content in texts_below(left[0]):
        seen.add(path.name)
        for canary in BOTH:
            assert canary.encode() not in content, path.name
    assert {"manifest.json", "wheel.json", "report.html"} <= seen


def test_no_canary_is_in_any_column_of_any_fact(left: tuple[Path, str]) -> None:
    connection = duckdb.connect()
    files = sorted(left[0].rglob("*.parquet"))
    assert files
    for path in files:
        names = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
        for name in names:
            sql = f"""SELECT count(*) FROM '{path}' WHERE contains("{name}"::VARCHAR, ?) OR contains("{name}"::VARCHAR, ?)"""
            (hits,) = connection.execute(sql, list(BOTH)).fetchall()[0]
            assert hits == 0, f"{path.name}: {name}"
