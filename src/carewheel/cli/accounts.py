"""`carewheel account`: for whoever can reach the workspace, when nobody can sign in any more."""

from __future__ import annotations

from pathlib import Path

import click

from carewheel.cli.console import upgrade_database
from carewheel.cli.terminal import now, say, workspace_option


@click.group("account")
def account_command() -> None:
    """Let somebody in again whose password is lost. Accounts and roles are made in the console."""


@account_command.command("reset")
@click.argument("email")
@workspace_option
def reset_command(email: str, workspace: Path) -> None:
    """Give the account EMAIL a new random password, printed once; its sessions end. Noted in the audit trail."""
    upgrade_database(workspace)
    from carewheel.practice.members import reset_password

    password = reset_password(email, now())
    say(f"Password    {password}")
