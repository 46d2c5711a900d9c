"""What patients and staff answer, who stays, what they learn: measures against answers worked out by hand."""

import math

import pytest
from tests.warehouse.facts_in_memory import at, facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, evaluate

AS_OF = on("2026-06-30")


def result(name, as_of=AS_OF, **tables):
    return evaluate(measure(name), DuckDbEngine(facts(**tables)), as_of)


def answers(question, scores, low, high, day="2026-05-04", **more):
    return [
        {
            "question": question,
            "score": s,
            "scale_min": low,
            "scale_max": high,
            "answered_at": at(day),
            "location_id": "L1",
            **more,
        }
        for s in scores
    ]


def test_nps_counts_nines_and_tens_less_zero_to_six() -> None:
    # 14 promoters, 4 passives, 6 detractors of 24: (14 - 6) / 24 = 33.33. Excluded: another scale, no score, a day too late.
    rows = answers("nps", [10] * 8 + [9] * 6 + [8, 7] * 2 + [6, 3, 0] * 2, 0, 10)
    rows += (
        answers("nps", [5, 5], 1, 5)
        + answers("nps", [None], 0, 10)
        + answers("nps", [0], 0, 10, day="2026-07-01")
    )
    r = result("experience.nps", survey_response=rows)
    assert r.total.value == pytest.approx(100 * 8 / 24)
    assert r.total.n == 24
    assert r.total.low < r.total.value < r.total.high
    assert r.by_location["L1"].value == r.total.value
    assert r.freshness == on("2026-05-04")


def test_the_detractor_share_is_three_of_twelve() -> None:
    r = result(
        "experience.detractor_share", survey_response=answers("nps", [10] * 7 + [8, 7] + [6, 3, 0], 0, 10)
    )
    assert r.total.value == pytest.approx(0.25)


def test_below_twenty_answers_there_is_no_number() -> None:
    r = result("experience.nps", survey_response=answers("nps", [10] * 19, 0, 10))
    assert (r.total.status, r.total.value, r.total.n) == ("not_enough_data", None, 19)


def test_csat_is_the_upper_quarter_of_any_scale() -> None:
    # 1 to 5: 4 and 5 count (6 of 8). 0 to 100: from 75 on (1 of 2). Together 7 of 10. Off the scale: out.
    rows = (
        answers("csat", [5, 5, 5, 4, 4, 4, 3, 1], 1, 5)
        + answers("csat", [75, 74], 0, 100)
        + answers("csat", [9], 1, 5)
    )
    r = result("experience.csat", survey_response=rows)
    assert (r.total.value, r.total.n) == (pytest.approx(0.7), 10)


def test_the_five_point_share_counts_four_and_five() -> None:
    rows = (
        answers("five_point", [5] * 6 + [4] * 2 + [3, 1], 1, 5)
        + answers("five_point", [5], 1, 10)
        + answers("five_point", [None], 1, 5)
    )
    assert result("experience.five_point_share", survey_response=rows).total.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("name", "question"), [("experience.ease", "ease"), ("experience.wait_score", "wait")]
)
def test_ease_and_felt_wait_are_means_on_a_hundred(name, question) -> None:
    # 1 to 7: 7 → 100, 4 → 50; five of each: mean 75.
    r = result(name, survey_response=answers(question, [7] * 5 + [4] * 5, 1, 7))
    assert r.total.value == pytest.approx(75)
    # Sum of squares about the mean 10 × 625, over 9, root, over root 10, times t(9) = 1.8331.
    assert r.total.high == pytest.approx(75 + 1.833113 * math.sqrt(6250 / 9 / 10))


def test_the_response_rate_gives_each_invitation_fourteen_days() -> None:
    # 24 invited on 1 May; 6 answered in time (one of them twice), 1 after 15 days. Sent on 17 June: not yet ripe.
    sent = [{"invitation_id": f"i{k}", "sent_at": at("2026-05-01")} for k in range(24)]
    sent += [
        {"invitation_id": "i24", "sent_at": at("2026-06-17")},
        {"invitation_id": "", "sent_at": at("2026-05-01")},
    ]
    back = [{"invitation_id": f"i{k}", "answered_at": at("2026-05-15")} for k in (0, 1, 2, 3, 4, 5, 5)]
    back += [
        {"invitation_id": "i6", "answered_at": at("2026-05-16")},
        {"invitation_id": "i24", "answered_at": at("2026-06-18")},
    ]
    r = result("experience.response_rate", survey_invitation=sent, survey_response=back)
    assert (r.total.value, r.total.n) == (pytest.approx(6 / 24), 24)


def pulses(question, scores, low, high):
    return [
        {
            "question": question,
            "score": s,
            "scale_min": low,
            "scale_max": high,
            "answered_date": on("2026-04-02"),
        }
        for s in scores
    ]


def test_staff_pulses_are_scored_like_their_scales() -> None:
    rows = (
        pulses("enps", [10, 9, 9, 8, 2] * 4, 0, 10)
        + pulses("engagement", [5, 5, 4, 4, 2], 1, 5)
        + pulses("burnout", [0, 25, 50, 75, 100], 0, 100)
    )
    assert result("people.enps", staff_pulse=rows).total.value == pytest.approx(40)  # 12 of 20 less 4 of 20
    assert result("people.engagement", staff_pulse=rows).total.value == pytest.approx(75)  # 100 100 75 75 25
    assert result("people.burnout", staff_pulse=rows).total.value == pytest.approx(50)


# July 2025 to June 2026 is 365 days. Nine people stay all through; one leaves on 31 December (184 days); one moves away on
# 31 March (274 days); one began on 1 January (181 days).
STAFF = [{"staff_key": f"s{k}", "started_date": on("2020-01-01")} for k in range(9)] + [
    {
        "staff_key": "s9",
        "started_date": on("2020-01-01"),
        "ended_date": on("2025-12-31"),
        "end_kind": "resigned",
    },
    {
        "staff_key": "s10",
        "started_date": on("2020-01-01"),
        "ended_date": on("2026-03-31"),
        "end_kind": "transfer",
    },
    {"staff_key": "s11", "started_date": on("2026-01-01")},
]
PERSON_YEARS = (9 * 365 + 184 + 274 + 181) / 365.25


def test_turnover_is_leavers_per_person_year() -> None:
    r = result("people.turnover", staff_spell=STAFF)
    assert r.total.value == pytest.approx(1 / PERSON_YEARS)
    # Person-months: 9 × 12 + 6 + 9 + 6.
    assert r.total.n == 129
    # Garwood, 90 %, one event: 0.0513 to 4.7439.
    assert r.total.high == pytest.approx(4.743865 / PERSON_YEARS, rel=1e-5)
    assert result("people.leavers", staff_spell=STAFF).total.value == 1
    assert result("people.headcount", staff_spell=STAFF).total.value == 10


def test_a_list_of_those_who_stayed_says_nothing_about_turnover() -> None:
    r = result("people.turnover", staff_spell=STAFF[:9])
    assert r.total.status == "unmeasured"


def test_training_hours_are_per_person_year_and_only_when_completed() -> None:
    rows = [
        {"hours": 40.0, "completed_date": on("2025-11-03")},
        {"hours": 20.0, "completed_date": on("2026-06-30")},
    ]
    rows += [
        {"hours": 99.0, "assigned_date": on("2026-01-01")},
        {"hours": 50.0, "completed_date": on("2026-07-01")},
    ]
    r = result("people.training_hours", staff_spell=STAFF, training=rows)
    assert r.total.value == pytest.approx(60 / PERSON_YEARS)
