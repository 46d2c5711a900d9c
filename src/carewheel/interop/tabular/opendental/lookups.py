"""What the small tables of an export say about the large ones: codes, definitions, payers, claims of procedures."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from carewheel.interop.files import Held
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.values import ValueRefused

READ_FIRST = frozenset(
    [
        "procedurecode",
        "definition",
        "referral",
        "appointmenttype",
        "carrier",
        "insplan",
        "inssub",
        "claimpayment",
        "scheduleop",
    ]
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What other tables need of a claim."""

    claim_id: str
    is_primary: bool
    is_predetermination: bool
    payer_id: str
    payer_name: str


NO_CLAIM = Claim("", False, False, "", "")


class ProcedureClaims:
    """Procedure → claim, in 16 bytes a pair: these tables have millions of rows."""

    def __init__(self) -> None:
        self._procedures = array("q")
        self._claims = array("q")
        self._sorted = True

    def add(self, procedure: str, claim: str) -> None:
        """Remember that the procedure is on the claim (both are whole numbers, else `ValueRefused`)."""
        try:
            number, other = int(procedure), int(claim)
            self._procedures.append(number)
            self._claims.append(other)
        except (ValueError, OverflowError) as error:
            raise ValueRefused("export.bad-key", "A key is not a whole number.", "Export again.") from error
        self._sorted = False

    def claim_of(self, procedure: str) -> str:
        """The first claim (by number) that the procedure is on, or ""."""
        if not self._sorted:
            self._sort()
        if not procedure.isdecimal():
            return ""
        number = int(procedure)
        at = bisect_left(self._procedures, number)
        if at < len(self._procedures) and self._procedures[at] == number:
            return str(self._claims[at])
        return ""

    def _sort(self) -> None:
        # numpy sorts millions of pairs in a second and without a list of objects; small exports never load it.
        import numpy as np

        procedures = np.frombuffer(self._procedures, dtype=np.int64)
        claims = np.frombuffer(self._claims, dtype=np.int64)
        order = np.lexsort((claims, procedures))
        self._procedures, self._claims = (
            array("q", procedures[order].tobytes()),
            array("q", claims[order].tobytes()),
        )
        self._sorted = True


@dataclass
class Lookups:
    """Filled by the tables of `READ_FIRST` and by claims; empty where the export lacks them.

    Lists of codes are small; what grows with the practice is `Held`, in bounded memory.
    """

    codes: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, tuple[str, str]] = field(default_factory=dict)
    referrers: Held[str, tuple[str, str, str]] = field(default_factory=Held)
    appointment_types: dict[str, str] = field(default_factory=dict)
    carriers: dict[str, tuple[str, str]] = field(default_factory=dict)
    plans: Held[str, tuple[str, str]] = field(default_factory=Held)
    subscriptions: Held[str, tuple[str, date | None, date | None]] = field(default_factory=Held)
    checks: Held[str, Decimal] = field(default_factory=Held)
    paid_by_check: Held[str, Decimal] = field(default_factory=Held)
    operatories: Held[str, list[str]] = field(default_factory=Held)
    claims: Held[str, Claim] = field(default_factory=Held)
    primary: ProcedureClaims = field(default_factory=ProcedureClaims)
    secondary: ProcedureClaims = field(default_factory=ProcedureClaims)

    def take(self, table: str, cells: Cells) -> Outcome:
        """Remember one row of a small table; it is used, and yields no record of its own."""
        getattr(self, f"_{table}")(cells)
        return ()

    def code(self, cells: Cells) -> str:
        """The procedure code of a row: by its CodeNum, or as a joined query wrote it."""
        return self.codes.get(cells.text("CodeNum")) or cells.text("ProcCode")

    def payer(self, plan: str) -> tuple[str, str]:
        """Payer id and name of a plan: the carrier's electronic id where it has one."""
        carrier = self.plans.get(plan, ("", ""))[0]
        return self.carriers.get(carrier, (f"carrier:{carrier}" if carrier else "", ""))

    def claim_of_procedure(self, procedure: str) -> Claim:
        """The claim that a procedure is on, the primary payer's first."""
        number = self.primary.claim_of(procedure) or self.secondary.claim_of(procedure)
        return self.claim(number)

    def claim(self, number: str) -> Claim:
        """A claim by its number; without a claim table its id is made from the number."""
        if not number:
            return NO_CLAIM
        return self.claims.get(number) or Claim(f"od:{number}", True, False, "", "")

    def _procedurecode(self, cells: Cells) -> None:
        self.codes[cells.needed("CodeNum")] = cells.text("ProcCode")

    def _definition(self, cells: Cells) -> None:
        self.definitions[cells.needed("DefNum")] = (cells.text("ItemName"), cells.text("ItemValue"))

    def _referral(self, cells: Cells) -> None:
        number = cells.needed("ReferralNum")
        patient = cells.key("PatNum")
        if patient:
            kind, who, channel = "patient", patient, "patient"
        elif cells.flag("NotPerson"):
            # A source that the practice marked as no person (a web site, a sign): its name is where patients come from.
            kind, who, channel = "other", f"referral:{number}", cells.text("LName")
        elif cells.flag("IsDoctor"):
            kind, who, channel = "professional", f"referral:{number}", "professional"
        else:
            kind, who, channel = "other", f"referral:{number}", "other"
        self.referrers[number] = (kind, who, channel)

    def _appointmenttype(self, cells: Cells) -> None:
        self.appointment_types[cells.needed("AppointmentTypeNum")] = cells.text("AppointmentTypeName")

    def _carrier(self, cells: Cells) -> None:
        number = cells.needed("CarrierNum")
        self.carriers[number] = (cells.text("ElectID") or f"carrier:{number}", cells.text("CarrierName"))

    def _insplan(self, cells: Cells) -> None:
        self.plans[cells.needed("PlanNum")] = (cells.key("CarrierNum"), cells.text("PlanType"))

    def _inssub(self, cells: Cells) -> None:
        number = cells.needed("InsSubNum")
        self.subscriptions[number] = (
            cells.key("PlanNum"),
            cells.date("DateEffective"),
            cells.date("DateTerm"),
        )

    def _claimpayment(self, cells: Cells) -> None:
        amount = cells.money("CheckAmt")
        if amount is not None:
            self.checks[cells.needed("ClaimPaymentNum")] = amount

    def _scheduleop(self, cells: Cells) -> None:
        schedule = cells.needed("ScheduleNum")
        self.operatories[schedule] = [*self.operatories.get(schedule, []), cells.needed("OperatoryNum")]
