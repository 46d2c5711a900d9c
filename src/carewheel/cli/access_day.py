"""`carewheel access plan`, `day` and `assign`: who does what where, how the day itself goes, and who gets which slot, of small files."""

from __future__ import annotations

import csv
import io
import json
import time
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carewheel.cli.looking import answered, as_json_out
from carewheel.cli.terminal import json_option, say, table

if TYPE_CHECKING:
    from carewheel.spokes.operations.contracts_day import DayPlanReport, DayReport
    from carewheel.spokes.operations.contracts_template import SeasonReport

SHOWN = 20
file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")


def _given(file: Path) -> dict[str, object]:
    """What a JSON or TOML file says. Raises `CannotTell` ``not-a-day``."""
    from carewheel.science.refusal import CannotTell

    try:
        text = file.read_text("utf-8-sig")
        found = tomllib.loads(text) if file.suffix.lower() == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise CannotTell(
            "not-a-day", {"file": file.name}, "give a JSON or TOML file as in the guide access-day"
        ) from error
    if not isinstance(found, dict):
        raise CannotTell("not-a-day", {"file": file.name}, "give one table, as in the guide access-day")
    return found


def _clock(minute: float) -> str:
    whole = round(minute)
    return f"{whole // 60:02d}:{whole % 60:02d}"


@click.command("plan")
@file_argument
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=2.0, show_default=True, help="How long to look for a better plan and a proof.")  # fmt: skip
@csv_option
@json_option
@answered
def plan_command(file: Path, seconds: float, as_csv: bool, as_json: bool) -> None:
    """Plan a day's or week's requests of FILE (JSON or TOML): who does what, where and when, how good that is, and why something has no place."""
    from carewheel.spokes.operations.queries import plan_of_the_day

    found = plan_of_the_day(_given(file), seconds, time.monotonic)
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["visit", "start", "end", "wanted", "site", "resources", "fixed"])
        for a in found.assigned:
            writer.writerow([a.visit, _clock(a.start), _clock(a.end), _clock(a.wanted), a.site, "; ".join(a.resources), int(a.fixed)])  # fmt: skip
        for u in found.unmet:
            writer.writerow([u.visit, "", "", "", "", "", 0])
        click.echo(text.getvalue(), nl=False)
    else:
        _print_plan(found)


def _print_plan(found: DayPlanReport) -> None:
    say(f"{len(found.assigned)} visits have a place, {len(found.unmet)} have none", bold=True)
    rows = [["visit", "from", "to", "wanted", "site", "with"]]
    rows += [
        [a.visit, _clock(a.start), _clock(a.end), _clock(a.wanted), a.site, ", ".join(a.resources) + (" (fixed)" if a.fixed else "")]
        for a in found.assigned
    ]  # fmt: skip
    table(rows)
    say()
    if found.proved:
        say(f"Cost {found.cost}: no plan costs less.")
    else:
        say(
            f"Cost {found.cost}; no plan costs less than {found.bound}: at most {found.gap:.0%} could be gained. Give it more --seconds."
        )
    for u in found.unmet:
        if u.remedy:
            say(f"{u.visit} has no place: {u.remedy}")
        elif u.because:
            which = "a smallest set of reasons" if u.smallest else "reasons, none of which can be left out"
            say(f"{u.visit} has no place. Together ({which}): {'; '.join(u.because)}.")
        else:
            say(f"{u.visit} would have a place, but at a higher cost than leaving it out.")
    say()
    say("For a spreadsheet:  carewheel access plan FILE --csv")


@click.command("day")
@file_argument
@csv_option
@json_option
@answered
def day_command(file: Path, as_csv: bool, as_json: bool) -> None:
    """Show from the events so far in FILE (JSON or TOML) who will wait how long, where the day runs over, and what would save minutes."""
    from carewheel.spokes.operations.queries import how_the_day_goes

    found = how_the_day_goes(_given(file))
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ["visit", "practitioner", "comes", "start", "wait", "wait_low", "wait_high", "long_wait"]
        )
        for w in found.waits:
            writer.writerow([w.visit, w.practitioner, f"{w.comes:.2f}", _clock(w.start.mean), *(f"{x:.1f}" for x in (w.wait.mean, w.wait.low, w.wait.high)), f"{w.long_wait:.2f}"])  # fmt: skip
        click.echo(text.getvalue(), nl=False)
    else:
        _print_day(found)


def _print_day(found: DayReport) -> None:
    say(f"From {_clock(found.now)} on if nothing is done; 90 % of days lie between from and to", bold=True)
    rows = [["visit", "with", "comes", "starts", "waits, min", "from", "to", "over 15 min"]]
    rows += [
        [w.visit, w.practitioner, f"{w.comes:.0%}", _clock(w.start.mean), f"{w.wait.mean:.0f}", f"{w.wait.low:.0f}", f"{w.wait.high:.0f}", f"{w.long_wait:.0%}"]
        for w in found.waits[:SHOWN]
    ]  # fmt: skip
    table(rows, right=(2, 3, 4, 5, 6, 7))
    say()
    rows = [["practitioner", "done at", "overtime, min", "from", "to", "runs over"]]
    rows += [
        [e.practitioner, _clock(e.end.mean), f"{e.overtime.mean:.0f}", f"{e.overtime.low:.0f}", f"{e.overtime.high:.0f}", f"{e.runs_over:.0%}"]
        for e in found.ends
    ]  # fmt: skip
    table(rows, right=(1, 2, 3, 4, 5))
    say()
    if not found.moves:
        say("Nothing would save minutes for sure: go on as planned.")
        return
    say("What would save minutes; each by itself, so do one and ask again", bold=True)
    rows = [["do", "saves waiting, min", "from", "to", "saves overtime"]]
    rows += [
        [m.words, f"{m.waiting_saved.mean:.0f}", f"{m.waiting_saved.low:.0f}", f"{m.waiting_saved.high:.0f}", f"{m.overtime_saved.mean:.0f}"]
        for m in found.moves
    ]  # fmt: skip
    table(rows, right=(1, 2, 3, 4))


@click.command("assign")
@file_argument
@csv_option
@json_option
@answered
def assign_command(file: Path, as_csv: bool, as_json: bool) -> None:
    """Give the requests of FILE (JSON or TOML), as they come, the free slots of a season's template that add least waiting, idling and overtime."""
    from carewheel.spokes.operations.queries_template import places_in_the_season

    found = places_in_the_season(_given(file))
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["request", "asked", "day", "start"])
        for p in found.places:
            writer.writerow([p.name, p.asked, "" if p.day is None else p.day, "" if p.start is None else _clock(p.start)])  # fmt: skip
        click.echo(text.getvalue(), nl=False)
    else:
        _print_season(found)


def _print_season(found: SeasonReport) -> None:
    refused = [p.name for p in found.places if p.day is None]
    say(f"{len(found.places) - len(refused)} requests have a slot, {len(refused)} have none", bold=True)
    rows = [["request", "asked on day", "gets day", "minutes from the opening"]]
    rows += [
        [p.name, str(p.asked), "none" if p.day is None else str(p.day), "" if p.start is None else f"{p.start:.0f}"]
        for p in found.places
    ]  # fmt: skip
    table(rows, right=(1, 2, 3))
    say()
    rows = [["day", "free slots", "expected cost"]]
    rows += [
        [str(d), str(n), f"{c:.0f}"] for d, (n, c) in enumerate(zip(found.free, found.costs, strict=True))
    ]
    table(rows, right=(0, 1, 2))
    if refused:
        say("Without a slot: nothing was free in their span, or what was is kept open until the day is near.")
