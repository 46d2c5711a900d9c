"""The main job on third-party data, each set alone and all together, held to independent counts over the raw files.

Counts and sums are asked of the workspace's facts and of `wheel.json`; what they should be is counted in `raw_counts`,
in plain Python, never by the product's readers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.interop.test_hl7v2_shared_data import MERGES, UNUSED, lines
from tests.interop.test_x12_shared_data import REFUSED, claim_files, raw_segments
from tests.journeys.raw_counts import X12Totals, distinct, fhir_totals, resources, table_rows, text_of
from tests.journeys.turns import Turned, turn

pytestmark = pytest.mark.needs_data

FHIR = ("synthea2019-100pts", "bulk-uscore-10pts", "transaction-bundles", "cms-bfd-carin-bb")
TABLES = {
    "noshow": "scheduling/noshow_vitoria_2016_kaggle_v2.csv.gz",
    "fft": "flywheel/fft_gp_london.csv.gz",
    "sepsis": "flywheel/eventlog_sepsis.csv.gz",
    "cdnow": "flywheel/cdnow_eventlog.csv.gz",
    "marketing": "flywheel/marketing_weekly.csv.gz",
    "ratings": "flywheel/doctor_ratings.csv.gz",
}
Turn = Callable[[str], Turned]


def paths(data: Path, name: str) -> list[Path]:
    if name in FHIR:
        return [data / "interop" / "fhir" / name]
    if name == "x12":
        return [data / "interop" / "x12"]
    if name == "hl7v2":
        # Not the folder: beside the messages lie another converter's Bundles of the same.
        return sorted((data / "interop" / "hl7v2").glob("*.hl7"))
    return [data / TABLES[name]]


EVERYTHING = (*FHIR, "x12", "hl7v2", *TABLES)


@pytest.fixture(scope="session")
def turned(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Turn:
    """The turn on one set alone, or on "all" together; each is done once."""
    done: dict[str, Turned] = {}

    def once(name: str) -> Turned:
        if name not in done:
            given = [p for one in (EVERYTHING if name == "all" else [name]) for p in paths(shared_data, one)]
            done[name] = turn(tmp_path_factory.mktemp("turn") / name, *given)
        return done[name]

    return once


def document(made: Turned) -> dict[str, Any]:
    assert made.outcome.json_path is not None
    found: dict[str, Any] = json.loads(made.outcome.json_path.read_text("utf-8"))
    return found


def tied(made: Turned, source: str = "") -> dict[str, tuple[Decimal, Decimal]]:
    """(in the source, in the facts) of each total in `wheel.json`, over the paths of a source."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for row in document(made)["tie_out"]:
        if source in ("", row["source"]):
            there, here = found.get(row["what"], (Decimal(0), Decimal(0)))
            found[row["what"]] = there + Decimal(row["in_source"]), here + Decimal(row["in_facts"])
    return found


def fhir_facts(made: Turned, where: str = "source = 'fhir'") -> dict[str, Any]:
    """What `fhir_totals` counts, as the facts say it."""
    tables = (
        "location",
        "provider",
        "patient",
        "coverage",
        "appointment",
        "procedure",
        "claim",
        "claim_event",
    )
    found: dict[str, Any] = {
        name: made.ask(f"SELECT count(*) FROM {name} WHERE {where}")[0][0] for name in (*tables, "payment")
    }
    found["visits"] = dict(
        made.ask(
            "SELECT strftime(local_month, '%Y-%m'), count(*) FROM appointment "
            f"WHERE status = 'fulfilled' AND {where} GROUP BY 1"
        )
    )
    for what, table in (("charges", "charge"), ("collections", "payment")):
        found[what] = made.ask(f"SELECT coalesce(sum(amount), 0) FROM {table} WHERE {where}")[0][0]
    return found


@pytest.mark.parametrize("name", FHIR)
def test_a_fhir_set_alone_comes_whole(turned: Turn, shared_data: Path, name: str) -> None:
    made = turned(name)
    raw = list(resources(paths(shared_data, name)[0]))
    expected = fhir_totals(distinct(iter(raw)))
    assert fhir_facts(made) == expected
    assert made.outcome.measured > 0
    (report,) = [r for r in document(made)["sources"] if r["source"]]
    # A bulk export writes a log of itself beside the resources: read, and ignored.
    log = sum(text_of(path).count('"eventId"') for path in paths(shared_data, name)[0].glob("log.*"))
    assert report["rows_read"] == len(raw) + log
    assert report["rows_refused"] == 0
    assert report["rows_used"] + report["rows_ignored"] == len(raw) + log
    visits = sum(expected["visits"].values())
    wanted = {"visits": visits, "charges": expected["charges"], "collections": expected["collections"]}
    assert tied(made) == {what: (total, total) for what, total in wanted.items() if total}


