"""`carewheel demo`: an invented group of practices, as its systems would export it, and the truth behind it."""

from __future__ import annotations

import os
import shlex
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from carewheel.cli.terminal import bar, json_option, say


@click.command("demo")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--locations", default=6, show_default=True, help="How many places.")
@click.option("--months", default=36, show_default=True, help="How many months.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), default="2025-12-31", help="Last day (the last of a month)."
)
@click.option("--seed", default=7, show_default=True, help="Another seed is another world.")
@click.option("--dental-share", default=0.5, show_default=True, help="Share of dental places.")
@click.option(
    "--break", "broken", multiple=True, metavar="LINK", help="A link that does nothing, e.g. C1-C2a."
)
@click.option("--weaken", multiple=True, metavar="LINK=FACTOR", help="A weaker link, e.g. C4-C1=.5.")
@click.option("--play", "planned", multiple=True, metavar="PLAY@YEAR-MONTH:LOC,…",
              help="A play that starts then and there, e.g. Q2@2025-03:loc2,loc5.")  # fmt: skip
@click.option("--faults", type=click.Choice(["none", "real", "harsh"]), default="none", show_default=True,
              help="Faults of real exports, planted and listed in truth.json.")  # fmt: skip
@click.option("--truth", type=click.Choice(["none", "links", "full"]), default="none", show_default=True,
              help="links: strengths found by intervention; full: truths of single people as well.")  # fmt: skip
@click.option("--write", "writes", type=click.Choice(["exports", "facts"]), default="exports", show_default=True,
              help="Exports of the places' systems, or facts in a workspace (for large groups).")  # fmt: skip
@click.option("--workers", type=int, default=0, help="Processes side by side (default: as many as cores).")
@json_option
def demo_command(
    folder: Path,
    locations: int,
    months: int,
    until: datetime,
    seed: int,
    dental_share: float,
    broken: tuple[str, ...],
    weaken: tuple[str, ...],
    planned: tuple[str, ...],
    faults: Any,
    truth: Any,
    writes: Any,
    workers: int,
    as_json: bool,
) -> None:
    """Make an invented group of practices in the new folder DIR, with the truth behind it in DIR/truth.json.

    Nothing in it is real: people, places, payers and numbers are simulated from causes that are known. The same seed
    gives the same files. A demo that was interrupted goes on when it is asked for again.
    """
    from carewheel.invented.demo import Order, make_demo
    from carewheel.invented.group import DemoRefused, Group, planned_play

    if faults != "none" and writes == "facts":
        raise DemoRefused(
            "demo.faults", "Faults are faults of exports; facts have none.", "Leave --faults or --write out."
        )
    if workers < 0:
        raise DemoRefused(
            "demo.workers",
            "There is no negative number of processes.",
            "Leave --workers out, or give 1 or more.",
        )
    group = Group(seed, locations, months, dental_share, _weakened(broken, weaken), (), until.date())
    group = Group(
        seed, locations, months, dental_share, group.weaken,
        tuple(planned_play(text, group.first_date, months, locations) for text in planned), until.date(),
    )  # fmt: skip
    order = Order(group, folder, faults, truth, writes, workers or os.cpu_count() or 1)
    with bar("Living through the places") as show:
        path = make_demo(
            order, lambda done: show("places", done, locations), _adopt if writes == "facts" else None
        )
    if as_json:
        click.echo(path.read_bytes())
        return
    say(f"{locations} invented places, {months} months up to {group.last_date}.")
    say("Everything in this folder is invented. What is true in it stands in truth.json.")
    say()
    say("Next: turn its wheel.")
    if writes == "facts":
        say(shlex.join(["carewheel", "turn", "--workspace", str(folder)]))
    else:
        words = ["carewheel", "turn", str(folder / "exports"), "--workspace", str(folder / "workspace")]
        say(shlex.join(words))


def _weakened(broken: tuple[str, ...], weaken: tuple[str, ...]) -> dict[str, float]:
    factors = dict.fromkeys(broken, 0.0)
    for pair in weaken:
        link, equals, factor = pair.partition("=")
        if link in factors:
            raise click.BadParameter(
                f"{link} is broken or weakened already; say it once", param_hint="--weaken"
            )
        try:
            factors[link] = float(factor)
        except ValueError:
            equals = ""
        if not equals or not 0 <= factors[link] <= 1:
            raise click.BadParameter(
                "write LINK=FACTOR with a factor from 0 to 1, e.g. C4-C1=.5", param_hint="--weaken"
            )
    return factors


def _adopt(folder: Path) -> None:
    from carewheel.warehouse.adoption import adopt_facts
    from carewheel.warehouse.workspace import Workspace

    workspace, facts = Workspace(folder), folder / "facts"
    if workspace.manifest()["current"]:
        # Killed between the adoption and the end: the facts made again are those that were adopted.
        shutil.rmtree(facts)
    else:
        adopt_facts(workspace, facts, source="invented", invented=True)
