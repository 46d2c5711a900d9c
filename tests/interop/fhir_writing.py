"""FHIR resources written, checked against R4 and read back; and the records of one visit that the tests write."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jsonschema import Draft6Validator
from tests.interop.collecting import CollectingSink

from carewheel.interop import fhir
from carewheel.interop.fhir import writing as w
from carewheel.interop.files import Finding, ReadSettings, find_files
from carewheel.interop.records import AdjustmentRecord, AppointmentRecord, ChargeRecord, ClaimRecord

SETTINGS = ReadSettings(today=date(2026, 1, 1))
CHICAGO = ZoneInfo("America/Chicago")
SCHEMA = json.loads(
    gzip.decompress((Path(__file__).parent / "excerpts" / "fhir" / "r4.schema.json.gz").read_bytes())
)
# Elements with a least cardinality of 1 in R4's definitions that the schema does not ask for.
REQUIRED = {
    "Appointment": ("status",),
    "Appointment.participant": ("status", "actor"),
    "Claim": ("status", "use", "created"),
    "Claim.insurance": ("sequence", "focal", "coverage"),
    "Claim.item": ("sequence",),
    "Claim.careTeam": ("sequence", "provider"),
    "Coverage": ("status",),
    "Encounter": ("status",),
    "Encounter.statusHistory": ("status",),
    "Encounter.location": ("location",),
    "ExplanationOfBenefit": ("status", "use", "created", "outcome"),
    "ExplanationOfBenefit.insurance": ("focal", "coverage"),
    "ExplanationOfBenefit.item": ("sequence",),
    "ExplanationOfBenefit.careTeam": ("sequence", "provider"),
    "ExplanationOfBenefit.total": ("category", "amount"),
    "Organization": ("name",),
    "Procedure": ("status",),
    "Procedure.performer": ("actor",),
    "Slot": ("status", "start", "end"),
}
STATUSES = {
    "Claim": {"active", "cancelled", "draft", "entered-in-error"},
    "ExplanationOfBenefit": {"active", "cancelled", "draft", "entered-in-error"},
    "Coverage": {"active", "cancelled", "draft", "entered-in-error"},
}
_VALIDATORS: dict[str, Draft6Validator] = {}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def check(resource: dict[str, Any]) -> None:
    """HL7's schema, the cardinalities that it leaves out, and R4's rule that nothing is empty."""
    kind = resource["resourceType"]
    if kind not in _VALIDATORS:
        _VALIDATORS[kind] = Draft6Validator(
            {"$ref": f"#/definitions/{kind}", "definitions": SCHEMA["definitions"]}
        )
    errors = [
        f"{'.'.join(map(str, e.path))}: {e.message}"[:300] for e in _VALIDATORS[kind].iter_errors(resource)
    ]
    assert not errors, errors
    for path, names in REQUIRED.items():
        owner, _, inner = path.partition(".")
        if owner == kind:
            for element in resource.get(inner, []) if inner else [resource]:
                assert all(name in element for name in names), (path, names)
    assert resource.get("status", "active") in STATUSES.get(kind, {resource.get("status", "active")})

    def walk(value: Any) -> None:
        assert value not in ("", [], {}, None), (kind, value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(inner)

    walk(resource)


def written_and_read(folder: Path, *resources: dict[str, Any]) -> CollectingSink:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        check(resource)
        by_kind.setdefault(resource["resourceType"], []).append(resource)
    counts = w.write_ndjson(folder, by_kind)
    assert counts == {kind: len(those) for kind, those in by_kind.items()}
    sink, files = CollectingSink(), []
    for found in find_files(folder):
        assert not isinstance(found, Finding)
        files.append((found, fhir.recognise(found.sample(), SETTINGS)))
    assert sorted(part for _, part in files) == sorted(by_kind)
    fhir.read(files, sink, SETTINGS)
    assert not sink.findings
    assert sum(f.rows_used for f in sink.files) == len(resources)
    return sink


STAMP = at("2025-03-05T08:00:00+00:00")


def booked(**more: Any) -> AppointmentRecord:
    record = AppointmentRecord(
        source_id="Appointment/a1", recorded_at=STAMP, location_id="L1", appointment_id="a1", basis="appointment",
        patient_key="p1", provider_key="D1", visit_type="CHECKUP", status="fulfilled", raw_status="fulfilled",
        starts_at=at("2025-03-03T09:00:00-06:00"), ends_at=at("2025-03-03T09:30:00-06:00"), minutes=30.0,
        booked_at=at("2025-02-01T12:00:00-06:00"),
    )  # fmt: skip
    return record._replace(**more)


def asked(**more: Any) -> ClaimRecord:
    record = ClaimRecord(
        source_id="c1", recorded_at=STAMP, location_id="L1", currency="USD", claim_id="c1", patient_key="p1",
        payer_id="PAY1", payer_name="Invented Health", kind="oral", status="submitted", raw_status="active",
        amount=Decimal("200.20"), service_date=date(2025, 3, 3), submitted_date=date(2025, 3, 4),
        is_predetermination=False,
    )  # fmt: skip
    return record._replace(**more)


def charge(number: int, amount: str, **more: Any) -> ChargeRecord:
    record = ChargeRecord(
        source_id=f"c1|{number}", recorded_at=STAMP, location_id="L1", currency="USD", claim_id="c1",
        appointment_id="a1", patient_key="p1", code="D0120", code_system="cdt", amount=Decimal(amount),
        service_date=date(2025, 3, 3),
    )  # fmt: skip
    return record._replace(**more)


LINES = [charge(1, "120.10"), charge(2, "80.10", code="D1110", service_date=date(2025, 3, 4))]


def less(kind: str, reason: str, amount: str) -> AdjustmentRecord:
    return AdjustmentRecord(kind=kind, reason_code=reason, amount=Decimal(amount), currency="USD")


def answer(paid: str, *adjustments: list[AdjustmentRecord], **more: Any) -> dict[str, Any]:
    lines = list(zip(LINES, adjustments, strict=True))
    return w.explanation_of_benefit(
        "e1", asked(), lines, paid=Decimal(paid), created=date(2025, 3, 20), coverage="k1", **more
    )