def x12_expected(shared_data: Path) -> X12Totals:
    totals = X12Totals()
    # In the order of their names, as a folder is read.
    for name, path in sorted(claim_files(shared_data).items()):
        if name not in REFUSED:
            totals.take(raw_segments(path))
    return totals


def assert_x12(made: Turned, shared_data: Path) -> None:
    totals = x12_expected(shared_data)
    (claims,) = made.ask("SELECT count(*), count(DISTINCT claim_id) FROM claim WHERE source = 'x12'")
    assert claims == (len(totals.claims), len({number for _, number in totals.claims}))
    charges = made.ask("SELECT count(*), sum(amount) FROM charge WHERE source = 'x12'")
    assert charges == [(len(totals.lines), sum(amount for _, _, amount in totals.lines.values()))]
    payments = made.ask("SELECT count(*), sum(amount) FROM payment WHERE source = 'x12'")
    assert payments == [(len(totals.payments), sum(totals.payments.values()))]


def test_all_837_and_835_alone_are_counted_once_each(turned: Turn, shared_data: Path) -> None:
    made = turned("x12")
    assert_x12(made, shared_data)
    files = claim_files(shared_data)
    (report,) = [r for r in document(made)["sources"] if r["source"]]
    rows = {name: sum(s[0] in ("CLM", "CLP") for s in raw_segments(path)) for name, path in files.items()}
    others = [p for p in paths(shared_data, "x12")[0].iterdir() if p.name not in files]
    sets = sum(s[0] == "ST" for path in others for s in raw_segments(path))
    assert report["rows_used"] == sum(n for name, n in rows.items() if name not in REFUSED)
    assert report["rows_refused"] == sum(n for name, n in rows.items() if name in REFUSED)
    assert report["rows_ignored"] == sets
    assert report["rows_read"] == report["rows_used"] + report["rows_refused"] + report["rows_ignored"]
    # The source's side of the tie-out knows the refused files too: what is missing is said, not hidden.
    charged = collected = Decimal(0)
    totals = X12Totals()
    for name, path in files.items():
        if name not in REFUSED:
            totals.take(raw_segments(path))
    charged, collected = totals.charged, totals.collected
    for what, least in (("charges", charged), ("collections", collected)):
        (row,) = [row for row in document(made)["tie_out"] if row["what"] == what]
        told_again = "the same thing told again"
        parts = {
            words.partition(" ")[2].partition(",")[0]: Decimal(re.sub(r"[^\d.-]", "", words.split()[0]))
            for words in row["because"].split("; ")
        }
        assert Decimal(row["in_source"]) - parts["refused or not placed"] == least
        assert Decimal(row["in_facts"]) == least - parts[told_again]


def test_every_refused_837_and_835_is_named_in_the_findings(turned: Turn) -> None:
    named = {file for file, _ in turned("x12").refusals()}
    assert set(REFUSED) <= named


def hl7_expected(shared_data: Path) -> dict[str, Any]:
    """Distinct appointments (SCH-2, or the visit number of a placed ADT), steps, and charges of the messages, by sender."""
    visits: set[tuple[str, str]] = set()
    steps = rows = ignored = 0
    charges = Decimal(0)
    for path in paths(shared_data, "hl7v2"):
        segments = lines(path)
        head = segments[0]
        sender = "|".join(head[place].split("^")[0].lower() for place in (2, 3))
        kind, trigger = head[8].split("^")[:2]
        rows += 1
        ignored += trigger in UNUSED | MERGES
        if kind == "SIU":
            schedule = next(s for s in segments if s[0] == "SCH")
            visits.add((sender, schedule[2].split("^")[0]))
            steps += 1
        elif kind == "DFT":
            charges += sum(
                (Decimal(s[11].split("^")[0].split("&")[0]) for s in segments if s[0] == "FT1"), Decimal(0)
            )
        elif kind == "ADT" and trigger not in UNUSED | MERGES | {"A28", "A31"}:
            visit = next(s for s in segments if s[0] == "PV1")
            if (visit[44] if len(visit) > 44 else "") or any(
                s[8] for s in segments if s[0] == "PV2" and len(s) > 8
            ):
                visits.add((sender, visit[19].split("^")[0] or path.name))
                steps += 1
    return {"rows": rows, "ignored": ignored, "visits": len(visits), "steps": steps, "charges": charges}


