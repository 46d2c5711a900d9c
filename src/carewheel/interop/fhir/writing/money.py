"""Claims and their adjudication as R4 resources. Amounts that do not add up are refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from carewheel.interop.fhir.values import Resource
from carewheel.interop.fhir.writing.elements import (
    TERMINOLOGY,
    codeable,
    head,
    missing,
    money,
    payer,
    reference,
    service,
)
from carewheel.interop.records import AdjustmentRecord, ChargeRecord, ClaimRecord
from carewheel.interop.writing import NotWritable

CARC = "https://x12.org/codes/claim-adjustment-reason-codes"
HL7 = f"{TERMINOLOGY}adjudication"
CARIN = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication"
# The adjudication category of each kind of adjustment; a patient's share by its reason (CARC 1, 2, 3).
_CATEGORY = {"contractual": ("discount", CARIN), "denial": ("noncovered", CARIN)}
_SHARE = {"1": ("deductible", HL7), "2": ("coinsurance", CARIN), "3": ("copay", HL7)}
# FHIR's words for the kinds of claim that X12 and practice systems name otherwise.
_TYPE = {"dental": "oral"}
_TYPES = frozenset(("institutional", "oral", "pharmacy", "professional", "vision"))
_VOID = frozenset(("cancelled", "entered-in-error"))


def claim(
    record: ClaimRecord, lines: Sequence[ChargeRecord], *, coverage: str, replaces: str = ""
) -> Resource:
    """Claim with the id ``claim_id``, its items numbered from 1 in the order of ``lines``.

    It comes from the Organization ``location_id`` with the practitioner in its care team; without a location, from the
    practitioner. ``coverage``: id of the Coverage; ``replaces``: id of the claim that this one corrects. A claim that is
    void reads back without charges. Dental is FHIR's oral. Raises `NotWritable` where the lines do not add up to the
    amount, currencies differ, or the kind, the day submitted, the patient or who asks is missing.

    >>> asked = ClaimRecord(claim_id="c1", patient_key="p1", location_id="L1", kind="professional", status="submitted",
    ...     currency="USD", submitted_date=date(2025, 3, 4))
    >>> claim(asked, [ChargeRecord(code="99213", code_system="CPT", amount=Decimal("90.5"))], coverage="k1")["total"]
    {'value': 90.5, 'currency': 'USD'}
    """
    resource = head("Claim", record.claim_id, record.recorded_at)
    _asked(resource, record, _claim_status(record), record.submitted_date)
    resource["priority"] = codeable("normal", f"{TERMINOLOGY}processpriority")
    if record.payer_id or record.payer_name:
        resource["insurer"] = payer(record.payer_id, record.payer_name, "Claim")
    if replaces:
        resource["related"] = [{"claim": reference("Claim", replaces)}]
    resource["insurance"] = [{"sequence": 1, "focal": True, "coverage": reference("Coverage", coverage)}]
    if lines:
        resource["item"] = [_item(i, line, record) for i, line in enumerate(lines, 1)]
    total = _sum(lines)
    if record.amount is not None:
        if lines and total != record.amount:
            raise _unbalanced("a claim's lines do not add up to its amount")
        total = record.amount
    resource["total"] = money(total, record.currency)
    return resource


def explanation_of_benefit(
    identifier: str,
    record: ClaimRecord,
    lines: Sequence[tuple[ChargeRecord, Sequence[AdjustmentRecord]]],
    *,
    paid: Decimal,
    created: date,
    coverage: str,
    paid_date: date | None = None,
) -> Resource:
    """ExplanationOfBenefit: the payer's answer to a claim, each line with its adjustments.

    Of each line the adjustments are taken off what was asked; the rest is the benefit, and the benefits must add up to
    ``paid``. Adjustments are contractual, patient_share or denial, with their reason (CARC). ``created``: day of the
    answer; ``paid_date``: day of the payment, where another. Raises `NotWritable` where amounts do not add up, currencies
    differ, or for another kind of adjustment.

    >>> asked = ClaimRecord(claim_id="c1", patient_key="p1", location_id="L1", kind="oral", payer_name="Invented Health",
    ...     currency="USD")
    >>> less = AdjustmentRecord(kind="contractual", reason_code="45", amount=Decimal(20))
    >>> answer = explanation_of_benefit("e1", asked, [(ChargeRecord(code="D0120", amount=Decimal(80)), [less])],
    ...     paid=Decimal(60), created=date(2025, 3, 20), coverage="k1")
    >>> answer["payment"]["amount"], answer["item"][0]["adjudication"][1]["reason"]["coding"][0]["code"]
    ({'value': 60.0, 'currency': 'USD'}, '45')
    """
    resource = head("ExplanationOfBenefit", identifier, record.recorded_at)
    _asked(resource, record, "cancelled" if _claim_status(record) in _VOID else "active", created)
    resource["insurer"] = payer(record.payer_id, record.payer_name, "ExplanationOfBenefit")
    resource["claim"] = reference("Claim", record.claim_id)
    resource["outcome"] = "complete"
    resource["insurance"] = [{"focal": True, "coverage": reference("Coverage", coverage)}]
    items, benefits = [], Decimal(0)
    for number, (line, adjustments) in enumerate(lines, 1):
        item = _item(number, line, record)
        benefit = _sum([line]) - sum((_amount(one) for one in adjustments), Decimal(0))
        benefits += benefit
        item["adjudication"] = [
            {"category": codeable("submitted", HL7), "amount": item["net"]},
            *(_adjustment(one, record.currency) for one in adjustments),
            {"category": codeable("benefit", HL7), "amount": money(benefit, record.currency)},
        ]
        items.append(item)
    if benefits != paid:
        raise _unbalanced("what was asked less the adjustments is not what was paid")
    if items:
        resource["item"] = items
    asked = money(_sum([line for line, _ in lines]), record.currency)
    amount = money(paid, record.currency)
    resource["total"] = [
        {"category": codeable("submitted", HL7), "amount": asked},
        {"category": codeable("benefit", HL7), "amount": amount},
    ]
    resource["payment"] = {"amount": amount}
    if paid_date is not None:
        resource["payment"]["date"] = paid_date.isoformat()
    return resource


def _asked(resource: Resource, record: ClaimRecord, status: str, created: date | None) -> None:
    """What a claim and its answer say alike."""
    kind = resource["resourceType"]
    if created is None:
        raise missing(kind, "the day on which it was made")
    if not record.kind:
        raise missing(kind, "a kind of claim")
    code = _TYPE.get(record.kind, record.kind)
    resource["status"] = status
    resource["type"] = codeable(code, f"{TERMINOLOGY}claim-type" if code in _TYPES else "")
    resource["use"] = "predetermination" if record.is_predetermination else "claim"
    resource["patient"] = reference("Patient", record.patient_key)
    if record.service_date is not None:
        resource["billablePeriod"] = {"start": record.service_date.isoformat()}
    resource["created"] = created.isoformat()
    if record.location_id:
        resource["provider"] = reference("Organization", record.location_id)
    elif record.provider_key:
        resource["provider"] = reference("Practitioner", record.provider_key)
    else:
        raise missing(kind, "a location or a practitioner")
    if record.provider_key:
        member = {"sequence": 1, "provider": reference("Practitioner", record.provider_key)}
        resource["careTeam"] = [member]


def _claim_status(record: ClaimRecord) -> str:
    if record.status == "cancelled":
        return record.raw_status if record.raw_status in _VOID else "cancelled"
    return "draft" if record.status == "draft" else "active"


def _item(number: int, line: ChargeRecord, record: ClaimRecord) -> Resource:
    if line.currency not in ("", record.currency):
        raise _unbalanced("a line is in another currency than its claim")
    item: Resource = {
        "sequence": number,
        "productOrService": service(line.code, line.code_system),
        "net": money(line.amount, record.currency),
    }
    if line.service_date is not None:
        item["servicedDate"] = line.service_date.isoformat()
    if line.quantity is not None:
        item["quantity"] = {"value": line.quantity}
    if line.appointment_id:
        item["encounter"] = [reference("Encounter", line.appointment_id)]
    return item


def _adjustment(one: AdjustmentRecord, currency: str) -> Resource:
    if one.kind == "patient_share":
        # Any other reason why a patient has to pay goes by the widest of the three words.
        code, system = _SHARE.get(one.reason_code, _SHARE["2"])
    elif one.kind in _CATEGORY:
        code, system = _CATEGORY[one.kind]
    else:
        raise NotWritable(
            "unknown-adjustment",
            "An adjustment is neither contractual nor a patient's share nor a denial.",
            "Leave it to the ledger: it is no part of an adjudication.",
        )
    if one.currency not in ("", currency):
        raise _unbalanced("an adjustment is in another currency than its claim")
    entry: Resource = {"category": codeable(code, system)}
    if one.reason_code:
        entry["reason"] = codeable(one.reason_code, CARC)
    entry["amount"] = money(one.amount, currency)
    return entry


def _amount(one: ChargeRecord | AdjustmentRecord) -> Decimal:
    if one.amount is None:
        raise missing("Claim", "an amount on every line and adjustment")
    return one.amount


def _sum(lines: Sequence[ChargeRecord]) -> Decimal:
    return sum((_amount(line) for line in lines), Decimal(0))


def _unbalanced(rule: str) -> NotWritable:
    return NotWritable(
        "not-balanced", f"The amounts do not agree: {rule}.", "Correct them where they come from."
    )
