"""`carewheel audit`: whether the audit trail is whole."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from carewheel.cli.console import open_database
from carewheel.cli.terminal import complain, json_option, say, workspace_option

BROKEN = 4


@click.group("audit")
def audit_command() -> None:
    """Check that the audit trail is whole, or note its end for a later check."""


@audit_command.command("verify")
@click.option(
    "--anchor", default="", metavar="N:SEAL", help="What `audit anchor` said earlier, kept elsewhere."
)
@workspace_option
@json_option
def verify_command(anchor: str, workspace: Path, as_json: bool) -> int:
    """Check each row against its seal and the one before. Rows that were cut off at the end, and a trail that was made anew as a
    whole, show with an anchor only.

    Exit code 4 where something is wrong.
    """
    number, colon, seal = anchor.partition(":")
    if anchor and not (colon and number.isdigit() and len(seal) == 64):
        raise click.BadParameter("write N:SEAL as `carewheel audit anchor` prints it", param_hint="--anchor")
    open_database(workspace)
    from carewheel.practice.audit import verify

    verdict = verify((int(number), seal) if anchor else None)
    if as_json:
        click.echo(orjson.dumps(verdict))
    elif verdict.wrong_at is not None:
        complain(
            f"The audit trail is wrong at row {verdict.wrong_at}: {verdict.why}.", "Compare it with a backup."
        )
    else:
        say(f"The audit trail holds: {verdict.rows:,} rows.")
    return 0 if verdict.wrong_at is None else BROKEN


@audit_command.command("anchor")
@workspace_option
def anchor_command(workspace: Path) -> None:
    """Print number and seal of the last row. Kept elsewhere (on paper, in another system), it shows later whether rows are missing."""
    open_database(workspace)
    from carewheel.practice.audit import verify

    verdict = verify()
    if verdict.wrong_at is not None:
        raise click.ClickException(f"The audit trail is wrong at row {verdict.wrong_at}: {verdict.why}.")
    say(f"{verdict.rows}:{verdict.last_seal}")
