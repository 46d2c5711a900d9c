"""Writing tables of Open Dental: canonical words, cents and dates in; its columns, codes and marks of nothing out.

Loss-free: what is written, the reader of this folder reads back as the same values. Open Dental's conventions: 0 is the
key of nothing, 0001-01-01 the unknown date, one X in a pattern is five minutes, moments are the clinic's wall clock.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from carewheel.interop.tabular.opendental.columns import COLUMNS
from carewheel.interop.tabular.opendental.visits import PATTERN_MINUTES
from carewheel.interop.tabular.values import FIRST_YEAR, LAST_YEAR, UNKNOWN_DAY
from carewheel.interop.writing import NotWritable

NO_DAY, NO_MOMENT = "0001-01-01", "0001-01-01 00:00:00"
PATIENT = {
    "active": 0,
    "non-patient": 1,
    "inactive": 2,
    "archived": 3,
    "entered-in-error": 4,
    "deceased": 5,
    "prospective": 6,
}
SEX = {"male": 0, "female": 1, "": 2}
APPOINTMENT = {"booked": 1, "fulfilled": 2, "waitlist": 3, "noshow": 5, "cancelled": 5}
ACTIONS = {"created": 0, "changed": 1, "noshow": 2, "cancelled": 3, "deleted": 4}
PROCEDURE = {"planned": 1, "completed": 2, "existing": 3, "referred": 5, "entered-in-error": 6, "inactive": 8}
CLAIM = {"created": "W", "submitted": "S", "adjudicated": "R"}
CLAIMPROC = {"expected": 0, "received": 1, "supplemental": 4}
CATEGORIES = {"adjustment type": 1, "confirmed": 2, "payment type": 10, "recall status": 13}


@lru_cache(20_000)
def _day(value: date | None) -> str:
    if value is None:
        return NO_DAY
    if not FIRST_YEAR <= value.year <= LAST_YEAR or value == UNKNOWN_DAY:
        raise NotWritable(
            "bad-date",
            f"Dates lie between {UNKNOWN_DAY}, which means none, and the end of {LAST_YEAR}.",
            "Leave the date out if it is unknown.",
        )
    return value.isoformat()


def _moment(value: datetime | None) -> str:
    if value is None:
        return NO_MOMENT
    if value.tzinfo is not None:
        raise NotWritable("offset", "Moments are the clinic's wall clock.", "Give them without an offset.")
    return value.isoformat(" ")


def _stamp(value: datetime | None) -> str:
    if value is not None and value.time() == time():
        raise NotWritable("midnight", "Midnight means that nothing was stamped.", "Leave the stamp out.")
    return _moment(value)


@lru_cache(20_000)
def amount(cents: int) -> str:
    """Cents as text with two decimals.

    >>> amount(123450), amount(-5)
    ('1234.50', '-0.05')
    """
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


@lru_cache(1000)
def pattern(minutes: int) -> str:
    """The time pattern of an appointment: one X each five minutes.

    >>> pattern(30)
    'XXXXXX'
    """
    if minutes % PATTERN_MINUTES or minutes < 0:
        raise NotWritable("length", "Lengths are multiples of five minutes.", "Round the length of the slot.")
    return "X" * (minutes // PATTERN_MINUTES)


def packed_interval(*, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0) -> int:
    """A recall interval in one number: a byte each for days, weeks, months and years.

    >>> packed_interval(months=6, days=1)
    393217
    """
    parts = (days, weeks, months, years)
    if not all(0 <= part <= 255 for part in parts):
        raise NotWritable("interval", "Each part of an interval is 0 to 255.", "Use the next larger unit.")
    return sum(part << 8 * place for place, part in enumerate(parts))


def _code(codes: Mapping[str, int] | Mapping[str, str], word: str) -> int | str:
    try:
        return codes[word]
    except KeyError as error:
        raise NotWritable("word", f"{word!r} has no code.", f"Known: {', '.join(codes)}.") from error


class OpenDentalWriter:
    """Writes ``<table>.csv`` files into ``folder``, one method a table, one call a row. Use it in a ``with``.

    Keys are whole numbers (0 = nothing), amounts whole cents, unknown dates and moments `None`, moments naive. A file
    begins with its first row; there is none for a table without rows. Raises `NotWritable` for what has no code.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with OpenDentalWriter(folder) as writer:
    ...     writer.paysplit(7, patient=3, payment=5, cents=1250, paid_date=date(2025, 3, 4))
    >>> print((folder / "paysplit.csv").read_text())
    SplitNum,SplitAmt,PatNum,ProcDate,PayNum,ProvNum,DatePay,ClinicNum
    7,12.50,3,0001-01-01,5,0,2025-03-04,0
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = ExitStack()
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._files.close()

    def _write(self, table: str, row: tuple[object, ...]) -> None:
        write = self._writers.get(table)
        if write is None:
            stream = (self._folder / f"{table}.csv").open("w", encoding="utf-8", newline="")
            write = csv.writer(self._files.enter_context(stream), lineterminator="\n").writerow
            write(COLUMNS[table])
            self._writers[table] = write
        write(row)

    def clinic(
        self, number: int, *, name: str, zone: str, city: str = "", state: str = "", zip_code: str = "",
        phone: str = "",
    ) -> None:  # fmt: skip
        """A clinic; ``zone`` is an IANA name."""
        self._write("clinic", (number, name, name, "", city, state, zip_code, phone, zone, 0, number))

    def provider(
        self, number: int, *, role: str, active: bool, family: str = "", given: str = "", npi: str = "",
    ) -> None:  # fmt: skip
        """A provider; ``role``: dentist or hygienist."""
        secondary = _code({"dentist": 0, "hygienist": 1}, role)
        self._write(
            "provider",
            (number, f"{given[:1]}{family[:2]}", number, family, given, int(not active), secondary, npi),
        )

    def operatory(
        self, number: int, *, name: str, clinic: int, active: bool = True, is_hygiene: bool = False,
    ) -> None:  # fmt: skip
        """A chair."""
        self._write(
            "operatory", (number, name, name, number, int(not active), 0, 0, int(is_hygiene), clinic, 0)
        )

    def definition(self, number: int, *, category: str, name: str, order: int = 0, value: str = "") -> None:
        """A word of the practice's own lists; ``category`` is one of `CATEGORIES`."""
        self._write("definition", (number, _code(CATEGORIES, category), order, name, value, 0, 0))

    def patient(
        self, number: int, *, guarantor: int, status: str, sex: str, birth_date: date | None, clinic: int,
        first_visit: date | None = None, family: str = "", given: str = "", address: str = "", city: str = "",
        state: str = "", zip_code: str = "", phone: str = "", email: str = "", provider: int = 0,
        balances: tuple[int, int, int, int] = (0, 0, 0, 0), total: int = 0, estimate: int = 0, texts: int = 0,
    ) -> None:  # fmt: skip
        """A person. ``balances``: the family's by age (to 30, 60, 90 days, over), cents, only on the guarantor; ``total``
        their sum less credits; ``texts``: 0 unknown, 1 may be texted, 2 may not.
        """
        self._write(
            "patient",
            (
                number, family, given, _code(PATIENT, status), _code(SEX, sex), _day(birth_date), "", address, city, state, zip_code,
                "", phone, guarantor, email, *map(amount, balances), amount(estimate), amount(total), provider, _day(first_visit), clinic,
                texts, 0,
            ),
        )  # fmt: skip

    def insurance_plan(self, number: int, *, payer_id: str, payer_name: str, plan_type: str = "p") -> None:
        """A payer with its one plan: carrier and insplan under the same number. ``plan_type``: "" percentage, p PPO."""
        self._write("carrier", (number, payer_name, payer_id, 0))
        self._write("insplan", (number, "", "", plan_type, number))

    def coverage(
        self, number: int, *, patient: int, plan: int, member_id: str, starts_date: date | None,
        ends_date: date | None = None,
    ) -> None:  # fmt: skip
        """A patient's own cover with a plan: inssub and patplan under the same number."""
        self._write("inssub", (number, plan, patient, _day(starts_date), _day(ends_date), member_id))
        self._write("patplan", (number, patient, 1, 0, number))

    def appointment_type(self, number: int, *, name: str, minutes: int) -> None:
        """A kind of visit."""
        self._write("appointmenttype", (number, name, number, 0, pattern(minutes)))

    def appointment(
        self, number: int, *, patient: int, status: str, starts_at: datetime, minutes: int, provider: int,
        clinic: int, kind: int = 0, chair: int = 0, hygienist: int = 0, is_new: bool = False,
        booked_at: datetime | None = None, arrived_at: datetime | None = None,
        seated_at: datetime | None = None, dismissed_at: datetime | None = None,
        changed_at: datetime | None = None, wants_sooner: bool = False,
    ) -> None:  # fmt: skip
        """An appointment; with a ``hygienist`` it is a hygiene visit. Why one was missed is told by `history`."""
        self._write(
            "appointment",
            (
                number, patient, _code(APPOINTMENT, status), pattern(minutes), 0, chair, "", provider, hygienist, _moment(starts_at), 0,
                int(is_new), 0, clinic, int(hygienist > 0), _moment(changed_at), _stamp(arrived_at), _stamp(seated_at),
                _stamp(dismissed_at), kind, _moment(booked_at), int(wants_sooner),
            ),
        )  # fmt: skip

    def history(
        self, number: int, *, action: str, happened_at: datetime, appointment: int, patient: int, status: str,
        starts_at: datetime, minutes: int, provider: int, clinic: int, kind: int = 0, chair: int = 0,
        hygienist: int = 0, is_new: bool = False, booked_at: datetime | None = None, online: bool = False,
    ) -> None:  # fmt: skip
        """What was done to an appointment, which stands in the row as it was then; ``action`` is one of `ACTIONS`."""
        self._write(
            "histappointment",
            (
                number, _moment(happened_at), _code(ACTIONS, action), int(online), appointment, patient, _code(APPOINTMENT, status),
                pattern(minutes), chair, provider, hygienist, _moment(starts_at), int(is_new), clinic, int(hygienist > 0), kind,
                _moment(booked_at),
            ),
        )  # fmt: skip

    def procedure_code(self, number: int, *, code: str, title: str) -> None:
        """A procedure code."""
        self._write("procedurecode", (number, code, title, title, 0))

    def procedure(
        self, number: int, *, patient: int, code: int, status: str, day: date, fee: int, provider: int,
        clinic: int, appointment: int = 0, units: int = 1, tooth: int = 0, planned_date: date | None = None,
    ) -> None:  # fmt: skip
        """A treatment of ``units`` times ``fee`` cents; ``day`` when it was done (if completed), else proposed."""
        if units < 1:
            raise NotWritable("quantity", "A procedure is done once or more.", "Leave it out.")
        self._write(
            "procedurelog",
            (
                number, patient, appointment, 0, _day(day), amount(fee), "", tooth or "", _code(PROCEDURE, status), provider, code, clinic,
                units, 0, "0.00", _day(planned_date), _day(day if status == "completed" else None),
            ),
        )  # fmt: skip

    def claim(
        self, number: int, *, claim_id: str, patient: int, plan: int, status: str, service_date: date, fee: int,
        provider: int, clinic: int, subscription: int = 0, created_date: date | None = None,
        sent_date: date | None = None, resent_date: date | None = None, received_date: date | None = None,
        paid: int = 0, deductible: int = 0, write_off: int = 0,
    ) -> None:  # fmt: skip
        """A primary claim as it stands; amounts are those of all its payments together."""
        self._write(
            "claim",
            (
                number, patient, _day(service_date), _day(resent_date or sent_date), _day(sent_date), _day(resent_date),
                _code(CLAIM, status), _day(received_date), plan, provider, amount(fee), "0.00", amount(paid), amount(deductible),
                amount(write_off), "P", provider, int(resent_date is not None), claim_id, subscription, clinic, _day(created_date),
            ),
        )  # fmt: skip

    def claim_procedure(
        self, number: int, *, procedure: int, claim: int, patient: int, status: str, provider: int, clinic: int,
        plan: int, fee: int, subscription: int = 0, code: str = "", service_date: date | None = None,
        posted_date: date | None = None, paid: int = 0, write_off: int = 0, deductible: int = 0,
        reasons: str = "", check: int = 0,
    ) -> None:  # fmt: skip
        """What a payer did for one procedure (0: for the claim as a whole); ``status`` is one of `CLAIMPROC`.

        A later payment, or one taken back (negative), is supplemental. ``reasons``: adjustment reason codes with commas.
        """
        self._write(
            "claimproc",
            (
                number, procedure, claim, patient, provider, amount(fee), "0.00", amount(deductible), _code(CLAIMPROC, status), amount(paid),
                "", check, plan, subscription, _day(posted_date), amount(write_off), code, _day(service_date), clinic, reasons, 0,
            ),
        )  # fmt: skip

    def claim_payment(
        self, number: int, *, paid_date: date, cents: int, clinic: int, trace: str = "", payer_name: str = "",
    ) -> None:  # fmt: skip
        """An insurer's check or transfer; ``cents`` is the sum of its claim procedures."""
        self._write("claimpayment", (number, _day(paid_date), amount(cents), trace, clinic, payer_name, 0))

    def payment(
        self, number: int, *, patient: int, kind: int, paid_date: date, cents: int, clinic: int,
    ) -> None:  # fmt: skip
        """A patient's payment (negative: a refund); its `paysplit` rows divide it. ``kind``: a definition."""
        self._write("payment", (number, kind, _day(paid_date), amount(cents), "", patient, clinic))

    def paysplit(
        self, number: int, *, patient: int, payment: int, cents: int, paid_date: date, provider: int = 0,
        clinic: int = 0, service_date: date | None = None,
    ) -> None:  # fmt: skip
        """A part of a payment."""
        self._write(
            "paysplit",
            (number, amount(cents), patient, _day(service_date), payment, provider, _day(paid_date), clinic),
        )

    def adjustment(
        self, number: int, *, patient: int, kind: int, day: date, cents: int, provider: int, clinic: int,
        procedure: int = 0, service_date: date | None = None,
    ) -> None:  # fmt: skip
        """A change of what is owed: negative lowers it. ``kind``: a definition, whose name says what it is."""
        row = (
            number,
            _day(day),
            amount(cents),
            patient,
            kind,
            provider,
            _day(service_date),
            procedure,
            clinic,
        )
        self._write("adjustment", row)

    def recall(
        self, number: int, *, patient: int, due: date, previous: date, interval: int, scheduled: date | None,
        status: int = 0,
    ) -> None:  # fmt: skip
        """A recall that is due; ``interval`` is a `packed_interval`, ``status`` a definition."""
        self._write(
            "recall", (number, patient, _day(due), _day(due), _day(previous), interval, status, 0, 1, NO_DAY, _day(scheduled), 0)
        )  # fmt: skip

    def schedule(
        self, number: int, *, provider: int, starts_at: datetime, ends_at: datetime, chair: int, clinic: int,
    ) -> None:  # fmt: skip
        """Open hours of a provider in a chair, within one day: schedule, and scheduleop under the same number."""
        if starts_at.date() != ends_at.date() or ends_at <= starts_at:
            raise NotWritable("hours", "Hours begin and end on one day.", "Split them at midnight.")
        begin, end = starts_at.time().isoformat(), ends_at.time().isoformat()
        self._write(
            "schedule", (number, _day(starts_at.date()), begin, end, 1, provider, 0, "", 0, 0, clinic)
        )
        self._write("scheduleop", (number, number, chair))

    def referrer(self, number: int, *, name: str = "", is_doctor: bool = False, patient: int = 0) -> None:
        """Who refers: a doctor by ``name``, or a patient by number."""
        self._write("referral", (number, name, "", 0, int(is_doctor), 0, 0, patient))

    def referral(self, number: int, *, referrer: int, patient: int, day: date) -> None:
        """A patient who was referred to the practice."""
        self._write("refattach", (number, referrer, patient, 0, _day(day), 1, 0, 0))
