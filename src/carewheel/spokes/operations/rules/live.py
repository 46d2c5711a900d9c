"""The day itself: from the events of a file to who waits, where it runs over, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from carewheel.science.queueing.clinic import Estimate
from carewheel.science.scheduling.live import LiveDay, LiveVisit, Move, OnDuty, outlook
from carewheel.science.scheduling.minutes import empirical, fixed, lognormal
from carewheel.spokes.operations.contracts_day import DayReport, EndAhead, Likely, MoveAhead, WaitAhead
from carewheel.spokes.operations.rules.given import Given, told

# How far durations of one type of visit spread where the file does not say.
SPREAD = 0.45
SCENARIOS = 400


def day_report(given: Mapping[str, object], seed: int = 0) -> DayReport:
    """The report of a file. Raises `CannotTell` for what cannot be, with the place in the file."""
    day = live_day_of(given)
    found = outlook(day, scenarios=SCENARIOS, seed=seed)
    waits = tuple(
        WaitAhead(v.visit, v.practitioner, v.comes, Likely(*v.start), Likely(*v.wait), v.long_wait)
        for v in found.visits
    )
    ends = tuple(
        EndAhead(e.practitioner, Likely(*e.end), Likely(*e.overtime), e.runs_over) for e in found.ends
    )
    moves = tuple(
        MoveAhead(
            p.move.kind, p.move.visit, told(p.move.to) if isinstance(p.move.to, float) else p.move.to, _words(p.move),
            _likely(p.waiting), _likely(p.overtime),
        )
        for p in found.proposals
    )  # fmt: skip
    return DayReport(round(day.now), waits, ends, moves)


def _likely(of: Estimate) -> Likely:
    return Likely(of.mean, of.low, of.high)


def _words(move: Move) -> str:
    to = told(move.to) if isinstance(move.to, float) else move.to
    return {
        "call": f"call {move.visit} in now", "room": f"give {move.visit} the room {to}",
        "practitioner": f"let {to} see {move.visit}", "telehealth": f"offer {move.visit} telehealth",
        "warn": f"tell {move.visit} to come at {to}", "earlier": f"ask {move.visit} to come at {to}",
    }[move.kind]  # fmt: skip


def live_day_of(given: Mapping[str, object]) -> LiveDay:
    """The day that a file states; see the guide for its keys."""
    top = Given("", given)
    now, turnover = top.minute("now"), top.number("turnover", 0)
    rooms = top.get("rooms", [])
    if not isinstance(rooms, list) or not all(isinstance(r, str) for r in rooms):
        raise top.refuse("rooms", "give a list of words")
    staff = []
    for p in top.many("practitioners"):
        staff.append(OnDuty(p.word("name"), p.minute("start"), p.minute("end")))
        p.done()
    visits = tuple(_visit(v) for v in top.many("visits"))
    top.done()
    return LiveDay(now, visits, tuple(staff), tuple(rooms), turnover)


def _visit(given: Given) -> LiveVisit:
    minutes, cv = given.number("minutes"), given.number("cv", SPREAD)
    late = given.get("late")
    if late is not None and (
        not isinstance(late, list) or not all(isinstance(m, (int, float)) for m in late)
    ):
        raise given.refuse("late", "give past minutes of arrival after the time told, early ones negative")
    found = LiveVisit(
        given.word("name"), given.word("practitioner"), given.minute("booked"), lognormal(minutes, cv) if cv else fixed(minutes),
        room=given.word("room", ""), show_rate=given.number("show_rate", 1), unpunctuality=None if late is None else empirical(late),
        told=given.maybe("told"), arrived=given.maybe("arrived"), roomed=given.maybe("roomed"), started=given.maybe("started"),
        done=given.maybe("done"), others=given.words("others"), telehealth=given.flag("telehealth"), gone=given.flag("gone"),
    )  # fmt: skip
    given.done()
    return found
