"""A demo through the whole product: what the world counted itself is what the readers, facts and measures say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from carewheel.warehouse.workspace import Workspace

RUN = [sys.executable, "-c", "import sys; from carewheel.cli import main; sys.exit(main())"]
MONTH = "strftime(local_month, '%Y-%m')"
BY = f"SELECT location_id, {MONTH} AS m"
# The world's own count -> the same count over the facts.
COUNTED = {
    "kept": f"{BY}, count(*) FROM appointment WHERE status = 'fulfilled' GROUP BY ALL",
    "missed": f"{BY}, count(*) FROM appointment WHERE status = 'noshow' GROUP BY ALL",
    "cancelled": f"{BY}, count(*) FROM appointment WHERE status = 'cancelled' GROUP BY ALL",
    "late_cancelled": f"{BY}, count(*) FROM appointment WHERE late_cancel GROUP BY ALL",
    "kept_minutes": f"{BY}, sum(minutes)::BIGINT FROM appointment WHERE status = 'fulfilled' GROUP BY ALL",
    "charges": f"{BY}, (sum(amount) * 100)::BIGINT FROM charge GROUP BY ALL",
    "collected": f"{BY}, (sum(amount) * 100)::BIGINT FROM payment GROUP BY ALL",
    "given_up": f"{BY}, (sum(amount) * 100)::BIGINT FROM adjustment WHERE kind IN ('writeoff', 'discount') GROUP BY ALL",
    "contractual": f"{BY}, (sum(amount) * 100)::BIGINT FROM adjustment WHERE kind = 'contractual' GROUP BY ALL",
    "reviews": f"{BY}, count(*) FROM review GROUP BY ALL",
    "stars": f"{BY}, sum(rating)::BIGINT FROM review GROUP BY ALL",
    "answers_nps": f"{BY}, count(*) FROM survey_response WHERE question = 'nps' GROUP BY ALL",
    "promoters": f"{BY}, count(*) FROM survey_response WHERE question = 'nps' AND score >= 9 GROUP BY ALL",
    "detractors": f"{BY}, count(*) FROM survey_response WHERE question = 'nps' AND score <= 6 GROUP BY ALL",
    "invited": f"{BY}, count(*) FROM survey_invitation GROUP BY ALL",
    "spend": f"{BY}, (sum(amount) * 100)::BIGINT FROM marketing_spend GROUP BY ALL",
    "expenses": f"{BY}, (sum(amount) * 100)::BIGINT FROM expense GROUP BY ALL",
    "invested": f"{BY}, (sum(amount) * 100)::BIGINT FROM investment GROUP BY ALL",
    "wait_minutes": f"""
        WITH stamps AS (
          SELECT location_id, appointment_id, any_value({MONTH}) AS m, min(happened_at) FILTER (event = 'arrived') AS a,
            min(happened_at) FILTER (event = 'roomed') AS r
          FROM visit_event WHERE event IN ('arrived', 'roomed') GROUP BY ALL)
        SELECT location_id, m, sum(date_diff('minute', a, r)) FROM stamps WHERE r IS NOT NULL GROUP BY ALL""",
    "first_denials": """
        WITH first AS (
          SELECT claim_id, min(location_id) AS location_id, min(event_date) AS d, min(event_date) FILTER (event = 'denied' OR is_denial) AS x
          FROM claim_event WHERE event IN ('adjudicated', 'denied') GROUP BY ALL)
        SELECT location_id, strftime(d, '%Y-%m') AS m, count(*) FROM first WHERE x = d GROUP BY ALL""",
}


def carewheel(*words: str | Path) -> str:
    done = subprocess.run([*RUN, *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def months_of(truth: dict[str, Any]) -> list[str]:
    year, month = map(int, truth["first_date"].split("-")[:2])
    return [
        f"{(year * 12 + month - 1 + i) // 12}-{(month - 1 + i) % 12 + 1:02}" for i in range(truth["months"])
    ]


@pytest.fixture(scope="module", params=["exports", "facts"])
def lived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any], Workspace, dict[str, Any]]:
    """A small demo (a medical and a dental place, 13 months), turned: how it was written, truth, workspace, wheel.json."""
    folder = tmp_path_factory.mktemp("demo") / "group"
    carewheel("demo", folder, "--locations", "2", "--months", "13", "--write", request.param)
    space = folder if request.param == "facts" else folder / "workspace"
    sources = [] if request.param == "facts" else [folder / "exports"]
    wheel = orjson.loads(
        carewheel(
            "turn",
            *sources,
            "--workspace",
            space,
            "--json",
            *(() if request.param == "facts" else ("--strict",)),
        )
    )
    return request.param, orjson.loads((folder / "truth.json").read_bytes()), Workspace(space), wheel


def test_what_the_world_counted_is_what_the_facts_say(
    lived: tuple[str, dict[str, Any], Workspace, dict[str, Any]],
) -> None:
    _, truth, space, _ = lived
    connection = space.connect()
    last = truth["last_date"]
    for name, sql in COUNTED.items():
        found = {
            (place, month): count
            for place, month, count in connection.execute(sql).fetchall()
            if month <= last[:7]
        }
        for place in truth["locations"]:
            told = dict(zip(months_of(truth), place["tally"][name], strict=True))
            ours = {month: int(found.get((place["location"], month), 0)) for month in told}
            assert ours == told, (name, place["location"])
        assert sum(found.values()) > 0, name
    connection.close()


def test_every_row_is_used_and_the_wheel_belongs_to_one_group(
    lived: tuple[str, dict[str, Any], Workspace, dict[str, Any]],
) -> None:
    _, truth, _, wheel = lived
    assert wheel["invented"] is True
    assert wheel["as_of"] == truth["last_date"]
    assert sum(source["rows_refused"] for source in wheel["sources"]) == 0
    assert [f for source in wheel["sources"] for f in source["findings"] if f["severity"] != "note"] == []
    assert wheel["joining"] == []
    assert wheel["beside"] == []
    assert set(wheel["locations"]) == {"loc1", "loc2"}


def test_measures_are_those_of_the_world(
    lived: tuple[str, dict[str, Any], Workspace, dict[str, Any]],
) -> None:
    """Over the last 12 months: counts and money exactly; shares from the world's counts within the measure's interval."""
    how, truth, _, wheel = lived
    tally = {
        name: sum(sum(p["tally"][name][-12:]) for p in truth["locations"])
        for name in truth["locations"][0]["tally"]
    }
    value = {m["id"]: m for m in wheel["measures"]}

    def money(measure: str) -> int:
        return (
            round(float(value[measure]["value"]["amount"]) * 100)
            if isinstance(value[measure]["value"], dict)
            else round(value[measure]["value"] * 100)
        )

    assert value["operations.kept_visits"]["value"] == tally["kept"]
    assert value["operations.no_shows"]["value"] == tally["missed"]
    assert value["growth.new_patients"]["value"] == tally["new_patients"]
    assert money("finance.charges") == tally["charges"]
    assert money("finance.collections") == tally["collected"]
    assert money("growth.marketing_spend") == tally["spend"]
    assert value["experience.nps"]["n"] == tally["answers_nps"]
    assert value["experience.nps"]["value"] == pytest.approx(
        100 * (tally["promoters"] - tally["detractors"]) / tally["answers_nps"]
    )
    asked = tally["kept"] + tally["missed"] + tally["late_cancelled"]
    assert value["operations.no_show_rate"]["value"] == pytest.approx(tally["missed"] / asked)
    assert value["growth.review_rating"]["value"] == pytest.approx(tally["stars"] / tally["reviews"])
    assert value["operations.wait_minutes"]["value"] == pytest.approx(tally["wait_minutes"] / tally["kept"])
    assert value["finance.denial_rate"]["value"] == pytest.approx(
        tally["first_denials"] / tally["first_decisions"]
    )
    if how == "facts":
        assert value["technology.online_booking"]["value"] == pytest.approx(
            tally["booked_online"] / tally["booked"]
        )
    # The world's own days in A/R at the end of the last month: balances from its own counts.
    days = [place["measures"]["finance.days_in_ar"][-1] for place in truth["locations"]]
    assert min(days) <= value["finance.days_in_ar"]["value"] <= max(days)
