"""What commands share on the terminal: options, tables, bars, complaints. No colour or bars when it is no terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource


def typed_refusals() -> tuple[type[Exception], ...]:
    """The typed refusals that end a command with one line instead of a traceback (imported late: `--help` is instant)."""
    from carewheel.cli.serve import ServeRefused
    from carewheel.interop.files import FileRefused
    from carewheel.interop.tabular.mapped import MappingRefused
    from carewheel.invented.group import DemoRefused
    from carewheel.journeys.import_sources import SourceRefused
    from carewheel.practice.access import Refused
    from carewheel.practice.database import DatabaseRefused
    from carewheel.science.flywheel.stocks import Refusal
    from carewheel.warehouse.measures import EngineMissing
    from carewheel.warehouse.workspace import WorkspaceRefused
    from carewheel.wheel.investments import PurchaseRefused
    from carewheel.wheel.plans import PlanRefused
    from carewheel.wheel.scorecard import ScoreRefused

    return (
        SourceRefused,
        WorkspaceRefused,
        MappingRefused,
        EngineMissing,
        FileRefused,
        DemoRefused,
        ScoreRefused,
        PlanRefused,
        PurchaseRefused,
        Refusal,
        Refused,
        DatabaseRefused,
        ServeRefused,
    )


def workspace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--workspace``: else CAREWHEEL_WORKSPACE, else ./carewheel-workspace."""
    return click.option(
        "--workspace",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="CAREWHEEL_WORKSPACE",
        default=Path("carewheel-workspace"),
        show_default=True,
        help="Folder with the facts.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")


def now() -> datetime:
    """This moment: the only place where the clock is read."""
    return datetime.now(UTC)


def today() -> date:
    """The day on which the command runs, by the operator's clock."""
    return now().astimezone().date()


def coloured(stream: Any = None) -> bool:
    """Whether to colour and draw bars: a terminal, and nobody set NO_COLOR."""
    return (stream or sys.stdout).isatty() and not os.environ.get("NO_COLOR")


def say(text: str = "", **style: Any) -> None:
    """One line on standard output."""
    click.echo(click.style(text, **style) if style and coloured() else text)


def here(command: str) -> str:
    """A command to go on with, as it is pasted: with ``--workspace`` where that was given on the command line of this one.

    Where the workspace comes from the environment or is the usual one, the next command finds it as this one did.
    """
    asked = click.get_current_context(silent=True)
    if asked is None or asked.get_parameter_source("workspace") is not ParameterSource.COMMANDLINE:
        return command
    return f"{command} --workspace {shlex.quote(str(asked.params['workspace']))}"


def complain(what: str, remedy: str) -> None:
    """One line on standard error: what happened and what to do."""
    click.echo(" ".join(filter(None, [f"carewheel: {what}", remedy])), err=True)


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Aligned columns, two spaces apart; ``right`` names the columns that are aligned to the right."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


@contextmanager
def bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar with time left on standard error; silent where that is no terminal."""
    if not coloured(sys.stderr):
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def show(name: str, done: int, total: int) -> None:
            stage = title if name else "Writing facts"
            progress.update(task, description=stage, completed=min(done, total), total=total)

        yield show
