"""`carewheel access template`: appointment times that serve a practitioner's half-day better, and what they come to."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carewheel.cli.looking import answered, as_json_out, as_of_option, day_of
from carewheel.cli.terminal import bar, csv_option, here, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.spokes.operations.contracts_template import (
        KnownSession,
        OpenSlots,
        Overbooking,
        Sequence,
        TemplateOption,
        TemplateReport,
    )

PRICE = click.FloatRange(0)
ATTRIBUTES = {"age": "age band", "sex": "sex"}
location_option = click.option("--location", default="", metavar="ID", help="The place (default: where most half-days are known).")  # fmt: skip


@click.command("template")
@location_option
@click.option("--practitioner", default="", metavar="KEY", help="The practitioner; the beginning of the key is enough (default: of whom most is known).")  # fmt: skip
@click.option("--type", "visit_type", default="", metavar="WORD", help="Only half-days that are mostly of this type of visit.")  # fmt: skip
@click.option("--waiting", type=PRICE, default=1.0, show_default=True, help="What a minute of a patient's waiting costs.")  # fmt: skip
@click.option("--idle", type=PRICE, default=5.0, show_default=True, help="What a minute of the practitioner's idling costs.")  # fmt: skip
@click.option("--overtime", type=PRICE, default=7.5, show_default=True, help="What a minute past the close costs.")  # fmt: skip
@click.option("--grid", type=click.IntRange(1, 120), default=5, show_default=True, help="Minutes between two possible appointments.")  # fmt: skip
@click.option("--overbook", type=click.Choice(list(ATTRIBUTES)), help="Look at booking beyond the slots, with the waits of the groups of this attribute kept alike.")  # fmt: skip
@click.option("--sequence", is_flag=True, help="Look at which type of visit should come first.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture to this SVG file.")  # fmt: skip
@as_of_option
@workspace_option
@csv_option
@json_option
@answered
def template_command(
    location: str,
    practitioner: str,
    visit_type: str,
    waiting: float,
    idle: float,
    overtime: float,
    grid: int,
    overbook: str | None,
    sequence: bool,
    picture: Path | None,
    as_of: datetime | None,
    workspace: Path,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show a practitioner's usual half-day, the best appointment times for it with their proof, and how waiting goes against idling and overtime."""
    from carewheel.cli.access_picture import template_picture
    from carewheel.journeys.draw_a_template import draw_a_template
    from carewheel.spokes.operations.contracts_template import TemplateWish
    from carewheel.warehouse.workspace import Workspace

    wish = TemplateWish(
        location,
        practitioner,
        visit_type,
        waiting,
        idle,
        overtime,
        grid,
        ATTRIBUTES[overbook] if overbook else "",
        sequence,
    )
    with bar("Looking for better times") as show:
        show("times", 0, 2)
        found = draw_a_template(Workspace(workspace), today(), day_of(as_of), wish)
        show("times", 2, 2)
    if picture is not None:
        _write(picture, template_picture(found))
    if as_json:
        as_json_out(asdict(found))
    elif as_csv:
        click.echo(_as_csv(found), nl=False)
    else:
        _print(found)
        if picture is not None:
            say(f"The picture: {picture}")


def _write(path: Path, text: str) -> None:
    from carewheel.science.refusal import CannotTell

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CannotTell("not-written", {"file": path.name, "why": error.strerror or ""}, "name a file in a folder that exists and can be written") from error  # fmt: skip


def _as_csv(found: TemplateReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["template", "idle_price", "wait", "idle", "overtime", "cost", "gap", "minutes"])
    for o in (found.today, found.best, found.individual, found.bailey_welch):
        gap = "" if o.gap is None else f"{o.gap:.6f}"
        writer.writerow([o.name, f"{found.wish.idle:g}", f"{o.wait:.3f}", f"{o.idle:.3f}", f"{o.overtime:.3f}", f"{o.cost:.3f}", gap, minutes_of(o.times)])  # fmt: skip
    for p in found.frontier:
        writer.writerow(["frontier", f"{p.idle_price:g}", f"{p.wait:.3f}", f"{p.idle:.3f}", f"{p.overtime:.3f}", "", "", minutes_of(p.times)])  # fmt: skip
    return text.getvalue()


def minutes_of(times: tuple[float, ...]) -> str:
    return " ".join(f"{t:g}" for t in times)


