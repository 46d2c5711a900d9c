"""A month's visits: requests become bookings, bookings are kept or not, and those who come go through the day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carewheel.invented import access, attendance
from carewheel.invented.access import Requests
from carewheel.invented.book import BOOKING_CHANNELS, NONE
from carewheel.invented.clockwork import working_days
from carewheel.invented.draws import Floats
from carewheel.invented.parameters import parameters
from carewheel.invented.ports import sd_of

if TYPE_CHECKING:
    from carewheel.invented.location import Place

Columns = dict[str, npt.NDArray[Any]]
Ints = npt.NDArray[np.int64]
DAY = 1440
PHONE, FRONT_DESK, ONLINE, WALK_IN = range(len(BOOKING_CHANNELS))


def month_of_visits(place: Place, month: int, first: int, end: int, digital: float) -> Columns:
    """All visits whose slot lies in this month, written to the book; columns for what follows."""
    given = [_given(place, month, first, end, index, digital) for index in range(len(place.desks))]
    v: Columns = {name: np.concatenate([g[name] for g in given]) for name in given[0]}
    order = np.lexsort((v["patient"], v["starts"]))
    v = {name: column[order] for name, column in v.items()}
    _fates(place, month, v)
    place.third_free = _third_free(place, v, first, end)
    _walk_ins(place, month, v)
    order = np.lexsort((v["patient"], v["starts"]))
    v.update({name: column[order] for name, column in v.items()})
    _the_day(place, month, v)
    _write(place, v)
    return v


def _given(place: Place, month: int, first: int, end: int, index: int, digital: float) -> Columns:
    p = parameters()
    desk = place.desks[index]
    fit_ins = 0.02 + (
        place.felt("C2b-C4", month, "growth.new_patients") * p["calibration.fit_ins_per_wait_sd"]
        if index == len(place.desks) - 1
        else 0.0
    )
    at, provider, room = desk.slots(*desk.sessions(first, end))
    u = place.draws.uniform(f"fit-ins {index}", month, len(at), 1)[:, 0]
    at, provider, room = access.with_fit_ins(at, provider, room, float(np.clip(fit_ins, 0.0, 0.9)), u)
    # Who has left or died in the meantime does not come any more.
    waiting = desk.waiting.take(place.population.active()[desk.waiting.patient])
    waiting.wanted = np.maximum(waiting.wanted, first * DAY)
    # A newcomer whose wanted day lies after this month asks again then.
    later = waiting.wanted >= end * DAY
    desk_later = waiting.take(later)
    waiting = waiting.take(~later)
    waiting = waiting.take(np.lexsort((waiting.patient, waiting.wanted)))
    slot = access.give_slots(waiting.wanted, at)
    placed = slot < len(at)
    # Who cannot be placed comes first next month, or gives up.
    left_over = waiting.take(~placed)
    stays = (
        place.draws.uniform(f"gives up {index}", month, place.population.size, 1)[left_over.patient, 0]
        >= 0.35
    )
    pop = place.population
    z = place.draws.uniform("booking", month, pop.size, 8)
    desk.waiting = _known_since(left_over.take(stays), z[:, 0]) + desk_later
    got, slot = waiting.take(placed), slot[placed]
    starts = at[slot]
    z = z[got.patient]
    asked = np.where(got.asked != NONE, got.asked, starts - (got.lead_days * DAY).astype(np.int64))
    # Booked in office hours of the day; on the day itself some time before the visit.
    day = asked // DAY
    clock = 8 * 60 + (z[:, 0] * 540).astype(np.int64)
    same_day = starts - 20 - (z[:, 0] * 150).astype(np.int64)
    booked = np.where(got.asked != NONE, asked, np.where(day >= starts // DAY, same_day, day * DAY + clock))
    # Nobody books before the place knows of them.
    booked = np.minimum(np.maximum(booked, pop["joined_day"][got.patient] * DAY + 8 * 60), starts - 15)
    online = z[:, 1] < np.clip(digital * pop["digital"][got.patient] / p["population.digital_mean"], 0, 0.97)
    # Booked at the desk when the visit before ended: recalls that were agreed on long ahead.
    at_desk = (z[:, 2] < 0.35) & (got.lead_days > 20) & (got.asked == NONE)
    moved = (z[:, 3] < p["access.moved_share"]) & (starts - booked > 3 * DAY)
    # First agreed on for one to three working days earlier, at the same hour.
    open_days = working_days(first - 14, end)
    earlier = np.searchsorted(open_days, starts // DAY) - (1 + 3 * z[:, 4]).astype(np.int64)
    first_starts = np.where(moved, open_days[np.maximum(earlier, 0)] * DAY + starts % DAY, starts)
    moved &= first_starts > booked + DAY
    first_starts = np.where(moved, first_starts, starts)
    moved_at = np.where(
        moved, booked + ((first_starts - booked) * (0.2 + 0.7 * z[:, 5])).astype(np.int64), NONE
    )
    seats = np.array(desk.providers)[provider[slot]]
    kinds = 2 * index + (z[:, 6] < 0.18 if index == 0 else z[:, 6] < 0.62).astype(np.int64)
    delay = float(np.mean((starts - got.wanted) / DAY)) if len(starts) else 0.0
    desk.delays.append(delay + len(left_over.patient) / max(len(at) / (end - first), 1))
    desk.adapt()
    return {
        "patient": got.patient,
        "provider_index": seats,
        "provider": place.team.holders(seats, starts // DAY),
        "room": room[slot],
        "kind": kinds,
        "minutes": np.full(len(starts), desk.slot_minutes),
        "starts": starts,
        "booked_at": booked,
        "first_starts": first_starts,
        "moved_at": moved_at,
        "channel": np.where(online, ONLINE, np.where(at_desk, FRONT_DESK, PHONE)),
    }


def _known_since(left_over: Requests, uniforms: Floats) -> Requests:
    """Who waits for a slot of next month asked when he wanted this month's: so a full book is full on the day when it is looked at."""
    day = (left_over.wanted - (left_over.lead_days * DAY).astype(np.int64)) // DAY
    asked = np.minimum(
        day * DAY + 8 * 60 + (uniforms[left_over.patient] * 540).astype(np.int64), left_over.wanted
    )
    return replace(left_over, asked=np.where(left_over.asked != NONE, left_over.asked, asked))


