"""Plans: the order of their steps, terms that cannot change after the start, and a ledger that survives whatever happens."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.wheel.made_plans import AFTER, BEFORE, MEASURE, PLACES, START, looked, rates, reminders, result_of

from carewheel.catalog.measures import measures
from carewheel.journeys.work_a_plan import accept, propose, review, start, stop
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused
from carewheel.wheel.measured import Measured
from carewheel.wheel.pitfalls import _no_leadership, _unmeasured_changes
from carewheel.wheel.plans import Ledger, Plan, PlanRefused, Proposal, Step, plan_document

NAME = "Q2-2025-01"


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def proposed(space: Workspace, **more: object) -> Plan:
    return propose(looked(space.root, rates(), BEFORE), reminders(**more), BEFORE)


def accepted(space: Workspace) -> Plan:
    proposed(space)
    return accept(space, NAME, "Front desk lead", BEFORE, BEFORE, {})


def started(space: Workspace) -> Plan:
    accepted(space)
    return start(space, NAME, BEFORE, BEFORE, {})


def refused(code: str, what: object) -> None:
    """``what()`` is refused with this code and a remedy."""
    with pytest.raises(PlanRefused) as found:
        what()  # type: ignore[operator]
    assert found.value.code == code, found.value
    assert found.value.remedy.endswith((".", "ROLE", NAME, "YEAR-MONTH"))


def test_a_plan_goes_from_proposal_to_finish_and_keeps_every_word(space: Workspace) -> None:
    proposed(space, notes={"plan": "text everybody the day before"})
    accept(space, NAME, "Front desk lead", BEFORE, BEFORE, {"plan": "from the second on"})
    start(space, NAME, date(2025, 1, 2), date(2025, 1, 2), {"do": "sent by the system"})
    for month in (2, 3):
        review(
            space,
            NAME,
            date(2025, month, 1),
            date(2025, month, 1),
            {"study": f"seen in {month}", "act": "go on"},
        )
    plan = stop(space, NAME, AFTER, AFTER, {"act": "stays"}, finished=True)
    assert [step.kind for step in plan.steps] == [
        "proposed", "accepted", "started", "reviewed", "reviewed", "finished"
    ]  # fmt: skip
    assert (plan.state, plan.owner, plan.started_on, plan.ended_on) == (
        "finished", "Front desk lead", date(2025, 1, 2), AFTER
    )  # fmt: skip
    assert [text for _, _, _, text in plan.notes()] == [
        "text everybody the day before", "from the second on", "sent by the system", "seen in 2", "go on", "seen in 3",
        "go on", "stays",
    ]  # fmt: skip
    assert Ledger(space).plan(NAME) == plan


def test_the_terms_say_how_it_will_be_judged_and_what_could_be_found(space: Workspace) -> None:
    terms = proposed(space).terms
    assert (terms.judged_by.measure, terms.judged_by.unit) == (MEASURE, "share")
    assert terms.judged_by.starts == (24.0, 24.0, 24.0, *[np.inf] * 6)
    assert (terms.units, terms.ends_on) == (PLACES, AFTER)
    # Noise of sqrt(.09 / 400) = 1.5 points a place and month: over 3 places and 12 months far below the guess of a third of 10 %.
    assert terms.expected == pytest.approx(-0.034, abs=0.004)
    assert 0.003 < terms.judged_by.smallest_effect < 0.03
    assert terms.promises
    # 15 hours once and 3 a month at three places; no price without a currency.
    assert (terms.hours, terms.budget) == ((15 + 12 * 3) * 3, None)


def test_a_price_is_guessed_in_dollars_and_taken_as_given_in_any_currency(space: Workspace) -> None:
    assert proposed(space, currency="USD").terms.budget == (500 + 12 * 150) * 3
    other = propose(
        looked(space.root, rates(), BEFORE),
        reminders("loc5", budget=Decimal("99.50"), currency="CHF"),
        BEFORE,
    )
    assert (other.id, other.terms.budget, other.terms.currency) == (f"{NAME}-2", Decimal("99.50"), "CHF")


def test_steps_out_of_order_are_refused(space: Workspace) -> None:
    notes = {"study": "seen"}
    refused("plan.unknown", lambda: accept(space, NAME, "lead", BEFORE, BEFORE, {}))
    proposed(space)
    refused("plan.order", lambda: start(space, NAME, BEFORE, BEFORE, {}))
    refused("plan.order", lambda: review(space, NAME, BEFORE, BEFORE, notes))
    refused("plan.order", lambda: stop(space, NAME, AFTER, AFTER, {}, finished=True))
    accept(space, NAME, "lead", BEFORE, BEFORE, {})
    refused("plan.order", lambda: accept(space, NAME, "another", BEFORE, BEFORE, {}))
    refused("plan.order", lambda: review(space, NAME, BEFORE, BEFORE, notes))
    start(space, NAME, BEFORE, BEFORE, {})
    refused("plan.order", lambda: start(space, NAME, BEFORE, BEFORE, {}))
    refused(
        "plan.too-early", lambda: stop(space, NAME, date(2025, 6, 1), date(2025, 6, 1), {}, finished=True)
    )
    refused("plan.date", lambda: review(space, NAME, BEFORE - timedelta(days=1), BEFORE, notes))
    refused("plan.future", lambda: review(space, NAME, AFTER, BEFORE, notes))
    stop(space, NAME, date(2025, 6, 1), date(2025, 6, 1), {})
    refused("plan.order", lambda: review(space, NAME, AFTER, AFTER, notes))
    assert [step.kind for step in Ledger(space).steps(NAME)] == ["proposed", "accepted", "started", "stopped"]


def test_a_start_before_acceptance_or_in_another_month_is_refused(space: Workspace) -> None:
    proposed(space)
    late = date(2025, 1, 20)
    accept(space, NAME, "lead", late, late, {})
    refused("plan.order", lambda: start(space, NAME, late, late, {}, date(2025, 1, 10)))
    refused("plan.other-month", lambda: start(space, NAME, AFTER, AFTER, {}, date(2025, 3, 1)))
    assert start(space, NAME, late, late, {}).started_on == late


def test_a_plan_whose_month_has_passed_can_no_longer_be_accepted(space: Workspace) -> None:
    proposed(space)
    refused("plan.after-start", lambda: accept(space, NAME, "lead", date(2025, 1, 31), date(2025, 1, 31), {}))


def test_terms_change_until_the_start_and_never_after(space: Workspace) -> None:
    first = accepted(space)
    seen = looked(space.root, rates(), BEFORE)
    again = propose(seen, reminders("loc1", "loc2"), BEFORE, instead_of=NAME)
    # Other terms need the owner's word again.
    assert (again.state, again.owner, again.id) == ("proposed", "", NAME)
    assert again.terms.fingerprint != first.terms.fingerprint
    accept(space, NAME, "lead", BEFORE, BEFORE, {})
    start(space, NAME, BEFORE, BEFORE, {})
    refused("plan.frozen", lambda: propose(seen, reminders("loc1"), BEFORE, instead_of=NAME))
    assert Ledger(space).plan(NAME).terms == again.terms


def test_a_plan_is_made_before_its_start_is_known(space: Workspace) -> None:
    seen = looked(space.root, rates(), date(2025, 1, 31))
    refused("plan.after-start", lambda: propose(seen, reminders(), date(2025, 1, 31)))
    # Data end in December, but people know January by then.
    stale = looked(space.root, rates(), BEFORE, on=date(2025, 2, 1))
    refused("plan.after-start", lambda: propose(stale, reminders(), date(2025, 2, 1)))


def test_a_plan_that_is_written_down_afterwards_shows(space: Workspace) -> None:
    back_dated = propose(looked(space.root, rates(), BEFORE), reminders(), today=date(2025, 6, 1))
    assert not back_dated.registered
    assert proposed(Workspace(space.root.with_name("other"))).registered


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Proposal("Q9", {"loc1": START}), "plan.play"),
        (Proposal("Q2", {"loc99": START}), "plan.place"),
        (Proposal("Q2", {}), "plan.place"),
        (Proposal("Q2", {"loc1": START}, measure="operations.nothing"), "plan.measure"),
        (Proposal("Q2", {"loc1": START}, measure="growth.retention"), "plan.measure"),
        (Proposal("Q2", {"loc1": START}, measure="growth.new_patients_by_channel"), "plan.measure"),
        (Proposal("F5", {"loc1": START}, measure="experience.nps"), "plan.unmeasured"),
        (Proposal("Q2", {"loc1": START}, months=2), "plan.length"),
        (Proposal("Q2", {"loc1": START}, review_days=0), "plan.length"),
        (Proposal("Q2", {"loc1": START}, hours=-1), "plan.effort"),
        (Proposal("Q2", {"loc1": START}, hours=float("nan")), "plan.effort"),
        (Proposal("Q2", {"loc1": START}, budget=Decimal(5)), "plan.effort"),
        (Proposal("Q2", {"loc1": START}, budget=Decimal("NaN"), currency="USD"), "plan.effort"),
        (Proposal("Q2", {"loc1": START}, notes={"plan": "call 555 010 9999"}), "plan.personal"),
        (Proposal("Q2", {"loc1": START}, notes={"plan": "ask a.b@example.org"}), "plan.personal"),
        (Proposal("Q2", {"loc1": START}, notes={"plan": "x" * 2001}), "plan.text"),
        (Proposal("Q2", {"loc1": START}, notes={"moon": "x"}), "plan.text"),
    ],
)
def test_a_proposal_that_cannot_be_is_refused_and_leaves_nothing(
    space: Workspace, wanted: Proposal, code: str
) -> None:
    refused(code, lambda: propose(looked(space.root, rates(), BEFORE), wanted, BEFORE))
    assert Ledger(space).plans() == []


def test_three_months_or_a_flat_measure_cannot_be_planned_with(space: Workspace) -> None:
    short = rates()[:, :24].copy()
    short[:, :21] = np.nan
    refused("plan.cannot-tell", lambda: propose(looked(space.root, short, BEFORE), reminders(), BEFORE))
    flat = np.full((9, 24), 0.1)
    refused("plan.cannot-tell", lambda: propose(looked(space.root, flat, BEFORE), reminders(), BEFORE))
    silent = rates()
    silent[0] = np.nan
    refused("plan.place", lambda: propose(looked(space.root, silent, BEFORE), reminders(), BEFORE))


def test_one_open_plan_of_a_play_at_a_place(space: Workspace) -> None:
    proposed(space)
    seen = looked(space.root, rates(), BEFORE)
    refused("plan.double", lambda: propose(seen, reminders("loc3", "loc4"), BEFORE))
    stop(space, NAME, BEFORE, BEFORE, {})
    assert propose(seen, reminders("loc3", "loc4"), BEFORE).id == f"{NAME}-2"


@pytest.mark.parametrize(("owner", "code"), [(" ", "plan.owner"), ("x" * 81, "plan.text"), ("+1 555 010 9999", "plan.personal"), ("a\x07b", "plan.text")])  # fmt: skip
def test_an_owner_is_a_role_or_a_name(space: Workspace, owner: str, code: str) -> None:
    proposed(space)
    refused(code, lambda: accept(space, NAME, owner, BEFORE, BEFORE, {}))


def test_a_review_says_something(space: Workspace) -> None:
    started(space)
    refused("plan.text", lambda: review(space, NAME, BEFORE, BEFORE, {"study": "  "}))


def test_reviews_have_a_rhythm_and_what_is_overdue_shows(space: Workspace) -> None:
    assert proposed(space, review_days=14).next_review == BEFORE + timedelta(days=30)
    assert accept(space, NAME, "lead", BEFORE, BEFORE, {}).next_review == START
    plan = start(space, NAME, BEFORE, BEFORE, {})
    assert plan.next_review == date(2025, 1, 15)
    assert not plan.overdue(date(2025, 1, 15))
    assert plan.overdue(date(2025, 1, 16))
    reviewed = review(space, NAME, date(2025, 1, 16), date(2025, 1, 16), {"do": "done"})
    assert reviewed.next_review == date(2025, 1, 30)
    assert plan_document(reviewed, date(2025, 2, 1))["overdue"]
    assert stop(space, NAME, date(2025, 2, 2), date(2025, 2, 2), {}).next_review is None


def test_a_plan_is_seen_as_it_stood_on_a_day(space: Workspace) -> None:
    started(space)
    review(space, NAME, date(2025, 2, 1), date(2025, 2, 1), {"do": "done"})
    ledger = Ledger(space)
    assert ledger.plans(BEFORE - timedelta(days=1)) == []
    assert ledger.plans(BEFORE)[0].reviewed_on is None
    assert ledger.plans()[0].reviewed_on == date(2025, 2, 1)


def _spoil(text: str, line: int, key: str, value: object) -> str:
    lines = text.splitlines()
    row = json.loads(lines[line])
    row[key] = value
    return "\n".join([*lines[:line], json.dumps(row), *lines[line + 1 :]]) + "\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("Front desk lead", "Somebody else"), "plan.damaged"),
        (lambda text: text.replace('"months_after":12', '"months_after":6'), "plan.damaged"),
        (lambda text: text[:-40], "plan.damaged"),
        (lambda text: text.split("\n", 1)[1], "plan.damaged"),
        (lambda text: text + "{}\n", "plan.damaged"),
        (lambda text: "[]\n", "plan.damaged"),
        (lambda text: "\n", "plan.damaged"),
        (lambda text: _spoil(text, 1, "on", "never"), "plan.damaged"),
        (lambda text: _spoil(text, 1, "schema_version", 99), "plan.version"),
    ],
)
def test_a_file_that_another_hand_changed_is_refused_and_left_alone(
    space: Workspace, change: object, code: str
) -> None:
    started(space)
    path = space.root / "plans" / f"{NAME}.jsonl"
    spoilt = change(path.read_text())  # type: ignore[operator]
    path.write_text(spoilt)
    refused_codes = []
    for what in (
        Ledger(space).plans,
        lambda: Ledger(space).plan(NAME),
        lambda: stop(space, NAME, AFTER, AFTER, {}),
    ):
        with pytest.raises(PlanRefused) as found:
            what()
        refused_codes.append(found.value.code)
    assert refused_codes == [code] * 3
    assert path.read_text() == spoilt


@pytest.mark.parametrize("name", ["../manifest", "", "change-abc", "a/b", "Q2-2025-01.jsonl"])
def test_a_name_never_leads_out_of_the_folder(space: Workspace, name: str) -> None:
    started(space)
    refused_name = name
    with pytest.raises(PlanRefused, match="There is no plan"):
        Ledger(space).plan(refused_name)


REVIEWS = """
import sys
from datetime import date
from pathlib import Path
from carewheel.journeys.work_a_plan import review
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused
done = 0
day = date(2025, 2, 1)
print("ready", flush=True)
while done < int(sys.argv[2]):
    try:
        review(Workspace(Path(sys.argv[1])), "Q2-2025-01", day, day, {"do": f"{sys.argv[3]} {done}"})
    except WorkspaceRefused as refusal:
        assert refusal.code == "workspace.busy", refusal.code
        continue
    done += 1
    print(done, flush=True)
