"""The tables of Open Dental that an invented dental place would export: people, places, visits, recalls, referrals.

Keys are row + 1, so that other exports of the place can name the same patients and visits (`names`). Left out is what the
office could not know (who silently left) and what Open Dental does not hold (why somebody came: the list of contacts).
Referrals by professionals stand here; those by patients, with what became of them, in the practice's own list (`tables`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from carewheel.interop.tabular.opendental.writing import OpenDentalWriter, packed_interval
from carewheel.invented.book import BOOKING_CHANNELS, NONE, REFERRER_KINDS, ROLES, VISIT_STATUS, Book, to_date
from carewheel.invented.exports.balances import family_balances
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.names import (
    invented_address,
    invented_email,
    invented_person,
    invented_phone,
    invented_provider,
    member_id,
)
from carewheel.invented.exports.opendental_money import DEFINITIONS, write_money

CLINIC = 1
STATUS = {"booked": "booked", "kept": "fulfilled", "noshow": "noshow", "cancelled": "cancelled"}
CREATED, CHANGED, ENDED = 0, 1, 2
KEPT, DENTIST = VISIT_STATUS.index("kept"), ROLES.index("dentist")


def write_opendental(book: Book, folder: Path, *, interest: bool = False) -> None:
    """Write ``folder/opendental/*.csv`` and its ``carewheel.toml``. Raises `ValueError` for a place that is not dental.

    ``interest``: also post the interest that payers added. Leave it out where the 835 files are read beside: there
    interest names no claim, so that it could not be joined and would count twice.
    """
    if book.location.kind != "dental":
        raise ValueError("Open Dental is written for dental places.")
    place = book.location.location_id
    with OpenDentalWriter(folder / "opendental") as writer:
        _place(writer, book)
        _people(writer, book)
        _covers(writer, book)
        _hours(writer, book)
        _visits(writer, book)
        _recalls(writer, book)
        _referrals(writer, book)
        write_money(writer, book, CLINIC, interest=interest)
    write_beside(folder / "opendental", book, source=f"opendental-{place}", locations={str(CLINIC): place})


def in_opendental(book: Book) -> npt.NDArray[np.bool_]:
    """Which referrals (rows of ``referral``) Open Dental holds: of a dental place, by a professional, of somebody who came."""
    referral = book["referral"]
    by = referral["referrer_kind"] == REFERRER_KINDS.index("professional")
    known = by & (referral["patient"] != NONE) & (book.location.kind == "dental")
    return np.asarray(known, dtype=bool)


def _place(writer: OpenDentalWriter, book: Book) -> None:
    facts = book.location
    writer.clinic(
        CLINIC, name=facts.name, zone=facts.zone, city=facts.city, state=facts.state, zip_code=facts.zips[0], phone="555-0100"
    )  # fmt: skip
    for number, (category, name) in DEFINITIONS.items():
        writer.definition(number, category=category, name=name, order=number)
    for number, kind in enumerate(facts.visit_kinds, 1):
        writer.appointment_type(number, name=kind.name, minutes=kind.minutes)
    for number, code in enumerate(facts.codes, 1):
        writer.procedure_code(number, code=code.code, title=code.title)
    for number in range(1, facts.rooms + 1):
        writer.operatory(number, name=f"Chair {number}", clinic=CLINIC)
    for number, payer in enumerate(book.words.payers, 1):
        writer.insurance_plan(number, payer_id=payer.payer_id, payer_name=payer.name)
    for row, role, ended, is_provider in rows(book["staff"], "staff role ended_day is_provider"):
        if is_provider:
            family, given = invented_provider(book, row)
            word = "dentist" if role == DENTIST else "hygienist"
            writer.provider(row + 1, role=word, active=ended is None, family=family, given=given)


def _people(writer: OpenDentalWriter, book: Book) -> None:
    balances = family_balances(book).tolist()
    booked = np.zeros(len(balances), dtype=bool)
    booked[book["visit"]["patient"]] = True
    dentist = _a_dentist(book) + 1
    columns = "patient household birth_day sex first_visit_day deceased_day"
    for row, head, birth, sex, first, deceased in rows(book["patient"], columns):
        came = first is not None or booked[row]
        family, given = invented_person(book, row)
        address, city, state, zip_code = invented_address(book, row)
        *aged, total = balances[row]
        writer.patient(
            row + 1, guarantor=head + 1, status="deceased" if deceased else "active" if came else "prospective",
            sex="male" if sex else "female", birth_date=birth, clinic=CLINIC, first_visit=first, family=family, given=given,
            address=address, city=city, state=state, zip_code=zip_code, phone=invented_phone(row), email=invented_email(book, row),
            provider=dentist, balances=tuple(aged), total=total, texts=1,
        )  # fmt: skip


def _covers(writer: OpenDentalWriter, book: Book) -> None:
    for row, payer, joined in rows(book["patient"], "patient payer joined_day"):
        if payer != NONE:
            writer.coverage(
                row + 1, patient=row + 1, plan=payer + 1, member_id=member_id(book, row), starts_date=joined
            )


def _hours(writer: OpenDentalWriter, book: Book) -> None:
    for row, provider, room, starts, ends in rows(book["session"], "session provider room starts ends"):
        writer.schedule(
            row + 1, provider=provider + 1, starts_at=starts, ends_at=ends, chair=room + 1, clinic=CLINIC
        )


def _visits(writer: OpenDentalWriter, book: Book) -> None:
    """Appointments with their history: made, moved, missed or cancelled."""
    hygiene = [kind.is_hygiene for kind in book.location.visit_kinds]
    dentist = _a_dentist(book) + 1
    online = BOOKING_CHANNELS.index("online")
    columns = (
        "visit patient provider room kind booked_at first_starts moved_at starts minutes status cancelled_at "
        "arrived_at roomed_at done_at is_new channel"
    )
    for (
        row, patient, provider, room, kind, booked_at, first_starts, moved_at, starts, minutes, status, cancelled_at, arrived_at,
        roomed_at, done_at, is_new, channel,
    ) in rows(book["visit"], columns):  # fmt: skip
        number = row + 1
        word = STATUS[VISIT_STATUS[status]]
        # Who did not come is marked as such when the slot is over.
        ended_at = (
            cancelled_at if word == "cancelled" else _end(starts, minutes) if word == "noshow" else None
        )
        what = {
            "patient": patient + 1, "minutes": minutes, "provider": dentist if hygiene[kind] else provider + 1, "clinic": CLINIC,
            "kind": kind + 1, "chair": room + 1, "hygienist": provider + 1 if hygiene[kind] else 0, "is_new": bool(is_new),
            "booked_at": booked_at,
        }  # fmt: skip
        writer.appointment(
            number, status=word, starts_at=starts, arrived_at=arrived_at, seated_at=roomed_at, dismissed_at=done_at,
            changed_at=ended_at or done_at or moved_at or booked_at, **what,
        )  # fmt: skip
        writer.history(
            3 * row + CREATED + 1, action="created", happened_at=booked_at, appointment=number, status="booked",
            starts_at=first_starts, online=channel == online, **what,
        )  # fmt: skip
        if moved_at is not None:
            writer.history(
                3 * row + CHANGED + 1, action="changed", happened_at=moved_at, appointment=number, status="booked",
                starts_at=starts, **what,
            )  # fmt: skip
        if ended_at is not None:
            writer.history(
                3 * row + ENDED + 1, action=word, happened_at=ended_at, appointment=number, status=word, starts_at=starts, **what
            )  # fmt: skip


def _recalls(writer: OpenDentalWriter, book: Book) -> None:
    """Everybody who had a hygiene visit is due half a year and a day after the last one."""
    hygiene = np.array([kind.is_hygiene for kind in book.location.visit_kinds])
    visit = book["visit"]
    day = visit["starts"] // 1440
    ours = hygiene[visit["kind"]]
    last: dict[int, int] = {}
    ahead: dict[int, int] = {}
    for kept, patient, when in zip(
        (visit["status"] == KEPT)[ours].tolist(),
        visit["patient"][ours].tolist(),
        day[ours].tolist(),
        strict=True,
    ):
        if kept:
            last[patient] = max(when, last.get(patient, when))
        elif when > book.last_day:
            ahead[patient] = min(when, ahead.get(patient, when))
    interval = packed_interval(months=6, days=1)
    for patient, when in sorted(last.items()):
        if book["patient"]["deceased_day"][patient] == NONE:
            previous = to_date(when)
            scheduled = to_date(ahead[patient]) if patient in ahead else None
            due = _half_a_year_on(previous)
            writer.recall(
                patient + 1,
                patient=patient + 1,
                due=due,
                previous=previous,
                interval=interval,
                scheduled=scheduled,
            )


def _referrals(writer: OpenDentalWriter, book: Book) -> None:
    for number, name in enumerate(book.words.partners, 1):
        writer.referrer(number, name=name, is_doctor=True)
    ours = in_opendental(book)
    for row, referrer, patient, referred in rows(book["referral"], "referral referrer patient referred_day"):
        if ours[row]:
            writer.referral(row + 1, referrer=referrer + 1, patient=patient + 1, day=referred)


def _a_dentist(book: Book) -> int:
    """The row of a dentist, who answers for hygiene visits; the first of the staff where there is none."""
    staff = book["staff"]
    dentists = np.flatnonzero((staff["role"] == DENTIST) & (staff["is_provider"] == 1))
    return int(dentists[0]) if len(dentists) else 0


def _end(starts: datetime, minutes: int) -> datetime:
    return starts + timedelta(minutes=minutes)


def _half_a_year_on(day: date) -> date:
    months = day.year * 12 + day.month - 1 + 6
    # The 28th is in every month; the days beyond it are added afterwards.
    moved = date(months // 12, months % 12 + 1, min(day.day, 28))
    return moved + timedelta(days=day.day - moved.day + 1)
