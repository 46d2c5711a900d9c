"""835 remittances: payments, adjustments and what became of each claim; balanced at three levels or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from carewheel.interop.records import AdjustmentRecord, ClaimEventRecord, PaymentRecord, Record
from carewheel.interop.x12.faults import Faults
from carewheel.interop.x12.guides import Handler
from carewheel.interop.x12.interchange import Separators
from carewheel.interop.x12.reasons import adjustment_kind
from carewheel.interop.x12.values import DEFAULT_CURRENCY, amount, day, element

ZERO = Decimal(0)
_METHODS = {"ACH": "ach", "CHK": "check", "FWT": "wire", "BOP": "bank", "NON": "none"}
_SEQUENCES = {"1": "P", "19": "P", "2": "S", "20": "S", "3": "T", "21": "T"}
_REVERSAL, _PREDETERMINATION = "22", "25"


class Line:
    """One service line while it is gathered; ``first`` is the index of its first adjustment, ``place`` its segment."""

    __slots__ = ("charge", "code", "day", "first", "paid", "place", "remarks")

    def __init__(self, code: str, charge: Decimal, paid: Decimal, first: int, place: int) -> None:
        self.code, self.charge, self.paid = code, charge, paid
        self.day: date | None = None
        self.remarks: list[str] = []
        self.first, self.place = first, place


class Remittance:
    """The reader of one 835 set. ``emit`` takes each record; ``paid`` is told BPR02 as soon as it is read."""

    def __init__(
        self,
        separators: Separators,
        faults: Faults,
        emit: Callable[[Record], None],
        paid: Callable[[Decimal, str], None],
    ) -> None:
        self.component = separators.component
        self.faults = faults
        self.emit = emit
        self.paid = paid
        self.line = 0
        self.rows = 0
        self.payment = ZERO
        self.posted: date | None = None
        self.method = self.trace = self.originator = ""
        self.currency = DEFAULT_CURRENCY
        self.payer = self.payer_name = self.payee = ""
        self.sum_of_claims = self.sum_of_provider_level = ZERO
        self.occurrences: Counter[tuple[str, str]] = Counter()
        self.reversed: set[str] = set()
        self.claim: list[str] | None = None
        self._begin()

    def _begin(self) -> None:
        self.claim_line = 0
        self.patient = self.provider = ""
        self.claim_day: date | None = None
        self.remarks: list[str] = []
        # (group, reason, amount); those of a line stand together, claim level first
        self.adjustments: list[tuple[str, str, Decimal]] = []
        self.lines: list[Line] = []

    def _money(self, text: str, place: str) -> Decimal:
        value = amount(text)
        if value is None:
            self.faults.refuse("x12.bad-amount", self.line, place)
            return ZERO
        return value

    def beginning(self, e: list[str]) -> None:
        self.payment = self._money(element(e, 2), "BPR02")
        if element(e, 3) == "D":
            self.payment = -self.payment
        self.method = _METHODS.get(element(e, 4), element(e, 4))
        self.posted = day(element(e, 16))
        if element(e, 16) and self.posted is None:
            # Nothing of the payment can be placed in time, and a date is never invented.
            self.faults.refuse("x12.bad-date", self.line, "BPR16")

    def tracing(self, e: list[str]) -> None:
        self.trace, self.originator = element(e, 2), element(e, 3)

    def money(self, e: list[str]) -> None:
        self.currency = element(e, 2) or DEFAULT_CURRENCY

    def payer_identification(self, e: list[str]) -> None:
        self.payer, self.payer_name = element(e, 4), element(e, 2)

    def payer_reference(self, e: list[str]) -> None:
        if not self.payer and e[1] == "2U":
            self.payer = element(e, 2)

    def payee_identification(self, e: list[str]) -> None:
        self.payee = element(e, 4) if element(e, 3) == "XX" else ""

    def begin_claim(self, e: list[str]) -> None:
        self.end_claim()
        self.claim, self.claim_line = e, self.line
        self.rows += 1

    def name(self, e: list[str]) -> None:
        if e[1] == "QC":
            self.patient = element(e, 9) if element(e, 8) != "34" else ""
        elif e[1] == "82":
            self.provider = element(e, 9) if element(e, 8) == "XX" else ""

    def claim_date(self, e: list[str]) -> None:
        if e[1] == "232":
            self.claim_day = self._day(e)

    def line_date(self, e: list[str]) -> None:
        if e[1] in ("472", "150") and self.lines:
            self.lines[-1].day = self._day(e)

    def _day(self, e: list[str]) -> date | None:
        found = day(element(e, 2))
        if found is None:
            self.faults.doubt("x12.bad-date", self.line, "DTM02")
        return found

    def outpatient_remarks(self, e: list[str]) -> None:
        self.remarks += [code for code in e[3:8] if code]

    def inpatient_remarks(self, e: list[str]) -> None:
        self.remarks += [code for code in (element(e, 5), *e[20:24]) if code]

    def line_remark(self, e: list[str]) -> None:
        if element(e, 1) in ("HE", "RX") and self.lines:
            self.lines[-1].remarks.append(element(e, 2))

    def adjustment(self, e: list[str]) -> None:
        for place in range(2, min(len(e), 20), 3):
            if e[place] or element(e, place + 1):
                self.adjustments.append((e[1], e[place], self._money(element(e, place + 1), "CAS amount")))

    def service(self, e: list[str]) -> None:
        parts = e[1].split(self.component, 2)
        code = element(parts, 1)
        if not code:
            # Paid by its revenue code alone.
            code = element(e, 4)
        charge, paid = self._money(element(e, 2), "SVC02"), self._money(element(e, 3) or "0", "SVC03")
        self.lines.append(Line(code, charge, paid, len(self.adjustments), self.line))

    def end_claim(self) -> None:
        """Balance the claim that has been gathered and make its records, if there is one."""
        e = self.claim
        if e is None:
            return
        self.claim = None
        number, status = element(e, 1), element(e, 2)
        self.line, line = self.claim_line, self.line
        charged, paid = self._money(element(e, 3), "CLP03"), self._money(element(e, 4), "CLP04")
        share = self._money(element(e, 5), "CLP05") if element(e, 5) else None
        self.line = line
        self._balance(charged, paid, share, status)
        is_predetermination = status == _PREDETERMINATION
        if not is_predetermination:
            self.sum_of_claims += paid
        control = element(e, 7)
        # Named by the payment and the payer's claim number only: the same payment in another file posts once.
        self.occurrences[control, number] += 1
        times = self.occurrences[control, number]
        source_id = f"{self._base}|{control}|{number}|{times}"
        days = [one.day for one in self.lines if one.day]
        service_day = self.claim_day or (min(days) if days else None)
        is_reversal = status == _REVERSAL
        event = "reversed" if is_reversal else "corrected" if number in self.reversed else "adjudicated"
        if is_reversal:
            self.reversed.add(number)
        kinds = [adjustment_kind(group, reason) for group, reason, _ in self.adjustments]
        is_denial = paid == 0 and charged > 0 and not is_predetermination and "denial" in kinds
        self.emit(
            ClaimEventRecord(
                source_id,
                None,
                "",
                self.currency,
                number,
                event,
                status,
                self.payer or self.originator,
                self.payer_name,
                _SEQUENCES.get(status, ""),
                control,
                charged,
                paid,
                share,
                is_denial,
                is_predetermination,
                self.posted,
                service_day,
            )
        )
        if not is_predetermination:
            self.emit(
                PaymentRecord(
                    source_id,
                    None,
                    "",
                    self.currency,
                    number,
                    "",
                    self.patient,
                    self.provider or self.payee,
                    self.payer or self.originator,
                    self.payer_name,
                    "insurer",
                    self.method,
                    paid,
                    self.posted,
                    service_day,
                    is_reversal,
                    self.trace,
                )
            )
            self._adjustments(source_id, number, kinds, service_day)
        self._begin()

    def _adjustments(self, source_id: str, number: str, kinds: list[str], service_day: date | None) -> None:
        claim_remarks = " ".join(self.remarks)
        bounds = [one.first for one in self.lines]
        at = -1
        for index, (group, reason, value) in enumerate(self.adjustments):
            while at + 1 < len(bounds) and bounds[at + 1] <= index:
                at += 1
            one = self.lines[at] if at >= 0 else None
            self.emit(
                AdjustmentRecord(
                    f"{source_id}|{index + 1}",
                    None,
                    "",
                    self.currency,
                    number,
                    self.patient,
                    self.payer or self.originator,
                    self.payer_name,
                    kinds[index],
                    group,
                    reason,
                    " ".join(one.remarks) if one else claim_remarks,
                    one.code if one else "",
                    value,
                    self.posted,
                    (one.day if one else None) or service_day,
                )
            )

    def _balance(self, charged: Decimal, paid: Decimal, share: Decimal | None, status: str) -> None:
        """Charge less adjustments is payment, of each line and of the claim; PR adjustments are the patient's share."""
        adjusted = [value for _, _, value in self.adjustments]
        if charged - sum(adjusted, ZERO) != paid:
            self.faults.refuse("x12.unbalanced", self.claim_line, "claim: CLP03 - CAS is not CLP04")
        for index, one in enumerate(self.lines):
            stop = self.lines[index + 1].first if index + 1 < len(self.lines) else len(adjusted)
            if one.charge - sum(adjusted[one.first : stop], ZERO) != one.paid:
                self.faults.refuse("x12.unbalanced", one.place, "line: SVC02 - CAS is not SVC03")
        of_patient = sum([value for group, _, value in self.adjustments if group == "PR"], ZERO)
        if share is not None and of_patient != share and status not in (_REVERSAL, _PREDETERMINATION):
            self.faults.doubt("x12.patient-share", self.claim_line)

    def provider_level(self, e: list[str]) -> None:
        self.end_claim()
        for place in range(3, min(len(e), 15), 2):
            if not e[place] and not element(e, place + 1):
                continue
            value = self._money(element(e, place + 1), "PLB amount")
            reason = e[place].split(self.component, 1)[0]
            self.sum_of_provider_level += value
            self.occurrences["PLB", reason] += 1
            self.emit(
                PaymentRecord(
                    source_id=f"{self._base}|PLB|{reason}|{self.occurrences['PLB', reason]}",
                    currency=self.currency,
                    provider_key=e[1],
                    payer_id=self.payer or self.originator,
                    payer_name=self.payer_name,
                    payer_kind="insurer",
                    method="provider_level",
                    amount=-value,
                    posted_date=self.posted,
                    batch_id=self.trace,
                )
            )

    @property
    def identity(self) -> tuple[str, Decimal, date | None]:
        """Who paid under which number, how much, and when: what makes a payment the same one, whichever file brings it."""
        return self._base, self.payment, self.posted

    @property
    def _base(self) -> str:
        return f"{self.originator or self.payer}|{self.trace}"

    def finish(self) -> None:
        """The set ends: what was paid is the claims' payments less what was withheld at the provider's level."""
        self.end_claim()
        # Told at the end, since the currency comes after the payment.
        self.paid(self.payment, self.currency)
        if self.payment != self.sum_of_claims - self.sum_of_provider_level:
            self.faults.refuse("x12.unbalanced", self.line, "payment: BPR02 is not the sum of CLP04 less PLB")


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("", "BPR"): Remittance.beginning,
    ("", "TRN"): Remittance.tracing,
    ("", "CUR"): Remittance.money,
    ("1000A", "N1"): Remittance.payer_identification,
    ("1000A", "REF"): Remittance.payer_reference,
    ("1000B", "N1"): Remittance.payee_identification,
    ("2100", "CLP"): Remittance.begin_claim,
    ("2100", "CAS"): Remittance.adjustment,
    ("2100", "NM1*QC"): Remittance.name,
    ("2100", "NM1*82"): Remittance.name,
    ("2100", "DTM"): Remittance.claim_date,
    ("2100", "MOA"): Remittance.outpatient_remarks,
    ("2100", "MIA"): Remittance.inpatient_remarks,
    ("2110", "SVC"): Remittance.service,
    ("2110", "DTM"): Remittance.line_date,
    ("2110", "CAS"): Remittance.adjustment,
    ("2110", "LQ"): Remittance.line_remark,
    ("", "PLB"): Remittance.provider_level,
}
