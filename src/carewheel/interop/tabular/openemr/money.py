"""Billing, claims and accounts receivable of OpenEMR.

A billing line's fee is that of all its units. A line or posting that was deleted after an earlier export becomes a version
with amount 0. Money is what ar_activity posts to encounters (ar_session says by whom); what a session has not
distributed yet is not counted. Of a claim's versions the latest counts; each billing of it is an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from carewheel.interop.files import FileSink, Held
from carewheel.interop.records import (
    AdjustmentRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    PaymentRecord,
    Record,
)
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.openemr.visits import Flow
from carewheel.interop.tabular.values import ValueRefused

_SYSTEMS = {"CPT4": "HCPCS", "CPT": "HCPCS", "HCPCS": "HCPCS", "CDT": "CDT", "CDT2": "CDT"}
_GROUPS = {"CO": "contractual", "PR": "patient_share", "OA": "other", "PI": "denial", "CR": "other"}
_REASON = re.compile(r"\b(CO|PR|OA|PI|CR)[- :]?([A-Z]?\d{1,3})\b")
_CLAIM_STATUS = {"0": "created", "1": "created", "7": "denied"}
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a claim."""

    number: int
    status: str
    payer: str
    payer_kind: str
    billed: date | None
    processed: date | None


@dataclass
class Ledger:
    """What the money tables say about each other."""

    sessions: Held[str, tuple[str, str, date | None]] = field(default_factory=Held)
    companies: dict[str, str] = field(default_factory=dict)
    billed: Held[tuple[str, str], Decimal] = field(default_factory=Held)
    claims: Held[tuple[str, str], list[Version]] = field(default_factory=Held)

    def take_session(self, cells: Cells) -> Outcome:
        """A row of ar_session: who paid, how, when."""
        number = cells.needed("session_id")
        when = cells.date("deposit_date") or cells.date("check_date")
        self.sessions[number] = (cells.key("payer_id"), cells.text("payment_type"), when)
        return ()

    def take_company(self, cells: Cells) -> Outcome:
        """A row of insurance_companies."""
        self.companies[cells.needed("id")] = cells.text("name")
        return ()

    def take_claim(self, cells: Cells) -> Outcome:
        """A row of claims: one version of a claim."""
        patient, encounter = cells.needed("patient_id"), cells.needed("encounter_id")
        billed, processed = cells.date("bill_time"), cells.date("process_time")
        version = Version(
            int(cells.number("version") or 0),
            cells.text("status"),
            cells.key("payer_id"),
            cells.text("payer_type"),
            billed,
            processed,
        )
        self.claims[patient, encounter] = [*self.claims.get((patient, encounter), []), version]
        return ()


def billing(cells: Cells, flow: Flow, ledger: Ledger, sink: FileSink) -> Outcome:
    """One row of billing: a charge; diagnoses are ignored, and an old co-payment line is money of the patient."""
    kind, active = cells.text("code_type"), cells.text("activity") != "0"
    fee = cells.money("fee") or _ZERO
    if kind.upper().startswith("ICD"):
        return "diagnosis"
    copay = kind.upper() == "COPAY"
    if active:
        sink.tally("collections" if copay else "charges", -fee if copay else fee)
    number, patient, encounter = cells.needed("id"), cells.key("pid"), cells.key("encounter")
    day, facility, provider = flow.encounters.get(encounter, (None, "", ""))
    day = day or cells.date("date")
    if day is None:
        raise ValueRefused(
            "openemr.no-date", "Neither the line nor its encounter has a date.", "Check the line."
        )
    claim_id = f"{patient}-{encounter}"
    recorded, amount = cells.moment("date"), fee if active else _ZERO
    if copay:
        return (
            PaymentRecord(
                source_id=f"billing:{number}",
                recorded_at=recorded,
                location_id=facility,
                claim_id=claim_id,
                patient_key=patient,
                payer_kind="patient",
                method="copay",
                amount=-amount,
                posted_date=cells.date("date") or day,
                service_date=day,
                is_reversal=amount > 0,
            ),
        )
    if active:
        ledger.billed[patient, encounter] = ledger.billed.get((patient, encounter), _ZERO) + fee
    payer = cells.key("payer_id")
    return (
        ChargeRecord(
            source_id=number,
            recorded_at=recorded,
            location_id=facility,
            claim_id=claim_id,
            appointment_id=flow.visit_of.get(encounter, ""),
            patient_key=patient,
            provider_key=cells.key("provider_id") or provider,
            payer_id=payer,
            code=cells.text("code"),
            code_system=_SYSTEMS.get(kind.upper(), kind),
            amount=amount,
            quantity=cells.number("units"),
            service_date=day,
        ),
    )


