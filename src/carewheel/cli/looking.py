"""What the commands of `carewheel wheel` share: looking at the wheel of a workspace, and saying when nothing can be said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carewheel.cli.terminal import bar, complain, here, today

if TYPE_CHECKING:
    from carewheel.journeys.look_at_the_wheel import Looked

NOTHING = 3

as_of_option = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Last day to look at (default: last activity)."
)


def answered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where nothing can be said of the wheel, one line and exit code 3."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from carewheel.journeys.look_at_the_wheel import MoneyUnknown
        from carewheel.science.refusal import CannotTell
        from carewheel.wheel.turn import NothingToTurn

        try:
            return command(*args, **kwargs)
        except NothingToTurn as nothing:
            complain(str(nothing), f"Begin with: {here('carewheel turn FOLDER')}")
        except (MoneyUnknown, CannotTell) as unknown:
            complain(str(unknown), "")
        return NOTHING

    return run


def looked_at(workspace: Path, as_of: datetime | None, learn: bool = True) -> Looked:
    """The wheel of a workspace, with a bar while it is measured and learnt."""
    from carewheel.journeys.look_at_the_wheel import look
    from carewheel.warehouse.workspace import Workspace

    with bar("Looking at the wheel") as show:
        show("measures", 0, 3)
        found = look(Workspace(workspace), today(), day_of(as_of))
        if learn:
            _ = found.measured
            show("links", 1, 3)
            _ = found.learnt
        show("links", 3, 3)
    return found


def day_of(as_of: datetime | None) -> date | None:
    return as_of.date() if as_of else None


def as_json_out(content: Any) -> None:
    import orjson

    click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
