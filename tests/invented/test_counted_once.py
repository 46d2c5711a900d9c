"""A dental place's Open Dental tables, its 837D and its 835 tell of the same money; read together, every cent counts once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.invented.facts_of_exports import ReadBack, read_back
from tests.invented.small_book import small_book

from carewheel.invented.exports.claims import write_claims
from carewheel.invented.exports.opendental import write_opendental


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ReadBack:
    folder = tmp_path_factory.mktemp("place")
    book = small_book()
    write_opendental(book, folder)
    write_claims(book, folder)
    found = read_back(tmp_path_factory.mktemp("space"), folder)
    found.assert_nothing_refused()
    return found


def test_charges_payments_and_adjustments_count_once(facts: ReadBack) -> None:
    # Both sides state the same: this is a test of joining, not of one side being empty.
    stated = {
        (report.kind, tie["what"]): Decimal(tie["in_source"])
        for report in facts.reports
        for tie in report.tie_out
    }
    assert stated["opendental", "collections"] == 3610 + 1318
    assert stated["x12", "collections"] == Decimal("3611.25")
    assert facts.ask("SELECT sum(amount) FROM charge") == [(6820,)]
    assert facts.ask("SELECT count(*), sum(amount) FROM claim") == [(24, 6130)]
    # Patients' money and claims' money out of Open Dental; only the interest, which names no claim, out of the 835.
    assert facts.ask(
        "SELECT source_kind, payer_kind, sum(amount) FROM payment GROUP BY ALL ORDER BY 1, 2"
    ) == [
        ("practice", "insurer", 3610),
        ("practice", "patient", 1318),
        ("x12", "insurer", Decimal("1.25")),
    ]
    assert facts.ask("SELECT kind, sum(amount) FROM adjustment GROUP BY 1 ORDER BY 1") == [
        ("contractual", 1010),
        ("denial", 1500),
        ("discount", 22),
        ("patient_share", 870),
        ("writeoff", 180),
    ]
    assert facts.ask("SELECT DISTINCT location_id FROM payment") == [("loc1",)]


def test_the_remittance_tells_what_became_of_claims(facts: ReadBack) -> None:
    # 22 claims have a first decision; three of them were denied then: c7, c13 and c22. Two were sent again later.
    assert facts.summed("finance.denial_rate", "k", "n") == (3, 22)
    assert facts.summed("finance.clean_claim_rate", "k", "n") == (19, 22)


def test_what_is_owed_is_what_the_book_says_less_the_interest(facts: ReadBack) -> None:
    by_age = {row["dimension"]: row["total"] for row in facts.statistics("finance.open_receivables_by_age")}
    assert by_age == {"0-30": 560, "31-60": 0, "61-90": 60, "90+": 60, "credit": -1.25}
    open_claims = facts.statistics("finance.open_receivables_by_payer")
    assert {row["dimension"]: row["total"] for row in open_claims} == {
        "EXAMPLE HEALTH PLAN": 340,
        "INVENTED MEDICAID": 220,
    }
