"""People, places, calendars and stock of Open Dental; by allow-list: names, contacts, notes and SSN are never touched.

Balances stand on the guarantor for the whole family and are taken from there only. Blockouts are one availability per
operatory; a provider's hours are one, whatever operatories they name, so that minutes are not counted twice.
"""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carewheel.interop.records import (
    AvailabilityRecord,
    CoverageRecord,
    LocationRecord,
    MessageRecord,
    PatientRecord,
    ProviderRecord,
    ReferralRecord,
    ResourceRecord,
    StockMoveRecord,
)
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.opendental.lookups import Lookups
from carewheel.interop.tabular.values import ValueRefused

_PATIENT = ("active", "non-patient", "inactive", "archived", "entered-in-error", "deceased", "prospective")
_SEX = {"0": "male", "1": "female"}
_MODES = {"1": "email", "2": "mail", "3": "phone", "4": "in-person", "5": "sms"}
_DIRECTIONS = {"1": "out", "2": "in"}


def patient(cells: Cells) -> Outcome:
    """One row of the patient table."""
    number, raw = cells.needed("PatNum"), cells.text("PatStatus")
    guarantor = cells.key("Guarantor")
    carries = guarantor == number
    birth = cells.date("Birthdate")
    first = cells.date("DateFirstVisit")
    return (
        PatientRecord(
            source_id=number,
            recorded_at=cells.moment("DateTStamp"),
            location_id=cells.key("ClinicNum"),
            patient_key=number,
            household_key=guarantor,
            status=_PATIENT[int(raw)] if raw in tuple("0123456") else "",
            raw_status=raw,
            sex=_SEX.get(cells.text("Gender"), ""),
            birth_year=birth.year if birth else None,
            first_visit_date=first,
            deceased=raw == "5" if raw else None,
            balance=cells.money("BalTotal") if carries else None,
            balance_0_30=cells.money("Bal_0_30") if carries else None,
            balance_31_60=cells.money("Bal_31_60") if carries else None,
            balance_61_90=cells.money("Bal_61_90") if carries else None,
            balance_over_90=cells.money("BalOver90") if carries else None,
        ),
    )


def clinic(cells: Cells) -> Outcome:
    """One row of the clinic table."""
    number = cells.needed("ClinicNum")
    zone = cells.text("TimeZone")
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ""
    name = cells.text("Abbr") or cells.text("Description")
    return (LocationRecord(source_id=number, location_id=number, zone=zone, name=name, kind="dental"),)


def provider(cells: Cells) -> Outcome:
    """One row of the provider table."""
    number, secondary, hidden = cells.needed("ProvNum"), cells.flag("IsSecondary"), cells.flag("IsHidden")
    role = "" if secondary is None else "hygienist" if secondary else "dentist"
    return (
        ProviderRecord(
            source_id=number,
            recorded_at=cells.moment("DateTStamp"),
            provider_key=number,
            role=role,
            active=None if hidden is None else not hidden,
        ),
    )


def operatory(cells: Cells) -> Outcome:
    """One row of the operatory table: a chair."""
    number, hidden = cells.needed("OperatoryNum"), cells.flag("IsHidden")
    return (
        ResourceRecord(
            source_id=number,
            recorded_at=cells.moment("DateTStamp"),
            location_id=cells.key("ClinicNum"),
            resource_id=number,
            kind="chair",
            active=None if hidden is None else not hidden,
        ),
    )


