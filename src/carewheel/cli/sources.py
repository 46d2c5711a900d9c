"""`carewheel sources`: what was read, and taking a source out again."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from carewheel.cli.terminal import here, json_option, say, table, workspace_option


@click.group("sources")
def sources_command() -> None:
    """List what was read into a workspace, or remove a source."""


@sources_command.command("list")
@workspace_option
@json_option
def list_command(workspace: Path, as_json: bool) -> None:
    """List the sources with the rows that were read, used, refused and ignored."""
    from carewheel.warehouse.sources import list_sources
    from carewheel.warehouse.workspace import Workspace

    found = list_sources(Workspace(workspace))
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    if not found:
        say(f"Nothing was read into this workspace yet. Begin with: {here('carewheel turn FOLDER')}")
        return
    rows = [["source", "kind", "read", "used", "refused", "ignored", "path"]]
    for report in found:
        counts = [f"{report[f'rows_{fate}']:,}" for fate in ("read", "used", "refused", "ignored")]
        rows.append([report["source"], report["kind"], *counts, report["path"]])
    table(rows, right=(2, 3, 4, 5))


@sources_command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
def remove_command(name: str, yes: bool, workspace: Path, as_json: bool) -> None:
    """Remove source NAME with every fact that came from it. The files that were read are not touched."""
    from carewheel.warehouse.sources import list_sources, remove_source
    from carewheel.warehouse.workspace import Workspace

    if name not in {report["source"] for report in list_sources(Workspace(workspace))}:
        raise click.BadParameter(
            f"there is no source {name!r}. See `carewheel sources list`.", param_hint="NAME"
        )
    if not yes:
        click.confirm(f"Remove every fact of {name!r} from {workspace}?", abort=True, err=True)
    removed = remove_source(Workspace(workspace), name)
    if as_json:
        click.echo(orjson.dumps({"source": name, "removed": removed}))
    else:
        say(
            f"Removed {removed:,} rows of {name}. To have it back, read its files again with `carewheel turn`."
        )
