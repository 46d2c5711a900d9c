"""`carewheel wheel`: the arrows and their worth, the wheel run forward, what a change did, and the model for other tools."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carewheel.cli.looking import NOTHING, answered, as_json_out, as_of_option, looked_at
from carewheel.cli.terminal import bar, here, json_option, say, table, today, workspace_option
from carewheel.cli.wheel_invest import invest_command
from carewheel.cli.wheel_plans import plan_command, print_judgement

if TYPE_CHECKING:
    from carewheel.journeys.look_at_the_wheel import Looked
    from carewheel.journeys.simulate_the_wheel import Simulation

PLAYS = 12


@click.group("wheel")
def wheel_command() -> None:
    """See what drives your wheel, try plays out, weigh purchases, plan, and verify what was done."""


@wheel_command.command("links")
@as_of_option
@workspace_option
@json_option
@answered
def links_command(as_of: datetime | None, workspace: Path, as_json: bool) -> None:
    """Show every arrow: how strong it is here, how sure that is, and how much of it is your own evidence."""
    from carewheel.catalog.links import links
    from carewheel.wheel.learnt import link_document

    found = looked_at(workspace, as_of)
    rows = [
        {
            "id": link.id,
            "kind": link.kind,
            "mechanism": link.mechanism,
            **link_document(found.learnt, link, found.measured),
        }
        for link in links().values()
    ]
    if as_json:
        as_json_out({"as_of": found.as_of, "links": rows})
        return
    say(
        f"The arrows on {found.as_of}, in reference standard deviations after 12 months; intervals 90 %",
        bold=True,
    )
    shown = [["arrow", "strength", "from", "to", "yours", "evidence", "what it is"]]
    words = {"data": "your months", "prior": "mostly a guess", "none": "not measured"}
    for row in rows:
        numbers = ["–"] * 4
        if row["strength"] is not None:
            numbers = [f"{row[key]:+.2f}" for key in ("strength", "low", "high")] + [
                f"{1 - row['prior_weight']:.0%}"
            ]
        kind = "" if row["kind"] == "law" else f" ({row['kind']})"
        shown.append([row["id"], *numbers, words[row["evidence"]], row["mechanism"] + kind])
    table(shown, right=(1, 2, 3, 4))
    say()
    say(f"Next: what they are worth.  {here('carewheel wheel value')}")


@wheel_command.command("value")
@as_of_option
@workspace_option
@json_option
@answered
def value_command(as_of: datetime | None, workspace: Path, as_json: bool) -> None:
    """Show what stronger arrows, plays, and the next unit of free cash are worth in money, in 24 months at all places."""
    from carewheel.catalog.links import links
    from carewheel.wheel.learnt import drag_document, link_document
    from carewheel.wheel.numbers import about, counted
    from carewheel.wheel.roadmap import in_words, roadmap_document

    found = looked_at(workspace, as_of)
    worths = found.worths()
    plans = roadmap_document(found.learnt, worths)
    arrows = [
        {
            "id": link.id,
            "mechanism": link.mechanism,
            "worth": one["worth"],
            "chance_of_drag": one["chance_of_drag"],
        }
        for link in links().values()
        if (one := link_document(found.learnt, link, found.measured))["worth"] is not None
    ]
    arrows.sort(key=lambda row: -float(row["worth"]["mean"]["amount"]))
    drag = drag_document(found.learnt)
    assumed = list(found.learnt.present.assumed) if found.learnt.present else []
    if as_json:
        as_json_out(
            {"as_of": found.as_of, "drag": drag, "links": arrows, "roadmap": plans, "assumed": assumed}
        )
        return
    say(f"What it is worth on {found.as_of}, in 24 months at all places", bold=True)
    say()
    say("An arrow that is stronger by 0.1")
    rows = [["arrow", "worth", "from", "to", "is the drag", "what it is"]]
    for row in arrows:
        money = [about(row["worth"][key]["amount"], found.currency) for key in ("mean", "low", "high")]
        rows.append([row["id"], *money, f"{row['chance_of_drag'] or 0:.0%}", row["mechanism"]])
    table(rows, right=(1, 2, 3, 4))
    say()
    say("A play, its price taken off")
    table([[f"  {worth.play}", in_words(worth, found.currency)] for worth in worths[:PLAYS]])
    if len(worths) > PLAYS:
        say(f"  … and {counted(len(worths) - PLAYS, 'further play')}: --json")
    say()
    say("One more unit of free cash brings back")
    table(
        [
            [f"  {r['into']}", f"{r['value']:.2f}", f"({r['low']:.2f} to {r['high']:.2f})"]
            for r in plans["reinvestment"]
        ]
    )
    say()
    if drag:
        say(drag["why"])
    say(f"Assumed: {'; '.join(assumed)}.")
    say()
    say(f"Next: try one out.  {here(f'carewheel wheel simulate --play {worths[0].play}')}")


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is put to work in a run, and how long it is."""
    for option in (
        click.option("--policy", "policies", multiple=True, metavar="PART=SHARE",
                     help="Free cash that goes into staff, technology, amenities or marketing on top of now, e.g. technology=.1."),
        click.option("--months", default=24, show_default=True, help="How far ahead, 1 to 120 months."),
        click.option("--play", "plays", multiple=True, metavar="ID", help="A play that is put to work now."),
    ):  # fmt: skip
        command = option(command)
    return command


