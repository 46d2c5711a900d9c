"""Loading facts: twice, later, from two sources, and what then counts. Answers are worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.warehouse.loading import ask, load_records

from carewheel.interop.files import FileRefused, SourceFile, refused
from carewheel.interop.records import (
    AppointmentRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    PaymentRecord,
    ReviewRecord,
)
from carewheel.warehouse.load import SourceReport, importing
from carewheel.warehouse.sources import list_sources, remove_source
from carewheel.warehouse.spool import SourceSetting
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused

Load = Callable[..., SourceReport]


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def load(space: Workspace) -> Load:
    return partial(load_records, space)


def visit(number: str, status: str, day: int = 3, **more: Any) -> AppointmentRecord:
    return AppointmentRecord(
        source_id=number, appointment_id=number, basis="appointment", status=status,
        starts_at=datetime(2025, 3, day, 9), **more,
    )  # fmt: skip


def charge(line: str, amount: str, claim: str = "") -> ChargeRecord:
    return ChargeRecord(source_id=line, claim_id=claim, amount=Decimal(amount), service_date=date(2025, 3, 3))


def test_loading_the_same_rows_twice_changes_nothing(space: Workspace, load: Load) -> None:
    rows = [visit("1", "fulfilled"), charge("a", "100.10"), charge("b", "0.05")]
    load(*rows)
    before = space.manifest()["loads"], ask(space, "SELECT * EXCLUDE (starts_at) FROM appointment")
    report = load(*rows)
    assert (space.manifest()["loads"], ask(space, "SELECT * EXCLUDE (starts_at) FROM appointment")) == before
    assert ask(space, "SELECT count(*), sum(amount) FROM charge") == [(2, Decimal("100.15"))]
    assert [row["difference"] for row in report.tie_out] == ["0", "0"]


def test_a_later_export_wins_and_the_old_version_stays_in_the_ledger(space: Workspace, load: Load) -> None:
    load(visit("1", "booked"), visit("2", "booked"))
    report = load(visit("1", "fulfilled"), visit("2", "noshow"))
    assert ask(space, "SELECT status FROM appointment ORDER BY source_id") == [("fulfilled",), ("noshow",)]
    ledger = f"read_parquet('{space.root}/loads/*/appointment.parquet')"
    assert ask(space, f"SELECT status FROM {ledger} WHERE source_id = '1' ORDER BY load") == [
        ("booked",),
        ("fulfilled",),
    ]
    assert report.tie_out[0]["in_source"] == report.tie_out[0]["in_facts"] == "1"


def test_a_visit_told_as_booking_and_as_encounter_ties_out_as_one_visit(space: Workspace, load: Load) -> None:
    # 1 and 2 are told twice; 3 by its encounter alone; the booking of 4 was never marked as kept, and its word counts.
    encounters = [
        visit(str(n), "fulfilled")._replace(source_id=f"e{n}", basis="encounter") for n in (1, 2, 3, 4)
    ]
    report = load(visit("1", "fulfilled"), visit("2", "fulfilled"), visit("4", "booked"), *encounters)
    (row,) = report.tie_out
    assert (row["in_source"], row["in_facts"], row["difference"], row["counted"]) == ("4", "4", "0", "3")
    assert row["because"] == (
        "1 taken from a better source, or not kept by the booking's own word; "
        "2 told again of the same visits (as a booking and an encounter, say), each counted once"
    )
    assert ask(space, "SELECT count(*) FROM appointment WHERE status = 'fulfilled'") == [(3,)]


def test_loading_an_old_export_again_does_not_turn_back_time(space: Workspace, load: Load) -> None:
    load(visit("1", "booked"))
    load(visit("1", "fulfilled"))
    load(visit("1", "booked"))
    assert ask(space, "SELECT status FROM appointment") == [("fulfilled",)]


def test_the_sources_own_time_stamp_decides_which_version_is_later(space: Workspace, load: Load) -> None:
    late, early = datetime(2025, 3, 2, 12, tzinfo=UTC), datetime(2025, 3, 1, 12, tzinfo=UTC)
    load(visit("1", "cancelled", recorded_at=late))
    load(visit("1", "booked", recorded_at=early))
    assert ask(space, "SELECT status FROM appointment") == [("cancelled",)]


def test_a_row_may_come_back_to_an_old_state_when_the_source_stamps_it(space: Workspace, load: Load) -> None:
    for hour, status in ((1, "booked"), (2, "cancelled"), (3, "booked")):
        load(visit("1", status, recorded_at=datetime(2025, 3, 1, hour, tzinfo=UTC)))
    assert ask(space, "SELECT status FROM appointment") == [("booked",)]


def test_equal_rows_without_an_id_are_counted_once_each_and_once_only(space: Workspace, load: Load) -> None:
    stars = ReviewRecord(site="google", rating=5, scale_max=5, posted_at=datetime(2025, 3, 3))
    load(stars, stars)
    load(stars, stars)
    assert ask(space, "SELECT count(*) FROM review") == [(2,)]


def test_the_same_claim_from_the_837_and_from_the_practice_system_is_charged_once(
    space: Workspace, load: Load
) -> None:
    # The practice system charged 100 + 50 for claim 77 and 30 without a claim; the 837 says 150 for 77 and 80 for 78.
    day = date(2025, 3, 3)
    load(ClaimRecord("77", claim_id="77", amount=Decimal(150), service_date=day), charge("p1", "100", "77"),
         charge("p2", "50", "77"), charge("p3", "30"))  # fmt: skip
    report = load(
        ClaimRecord("n|77", claim_id="77", amount=Decimal(150), service_date=day), charge("n|77|1", "150", "77"),
        ClaimRecord("n|78", claim_id="78", amount=Decimal(80), service_date=day), charge("n|78|1", "80", "78"),
        source="x12", kind="x12",
    )  # fmt: skip
    assert ask(space, "SELECT sum(amount), count(*) FROM charge") == [(Decimal(260), 4)]
    assert ask(space, "SELECT claim_id, source FROM claim ORDER BY 1") == [("77", "pms"), ("78", "x12")]
    assert report.tie_out[0]["in_facts"] == "230"
    assert report.tie_out[0]["counted"] == "80"
    assert report.tie_out[0]["because"] == "$150.00 taken from a better source"


def test_a_copay_in_the_practice_system_does_not_hide_the_payers_remittance(
    space: Workspace, load: Load
) -> None:
    paid = {"posted_date": date(2025, 4, 1), "service_date": date(2025, 3, 3)}
    load(ClaimRecord("77", claim_id="77", service_date=date(2025, 3, 3)),
         PaymentRecord("c", claim_id="77", payer_kind="patient", amount=Decimal(20), **paid))  # fmt: skip
    load(
        PaymentRecord("r", claim_id="77", payer_kind="insurer", amount=Decimal(90), **paid),
        source="x12",
        kind="x12",
    )
    assert ask(space, "SELECT sum(amount) FROM payment") == [(Decimal(110),)]
    # Later the practice posts the remittance itself: then its own row counts, and the 835's does not.
    load(PaymentRecord("p", claim_id="77", payer_kind="insurer", amount=Decimal(90), **paid))
    assert ask(space, "SELECT sum(amount) FROM payment") == [(Decimal(110),)]


def test_the_remittance_knows_more_about_a_denial_than_the_practice_system(
    space: Workspace, load: Load
) -> None:
    load(ClaimRecord("77", claim_id="77", service_date=date(2025, 3, 3)),
         ClaimEventRecord("e", claim_id="77", event="adjudicated", event_date=date(2025, 4, 1)))  # fmt: skip
    load(ClaimEventRecord("x", claim_id="77", event="adjudicated", is_denial=True, event_date=date(2025, 4, 1),
                          service_date=date(2025, 3, 3)), source="x12", kind="x12")  # fmt: skip
    assert ask(space, "SELECT source, is_denial FROM claim_event") == [("x12", True)]


def test_equal_numbers_of_different_claims_are_kept_apart_and_said(space: Workspace, load: Load) -> None:
    load(
        ClaimRecord("1", claim_id="1", amount=Decimal(5), service_date=date(2025, 3, 3)),
        charge("a", "5", "1"),
    )
    load(ClaimRecord("n|1", claim_id="1", amount=Decimal(7), service_date=date(2024, 1, 9)),
         ChargeRecord("n|1|1", claim_id="1", amount=Decimal(7), service_date=date(2024, 1, 9)), source="x12", kind="x12")  # fmt: skip
    assert ask(space, "SELECT sum(amount) FROM charge") == [(Decimal(12),)]
    assert [f["code"] for f in space.manifest()["findings"]] == ["facts.kept-apart"]


def test_the_booking_counts_and_not_the_encounter_that_followed_it(space: Workspace, load: Load) -> None:
    encounter = AppointmentRecord("E1", appointment_id="1", basis="encounter", status="fulfilled",
                                  starts_at=datetime(2025, 3, 3, 9, 5))  # fmt: skip
    walk_in = encounter._replace(source_id="E2", appointment_id="E2")
    load(visit("1", "fulfilled"), encounter, walk_in, source="fhir", kind="fhir")
    assert ask(space, "SELECT source_id FROM appointment ORDER BY 1") == [("1",), ("E2",)]


def test_local_dates_follow_the_zone_of_the_place(space: Workspace, load: Load) -> None:
    # 03:30 UTC on 1 April is 23:30 on 31 March in New York; 02:30 on 9 March 2025 does not exist there.
    load(
        visit("aware", "fulfilled")._replace(starts_at=datetime(2025, 4, 1, 3, 30, tzinfo=UTC)),
        visit("gap", "fulfilled")._replace(starts_at=datetime(2025, 3, 9, 2, 30)),
    )
    rows = ask(
        space, "SELECT source_id, local_date, local_month, starts_at::VARCHAR FROM appointment ORDER BY 1"
    )
    assert rows[0] == ("aware", date(2025, 3, 31), date(2025, 3, 1), "2025-04-01 03:30:00+00")
    assert rows[1][:2] == ("gap", date(2025, 3, 9))


def test_a_cancellation_within_a_day_of_the_start_is_late(space: Workspace, load: Load) -> None:
    load(
        visit("late", "cancelled", cancelled_at=datetime(2025, 3, 2, 9, 1)),
        visit("early", "cancelled", cancelled_at=datetime(2025, 3, 2, 8, 59)),
        visit("unknown", "cancelled"),
    )
    assert ask(space, "SELECT source_id, late_cancel FROM appointment ORDER BY 1") == [
        ("early", False), ("late", True), ("unknown", None),
    ]  # fmt: skip


def test_people_become_pseudonyms_that_differ_between_workspaces(
    space: Workspace, load: Load, tmp_path: Path
) -> None:
    load(visit("1", "fulfilled", patient_key="patient 17"))
    (known,) = ask(space, "SELECT patient_key FROM appointment")[0]
    assert len(known) == 24
    content = (
        b"".join(p.read_bytes() for p in space.root.rglob("*.parquet")) + space.manifest_path.read_bytes()
    )
    assert b"patient 17" not in content
    other = Workspace(tmp_path / "other")
    with importing(other) as run:
        sink = run.sink("somewhere", "practice", SourceSetting("pms", "practice"))
        with sink.file(SourceFile(tmp_path / "file.csv", "file.csv")) as out:
            out.add(visit("1", "fulfilled", patient_key="patient 17"))
        run.commit()
    assert ask(other, "SELECT patient_key FROM appointment") != [(known,)]


def test_a_refused_file_leaves_nothing_behind(space: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x")
    with importing(space) as run:
        sink = run.sink("somewhere", "pms", SourceSetting("pms", "practice", "", "USD"))
        with sink.file(SourceFile(path, "bad.csv")) as out:
            out.add(charge("a", "10"))
            out.tally("charges", 10)
            out.used()
            raise FileRefused(refused("csv.cut-off", "The file is cut off."))
        with sink.file(SourceFile(path, "good.csv")) as out:
            out.add(charge("b", "3"))
            out.tally("charges", 3)
            out.used()
        report = run.commit()[0]
    assert ask(space, "SELECT source_id FROM charge") == [("b",)]
    assert (report.rows_read, report.rows_used, report.rows_refused) == (2, 1, 1)
    assert report.tie_out[0]["in_source"] == "3"
    assert report.findings[0]["file"] == "bad.csv"


def test_amounts_of_unknown_currency_are_said_and_kept_apart(space: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x")
    with importing(space) as run:
        sink = run.sink("somewhere", "pms", SourceSetting("pms", "practice"))
        with sink.file(SourceFile(path, "a.csv")) as out:
            out.add(charge("a", "10"))
            out.add(charge("b", "10")._replace(currency="EUR"))
            out.add(visit("1", "fulfilled"))
        report = run.commit()[0]
    assert ask(space, "SELECT currency, sum(amount) FROM charge GROUP BY 1 ORDER BY 1") == [
        ("", Decimal(10)), ("EUR", Decimal(10)),
    ]  # fmt: skip
    assert {f["code"] for f in report.findings} == {"source.no-currency", "source.no-zone"}


def test_a_removed_source_is_gone_from_facts_ledger_and_disk(space: Workspace, load: Load) -> None:
    load(charge("a", "10"))
    load(charge("z", "4"), source="other")
    assert remove_source(space, "pms") == 1
    assert ask(space, "SELECT source, sum(amount) FROM charge GROUP BY 1") == [("other", Decimal(4))]
    assert [report["source"] for report in list_sources(space)] == ["other"]
    kept = ask(space, f"SELECT DISTINCT source FROM read_parquet('{space.root}/loads/*/charge.parquet')")
    assert kept == [("other",)]
    with pytest.raises(WorkspaceRefused, match="There is no source"):
        remove_source(space, "pms")
    assert remove_source(space, "other") == 1
    assert ask(space, "SELECT count(*) FROM charge") == [(0,)]


def test_invented_and_real_data_are_never_mixed(space: Workspace, load: Load) -> None:
    load(charge("a", "10"))
    with pytest.raises(WorkspaceRefused, match="never mixed"), importing(space, invented=True):
        pass


def test_two_imports_at_once_are_refused_and_the_first_goes_on(
    space: Workspace, load: Load, tmp_path: Path
) -> None:
    with importing(space) as first:
        with pytest.raises(WorkspaceRefused, match="Another CareWheel"), importing(space):
            pass
        sink = first.sink("somewhere", "pms", SourceSetting("pms", "practice", "", "USD"))
        (tmp_path / "file.csv").write_text("x")
        with sink.file(SourceFile(tmp_path / "file.csv", "a.csv")) as out:
            out.add(charge("a", "10"))
        first.commit()
    assert ask(space, "SELECT count(*) FROM charge") == [(1,)]


def test_binary_noise_in_amounts_is_cut_and_a_real_fraction_is_said(space: Workspace, load: Load) -> None:
    report = load(charge("noise", "103.32800000000001"), charge("fraction", "1.00005"))
    assert ask(space, "SELECT amount FROM charge ORDER BY source_id") == [
        (Decimal("1.0000"),),
        (Decimal("103.3280"),),
    ]
    assert [(f["code"], f["count"]) for f in report.findings] == [("money.rounded", 1)]


def test_a_remittance_takes_the_place_and_the_patient_of_its_claim(space: Workspace, load: Load) -> None:
    day = date(2025, 3, 3)
    load(ClaimRecord("77", claim_id="77", patient_key="p", location_id="lakeside", service_date=day))
    load(PaymentRecord("r", claim_id="77", payer_kind="insurer", patient_key="member", amount=Decimal(90), posted_date=day),
         PaymentRecord("q", claim_id="78", payer_kind="insurer", patient_key="member", amount=Decimal(5), posted_date=day),
         source="x12", kind="x12")  # fmt: skip
    rows = ask(
        space,
        "SELECT p.source_id, p.location_id, p.patient_key = c.patient_key FROM payment AS p, claim AS c ORDER BY 1",
    )
    assert rows == [("q", "", False), ("r", "lakeside", True)]