def posting(cells: Cells, flow: Flow, ledger: Ledger, sink: FileSink) -> Outcome:
    """One row of ar_activity: a payment, an adjustment, both or neither."""
    paid, adjusted = cells.money("pay_amount") or _ZERO, cells.money("adj_amount") or _ZERO
    deleted = cells.moment("deleted") is not None
    if paid and not deleted:
        sink.tally("collections", paid)
    patient, encounter = cells.needed("pid"), cells.needed("encounter")
    number = f"{patient}-{encounter}-{cells.needed('sequence_no')}"
    payer, method, session_day = ledger.sessions.get(cells.key("session_id"), ("", "", None))
    posted = cells.date("post_date") or session_day or cells.date("post_time")
    if posted is None:
        raise ValueRefused("openemr.no-date", "The posting has no date.", "Export ar_session and post_time.")
    day, facility, _ = flow.encounters.get(encounter, (None, "", ""))
    insurer = cells.text("payer_type") not in ("", "0")
    recorded = cells.moment("modified_time") or cells.moment("post_time")
    claim_id, code = f"{patient}-{encounter}", cells.text("code")
    records: list[Record] = []
    if paid:
        records.append(
            PaymentRecord(
                source_id=number,
                recorded_at=recorded,
                location_id=facility,
                claim_id=claim_id,
                appointment_id=flow.visit_of.get(encounter, ""),
                patient_key=patient,
                payer_id=payer if insurer else "",
                payer_name=ledger.companies.get(payer, "") if insurer else "",
                payer_kind="insurer" if insurer else "patient",
                method=method,
                amount=_ZERO if deleted else paid,
                posted_date=posted,
                service_date=day,
                is_reversal=paid < 0,
                batch_id=cells.key("session_id"),
            )
        )
    if adjusted:
        raw = cells.text("reason_code")
        match = _REASON.search(raw)
        group, reason = (match[1], match[2]) if match else ("", raw if raw.isdigit() else "")
        kind = _GROUPS.get(group) or ("contractual" if insurer else "other")
        records.append(
            AdjustmentRecord(
                source_id=number,
                recorded_at=recorded,
                location_id=facility,
                claim_id=claim_id,
                patient_key=patient,
                payer_id=payer if insurer else "",
                payer_name=ledger.companies.get(payer, "") if insurer else "",
                kind=kind,
                group_code=group,
                reason_code=reason,
                code=code,
                amount=_ZERO if deleted else adjusted,
                posted_date=posted,
                service_date=day,
            )
        )
    return records or "posting without an amount"


def claims(flow: Flow, ledger: Ledger) -> Iterator[Record]:
    """Every claim by its latest version, with its events."""
    for (patient, encounter), versions in ledger.claims.items():
        versions.sort(key=lambda version: version.number)
        latest, identifier = versions[-1], f"{patient}-{encounter}"
        day, facility, provider = flow.encounters.get(encounter, (None, "", ""))
        amount = ledger.billed.get((patient, encounter))
        sent = next((version.billed for version in versions if version.billed), None)
        day = day or sent
        yield ClaimRecord(
            source_id=identifier,
            location_id=facility,
            claim_id=identifier,
            patient_key=patient,
            provider_key=provider,
            payer_id=latest.payer,
            payer_name=ledger.companies.get(latest.payer, ""),
            status=_CLAIM_STATUS.get(latest.status, "submitted"),
            raw_status=latest.status,
            amount=amount,
            service_date=day,
            submitted_date=sent,
        )
        event = ClaimEventRecord(location_id=facility, claim_id=identifier, amount=amount, service_date=day)
        times = 0
        for version in versions:
            about = event._replace(
                raw_event=version.status,
                payer_id=version.payer,
                payer_name=ledger.companies.get(version.payer, ""),
                payer_sequence=version.payer_kind,
            )
            if version.billed is not None:
                name = "resubmitted" if times else "submitted"
                times += 1
                yield about._replace(
                    source_id=f"{identifier}-{version.number}-{name}", event=name, event_date=version.billed
                )
            denied = version.processed or version.billed
            if version.status == "7" and denied is not None:
                yield about._replace(
                    source_id=f"{identifier}-{version.number}-denied",
                    event="denied",
                    is_denial=True,
                    event_date=denied,
                )