@wheel_command.command("simulate")
@run_options
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: each quantity by month.")
@as_of_option
@workspace_option
@json_option
@answered
def simulate_command(
    plays: tuple[str, ...],
    months: int,
    policies: tuple[str, ...],
    as_csv: bool,
    as_of: datetime | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Run the wheel forward with and without plays or a policy: median and 90 % band of the main measures and cash."""
    from carewheel.journeys.simulate_the_wheel import (
        as_rows,
        check_run,
        simulate_the_wheel,
        simulation_document,
    )

    shares = _shares(policies)
    check_run(plays, months, shares)
    looked = looked_at(workspace, as_of)
    found = simulate_the_wheel(looked, plays, months, shares)
    if as_csv:
        rows = as_rows(found)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        click.echo(text.getvalue(), nl=False)
        return
    if as_json:
        as_json_out({"as_of": looked.as_of, **simulation_document(found)})
        return
    _print_simulation(looked, found)


def _shares(policies: Sequence[str]) -> dict[str, float]:
    found = {}
    for pair in policies:
        part, equals, share = pair.partition("=")
        if part in found:
            raise click.BadParameter(f"{part} is given twice; give one share", param_hint="--policy")
        try:
            found[part] = float(share)
        except ValueError:
            equals = ""
        if not equals or not -1 <= found[part] <= 1:
            raise click.BadParameter(
                "write PART=SHARE with a share from -1 to 1, e.g. technology=.1", param_hint="--policy"
            )
    return found


def _print_simulation(looked: Looked, found: Simulation) -> None:
    from carewheel.wheel.numbers import about, foreseen

    def words(value: float, unit: str) -> str:
        return foreseen(value, unit, found.currency)

    asked = [
        *found.plays,
        *(f"{share:+.0%} of free cash into {part}" for part, share in found.policy.items()),
    ]
    say(f"{found.months} months on from {looked.as_of}; median, and 90 % band in brackets", bold=True)
    rows = [["", "now", "as it goes on", f"with {', '.join(asked)}" if asked else ""]]
    for line in found.lines:
        cells = [words(float(line.without[1][0]), line.unit)]
        for low, median, high in (line.without, line.with_it)[: 1 + bool(asked)]:
            ends = [words(float(values[-1]), line.unit) for values in (median, low, high)]
            cells.append(f"{ends[0]} ({ends[1]} to {ends[2]})")
        rows.append([line.title, *cells, *([""] * (4 - 1 - len(cells)))])
    table(rows)
    say()
    say("Counts and money are of all places together, the rest of a mean place.")
    if asked:
        lowest, middle, highest = (about(value, found.currency) for value in found.net_cash)
        say(
            f"Net cash of {found.months} months: {middle} more ({lowest} to {highest}); {found.chance_of_loss:.0%} chance of loss."
        )
    say(
        f"Assumed: {'; '.join(found.assumed)}. How far a play moves a measure is a guess until it is verified here."
    )
    say()
    if found.plays:
        proposal = f"carewheel wheel plan propose {found.plays[0]} --start YEAR-MONTH"
        say(f"Next: plan it.  {here(proposal)}")
    else:
        say(f"Next: try a play.  {here('carewheel wheel simulate --play ID')}")


@wheel_command.command("verify")
@click.argument("name", metavar="PLAN|CHANGE")
@click.option(
    "--measure", default="", metavar="ID", help="For a change that nobody planned: what it was to move."
)
@as_of_option
@workspace_option
@json_option
@answered
def verify_command(name: str, measure: str, as_of: datetime | None, workspace: Path, as_json: bool) -> int:
    """Judge a plan by its terms, or a change on record (its id, play or title) that nobody planned, which tells less.

    The verdict is kept with the plan, and moves what is thought of the play from the next turn on. Exit code 3: it cannot be told.
    """
    from carewheel.journeys.work_a_plan import verify

    looked = looked_at(workspace, as_of, learn=False)
    with bar("Judging") as show:
        show("checks", 0, 1)
        found = verify(looked, name, today(), measure)
        show("checks", 1, 1)
    code = NOTHING if found.verdict["effect"] is None else 0
    if as_json:
        beliefs = {
            when: None if belief is None else belief._asdict()
            for when, belief in (("before", found.before), ("after", found.after))
        }
        as_json_out({"name": found.name, "kept": found.kept, "verdict": found.verdict, "belief": beliefs})
        return code
    print_judgement(found)
    return code


@wheel_command.command("export-xmile")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@run_options
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@as_of_option
@workspace_option
@json_option
@answered
def export_command(
    file: Path,
    plays: tuple[str, ...],
    months: int,
    policies: tuple[str, ...],
    force: bool,
    as_of: datetime | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write the stock-and-flow model of your practice to FILE as XMILE, for any system-dynamics tool to open and check."""
    from carewheel.journeys.simulate_the_wheel import check_run, xmile

    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already. Give --force to replace it, or another name.")
    if not file.parent.is_dir():
        raise click.ClickException(
            f"{file} cannot be written (there is no folder for it). Give another name."
        )
    shares = _shares(policies)
    check_run(plays, months, shares)
    text = xmile(looked_at(workspace, as_of), plays, months, shares)
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be written ({error.strerror}). Give another name."
        ) from error
    if as_json:
        as_json_out({"file": str(file), "months": months, "plays": list(plays), "policy": shares})
        return
    say(f"Wrote {file}: one mean place, {months} months, every arrow at its mean.")
    say("Next: open it in a system-dynamics tool that reads XMILE 1.0.")


wheel_command.add_command(invest_command)
wheel_command.add_command(plan_command)
