"""DFT: charges, payments and adjustments, one per FT1 segment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

from carewheel.interop.hl7v2.messages import Message, moment
from carewheel.interop.hl7v2.people import patient_key, place, recorded_at, visit_number
from carewheel.interop.hl7v2.visits import Unusable
from carewheel.interop.records import AdjustmentRecord, ChargeRecord, PaymentRecord, Record

_CODE_SYSTEMS = {"C4": "HCPCS", "CPT": "HCPCS", "CPT4": "HCPCS", "HCPCS": "HCPCS", "HPC": "HCPCS", "CD2": "CDT", "CDT": "CDT", "ADA": "CDT", "NDC": "NDC"}  # fmt: skip


def transactions(message: Message) -> list[Record]:
    """The financial transactions of a DFT message (FT1-6: CG charge, CD credit, PY and CO payments, AJ adjustment).

    Raises `Unusable` without FT1, on an amount that is no number, or on a charge without a date: a message is taken
    whole or not at all.
    """
    segments = message.all("FT1")
    if not segments:
        raise Unusable("hl7.missing-segment")
    return [record for segment in segments for record in _transaction(message, segment)]


def _transaction(message: Message, segment: list[str]) -> list[Record]:
    kind = message.value(segment, 6).upper()
    amount, currency = _amount(message, segment)
    when = moment(message.value(segment, 4))
    posted = moment(message.value(segment, 5)) or when
    if when is None:
        raise Unusable("hl7.no-date")
    head = message.first("MSH")
    # The message's own id, its time and kind: some senders number every message alike.
    sent = "|".join((message.value(head, 10), message.value(head, 7), message.value(head, 9, 2)))
    source_id = f"{sent}|{message.value(segment, 1)}|{message.value(segment, 2)}"
    common = {
        "source_id": source_id,
        "recorded_at": recorded_at(message),
        "location_id": place(message, message.raw(segment, 16) or message.raw(message.first("PV1"), 3)),
        "currency": currency,
        "patient_key": patient_key(message),
    }
    provider = message.value(segment, 20) or message.value(message.first("PV1"), 7)
    payer = message.value(segment, 14)
    if kind in ("CG", "CD", "CR"):
        coded = 25 if message.value(segment, 25) else 7
        system = message.value(segment, coded, 3).upper()
        quantity = message.value(segment, 10)
        return [
            ChargeRecord(
                **common,  # type: ignore[arg-type]
                appointment_id=visit_number(message),
                provider_key=provider,
                payer_id=payer,
                code=message.value(segment, coded),
                code_system=_CODE_SYSTEMS.get(system, system),
                amount=amount if kind == "CG" else -abs(amount),
                quantity=float(quantity) if quantity.replace(".", "", 1).isdigit() else None,
                service_date=when.date(),
            )
        ]
    if kind in ("PY", "CO"):
        return [
            PaymentRecord(
                **common,  # type: ignore[arg-type]
                appointment_id=visit_number(message),
                provider_key=provider,
                payer_id=payer,
                payer_kind="patient" if kind == "CO" else "",
                amount=amount,
                posted_date=_date(posted),
                service_date=when.date(),
                is_reversal=amount < 0,
            )
        ]
    if kind == "AJ":
        return [
            AdjustmentRecord(
                **common,  # type: ignore[arg-type]
                payer_id=payer,
                kind="other",
                code=message.value(segment, 7),
                amount=amount,
                posted_date=_date(posted),
                service_date=when.date(),
            )
        ]
    raise Unusable("hl7.unknown-transaction")


def _date(when: object) -> date | None:
    return when.date() if hasattr(when, "date") else None


def _amount(message: Message, segment: list[str]) -> tuple[Decimal, str]:
    """The extended amount (FT1-11), else quantity times unit amount (FT1-12), with its currency."""
    extended, unit = message.value(segment, 11), message.value(segment, 12)
    try:
        if extended:
            value, field = Decimal(extended), 11
        else:
            value, field = Decimal(unit) * Decimal(message.value(segment, 10) or "1"), 12
    except InvalidOperation as error:
        raise Unusable("hl7.bad-amount") from error
    if not value.is_finite():
        raise Unusable("hl7.bad-amount")
    return value, message.value(segment, field, 1, 2).upper()
