"""`carewheel wheel plan`: a play put to work here, from the proposal to its end, and how a verdict reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carewheel.cli.looking import answered, as_json_out, day_of, looked_at
from carewheel.cli.terminal import bar, here, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.journeys.look_at_the_wheel import Looked
    from carewheel.journeys.work_a_plan import Judgement
    from carewheel.wheel.plans import Plan, Proposal

day_option = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]),
    help="The day of this step (default: today; in an invented group its last day).",
)  # fmt: skip
note_option = click.option(
    "--note", default="", metavar="TEXT", help="What there is to say. No patient's name or number."
)


@click.group("plan")
def plan_command() -> None:
    """Plan a play: propose it, give it an owner, start it, review it, end it. No step is ever overwritten."""


@plan_command.command("propose")
@click.argument("play", metavar="PLAY")
@click.option("--place", "places", multiple=True, metavar="ID[=YEAR-MONTH]",
              help="A place, with its own first month if it differs (default: all places).")  # fmt: skip
@click.option(
    "--start", "first", default="", metavar="YEAR-MONTH", help="First month (default: the next one)."
)
@click.option(
    "--measure", default="", metavar="ID", help="What it is judged by (default: what the play moves first)."
)
@click.option("--months", default=12, show_default=True, help="Months to wait before it is judged, 3 to 36.")
@click.option("--every", default=30, show_default=True, help="Days from one review to the next.")
@click.option("--hours", type=float, help="Staff hours over these months (default: as guessed for the play).")
@click.option(
    "--budget", metavar="AMOUNT", help="Money over these months (default: as guessed for the play)."
)
@click.option(
    "--plan",
    "instead_of",
    default="",
    metavar="PLAN",
    help="Other terms for this plan; it must not have started.",
)
@note_option
@day_option
@workspace_option
@json_option
@answered
def propose_command(
    play: str,
    places: tuple[str, ...],
    first: str,
    measure: str,
    months: int,
    every: int,
    hours: float | None,
    budget: str | None,
    instead_of: str,
    note: str,
    as_of: datetime | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Propose to put PLAY to work, and fix how it will be judged before any month after its start is known.

    The plan says the smallest effect that would be found in about four cases of five.
    """
    from carewheel.journeys.work_a_plan import default_start, propose
    from carewheel.wheel.plans import Proposal, measure_of, month_of

    # What is wrong with the words is said before anything is measured.
    measure_of(play, measure)
    amount, begins = _amount(budget), month_of(first) if first else None
    looked = looked_at(workspace, as_of, learn=False)
    usual = begins or default_start(looked.plans_on)
    chosen = {}
    for text in places or looked.places:
        place, equals, month = text.partition("=") if places else (text, "", "")
        chosen[place] = month_of(month) if equals else usual
    wanted = Proposal(
        play,
        chosen,
        measure,
        months,
        every,
        hours,
        amount,
        looked.currency,
        {"plan": note} if note else {},
    )
    with bar("Rehearsing the verdict") as show:
        show("plan", 0, 1)
        plan = propose(looked, wanted, today(), instead_of)
        show("plan", 1, 1)
    if as_json:
        _print_json(plan, looked.plans_on)
        return
    _print_plan(plan, looked.plans_on)
    _print_promise(looked, plan, wanted)
    say()
    say(f"Next: give it an owner.  {here(f'carewheel wheel plan accept {plan.id} --owner ROLE')}")


@plan_command.command("accept")
@click.argument("plan", metavar="PLAN")
@click.option(
    "--owner",
    required=True,
    metavar="ROLE",
    help="Who answers for it: a role, or the name of somebody who works here.",
)
@note_option
@day_option
@workspace_option
@json_option
def accept_command(
    plan: str, owner: str, note: str, as_of: datetime | None, workspace: Path, as_json: bool
) -> None:
    """Accept PLAN: somebody owns it from now on."""
    from carewheel.journeys.work_a_plan import accept

    day = _day(workspace, as_of)
    found = accept(_space(workspace), plan, owner, day, today(), {"plan": note} if note else {})
    following = here(f"carewheel wheel plan start {found.id}")
    _print_step(found, day, as_json, f"Next: on its first day,  {following}")


@plan_command.command("start")
@click.argument("plan", metavar="PLAN")
@click.option(
    "--on", "starts_on", type=click.DateTime(["%Y-%m-%d"]), help="The day it began, in the planned month."
)
@note_option
@day_option
@workspace_option
@json_option
def start_command(
    plan: str, starts_on: datetime | None, note: str, as_of: datetime | None, workspace: Path, as_json: bool
) -> None:
    """Say that PLAN began. From now on its terms cannot change."""
    from carewheel.journeys.work_a_plan import start

    day = _day(workspace, as_of)
    found = start(_space(workspace), plan, day, today(), {"do": note} if note else {}, day_of(starts_on))
    following = here(f"carewheel wheel plan review {found.id} --study TEXT")
    _print_step(found, day, as_json, f"Next: on {found.next_review},  {following}")


