"""Claims, their adjudication and payment, invoices.

Charges of a claim are its lines where they add up to its total, else the total as one charge: money is never repaired.
An ExplanationOfBenefit that refers to a Claim brings no charges of its own, so that none is counted twice.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from carewheel.interop.fhir.people import updated
from carewheel.interop.fhir.values import Known, Resource, codes, coding, day, money, word
from carewheel.interop.records import (
    AdjustmentRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    PaymentRecord,
    Record,
)

NOT_CLAIMS = ("preauthorization", "predetermination")
# Adjudication categories (HL7 adjudication, CARIN C4BB) to kinds of adjustment.
ADJUSTMENT_KIND = {
    "deductible": "patient_share",
    "copay": "patient_share",
    "coinsurance": "patient_share",
    "discount": "contractual",
    "contractual": "contractual",
    "noncovered": "denial",
}
REASON_SYSTEM = "claim-adjustment-reason"


def claim(resource: Resource, known: Known) -> list[Record]:
    """Claim: what was asked for."""
    return _claim(resource, known, str(resource["id"]))


def _claim(resource: Resource, known: Known, claim_id: str) -> list[Record]:
    estimate = resource.get("use") in NOT_CLAIMS
    total, currency = money(
        resource.get("total") if isinstance(resource.get("total"), dict) else _submitted(resource)
    )
    service = day((resource.get("billablePeriod") or {}).get("start"))
    patient = known.reference(resource.get("patient"), "Patient")
    provider = known.reference(resource.get("provider"), "Practitioner")
    place = known.reference(resource.get("provider"), "Organization")
    status = word(resource.get("status"))
    void = status in ("cancelled", "entered-in-error")
    insurer = resource.get("insurer") or {}
    frequency = "resubmitted" if resource.get("related") else "submitted"
    records: list[Record] = [
        ClaimRecord(
            source_id=claim_id,
            recorded_at=updated(resource),
            location_id=place,
            currency=currency,
            claim_id=claim_id,
            patient_key=patient,
            provider_key=provider,
            payer_id=known.reference(insurer, "Organization"),
            payer_name=word(insurer.get("display")),
            kind=coding(resource.get("type"))[0],
            status="cancelled" if void else "draft" if status == "draft" else "submitted",
            raw_status=status,
            amount=total,
            service_date=service,
            submitted_date=day(resource.get("created")),
            is_predetermination=estimate,
        )
    ]
    if status != "draft":
        records.append(
            ClaimEventRecord(
                source_id=f"{claim_id}|{frequency}",
                recorded_at=updated(resource),
                location_id=place,
                currency=currency,
                claim_id=claim_id,
                event=frequency,
                raw_event=status,
                amount=total,
                is_predetermination=estimate,
                event_date=day(resource.get("created")),
                service_date=service,
            )
        )
    if not estimate:
        records += [
            ChargeRecord(
                source_id=f"{claim_id}|{number}",
                recorded_at=updated(resource),
                location_id=place,
                currency=currency,
                claim_id=claim_id,
                appointment_id=visit,
                patient_key=patient,
                provider_key=provider,
                code=code,
                code_system=system,
                amount=Decimal(0) if void else amount,
                service_date=on or service,
            )
            for number, amount, code, system, on, visit in _lines(resource, known, total)
        ]
    return records


_Line = tuple[str, Decimal, str, str, date | None, str]


def _lines(resource: Resource, known: Known, total: Decimal | None) -> list[_Line]:
    """(number, amount, code, system, day, visit) of each line with a net amount; the whole if the lines do not add up."""
    lines: list[_Line] = []
    visits = set()
    for item in resource.get("item") or ():
        net, _ = money(item.get("net"))
        visit = known.reference((item.get("encounter") or [None])[0], "Encounter")
        visits.add(visit)
        if net is not None:
            code, system = coding(item.get("productOrService"))
            on = day(item.get("servicedDate") or (item.get("servicedPeriod") or {}).get("start"))
            lines.append((str(item.get("sequence", "")), net, code, system.rsplit("/", 1)[-1], on, visit))
    if total is None or (lines and sum(line[1] for line in lines) == total):
        return lines
    visits.discard("")
    return [("total", total, "", "", None, visits.pop() if len(visits) == 1 else "")]


def _submitted(resource: Resource) -> Any:
    """The submitted amount among the totals of an ExplanationOfBenefit."""
    for entry in resource.get("total") or ():
        if "submitted" in codes(entry.get("category")):
            return entry.get("amount")
    return None


def claim_response(resource: Resource, known: Known) -> list[Record]:
    """ClaimResponse: the payer's answer and payment."""
    return _adjudicated(
        resource, known, known.reference(resource.get("request"), "Claim") or f"r{resource['id']}"
    )


def explanation_of_benefit(resource: Resource, known: Known) -> list[Record]:
    """ExplanationOfBenefit: the payer's answer and payment; the claim too where no Claim is referred to."""
    claim_id = known.reference(resource.get("claim"), "Claim")
    if claim_id:
        return _adjudicated(resource, known, claim_id)
    claim_id = f"eob-{resource['id']}"
    return _claim(resource, known, claim_id) + _adjudicated(resource, known, claim_id)


