"""Names and contacts: told to sinks that ask for them, and to no other; the warehouse does not ask. All people are invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.interop.collecting import Collected
from tests.interop.tables_on_disk import files_under, read_all, settings, write_tables

from carewheel.interop import fhir
from carewheel.interop.files import SourceFile
from carewheel.interop.records.persons import PersonRecord, TakesPersons
from carewheel.interop.tabular import opendental
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


@pytest.mark.parametrize("reader", [opendental, fhir])
def test_who_does_not_ask_is_told_the_same_facts_and_no_names(
    reader: Any, tables: Path, resources: Path
) -> None:
    folder = tables if reader is opendental else resources
    plain = read_all(reader, folder)
    assert plain.records
    assert "Example" not in str(plain.records)
    assert "0107" not in str(plain.records)


def test_the_warehouse_does_not_ask(tmp_path: Path) -> None:
    sink = SpoolingSink(tmp_path, SourceSetting("s", "practice"), b"key", iter(range(9)))
    assert not isinstance(_FileSpool(sink, FileReport("f"), 1), TakesPersons)
    assert isinstance(WithPersons("f"), TakesPersons)
