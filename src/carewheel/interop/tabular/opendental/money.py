"""Procedures, claims and money of Open Dental.

A completed procedure is a charge of ProcFee × (UnitQty + BaseUnits, at least 1). Money received is paysplit (patients)
and claimproc.InsPayAmt of status 1 and 4 (insurers); its WriteOff is contractual. A negative adjustment lowers what is
owed, so its sign is turned. A charge withdrawn after an earlier export (deleted, or set back to planned) becomes a
version with amount 0. A claim's id is ClaimIdentifier, which Open Dental sends as CLM01, else ``od:`` and its number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from carewheel.interop.files import FileSink
from carewheel.interop.records import (
    AdjustmentRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    PaymentRecord,
    ProcedureRecord,
    Record,
)
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.opendental.lookups import Claim, Lookups
from carewheel.interop.tabular.opendental.missed import REASON_OF_CODE, Missed
from carewheel.interop.tabular.opendental.visits import code_only
from carewheel.interop.tabular.values import ValueRefused

_PROCEDURE_STATUS = {
    "1": "planned",
    "2": "completed",
    "3": "existing",
    "4": "existing",
    "5": "referred",
    "6": "entered-in-error",
    "8": "inactive",
}
_CLAIM_STATUS = {
    "U": "created",
    "H": "created",
    "W": "created",
    "I": "created",
    "S": "submitted",
    "R": "adjudicated",
}
_NOT_MONEY = {
    "0": "insurance not received yet",
    "2": "estimate of a predetermination",
    "3": "adjustment of benefits, not money",
    "6": "estimate",
    "8": "estimate of capitation",
    "9": "insurance history, not money",
}
_RECEIVED = ("1", "4")
_CAPITATION = ("5", "7")
_ZERO = Decimal(0)
_WRITTEN_OFF = re.compile(r"write.?off|bad debt|collection|uncollect", re.I)
_INTEREST = re.compile(r"interest|finance|late|billing charge", re.I)


def procedure(
    cells: Cells, lookups: Lookups, missed: Missed, sink: FileSink, has_adjustments: bool
) -> Outcome:
    """One row of procedurelog: a procedure, its charge if completed, and its discount if nothing else tells of it."""
    raw = cells.text("ProcStatus")
    quantity, fee = _quantity(cells), cells.money("ProcFee") or _ZERO
    amount = fee * quantity
    if raw == "2":
        sink.tally("charges", amount)
    number, code = cells.needed("ProcNum"), lookups.code(cells)
    if raw == "7":
        return "condition, not a treatment"
    if raw not in _PROCEDURE_STATUS:
        raise ValueRefused("opendental.bad-status", "ProcStatus is not a known code.", "Export the raw code.")
    day, recorded = cells.date("ProcDate"), cells.moment("DateTStamp")
    location, patient, provider = cells.key("ClinicNum"), cells.key("PatNum"), cells.key("ProvNum")
    appointment = cells.key("AptNum")
    claim = lookups.claim_of_procedure(number)
    records: list[Record] = []
    if code in REASON_OF_CODE:
        visit = code_only(number, missed) if raw == "2" else None
        records += [visit] if visit else []
    else:
        records.append(
            ProcedureRecord(
                source_id=number,
                recorded_at=recorded,
                location_id=location,
                procedure_id=number,
                patient_key=patient,
                provider_key=provider,
                appointment_id=appointment or cells.key("PlannedAptNum"),
                claim_id=claim.claim_id,
                code=code,
                code_system=_system(code),
                status=_PROCEDURE_STATUS[raw],
                raw_status=raw,
                planned_date=cells.date("DateTP"),
                performed_date=day if raw in ("2", "6") else None,
                fee=amount,
                quantity=float(quantity),
            )
        )
    # Completed once, withdrawn later: the charge of an earlier export must not stay.
    withdrawn = raw == "6" or (raw in ("1", "8") and cells.date("DateComplete") is not None)
    charged = raw == "2" and (amount or code not in REASON_OF_CODE)
    if charged or withdrawn:
        if day is None:
            raise ValueRefused("opendental.no-date", "ProcDate is empty.", "Check the procedure.")
        records.append(
            ChargeRecord(
                source_id=number,
                recorded_at=recorded,
                location_id=location,
                claim_id=claim.claim_id,
                appointment_id=appointment,
                patient_key=patient,
                provider_key=provider,
                payer_id=claim.payer_id,
                code=code,
                code_system=_system(code),
                amount=amount if charged else _ZERO,
                quantity=float(quantity),
                service_date=day,
            )
        )
    discount = cells.money("Discount")
    # On completion Open Dental itself writes the discount into the adjustment table: never count it twice.
    if raw == "2" and discount and not has_adjustments:
        records.append(
            AdjustmentRecord(
                source_id=f"{number}-discount",
                recorded_at=recorded,
                location_id=location,
                claim_id=claim.claim_id,
                patient_key=patient,
                kind="discount",
                code=code,
                amount=discount,
                posted_date=day,
                service_date=day,
            )
        )
    return records


def claim(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of the claim table: the claim as it stands, and its events."""
    number = cells.needed("ClaimNum")
    kind, raw = cells.text("ClaimType"), cells.text("ClaimStatus")
    payer_id, payer_name = lookups.payer(cells.key("PlanNum"))
    identifier = cells.text("ClaimIdentifier") or f"od:{number}"
    estimate = kind == "PreAuth"
    lookups.claims[number] = Claim(identifier, kind in ("P", ""), estimate, payer_id, payer_name)
    if raw not in _CLAIM_STATUS:
        raise ValueRefused(
            "opendental.bad-status", "ClaimStatus is not a known code.", "Export the raw code."
        )
    recorded, location = cells.moment("SecDateTEdit"), cells.key("ClinicNum")
    fee, paid, day = cells.money("ClaimFee"), cells.money("InsPayAmt"), cells.date("DateService")
    received = cells.date("DateReceived") if raw == "R" else None
    first, last = cells.date("DateSentOrig"), cells.date("DateSent")
    sent = (first or last) if raw in ("S", "R") else None
    records: list[Record] = [
        ClaimRecord(
            source_id=number,
            recorded_at=recorded,
            location_id=location,
            claim_id=identifier,
            patient_key=cells.key("PatNum"),
            provider_key=cells.key("ProvTreat"),
            payer_id=payer_id,
            payer_name=payer_name,
            kind="dental",
            frequency=cells.text("CorrectionType"),
            status=_CLAIM_STATUS[raw],
            raw_status=raw,
            amount=fee,
            paid_amount=paid if raw == "R" else None,
            service_date=day,
            submitted_date=sent,
            closed_date=received,
            is_predetermination=estimate,
        )
    ]
    event = ClaimEventRecord(
        recorded_at=recorded,
        location_id=location,
        claim_id=identifier,
        payer_id=payer_id,
        payer_name=payer_name,
        payer_sequence=kind if kind in ("P", "S") else "",
        amount=fee,
        is_predetermination=estimate,
        service_date=day,
    )
    dates = (
        ("created", cells.date("SecDateEntry"), "SecDateEntry"),
        ("submitted", sent, "DateSent"),
        ("resubmitted", cells.date("DateResent"), "DateResent"),
    )
    for name, when, column in dates:
        if when is not None:
            records.append(
                event._replace(source_id=f"{number}-{name}", event=name, raw_event=column, event_date=when)
            )
    if received is not None:
        deductible, write_off = cells.money("DedApplied"), cells.money("WriteOff")
        # Nothing paid, nothing to the deductible and not all written off: the payer said no.
        denied = None
        if paid is not None and deductible is not None and fee and not estimate:
            denied = not paid and not deductible and (write_off or _ZERO) < fee
        records.append(
            event._replace(
                source_id=f"{number}-adjudicated",
                event="adjudicated",
                raw_event=raw,
                paid_amount=paid,
                is_denial=denied,
                event_date=received,
            )
        )
    return records


