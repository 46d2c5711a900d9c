"""The schedule: a day or a week, people and rooms side by side; the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from markupsafe import Markup

from carewheel.practice.access import Permission
from carewheel.practice.clocks import clock_time
from carewheel.practice.models import Resource
from carewheel.spokes.operations.contracts_booking import (
    Occupied,
    Schedule,
    ScheduleColumn,
    ScheduledVisit,
)
from carewheel.spokes.operations.queries_booking import schedule
from carewheel.web.shell import Shell, day_of, needs_place, page, part, part_asked, patients_file, shell

# A row of the grid; the classes t0… and d1… of schedule.css place blocks on it.
STEP = 5
LONGEST = 288
VIEWS = ("people", "rooms", "both", "table")
PEOPLE = ("practitioner", "assistant")
RESOURCE_KINDS = tuple(Resource.Kind.values)
# What a view shows of people, rooms and devices.
KINDS = {"people": PEOPLE, "rooms": tuple(kind for kind in RESOURCE_KINDS if kind not in PEOPLE)}
STATUS_CLASS = {"proposed": " held", "pending": " pending", "noshow": " gone"}
MOVABLE = ("booked", "pending")
RISKY, DOUBTFUL = 0.3, 0.15
# When a person or room is there, by resource and day, in minutes of the day.
There = Mapping[tuple[int, date], Sequence[tuple[int, int]]]


class Block(NamedTuple):
    """A visit in a column. ``tag``: its link with the classes that place and colour it, and what dragging it has to know (first row, rows, minutes from
    the visit's start to it, minutes of the whole visit, version), up to the time that it shows."""

    visit: ScheduledVisit
    tag: Markup
    risky: bool
    moves: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A person or room on a day: when it is there (row, rows) and its visits."""

    column: ScheduleColumn
    day: date
    open: tuple[tuple[int, int], ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Looks:
    """What every block has to know: the minute at which the grid begins, by what it is coloured, and whether visits may be moved."""

    opens: int
    colour: str
    types: Mapping[str, int]
    may_write: bool
    clock: str

    def of(self, v: ScheduledVisit) -> str:
        if self.colour == "type":
            return f"k{self.types[v.visit_type] % 6}"
        risk = v.no_show_risk
        return "r0" if risk is None else "r3" if risk >= RISKY else "r2" if risk >= DOUBTFUL else "r1"


@needs_place
def schedule_page(request: HttpRequest) -> HttpResponse:
    """A day (people and rooms) or a week (people or rooms) at the location that is looked at."""
    words = _words(request)
    if part_asked(request):
        return part(request, "schedule/grid.html", words)
    return page(request, "schedule/schedule.html", words)


@needs_place
def schedule_csv(request: HttpRequest) -> HttpResponse:
    """The visits that the page shows."""
    frame = shell(request)
    first, days = _asked(request, frame)
    shown = schedule(frame.actor, frame.need_place().id, first, days)
    rows = (
        (v.starts_at.isoformat(), v.ends_at.isoformat(), v.patient_name, v.visit_type, v.status, ", ".join(o.resource_name for o in v.occupied))
        for v in shown.visits
    )  # fmt: skip
    return patients_file(request, f"schedule-{shown.first}", ("starts_at", "ends_at", "patient", "type", "status", "with"), rows)  # fmt: skip


def _asked(request: HttpRequest, frame: Shell) -> tuple[date, int]:
    """The first day, and how many: a week begins on Monday."""
    first = day_of(request, "first", frame.today)
    if request.GET.get("days") == "7":
        return first - timedelta(days=first.weekday()), 7
    return first, 1


def _words(request: HttpRequest) -> dict[str, Any]:
    frame = shell(request)
    place = frame.need_place()
    first, days = _asked(request, frame)
    week = days == 7
    view = request.GET.get("view", "")
    if view not in VIEWS:
        view = "people" if week else "both"
    found = schedule(frame.actor, place.id, first, days, KINDS.get(view, RESOURCE_KINDS))
    colour = "risk" if request.GET.get("colour") == "risk" else "type"
    types = sorted({v.visit_type for v in found.visits})
    there = _there(found)
    opens, closes = _span(found, there)
    may_write = frame.actor.may(Permission.SCHEDULE_WRITE, place.id)
    looks = _Looks(opens, colour, {name: n for n, name in enumerate(types)}, may_write, frame.clock)
    return {
        "schedule": found,
        "week": week,
        "first": first,
        "view": view,
        "colour": colour,
        "today": frame.today,
        "columns": [] if view == "table" else _columns(found, there, looks),
        "empty": not found.columns and view in ("both", "table"),
        "types": types,
        "hours": [(time(h), (h * 60 - opens) // STEP) for h in range(opens // 60, closes // 60)],
        "rows": (closes - opens) // STEP,
        "opens": opens,
        "closed": dict(found.closed),
        "days": [first + timedelta(days=i) for i in range(found.days)],
        "step": timedelta(days=7 if week else 1),
        "may_write": may_write,
        "may_step": frame.actor.may(Permission.FLOW_WRITE, place.id),
    }


def _there(found: Schedule) -> There:
    """When each person or room is there on each day, in minutes of the wall clock; who is there past midnight has a part on both days."""
    there: dict[tuple[int, date], list[tuple[int, int]]] = {}
    for column in found.columns:
        for a, b in column.open:
            day = a.date()
            while day <= b.date():
                start, end = max(_minute(a, day), 0), min(_minute(b, day), 1440)
                if start < end:
                    there.setdefault((column.resource_id, day), []).append((start, end))
                day += timedelta(days=1)
    return there


def _span(found: Schedule, there: There) -> tuple[int, int]:
    """First and last full hour that has to be seen, in minutes of the day."""
    days = {found.first + timedelta(days=i) for i in range(found.days)}
    spans = [span for (_, day), mine in there.items() if day in days for span in mine]
    spans += [
        (_minute(v.starts_at, day := v.starts_at.date()), _minute(v.ends_at, day)) for v in found.visits
    ]
    first = min((a for a, _ in spans), default=8 * 60) // 60 * 60
    last = -(-min(max((b for _, b in spans), default=18 * 60), 24 * 60) // 60) * 60
    return min(first, 23 * 60), max(last, first + 60)


def _minute(at: datetime, day: date) -> int:
    """Minutes of the wall clock since midnight of a day."""
    passed = at.hour * 60 + at.minute
    return passed if at.date() == day else (at.date() - day).days * 1440 + passed


def _columns(found: Schedule, there: There, looks: _Looks) -> list[tuple[date, list[Column]]]:
    by: dict[tuple[int, date], list[tuple[ScheduledVisit, Occupied]]] = {}
    for v in found.visits:
        for o in v.occupied:
            by.setdefault((o.resource_id, o.starts_at.date()), []).append((v, o))
    days = []
    for day in (found.first + timedelta(days=i) for i in range(found.days)):
        made = []
        for c in found.columns:
            spans = tuple(_rows(a, b, looks.opens) for a, b in there.get((c.resource_id, day), ()))
            mine = by.get((c.resource_id, day), [])
            # On a week, who is not there that day takes no room.
            if found.days > 1 and not spans and not mine:
                continue
            made.append(Column(c, day, spans, _blocks(mine, day, looks)))
        days.append((day, made))
    return days


def _rows(start: int, end: int, opens: int) -> tuple[int, int]:
    row = max((start - opens) // STEP, 0)
    return min(row, LONGEST - 1), min(max(-(-(end - opens) // STEP) - row, 1), LONGEST)


def _blocks(mine: list[tuple[ScheduledVisit, Occupied]], day: date, looks: _Looks) -> tuple[Block, ...]:
    """Blocks of a column; those that overlap (booked over on purpose) stand side by side."""
    made: list[Block] = []
    group: list[tuple[ScheduledVisit, Occupied, int, int, int]] = []
    busy_until = -1

    def close() -> None:
        width = min(max((lane for *_, lane in group), default=0) + 1, 3)
        for v, o, row, rows, lane in group:
            beside = f" of{width} at{lane}" if width > 1 else ""
            # An imported book may be over anything; what stands alone in its column is over nothing.
            over = " over" if o.overbooks and beside else ""
            made.append(_block(v, day, looks, row, rows, beside + over))
        group.clear()

    for v, o in sorted(mine, key=lambda one: one[1].starts_at):
        row, rows = _rows(_minute(o.starts_at, day), _minute(o.ends_at, day), looks.opens)
        if row >= busy_until:
            close()
        taken = {lane for *_, r, n, lane in group if r + n > row}
        lane = next(i for i in range(len(group) + 1) if i not in taken)
        group.append((v, o, row, rows, min(lane, 2)))
        busy_until = max(busy_until, row + rows)
    close()
    return tuple(made)


def _block(v: ScheduledVisit, day: date, looks: _Looks, row: int, rows: int, beside: str) -> Block:
    # Put together here, once, of numbers and words of our own only: a large week has thousands of blocks.
    start = _minute(v.starts_at, day)
    moves = looks.may_write and v.status in MOVABLE
    data = ""
    if moves:
        lasts, lead = int((v.ends_at - v.starts_at).total_seconds() // 60), looks.opens + row * STEP - start
        data = f' data-row="{row}" data-rows="{rows}" data-lead="{lead}" data-lasts="{lasts}" data-version="{v.version}"'
    colour = looks.of(v)
    tag = Markup(
        f'<a class="v t{row} d{rows} {colour}{beside}{STATUS_CLASS.get(v.status, "")}" href="/visits/{v.id}/" data-item data-dialog{data}>'
        f"{clock_time(v.starts_at, looks.clock)}"
    )
    return Block(v, tag, colour == "r3", moves)
