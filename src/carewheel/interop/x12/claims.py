"""837 claims: what handlers gather from one claim, and the records that are made of it when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from carewheel.interop.records import ChargeRecord, ClaimEventRecord, ClaimRecord, Record
from carewheel.interop.x12.faults import Faults
from carewheel.interop.x12.guides import Handler
from carewheel.interop.x12.interchange import Separators
from carewheel.interop.x12.values import DEFAULT_CURRENCY, amount, day, element, moment, npi_is_valid

KINDS = {"837p": "professional", "837d": "dental", "837i": "institutional"}
# SV101-1 / SV202-1: HC covers CPT (level I) and HCPCS (level II). AD is CDT.
_CODE_SYSTEMS = {"HC": "HCPCS", "AD": "CDT", "N4": "NDC", "WK": "ABC", "IV": "HIEC", "ER": "jurisdiction"}
ZERO = Decimal(0)


class Claims:
    """The reader of one 837 set. ``emit`` takes each record; ``seen`` is told what each claim charges."""

    def __init__(
        self,
        kind: str,
        separators: Separators,
        faults: Faults,
        emit: Callable[[Record], None],
        seen: Callable[[Decimal, str], None],
        today: date,
    ) -> None:
        self.kind = KINDS[kind]
        self.component = separators.component
        self.faults = faults
        self.emit = emit
        self.seen = seen
        self.today = today
        self.line = 0
        self.rows = 0
        self.created: datetime | None = None
        self.submitted: date | None = None
        self.currency = DEFAULT_CURRENCY
        self.billing = ""
        self.sequence = ""
        self.subscriber = self.patient = ""
        self.payer = ("", "")
        self.numbers: set[int] = set()
        self.claim: list[str] | None = None
        self._begin_claim()

    def _begin_claim(self) -> None:
        self.claim_line = 0
        self.claim_day: date | None = None
        self.diagnoses = 0
        self.rendering = self.facility = ""
        self.other_sequence = ""
        self.primary: tuple[str, str] | None = None
        self.has_payer_reference = False
        self.lines: list[tuple[str, str, Decimal, float | None]] = []
        self.line_days: list[date | None] = []

    def beginning(self, e: list[str]) -> None:
        self.submitted = day(element(e, 4))
        self.created = moment(element(e, 4), element(e, 5))
        if self.submitted is None:
            self.faults.doubt("x12.bad-date", self.line, "BHT04")

    def level(self, e: list[str]) -> None:
        self.end_claim()
        if e[3] == "20":
            self.billing, self.currency = "", DEFAULT_CURRENCY
        elif e[3] == "22":
            self.subscriber = self.patient = self.sequence = ""
            self.payer = ("", "")

    def money(self, e: list[str]) -> None:
        self.currency = element(e, 2) or DEFAULT_CURRENCY

    def billing_provider(self, e: list[str]) -> None:
        self.billing = self._provider(e)

    def billing_reference(self, e: list[str]) -> None:
        # Without an NPI the tax id has to do as an identifier, but a social security number never.
        if not self.billing and e[1] == "EI":
            self.billing = element(e, 2)

    def subscriber_level(self, e: list[str]) -> None:
        self.sequence = element(e, 1)

    def subscriber_name(self, e: list[str]) -> None:
        self.subscriber = self.patient = element(e, 9) if element(e, 8) != "34" else ""

    def patient_name(self, e: list[str]) -> None:
        # A dependent has no number of its own in 005010: the birth date (below) tells it from its family.
        self.patient = element(e, 9) or self.subscriber

    def patient_birth(self, e: list[str]) -> None:
        if self.patient and self.patient == self.subscriber:
            self.patient = f"{self.subscriber}|{element(e, 2)}"

    def payer_name(self, e: list[str]) -> None:
        self.payer = (element(e, 9), element(e, 3))

    def begin_claim(self, e: list[str]) -> None:
        self.end_claim()
        self.claim, self.claim_line = e, self.line
        self.rows += 1
        if element(e, 19) != "PB":
            charged = amount(element(e, 2))
            if charged is not None and self._frequency(e) != "8":
                self.seen(charged, self.currency)

    def claim_date(self, e: list[str]) -> None:
        if e[1] in ("472", "434"):
            self.claim_day = self._day(element(e, 3), "DTP03")

    def diagnosis(self, e: list[str]) -> None:
        for code in e[1:]:
            if code.split(self.component, 1)[0] in ("ABK", "BK", "ABF", "BF"):
                self.diagnoses += 1

    def claim_reference(self, e: list[str]) -> None:
        if element(e, 1) == "F8":
            self.has_payer_reference = True

    def rendering_provider(self, e: list[str]) -> None:
        self.rendering = self._provider(e)

    def service_facility(self, e: list[str]) -> None:
        self.facility = element(e, 9)

    def other_subscriber(self, e: list[str]) -> None:
        self.other_sequence = element(e, 1)

    def other_payer(self, e: list[str]) -> None:
        if self.other_sequence == "P":
            self.primary = (element(e, 9), element(e, 3))

    def professional_line(self, e: list[str]) -> None:
        self._line(e[1], e[2], element(e, 4), element(e, 7))

    def dental_line(self, e: list[str]) -> None:
        self._line(e[1], e[2], element(e, 6), element(e, 11))

    def institutional_line(self, e: list[str]) -> None:
        if element(e, 2):
            self._line(e[2], element(e, 3), element(e, 5), "")
        else:
            self._add_line(element(e, 1), "revenue", element(e, 3), element(e, 5))

    def line_date(self, e: list[str]) -> None:
        if e[1] == "472" and self.line_days:
            self.line_days[-1] = self._day(element(e, 3), "DTP03")

    def _line(self, procedure: str, charge: str, quantity: str, pointers: str) -> None:
        parts = procedure.split(self.component, 2)
        self._add_line(element(parts, 1), _CODE_SYSTEMS.get(parts[0], ""), charge, quantity)
        if pointers and self._pointer_out_of_range(pointers):
            self.faults.doubt("x12.diagnosis-pointer", self.line)

    def _pointer_out_of_range(self, pointers: str) -> bool:
        for pointer in pointers.split(self.component):
            if not pointer.isdigit() or not 1 <= int(pointer[:6]) <= self.diagnoses:
                # A dental claim may have no diagnosis, but then also no pointer.
                return pointer != ""
        return False

    def _add_line(self, code: str, system: str, charge: str, quantity: str) -> None:
        value = amount(charge)
        if value is None:
            self.faults.refuse("x12.bad-amount", self.line, "line charge")
            value = ZERO
        count = amount(quantity) if quantity else None
        self.lines.append((code, system, value, None if count is None else float(count)))
        self.line_days.append(None)

    def _provider(self, e: list[str]) -> str:
        number = element(e, 9)
        if element(e, 8) == "34":
            return ""
        if element(e, 8) == "XX" and not npi_is_valid(number):
            self.faults.doubt("x12.npi-check-digit", self.line)
        return number

    def _day(self, text: str, place: str) -> date | None:
        found = day(text)
        if found is None or (len(text) == 8) != (text.find("-") < 0):
            self.faults.doubt("x12.bad-date", self.line, place)
        elif found > self.today:
            self.faults.doubt("x12.future-date", self.line, place)
        return found

    def _frequency(self, e: list[str]) -> str:
        return element(element(e, 5).split(self.component), 2)

    def end_claim(self) -> None:
        """Make the records of the claim that has been gathered, if there is one."""
        e = self.claim
        if e is None:
            return
        self.claim = None
        number, line = element(e, 1), self.claim_line
        charged = amount(element(e, 2))
        if charged is None or charged < 0:
            self.faults.refuse("x12.bad-amount", line, "CLM02")
            charged = ZERO
        source_id = f"{self.billing}|{number}"
        mark = hash(source_id)
        if mark in self.numbers:
            self.faults.doubt("x12.duplicate-claim", line)
        self.numbers.add(mark)
        if sum([one[2] for one in self.lines], ZERO) != charged:
            self.faults.doubt("x12.claim-total", line)
        frequency = self._frequency(e)
        is_resubmission = frequency in ("7", "8")
        if is_resubmission and not self.has_payer_reference:
            self.faults.doubt("x12.no-payer-reference", line)
        is_predetermination = element(e, 19) == "PB"
        service_day = next((found for found in self.line_days if found), None) or self.claim_day
        if service_day is None and not is_predetermination:
            self.faults.doubt("x12.no-service-date", line)
        primary = self.primary if self.sequence != "P" and self.primary else self.payer
        provider = self.rendering or self.billing
        self.emit(
            ClaimRecord(
                source_id,
                self.created,
                self.facility,
                self.currency,
                number,
                self.patient,
                provider,
                primary[0],
                primary[1],
                self.kind,
                frequency,
                "cancelled" if frequency == "8" else "submitted",
                frequency,
                charged,
                None,
                service_day,
                self.submitted,
                None,
                is_predetermination,
            )
        )
        self.emit(
            ClaimEventRecord(
                f"{source_id}|{self.sequence}|{frequency}|{self.payer[0]}",
                self.created,
                self.facility,
                self.currency,
                number,
                "resubmitted" if is_resubmission else "submitted",
                frequency,
                self.payer[0],
                self.payer[1],
                self.sequence,
                "",
                charged,
                None,
                None,
                None,
                is_predetermination,
                self.submitted,
                service_day,
            )
        )
        if not is_predetermination and frequency != "8":
            for index, (code, system, value, quantity) in enumerate(self.lines):
                self.emit(
                    ChargeRecord(
                        f"{source_id}|{index + 1}",
                        self.created,
                        self.facility,
                        self.currency,
                        number,
                        "",
                        self.patient,
                        provider,
                        primary[0],
                        code,
                        system,
                        value,
                        quantity,
                        self.line_days[index] or self.claim_day,
                    )
                )
        self._begin_claim()

    def finish(self) -> None:
        """The set ends: the last claim ends with it."""
        self.end_claim()


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("", "BHT"): Claims.beginning,
    ("2000A", "HL"): Claims.level,
    ("2000B", "HL"): Claims.level,
    ("2000C", "HL"): Claims.level,
    ("2000A", "CUR"): Claims.money,
    ("2010AA", "NM1"): Claims.billing_provider,
    ("2010AA", "REF"): Claims.billing_reference,
    ("2000B", "SBR"): Claims.subscriber_level,
    ("2010BA", "NM1"): Claims.subscriber_name,
    ("2010BB", "NM1"): Claims.payer_name,
    ("2010CA", "NM1"): Claims.patient_name,
    ("2010CA", "DMG"): Claims.patient_birth,
    ("2300", "CLM"): Claims.begin_claim,
    ("2300", "DTP"): Claims.claim_date,
    ("2300", "HI"): Claims.diagnosis,
    ("2300", "REF"): Claims.claim_reference,
    ("2310B", "NM1*82"): Claims.rendering_provider,
    ("2310D", "NM1*82"): Claims.rendering_provider,
    ("2310C", "NM1*77"): Claims.service_facility,
    ("2310E", "NM1*77"): Claims.service_facility,
    ("2320", "SBR"): Claims.other_subscriber,
    ("2330B", "NM1"): Claims.other_payer,
    ("2400", "SV1"): Claims.professional_line,
    ("2400", "SV2"): Claims.institutional_line,
    ("2400", "SV3"): Claims.dental_line,
    ("2400", "DTP"): Claims.line_date,
}
