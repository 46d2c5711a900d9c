"""Who may not come: chances of the visits ahead, what to offer whom, and whether the score is right and fair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.attendance import (
    ACTIONS,
    LATE_CANCEL,
    MISSED,
    AttendanceModel,
    Bookings,
    ChanceModel,
    Features,
    Outcomes,
    Recalibration,
    accuracy,
    attendance_model,
    band_shares,
    bookings,
    drift,
    fairness_audit,
    features,
    kept,
    outcomes,
    outreach,
    rolled,
    sentence,
    sentences,
)
from carewheel.science.intervals import Estimate, wilson
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import (
    AttendanceReport,
    BookedVisits,
    Chance,
    Foreseen,
    ForeseenAhead,
    GroupFairness,
    VisitRisk,
)
from carewheel.spokes.operations.rules.waiting_burden import expected_waits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEED = 20_251
DAY = 86_400
# The last weeks are foretold as they would have been, by a model that has not seen them.
TEST_DAYS = 56
LEAST_TESTED = 500
AHEAD_DAYS = 14
# Each sentence opens the trees once more: only what somebody will read is explained.
EXPLAINED = 100
BANDS = (0, 18, 30, 45, 60, 75)


@dataclass(frozen=True, slots=True)
class _Learnt:
    model: AttendanceModel
    missed: Recalibration
    late: Recalibration | None
    by: str
    why: str


def attendance_report(
    visits: BookedVisits,
    days: int = AHEAD_DAYS,
    calls: int | None = None,
    seed: int = SEED,
    measured: Mapping[str, Floats] | None = None,
) -> AttendanceReport:
    """Chances of the visits of the next ``days``, the riskiest first, and the audit of the score.

    ``measured``: by type the minutes of visits in the log, for who waits how long. ``calls``: how many patients the desk can reach out to (default: a tenth of the visits). The score is for help: a second confirmation, transport,
    telehealth; it never books two people into one slot. Raises `CannotTell` where there is no visit with an outcome and none ahead.
    """
    if not len(visits):
        raise CannotTell("no-visits", {}, "read appointments with the time of booking first")
    today = (visits.as_of - date(1970, 1, 1)).days
    of, known = _for_science(visits)
    tested, audit, gap, began = _tested(visits, of, known, today, seed, measured or {})
    learnt = _learnt(of, known, today, seed)
    soon = np.flatnonzero(visits.ahead & (visits.starts // DAY <= today + days))
    risks, expected, kept = _risks(visits, of, known, learnt, soon, today, calls)
    return AttendanceReport(
        as_of=visits.as_of, learnt_from=len(known), by=learnt.by, why_prior=learnt.why, tested=tested[0], tested_visits=tested[1],
        expected_misses=expected, drift_since=began, fairness=audit, visits=risks, kept=kept, left_out=visits.left_out,
        waiting_gap=gap,
    )  # fmt: skip


def foreseen_ahead(visits: BookedVisits, seed: int = SEED) -> ForeseenAhead:
    """The chance of every booked visit after the as-of date, each with its sentence, and the terms that are kept for the moment of booking.

    What to offer is said of the next fortnight, for a tenth of its visits. Raises `CannotTell` where no visit has a known time of booking.
    """
    if not len(visits):
        raise CannotTell("no-visits", {}, "read appointments with the time of booking first")
    today = (visits.as_of - date(1970, 1, 1)).days
    of, known = _for_science(visits)
    learnt = _learnt(of, known, today, seed)
    terms = learnt if not _has_trees(learnt.model) else _learnt(of, known, today, seed, trees=False)
    rows = np.flatnonzero(visits.ahead)
    foreseen: tuple[Foreseen, ...] = ()
    if rows.size:
        made = _as_of(of, known, rows, _tomorrow(of, rows, today))
        told = learnt.model.chances(made, learnt.missed, learnt.late)
        why = sentences(learnt.model.missed, made, told.missed)
        soon = np.flatnonzero(of.visit_day[rows] <= today + AHEAD_DAYS)
        action = np.zeros(rows.size, dtype=np.int64)
        action[soon] = outreach(np.asarray(told.missed.value)[soon], round(0.1 * soon.size)).action
        late = None if told.late_cancel is None else np.asarray(told.late_cancel.value)
        foreseen = tuple(
            Foreseen(
                _chance(told.missed, i), None if late is None else float(late[i]), why[i], ACTIONS[action[i]] if action[i] else ""
            )
            for i in range(rows.size)
        )  # fmt: skip
    return ForeseenAhead(
        visits.as_of, learnt.by, visits.source[rows], visits.visit[rows], visits.starts_at[rows], foreseen,
        {
            "missed": kept(terms.model.missed, terms.missed),
            "late": None if terms.model.late_cancel is None or terms.late is None else kept(terms.model.late_cancel, terms.late),
            "shares": band_shares(of, known.before(today + 1)).tolist(),
        },
    )  # fmt: skip


def _has_trees(model: AttendanceModel) -> bool:
    return bool(model.missed.rounds or (model.late_cancel and model.late_cancel.rounds))


def _tomorrow(of: Bookings, rows: Ints, today: int) -> Ints:
    """The day whose morning visits are refreshed for: the one after the as-of date."""
    day: Ints = np.maximum(of.booked_day[rows], np.minimum(today + 1, of.visit_day[rows]))
    return day


def _for_science(v: BookedVisits) -> tuple[Bookings, Outcomes]:
    year = v.as_of.year
    age = np.where(v.birth_year > 0, year - v.birth_year, np.nan).astype(np.float64)
    minutes = np.where(v.minutes > 0, v.minutes, np.nan)
    of = bookings(
        v.booked, v.starts // DAY, v.patient, v.starts % DAY // 60, {"age": age, "planned minutes": minutes},
        {"type": v.visit_type, "channel": v.channel, "practitioner": v.provider, "place": v.location},
    )  # fmt: skip
    told = np.flatnonzero(v.outcome >= 0)
    return of, outcomes(of, told, v.outcome[told], v.outcome_day[told])


def _learnt(of: Bookings, known: Outcomes, today: int, seed: int, trees: bool = True) -> _Learnt:
    """A model of all that was known by ``today``, and its filter brought up to this day."""
    seen = known.before(today + 1)
    late = bool((seen.kind == LATE_CANCEL).any())
    why = ""
    try:
        model = attendance_model(of, seen, seed, late_cancels=late, trees=trees)
    except CannotTell as error:
        if error.code != "missing-extra":
            raise
        model, why = attendance_model(of, seen, seed, late_cancels=late, trees=False), str(error)
    if not why and not model.missed.rounds:
        why = "too few outcomes for trees: the terms of the prior, moved by the practice's own visits, say all there is to say"
    made = features(of, seen)
    missed = _up_to_date(model.missed, of, made, seen, (MISSED,))
    of_late = (
        None if model.late_cancel is None else _up_to_date(model.late_cancel, of, made, seen, (LATE_CANCEL,))
    )
    return _Learnt(model, missed, of_late, "prior" if why else "trees", why)


def _up_to_date(
    model: ChanceModel, of: Bookings, made: Features, known: Outcomes, kinds: tuple[int, ...]
) -> Recalibration:
    """The filter after the last weeks. Chances of a miss are of those who did not cancel late."""
    recent = (
        known.visit[known.day > known.day.max() - TEST_DAYS] if len(known) else np.zeros(0, dtype=np.int64)
    )
    if not recent.size:
        return Recalibration.fresh(model.centre)
    kind = np.full(len(of), -1)
    kind[known.visit] = known.kind
    if LATE_CANCEL not in kinds:
        recent = recent[kind[recent] != LATE_CANCEL]
    fell = np.isin(kind[recent], kinds).astype(np.float64)
    return rolled(
        Recalibration.fresh(model.centre), model.log_odds(made.only(recent)), of.lead_days[recent], of.visit_day[recent], fell
    ).last  # fmt: skip


def _tested(
    v: BookedVisits, of: Bookings, known: Outcomes, today: int, seed: int, measured: Mapping[str, Floats]
) -> tuple[tuple[dict[str, Chance], int], tuple[GroupFairness, ...], dict[str, float], date | None]:
    """Figures, audit, gaps in waiting and drift of the last weeks, each day by what was known the evening before."""
    split = today - TEST_DAYS + 1
    before = known.before(split)
    late = np.flatnonzero((known.day >= split) & (known.day <= today) & (known.kind != LATE_CANCEL))
    fell = (known.kind[late] == MISSED).astype(np.float64)
    if len(before) < LEAST_TESTED or late.size < LEAST_TESTED or not 0 < fell.sum() < fell.size:
        return ({}, int(late.size)), (), {}, None
    model = _learnt(of, before, split - 1, seed)
    rows = known.visit[late]
    made = features(of, known).only(rows)
    order = np.argsort(of.visit_day[rows], kind="stable")
    rows, fell, made = rows[order], fell[order], made.only(order)
    found = rolled(
        model.missed, model.model.missed.log_odds(made), of.lead_days[rows], of.visit_day[rows], fell
    )
    chance = 1 / (1 + np.exp(-found.log_odds))
    told = accuracy(fell, chance, of.lead_days[rows], of.visit_day[rows], seed)
    figures = {name: _chance(getattr(told, name)) for name in ("auc", "brier", "ece", "auc_later")}
    figures["missed"] = _chance(wilson(fell.sum(), fell.size))
    alarm = drift(of.visit_day[rows], chance, fell).alarm
    table, gap = _audited(v, rows, fell, chance, measured)
    began = None if alarm is None else date(1970, 1, 1) + timedelta(days=int(alarm))
    return (figures, int(rows.size)), table, gap, began


def _audited(
    v: BookedVisits, rows: Ints, fell: Floats, chance: Floats, measured: Mapping[str, Floats]
) -> tuple[tuple[GroupFairness, ...], dict[str, float]]:
    """Whether the score is right for each group, and how long each waits by it: of waits there are fewer, where a practitioner is unknown."""
    audit = fairness_audit(_groups(v, rows), fell, chance)
    table = tuple(
        GroupFairness(
            r.attribute, r.group, r.visits, _known(r.missed), r.expected, _known(r.error), _known(r.flagged), _known(r.flagged_came)
        )
        for r in audit.rows
    )  # fmt: skip
    waits = expected_waits(v, rows, chance, measured)
    seen = ~np.isnan(waits)
    if not seen.any():
        return table, {}
    waited = fairness_audit(_groups(v, rows[seen]), fell[seen], chance[seen], waiting_minutes=waits[seen])
    by = {(r.attribute, r.group): _known(r.waiting_minutes) for r in waited.rows}
    return tuple(
        replace(row, waiting=by.get((row.attribute, row.group))) for row in table
    ), waited.waiting_gap


def _groups(v: BookedVisits, rows: Ints) -> dict[str, ArrayLike]:
    """Attributes of the audit: age band, sex and place, as far as they are known."""
    age = v.as_of.year - v.birth_year[rows]
    names = np.array([f"{low} to {high - 1}" for low, high in pairwise(BANDS)] + [f"{BANDS[-1]} or older"])
    bands = np.where(v.birth_year[rows] > 0, names[np.searchsorted(BANDS[1:], age, side="right")], "unknown")
    given: dict[str, NDArray[np.str_]] = {
        "age band": bands,
        "sex": np.where(v.sex[rows] == "", "unknown", v.sex[rows]),
        "place": v.location[rows],
    }
    return {name: words for name, words in given.items() if len(np.unique(words)) > 1}


def _risks(
    v: BookedVisits, of: Bookings, known: Outcomes, learnt: _Learnt, soon: Ints, today: int, calls: int | None
) -> tuple[tuple[VisitRisk, ...], Chance, float]:
    if not soon.size:
        return (), Chance(0.0, 0.0, 0.0), 0.0
    made = _as_of(of, known, soon, _tomorrow(of, soon, today))
    told = learnt.model.chances(made, learnt.missed, learnt.late)
    p = np.asarray(told.missed.value)
    plan = outreach(p, round(0.1 * p.size) if calls is None else calls)
    rows: list[VisitRisk] = []
    for i in np.argsort(-p, kind="stable"):
        k = soon[i]
        rows.append(
            VisitRisk(
                visit=str(v.visit[k]), location=str(v.location[k]), starts_at=datetime.fromtimestamp(int(v.starts_at[k]), UTC), starts_local=datetime(1970, 1, 1) + timedelta(seconds=int(v.starts[k])),  # noqa: DTZ001
               
                visit_type=str(v.visit_type[k]), lead_days=int(of.lead_days[k]), missed=_chance(told.missed, i),
                late_cancel=None if told.late_cancel is None else _chance(told.late_cancel, i),
                why=sentence(learnt.model.missed, made, int(i), told.missed) if len(rows) < EXPLAINED else "",
                action=ACTIONS[plan.action[i]] if plan.action[i] else "",
            )
        )  # fmt: skip
    spread = 1.645 * float(np.sqrt((p * (1 - p)).sum()))
    total = float(p.sum())
    return tuple(rows), Chance(total, max(total - spread, 0.0), total + spread), plan.kept


def _as_of(of: Bookings, known: Outcomes, rows: Ints, day: Ints) -> Features:
    """Features of some visits as they stand on ``day``; the calendar of all bookings is seen."""
    days = of.booked_day.copy()
    days[rows] = day
    return features(of, known, days).only(rows)


def _known(of: Estimate | None) -> Chance | None:
    return None if of is None else _chance(of)


def _chance(of: Estimate, row: int | None = None) -> Chance:
    value, low, high = (float(np.atleast_1d(end)[row or 0]) for end in of)
    return Chance(value, low, high)
