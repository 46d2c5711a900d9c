"""Mapping files: what they may say, what they refuse, the shipped ones, templates and proposals."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import files_under, settings

from carewheel.interop.records import TABLE_OF
from carewheel.interop.tabular import mapped, opendental, openemr
from carewheel.interop.tabular.mapped.fields import CODES, RECORD_OF, REQUIRED, fields_of


def read(tmp_path: Path, mapping: str, table: str) -> CollectingSink:
    (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    given = settings(tmp_path / "m.toml")
    (file,) = files_under(tmp_path / "table.csv")
    part = mapped.recognise(file.sample(), given)
    assert part
    sink = CollectingSink()
    mapped.read([(file, part)], sink, given)
    return sink


VISITS = """
name = "visits"
table = "appointment"
source = "desk"
source_id = ["No"]
zone = "Europe/London"
date_formats = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]

[skip_when]
Test = ["yes"]

[columns]
appointment_id = { join = ["Site", "No"], with = "/" }
starts_at = "When"
minutes = { from = "Hours", factor = 60 }
status = { from = "Came", map = { Yes = "fulfilled", No = "noshow" }, default = "booked" }
raw_status = "Came"
is_new_patient = { from = "New", map = { first = true, again = false } }
visit_type = { from = ["Kind", "Type"] }

[constants]
basis = "appointment"
"""


def test_every_kind_of_rule_fills_its_field(tmp_path: Path) -> None:
    sink = read(
        tmp_path,
        VISITS,
        "No,Site,When,Hours,Came,New,Type,Test\n"
        "1,N,04/03/2025 09:30,0.5,yes,first,check,\n"
        "2,N,05/07/2025,,No,again,check,\n"
        "3,N,06/03/2025 10:00,,,,check,\n"
        "4,N,07/03/2025 10:00,,Yes,,check,YES\n",
    )
    first, second, third = sink.records
    zone = ZoneInfo("Europe/London")
    assert (first.source_id, first.appointment_id, first.basis) == ("1", "N/1", "appointment")
    assert first.starts_at == datetime(2025, 3, 4, 9, 30, tzinfo=zone)
    assert (first.minutes, first.status, first.is_new_patient, first.visit_type) == (
        30.0,
        "fulfilled",
        True,
        "check",
    )
    assert second.starts_at == datetime(2025, 7, 5, tzinfo=zone)
    assert (second.status, second.is_new_patient, second.minutes) == ("noshow", False, None)
    assert (third.status, third.raw_status, third.is_new_patient) == ("booked", "", None)
    assert sink.tallies == {"visits": 1}
    assert dict(sink.files[0].ignored) == {"left out by the mapping (skip_when)": 1}


def test_an_unknown_status_refuses_the_row_and_an_unreadable_extra_is_left_out(tmp_path: Path) -> None:
    sink = read(
        tmp_path,
        VISITS,
        "No,Site,When,Hours,Came,New,Type,Test\n"
        "1,N,04/03/2025 09:30,long,yes,first,check,\n"
        "2,N,04/03/2025 09:30,1,perhaps,first,check,\n",
    )
    (record,) = sink.records
    assert record.minutes is None
    assert [(f.code, f.severity, f.line) for f in sink.findings] == [
        ("csv.bad-number", "doubt", 2),
        ("csv.unknown-code", "refused", 3),
    ]
    assert "perhaps" not in repr(sink.findings)


def test_one_row_can_be_two_records_and_its_money_is_tallied_before_it_is_refused(tmp_path: Path) -> None:
    mapping = """