def claimproc(cells: Cells, lookups: Lookups, sink: FileSink) -> Outcome:
    """One row of claimproc: what an insurer paid and wrote off for a procedure."""
    status = cells.text("Status")
    paid = cells.money("InsPayAmt") or _ZERO
    if status in _RECEIVED and paid:
        sink.tally("collections", paid)
    number, claim_number, procedure_number = (
        cells.needed("ClaimProcNum"),
        cells.key("ClaimNum"),
        cells.key("ProcNum"),
    )
    if claim_number and procedure_number and status not in ("2", "6", "8", "9"):
        known = lookups.claim(claim_number)
        if not known.is_predetermination:
            pairs = lookups.primary if known.is_primary else lookups.secondary
            pairs.add(procedure_number, claim_number)
    if status in _NOT_MONEY:
        return _NOT_MONEY[status]
    if status not in _RECEIVED + _CAPITATION:
        raise ValueRefused("opendental.bad-status", "Status is not a known code.", "Export the raw code.")
    of_claim = lookups.claim(claim_number)
    batch = cells.key("ClaimPaymentNum")
    if batch:
        lookups.paid_by_check[batch] = lookups.paid_by_check.get(batch, _ZERO) + paid
    posted, recorded = cells.date("DateCP"), cells.moment("SecDateTEdit")
    location, patient = cells.key("ClinicNum"), cells.key("PatNum")
    write_off, day = cells.money("WriteOff"), cells.date("ProcDate")
    if posted is None:
        raise ValueRefused("opendental.no-date", "DateCP is empty.", "Check the claim procedure.")
    records: list[Record] = []
    if status in _RECEIVED:
        records.append(
            PaymentRecord(
                source_id=f"claimproc:{number}",
                recorded_at=recorded,
                location_id=location,
                claim_id=of_claim.claim_id,
                patient_key=patient,
                provider_key=cells.key("ProvNum"),
                payer_id=of_claim.payer_id,
                payer_name=of_claim.payer_name,
                payer_kind="insurer",
                method="transfer" if cells.flag("IsTransfer") else "",
                amount=paid,
                posted_date=posted,
                service_date=day,
                is_reversal=paid < 0,
                batch_id=batch,
            )
        )
    if write_off is not None:
        records.append(
            AdjustmentRecord(
                source_id=f"claimproc:{number}",
                recorded_at=recorded,
                location_id=location,
                claim_id=of_claim.claim_id,
                patient_key=patient,
                payer_id=of_claim.payer_id,
                payer_name=of_claim.payer_name,
                kind="contractual",
                reason_code=cells.text("ClaimAdjReasonCodes"),
                amount=write_off,
                posted_date=posted,
                service_date=day,
            )
        )
    return records


