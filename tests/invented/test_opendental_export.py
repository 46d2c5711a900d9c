"""Open Dental tables of an invented place: read back, they say what its book says, to the cent and to the visit."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import read_all
from tests.invented import small_book as made
from tests.invented.facts_of_exports import ReadBack, read_back
from tests.invented.small_book import small_book

from carewheel.interop.tabular import opendental
from carewheel.invented.book import to_clock
from carewheel.invented.exports.balances import family_balances
from carewheel.invented.exports.opendental import write_opendental


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("place")
    write_opendental(small_book(), path)
    return path


@pytest.fixture(scope="module")
def facts(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ReadBack:
    found = read_back(tmp_path_factory.mktemp("space"), folder)
    found.assert_nothing_refused()
    return found


def raw(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "opendental" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def cents(by_month: dict[int, int]) -> dict[int, Decimal]:
    return {month: Decimal(amount) / 100 for month, amount in by_month.items()}


def test_every_table_is_recognised_and_no_row_refused(folder: Path) -> None:
    sink: CollectingSink = read_all(opendental, folder)
    assert len(sink.files) == len(list(folder.rglob("*.csv"))) == 25
    assert sum(file.rows_refused for file in sink.files) == 0
    assert sink.findings == []
    assert sink.tallies == {"visits": 28, "charges": Decimal("6820"), "collections": Decimal("4928")}


def test_visits_are_kept_missed_cancelled_and_stamped_as_in_the_book(facts: ReadBack) -> None:
    book = small_book()
    found = {row[0]: row[1:] for row in facts.ask(
        "SELECT appointment_id, status, late_cancel, local_date::VARCHAR, minutes, is_new_patient, is_hygiene, visit_type, "
        "(cancelled_at AT TIME ZONE zone)::VARCHAR, (booked_at AT TIME ZONE zone)::VARCHAR, location_id, resource_id FROM appointment"
    )}  # fmt: skip
    assert len(found) == 40
    visit = book["visit"]
    for row in range(40):
        kind = book.location.visit_kinds[int(visit["kind"][row])]
        status = ("booked", "fulfilled", "noshow", "cancelled")[int(visit["status"][row])]
        expected = (made.KEPT + made.OTHERS)[row]
        # The reader fills the hour of a cancellation, so that late ones are told by it; the book marks them itself.
        late = bool(visit["late"][row]) if status == "cancelled" else None
        cancelled = {
            32: "2025-03-13 06:30:00",
            33: "2025-04-15 10:30:00",
            34: "2025-05-02 11:00:00",
            35: "2025-05-18 12:00:00",
        }
        booked = str(to_clock(int(visit["booked_at"][row])))
        assert found[str(row + 1)] == (
            status, late, expected[2], float(kind.minutes), row in (5, 6, 11, 12, 38), kind.is_hygiene, kind.name,
            cancelled.get(row), booked, "loc1", str(int(visit["room"][row]) + 1),
        ), row  # fmt: skip
    assert Counter(f[0] for f in found.values()) == {
        "booked": 4,
        "fulfilled": 28,
        "noshow": 4,
        "cancelled": 4,
    }
    stamps = dict(facts.ask("SELECT event, count(*) FROM visit_event GROUP BY 1"))
    assert stamps == {"arrived": 28, "roomed": 28, "done": 28}
    # 26 waits of 15 minutes, one of 25 and one of 10
    assert facts.summed("operations.wait_minutes", "n", "total", "total_sq") == (
        28,
        425,
        26 * 225 + 625 + 100,
    )


def test_money_is_in_the_facts_once_and_in_its_month(facts: ReadBack) -> None:
    def months(sql: str) -> dict[int, Decimal]:
        rows = facts.ask(f"SELECT month(local_date), sum(amount) FROM {sql} GROUP BY 1")
        return {month: amount for month, amount in rows if amount}

    assert months("charge") == cents(made.CHARGES)
    assert months("payment WHERE payer_kind = 'insurer'") == cents(made.INSURER_PAID)
    assert months("payment WHERE payer_kind = 'patient'") == cents(made.PATIENT_PAID)
    assert months("adjustment WHERE kind = 'contractual'") == cents(made.CONTRACTUAL)
    assert months("adjustment WHERE kind = 'writeoff'") == {5: 80, 6: 100}
    assert months("adjustment WHERE kind = 'discount'") == {2: 22}
    assert facts.ask("SELECT DISTINCT kind FROM adjustment ORDER BY 1") == [
        ("contractual",),
        ("discount",),
        ("writeoff",),
    ]
    assert facts.ask("SELECT DISTINCT currency, location_id FROM payment") == [("USD", "loc1")]
    # Write-offs of insured visits know their claim; the reversed payment is marked.
    assert facts.ask("SELECT claim_id, amount FROM adjustment WHERE kind = 'writeoff' ORDER BY 1") == [
        ("loc1-14", 80),
        ("loc1-8", 100),
    ]
    reversed_ = facts.ask(
        "SELECT claim_id, sum(amount) FROM payment WHERE is_reversal AND payer_kind = 'insurer' GROUP BY 1"
    )
    assert reversed_ == [("loc1-13", -140)]


def test_claims_carry_their_ids_states_and_what_was_paid(facts: ReadBack) -> None:
    claims = {row[0]: row[1:] for row in facts.ask(
        "SELECT claim_id, status, amount, paid_amount, payer_id, submitted_date, closed_date FROM claim"
    )}  # fmt: skip
    assert set(claims) == {f"loc1-{k}" for k in range(1, 25)}
    # the crown that was denied, sent again and paid; the cleaning that was reversed and corrected; one still open
    assert claims["loc1-8"] == ("adjudicated", 1200, 700, "INV01", date(2025, 1, 18), date(2025, 2, 24))
    assert claims["loc1-13"] == ("adjudicated", 170, 150, "INV01", date(2025, 2, 7), date(2025, 3, 24))
    assert claims["loc1-23"] == ("submitted", 220, None, "INV04", date(2025, 6, 13), None)
    assert sum(status == "submitted" for status, *_ in claims.values()) == 3
    assert facts.ask(
        "SELECT claim_id, event_date FROM claim_event WHERE event = 'resubmitted' ORDER BY 1"
    ) == [
        ("loc1-23", date(2025, 6, 25)),
        ("loc1-8", date(2025, 2, 10)),
    ]
    assert facts.ask("SELECT claim_id FROM claim_event WHERE is_denial") == [("loc1-14",)]
    # Every charge of an insured visit is on its claim.
    assert facts.ask("SELECT sum(amount) FROM charge WHERE claim_id <> ''") == [(6130,)]
    assert facts.ask("SELECT count(DISTINCT claim_id) FROM charge WHERE claim_id <> ''") == [(24,)]


def test_patients_are_told_apart_and_balances_stand_on_guarantors(facts: ReadBack, folder: Path) -> None:
    assert dict(facts.ask("SELECT status, count(*) FROM patient GROUP BY 1")) == {
        "active": 18,
        "deceased": 1,
        "prospective": 1,
    }
    assert facts.ask("SELECT count(*), count(DISTINCT household_key) FROM patient") == [(20, 15)]
    assert facts.ask("SELECT count(*) FROM patient WHERE first_visit_date IS NULL") == [(2,)]
    assert facts.ask("SELECT count(*) FROM coverage") == [(15,)]
    assert facts.ask("SELECT sex, min(birth_year), max(birth_year) FROM patient GROUP BY 1 ORDER BY 1") == [
        ("female", 1940, 1994),
        ("male", 1943, 1997),
    ]
    stated = facts.ask(
        "SELECT sum(balance_0_30), sum(balance_31_60), sum(balance_61_90), sum(balance_over_90), sum(balance) FROM patient"
    )
    assert stated == [tuple(Decimal(x) / 100 for x in (*made.OWED_BY_AGE_AND_HOUSEHOLD, made.OWED))]
    rows = {row["PatNum"]: row for row in raw(folder, "patient")}
    assert (rows["11"]["BalTotal"], rows["12"]["BalTotal"], rows["12"]["Guarantor"]) == (
        "340.00",
        "0.00",
        "11",
    )
    by_age = {row["dimension"]: row["total"] for row in facts.statistics("finance.open_receivables_by_age")}
    assert by_age == {"0-30": 560, "31-60": 0, "61-90": 60, "90+": 60, "credit": 0}


def test_a_credit_lowers_the_family_total_and_no_age() -> None:
    book = small_book()
    book["receipt"]["cents"][3] += 5000  # patient 17 pays 50 too much
    balances = family_balances(book)
    assert balances[17].tolist() == [0, 0, 0, 0, -5000]
    assert balances[:, 4].sum() == made.OWED - 5000
    assert tuple(balances[:, :4].sum(axis=0).tolist()) == made.OWED_BY_AGE_AND_HOUSEHOLD


@pytest.mark.parametrize(("age", "column"), [(30, 0), (31, 1), (60, 1), (61, 2), (90, 2), (91, 3)])
def test_a_charge_changes_its_age_on_the_right_day(age: int, column: int) -> None:
    book = small_book()
    book["visit"]["starts"][24] = (
        book.last_day - age
    ) * 1440 + 600  # of patient 5, whose guarantor is patient 7
    moved = family_balances(book)[7].tolist()
    expected = [17000, 0, 0, 0, 34000]
    expected[column] += 17000
    # The family's other open charge (170, 20 days old) stays; of the settled ones none is left.
    assert moved == expected


def test_treatment_proposals_hygiene_hours_and_referrals(facts: ReadBack) -> None:
    assert facts.summed("growth.treatment_acceptance", "k", "n") == (4, 6)
    assert facts.ask("SELECT count(*) FROM procedure WHERE status = 'planned'") == [(3,)]
    assert facts.ask("SELECT count(*), sum(fee) FROM procedure WHERE status = 'completed'") == [(40, 6820)]
    assert facts.summed("growth.new_patients", "n") == (4,)
    assert facts.ask("SELECT count(*), sum(minutes) FROM availability WHERE kind = 'open'") == [(40, 9600)]
    (numerator, denominator) = facts.summed("operations.utilisation", "numerator", "denominator")
    assert (numerator, denominator) == (1290, 36 * 240)
    # Only the professional's referral of somebody who came is here; the others stand in the practice's own list.
    assert facts.ask("SELECT direction, referrer_kind, referred_date FROM referral") == [
        ("in", "professional", date(2025, 1, 25))
    ]
    # of 12 kept hygiene visits 3 are too recent and 1 is of somebody who died
    assert facts.summed("growth.hygiene_reappointment", "k", "n") == (2, 8)


def test_the_raw_tables_hold_open_dentals_own_codes(folder: Path) -> None:
    appointment = {row["AptNum"]: row for row in raw(folder, "appointment")}
    assert Counter(row["AptStatus"] for row in appointment.values()) == {"1": 4, "2": 28, "5": 8}
    assert appointment["1"]["Pattern"] == "X" * 8
    assert (appointment["1"]["ProvHyg"], appointment["1"]["ProvNum"], appointment["1"]["IsHygiene"]) == (
        "2",
        "1",
        "1",
    )
    assert appointment["29"]["DateTimeArrived"] == "0001-01-01 00:00:00"
    history = raw(folder, "histappointment")
    assert Counter(row["HistApptAction"] for row in history) == {"0": 40, "1": 2, "2": 4, "3": 4}
    moved = [row for row in history if row["AptNum"] == "18"]
    assert [(row["HistApptAction"], row["AptDateTime"]) for row in moved] == [
        ("0", "2025-02-10 09:30:00"),
        ("1", "2025-02-11 09:30:00"),
    ]
    recall = {row["PatNum"]: row for row in raw(folder, "recall")}
    assert (recall["1"]["DatePrevious"], recall["1"]["DateDue"], recall["1"]["DateScheduled"]) == (
        "2025-01-06",
        "2025-07-07",
        "2025-07-07",
    )
    assert recall["1"]["RecallInterval"] == str((6 << 16) + 1)
    assert "10" not in recall  # deceased
    assert Counter(row["Status"] for row in raw(folder, "claimproc")) == {"0": 4, "1": 31, "4": 5}
    assert Counter(row["ProcStatus"] for row in raw(folder, "procedurelog")) == {"1": 3, "2": 40}
    assert sum(Decimal(row["CheckAmt"]) for row in raw(folder, "claimpayment")) == Decimal("3610")
    for table, key in (
        ("procedurelog", "ProcNum"),
        ("claimproc", "ClaimProcNum"),
        ("histappointment", "HistApptNum"),
        ("adjustment", "AdjNum"),
    ):
        numbers = [row[key] for row in raw(folder, table)]
        assert len(set(numbers)) == len(numbers), table


def test_people_look_invented(folder: Path) -> None:
    for row in raw(folder, "patient"):
        assert row["LName"].replace("-", "").isalpha()
        assert row["FName"].isalpha()
        assert row["WirelessPhone"].startswith("555-01")
        assert row["Email"].endswith("@example.com")
        assert row["SSN"] == ""
    families = {row["PatNum"]: row["LName"] for row in raw(folder, "patient")}
    assert families["1"] == families["2"] == families["3"] != families["4"]


def test_interest_can_be_posted_and_leaves_what_is_owed_alone(tmp_path: Path) -> None:
    write_opendental(small_book(), tmp_path / "place", interest=True)
    facts = read_back(tmp_path / "space", tmp_path / "place")
    facts.assert_nothing_refused()
    assert facts.ask("SELECT sum(amount) FROM payment") == [(Decimal("4929.25"),)]
    assert facts.ask(
        "SELECT kind, amount FROM adjustment WHERE kind NOT IN ('contractual', 'writeoff', 'discount')"
    ) == [("other", Decimal("-1.25"))]
    # 6820 charged, 680 owed: the interest is neither.
    settled = facts.ask("SELECT (SELECT sum(amount) FROM payment) + (SELECT sum(amount) FROM adjustment)")
    assert settled == [(6820 - 680,)]


def test_reading_the_export_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    first = read_back(tmp_path / "space", folder)
    before = first.ask("SELECT (SELECT sum(amount) FROM payment), (SELECT count(*) FROM appointment)")
    again = read_back(tmp_path / "space", folder)
    assert again.ask("SELECT (SELECT sum(amount) FROM payment), (SELECT count(*) FROM appointment)") == before


def test_a_medical_place_has_no_open_dental(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dental"):
        write_opendental(small_book("medical"), tmp_path)
