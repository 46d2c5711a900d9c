"""The door for operators: `carewheel …`.

Turned by people and scripts at a terminal; pushes nothing but calls journeys and shows what they return.
Quiet, aligned, pipes well; `--json` everywhere; ends with what to do next. Exit codes: see `carewheel turn --help`.
Who may call: the shell. Commands are imported only when called, so that `--help` is instant.
"""

from __future__ import annotations

import errno
import importlib
import sys
from typing import Any

import click

import carewheel

# Command -> (module, one line for the help). Modules are imported when the command is called.
COMMANDS = {
    "turn": (
        "carewheel.cli.turn",
        "Read sources and show one turn of the wheel: wheel.json and report.html.",
    ),
    "serve": ("carewheel.cli.serve", "Show the console in the browser; an empty workspace is filled first."),
    "import": ("carewheel.cli.imports", "Read an export into the console: places, people, hours, visits."),
    "demo": ("carewheel.cli.demo", "Make an invented group of practices whose truth is known."),
    "wheel": ("carewheel.cli.wheel", "See what drives the wheel, simulate, plan plays, verify changes."),
    "access": ("carewheel.cli.access", "See who may not come, how many will ask, which times to offer."),
    "measures": ("carewheel.cli.measures", "List measures, show how one is defined, or its value."),
    "sources": ("carewheel.cli.sources", "List what was read into a workspace, or remove a source."),
    "map": ("carewheel.cli.mapping", "Propose a mapping file for a CSV or XLSX by looking at it."),
    "scorecard": (
        "carewheel.cli.scorecard",
        "Score what is hard at your practice; see what its measures say to that.",
    ),
    "backup": ("carewheel.cli.backup", "Write everything into one file."),
    "restore": ("carewheel.cli.backup", "Bring a backup back, or check it."),
    "audit": ("carewheel.cli.audit", "Check that the audit trail is whole."),
    "account": ("carewheel.cli.accounts", "Let somebody in again whose password is lost."),
    "worker": ("carewheel.cli.worker", "Do the jobs behind the pages (serve starts one)."),
    "template": ("carewheel.cli.mapping", "Write an empty CSV to fill in: surveys, staff, spend …"),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(carewheel.__version__, prog_name="carewheel")
def root() -> None:
    """CareWheel runs and measures the flywheel of a medical or dental practice.

    Begin with:  carewheel turn FOLDER-WITH-EXPORTS
    """


def main() -> None:
    """Run the command line; refusals become one line and exit code 2, interruptions 130."""
    from carewheel.cli.terminal import complain, typed_refusals

    try:
        outcome: Any = root(prog_name="carewheel", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        outcome = leaving.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        # A question that was answered with no is an Abort too, without an interruption behind it.
        if isinstance(stop, click.Abort) and not isinstance(stop.__cause__, KeyboardInterrupt):
            complain("Nothing was changed.", "")
        else:
            complain("Interrupted. Nothing was half-loaded.", "Run the same command again.")
        outcome = 130
    except click.ClickException as error:
        # Whatever click refuses is wrong usage: 1 is kept for bugs.
        error.show()
        outcome = 2
    except typed_refusals() as refusal:
        complain(str(refusal), "")
        outcome = 2
    except RuntimeError as error:
        # DuckDB's word for Ctrl-C in the middle of a query.
        if str(error) != "Query interrupted":
            raise
        complain("Interrupted. Nothing was half-loaded.", "Run the same command again.")
        outcome = 130
    except SystemExit:
        # So click leaves, and only here, when the reader of a pipe has seen enough (`| head`): no fault of anybody.
        outcome = 0
    except Exception as error:
        if not _finds_no_room(error):
            raise
        complain(
            "The disk is full. Nothing was half-loaded.",
            "Make room, or choose another disk with --workspace and --out.",
        )
        outcome = 2
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _finds_no_room(error: Exception) -> bool:
    """Whether the disk is full, or a file larger than it may be: as Python tells it, DuckDB or SQLite."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    said = str(error)
    return any(words in said for words in ("No space left on device", "File too large", "disk is full"))