def _print(found: TemplateReport) -> None:
    known, wish = found.known, found.wish
    _print_known(found, known)
    say()
    say(
        f"Expected minutes; a minute of waiting costs {wish.waiting:g}, of idling {wish.idle:g}, of overtime {wish.overtime:g}", bold=True
    )  # fmt: skip
    rows = [["times", "each waits", "idle", "overtime", "cost", "appointments, minutes from the opening"]]
    rows += [
        [o.name, f"{o.wait:.1f}", f"{o.idle:.1f}", f"{o.overtime:.1f}", f"{o.cost:.0f}", minutes_of(o.times)]
        for o in (found.today, found.best, found.individual, found.bailey_welch)
    ]
    table(rows, right=(1, 2, 3, 4))
    gap = found.best.gap
    if gap is None:
        proof = "No proof that these are the best: with a stream of walk-ins, or more than 30 slots, none is looked for"
    elif gap <= 1e-6 * max(found.best.cost, 1.0):
        proof = f"Proved: no other times on a grid of {wish.grid} minutes cost less in this model"
    else:
        proof = f"No other times on a grid of {wish.grid} minutes cost less by more than {gap:.2g}"
    say(f"{proof}. {_worth(found.today, found.best)}")
    _print_frontier(found)
    say()
    _print_open(found.open_slots, found.why_no_open_slots)
    if wish.overbook:
        say()
        _print_overbooking(found.overbooking, known.slots, found.why_no_overbooking)
    if wish.sequence:
        say()
        _print_sequence(found.sequence, found.why_no_sequence)
    if found.doubts:
        say()
        say("What to know before you trust this", bold=True)
        for doubt in found.doubts:
            say(f"- {doubt}")
    if found.others:
        say()
        others = ", ".join(f"{who[:8]} at {where} ({n})" for where, who, n in found.others[:6])
        say(f"Other practitioners, with half-days: {others}. Choose with --practitioner.")


def _worth(today: TemplateOption, best: TemplateOption) -> str:
    saved = (today.cost - best.cost) / today.cost if today.cost > 0 else 0.0
    if saved < 0.01:
        return "Today's times are as good, within a hundredth of the cost: leave them."
    moved = [
        f"{abs(after - before):.1f} {'more' if after > before else 'less'} {name}"
        for name, before, after in (
            ("waiting a patient", today.wait, best.wait), ("idling", today.idle, best.idle), ("overtime", today.overtime, best.overtime),
        )
    ]  # fmt: skip
    return f"The best saves {saved:.0%} of today's cost; minutes: {', '.join(moved)}."


def _print_known(found: TemplateReport, known: KnownSession) -> None:
    kind = f", {known.visit_type}" if known.visit_type else ""
    say(f"A half-day of practitioner {known.practitioner[:8]} at {known.location}{kind}: {known.sessions} from {found.since} to {found.as_of}", bold=True)  # fmt: skip
    say(
        f"{known.length} minutes with {known.slots} slots. {known.filled.value:.0%} of slots are booked; {known.missed.value:.0%} "
        f"({known.missed.low:.0%} to {known.missed.high:.0%}) of these are missed or cancelled late: somebody comes to {known.comes:.0%} of slots."
    )
    mean, spread, low, high = known.minutes
    by = {
        "log": "by the log of {:,} visits",
        "model": "planned minutes times what {:,} visits took of theirs",
        "plan": "as planned for {:,} visits",
    }
    say(f"A visit takes {mean:.0f} minutes, sd {spread:.0f}, eight in ten {low:.0f} to {high:.0f} ({by[known.minutes_by].format(known.measured)}).")  # fmt: skip
    if known.early is not None:
        word = "early" if known.early[0] < 0 else "late"
        say(f"Patients come {abs(known.early[0]):.0f} minutes {word} on average, sd {known.early[1]:.0f}.")
    if known.walk_ins > 0:
        say(f"{known.walk_ins:.1f} walk in a half-day.")
    if known.seen_wait is not None:
        w = known.seen_wait
        say(f"By the log a patient waits {w.value:.1f} minutes ({w.low:.1f} to {w.high:.1f}) past the appointment or arrival.")  # fmt: skip


