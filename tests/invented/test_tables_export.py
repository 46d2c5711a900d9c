"""Tables of an invented place: read back, they hold every answer, cost and person of its book once, and join the visits."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.invented.facts_of_exports import ReadBack, read_back
from tests.invented.small_book import small_book

from carewheel.invented.exports import names
from carewheel.invented.exports.opendental import write_opendental
from carewheel.invented.exports.tables import TABLES, write_tables

ROWS = {
    "location": 2,
    "survey_response": 6,
    "survey_invitation": 6,
    "review": 2,
    "referral": 4,
    "contact": 7,
    "marketing_spend": 3,
    "expense": 2,
    "staff_spell": 5,
    "staff_pulse": 4,
    "training": 2,
    "recognition": 2,
    "stock_move": 5,
    "change": 2,
    "investment": 1,
}


def export(folder: Path, *numbers: int) -> Path:
    for number in numbers:
        book = small_book("dental", number)
        write_opendental(book, folder / f"loc{number}")
        write_tables(book, folder / f"loc{number}", f"opendental-loc{number}")
    return folder


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ReadBack:
    found = read_back(tmp_path_factory.mktemp("space"), export(tmp_path_factory.mktemp("place"), 1))
    found.assert_nothing_refused()
    return found


def test_every_row_is_a_fact_once_and_of_its_place(facts: ReadBack) -> None:
    for table, count in ROWS.items():
        assert facts.ask(
            f"SELECT count(*), min(location_id), max(location_id) FROM {table} WHERE location_id <> ''"
        ) == [(count if table != "referral" else 3, "loc1", "loc1")], table
    assert facts.ask("SELECT count(*) FROM referral") == [(4,)]
    assert {report.kind for report in facts.reports} == {"opendental", "mapped"}
    assert sum(report.kind == "mapped" for report in facts.reports) == len(TABLES)


def test_answers_find_their_visit_patient_provider_and_invitation(facts: ReadBack) -> None:
    joined = facts.ask(
        "SELECT s.question, s.score, a.local_date::VARCHAR, (s.answered_at AT TIME ZONE s.zone)::VARCHAR FROM survey_response s "
        "JOIN appointment a ON a.appointment_id = s.appointment_id AND a.patient_key = s.patient_key AND a.provider_key = s.provider_key "
        "JOIN survey_invitation i ON i.invitation_id = s.invitation_id AND i.patient_key = s.patient_key ORDER BY 4"
    )
    assert joined == [
        ("nps", 9, "2025-01-06", "2025-01-06 19:05:00"),
        ("csat", 5, "2025-01-06", "2025-01-06 19:06:00"),
        ("nps", 6, "2025-01-07", "2025-01-09 08:00:00"),
        ("nps", 10, "2025-06-12", "2025-06-13 12:00:00"),
        ("ease", 4, "2025-06-12", "2025-06-13 12:01:00"),
        ("wait", 3, "2025-06-12", "2025-06-13 12:02:00"),
    ]
    assert facts.summed("experience.nps", "n", "promoters", "detractors") == (3, 2, 1)
    assert facts.summed("experience.response_rate", "k", "n") == (3, 6)


def test_referrals_stand_in_one_place_and_count_once(facts: ReadBack) -> None:
    assert facts.ask(
        "SELECT direction, referrer_kind, count(*), count(kept_date) FROM referral GROUP BY ALL ORDER BY 2"
    ) == [
        ("in", "patient", 2, 1),
        ("in", "professional", 2, 0),
    ]
    assert facts.summed("growth.referrals", "n") == (2,)
    assert facts.summed("growth.referral_reproduction", "events", "exposure") == (1, 4)
    # The patient who refers is the patient of the practice system; a professional is the same wherever named.
    assert facts.ask(
        "SELECT count(*) FROM referral r JOIN patient p ON r.referrer_key = p.patient_key WHERE r.referrer_kind = 'patient'"
    ) == [(2,)]
    assert names.partner_id(small_book(), 0) == "referral:1"


def test_new_patients_come_by_the_channel_of_their_contact(facts: ReadBack) -> None:
    by = {row["dimension"]: row["n"] for row in facts.statistics("growth.new_patients_by_channel")}
    assert by == {"word of mouth": 1, "search ads": 1, "professional referral": 1, "walk by": 1}
    assert facts.summed("growth.organic_share", "k", "n") == (3, 4)
    assert facts.ask(
        "SELECT stage, count(*), count(became_patient_date) FROM contact GROUP BY 1 ORDER BY 1"
    ) == [
        ("lead", 3, 0),
        ("patient", 4, 4),
    ]
    # January and February have spend: 400.00 + 90.50 for the four new patients of these months
    (cost, n) = facts.summed("growth.acquisition_cost", "cost", "n")
    assert (cost, n) == (pytest.approx(490.5), 4)


def test_costs_staff_and_stock_are_as_in_the_book(facts: ReadBack) -> None:
    assert facts.ask("SELECT category, amount, currency, expense_date FROM expense ORDER BY 2") == [
        ("rent", Decimal("7200.99"), "USD", date(2025, 2, 1)),
        ("pay", Decimal("12500"), "USD", date(2025, 1, 31)),
    ]
    assert facts.ask("SELECT kind, sum(amount) FROM marketing_spend GROUP BY 1 ORDER BY 1") == [
        ("marketing", Decimal("390.5")),
        ("sales", Decimal("100")),
    ]
    assert facts.ask("SELECT role, end_kind, ended_date FROM staff_spell WHERE ended_date IS NOT NULL") == [
        ("front-desk", "voluntary", date(2025, 3, 14))
    ]
    assert facts.ask("SELECT sum(fte) FROM staff_spell") == [(4.5,)]
    # Providers of the practice system are in the staff list, by the same id.
    assert facts.ask(
        "SELECT s.role FROM staff_spell s JOIN provider p ON s.staff_key = p.provider_key ORDER BY 1"
    ) == [
        ("dentist",),
        ("hygienist",),
    ]
    assert facts.ask("SELECT course, hours, cost, completed_date FROM training ORDER BY 2") == [
        ("patient communication", 4, 100, date(2025, 2, 20)),
        ("billing and coding", 8, 200, None),
    ]
    assert facts.ask(
        "SELECT question, count(*), sum(score), min(scale_max) FROM staff_pulse GROUP BY 1 ORDER BY 1"
    ) == [
        ("burnout", 1, 2, 5),
        ("engagement", 1, 4, 5),
        ("enps", 2, 16, 10),
    ]
    assert facts.ask(
        "SELECT kind, quantity, on_hand, par_level, amount FROM stock_move ORDER BY moved_at"
    ) == [
        ("received", 100, 100, 60, 12),
        ("used", -98, 2, 60, None),
        ("wasted", -2, 0, 60, None),
        ("stock_out", 0, 0, 60, None),
        ("counted", 0, 0, 60, None),
    ]
    assert facts.summed("operations.stock_outs", "n") == (1,)
    assert facts.ask("SELECT kind, given_date FROM recognition ORDER BY 2") == [
        ("patient care", date(2025, 1, 31)),
        ("efficiency", date(2025, 2, 28)),
    ]
    assert facts.ask("SELECT component, category, amount FROM investment") == [("C6", "technology", 2500)]
    assert facts.ask("SELECT play, component, title, starts_date FROM change ORDER BY 4") == [
        ("Q1", "C4", "reminders by text", date(2025, 3, 1)),
        ("", "C4", "new opening hours", date(2025, 4, 1)),
    ]
    assert facts.ask("SELECT site, rating, replied_at IS NULL FROM review ORDER BY 2") == [
        ("yelp", 3, True),
        ("google", 5, False),
    ]


def test_two_places_are_read_together_without_a_clash(tmp_path: Path) -> None:
    facts = read_back(tmp_path / "space", export(tmp_path / "group", 1, 2))
    facts.assert_nothing_refused()
    for table, count in ROWS.items():
        assert facts.ask(f"SELECT count(*) FROM {table}") == [(2 * count,)], table
    assert facts.ask("SELECT count(*), count(DISTINCT patient_key) FROM patient") == [(40, 40)]
    assert facts.ask(
        "SELECT s.location_id, count(*) FROM survey_response s JOIN patient p USING (patient_key) WHERE p.location_id = s.location_id "
        "GROUP BY 1 ORDER BY 1"
    ) == [("loc1", 6), ("loc2", 6)]


def test_a_medical_place_names_people_as_its_fhir_server_and_lists_all_referrals(tmp_path: Path) -> None:
    book = small_book("medical", 3)
    write_tables(book, tmp_path, "fhir-loc3")
    assert 'people_of = "fhir-loc3"' in (tmp_path / "tables" / "carewheel.toml").read_text("utf-8")

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    first = rows("surveys")[0]
    assert [first[c] for c in ("patient_id", "appointment_id", "provider_id", "invitation_id")] == [
        "loc3-p1",
        "loc3-v1",
        "loc3-s2",
        "loc3-i1",
    ]
    referrals = rows("referrals")
    assert [(r["referrer_id"], r["patient_id"], r["kept_date"]) for r in referrals] == [
        ("loc3-p1", "loc3-p6", "2025-01-14"),
        ("partner-1", "loc3-p13", "2025-02-03"),
        ("loc3-p2", "", ""),
        ("partner-2", "", ""),
    ]
    facts = read_back(tmp_path / "space", tmp_path / "tables")
    facts.assert_nothing_refused()
    assert facts.ask("SELECT count(*) FROM referral") == [(4,)]


def test_an_empty_table_is_not_written_and_names_are_the_same_everywhere(tmp_path: Path) -> None:
    book = small_book()
    book.tables["review"] = {name: column[:0] for name, column in book["review"].items()}
    write_tables(book, tmp_path, "x")
    assert {path.stem for path in (tmp_path / "tables").glob("*.csv")} == set(TABLES) - {"reviews"}
    assert (names.patient_id(book, 4), names.visit_id(book, 4), names.provider_id(book, 1)) == ("5", "5", "2")
    assert names.claim_id(book, 4) == names.claim_id(small_book("medical"), 4) == "loc1-5"
