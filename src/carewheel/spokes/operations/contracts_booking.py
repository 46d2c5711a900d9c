"""What booking asks and answers: slots, visits, the day board, the waitlist. Frozen, without Django; moments are aware, in the zone of the location."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class SlotQuestion:
    """Which free times are looked for: a visit type, from a moment on, at some locations or (empty) all that may be seen.

    ``patient_side``: under the rules for patients (online setting, lead time, horizon); staff see every free time.
    ``resource_ids``: only with these practitioners or rooms, where any of a kind is named. ``minutes``: for a visit that lasts so long.
    """

    visit_type_id: int
    earliest: datetime
    latest: datetime | None = None
    location_ids: tuple[int, ...] = ()
    resource_ids: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    between: tuple[time, time] | None = None
    patient_side: bool = False
    new_patient: bool = False
    minutes: int | None = None
    count: int = 10


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A start that is free with a resource for each need, in order of the needs."""

    location_id: int
    visit_type_id: int
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A visit to be booked. Without ``resource_ids`` the free ones that serve best are taken; ``hold_id`` turns a hold into the visit.

    ``override_reason``: staff with permission book although something is taken or a rule says no. ``key``: the same request sent again gets
    the first answer.
    """

    location_id: int
    visit_type_id: int
    starts_at: datetime
    patient_id: int | None = None
    resource_ids: tuple[int, ...] = ()
    hold_id: int | None = None
    minutes: int | None = None
    channel: str = "desk"
    patient_side: bool = False
    override_reason: str = ""
    key: str = ""


class Occupied(NamedTuple):
    """A resource that a visit has, and when. A tuple: a week has thousands."""

    resource_id: int
    resource_name: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    overbooks: bool = False


@dataclass(frozen=True, slots=True)
class VisitDetail:
    """A visit as pages show it. ``request_state``: "" where CareWheel holds the book, else open, confirmed or contradicted."""

    id: int
    version: int
    location_id: int
    location_name: str
    status: str
    starts_at: datetime
    ends_at: datetime
    visit_type_id: int | None
    visit_type: str
    patient_id: int | None
    patient_name: str
    occupied: tuple[Occupied, ...]
    hold_until: datetime | None = None
    arrived_at: datetime | None = None
    roomed_at: datetime | None = None
    with_clinician_at: datetime | None = None
    done_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    late_cancel: bool = False
    is_new_patient: bool | None = None
    no_show_risk: float | None = None
    override_reason: str = ""
    channel: str = ""
    series_id: int | None = None
    request_state: str = ""


@dataclass(frozen=True, slots=True)
class VisitLine:
    """A visit in the list of a patient's."""

    id: int
    location_name: str
    status: str
    starts_at: datetime
    ends_at: datetime
    visit_type: str


class TakenBack(NamedTuple):
    """A visit that stands again after it was cancelled by mistake. ``told``: its patient had been told of the cancellation before."""

    visit: VisitDetail
    told: bool


class ScheduledVisit(NamedTuple):
    """A visit as the schedule shows it; what else is known of it says `VisitDetail`. A tuple: a week has thousands."""

    id: int
    version: int
    status: str
    starts_at: datetime
    ends_at: datetime
    visit_type: str
    patient_id: int | None
    patient_name: str
    occupied: tuple[Occupied, ...]
    no_show_risk: float | None = None
    request_state: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleColumn:
    """A practitioner or room of the schedule, with when it is there (open spans) that day by day."""

    resource_id: int
    name: str
    kind: str
    open: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Some days of one location: its columns and its visits in order of start."""

    location_id: int
    location_name: str
    zone: str
    mode: str
    first: date
    days: int
    columns: tuple[ScheduleColumn, ...]
    visits: tuple[ScheduledVisit, ...]
    closed: tuple[tuple[date, str], ...] = ()


# The steps of a visit on its day, in order; `undo` goes one back.
STEPS = ("arrived", "roomed", "with-clinician", "done", "noshow", "undo")
# The columns of the board.
LANES = ("booked", "arrived", "roomed", "with-clinician", "done")


@dataclass(frozen=True, slots=True)
class BoardCard:
    """A visit on the day board. ``late_minutes``: how much later than planned it stands; ``waiting_minutes``: since arrival, not yet roomed."""

    visit: VisitDetail
    lane: str
    waiting_minutes: int | None
    late_minutes: int
    foreseen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The live day of a location. ``changed``: a number that moves with every change, for live updates."""

    location_id: int
    location_name: str
    date: date
    now: datetime
    cards: tuple[BoardCard, ...]
    changed: int


@dataclass(frozen=True, slots=True)
class WaitlistRequest:
    """Somebody who wants to be seen earlier or at all."""

    patient_id: int
    visit_type_id: int
    location_ids: tuple[int, ...]
    earliest: date
    latest: date | None = None
    weekdays: tuple[int, ...] = ()
    between: tuple[time, time] | None = None
    resource_ids: tuple[int, ...] = ()
    # 1 routine, 2 soon, 3 urgent
    urgency: int = 1
    # The booked visit that would be given back when an offer is claimed.
    instead_of_id: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class WaitlistLine:
    """An entry of the waitlist as pages show it. Status: waiting, offered, booked, withdrawn, expired."""

    id: int
    patient_id: int
    patient_name: str
    visit_type: str
    location_names: tuple[str, ...]
    urgency: int
    since: datetime
    earliest: date
    latest: date | None
    wishes: str
    status: str
    offers: int
    instead_of_id: int | None = None


@dataclass(frozen=True, slots=True)
class OfferDetail:
    """A slot offered to somebody who waits. Status: open, claimed, lapsed, declined, taken (by another of the group)."""

    id: int
    entry_id: int
    patient_name: str
    organisation_id: int
    location_id: int
    location_name: str
    visit_type: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class GapLine:
    """A time that became free. ``asked``: offers that may still be answered; ``next_round_at``: when the loop asks the next by itself."""

    id: int
    location_id: int
    location_name: str
    starts_at: datetime
    ends_at: datetime
    next_round_at: datetime | None
    asked: tuple[OfferDetail, ...]


@dataclass(frozen=True, slots=True)
class FittingLine:
    """Somebody who waits and whom a gap fits: from when, and the chance of a yes as earlier answers tell it."""

    entry_id: int
    patient_name: str
    visit_type: str
    urgency: int
    wishes: str
    starts_at: datetime
    accepts: float


@dataclass(frozen=True, slots=True)
class FillRate:
    """Of the gaps that were offered between two days: how many were filled, how many asked, minutes from gap to claim (median)."""

    offered: int
    filled: int
    asked: int
    median_minutes: float | None


@dataclass(frozen=True, slots=True)
class OutboundLine:
    """A change that the practice system still has to take over: an HL7 v2 SIU message and a task. State: open, confirmed, contradicted, closed."""

    id: int
    visit: VisitDetail
    event: str
    state: str
    created_at: datetime
    message: str
    what_to_do: str