def _print_frontier(found: TemplateReport) -> None:
    say()
    say("How waiting goes against idling and overtime: best times by what idling costs", bold=True)
    rows = [["idling costs", "each waits", "idle", "overtime", "appointments"]]
    rows += [
        [f"{p.idle_price:g}", f"{p.wait:.1f}", f"{p.idle:.1f}", f"{p.overtime:.1f}", minutes_of(p.times)]
        for p in found.frontier
    ]
    table(rows, right=(0, 1, 2, 3))
    own = found.today
    if found.same_idle is not None:
        if found.same_idle < own.wait - 0.05:
            say(f"With today's idling and overtime ({own.idle + own.overtime:.0f} minutes) best times need {found.same_idle:.1f} minutes of waiting instead of {own.wait:.1f}.")  # fmt: skip
        else:
            say("With today's idling and overtime no other times need less waiting: today's lie on the line. What is left is the choice between the two.")  # fmt: skip
    if found.same_wait is not None and found.same_wait < own.idle + own.overtime - 0.5:
        say(f"With today's waiting they need {found.same_wait:.0f} minutes of idling and overtime instead of {own.idle + own.overtime:.0f}.")  # fmt: skip


def _print_open(slots: OpenSlots | None, why: str) -> None:
    say("Slots to keep open for those who ask on the day", bold=True)
    if slots is None:
        say(f"Not enough data: {why}.")
        return
    say(f"Asked ahead {slots.asked_ahead:.1f}, on the day {slots.asked_today:.1f} a half-day ({slots.halfdays} half-days). Who was turned away is not on record, so that more ask.")  # fmt: skip
    if slots.keep == 0:
        say(f"Keep none: what is free anyway is enough; {slots.now_refused:.2f} a half-day are refused, and a slot kept open would lose more who ask ahead.")  # fmt: skip
    else:
        seen = slots.seen_ahead + slots.seen_today
        say(f"Keep {slots.keep}: {seen:.2f} are seen instead of {slots.now_seen:.2f}, {slots.refused_today:.2f} refused instead of {slots.now_refused:.2f}, {slots.empty:.2f} slots stay empty.")  # fmt: skip


def _print_overbooking(found: Overbooking | None, slots: int, why: str) -> None:
    say("Booking beyond the slots, where every slot is booked", bold=True)
    if found is None:
        say(f"No: {why}.")
        return
    comes = ", ".join(f"{group} {share:.0%}" for group, share in found.comes.items())
    waits = ", ".join(f"{group} {wait:.1f}" for group, wait in found.waits.items())
    say(f"{found.extra} beyond the {slots}, by {found.attribute}: cost {found.cost:.0f} instead of {found.plain_cost:.0f} with nobody beyond.")  # fmt: skip
    say(f"Come: {comes}. Each waits: {waits} minutes; the groups differ by {found.gap:.1%}.")
    say(f"Fairness costs {found.cost / found.free_cost - 1:.2%}: the plan that ignores groups costs {found.free_cost:.0f}, and in it they differ by {found.free_gap:.0%}.")  # fmt: skip
    lot = "" if found.plans == 1 else f", the one used most of {found.plans} drawn by lot"
    say(
        f"Appointments: {minutes_of(found.times)}{lot}. Who goes where is in --json; no place belongs to a group."
    )
    say(f"First try what helps the one who might not come:  {here('carewheel access noshow')}")


def _print_sequence(found: Sequence | None, why: str) -> None:
    say("Who first, where every half-day has its usual mixture of visits", bold=True)
    if found is None:
        say(f"Not enough data: {why}.")
        return
    rows = [["type", "places", "somebody comes", "minutes", "sd", "measured"]]
    rows += [
        [k.visit_type, str(k.places), f"{k.comes:.0%}", f"{k.minutes[0]:.0f}", f"{k.minutes[1]:.0f}", f"{k.measured:,}"]
        for k in found.types
    ]  # fmt: skip
    table(rows, right=(1, 2, 3, 4, 5))
    say()
    rows = [["", "each waits", "idle", "overtime", "cost"]]
    rows += [
        [o.name, f"{o.wait:.1f}", f"{o.idle:.1f}", f"{o.overtime:.1f}", f"{o.cost:.0f}"]
        for o in (found.any_today, found.any_best, found.ordered)
    ]
    table(rows, right=(1, 2, 3, 4))
    places = ", ".join(f"{t:.0f} {kind}" for t, kind in zip(found.ordered.times, found.order, strict=True))
    say(f"The order: {places}. (Any order: the mean of {found.drawn} drawn ones.)")
    saved = 1 - found.ordered.cost / found.any_best.cost if found.any_best.cost > 0 else 0.0
    if saved < 0.01:
        say("No order is worth asking for: the best times for slots that are all alike do as well, within a hundredth.")  # fmt: skip
        return
    say(f"It saves {saved:.0%} beside the best times in any order. Found by rules and exchanges, a better one may exist; patients have wishes, so part of it can be had.")  # fmt: skip
