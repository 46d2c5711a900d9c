"""`carewheel import`: an export into the console."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from carewheel.cli.console import upgrade_database
from carewheel.cli.terminal import bar, json_option, now, say, table, today, workspace_option
from carewheel.cli.turn import given_sources


@click.command("import")
@click.argument("sources", nargs=-1, metavar="SOURCE…")
@click.option(
    "--source", "named", multiple=True, metavar="NAME=PATH", help="A source with a name of its own."
)
@click.option("--organisation", default="", help="Its name (default: the one that there is).")
@click.option("--mapping", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Mapping file for a CSV or XLSX; may be given several times.")  # fmt: skip
@click.option("--zone", default="", help="Time zone where a source names none, e.g. America/New_York.")
@click.option("--currency", default="", help="Currency where a source names none, e.g. USD.")
@workspace_option
@json_option
def import_command(
    sources: tuple[str, ...],
    named: tuple[str, ...],
    organisation: str,
    mapping: tuple[Path, ...],
    zone: str,
    currency: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Read SOURCE… (the same as `carewheel turn`) into the console: places, people, hours, visits; and the facts of the wheel with them.

    Run it with each new export: what is there already is not written again, what changed follows. While the practice system keeps the
    book of a place, requests that it has taken over are confirmed, those that it contradicts are shown.
    """
    from carewheel.interop.files import ReadSettings
    from carewheel.invented.clockwork import holidays_around
    from carewheel.journeys.import_sources import Progress, check_zone, import_sources
    from carewheel.warehouse.workspace import Workspace

    check_zone(zone)
    if not sources and not named:
        raise click.UsageError("Give at least one SOURCE: a file, a folder or a ZIP.")
    given = given_sources(sources, named)
    settings = ReadSettings(today=today(), zone=zone, currency=currency, mappings=mapping)
    upgrade_database(workspace)
    from carewheel.journeys.fill_the_practice import fill_the_practice

    space = Workspace(workspace)
    with bar("Reading facts") as show:
        import_sources(space, given, settings, Progress(show=show))
    with bar("Filling the console") as show:
        filled = fill_the_practice(
            space, given, settings, now(), organisation=organisation, holidays=holidays_around(today().year),
            progress=Progress(show=show),
        )  # fmt: skip
    if as_json:
        click.echo(orjson.dumps(filled, option=orjson.OPT_INDENT_2))
        return
    rows = [[filled.organisation, "new", "changed"]]
    rows.append(["patients", f"{filled.patients_made:,}", f"{filled.patients_changed:,}"])
    rows.append(["visits", f"{filled.visits_made:,}", f"{filled.visits_changed:,}"])
    table(rows, right=(1, 2))
    if filled.held_here:
        say(f"{filled.held_here:,} visits of places that keep their book here were left alone.")
    if filled.missing:
        say(f"{filled.missing:,} visits to come are not in this export any more. They stay until the front desk decides: Waitlist, For the practice system.")  # fmt: skip
    for note in filled.notes:
        say(note)
    say()
    say(f"Next: carewheel turn --workspace {workspace}   # the wheel of what was read")
    say(f"      carewheel serve --workspace {workspace}")
