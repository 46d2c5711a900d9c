"""Who may not come: from booked visits to chances, whom to reach out to, and the audit; and the same from facts by the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.forked import carewheel

from carewheel.cli.access import _as_csv
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import AttendanceReport, BookedVisits
from carewheel.spokes.operations.queries import booked_visits, local_seconds
from carewheel.spokes.operations.rules.attendance import attendance_report
from carewheel.spokes.operations.rules.waiting_burden import expected_waits
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace

DAY = 86_400
TODAY = (date(2025, 6, 30) - date(1970, 1, 1)).days


def visits(n: int = 9_000, seed: int = 1, moved: float = 0.0) -> tuple[BookedVisits, np.ndarray]:
    """Visits of a year and two weeks ahead, with the true chance of each: it grows with lead time and differs by person. ``moved``: what is
    added to the log-odds in the last thirty days."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(TODAY - 365, TODAY + 15, n))
    lead = rng.integers(0, 40, n)
    person = rng.integers(0, 900, n)
    odds = -2.6 + 0.03 * lead + rng.normal(0, 0.9, 900)[person] + moved * (day > TODAY - 30)
    chance = 1 / (1 + np.exp(-odds))
    ahead = day > TODAY
    known = np.where(ahead, -1, (rng.random(n) < chance).astype(np.int64))
    usable = ~ahead | (day - lead <= TODAY)
    starts = day * DAY + rng.integers(8, 17, n) * 3600
    words = {"source": "od", "location": "L1", "provider": "dr", "visit_type": "check", "channel": "phone"}
    made = BookedVisits(
        as_of=date(2025, 6, 30), visit=np.array([f"v{i}" for i in range(n)]), patient=np.array([f"p{k}" for k in person]),
        **{name: np.full(n, word) for name, word in words.items()}, starts_at=starts, booked=(day - lead) * DAY + 9 * 3600, starts=starts,
        outcome=known, outcome_day=day, ahead=ahead, birth_year=np.where(person % 2, 1950, 1990), sex=np.where(person % 3, "female", "male"),
        minutes=np.full(n, 30.0), left_out=0,
    )  # fmt: skip
    kept = usable & ((starts // DAY * DAY + 9 * 3600 > made.booked) | (lead > 0))
    return _only(made, kept), chance[kept]


def _only(v: BookedVisits, kept: np.ndarray) -> BookedVisits:
    names = [name for name in BookedVisits.__dataclass_fields__ if isinstance(getattr(v, name), np.ndarray)]
    return replace(v, **{name: getattr(v, name)[kept] for name in names})


@pytest.fixture(scope="module")
def told() -> tuple[BookedVisits, np.ndarray]:
    return visits()


@pytest.fixture(scope="module")
def found(told: tuple[BookedVisits, np.ndarray]) -> AttendanceReport:
    return attendance_report(told[0])


def test_a_spreadsheet_holds_every_visit_ahead(found: AttendanceReport) -> None:
    rows = list(csv.DictReader(io.StringIO(_as_csv(found))))
    assert [row["visit"] for row in rows] == [risk.visit for risk in found.visits]
    assert [float(row["missed"]) for row in rows] == pytest.approx(
        [risk.missed.value for risk in found.visits], abs=1e-4
    )


def test_chances_follow_what_is_true_and_the_riskiest_come_first(
    told: tuple[BookedVisits, np.ndarray], found: AttendanceReport
) -> None:
    v, true = told
    by_visit = dict(zip(v.visit.tolist(), true.tolist(), strict=True))
    mine = np.array([risk.missed.value for risk in found.visits])
    truth = np.array([by_visit[risk.visit] for risk in found.visits])
    assert len(found.visits) == v.ahead.sum()
    assert (np.diff(mine) <= 0).all()
    assert np.corrcoef(mine, truth)[0, 1] > 0.6
    assert found.expected_misses.low < truth.sum() < found.expected_misses.high
    assert found.tested["auc"].low > 0.6
    share = found.tested["missed"].value
    assert found.tested["brier"].value < share * (1 - share)
    assert found.drift_since is None
    assert sum(risk.action != "" for risk in found.visits) == round(0.1 * len(mine))
    assert "typical visit" in found.visits[0].why
    assert {(g.attribute, g.group) for g in found.fairness} == {
        ("age band", "30 to 44"), ("age band", "75 or older"), ("sex", "female"), ("sex", "male")
    }  # fmt: skip
    waits = {(g.attribute, g.group): g.waiting for g in found.fairness}
    assert all(w is not None and w.low <= w.value <= w.high for w in waits.values())
    assert set(found.waiting_gap) == {"age band", "sex"}
    assert all(g.error is None or (g.error.low < 0.02 and g.error.high > -0.02) for g in found.fairness)


def test_who_waits_is_worked_out_from_the_scores() -> None:
    """Two at eight and one at a quarter past, twenty minutes each: the second waits if the first comes, the third for whoever is left."""
    v, _ = visits(300)
    chance = np.array([0.5, 0.2, 0.0, 0.3])
    eight = (TODAY - 3) * DAY + 8 * 3600
    starts = v.starts.copy()
    starts[:4] = eight + np.array([0, 0, 900, 6 * 3600])
    provider = v.provider.copy()
    provider[4] = ""
    own = replace(v, starts=starts, provider=provider)
    found = expected_waits(own, np.arange(5), np.append(chance, 0.1), {"check": np.full(80, 20.0)})
    # The third: 25 minutes after both, 5 after one of them.
    assert found[:3] == pytest.approx([0.0, 0.5 * 20, 0.5 * 0.8 * 25 + (0.5 * 0.8 + 0.5 * 0.2) * 5])
    assert found[3] == 0.0, "in the afternoon"
    assert np.isnan(found[4]), "with nobody knows whom"


def test_nothing_that_came_later_moves_a_chance(told: tuple[BookedVisits, np.ndarray]) -> None:
    v, _ = told
    earlier = replace(v, as_of=date(2025, 5, 31))
    day = TODAY - 30
    ahead = (v.starts // DAY > day) & (v.booked // DAY <= day)
    known = (v.starts // DAY <= day) | ahead
    past = _only(replace(earlier, ahead=ahead, outcome=np.where(v.outcome_day > day, -1, v.outcome)), known)
    whole = _only(replace(earlier, ahead=ahead), known)  # the same, with what came later left in
    one, other = (attendance_report(x, days=7) for x in (past, whole))
    assert [(r.visit, r.missed.value) for r in one.visits] == [
        (r.visit, r.missed.value) for r in other.visits
    ]


def test_a_change_in_who_comes_raises_an_alarm() -> None:
    v, _ = visits(12_000, 3, moved=1.2)
    found = attendance_report(v)
    assert found.drift_since is not None
    assert date(2025, 5, 31) < found.drift_since <= date(2025, 6, 30)


def test_a_new_practice_gets_the_prior_and_is_told_so() -> None:
    v, _ = visits(260, 5)
    found = attendance_report(v)
    assert found.by == "prior"
    assert found.why_prior
    assert found.tested == {}
    assert all(0.005 < risk.missed.value < 0.6 for risk in found.visits)
    assert all(risk.missed.low < risk.missed.value < risk.missed.high for risk in found.visits)


def test_no_visits_are_refused_with_a_remedy(told: tuple[BookedVisits, np.ndarray]) -> None:
    with pytest.raises(CannotTell, match="read appointments"):
        attendance_report(_only(told[0], np.zeros(len(told[0]), dtype=bool)))


def test_local_time_follows_the_clock_of_each_place_across_the_change() -> None:
    moments = np.array(
        [1_743_238_800, 1_743_325_200]
    )  # 29 and 30 March 2025, 09:00 UTC: Berlin changes in between
    zones = np.array(["Europe/Berlin", "Europe/Berlin"])
    assert ((local_seconds(moments, zones) - moments) // 3600).tolist() == [1, 2]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("group") / "demo"
    make_demo(Order(Group(11, 2, 12), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    return space


def test_the_facts_of_a_practice_become_booked_visits(group: Workspace) -> None:
    connection = group.connect(["invented"])
    v = booked_visits(connection, date(2025, 12, 31))
    (missed, came, ahead) = connection.execute(
        "SELECT COUNT(*) FILTER (status = 'noshow'), COUNT(*) FILTER (status = 'fulfilled' AND channel <> 'walk-in'), "
        "COUNT(*) FILTER (status = 'booked' AND local_date > DATE '2025-12-31') FROM appointment"
    ).fetchone()
    assert v.left_out + len(v) >= missed + came + ahead
    assert (v.outcome == 1).sum() == pytest.approx(missed, abs=v.left_out)
    assert v.ahead.sum() == pytest.approx(ahead, abs=v.left_out)
    assert (v.booked // DAY <= v.starts // DAY).all()
    assert set(np.unique(v.starts % DAY // 3600)) <= set(range(6, 20))


def test_the_command_says_it_in_json(group: Workspace) -> None:
    def run(*words: str, code: int = 0) -> str:
        # A new interpreter: trees are grown by OpenMP, which a fork may not use.
        done = subprocess.run(
            [sys.executable, "-c", "from carewheel.cli import main; main()", "access", "noshow", *words], capture_output=True, text=True,
            check=False, env={**os.environ, "CAREWHEEL_WORKSPACE": str(group.root)},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if not code else done.stderr

    told = json.loads(run("--json", "--days", "10"))
    assert told["visits"]
    assert {"missed", "why", "action", "starts_local"} <= set(told["visits"][0])


def test_an_empty_workspace_is_told_what_to_do(tmp_path: Path) -> None:
    done = carewheel(["access", "noshow", "--workspace", tmp_path / "none"])
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
