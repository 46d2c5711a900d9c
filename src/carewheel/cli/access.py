"""`carewheel access`: who may not come, and (with later commands) how many will ask, which times to offer, who does what, the day itself."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carewheel.cli.access_day import assign_command, day_command, plan_command
from carewheel.cli.access_simulate import simulate_command
from carewheel.cli.access_template import template_command
from carewheel.cli.looking import answered, as_json_out, as_of_option, day_of
from carewheel.cli.terminal import bar, csv_option, here, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.spokes.operations.contracts import AttendanceReport, Chance, DemandReport

SHOWN = 20


@click.group("access")
def access_command() -> None:
    """See who may not come, how many will ask, which times to offer, who does what, and where the day runs late."""


access_command.add_command(plan_command)
access_command.add_command(day_command)
access_command.add_command(assign_command)


@access_command.command("noshow")
@click.option(
    "--days", type=click.IntRange(1, 90), default=14, show_default=True, help="How far ahead to look."
)
@click.option("--calls", type=click.IntRange(0), help="How many patients the desk can reach (default: a tenth of the visits).")  # fmt: skip
@as_of_option
@workspace_option
@csv_option
@json_option
@answered
def noshow_command(
    days: int, calls: int | None, as_of: datetime | None, workspace: Path, as_csv: bool, as_json: bool
) -> None:
    """Show the chance of a missed visit for every booked visit ahead, why, and whom to reach out to; and how right and fair that is."""
    from carewheel.journeys.foresee_attendance import foresee_attendance
    from carewheel.warehouse.workspace import Workspace

    with bar("Learning who comes") as show:
        show("visits", 0, 2)
        found = foresee_attendance(Workspace(workspace), today(), day_of(as_of), days, calls)
        show("visits", 2, 2)
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        click.echo(_as_csv(found), nl=False)
    else:
        _print(found, days)


def _as_csv(found: AttendanceReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["visit", "location", "starts_at", "visit_type", "lead_days", "missed", "low", "high", "late_cancel", "action", "why"])  # fmt: skip
    for v in found.visits:
        late = "" if v.late_cancel is None else f"{v.late_cancel.value:.4f}"
        chances = [f"{x:.4f}" for x in (v.missed.value, v.missed.low, v.missed.high)]
        writer.writerow([v.visit, v.location, v.starts_at.isoformat(), v.visit_type, v.lead_days, *chances, late, v.action, v.why])  # fmt: skip
    return text.getvalue()


def _print(found: AttendanceReport, days: int) -> None:
    say(f"Who may not come in the {days} days after {found.as_of}; intervals 90 %", bold=True)
    if not found.visits:
        say(
            "No booked visit ahead is on record. Export the book with its future appointments to see whom to reach out to."
        )
    else:
        misses = found.expected_misses
        say(
            f"{len(found.visits):,} visits are booked; {misses.value:.0f} ({misses.low:.0f} to {misses.high:.0f}) are likely to be missed. "
            f"Reaching out as below would keep about {found.kept:.0f} of them."
        )
        say()
        rows = [["visit", "place", "starts there", "missed", "from", "to", "offer"]]
        rows += [
            [v.visit, v.location, f"{v.starts_local:%a %d %b %H:%M}", f"{v.missed.value:.0%}", f"{v.missed.low:.0%}", f"{v.missed.high:.0%}", v.action]
            for v in found.visits[:SHOWN]
        ]  # fmt: skip
        table(rows, right=(3, 4, 5))
        say()
        say(found.visits[0].why)
    say()
    say("How right the score is", bold=True)
    if found.tested:
        told = {"auc": "ranks a missed visit above a kept one (0.5: chance)", "auc_later": "the same, of visits not booked for the same day",
                "brier": "mean squared error", "ece": "distance of chances from shares"}  # fmt: skip
        say(
            f"On the {found.tested_visits:,} visits of the last eight weeks, each day by what was known the evening before:"
        )
        table([[_range(found.tested[name]), words] for name, words in told.items()])
    else:
        say("Not enough visits with an outcome yet to test it on weeks that it has not seen.")
    if found.why_prior:
        say(f"By the prior and your own visits alone: {found.why_prior}.")
    if found.drift_since:
        say(
            f"Since {found.drift_since} more or fewer visits are missed than the score says: something has changed."
        )
    if found.fairness:
        say()
        say("Whether it is fair: error is the share missed less the mean chance; 0 is right", bold=True)
        rows = [
            ["attribute", "group", "visits", "missed", "error", "among the riskiest tenth", "waits, minutes"]
        ]
        for g in found.fairness:
            cells = (
                ["not enough data", "", ""]
                if g.missed is None
                else [_range(x, "%") for x in (g.missed, g.error, g.flagged) if x]
            )
            w = g.waiting
            cells.append(f"{w.value:.1f} ({w.low:.1f} to {w.high:.1f})" if w else "")
            rows.append([g.attribute, g.group, f"{g.visits:,}", *cells])
        table(rows, right=(2,))
        if found.waiting_gap:
            gaps = ", ".join(f"{name} {gap:.0%}" for name, gap in found.waiting_gap.items())
            say(f"Expected waits in the book as it was, by these chances of coming: mean waits of groups differ by {gaps}. Places differ by how they book; look at groups within a place.")  # fmt: skip
    say()
    say(
        "The score is for help: confirm again, offer transport or telehealth. It never books two people into one slot."
    )
    if found.left_out:
        say(
            f"Left out: {found.left_out:,} visits without a known time of booking, or with one after the visit."
        )


def _range(of: Chance, unit: str = "") -> str:
    if unit:
        return f"{of.value:.1%} ({of.low:.1%} to {of.high:.1%})"
    return f"{of.value:.3f} ({of.low:.3f} to {of.high:.3f})"


@access_command.command("demand")
@click.option(
    "--days", type=click.IntRange(7, 180), default=28, show_default=True, help="How far ahead to look."
)
@click.option("--regions", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="CSV with location and region, to see regions as well.")  # fmt: skip
@as_of_option
@workspace_option
@csv_option
@json_option
@answered
def demand_command(
    days: int, regions: Path | None, as_of: datetime | None, workspace: Path, as_csv: bool, as_json: bool
) -> None:
    """Show how many visits will be asked for, by day and week, of each place, region and the group, with what is on the book taken in."""
    from carewheel.journeys.foresee_demand import foresee_demand
    from carewheel.warehouse.workspace import Workspace

    with bar("Counting what is asked for") as show:
        show("visits", 0, 2)
        found = foresee_demand(Workspace(workspace), today(), day_of(as_of), days, regions)
        show("visits", 2, 2)
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["where", "day", "expected", "low", "high", "on_book", "walk_ins", "closed"])
        for d in found.days:
            writer.writerow([d.where, d.day, f"{d.expected:.2f}", f"{d.low:.2f}", f"{d.high:.2f}", d.on_book, f"{d.walk_ins:.2f}", int(d.closed)])  # fmt: skip
        click.echo(text.getvalue(), nl=False)
    else:
        _print_demand(found, days)


def _print_demand(found: DemandReport, days: int) -> None:
    say(f"Visits that will be asked for in the {days} days after {found.as_of}; intervals 90 %", bold=True)
    rows = [["where", "week from", "visits", "from", "to", "on the book", "walk-ins"]]
    rows += [
        [w.where, f"{w.day}", f"{w.expected:.0f}", f"{w.low:.0f}", f"{w.high:.0f}", f"{w.on_book}", f"{w.walk_ins:.0f}"]
        for w in found.weeks
    ]  # fmt: skip
    table(rows, right=(2, 3, 4, 5, 6))
    say()
    say("The coming days of the group", bold=True)
    rows = [["day", "visits", "from", "to", "on the book"]]
    rows += [
        [f"{d.day:%a %d %b}", f"{d.expected:.0f}", f"{d.low:.0f}", f"{d.high:.0f}", f"{d.on_book}"]
        for d in found.days
        if d.where == "group" and not d.closed
    ][:10]
    table(rows, right=(1, 2, 3, 4))
    say()
    for place, shares in found.shares.items():
        most = sorted(shares.items(), key=lambda part: -part[1])[:4]
        say(f"{place}: " + ", ".join(f"{kind} {share:.0%}" for kind, share in most))
    for place, why in found.silent.items():
        say(f"{place}: {why}")
    say()
    say(f"Every day, with places:  {here('carewheel access demand --csv')}")


access_command.add_command(template_command)
access_command.add_command(simulate_command)