@plan_command.command("review")
@click.argument("plan", metavar="PLAN")
@click.option("--do", "done", default="", metavar="TEXT", help="What was done.")
@click.option("--study", default="", metavar="TEXT", help="What was seen.")
@click.option("--act", default="", metavar="TEXT", help="What follows from it.")
@day_option
@workspace_option
@json_option
def review_command(
    plan: str, done: str, study: str, act: str, as_of: datetime | None, workspace: Path, as_json: bool
) -> None:
    """Write down a review of PLAN: what was done, what was seen, what follows."""
    from carewheel.journeys.work_a_plan import review

    day = _day(workspace, as_of)
    notes = {name: text for name, text in (("do", done), ("study", study), ("act", act)) if text}
    found = review(_space(workspace), plan, day, today(), notes)
    over = found.terms.ends_on <= day
    following = here(f"carewheel wheel verify {found.id}") if over else f"look again on {found.next_review}"
    _print_step(found, day, as_json, f"Next: {following}")


@plan_command.command("stop")
@click.argument("plan", metavar="PLAN")
@click.option("--finished", is_flag=True, help="It ran for its planned months.")
@note_option
@day_option
@workspace_option
@json_option
def stop_command(
    plan: str, finished: bool, note: str, as_of: datetime | None, workspace: Path, as_json: bool
) -> None:
    """End PLAN. One that is stopped before its planned end can no longer be judged by its terms."""
    from carewheel.journeys.work_a_plan import stop

    day = _day(workspace, as_of)
    found = stop(_space(workspace), plan, day, today(), {"act": note} if note else {}, finished)
    _print_step(found, day, as_json, _next(found, day))


@plan_command.command("list")
@day_option
@workspace_option
@json_option
def list_command(as_of: datetime | None, workspace: Path, as_json: bool) -> None:
    """List the plans: owner, state, next look, verdict. What is overdue is marked."""
    from carewheel.wheel.plans import Ledger, plan_document, verdict_words

    day = _day(workspace, as_of)
    plans = [plan_document(plan, day) for plan in Ledger(_space(workspace)).plans(day)]
    if as_json:
        as_json_out(plans)
        return
    if not plans:
        say("There is no plan yet.")
        say(f"Next: see what is worth most.  {here('carewheel wheel value')}")
        return
    rows = [["plan", "play", "owner", "state", "next look", "verdict"]]
    for plan in plans:
        look = (plan["next_review"] or "–") + (" overdue" if plan["overdue"] else "")
        said = verdict_words(plan["verdict"], plan["unit"])
        rows.append([plan["id"], plan["title"], plan["owner"] or "to be named", plan["state"], look, said])
    table(rows)
    say()
    late = [plan for plan in plans if plan["overdue"]]
    look = here(f"carewheel wheel plan show {(late or plans)[0]['id']}")
    say(f"Next: {look}")


@plan_command.command("show")
@click.argument("plan", metavar="PLAN")
@day_option
@workspace_option
@json_option
def show_command(plan: str, as_of: datetime | None, workspace: Path, as_json: bool) -> None:
    """Show PLAN: its terms, its steps with their notes, its verdict."""
    from carewheel.wheel.plans import Ledger

    day = _day(workspace, as_of)
    found = Ledger(_space(workspace)).plan(plan)
    if as_json:
        _print_json(found, day)
        return
    _print_plan(found, day)
    say()
    for step in found.steps:
        late = f", written down on {step.recorded_on}" if step.recorded_on != step.on else ""
        say(f"{step.on}  {step.kind}{late}")
        for name, text in step.content.get("notes", {}).items():
            say(f"            {name}: {text}")
    say()
    say(_next(found, day))


def _next(plan: Plan, day: date) -> str:
    if plan.state == "proposed":
        command = f"carewheel wheel plan accept {plan.id} --owner ROLE"
    elif plan.state == "accepted":
        command = f"carewheel wheel plan start {plan.id}"
    elif plan.started_on is not None and plan.verdict is None and plan.terms.ends_on <= day:
        command = f"carewheel wheel verify {plan.id}"
    elif plan.state == "started":
        command = f"carewheel wheel plan review {plan.id} --study TEXT"
    else:
        command = "carewheel wheel plan list"
    return f"Next: {here(command)}"


def _space(workspace: Path) -> Any:
    from carewheel.warehouse.workspace import Workspace

    return Workspace(workspace)


def _day(workspace: Path, as_of: datetime | None) -> date:
    from carewheel.journeys.look_at_the_wheel import plan_day

    return plan_day(_space(workspace), today(), day_of(as_of))


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise click.BadParameter("write a number, e.g. 1500", param_hint="--budget")
    return found


