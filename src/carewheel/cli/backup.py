"""`carewheel backup` and `carewheel restore`: everything in one file, and back."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from carewheel.cli.console import open_database, upgrade_database
from carewheel.cli.serve import alone
from carewheel.cli.terminal import here, json_option, now, say, workspace_option


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@workspace_option
@json_option
def backup_command(file: Path, workspace: Path, as_json: bool) -> None:
    """Write facts, plans, keys and the database into the new file FILE, each part with its digest. The console may run meanwhile.

    The file holds patients' data and keys in the clear: keep it encrypted. With PostgreSQL its client programs are needed.
    """
    open_database(workspace)
    from carewheel.journeys.back_up import back_up
    from carewheel.warehouse.workspace import Workspace

    made = back_up(file, Workspace(workspace), now())
    if as_json:
        click.echo(orjson.dumps({"file": str(made.path), "files": made.files, "bytes": made.bytes, "audit": f"{made.audit_number}:{made.audit_seal}"}))  # fmt: skip
        return
    say(f"{made.files:,} files in {made.path}, {made.bytes / 1e6:,.1f} MB.")
    say(f"The audit trail ends with {made.audit_number}:{made.audit_seal}")
    say(f"Next: keep it encrypted and elsewhere, and try it: {here('carewheel restore FILE --check')}")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", "only_check", is_flag=True, help="Check every byte, restore nothing.")
@click.option("--replace", is_flag=True, help="Replace what is there.")
@workspace_option
def restore_command(file: Path, only_check: bool, replace: bool, workspace: Path) -> int:
    """Bring back what FILE holds. Everything in it is checked before anything is touched; a console that runs is in the way.

    Exit code 2 where it was refused; 4 where the restored audit trail does not hold.
    """
    open_database(workspace)
    from carewheel.journeys import back_up
    from carewheel.warehouse.workspace import Workspace

    if only_check:
        manifest = back_up.check(file)
        say(
            f"Whole: {len(manifest['entries']):,} files of {manifest['made_at']}, CareWheel {manifest['made_by']}."
        )
        return 0
    with alone(workspace):
        verdict = back_up.restore(file, Workspace(workspace), replace=replace)
    upgrade_database(workspace)
    if verdict.wrong_at is not None:
        say(f"Restored, but the audit trail is wrong at row {verdict.wrong_at}: {verdict.why}.")
        return 4
    say(f"Restored. The audit trail holds over {verdict.rows:,} rows.")
    say(f"Next: carewheel serve --workspace {workspace}")
    return 0
