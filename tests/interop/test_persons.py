"""Names and contacts: told to sinks that ask for them, and to no other; the warehouse does not ask. All people are invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.interop.collecting import Collected
from tests.interop.tables_on_disk import files_under, read_all, settings, write_tables

from carewheel.interop import fhir, hl7v2
from carewheel.interop.files import SourceFile
from carewheel.interop.records.persons import PersonRecord, TakesPersons
from carewheel.interop.tabular import mapped, opendental, openemr
from carewheel.interop.tabular.mapped import MappingRefused, parse_mapping
from carewheel.warehouse.spool import FileReport, SourceSetting, SpoolingSink, _FileSpool

PATIENT = """PatNum,LName,FName,Preferred,PatStatus,Gender,Birthdate,HmPhone,WirelessPhone,Email,TxtMsgOk,PreferContactMethod,Language
7,Example,Patricia,Pat,0,1,1980-02-03,555-0100,555-0107,pat@example.com,1,8,eng
8,Example,Sam,,0,0,0001-01-01,555-0100,,,2,5,
9,Example,Kim,,0,0,0001-01-01,,,,0,0,"""
PROVIDER = """ProvNum,Abbr,LName,FName,IsHidden,IsSecondary
3,ADA,Adler,Ada,0,0"""
PEOPLE = [
    {
        "resourceType": "Patient", "id": "p1", "birthDate": "1980-02-03",
        "name": [{"use": "old", "family": "Before"}, {"use": "official", "family": "Example", "given": ["Pat", "Q"]}],
        "telecom": [{"system": "phone", "use": "home", "value": "555-0100"}, {"system": "phone", "use": "mobile", "value": "555-0107"},
                    {"system": "email", "value": "pat@example.com"}, {"system": "email", "use": "old", "value": "old@example.com"}],
        "communication": [{"language": {"coding": [{"code": "es"}]}}],
    },
    {"resourceType": "Patient", "id": "p2", "birthDate": "1980", "name": "odd"},
    {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Adler", "given": ["Ada"]}]},
]  # fmt: skip


@dataclass
class WithPersons(Collected):
    persons: list[PersonRecord] = field(default_factory=list)

    def add_person(self, person: PersonRecord) -> None:
        self.persons.append(person)


class Sink:
    def __init__(self) -> None:
        self.files: list[WithPersons] = []

    @contextmanager
    def file(self, file: SourceFile) -> Iterator[WithPersons]:
        self.files.append(WithPersons(file.name))
        yield self.files[-1]

    @property
    def persons(self) -> list[PersonRecord]:
        return [person for file in self.files for person in file.persons]


def told(reader: Any, folder: Path) -> list[PersonRecord]:
    sink = Sink()
    files = [
        (file, part) for file in files_under(folder) if (part := reader.recognise(file.sample(), settings()))
    ]
    reader.read(files, sink, settings())
    return sink.persons


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return write_tables(tmp_path / "tables", patient=PATIENT, provider=PROVIDER)


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "a.ndjson").write_text("\n".join(map(json.dumps, PEOPLE)))
    return tmp_path / "fhir"


def test_open_dental_tells_names_contacts_and_what_was_agreed(tables: Path) -> None:
    assert sorted(told(opendental, tables)) == [
        PersonRecord("patient", "7", "Pat", "Example", date(1980, 2, 3), "555-0107", "pat@example.com", "eng", "sms", True),
        PersonRecord("patient", "8", "Sam", "Example", None, "555-0100", "", "", "email", False),
        PersonRecord("patient", "9", "Kim", "Example"),
        PersonRecord("provider", "3", "Ada", "Adler"),
    ]  # fmt: skip


def test_fhir_tells_the_name_in_use_and_skips_what_is_odd(resources: Path) -> None:
    assert sorted(told(fhir, resources)) == [
        PersonRecord("patient", "p1", "Pat Q", "Example", date(1980, 2, 3), "555-0107", "pat@example.com", "es"),
        PersonRecord("provider", "d1", "Ada", "Adler"),
    ]  # fmt: skip


PID = "PID|1||7^^^NORTH^MR~999-99-9999^^^^SS||Before^Pat^^^^^M~Example^Pat^Q^^^^L||{born}|F|||||^PRN^PH^^^555^5550100~^PRN^CP^^^555^5550107~^NET^Internet^pat@example.com||en"
MESSAGES = "\r".join(
    [
        "MSH|^~\\&|SCHED|NORTH|CW|CW|20260301120000||SIU^S12|1|P|2.5", "SCH|11|11|||||check||30|min|^^^20260303100000", PID.format(born="19800203"),
        "AIP|1||3^Adler^Ada|||||30", "MSH|^~\\&|SCHED|NORTH|CW|CW|20260302120000||ADT^A31|2|P|2.5", "EVN|A31|20260302120000",
        "PID|1||8^^^NORTH^MR||Sample^Sam||1980||||||555-0108", "MSH|^~\\&|SCHED|NORTH|CW|CW|20260302120000||ADT^A40|3|P|2.5", PID.format(born="19800203"), "",
    ]
)  # fmt: skip
PATIENT_DATA = """pid,fname,lname,DOB,sex,phone_home,phone_cell,email,language,hipaa_allowsms
7,Pat,Example,1980-02-03,Female,555-0100,555-0107,pat@example.com,english,YES
8,Sam,Sample,0000-00-00,Male,555-0108,,,,NO"""
USERS = (
    "id,username,authorized,fname,lname,facility_id,active\n3,ada,1,Ada,Adler,1,1\n4,desk,0,Not,Provider,1,1"
)
LIST = """patient_id,location_id,given_name,family_name,birth_date,phone,email,preferred_channel,texting
7,1,Pat,Example,1980-02-03,555-0107,pat@example.com,SMS,yes
# a line that explains,,,,,,,,
8,1,Sam,Sample,,,,pigeon,
9,1,,Only,31 Feb,,,,"""


@pytest.fixture
def folders(tables: Path, resources: Path, tmp_path: Path) -> dict[Any, Path]:
    (tmp_path / "hl7").mkdir()
    (tmp_path / "hl7" / "a.hl7").write_text(MESSAGES)
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "people.csv").write_text(LIST)
    emr = write_tables(tmp_path / "emr", patient_data=PATIENT_DATA, users=USERS)
    return {
        opendental: tables,
        fhir: resources,
        hl7v2: tmp_path / "hl7",
        openemr: emr,
        mapped: tmp_path / "list",
    }


def test_hl7_tells_the_legal_name_a_mobile_number_and_when_it_said_so(folders: dict[Any, Path]) -> None:
    first, second = datetime(2026, 3, 1, 12), datetime(2026, 3, 2, 12)
    assert sorted(told(hl7v2, folders[hl7v2])) == [
        PersonRecord("patient", "7", "Pat Q", "Example", date(1980, 2, 3), "555 5550107", "pat@example.com", "en", recorded_at=first),
        PersonRecord("patient", "8", "Sam", "Sample", None, "555-0108", recorded_at=second),
        PersonRecord("provider", "3", "Ada", "Adler", recorded_at=first),
    ]  # fmt: skip


def test_openemr_tells_names_contacts_and_who_may_be_texted(folders: dict[Any, Path]) -> None:
    assert sorted(told(openemr, folders[openemr]), key=lambda one: (one.kind, one.source_id)) == [
        PersonRecord("patient", "7", "Pat", "Example", date(1980, 2, 3), "555-0107", "pat@example.com", "english", texting=True),
        PersonRecord("patient", "8", "Sam", "Sample", None, "555-0108", texting=False),
        PersonRecord("provider", "3", "Ada", "Adler"),
        PersonRecord("provider", "4", "Not", "Provider"),
    ]  # fmt: skip


def test_a_mapping_may_say_who_the_patient_of_a_row_is(folders: dict[Any, Path]) -> None:
    assert sorted(told(mapped, folders[mapped]), key=lambda one: one.source_id) == [
        PersonRecord("patient", "7", "Pat", "Example", date(1980, 2, 3), "555-0107", "pat@example.com", "", "sms", True),
        PersonRecord("patient", "8", "Sam", "Sample"),
        PersonRecord("patient", "9", "", "Only"),
    ]  # fmt: skip


def test_a_name_without_a_patient_and_a_field_that_nobody_is_known_by_are_refused() -> None:
    text = 'name = "x"\ntable = "review"\n[columns]\nrating = "R"\nposted_at = "P"\n[person]\nfamily_name = "N"\n'
    with pytest.raises(MappingRefused, match="whose name it is"):
        parse_mapping(text)
    text = 'name = "x"\ntable = "patient"\n[columns]\npatient_key = "id"\n[person]\nshoe_size = "N"\n'
    with pytest.raises(MappingRefused, match="no such field"):
        parse_mapping(text)
    with pytest.raises(MappingRefused, match="no such fact table"):
        parse_mapping('name = "x"\ntable = "person"\n[columns]\nfamily_name = "N"\n')


@pytest.mark.parametrize("reader", [opendental, fhir, hl7v2, openemr, mapped])
def test_who_does_not_ask_is_told_the_same_facts_and_no_names(reader: Any, folders: dict[Any, Path]) -> None:
    plain = read_all(reader, folders[reader])
    assert plain.records
    assert "Example" not in str(plain.records)
    assert "0107" not in str(plain.records)


def test_the_warehouse_does_not_ask(tmp_path: Path) -> None:
    sink = SpoolingSink(tmp_path, SourceSetting("s", "practice"), b"key", iter(range(9)))
    assert not isinstance(_FileSpool(sink, FileReport("f"), 1), TakesPersons)
    assert isinstance(WithPersons("f"), TakesPersons)