name = "both"
table = "charge"
currency = "USD"
source_id = ["id"]
[columns]
amount = "fee"
service_date = "day"
[[also]]
table = "payment"
source_id = ["id"]
[also.columns]
amount = { from = "paid", negate = true }
posted_date = "paid_on"
[also.constants]
payer_kind = "patient"
"""
    sink = read(
        tmp_path,
        mapping,
        "id,fee,day,paid,paid_on\n1,100.00,2025-03-01,-40.00,2025-03-02\n2,50.00,2025-03-01,-10.00,\n",
    )
    charge, payment = sink.records
    assert (charge.amount, charge.currency) == (Decimal("100.00"), "USD")
    assert (payment.amount, payment.posted_date, payment.payer_kind) == (
        Decimal("40.00"),
        date(2025, 3, 2),
        "patient",
    )
    # The second row is refused as a whole; the source states its money all the same.
    assert sink.files[0].rows_refused == 1
    assert sink.tallies == {"charges": Decimal("150.00"), "collections": Decimal("50.00")}


def test_the_most_specific_mapping_wins_and_the_operators_comes_first(tmp_path: Path) -> None:
    header = "expense_id,expense_date,category,amount,supplier\n1,2025-01-01,rent,5,x\n"
    (tmp_path / "t.csv").write_text(header)
    (file,) = files_under(tmp_path / "t.csv")
    body = 'table = "expense"\n[recognise]\ncolumns = [{}]\n[columns]\namount = "amount"\nexpense_date = "expense_date"\n'
    (tmp_path / "a.toml").write_text('name = "few"\n' + body.format('"amount"'))
    (tmp_path / "b.toml").write_text('name = "many"\n' + body.format('"amount", "supplier"'))
    assert mapped.recognise(file.sample(), settings()) == "expenses"
    few, many = tmp_path / "a.toml", tmp_path / "b.toml"
    assert mapped.recognise(file.sample(), settings(few)) == "few"
    assert mapped.recognise(file.sample(), settings(few, many)) == "many"
    assert mapped.source_name(file, "many", settings(few, many)) == "many"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("table = ", "(file)"),
        ('table = "nonsense"', "table"),
        ('table = "expense"\ncolour = 1', "colour"),
        ('table = "expense"\n[columns]\namount = "a"', "columns.expense_date"),
        ('table = "expense"\n[columns]\namuont = "a"', "columns.amuont"),
        ('table = "expense"\n[columns]\namount = { from = "a", join = ["b"] }', "columns.amount"),
        ('table = "expense"\n[columns]\namount = { form = "a" }', "columns.amount.form"),
        ('table = "expense"\nzone = "Mars/Base"', "zone"),
        ('table = "expense"\ncurrency = "Dollar"', "currency"),
        ('table = "expense"\ndecimal = "\'"', "decimal"),
        ('table = "patient"\n[columns]\npatient_key = "SSN"', "columns.patient_key"),
        ('table = "patient"\n[columns]\npatient_key = "user_password"', "columns.patient_key"),
        (
            'table = "appointment"\n[columns]\nstarts_at = "a"\nstatus = { from = "b", map = { x = "came" } }',
            "columns.status",
        ),
        ('table = "expense"\n[constants]\namount = 1\nexpense_date = "2025-01-01"', "recognise.columns"),
    ],
)
def test_a_mapping_at_fault_is_refused_by_key_with_a_remedy(text: str, key: str) -> None:
    with pytest.raises(mapped.MappingRefused) as refusal:
        mapped.parse_mapping(text, "m.toml")
    assert refusal.value.key == key
    assert refusal.value.remedy
    assert refusal.value.file == "m.toml"


def test_a_mapping_that_cannot_be_found_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mapped.MappingRefused):
        mapped.load_mapping(tmp_path / "none.toml")


def test_required_fields_and_codes_are_fields_of_their_records() -> None:
    assert set(REQUIRED) == set(RECORD_OF) == set(TABLE_OF.values())
    for table, names in REQUIRED.items():
        assert set(names) <= set(fields_of(table))
    for table, name in CODES:
        assert name in fields_of(table)


SAMPLES = {
    "surveys": {"question": "nps", "score": "9", "scale_min": "0", "scale_max": "10"},
    "invitations": {},
    "reviews": {"rating": "4"},
    "referrals": {"direction": "in", "referrer_kind": "patient"},
    "contacts": {"stage": "lead"},
    "spend": {"channel": "flyers", "kind": "marketing"},
    "staff": {"end_kind": "", "fte": "0.5"},
    "pulses": {"question": "enps", "score": "7", "scale_min": "0", "scale_max": "10"},
    "training": {"hours": "2"},
    "recognition": {},
    "stock": {"kind": "used", "quantity": "-3", "on_hand": "17", "par_level": "40"},
    "people": {"birth_date": "1980-02-03", "preferred_channel": "sms", "texting": "yes"},
    "patients": {"status": "active"},
    "payments": {"payer_kind": "patient"},
    "adjustments": {"kind": "writeoff"},
    "changes": {"component": "C1"},
    "investments": {"component": "C6"},
    "expenses": {},
    "locations": {"zone": "Europe/London"},
}


@pytest.mark.parametrize("name", mapped.TEMPLATES)
def test_a_template_filled_in_is_recognised_and_read_back(tmp_path: Path, name: str) -> None:
    text = mapped.template(name)
    header = text.splitlines()[0].split(",")
    values = {
        column: "2025-03-04"
        if column.endswith(("_date", "_at"))
        else "12.50"
        if column in ("amount", "cost")
        else "EUR"
        if column == "currency"
        else ""
        if column in ("scale_max", "fte", "hours", "end_kind")
        else f"{column}-1"
        for column in header
    } | SAMPLES[name]
    (tmp_path / "filled.csv").write_text(text + ",".join(values[column] for column in header) + "\n")
    (file,) = files_under(tmp_path)
    part = mapped.recognise(file.sample(), settings())
    assert part == name
    assert (
        opendental.recognise(file.sample(), settings()) == openemr.recognise(file.sample(), settings()) == ""
    )
    sink = CollectingSink()
    mapped.read([(file, part)], sink, settings())
    (collected,) = sink.files
    assert (collected.rows_used, collected.rows_refused, collected.rows_ignored) == (1, 0, 1)
    assert sink.findings == []
    assert len(sink.records) == 1


def test_hubspot_and_capsule_contacts_come_without_names_or_mail(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        '"Record ID","First Name","Last Name","Email","Phone Number","Lifecycle Stage","Create Date",'
        '"Original Source","Last Contacted","Last Modified Date"\n'
        '"501","Ada","Exampleson","ada@example.com","555-0100","Customer","2025-03-04 09:30","Organic Search","",'
        '"2025-03-05 10:00"\n'
        '"502","Bo","Sampler","bo@example.com","555-0101","Lead","2025-03-06 09:30","Referrals","2025-03-07 08:00",""\n'
    )
    (tmp_path / "b.csv").write_text(
        "ID,Type,First Name,Last Name,Organisation,Created,Updated,Last Contacted,Email Address,Tags\n"
        "7,Person,Cy,Exampleson,,2025-03-01,2025-03-02,2025-03-02,cy@example.com,vip\n"
        "8,Organisation,,,Example Wellness,2025-03-01,2025-03-02,,,\n"
    )
    sink = CollectingSink()
    for file in files_under(tmp_path):
        part = mapped.recognise(file.sample(), settings())
        mapped.read([(file, part)], sink, settings())
    assert [(r.contact_key, r.stage, r.raw_stage, r.channel) for r in sink.records] == [
        ("501", "patient", "Customer", "Organic Search"),
        ("502", "lead", "Lead", "Referrals"),
        ("7", "", "Person", ""),
        ("8", "partner", "Organisation", ""),
    ]
    assert sink.records[0].created_at == datetime(2025, 3, 4, 9, 30)
    assert not any(w in repr(sink.records) for w in ("Ada", "Exampleson", "example.com", "555"))


def proposal(tmp_path: Path, text: str) -> mapped.ProposedMapping:
    (tmp_path / "unknown.csv").write_text(text)
    (file,) = files_under(tmp_path / "unknown.csv")
    return mapped.propose(file.sample())


def test_a_proposal_is_a_mapping_that_reads_the_file_it_was_made_for(tmp_path: Path) -> None:
    rows = "".join(
        f"A{n},P{n},{day:02}/03/2025 09:00,30,{status},Ada Exampleson,555-010{n % 10},ada{n}@example.com\n"
        for n, (day, status) in enumerate(
            [(3, "Completed"), (14, "No Show"), (25, "Cancelled"), (26, "Confirmed")]
        )
    )
    text = "Appointment ID,Patient ID,Appointment Date,Duration,Status,Patient Name,Phone,Contact\n" + rows
    found = proposal(tmp_path, text)
    assert found.table == "appointment"
    assert {c.column: c.field for c in found.columns} == {
        "Appointment ID": "appointment_id",
        "Patient ID": "patient_key",
        "Appointment Date": "starts_at",
        "Duration": "minutes",
        "Status": "status",
        "Patient Name": "",
        "Phone": "",
        "Contact": "",
    }
    shown = repr(found)
    assert not any(secret in shown for secret in ("Ada", "555-", "example.com", "'P1'"))
    sink = read(tmp_path, found.toml, text)
    assert [r.status for r in sink.records] == ["fulfilled", "noshow", "cancelled", "booked"]
    assert sink.records[1].starts_at == datetime(2025, 3, 14, 9)


def test_a_proposal_asks_what_no_value_can_tell(tmp_path: Path) -> None:
    found = proposal(tmp_path, "Payment Date,Amount,Patient ID\n03/04/2025,12.50,P1\n04/04/2025,13.50,P2\n")
    assert found.table == "payment"
    assert any("Day or month" in question for question in found.questions)
    assert any("currency" in question for question in found.questions)
    assert "# date_formats" in found.toml
    mapped.parse_mapping(found.toml)


def test_a_proposal_for_scores_knows_their_scale(tmp_path: Path) -> None:
    found = proposal(tmp_path, "Submitted,NPS,Comment\n2025-03-04,10,great\n2025-03-05,0,awful\n")
    assert found.table == "survey_response"
    mapping = mapped.parse_mapping(found.toml)
    rules = mapping.blocks[0].rules
    assert (rules["scale_min"].value, rules["scale_max"].value) == (0, 10)
    assert "Comment" not in found.toml


def test_nothing_is_proposed_for_a_table_that_fits_nothing(tmp_path: Path) -> None:
    found = proposal(tmp_path, "height,colour\n1,red\n2,blue\n")
    assert (found.table, found.toml) == ("", "")
    assert found.questions
