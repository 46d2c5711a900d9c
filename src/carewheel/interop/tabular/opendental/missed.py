"""One missed visit, counted once, although Open Dental records it in up to three places.

The places: appointment.AptStatus 5 (Broken); histappointment actions 2 (Missed) and 3 (Cancelled), also for
appointments that survive only there or were moved to another day; procedurelog D9986 (missed) and D9987 (cancelled).

An *occasion* is a patient who did not come on a day. Records of it are joined by AptNum and day, then by patient and
day; a history row without a date joins by AptNum alone. The reason is that of the procedure code (entered on purpose),
else the last history action. A broken appointment without any reason is `cancelled`, raw status ``5``: nothing says
that the patient stayed away unannounced, and a no-show rate must not be built on it; how many there are is a finding.

Ids: the broken appointment keeps its AptNum. An occasion whose appointment now stands on another day is
``AptNum@YYYY-MM-DD``; the last occasion of an appointment that survives only in history is its AptNum; a code that joins
nothing is ``proc:ProcNum``. A missed occasion whose appointment is booked or completed on that same day is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from carewheel.interop.files import Held

REASON_OF_CODE = {"D9986": "noshow", "D9987": "cancelled"}
REASON_OF_ACTION = {"2": "noshow", "3": "cancelled"}


@dataclass(slots=True)
class Occasion:
    """What one place says: whose visit, which day, why, when it was written down."""

    appointment: str
    patient: str
    day: date | None
    reason: str
    raw: str
    stamp: datetime | None = None
    starts_at: datetime | None = None
    location: str = ""
    provider: str = ""
    procedure: str = ""
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a visit was missed: status, raw status, when it was cancelled, and whether two places disagree."""

    status: str
    raw_status: str
    cancelled_at: datetime | None
    contradicted: bool = False
    no_reason: bool = False


@dataclass
class Missed:
    """All occasions of an export. Fill it from history and procedures, then ask for each appointment."""

    history: Held[str, list[Occasion]] = field(default_factory=Held)
    deleted: Held[str, Occasion] = field(default_factory=Held)
    # The codes by procedure, and which procedures speak of an appointment, or of a patient's day.
    by_procedure: Held[str, Occasion] = field(default_factory=Held)
    codes: Held[str, list[str]] = field(default_factory=Held)
    codes_by_day: Held[tuple[str, date | None], list[str]] = field(default_factory=Held)
    standing: Held[str, tuple[date | None, str]] = field(default_factory=Held)
    # False once the appointments could not all be read: then nothing may be concluded from their absence.
    complete: bool = True
    counted: Held[tuple[str, date | None], bool] = field(default_factory=Held)

    def add_history(self, occasion: Occasion) -> None:
        """A Missed or Cancelled action; of two on one day the later stamp says why."""
        known = self.history.get(occasion.appointment, [])
        for index, other in enumerate(known):
            if other.day == occasion.day:
                if written(occasion) >= written(other):
                    known[index] = occasion
                break
        else:
            known = [*known, occasion]
        self.history[occasion.appointment] = known

    def add_code(self, occasion: Occasion) -> None:
        """A completed D9986 or D9987."""
        procedure, day = occasion.procedure, (occasion.patient, occasion.day)
        self.by_procedure[procedure] = occasion
        if occasion.appointment:
            self.codes[occasion.appointment] = [*self.codes.get(occasion.appointment, []), procedure]
        self.codes_by_day[day] = [*self.codes_by_day.get(day, []), procedure]

    def concerns(self, appointment: str) -> bool:
        """Whether history or a code speaks of the appointment."""
        return appointment in self.history or appointment in self.codes or appointment in self.deleted

    def broken(self, appointment: str, patient: str, day: date | None) -> Verdict:
        """The verdict on a visit that did not take place; what speaks of it is used up."""
        self.counted[patient, day] = True
        code = self._code(appointment, patient, day)
        history = self._history(appointment, day)
        best = code or history
        if best is None:
            return Verdict("cancelled", "5", None, no_reason=True)
        stamp = history.stamp if history is not None and best.reason == "cancelled" else None
        contradicted = code is not None and history is not None and code.reason != history.reason
        return Verdict(best.reason, best.raw, stamp, contradicted)

    def uncounted(self, occasion: Occasion) -> bool:
        """Whether no missed visit of that patient and day has been counted, nor the visit taken place after all."""
        return (
            not occasion.claimed
            and (occasion.patient, occasion.day) not in self.counted
            and not self.withdrawn(occasion)
        )

    def withdrawn(self, occasion: Occasion) -> bool:
        """Whether the appointment stands, booked or completed, on the very day of the occasion."""
        day, status = self.standing.get(occasion.appointment, (None, ""))
        return status in ("1", "2", "4") and day == occasion.day

    def _code(self, appointment: str, patient: str, day: date | None) -> Occasion | None:
        found = self._unclaimed(self.codes.get(appointment, []), lambda one: one.day == day)
        # A code of another appointment of that day speaks of that one.
        found = found or self._unclaimed(
            self.codes_by_day.get((patient, day), []), lambda one: one.appointment in ("", appointment)
        )
        if found is not None:
            found.claimed = True
            self.by_procedure[found.procedure] = found
        return found

    def _unclaimed(self, procedures: list[str], fits: Callable[[Occasion], bool]) -> Occasion | None:
        for procedure in procedures:
            found = self.by_procedure.get(procedure)
            if found is not None and not found.claimed and fits(found):
                return found
        return None

    def _history(self, appointment: str, day: date | None) -> Occasion | None:
        known = self.history.get(appointment, [])
        for found in known:
            if not found.claimed and (found.day == day or found.day is None):
                found.claimed = True
                self.history[appointment] = known
                return found
        return None


def written(occasion: Occasion) -> str:
    """When an occasion was written down, for sorting ("" sorts first)."""
    return occasion.stamp.isoformat() if occasion.stamp else ""
