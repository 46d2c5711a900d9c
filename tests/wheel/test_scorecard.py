"""Own scores beside the industry's: kept whole or not at all, and held against measures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from carewheel.catalog.measures import measures
from carewheel.cli.scorecard import scorecard_command
from carewheel.warehouse.measures import MeasureResult, Series, Value
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.measured import Measured
from carewheel.wheel.scorecard import ScoreRefused, keep_scores, own_scores, scorecard_document

TODAY = date(2025, 12, 31)


def measured(**values: float) -> dict[str, Measured]:
    """All cards unmeasured but those given, by the part of their id after the dot."""
    found = {}
    for name, card in measures().items():
        value = values.get(name.split(".")[1])
        result = None
        if value is not None:
            empty = Series(*([[]] * 6))  # type: ignore[arg-type]
            result = MeasureResult(
                name,
                TODAY,
                "",
                Value(value, None, None, 100, "ok"),
                {},
                (),
                empty,
                {},
                (),
                None,
                None,
                0,
                12,
                TODAY,
                (),
            )
        found[name] = Measured(card, result, "measured")
    return found


def row(document: list[dict[str, object]], code: str) -> dict[str, object]:
    return next(r for r in document if r["code"] == code)


def test_scores_are_kept_replaced_and_taken_back(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    assert own_scores(space) == {}
    keep_scores(space, {"MD04": 3, "FR04": 5}, TODAY)
    assert keep_scores(space, {"MD04": 2, "FR04": None}, TODAY) == {
        "MD04": {"score": 2, "given": "2025-12-31"}
    }
    assert own_scores(space) == {"MD04": {"score": 2, "given": "2025-12-31"}}


@pytest.mark.parametrize("scores", [{"XX01": 3}, {"MD04": 6}, {"MD04": -1}, {"MD04": 2, "FR99": 1}])
def test_a_wrong_score_is_refused_and_nothing_is_kept(tmp_path: Path, scores: dict[str, int | None]) -> None:
    space = Workspace(tmp_path)
    with pytest.raises(ScoreRefused):
        keep_scores(space, scores, TODAY)
    assert own_scores(space) == {}


def test_a_damaged_file_is_a_refusal_with_a_remedy(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    (tmp_path / "scorecard.json").write_text('{"MD04": "three"}')
    with pytest.raises(ScoreRefused, match="answer again"):
        own_scores(space)


def test_belief_and_data_by_hand() -> None:
    # Waits 8 below the reference of 18 (sd 8): +1.0; no-shows .06 below .12 (sd .06): +1.0; mean +1.0.
    calm = measured(wait_minutes=10.0, no_show_rate=0.06)
    said = {"MD04": {"score": 5, "given": "2025-12-31"}}
    found = row(scorecard_document(said, calm), "MD04")
    assert found["level"] == pytest.approx(1.0)
    assert (found["data"], found["own"], found["industry"]) == ("disagrees", 5, 4)
    late = measured(wait_minutes=26.0, no_show_rate=0.18)
    said["MD04"]["score"] = 1
    assert row(scorecard_document(said, late), "MD04")["data"] == "disagrees"
    said["MD04"]["score"] = 3
    assert row(scorecard_document(said, late), "MD04")["data"] == "agrees"
    assert row(scorecard_document({}, measured()), "MD04")["data"] == "unknown"
    # A blank is unknown, never 0.
    assert row(scorecard_document({}, measured()), "MD01")["industry"] is None


def test_questions_are_asked_one_by_one_and_kept_at_once(tmp_path: Path) -> None:
    runner = CliRunner()
    answers = "3\n" + "seven\n4\n" + "\n" * 10
    done = runner.invoke(scorecard_command, ["ask", "--workspace", str(tmp_path)], input=answers)
    assert done.exit_code == 0, done.output
    assert "A whole number from 0 to 5" in done.output
    assert {code: kept["score"] for code, kept in own_scores(Workspace(tmp_path)).items()} == {
        "MD01": 3,
        "MD03": 4,
    }
    broken_off = runner.invoke(scorecard_command, ["ask", "--workspace", str(tmp_path)], input="1\n")
    assert broken_off.exit_code != 0
    assert own_scores(Workspace(tmp_path))["MD01"]["score"] == 1


def test_show_without_facts_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(scorecard_command, ["show", "--workspace", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    assert '"disagrees"' not in done.output
