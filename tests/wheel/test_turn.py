"""The turn on small practices whose answers are worked out by hand."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.warehouse.loading import load_records

from carewheel.catalog.measures import measures
from carewheel.catalog.pitfalls import pitfalls
from carewheel.catalog.plays import plays
from carewheel.interop.records import (
    AppointmentRecord,
    ChangeRecord,
    LocationRecord,
    MarketingSpendRecord,
    PatientRecord,
    PaymentRecord,
    Record,
    ReviewRecord,
    SurveyResponseRecord,
)
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.document import check, schema
from carewheel.wheel.practices import practices
from carewheel.wheel.report import render
from carewheel.wheel.turn import NothingToTurn, turn

TODAY = date(2026, 1, 15)
Document = dict[str, Any]


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def checked(document: Document) -> Document:
    """The document as JSON has it, held to the schema."""
    as_json: Document = json.loads(json.dumps(document, default=str))
    check(as_json)
    return as_json


def visits_of(year: int, kept: int, missed: int, place: str = "") -> list[Record]:
    """``kept`` kept visits and ``missed`` missed ones in each month of a year."""
    rows: list[Record] = []
    for month in range(1, 13):
        for i in range(kept + missed):
            number = f"{place}{year}-{month}-{i}"
            rows.append(
                AppointmentRecord(
                    source_id=number, appointment_id=number, basis="appointment", location_id=place,
                    patient_key=f"p{i}", status="fulfilled" if i < kept else "noshow",
                    starts_at=datetime(year, month, 1 + i % 28, 9), minutes=30,
                )
            )  # fmt: skip
    return rows


def receipts_of(year: int, amount: str) -> list[Record]:
    return [
        PaymentRecord(
            f"{year}-{m}", posted_date=date(year, m, 28), amount=Decimal(amount), payer_kind="insurer"
        )
        for m in range(1, 13)
    ]


def test_reminders_are_worth_own_no_shows_times_the_trials_effect_times_own_revenue(space: Workspace) -> None:
    # 12 × 4 no-shows; 12 × 1,000 received over 12 × 10 kept visits = 100 a visit; the trial avoids 34 %.
    # 48 × .34 × 100 = 1,632. With the same receipts each month revenue a visit has no spread: the interval comes from
    # the no-shows (48: 37.2 to 61.0, exact Poisson) and the trial (.18 to .47).
    load_records(space, *visits_of(2025, 10, 4), *receipts_of(2025, "1000"))
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    action = document["actions"][0]
    assert (action["play"], action["owner"], action["check_date"]) == ("Q2", None, "2026-04-01")
    assert action["expected_value"]["mean"] == {"amount": "1632.00", "currency": "USD"}
    assert [line["amount"].replace("\N{NO-BREAK SPACE}", " ") for line in action["arithmetic"]] == [
        "48",
        "34 %",
        "$100",
        "$1,632",
    ]
    low, high = (Decimal(action["expected_value"][end]["amount"]) for end in ("low", "high"))
    assert low < Decimal(1632) * Decimal("0.8")
    assert high > Decimal(1632) * Decimal("1.2")
    assert document["headline"][2].startswith("Do next: better appointment scheduling")
    assert ", worth about $1,600 a year (" in document["headline"][2]


def test_a_play_without_own_money_has_no_number_and_says_why(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 10, 4))
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    assert {a["play"] for a in document["actions"]} == set(plays())
    assert all(a["expected_value"] is None and not a["arithmetic"] for a in document["actions"])
    reminders = next(a for a in document["actions"] if a["play"] == "Q2")
    assert reminders["why_no_number"] == "It needs revenue a kept visit, not measured yet."


def test_money_of_unknown_currency_is_worth_no_number(space: Workspace) -> None:
    from carewheel.interop.files import SourceFile
    from carewheel.warehouse.load import importing
    from carewheel.warehouse.spool import SourceSetting

    (space.root.parent / "f").write_text("x")
    with importing(space) as run:
        sink = run.sink("somewhere", "pms", SourceSetting("pms", "practice"))
        with sink.file(SourceFile(space.root.parent / "f", "f")) as out:
            for record in [*visits_of(2025, 10, 4), *receipts_of(2025, "1000")]:
                out.add(record)
        run.commit()
    reminders = next(a for a in turn(space, TODAY, date(2025, 12, 31))["actions"] if a["play"] == "Q2")
    assert reminders["expected_value"] is None
    assert "--currency" in reminders["why_no_number"]


def test_as_of_is_the_last_day_with_activity_and_never_in_the_future(space: Workspace) -> None:
    booked = AppointmentRecord(
        "f", appointment_id="f", basis="appointment", status="booked", starts_at=datetime(2026, 6, 1, 9)
    )
    load_records(space, *visits_of(2025, 2, 0), booked)
    document = checked(turn(space, TODAY))
    assert document["as_of"] == "2025-12-02"
    assert document["period"] == {"from": "2024-12-01", "to": "2025-11-30"}
    assert measure(document, "operations.kept_visits")["value"] == 22
    later = turn(space, TODAY, date(2025, 12, 31))
    assert later["period"] == {"from": "2025-01-01", "to": "2025-12-31"}
    assert measure(later, "operations.kept_visits")["value"] == 24


def test_as_of_leaves_out_what_came_after_it(space: Workspace) -> None:
    load_records(space, *visits_of(2024, 2, 0), *visits_of(2025, 9, 0))
    document = turn(space, TODAY, date(2024, 12, 31))
    assert measure(document, "operations.kept_visits")["value"] == 24


def test_nothing_dated_is_nothing_to_turn(space: Workspace) -> None:
    load_records(space, PatientRecord("1", patient_key="1", status="active"))
    with pytest.raises(NothingToTurn):
        turn(space, TODAY)


def test_sources_that_share_neither_place_nor_month_stand_side_by_side(space: Workspace) -> None:
    stars = [
        ReviewRecord(f"r{i}", location_id="far", rating=5, scale_max=5, posted_at=datetime(2025, 3, 1 + i))
        for i in range(9)
    ]
    load_records(space, *visits_of(2025, 3, 1, "lakeside"))
    load_records(space, *stars, source="reviews")
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    assert len(document["beside"]) == 1
    views = {tuple(view["practice"]): view for view in (document, *document["beside"])}
    assert measure(views[("pms",)], "growth.review_rating")["value"] is None
    assert measure(views[("reviews",)], "growth.review_rating")["value"] == 5
    assert measure(views[("reviews",)], "operations.kept_visits")["value"] is None


@pytest.mark.parametrize(
    ("place", "year", "together"),
    [("lakeside", 2019, True), ("", 2025, True), ("", 2019, False), ("far", 2025, False)],
)
def test_a_shared_place_or_a_shared_month_without_places_makes_one_practice(
    space: Workspace, place: str, year: int, together: bool
) -> None:
    load_records(space, *visits_of(2025, 3, 1, "lakeside"))
    spend = MarketingSpendRecord(
        "1", location_id=place, channel="ads", amount=Decimal(10), starts_date=date(year, 5, 1)
    )
    load_records(space, spend, source="spend")
    assert (len(practices(space, TODAY)) == 1) is together


def test_a_list_of_places_belongs_to_the_practice_that_uses_them(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1, "lakeside"))
    load_records(space, LocationRecord("1", location_id="lakeside", name="Lakeside"), source="places")
    assert len(practices(space, TODAY)) == 1
    assert turn(space, TODAY, date(2025, 12, 31))["locations"] == {"lakeside": "Lakeside"}


def answers(score: int, count: int, month: int, year: int = 2025) -> list[Record]:
    return [
        SurveyResponseRecord(
            f"{year}-{month}-{score}-{i}", question="nps", score=score, scale_min=0, scale_max=10,
            answered_at=datetime(year, month, 1 + i % 28),
        )
        for i in range(count)
    ]  # fmt: skip


def test_a_part_below_its_reference_drags_and_is_named_the_weakest(space: Workspace) -> None:
    # 40 promoters and 60 detractors: NPS -20. Reviews: 40 of five stars.
    stars = [
        ReviewRecord(f"r{i}", rating=5, scale_max=5, posted_at=datetime(2025, 11, 1 + i % 28))
        for i in range(40)
    ]
    load_records(space, *answers(10, 40, 11), *answers(3, 60, 12), *stars)
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    nps = measure(document, "experience.nps")
    assert (nps["value"], nps["n"], nps["status"]) == (-20, 100, "short")
    part = next(c for c in document["components"] if c["id"] == "C1")
    assert part["status"] == "dragging"
    assert part["low"] < part["level"] < part["high"] < 0
    assert part["level"] >= -3
    assert document["weakest"]["component"] == "C1"
    assert "beyond chance" in document["weakest"]["why"]
    assert document["strongest"]["component"] == "C2a"
    assert document["loop_gain"] is None
    assert document["drag"] is None


def test_one_month_of_one_place_learns_no_arrow_and_models_no_money(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1))
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    assert document["loop_gain"] is None
    assert document["drag"] is None
    assert document["roadmap"]["plays"] == []
    assert "not measured yet" in document["money_model"]["why_none"]
    assert all(link["own"] is None for link in document["links"])


def test_a_part_without_new_data_for_three_months_is_neglected(space: Workspace) -> None:
    load_records(space, *answers(9, 40, 8), *visits_of(2025, 3, 1))
    document = turn(space, TODAY, date(2025, 12, 31))
    assert next(c for c in document["components"] if c["id"] == "C1")["status"] == "neglected"
    alarm = next(p for p in document["pitfalls"] if p["id"] == "neglected_component")
    assert (alarm["state"], "Patient experience" in alarm["evidence"]) == ("raised", True)


def test_every_pitfall_stands_in_every_turn_and_knows_when_it_cannot_know(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1))
    found = {p["id"]: p["state"] for p in turn(space, TODAY, date(2025, 12, 31))["pitfalls"]}
    assert set(found) == set(pitfalls())
    assert found["unmeasured_changes"] == found["no_leadership"] == found["one_growth_driver"] == "unknown"


def test_a_change_that_nothing_measures_raises_its_alarm_and_a_measured_one_clears_it(
    space: Workspace,
) -> None:
    load_records(
        space,
        *visits_of(2025, 20, 5),
        ChangeRecord("1", change_id="1", play="Q2", starts_date=date(2025, 6, 1)),
    )
    state = {p["id"]: p["state"] for p in turn(space, TODAY, date(2025, 12, 31))["pitfalls"]}
    assert (state["unmeasured_changes"], state["no_leadership"]) == ("clear", "clear")
    load_records(
        space, ChangeRecord("2", change_id="2", play="Q4", starts_date=date(2024, 6, 1)), source="notes"
    )
    state = {p["id"]: p["state"] for p in turn(space, TODAY, date(2025, 12, 31))["pitfalls"]}
    assert state["unmeasured_changes"] == "raised"


def test_marketing_that_rises_while_nps_falls_raises_the_alarm(space: Workspace) -> None:
    spend = [
        MarketingSpendRecord(f"{y}{m}", channel="ads", kind="marketing", amount=Decimal(100 if y == 2024 else 130), starts_date=date(y, m, 1))
        for y in (2024, 2025) for m in range(1, 13)
    ]  # fmt: skip
    good = [row for m in range(1, 13) for row in answers(10, 5, m, 2024)]
    bad = [row for m in range(1, 13) for row in answers(2, 5, m, 2025)]
    load_records(space, *spend, *good, *bad)
    alarm = next(
        p for p in turn(space, TODAY, date(2025, 12, 31))["pitfalls"] if p["id"] == "marketing_alarm"
    )
    assert (alarm["state"], "Net promoter score" in alarm["evidence"]) == ("raised", True)


def test_what_is_missing_comes_first_where_it_would_show_most(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 20, 5), PatientRecord("p", patient_key="p"))
    document = turn(space, TODAY, date(2025, 12, 31))
    weights = [item["weight"] for item in document["missing"]]
    assert weights == sorted(weights, reverse=True)
    answers_missing = next(i for i in document["missing"] if i["table"] == "survey_response")
    assert "experience.nps" in answers_missing["unlocks"]
    assert any("carewheel template surveys" in way["text"] for way in answers_missing["how"])
    # No measure that is worked out and has no case may be left unsaid, be its tables empty or silent; no visit names a channel.
    unlocked = [name for item in document["missing"] for name in item["unlocks"]]
    for m in document["measures"]:
        if m["value"] is None and m["n"] == 0:
            assert (m["id"] in unlocked) == (measures()[m["id"]].status == "computed"), m["id"]
    (silent,) = [i for i in document["missing"] if i["unlocks"] == ["technology.online_booking"]]
    assert "Appointments with a known booking channel" in silent["how"][0]["text"]
    for item in document["missing"]:
        assert item["how"], item["table"]
        for name in item["unlocks"]:
            assert measure(document, name)["value"] is None


def test_visits_past_and_still_booked_are_said_and_counted_as_neither(space: Workspace) -> None:
    stale = AppointmentRecord(
        "s", appointment_id="s", basis="appointment", status="booked", starts_at=datetime(2025, 5, 1, 9)
    )
    load_records(space, *visits_of(2025, 3, 1), stale)
    document = turn(space, TODAY, date(2025, 12, 31))
    assert measure(document, "operations.kept_visits")["value"] == 36
    assert document["contradictions"][0] | {"remedy": "", "what": ""} == {
        "code": "past-still-booked", "source": "pms", "cases": 1, "of": 49, "what": "", "remedy": "",
    }  # fmt: skip


def test_places_are_marked_only_where_they_differ_beyond_chance(space: Workspace) -> None:
    load_records(
        space,
        *visits_of(2025, 19, 1, "good"),
        *visits_of(2025, 10, 10, "bad"),
        *visits_of(2025, 3, 1, "small"),
    )
    html = render(checked(turn(space, TODAY, date(2025, 12, 31))))
    row = html[html.index('<th scope="row">No-show rate</th>') :].partition("</tr>")[0]
    cells = [cell.split("<")[0].split(">")[-1].strip()[:1] for cell in row.split('<td class="num">')[1:]]
    assert cells == ["▼", "▲", "2", "2"]  # all: 144 of 528 = 27 %


def test_links_carry_no_strength_that_nobody_can_stand_behind(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1))
    document = turn(space, TODAY, date(2025, 12, 31))
    for link in document["links"]:
        assert link["evidence"] in ("prior", "none")
        assert (link["strength"] is None) == (link["evidence"] == "none")
        assert link["own"] is None
        assert link["strength"] is not None or link["prior_note"]


def test_every_measure_of_the_dictionary_is_in_the_document(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1))
    document = turn(space, TODAY, date(2025, 12, 31))
    assert [m["id"] for m in document["measures"]] == list(measures())
    assert measure(document, "finance.lifetime_margin")["status"] == "unmeasured"


def test_the_schema_refuses_a_number_without_its_place_in_the_contract(space: Workspace) -> None:
    load_records(space, *visits_of(2025, 3, 1))
    document = checked(turn(space, TODAY, date(2025, 12, 31)))
    jsonschema.Draft202012Validator.check_schema(schema())
    with pytest.raises(jsonschema.ValidationError):
        check({**document, "score": 7})
    with pytest.raises(jsonschema.ValidationError):
        check({**document, "as_of": "yesterday"})


def test_what_a_source_wrote_is_escaped_in_the_report(space: Workspace) -> None:
    evil = "<script>alert(1)</script>"
    load_records(
        space,
        LocationRecord("l", location_id=evil, name=evil),
        *visits_of(2025, 20, 5, evil),
        *visits_of(2025, 20, 5, "b"),
    )
    html = render(checked(turn(space, TODAY, date(2025, 12, 31))))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def measure(document: Document, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(m for m in document["measures"] if m["id"] == name)
    return found