def _third_free(place: Place, v: Columns, first: int, end: int) -> float:
    """What `operations.third_next_available` says on the evening before this month, by what was in the book then."""
    eve, days = first * DAY, end - first
    known = (v["booked_at"] < eve) & ((v["cancelled_at"] == NONE) | (v["cancelled_at"] >= eve))
    where = np.where((v["moved_at"] != NONE) & (v["moved_at"] >= eve), v["first_starts"], v["starts"])
    known &= (where >= eve) & (where < end * DAY)
    seats = sorted(seat for desk in place.desks for seat in desk.providers)
    row = np.searchsorted(seats, v["provider_index"][known])
    booked = np.zeros((len(seats), days))
    np.add.at(booked, (row, where[known] // DAY - first), v["minutes"][known])
    open_minutes = np.zeros_like(booked)
    for desk in place.desks:
        provider, _, starts, ends = desk.sessions(first, end)
        rows = np.searchsorted(seats, np.array(desk.providers)[provider])
        np.add.at(open_minutes, (rows, starts // DAY - first), ends - starts)
    works = open_minutes.sum(axis=1) > 0
    return float(access.third_free_half_hour(open_minutes, booked)[works].mean())


def _fates(place: Place, month: int, v: Columns) -> None:
    """No-show, cancellation and closed sessions, with what the links add."""
    pop = place.population
    u = place.draws.uniform("fates", month, pop.size, 5)[v["patient"]]
    online = v["channel"] == ONLINE
    share = float(online.mean()) if len(online) else 0.0
    gain = place.ports.gain("C6-C4") * sd_of("operations.no_show_rate")
    level = place.felt("C6-C4", month, "technology.online_booking") * sd_of("operations.no_show_rate")
    missing = level + gain * (online - share) / sd_of("technology.online_booking")
    lost = place.felt("C5-C4", month, "people.turnover") * sd_of("operations.kept_visits") / 340.0
    closed = -parameters()["calibration.closed_per_visit_lost"] * lost
    fate = attendance.decide(
        v["starts"], v["booked_at"], pop["forgets"][v["patient"]], u, missing,
        place.forgetful * place.play("no_show", month, 1.0), place.play("cancel", month, 1.0),
        float(np.clip(0.04 + closed, 0.0, 0.5)),
    )  # fmt: skip
    v["status"], v["late"], v["by_practice"] = fate.status, fate.late, fate.by_practice
    # What was cancelled first was never moved.
    never = (v["moved_at"] != NONE) & (fate.cancelled_at != NONE) & (v["moved_at"] >= fate.cancelled_at)
    v["moved_at"] = np.where(never, NONE, v["moved_at"])
    v["first_starts"] = np.where(never, v["starts"], v["first_starts"])
    v["cancelled_at"], v["no_show_probability"] = fate.cancelled_at, fate.no_show_probability
    # Half of those whose visit fell out ask again, and come to the next month's book.
    again = (v["status"] != attendance.KEPT) & (
        place.draws.uniform("again", month, pop.size, 1)[v["patient"], 0] < 0.5
    )
    for index, desk in enumerate(place.desks):
        mine = np.flatnonzero(again & (v["kind"] // 2 == index))
        wanted = v["starts"][mine] + 21 * DAY
        desk.waiting += Requests(
            v["patient"][mine], wanted, np.full(len(mine), NONE), np.full(len(mine), 14.0)
        )


def _walk_ins(place: Place, month: int, v: Columns) -> None:
    """At medical places people walk in and take slots that fell free in time."""
    if place.facts.kind != "medical":
        return
    pop = place.population
    fell_out = (v["status"] == attendance.CANCELLED) & (v["late"] == 0) & (v["by_practice"] == 0)
    free = np.flatnonzero(fell_out)
    u = place.draws.uniform("walk-ins", month, pop.size, 2)[v["patient"][free]]
    free = free[u[:, 0] < 0.3]
    active = np.flatnonzero(pop.active() & (pop["visits"] > 0))
    if not len(free) or not len(active):
        return
    who = active[(u[u[:, 0] < 0.3, 1] * len(active)).astype(np.int64)]
    # Nobody walks in on a day for which they had booked, or twice.
    day = v["starts"][free] // DAY
    ours = who * 10**6 + day
    once = np.zeros(len(who), dtype=bool)
    once[np.unique(ours, return_index=True)[1]] = True
    once &= ~np.isin(ours, v["patient"] * 10**6 + v["starts"] // DAY)
    free, who = free[once], who[once]
    new = {name: column[free] for name, column in v.items()}
    new["patient"] = who
    for name in ("booked_at", "first_starts"):
        new[name] = new["starts"]
    new["moved_at"] = new["cancelled_at"] = np.full(len(free), NONE)
    new["channel"] = np.full(len(free), WALK_IN)
    new["status"] = np.full(len(free), attendance.KEPT)
    new["late"] = new["by_practice"] = np.zeros(len(free), dtype=np.int64)
    new["no_show_probability"] = np.zeros(len(free))
    for name, column in new.items():
        v[name] = np.concatenate([v[name], column])


def _the_day(place: Place, month: int, v: Columns) -> None:
    pop = place.population
    kept = v["status"] == attendance.KEPT
    first_time = pop["first_kept_visit"][v["patient"]] == NONE
    founder = pop["joined_day"][v["patient"]] < int(place.group.month_starts[0])
    v["is_new"] = (first_time & ~founder).astype(np.int64)
    # Of several visits of a newcomer this month, those after the first kept one are not new.
    order = np.arange(len(kept))
    firsts = np.full(pop.size, len(kept) + 1)
    np.minimum.at(firsts, v["patient"][kept], order[kept])
    v["is_new"][order > firsts[v["patient"]]] = 0
    u = place.draws.uniform("day", month, pop.size, 5)[v["patient"][kept]]
    times = attendance.the_day(
        v["starts"][kept], v["provider_index"][kept], v["minutes"][kept], v["channel"][kept] == WALK_IN, u,
        place.team.clerks(), place.pace * place.play("wait", month, 1.0),
    )  # fmt: skip
    for name, values in zip(("arrived_at", "roomed_at", "started_at", "done_at"), times, strict=True):
        v[name] = np.full(len(kept), NONE)
        v[name][kept] = values
    walked = v["channel"] == WALK_IN
    v["booked_at"] = np.where(walked, v["arrived_at"], v["booked_at"])
    v["first_starts"] = np.where(walked, v["starts"], v["first_starts"])


def _write(place: Place, v: Columns) -> None:
    names = (
        "patient", "provider", "room", "kind", "booked_at", "first_starts", "moved_at", "starts", "minutes", "status",
        "late", "by_practice", "cancelled_at", "arrived_at", "roomed_at", "started_at", "done_at", "is_new", "channel",
        "no_show_probability",
    )  # fmt: skip
    v["row"] = place.writer.add("visit", **{name: v[name] for name in names})
    kept = v["status"] == attendance.KEPT
    pop, day = place.population, v["starts"] // DAY
    np.add.at(pop["visits"], v["patient"][kept], 1)
    fresh = kept & (v["is_new"] == 1)
    pop["first_visit_day"][v["patient"][fresh]] = day[fresh]
    seen = np.flatnonzero(kept)[::-1]
    never = pop["first_kept_visit"][v["patient"][seen]] == NONE
    pop["first_kept_visit"][v["patient"][seen[never]]] = v["row"][seen[never]]
    tally = place.tally
    tally.add("booked", day)
    tally.add("kept", day[kept])
    tally.add("missed", day[v["status"] == attendance.NOSHOW])
    tally.add("cancelled", day[v["status"] == attendance.CANCELLED])
    tally.add("late_cancelled", day[v["late"] == 1])
    tally.add("booked_online", day[v["channel"] == ONLINE])
    tally.add("new_patients", day[fresh])
    tally.add("kept_minutes", day[kept], v["minutes"][kept])
    tally.add("wait_minutes", day[kept], (v["roomed_at"] - v["arrived_at"])[kept])