def assert_hl7(made: Turned, expected: dict[str, Any]) -> None:
    where = "source LIKE 'hl7v2:%'"
    assert made.ask(f"SELECT count(*) FROM appointment WHERE {where}") == [(expected["visits"],)]
    assert made.ask(f"SELECT count(*) FROM visit_event WHERE {where}") == [(expected["steps"],)]
    assert made.ask(f"SELECT sum(amount) FROM charge WHERE {where}") == [(expected["charges"],)]
    # Seven messages about appointment 36996, the last of them (24 September 2021) S26: the patient did not come.
    sql = "SELECT status FROM appointment WHERE source LIKE 'hl7v2:schapp%'"
    assert made.ask(sql) == [("noshow",)]


def test_hl7_messages_alone_come_once_each(turned: Turn, shared_data: Path) -> None:
    made, expected = turned("hl7v2"), hl7_expected(shared_data)
    assert_hl7(made, expected)
    reports = made.outcome.sources
    assert sum(r.rows_read for r in reports) == expected["rows"] == 42
    assert sum(r.rows_ignored for r in reports) == expected["ignored"]
    assert sum(r.rows_refused for r in reports) == 0
    assert tied(made)["charges"] == (expected["charges"], expected["charges"])


def assert_table(made: Turned, name: str, data: Path) -> None:
    """The facts of one table by mapping are what a plain count of its file says."""
    rows = table_rows(data / TABLES[name])
    if name == "noshow":
        missed = sum(row["No-show"] == "Yes" for row in rows)
        found = dict(made.ask("SELECT status, count(*) FROM appointment WHERE source = 'vitoria' GROUP BY 1"))
        assert found == {"noshow": missed, "fulfilled": len(rows) - missed}
        days = made.ask(
            "SELECT local_date::VARCHAR, count(*) FROM appointment WHERE source = 'vitoria' GROUP BY 1"
        )
        assert dict(days) == Counter(row["AppointmentDay"][:10] for row in rows)
        people = made.ask("SELECT count(DISTINCT patient_key) FROM appointment WHERE source = 'vitoria'")
        assert people == [(len({row["PatientId"] for row in rows}),)]
    elif name == "fft":
        answered = Counter((r["surgery"], float(r["rating_score"])) for r in rows if r["rating_score"])
        sql = "SELECT location_id, score, count(*) FROM survey_response WHERE source = 'fft' GROUP BY ALL"
        assert {(place, score): n for place, score, n in made.ask(sql)} == answered
        questions = made.ask("SELECT DISTINCT question FROM survey_response WHERE source = 'fft'")
        assert questions == [("five_point",)]
    elif name == "sepsis":
        sql = (
            "SELECT appointment_id, raw_event, count(*) FROM visit_event WHERE source = 'sepsis' GROUP BY ALL"
        )
        wanted = Counter((row["Case ID"], row["Activity"]) for row in rows)
        assert {(case, event): n for case, event, n in made.ask(sql)} == wanted
    elif name == "cdnow":
        sql = (
            "SELECT strftime(local_month, '%Y%m'), sum(amount) FROM payment WHERE source = 'cdnow' GROUP BY 1"
        )
        wanted_sums: dict[str, Decimal] = {}
        for row in rows:
            month = row["date"][:6]
            wanted_sums[month] = wanted_sums.get(month, Decimal(0)) + Decimal(row["sales"])
        assert dict(made.ask(sql)) == wanted_sums
        assert made.ask("SELECT count(*) FROM payment WHERE source = 'cdnow'") == [(len(rows),)]
    elif name == "marketing":
        spent = [n for n in rows[0] if n.startswith("mdsp_")]
        sql = (
            "SELECT count(*), sum(amount), count(DISTINCT channel) FROM marketing_spend "
            "WHERE source = 'marketing-weekly'"
        )
        amounts = [Decimal(row[n]) for row in rows for n in spent]
        assert made.ask(sql) == [(sum(map(bool, amounts)), sum(amounts), len(spent))]
    else:
        assert made.ask("SELECT count(*) FROM survey_response WHERE source = 'doctor-ratings'") == [(0,)]


