"""The day itself: forecasts against a clinic played minute by minute, laws of what is left by hand, and moves that never harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.validation.scheduling_day import LAWS, Truth, compared, drawn, less, played

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import Minutes, exponential, fixed
from carewheel.science.scheduling.live import LiveDay, LiveVisit, OnDuty, Values, done_move, outlook
from carewheel.science.scheduling.live.rest import draw, left_given, play, unchanged

STAFF = (OnDuty("A", 0, 100), OnDuty("B", 0, 100))


def known(day: LiveDay, truth: Truth) -> LiveDay:
    """The same day with nothing left to chance: every law has the one value that comes true."""
    visits = tuple(
        replace(
            v,
            duration=fixed(m),
            show_rate=0.0 if late is None else 1.0,
            unpunctuality=Minutes(late or 0, [1.0]),
            booked=v.booked + 30,
        )
        for v, m, late in zip(day.visits, truth.minutes, truth.late, strict=True)
    )
    return replace(day, visits=visits)


@pytest.mark.parametrize("number", range(12))
def test_a_day_without_chance_goes_as_the_clinic_plays_it(number: int) -> None:
    day, truth = drawn(number, 4)
    sure = known(day, truth)
    told = play(sure, draw(sure, 2, 0), unchanged(sure, range(len(sure.visits))))
    result = played(sure, truth, "nothing")
    over = np.maximum(told.end[0, 0] - [p.end for p in sure.practitioners], 0).sum()
    assert (np.nansum(told.wait[0, 0]), over) == (result.waiting, result.overtime)


def test_what_is_left_of_an_exponential_time_is_as_long_as_at_first() -> None:
    u = (np.arange(4000) + 0.5) / 4000
    law = exponential(20.0, 0.1)
    assert left_given(law, 35.0, u).mean() == pytest.approx(20.0, abs=0.2)
    assert left_given(law, 35.0, u).min() > 0


def test_who_is_late_is_less_likely_to_come() -> None:
    law = Minutes(0, [0.5, 0.5], 20.0)  # punctual, or twenty minutes late
    visit = LiveVisit("V", "A", 10, fixed(10), show_rate=0.8, unpunctuality=law)
    luck = draw(LiveDay(15, (visit,), STAFF), 40_000, 3)
    # Bayes: 0.8 * 0.5 / (0.8 * 0.5 + 0.2) = 2/3, and whoever comes is twenty minutes late.
    came = np.isfinite(luck.offset[:, 0])
    assert came.mean() == pytest.approx(2 / 3, abs=0.01)
    assert set(luck.offset[came, 0]) == {20.0}
    gone = draw(LiveDay(31, (visit,), STAFF), 100, 3)
    assert not np.isfinite(gone.offset).any(), "later than ever seen"


def test_a_patient_in_a_room_keeps_it_and_turnover_is_waited_for() -> None:
    held = LiveVisit("held", "A", 0, fixed(10), room="r", arrived=0, roomed=1)
    other = LiveVisit("other", "B", 0, fixed(5), room="r", arrived=0)
    busy = LiveVisit("busy", "A", 0, fixed(20), arrived=0, started=0)
    told = outlook(LiveDay(10, (held, other, busy), STAFF, ("r", "s"), turnover=5), scenarios=20)
    assert {v.visit: v.start[0] for v in told.visits} == {"held": 20, "other": 35}
    assert told.proposals[0].move.kind == "room"
    assert told.proposals[0].waiting.mean == 25


@pytest.mark.parametrize("number", range(6))
def test_no_proposal_lengthens_waiting_or_overtime_on_other_luck(number: int) -> None:
    day, _ = drawn(number, 9)
    day = replace(day, now=5.0, visits=(replace(day.visits[0], arrived=0.0, started=0.0), *(
        replace(v, arrived=3.0) if i % 3 == 1 and v.booked < 60 else v for i, v in enumerate(day.visits) if i
    )))  # fmt: skip
    for proposal in outlook(day, scenarios=100, seed=1).proposals:
        assert proposal.worth.low > 0
        assert min(proposal.waiting.mean, proposal.overtime.mean) >= 0
        assert done_move(day, proposal.move) != day


def test_played_days_have_less_waiting_and_no_more_overtime_with_moves() -> None:
    found = compared(8, 77, scenarios=20)
    for than in ("nothing", "arrival"):
        assert less(found, than, "waiting").mean > 0
        assert less(found, than, "overtime").mean >= 0


VISIT = LiveVisit("V", "A", 10, LAWS[20])


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: replace(VISIT, booked=-1), "negative-minutes"),
        (lambda: replace(VISIT, show_rate=1.1), "show-rate"),
        (lambda: replace(VISIT, duration=Minutes(-5, [1.0])), "negative-minutes"),
        (lambda: replace(VISIT, arrived=5, started=3), "events-in-order"),
        (lambda: replace(VISIT, done=5), "done-not-started"),
        (lambda: OnDuty("A", 10, 5), "hours"),
        (lambda: LiveDay(0, (), ()), "zero-capacity"),
        (lambda: LiveDay(-1, (), STAFF), "negative-minutes"),
        (lambda: LiveDay(0, (VISIT, VISIT), STAFF), "name-twice"),
        (lambda: LiveDay(0, (replace(VISIT, practitioner="C"),), STAFF), "missing-resource"),
        (lambda: LiveDay(0, (replace(VISIT, room="r"),), STAFF), "missing-resource"),
        (lambda: LiveDay(0, (replace(VISIT, arrived=5),), STAFF), "event-to-come"),
        (lambda: LiveDay(9, (replace(VISIT, started=5), replace(VISIT, name="W", started=6)), STAFF), "two-at-once"),
        (lambda: outlook(LiveDay(0, (VISIT,), STAFF), scenarios=5), "too-few-scenarios"),
        (lambda: Values(waiting=-1), "weights"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_remedy(make, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CannotTell) as refusal:
        make()
    assert refusal.value.code == code
    assert refusal.value.remedy


def test_a_day_that_is_over_has_an_end_and_no_moves() -> None:
    day = LiveDay(60, (replace(VISIT, arrived=9, started=10, done=30),), STAFF)
    told = outlook(day, scenarios=20)
    assert (told.visits, told.proposals) == ((), ())
    assert told.ends[0].end[0] == 30
