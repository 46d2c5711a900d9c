"""`carewheel access simulate`: a change tried in the simulated clinic of a place, its worth a month, and the plan to judge it by."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carewheel.cli.access_template import PRICE, location_option, minutes_of
from carewheel.cli.looking import answered, as_json_out, as_of_option, day_of
from carewheel.cli.terminal import bar, csv_option, here, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.journeys.simulate_a_change import SimulatedChange
    from carewheel.spokes.operations.contracts import Chance
    from carewheel.spokes.operations.contracts_simulation import SimulationReport


@click.command("simulate")
@location_option
@click.option("--play", "change", type=click.Choice(["Q2", "F2", "template"]), default="Q2", show_default=True, help="What is tried: fewer missed visits as guessed for a play, or the best appointment times.")  # fmt: skip
@click.option("--days", type=click.IntRange(30, 100_000), default=500, show_default=True, help="Half-days to simulate.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=20_251, show_default=True, help="Another number is another luck.")  # fmt: skip
@click.option("--desks", type=click.IntRange(1, 100), help="Desks at which patients check in (default: 1, if arrivals are on record).")  # fmt: skip
@click.option("--rooms", type=click.IntRange(1, 1000), help="Rooms or chairs (default: as on record).")
@click.option("--waiting", type=PRICE, default=1.0, show_default=True, help="What a minute of a patient's waiting costs, for the best times.")  # fmt: skip
@click.option("--idle", type=PRICE, default=5.0, show_default=True, help="What a minute of the practitioner's idling costs.")  # fmt: skip
@click.option("--overtime", type=PRICE, default=7.5, show_default=True, help="What a minute past the close costs.")  # fmt: skip
@click.option("--grid", type=click.IntRange(1, 120), default=5, show_default=True, help="Minutes between two possible appointments.")  # fmt: skip
@click.option("--propose", "proposing", is_flag=True, help="Write the plan of the play down as a proposal.")
@as_of_option
@workspace_option
@csv_option
@json_option
@answered
def simulate_command(
    location: str,
    change: str,
    days: int,
    seed: int,
    desks: int | None,
    rooms: int | None,
    waiting: float,
    idle: float,
    overtime: float,
    grid: int,
    proposing: bool,
    as_of: datetime | None,
    workspace: Path,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Simulate the clinic of a place today and with a change, on the same luck: waiting, idling, overtime, visits kept, and what that is worth a month."""
    from carewheel.journeys.simulate_a_change import simulate_a_change
    from carewheel.spokes.operations.contracts_simulation import SimulationWish
    from carewheel.warehouse.workspace import Workspace

    wish = SimulationWish(
        location,
        halfdays=days,
        seed=seed,
        desks=desks,
        rooms=rooms,
        waiting=waiting,
        idle=idle,
        overtime=overtime,
        grid=grid,
    )
    with bar("Simulating half-days") as show:
        show("half-days", 0, 2)
        found = simulate_a_change(Workspace(workspace), today(), day_of(as_of), change, wish, proposing)
        show("half-days", 2, 2)
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        click.echo(_as_csv(found), nl=False)
    else:
        _print(found)


def _as_csv(found: SimulatedChange) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["figure", "unit", "today", "changed", "difference", "low", "high", "guess_low", "guess_high"]
    )
    for c in found.report.compared:
        guess = ["", ""] if c.by_guess is None else [f"{g:.4f}" for g in c.by_guess]
        numbers = [c.today.value, c.changed.value, c.difference.value, c.difference.low, c.difference.high]
        writer.writerow([c.name, c.unit, *(f"{x:.4f}" for x in numbers), *guess])
    return text.getvalue()