def patplan(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of patplan: a patient's cover, dated by inssub."""
    plan, starts, ends = lookups.subscriptions.get(cells.key("InsSubNum"), ("", None, None))
    if starts is None:
        return "cover without a first day"
    payer_id, payer_name = lookups.payer(plan)
    return (
        CoverageRecord(
            source_id=cells.needed("PatPlanNum"),
            patient_key=cells.key("PatNum"),
            payer_id=payer_id,
            payer_name=payer_name,
            kind=lookups.plans.get(plan, ("", ""))[1],
            starts_date=starts,
            ends_date=ends,
        ),
    )


def refattach(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of refattach: a patient referred to (0) or by (1) somebody."""
    raw = cells.text("RefType") or {"1": "1", "0": "0"}.get(cells.text("IsFrom"), "")
    if raw == "2":
        return "custom referral"
    if raw not in ("0", "1"):
        raise ValueRefused("opendental.bad-status", "RefType is not a known code.", "Export the raw code.")
    referral, day = cells.needed("ReferralNum"), cells.date("RefDate")
    if day is None:
        raise ValueRefused("opendental.no-date", "RefDate is empty.", "Check the referral.")
    kind, who, channel = lookups.referrers.get(referral, ("", f"referral:{referral}", ""))
    status = cells.text("RefToStatus") if raw == "0" else ""
    return (
        ReferralRecord(
            source_id=cells.key("RefAttachNum"),
            recorded_at=cells.moment("DateTStamp"),
            direction="in" if raw == "1" else "out",
            referrer_kind=kind if raw == "1" else "",
            referrer_key=who if raw == "1" else "",
            patient_key=cells.key("PatNum"),
            raw_status=status,
            channel=channel if raw == "1" else "",
            referred_date=day,
        ),
    )


def commlog(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of commlog: that a message was sent or received, never what it said."""
    at = cells.moment("CommDateTime")
    if at is None:
        raise ValueRefused("opendental.no-date", "CommDateTime is empty.", "Check the entry.")
    kind = cells.key("CommType")
    return (
        MessageRecord(
            source_id=cells.needed("CommlogNum"),
            recorded_at=cells.moment("DateTStamp"),
            patient_key=cells.key("PatNum"),
            kind=lookups.definitions.get(kind, ("", ""))[1].lower() or kind,
            channel=_MODES.get(cells.text("Mode_"), ""),
            direction=_DIRECTIONS.get(cells.text("SentOrReceived"), ""),
            sent_at=at,
        ),
    )


def schedule(cells: Cells, lookups: Lookups) -> Outcome:
    """One row of the schedule table: hours open, closed or blocked out."""
    kind = cells.text("SchedType")
    if kind == "3":
        return "hours of an employee, not used yet"
    if kind == "4":
        return "web scheduling block, not used yet"
    if kind not in ("0", "1", "2"):
        raise ValueRefused("opendental.bad-status", "SchedType is not a known code.", "Export the raw code.")
    number, day, status = cells.needed("ScheduleNum"), cells.date("SchedDate"), cells.text("Status")
    if day is None:
        raise ValueRefused("opendental.no-date", "SchedDate is empty.", "Check the schedule.")
    begin, end = _clock(cells, "StartTime"), _clock(cells, "StopTime")
    timed = begin is not None and end is not None and end > begin
    canonical = {"1": "closed", "2": "holiday"}.get(status, "open" if kind == "1" else "blockout")
    if canonical == "open" and not timed:
        return "schedule without hours"
    if kind == "0" and canonical == "blockout":
        return "note on the calendar"
    starts = datetime.combine(day, begin if timed and begin else time())
    ends = datetime.combine(day, end) if timed and end else None
    record = AvailabilityRecord(
        source_id=number,
        recorded_at=cells.moment("DateTStamp"),
        location_id=cells.key("ClinicNum"),
        provider_key=cells.key("ProvNum"),
        kind=canonical,
        raw_kind=f"{kind}/{status}",
        starts_at=starts,
        ends_at=ends,
        minutes=(ends - starts).total_seconds() / 60 if ends else None,
    )
    rooms = lookups.operatories.get(number, [])
    if kind == "2" and rooms:
        return [record._replace(source_id=f"{number}-{room}", resource_id=room) for room in rooms]
    return (record,)


def supply(cells: Cells) -> Outcome:
    """One row of the supply table: a count, if the export says when it was taken."""
    number, at = cells.needed("SupplyNum"), cells.moment("SecDateTEdit") or cells.moment("DateTStamp")
    if at is None:
        raise ValueRefused(
            "opendental.undated-stock",
            "The table says how much there is, not when it was counted.",
            "Give stock as a CSV with a date, by a mapping to stock_move.",
        )
    return (
        StockMoveRecord(
            source_id=f"{number}@{at.isoformat()}",
            recorded_at=at,
            item_id=number,
            kind="counted",
            on_hand=cells.number("LevelOnHand"),
            par_level=cells.number("LevelDesired"),
            moved_at=at,
        ),
    )


def _clock(cells: Cells, column: str) -> time | None:
    found = cells.text(column)
    if not found:
        return None
    try:
        return time.fromisoformat(found.rjust(8, "0") if found.count(":") == 2 else found)
    except ValueError:
        moment = cells.moment(column)
        return moment.time() if moment else None
