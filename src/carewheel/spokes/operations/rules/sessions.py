"""A practitioner's half-day as the facts tell it: slots, who comes, how long it takes, how early, who walks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.durations import duration_model
from carewheel.science.intervals import Estimate, t_mean, wilson
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import Minutes, WalkIns, Weights, empirical, fixed, mixture
from carewheel.science.scheduling import Patient as Booked
from carewheel.science.scheduling import Session as Halfday
from carewheel.spokes.operations.contracts import Chance, Ints, Words
from carewheel.spokes.operations.contracts_template import KnownSession, SessionFacts

DAY = 86_400
LEAST_SESSIONS, LEAST_VISITS, LEAST_MEASURED = 20, 100, 60
# Sessions are alike if their lengths agree to so many minutes; a session is of one type if so much of it is.
LENGTHS, OF_ONE_TYPE = 15, 0.8
# Whoever comes more than an hour early or late says more about the log than about punctuality.
EARLIEST, LATEST = -60, 60
# Fewer walk-ins than this share of the visits fill free slots; more of them are a stream of their own.
STREAM = 0.05
CAME, LATE = 0, 2
# Chances at which a modelled distribution of minutes is read off: the middles of fifty equal parts.
LEVELS = (np.arange(50) + 0.5) / 50


@dataclass(frozen=True, slots=True)
class HalfDays:
    """What science needs of a half-day. ``rows``: its visits in the facts (those booked, and walk-ins that fill slots); ``law``: minutes with the practitioner;
    ``late``: arrival less appointment; ``rate``: walk-ins a minute where they are a stream of their own."""

    known: KnownSession
    rows: Ints
    law: Minutes
    late: Minutes | None
    rate: float
    doubts: tuple[str, ...]

    def session(self, weights: Weights, slots: int | None = None, comes: float | None = None) -> Halfday:
        """The session with all slots alike."""
        patient = Booked(self.law, self.known.comes if comes is None else comes, self.late)
        return Halfday(
            (patient,) * (slots or self.known.slots), weights, float(self.known.length), self.walk_ins
        )

    @property
    def walk_ins(self) -> tuple[WalkIns, ...]:
        """The stream of walk-ins, if there is one."""
        return (
            (WalkIns(self.rate, 0.0, float(self.known.length), self.law),)
            if self.rate > 0 and self.known.length
            else ()
        )


def practitioners(facts: SessionFacts) -> tuple[tuple[str, str, int], ...]:
    """(place, practitioner, sessions) of whom enough is known, most sessions first."""
    names, at = np.unique(
        np.stack([facts.of_location, facts.of_provider], axis=1), axis=0, return_inverse=True
    )
    sessions = np.bincount(at.reshape(-1), minlength=len(names))
    visits = np.bincount(at.reshape(-1)[facts.session], minlength=len(names))
    enough = (sessions >= LEAST_SESSIONS) & (visits >= LEAST_VISITS)
    order = sorted(np.flatnonzero(enough), key=lambda i: (-sessions[i], *names[i]))
    return tuple((str(names[i, 0]), str(names[i, 1]), int(sessions[i])) for i in order)


def chosen(facts: SessionFacts, location: str, practitioner: str) -> tuple[str, str]:
    """The place and practitioner that are meant. Raises `CannotTell`: ``unknown-place``, ``unknown-practitioner``, ``too-few-sessions``."""
    there = sorted(set(facts.of_location.tolist()))
    if location and location not in there:
        raise CannotTell(
            "unknown-place", {"place": location}, f"places with sessions are: {', '.join(there)}"
        )
    people = sorted(
        {p for p, at in zip(facts.of_provider.tolist(), facts.of_location.tolist(), strict=True) if not location or at == location}
    )  # fmt: skip
    meant = [p for p in people if p.startswith(practitioner)]
    if practitioner and len(meant) != 1:
        raise CannotTell(
            "unknown-practitioner",
            {"practitioner": practitioner, "fit": len(meant)},
            f"give the beginning of one of: {', '.join(people)}",
        )
    known = [row for row in practitioners(facts) if (not location or row[0] == location) and row[1] in meant]
    if not known:
        raise CannotTell(
            "too-few-sessions",
            {"sessions_needed": LEAST_SESSIONS, "visits_needed": LEAST_VISITS},
            "read more of the past, with the practitioner of each appointment",
        )
    return known[0][0], known[0][1]


def half_days(facts: SessionFacts, location: str, practitioner: str, visit_type: str = "") -> HalfDays:
    """The half-days of the length that a practitioner has most.

    Raises `CannotTell` ``too-few-sessions`` (with ``visit_type``: of those that are mostly of this type), ``no-minutes`` (neither a log nor planned minutes).
    """
    own = np.flatnonzero((facts.of_provider == practitioner) & (facts.of_location == location))
    opens, closes = _usual_hours(facts, own)
    session, mine = _visits(facts, own, visit_type)
    own_sessions = np.unique(session)
    if own_sessions.size == 0:
        raise _too_few(0, visit_type)
    length = np.rint((closes - opens) / 60 / LENGTHS).astype(np.int64) * LENGTHS
    place = np.searchsorted(own, own_sessions)
    kinds, numbers = np.unique(length[place], return_counts=True)
    usual = int(kinds[np.argmax(numbers)])
    alike = own_sessions[length[place] == usual]
    inside = np.isin(session, alike)
    mine, session = mine[inside], session[inside]
    if alike.size < LEAST_SESSIONS or mine.size < LEAST_VISITS or usual <= 0:
        raise _too_few(int(alike.size), visit_type)
    walked = facts.walk_in[mine]
    stream = walked.mean() >= STREAM
    in_slots = ~walked if stream else np.ones(mine.size, dtype=bool)
    rows, session = mine[in_slots], session[in_slots]
    counts = np.bincount(np.searchsorted(alike, session), minlength=alike.size)
    slots = int(np.quantile(counts, 0.75, method="inverted_cdf"))
    minute = (facts.starts[rows] - opens[np.searchsorted(own, session)]) / 60
    times = _usual_times(session, minute, alike[counts == slots], slots, usual)
    filled = wilson(np.minimum(counts, slots).sum(), slots * alike.size)
    missed = wilson((facts.outcome[rows] != CAME).sum(), rows.size)
    law, measured, by = _law(facts, rows, practitioner, visit_type, usual)
    late, early = _punctuality(facts, location)
    days = facts.opens[own] // DAY
    months = max(float(days.max() - days.min() + 1) / 30.4375, 1.0)
    at = law.values[np.searchsorted(np.cumsum(law.mass), [0.1, 0.9]).clip(max=law.mass.size - 1)]
    known = KnownSession(
        location, practitioner, visit_type, int(alike.size), float(own.size / months), usual, slots, times, as_chance(filled), as_chance(missed),
        float(filled.value) * (1 - float(missed.value)), (law.mean, law.sd, float(at[0]), float(at[1])), measured, by, early,
        float(walked.sum() / alike.size), _seen_wait(facts, rows),
    )  # fmt: skip
    rate = float(walked.sum() / alike.size / usual) if stream else 0.0
    doubts = _doubts(known, bool(facts.from_hours[alike].all()), own.size, stream)
    if facts.in_room[rows].any():
        doubts += (
            "The log has no begin of the visit: being taken to the room or chair stands for it, waiting there counts as work.",
        )
    return HalfDays(known, rows, law, late, rate, doubts)


def _too_few(sessions: int, visit_type: str) -> CannotTell:
    remedy = "leave --type out, or read more of the past" if visit_type else "read more of the past"
    return CannotTell(
        "too-few-sessions",
        {"sessions": sessions, "sessions_needed": LEAST_SESSIONS, "visits_needed": LEAST_VISITS},
        remedy,
    )


def _usual_hours(facts: SessionFacts, own: Ints) -> tuple[Ints, Ints]:
    """Opening and close of own sessions; where no hours are on record, those of the same half of the day at which it usually begins and ends."""
    opens, closes = facts.opens[own].copy(), facts.closes[own].copy()
    guessed = ~facts.from_hours[own]
    half = opens % DAY >= DAY // 2
    for part in (guessed & half, guessed & ~half):
        if part.any():
            begin = np.quantile(opens[part] % DAY, 0.25, method="inverted_cdf")
            end = np.quantile(closes[part] % DAY, 0.75, method="inverted_cdf")
            opens[part], closes[part] = (
                opens[part] // DAY * DAY + int(begin),
                opens[part] // DAY * DAY + int(end),
            )
    return opens, closes


def _visits(facts: SessionFacts, own: Ints, visit_type: str) -> tuple[Ints, Ints]:
    """Session and row of own visits. A slot that was given back late and taken by another is one visit, not two."""
    mine = np.flatnonzero(np.isin(facts.session, own))
    key = np.stack([facts.session[mine], facts.starts[mine]], axis=1)
    _, at = np.unique(key, axis=0, return_inverse=True)
    others = np.bincount(at.reshape(-1), facts.outcome[mine] != LATE)[at.reshape(-1)]
    mine = mine[(facts.outcome[mine] != LATE) | (others == 0)]
    if visit_type:
        if visit_type not in set(facts.visit_type[mine].tolist()):
            words = ", ".join(sorted(set(facts.visit_type[mine].tolist())))
            raise CannotTell("unknown-type", {"type": visit_type}, f"types of this practitioner are: {words}")
        _, at = np.unique(facts.session[mine], return_inverse=True)
        fit = facts.visit_type[mine] == visit_type
        share = np.bincount(at, fit) / np.bincount(at)
        mine = mine[(share >= OF_ONE_TYPE)[at]]
    return facts.session[mine], mine


def _usual_times(
    session: Ints, minute: NDArray[np.float64], full: Ints, slots: int, length: int
) -> tuple[float, ...]:
    """The middle of the k-th appointments of full sessions, in whole minutes."""
    found = np.sort(np.array([np.sort(minute[session == s]) for s in full]).reshape(full.size, slots), axis=1)
    times = np.rint(np.median(found, axis=0)).clip(0, length)
    return tuple(float(t) for t in np.maximum.accumulate(times))


def _law(
    facts: SessionFacts, rows: Ints, practitioner: str, visit_type: str, length: int
) -> tuple[Minutes, int, str]:
    """Minutes with the practitioner, on how many visits they were measured, and by what."""
    own = rows[~np.isnan(facts.minutes[rows]) & (facts.outcome[rows] == CAME)]
    if visit_type:
        own = own[facts.visit_type[own] == visit_type]
    if own.size >= LEAST_MEASURED:
        return empirical(np.minimum(facts.minutes[own], length)), int(own.size), "log"
    mine = rows[facts.planned[rows] > 0]
    if visit_type:
        mine = mine[facts.visit_type[mine] == visit_type]
    if mine.size < LEAST_MEASURED:
        raise CannotTell(
            "no-minutes", {"logged": int(own.size), "planned": int(mine.size), "needed": LEAST_MEASURED},
            "read a log of starts and ends, or appointments with their planned minutes",
        )  # fmt: skip
    planned = facts.planned[mine]
    logged = np.flatnonzero(~np.isnan(facts.minutes) & (facts.outcome == CAME) & (facts.planned > 0))
    if logged.size < LEAST_MEASURED:
        law = fixed(float(planned[0])) if np.ptp(planned) == 0 else empirical(planned)
        return law, int(planned.size), "plan"
    # What others take of their planned minutes: how long they take would mislead about types that they never do.
    model = duration_model(
        facts.minutes[logged] / facts.planned[logged],
        factors={"type": facts.visit_type[logged], "practitioner": facts.provider[logged]},
        width_by="type",
    )
    words, at, number = np.unique(facts.visit_type[mine], return_inverse=True, return_counts=True)
    share = model.quantiles({}, {"type": words, "practitioner": np.full(words.size, practitioner)}, LEVELS)
    laws = [empirical(np.minimum(np.outer(planned[at == k], share[k]), length)) for k in range(words.size)]
    return mixture(laws, number / number.sum()), int(logged.size), "model"


def _punctuality(facts: SessionFacts, location: str) -> tuple[Minutes | None, tuple[float, float] | None]:
    known = (facts.location == location) & (facts.arrived > 0) & (facts.outcome == CAME) & ~facts.walk_in
    if known.sum() < LEAST_MEASURED:
        return None, None
    early = (facts.arrived[known] - facts.starts[known]) / 60
    law = empirical(np.rint(np.clip(early, EARLIEST, LATEST)))
    return law, (law.mean, law.sd)


def waited(facts: SessionFacts, rows: Ints) -> NDArray[np.float64]:
    """Minutes (n,) from appointment or arrival, whichever was later, to the practitioner, of those of whom the log tells."""
    told = rows[(facts.began[rows] > 0) & (facts.arrived[rows] > 0) & (facts.outcome[rows] == CAME)]
    wait = (facts.began[told] - np.maximum(facts.arrived[told], facts.starts[told])) / 60
    return np.asarray(np.maximum(wait, 0.0), dtype=np.float64)


def _seen_wait(facts: SessionFacts, rows: Ints) -> Chance | None:
    wait = waited(facts, rows)
    if wait.size < LEAST_MEASURED:
        return None
    return as_chance(t_mean(wait.size, wait.sum(), (wait**2).sum()))


def _doubts(known: KnownSession, hours: bool, sessions: int, stream: bool) -> tuple[str, ...]:
    found = []
    if not hours:
        found.append("No opening hours of this practitioner are on record: halves of a day are cut at 13:00, and begin and end as visits usually do.")  # fmt: skip
    if known.minutes_by == "plan":
        found.append("No log of starts and ends is on record: planned minutes stand in. Real visits vary, so that real waits are longer than shown.")  # fmt: skip
    if known.minutes_by == "model":
        found.append(f"Fewer than {LEAST_MEASURED} visits of this half-day have a logged start and end: they are planned minutes times what all practitioners take of theirs.")  # fmt: skip
    if known.early is None:
        found.append("No arrivals are on record: patients are taken to come on time.")
    if known.sessions < 0.7 * sessions:
        found.append(f"{known.sessions} of {sessions} half-days have this length; the others are not looked at.")  # fmt: skip
    if stream:
        found.append("Walk-ins are many: they come as a stream of their own, and no proof is possible.")
    elif known.walk_ins > 0:
        found.append("Walk-ins are few: they count as patients who filled a slot.")
    return tuple(found)


def as_chance(of: Estimate) -> Chance:
    """A number with its interval as a contract."""
    return Chance(*(float(end) for end in of))


def groups_of(facts: SessionFacts, rows: Ints, attribute: str) -> Words:
    """The group of visits by "age band" or "sex"; "" unknown. Raises `CannotTell` ``unknown-attribute``."""
    if attribute == "sex":
        return facts.sex[rows]
    if attribute == "age band":
        year = facts.birth_year[rows]
        bands = np.array(["under 30", "30 to 59", "60 or older"])
        age = facts.as_of.year - year
        return np.where(year > 0, bands[np.searchsorted([30, 60], age, side="right")], "")
    raise CannotTell("unknown-attribute", {"attribute": attribute}, "give age or sex")


def by_group(facts: SessionFacts, rows: Ints, attribute: str) -> Mapping[str, tuple[int, float]]:
    """Visits and share that came, by group of which at least fifty visits are known."""
    names = groups_of(facts, rows, attribute)
    found = {}
    for name in np.unique(names[names != ""]):
        there = rows[names == name]
        if there.size >= 50:
            found[str(name)] = (int(there.size), float((facts.outcome[there] == CAME).mean()))
    return found