# What a hand-made look at the definitions says can be measured of each table alone.
CAN_MEASURE = {
    "noshow": True,
    "fft": True,
    "sepsis": False,
    "cdnow": True,
    "marketing": True,
    "ratings": False,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_alone_comes_whole(turned: Turn, shared_data: Path, name: str) -> None:
    made = turned(name)
    assert_table(made, name, shared_data)
    rows = table_rows(shared_data / TABLES[name])
    (report,) = made.outcome.sources
    assert report.rows_read == len(rows) == report.rows_used + report.rows_refused + report.rows_ignored
    assert bool(made.outcome.measured) == CAN_MEASURE[name]


def test_a_five_point_question_is_never_an_nps(turned: Turn) -> None:
    values = {m["id"]: m["value"] for m in document(turned("fft"))["measures"]}
    assert values["experience.nps"] is None
    assert values["experience.five_point_share"] is not None


def test_ratings_without_dates_are_exactly_one_finding_and_no_fact(turned: Turn) -> None:
    made = turned("ratings")
    (finding,) = made.findings
    assert (finding["code"], finding["severity"], finding["count"]) == ("csv.no-dates", "refused", 1000)
    assert made.outcome.document is None
    assert made.space.manifest()["loads"] == []


def test_the_vitoria_no_show_rate_is_the_raw_share(turned: Turn, shared_data: Path) -> None:
    rows = table_rows(shared_data / TABLES["noshow"])
    # Full months up to the last day (8 June 2016): April and May.
    full = [row for row in rows if row["AppointmentDay"][:7] in ("2016-04", "2016-05")]
    share = sum(row["No-show"] == "Yes" for row in full) / len(full)
    (measure,) = [m for m in document(turned("noshow"))["measures"] if m["id"] == "operations.no_show_rate"]
    assert measure["n"] == len(full)
    assert measure["value"] == pytest.approx(share if measure["value"] < 1 else 100 * share)


def test_all_together_every_sources_facts_are_as_when_alone(turned: Turn, shared_data: Path) -> None:
    made = turned("all")
    # The four FHIR sets are one source: what the transaction Bundles repeat of Synthea's export counts once.
    found: dict[tuple[str, str], Any] = {}
    for name in FHIR:
        found |= distinct(resources(paths(shared_data, name)[0]))
    assert fhir_facts(made) == fhir_totals(found)
    assert_x12(made, shared_data)
    assert_hl7(made, hl7_expected(shared_data))
    for name in TABLES:
        assert_table(made, name, shared_data)


def test_all_together_every_source_reports_the_same_rows_as_alone(turned: Turn) -> None:
    def rows(made: Turned) -> Counter[tuple[Any, ...]]:
        return Counter(
            (r.source, r.path, r.rows_read, r.rows_used, r.rows_refused, r.rows_ignored)
            for r in made.outcome.sources
        )

    alone: Counter[tuple[Any, ...]] = Counter()
    for name in EVERYTHING:
        alone += rows(turned(name))
    assert rows(turned("all")) == alone


def test_sources_that_do_not_belong_together_stand_beside_and_no_measure_mixes_them(turned: Turn) -> None:
    whole = document(turned("all"))
    views = [whole, *whole["beside"]]
    groups = [frozenset(view["practice"]) for view in views]
    named = [source for group in groups for source in group]
    assert sorted(named) == sorted(set(named))
    for one in ("vitoria", "fhir", "fft", "sepsis", "cdnow", "marketing-weekly", "x12"):
        assert frozenset([one]) in groups
    # Each view's numbers are those of the source alone, looked at on the same day.
    for name, source in (("noshow", "vitoria"), ("fft", "fft"), ("cdnow", "cdnow"), ("x12", "x12")):
        (together,) = [view for view in views if view["practice"] == [source]]
        alone = document(turned(name))
        assert alone["as_of"] == together["as_of"]
        for mine, theirs in zip(alone["measures"], together["measures"], strict=True):
            for key in ("id", "value", "low", "high", "n", "status", "monthly", "by_location"):
                assert rounded(mine[key]) == rounded(theirs[key]), (source, mine["id"], key)


def rounded(value: object) -> object:
    """Sums of floats differ in the last digit with the order in which an engine's threads add them."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return value


def test_turning_all_again_changes_no_fact(turned: Turn, shared_data: Path) -> None:
    made = turned("x12")
    before = made.space.manifest()["loads"], made.ask("SELECT * FROM payment ORDER BY ALL")
    turn(made.space.root, *paths(shared_data, "x12"))
    assert (made.space.manifest()["loads"], made.ask("SELECT * FROM payment ORDER BY ALL")) == before
