"""The day's two rules and commands, on the very examples of the guide."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.forked import carewheel

from carewheel.cli import root
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.queries import how_the_day_goes, plan_of_the_day
from carewheel.spokes.operations.queries_template import places_in_the_season

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "access-day.md").read_text("utf-8")


def example(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


PLAN, DAY = tomllib.loads(example("toml")), json.loads(example("json"))


def ticks() -> float:
    return 0.0


def run(tmp_path: Path, command: str, name: str, text: str, *options: str) -> Result:
    (tmp_path / name).write_text(text, "utf-8")
    return CliRunner().invoke(root, ["access", command, str(tmp_path / name), *options])


def test_the_example_is_planned_as_worked_out_by_hand() -> None:
    # Room 1 is the only one. Visit 2 costs 3 a step and its usual carer is there at eight, so visit 1 waits six steps; visit 3 is left out for 1000.
    report = plan_of_the_day(PLAN, 10.0, ticks)
    assert [(a.visit, a.start, a.end, a.resources) for a in report.assigned] == [
        ("visit 2", 480, 510, ("room 1", "Dr Elm", "nurse Fir")),
        ("visit 1", 510, 570, ("room 1", "Dr Ash")),
    ]
    assert (report.cost, report.bound, report.proved) == (1006, 1006, True)
    assert [(u.visit, u.because, u.smallest) for u in report.unmet] == [
        ("visit 3", ("the skill orthodontics",), True)
    ]


def test_what_is_fixed_in_the_file_stays() -> None:
    fixed = {"visit": "visit 1", "start": "08:00", "resources": ["room 1", "Dr Ash"]}
    report = plan_of_the_day({**PLAN, "fixed": [fixed]}, 10.0, ticks)
    assert [(a.visit, a.start, a.fixed) for a in report.assigned] == [
        ("visit 1", 480, True),
        ("visit 2", 540, False),
    ]
    assert report.cost == 1000 + 3 * 12


def test_the_example_day_lets_the_free_doctor_see_the_one_who_waits() -> None:
    report = how_the_day_goes(DAY)
    assert report.moves[0].words == "let Dr Elm see visit 2"
    waits = {w.visit: w for w in report.waits}
    assert set(waits) == {"visit 2", "visit 3", "visit 4"}, "visit 1 has begun"
    assert waits["visit 2"].wait.low >= 30, "half an hour of waiting is over already"
    # Bayes leaves those who can still come at 0.9 until their earliest minute is past.
    assert waits["visit 3"].comes == pytest.approx(0.9 * 0.8 / (0.9 * 0.8 + 0.1), abs=0.05)
    assert [e.practitioner for e in report.ends] == ["Dr Ash", "Dr Elm"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"step": 0}, "step"),
        ({"resource": []}, "no-resources"),
        ({"resource": [{"name": "A", "kind": "dentist", "hours": []}], "visit": []}, "zero-capacity"),
        ({"visit": [{"name": "V", "wanted": "8 o'clock", "need": [{"kind": "room", "to": 30}]}]}, "file"),
        ({"visit": [{"name": "V", "wanted": -5, "need": [{"kind": "room", "to": 30}]}]}, "file"),
        (
            {"visit": [{"name": "V", "wanted": "08:00", "need": [{"kind": "laser", "to": 30}]}]},
            "missing-resource",
        ),
        ({"visit": [{"name": "V", "wanted": "08:00", "need": [{"kind": "room"}]}]}, "file"),
        (
            {"visit": [{"name": "V", "wanted": "08:00", "wishes": 1, "need": [{"kind": "room", "to": 30}]}]},
            "file",
        ),
        ({"visit": 3}, "file"),
        ({"visit": [3]}, "not-a-table"),
        ({"patients": []}, "file"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        plan_of_the_day({**PLAN, **change}, 10.0, ticks)
    assert (refusal.value.code, bool(refusal.value.remedy)) == (code, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"now": "ten"}, "file"),
        ({"now": "09:30"}, "event-to-come"),
        ({"turnover": -1}, "negative-minutes"),
        ({"practitioners": []}, "zero-capacity"),
        ({"rooms": []}, "missing-resource"),
        ({"colour": "red"}, "file"),
    ],
)
def test_a_day_that_cannot_be_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        how_the_day_goes({**DAY, **change})
    assert (refusal.value.code, bool(refusal.value.remedy)) == (code, True)


def test_the_commands_print_a_table_json_and_csv(tmp_path: Path) -> None:
    plain = run(tmp_path, "plan", "day.toml", example("toml"))
    assert plain.exit_code == 0, plain.output
    assert "no plan costs less" in plain.output
    assert "the skill orthodontics" in plain.output
    told = json.loads(run(tmp_path, "plan", "day.json", json.dumps(PLAN), "--json").stdout)
    assert told["cost"] == told["bound"] == 1006
    rows = list(
        csv.DictReader(io.StringIO(run(tmp_path, "plan", "day.toml", example("toml"), "--csv").stdout))
    )
    assert [(r["visit"], r["start"]) for r in rows] == [
        ("visit 2", "08:00"),
        ("visit 1", "08:30"),
        ("visit 3", ""),
    ]
    day = run(tmp_path, "day", "now.json", example("json"))
    assert day.exit_code == 0, day.output
    assert "let Dr Elm see visit 2" in day.output
    assert json.loads(run(tmp_path, "day", "now.json", example("json"), "--json").stdout)["now"] == 600
    rows = list(
        csv.DictReader(io.StringIO(run(tmp_path, "day", "now.json", example("json"), "--csv").stdout))
    )
    assert {r["visit"] for r in rows} == {"visit 2", "visit 3", "visit 4"}


def test_the_requests_of_the_example_get_the_slots_that_the_guide_says(tmp_path: Path) -> None:
    text = example("json season")
    report = places_in_the_season(json.loads(text))
    placed = {p.name: (p.day, p.start) for p in report.places}
    assert [placed[f"request {n}"][0] for n in range(1, 6)] == [1, 1, None, 1, 2]
    assert sorted(placed[f"request {n}"][1] or 0.0 for n in (1, 2, 4)) == [0.0, 20.0, 40.0]
    # Three of twenty minutes fill the hour: nobody waits, idles, or stays on. An empty day idles for an hour.
    assert report.costs[:2] == pytest.approx((60.0, 0.0))
    assert report.free == (3, 0, 2)
    told = run(tmp_path, "assign", "season.json", text)
    assert told.exit_code == 0, told.output
    assert "4 requests have a slot, 1 have none" in told.output
    assert json.loads(run(tmp_path, "assign", "season.json", text, "--json").stdout)["free"] == [3, 0, 2]
    rows = list(csv.DictReader(io.StringIO(run(tmp_path, "assign", "season.json", text, "--csv").stdout)))
    assert [r["day"] for r in rows] == ["1", "1", "", "1", "2"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"times": []}, "file"),
        ({"request": []}, "file"),
        ({"kept_open": 9}, "kept-open"),
        ({"day": 3}, "file"),
        ({"days": 1000}, "too-large"),
        ({"request": [{"name": "a", "minutes": 20, "latest": -1}]}, "span"),
        ({"request": [{"name": "a", "minutes": 0, "latest": 1}]}, "file"),
    ],
)
def test_a_season_that_cannot_be_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        places_in_the_season({**json.loads(example("json season")), **change})
    assert refusal.value.code == code


@pytest.mark.parametrize("text", ["", "[1]", "{", "now = 3"])
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "now.json").write_text(text, "utf-8")
    done = carewheel(["access", "day", "now.json"], tmp_path, {})
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "in the guide access-day" in done.stderr