"""


def _reviewer(space: Workspace, count: int, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", REVIEWS, str(space.root), str(count), who], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_at_once_lose_no_step(space: Workspace) -> None:
    started(space)
    both = [_reviewer(space, 15, who) for who in ("ada", "bo")]
    assert [process.wait() for process in both] == [0, 0]
    said = [text for _, _, _, text in Ledger(space).plan(NAME).notes()]
    for who in ("ada", "bo"):
        assert [text for text in said if text.startswith(who)] == [f"{who} {i}" for i in range(15)]
    assert len(said) == 30


def test_a_writer_that_is_killed_leaves_whole_steps_only(space: Workspace) -> None:
    started(space)
    chance = random.Random(5)
    for _ in range(6):
        before = len(Ledger(space).steps(NAME))
        process = _reviewer(space, 10_000, "cy")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.2))
        process.send_signal(signal.SIGKILL)
        told = process.stdout.read().split()
        process.wait()
        # Every step that was told is there, and at most one that was not told yet.
        written = len(Ledger(space).steps(NAME)) - before
        assert len(told) <= written <= len(told) + 1
    assert review(space, NAME, date(2025, 3, 1), date(2025, 3, 1), {"do": "on"}).reviewed_on == date(
        2025, 3, 1
    )


def test_a_half_written_file_beside_a_plan_does_not_count(space: Workspace) -> None:
    started(space)
    (space.root / "plans" / f"{NAME}.jsonl.new").write_text('{"schema_version"')
    assert Ledger(space).plan(NAME).state == "started"
    assert len(review(space, NAME, BEFORE, BEFORE, {"do": "x"}).steps) == 4


def test_while_another_process_writes_a_step_is_refused(space: Workspace) -> None:
    started(space)
    with space.writing(), pytest.raises(WorkspaceRefused) as busy:
        review(space, NAME, BEFORE, BEFORE, {"do": "x"})
    assert busy.value.code == "workspace.busy"
    assert len(Ledger(space).steps(NAME)) == 3


def test_a_step_that_is_refused_under_the_lock_writes_nothing(space: Workspace) -> None:
    started(space)

    def refuse(steps: tuple[Step, ...]) -> Step:
        raise PlanRefused("plan.order", "No.", "No.")

    before = (space.root / "plans" / f"{NAME}.jsonl").read_bytes()
    with pytest.raises(PlanRefused):
        Ledger(space).add(NAME, refuse)
    assert (space.root / "plans" / f"{NAME}.jsonl").read_bytes() == before


def leadership(space: Workspace, on: date) -> tuple[str, str]:
    """The alarm “plans without owner or progress” on a day, where no export tells of a change."""
    connection = space.connect()
    try:
        return _no_leadership(connection, on, Ledger(space).plans(on), on)
    finally:
        connection.close()


def test_plans_alone_raise_and_clear_the_alarm_of_leadership(space: Workspace) -> None:
    assert leadership(space, BEFORE)[0] == "unknown"
    proposed(space)
    assert leadership(space, BEFORE) == (
        "clear",
        "A plan waits for its owner or its start, and is not overdue.",
    )
    # Thirty days without an owner.
    assert leadership(space, date(2025, 1, 31))[0] == "raised"
    accept(space, NAME, "lead", date(2025, 1, 30), date(2025, 1, 30), {})
    # It was to start on the first.
    assert leadership(space, date(2025, 1, 30))[0] == "raised"
    start(space, NAME, date(2025, 1, 30), date(2025, 1, 30), {})
    assert leadership(space, date(2025, 1, 30)) == ("clear", "1 plan has an owner and no overdue review.")
    assert leadership(space, date(2025, 3, 2)) == (
        "raised",
        f"Overdue for an owner, a start or a review: {NAME}.",
    )
    review(space, NAME, date(2025, 3, 2), date(2025, 3, 2), {"study": "seen"})
    assert leadership(space, date(2025, 3, 2))[0] == "clear"
    stop(space, NAME, date(2025, 3, 3), date(2025, 3, 3), {})
    assert leadership(space, date(2025, 3, 3))[0] == "clear"
    # Two years on nothing else was begun.
    assert leadership(space, date(2027, 3, 3))[0] == "raised"


def watched(space: Workspace, values: NDArray[np.float64], on: date) -> tuple[str, str]:
    measured = {MEASURE: Measured(measures()[MEASURE], result_of(values, on), "measured")}
    connection = space.connect()
    try:
        return _unmeasured_changes(measured, connection, on, Ledger(space).plans(on))
    finally:
        connection.close()


def test_a_plan_whose_measure_fell_silent_is_a_change_without_measurement(space: Workspace) -> None:
    silent = rates()
    silent[:, 25:] = np.nan
    assert watched(space, rates(), AFTER)[0] == "unknown"
    started(space)
    assert watched(space, rates(), AFTER) == (
        "clear",
        "All 1 changes have a measure with data around their start.",
    )
    assert watched(space, silent, AFTER)[0] == "raised"