def _print(found: SimulatedChange) -> None:
    report, wish = found.report, found.report.wish
    say(f"A half-day of {report.location}, simulated {wish.halfdays:,} times with and without {_WHAT[found.change]}, on the same luck", bold=True)  # fmt: skip
    for known, there in zip(report.practitioners, report.presence, strict=True):
        say(f"Practitioner {known.practitioner[:8]}: there on {there:.0%} of half-days, {known.slots} slots in {known.length} minutes, somebody comes to {known.comes:.0%}.")  # fmt: skip
    for stage in report.stages:
        say(f"Stage {stage.name}: {stage.needs}, {stage.minutes:.1f} minutes on average ({stage.measured:,} visits of the log).")  # fmt: skip
    say(f"Rooms: {report.rooms}." + ("" if report.late_start is None else f" The first visit begins {report.late_start:.1f} minutes after the opening."))  # fmt: skip
    if report.log_wait is not None:
        waits = next(c for c in report.compared if c.name == "waiting")
        say(f"To trust it: simulated wait of today {_range(waits.today)} minutes, by the log {_range(report.log_wait)}.")  # fmt: skip
    if wish.missed_ratio is not None:
        ratio = wish.missed_ratio
        say(f"Believed of {found.play}: {ratio.value:.0%} ({ratio.low:.0%} to {ratio.high:.0%}) of today's missed visits are still missed. Source: {found.believed}.")  # fmt: skip
    say()
    guessed = any(c.by_guess for c in report.compared)
    rows = [["", "today", "with it", "difference", *(["if the guess is at its ends"] if guessed else [])]]
    for c in report.compared:
        rows.append(
            [
                f"{c.name}, {c.unit}",
                f"{c.today.value:.2f}",
                f"{c.changed.value:.2f}",
                _range(c.difference, "+.2f"),
            ]
        )
        if c.by_guess is not None:
            rows[-1].append(f"{c.by_guess[0]:+.2f} to {c.by_guess[1]:+.2f}")
    table(rows, right=(1, 2))
    say("Intervals 90 %: the luck of so many half-days; --days narrows them.")
    for who, now, best in report.templates:
        say(f"Times of {who[:8]}: {minutes_of(now.times)}  →  {minutes_of(best.times)}")
    say()
    _print_worth(found, report)
    if report.left_out:
        say(f"Left out: {report.left_out} practitioners of whom too little is known.")
    if report.doubts:
        say()
        say("What to know before you trust this", bold=True)
        for doubt in report.doubts:
            say(f"- {doubt}")
    say()
    _print_plan(found)


_WHAT = {
    "Q2": "Q2 (reminders to everybody)",
    "F2": "F2 (predictive scheduling)",
    "template": "the best appointment times",
}


def _print_worth(found: SimulatedChange, report: SimulationReport) -> None:
    say("What it is worth", bold=True)
    visits = report.visits_a_month
    if found.change == "template":
        over = next(c for c in report.compared if c.name == "overtime")
        wait = next(c for c in report.compared if c.name == "waiting")
        seen = next(c for c in report.compared if c.name == "visits kept")
        people = sum(report.presence)
        hours = over.difference.value * people * report.halfdays_a_month / 60
        waited = wait.difference.value * seen.today.value * report.halfdays_a_month / 60
        say(f"The same people come. A month ({report.halfdays_a_month:.0f} half-days): {hours:+.1f} hours of overtime and as many of idling, {waited:+.1f} hours of patients' waiting.")  # fmt: skip
        if wait.difference.low > 0:
            say("Patients wait longer with these times: that is what your prices ask for. Make --waiting dearer if you do not want it.")  # fmt: skip
        return
    say(f"Visits kept more: {_range(visits, '+.1f')} a month ({report.halfdays_a_month:.0f} half-days).")
    if found.money_a_month is not None:
        say(f"Revenue of these visits: {_range(found.money_a_month, '+,.0f')} {found.currency} a month, before what they cost. The price of the play is not taken off.")  # fmt: skip
    else:
        say("In money: revenue a visit is not known here.")


def _print_plan(found: SimulatedChange) -> None:
    say("How you would know", bold=True)
    say(f"A simulation shows what follows from what is assumed; only a trial shows whether it is so. {found.verification}")  # fmt: skip
    if found.needs:
        say(f"{found.play} needs {', '.join(found.needs)} in place.")
    if found.change == "template":
        say("Judged by waiting; idling and overtime are no measures of the catalog yet, look at them here again after three months.")  # fmt: skip
    if found.plan:
        accept = here(f"carewheel wheel plan accept {found.plan} --owner ROLE")
        say(f"Plan {found.plan} is written down. Next: give it an owner.  {accept}")
        say(f"Its terms:  {here(f'carewheel wheel plan show {found.plan}')}")
    else:
        say(f"Propose it:  {here(found.command)}")


def _range(of: Chance, form: str = ".1f") -> str:
    return f"{of.value:{form}} ({of.low:{form}} to {of.high:{form}})"