def paysplit(cells: Cells, sink: FileSink) -> Outcome:
    """One row of paysplit: money of a patient."""
    return _patient_money(cells, sink, "SplitNum", "SplitAmt", "DatePay", "paysplit")


def payment(cells: Cells, sink: FileSink, has_splits: bool) -> Outcome:
    """One row of payment: counted only where the export has no paysplit, which divides it."""
    if has_splits:
        return "counted from paysplit"
    return _patient_money(cells, sink, "PayNum", "PayAmt", "PayDate", "payment")


def adjustment(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of the adjustment table; a negative AdjAmt lowers what is owed."""
    number, kind = cells.needed("AdjNum"), cells.key("AdjType")
    amount, posted = cells.money("AdjAmt"), cells.date("AdjDate")
    if amount is None or posted is None:
        raise ValueRefused("opendental.no-amount", "AdjAmt or AdjDate is empty.", "Check the adjustment.")
    name = lookups.definitions.get(kind, ("", ""))[0]
    if amount < 0:
        canonical = "writeoff" if _WRITTEN_OFF.search(name) else "discount"
    else:
        canonical = "interest" if _INTEREST.search(name) else "other"
    return (
        AdjustmentRecord(
            source_id=f"adjustment:{number}",
            recorded_at=cells.moment("SecDateTEdit"),
            location_id=cells.key("ClinicNum"),
            claim_id=lookups.claim_of_procedure(cells.key("ProcNum")).claim_id,
            patient_key=cells.key("PatNum"),
            kind=canonical,
            code=kind,
            amount=-amount,
            posted_date=posted,
            service_date=cells.date("ProcDate"),
        ),
    )


def _patient_money(
    cells: Cells, sink: FileSink, key: str, amount_in: str, date_in: str, prefix: str
) -> Outcome:
    amount = cells.money(amount_in)
    if amount is not None:
        sink.tally("collections", amount)
    number, posted = cells.needed(key), cells.date(date_in)
    if amount is None or posted is None:
        raise ValueRefused(
            "opendental.no-amount", f"{amount_in} or {date_in} is empty.", "Check the payment."
        )
    return (
        PaymentRecord(
            source_id=f"{prefix}:{number}",
            recorded_at=cells.moment("SecDateTEdit"),
            location_id=cells.key("ClinicNum"),
            patient_key=cells.key("PatNum"),
            provider_key=cells.key("ProvNum"),
            payer_kind="patient",
            amount=amount,
            posted_date=posted,
            service_date=cells.date("ProcDate"),
            is_reversal=amount < 0,
            batch_id=cells.key("PayNum"),
        ),
    )


@lru_cache(4096)
def _system(code: str) -> str:
    return "CDT" if re.fullmatch(r"D\d{4}", code) else ""


def _quantity(cells: Cells) -> int:
    units = (cells.number("UnitQty") or 0) + (cells.number("BaseUnits") or 0)
    return max(1, int(units))