def _adjudicated(resource: Resource, known: Known, claim_id: str) -> list[Record]:
    estimate = resource.get("use") in NOT_CLAIMS
    identifier = str(resource["id"])
    insurer = resource.get("insurer") or {}
    paid, currency = money((resource.get("payment") or {}).get("amount"))
    # The day of payment where it is stated, else the day of the adjudication that announces it.
    posted = day((resource.get("payment") or {}).get("date")) or day(resource.get("created"))
    service = day((resource.get("billablePeriod") or {}).get("start"))
    patient = known.reference(resource.get("patient"), "Patient")
    payer_id, payer_name = known.reference(insurer, "Organization"), word(insurer.get("display"))
    adjustments = [] if estimate else list(_adjustments(resource, claim_id, identifier, posted, service))
    # Paid something: not denied. Paid nothing: the adjudication says why, or nobody knows.
    denied = None if paid is None else paid == 0 and any(a.kind == "denial" for a in adjustments)
    if paid == 0 and not adjustments:
        denied = None
    records: list[Record] = [
        ClaimEventRecord(
            source_id=f"{identifier}|adjudicated",
            recorded_at=updated(resource),
            currency=currency,
            claim_id=claim_id,
            event="adjudicated",
            raw_event=word(resource.get("outcome")),
            payer_id=payer_id,
            payer_name=payer_name,
            payer_claim_id=identifier,
            paid_amount=paid,
            is_denial=denied,
            is_predetermination=estimate,
            event_date=day(resource.get("created")),
            service_date=service,
        )
    ]
    if paid is not None and not estimate:
        records.append(
            PaymentRecord(
                source_id=identifier,
                recorded_at=updated(resource),
                currency=currency,
                claim_id=claim_id,
                patient_key=patient,
                payer_id=payer_id,
                payer_name=payer_name,
                payer_kind="insurer",
                amount=Decimal(0) if resource.get("status") in ("cancelled", "entered-in-error") else paid,
                posted_date=posted,
                service_date=service,
            )
        )
    return [*records, *adjustments]


def _adjustments(
    resource: Resource, claim_id: str, identifier: str, posted: date | None, service: date | None
) -> list[AdjustmentRecord]:
    found: list[AdjustmentRecord] = []
    for item in resource.get("item") or ():
        for i, entry in enumerate(item.get("adjudication") or ()):
            kind = next(
                (ADJUSTMENT_KIND[c] for c in codes(entry.get("category")) if c in ADJUSTMENT_KIND), ""
            )
            amount, currency = money(entry.get("amount"))
            if kind and amount:
                reason, system = coding(entry.get("reason"))
                found.append(
                    AdjustmentRecord(
                        source_id=f"{identifier}|{item.get('sequence', '')}|{i}",
                        currency=currency,
                        claim_id=claim_id,
                        kind=kind,
                        reason_code=reason if REASON_SYSTEM in system.lower() else "",
                        code=coding(item.get("productOrService"))[0],
                        amount=amount,
                        posted_date=posted,
                        service_date=service,
                    )
                )
    return found


def charge_item(resource: Resource, known: Known) -> list[Record]:
    """ChargeItem: a charge where its price is stated (priceOverride × quantity)."""
    price, currency = money(resource.get("priceOverride"))
    if price is None:
        return []
    quantity = (resource.get("quantity") or {}).get("value", 1)
    code, system = coding(resource.get("code"))
    occurred = resource.get("occurrenceDateTime") or (resource.get("occurrencePeriod") or {}).get("start")
    return [
        ChargeRecord(
            source_id=f"ChargeItem/{resource['id']}",
            recorded_at=updated(resource),
            location_id=known.reference(resource.get("performingOrganization"), "Organization"),
            currency=currency,
            appointment_id=known.reference(resource.get("context"), "Encounter"),
            patient_key=known.reference(resource.get("subject"), "Patient"),
            code=code,
            code_system=system.rsplit("/", 1)[-1],
            amount=price * Decimal(repr(quantity)),
            quantity=float(quantity),
            service_date=day(occurred) or day(resource.get("enteredDate")),
        )
    ]


def invoice(resource: Resource, known: Known) -> list[Record]:
    """Invoice: lines that are not ChargeItems elsewhere (those bring their own charge)."""
    if resource.get("status") in ("draft", "cancelled", "entered-in-error"):
        return []
    records: list[Record] = []
    for i, line in enumerate(resource.get("lineItem") or ()):
        if line.get("chargeItemReference"):
            continue
        for component in line.get("priceComponent") or ():
            amount, currency = money(component.get("amount"))
            if component.get("type") == "base" and amount is not None:
                records.append(
                    ChargeRecord(
                        source_id=f"Invoice/{resource['id']}/{line.get('sequence', i + 1)}",
                        recorded_at=updated(resource),
                        location_id=known.reference(resource.get("issuer"), "Organization"),
                        currency=currency,
                        patient_key=known.reference(resource.get("subject"), "Patient"),
                        code=coding(line.get("chargeItemCodeableConcept"))[0],
                        amount=amount,
                        service_date=day(resource.get("date")),
                    )
                )
    return records