def _print_json(plan: Plan, day: date) -> None:
    from carewheel.wheel.plans import plan_document

    steps = [{"step": step.kind, "on": step.on, "recorded_on": step.recorded_on} for step in plan.steps]
    as_json_out({**plan_document(plan, day), "units": list(plan.terms.units), "steps": steps})


def _print_step(plan: Plan, day: date, as_json: bool, following: str) -> None:
    if as_json:
        _print_json(plan, day)
        return
    _print_plan(plan, day)
    say()
    say(following)


def _print_plan(plan: Plan, day: date) -> None:
    from carewheel.catalog.measures import measures
    from carewheel.catalog.plays import plays
    from carewheel.wheel.numbers import amount
    from carewheel.wheel.plans import STATE_WORDS, signed, verdict_document, verdict_words

    terms, judged = plan.terms, plan.terms.judged_by
    say(f"{plan.id}: {plays()[terms.play].title}", bold=True)
    where = ", ".join(
        f"{place or 'the practice'} from {start:%Y-%m}" for place, start in terms.places.items()
    )
    rest = len(terms.units) - len(terms.places)
    beside = f", beside {rest} without it" if rest else ", with no other place to compare"
    look = f"{plan.next_review}{' – overdue' if plan.overdue(day) else ''}" if plan.next_review else "–"
    when = "" if plan.registered else "; written down after its start, which tells less"
    rows = {
        "Where": where,
        "Owner": plan.owner or "to be named",
        "State": f"{plan.state}: {STATE_WORDS[plan.state]}",
        "Next look": look,
        "Judged by": f"{measures()[judged.measure].title.lower()}, {judged.method.replace('_', ' ')}{beside}, on {terms.ends_on}{when}",
        "Would be found": f"an effect of {signed(judged.smallest_effect, judged.unit).lstrip('+')} or more, in four cases of five",
        "Expected": "not guessed" if terms.expected is None else signed(terms.expected, judged.unit),
        "Effort": f"{terms.hours:,.0f} staff hours"
        + ("" if terms.budget is None else f", {amount(terms.budget, terms.currency)}"),
        "Fingerprint": terms.fingerprint,
    }
    if plan.verdict is not None:
        rows["Verdict"] = verdict_words(verdict_document(plan.verdict), judged.unit)
    table([[f"{label}:", text] for label, text in rows.items()])


def _print_promise(looked: Looked, plan: Plan, wanted: Proposal) -> None:
    """Whether what is expected would be found, and how long to wait if not."""
    from carewheel.wheel.plans import comparable, known_month, months_to_find

    if plan.terms.promises is not False:
        return
    result = looked.result(plan.terms.judged_by.measure)
    assert result is not None
    enough = months_to_find(plan.terms, comparable(result, known_month(looked.as_of)))
    say()
    if enough is None or enough <= wanted.months:
        say("What is expected is too small to be found here: add places, or choose another measure.")
    else:
        say(
            f"What is expected is too small to be found in {wanted.months} months; {enough} months would do: --months {enough}."
        )


def _check_words(check: Mapping[str, Any]) -> str:
    """What a check saw; its figure, where the words do not hold it already."""
    if check["figure"] is None or "placebo" in check["name"]:
        return str(check["why"])
    return f"{check['why']}: {check['figure']:.3g}"


def print_judgement(found: Judgement) -> None:
    """A verdict with its checks, what it does to the belief, and what to do next."""
    from carewheel.wheel.plans import signed, verdict_words

    verdict = found.verdict
    say(f"{found.name}: {verdict_words(verdict, verdict['unit'])}", bold=True)
    say(f"Judged by {verdict['measure']}, {verdict['method'].replace('_', ' ')}; for one place and month.")
    if not verdict["registered"]:
        say("Its terms were not written down before its start, so that it counts for less.")
    marks = {"passed": "✓", "flagged": "▲", "refused": "✗", "not_run": "○"}
    table(
        [[f"  {marks[check['outcome']]} {check['name']}", _check_words(check)] for check in verdict["checks"]]
    )
    for other in verdict["second"]:
        value, low, high = (signed(other[key], verdict["unit"]) for key in ("value", "low", "high"))
        say(f"  By {other['method'].replace('_', ' ')}: {value} ({low} to {high})")
    if found.before is not None and found.after is not None and found.kept:
        say(
            f"What is thought of the play: {found.before.mean:.3g} ± {found.before.sd:.2g} before, {found.after.mean:.3g} ± "
            f"{found.after.sd:.2g} now; {found.after.prior_weight:.0%} of it is still the guess."
        )
    say()
    if not found.kept:
        say("It is too early; nothing was kept.")
        say(f"Next: review it meanwhile.  {here('carewheel wheel plan list')}")
    else:
        say(f"Next: see what it changes.  {here('carewheel wheel value')}")
