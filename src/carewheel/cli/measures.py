"""`carewheel measures`: the dictionary, and what a measure says about this workspace."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carewheel.cli.terminal import complain, here, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.warehouse.measures import MeasureResult

GRAINS = ("location", "month", "dimension")


@click.group("measures")
def measures_command() -> None:
    """List measures, show how one is defined, or its value."""


@measures_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List every measure of the dictionary."""
    from carewheel.catalog.measures import measures

    cards = list(measures().values())
    if as_json:
        import orjson

        rows = [
            {"id": c.id, "title": c.title, "component": c.component, "unit": c.unit, "status": c.status}
            for c in cards
        ]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    table([["id", "part", "title", "unit", ""]] + [
        [c.id, c.component, c.title, c.unit, "" if c.status == "computed" else "not computed yet"] for c in cards
    ])  # fmt: skip
    say()
    say(f"Next: {here('carewheel measures show ID')}")


@measures_command.command("show")
@click.argument("name", metavar="ID")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Show how measure ID is defined, down to its SQL."""
    from dataclasses import asdict

    card = _card(name)
    if as_json:
        import orjson

        click.echo(orjson.dumps(asdict(card), option=orjson.OPT_INDENT_2))
        return
    say(card.title, bold=True)
    say(card.definition)
    say()
    words = {"Left out": "; ".join(card.excluded) or "nothing", "Clock": card.clock, "Denominator": card.denominator,
             "Unit": card.unit, "Interval": f"{card.interval}, 90 %", "Window": card.window,
             "Smallest n": str(card.minimum_n), "Facts": ", ".join(card.facts)}  # fmt: skip
    if card.target:
        words["Target"] = f"{card.target.kind} {card.target.value:g} ({card.target.source})"
    if card.status != "computed":
        words["Not computed yet"] = card.why
    table([[f"{label}:", text] for label, text in words.items()])
    if card.sql:
        say()
        say(card.sql)


@measures_command.command("value")
@click.argument("name", metavar="ID")
@click.option("--by", default="", help="location, month or dimension, or two of them with a comma.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Last day to look at (default: last activity)."
)
@click.option(
    "--source", "sources", multiple=True, help="Only these sources (default: the practice with most facts)."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@workspace_option
@json_option
def value_command(
    name: str,
    by: str,
    as_of: datetime | None,
    sources: tuple[str, ...],
    as_csv: bool,
    workspace: Path,
    as_json: bool,
) -> int:
    """What measure ID says: the value over its window, or by location, month or dimension."""
    from carewheel.warehouse.measures import DuckDbEngine, evaluate
    from carewheel.warehouse.workspace import Workspace
    from carewheel.wheel.practices import practices

    card = _card(name)
    wanted = [part for part in by.split(",") if part]
    if set(wanted) - set(GRAINS):
        raise click.BadParameter(f"use {', '.join(GRAINS)}", param_hint="--by")
    space = Workspace(workspace)
    found = practices(space, today())
    main = next((p for p in found if not sources or set(sources) <= set(p.sources)), None)
    if found and main is None:
        names = ", ".join(sorted(name for p in found for name in p.sources))
        raise click.BadParameter(
            f"not the sources of one practice; there are: {names}", param_hint="--source"
        )
    if main is None or (main.last_activity is None and as_of is None):
        complain("Nothing was read into this workspace yet.", f"Begin with: {here('carewheel turn FOLDER')}")
        return 3
    when: date = as_of.date() if as_of else main.last_activity or today()
    connection = space.connect(sources or main.sources)
    try:
        result = evaluate(card, DuckDbEngine(connection), when)
    finally:
        connection.close()
    _print(_rows(result, wanted), as_csv, as_json)
    return 0 if result.total.status == "ok" else 3


def _rows(result: MeasureResult, wanted: Sequence[str]) -> list[dict[str, Any]]:
    money = {"currency": result.currency} if result.currency else {}
    if not wanted:
        return [{"measure": result.id, "as_of": result.as_of, **_value(result.total), **money}]
    if wanted == ["dimension"]:
        return [
            {"measure": result.id, "dimension": row.label, **_value(row.value), **money}
            for row in result.dimension
        ]
    if wanted == ["location"]:
        return [
            {"measure": result.id, "location": place, **_value(v), **money}
            for place, v in result.by_location.items()
        ]
    if "dimension" in wanted:
        raise click.BadParameter("dimension stands alone", param_hint="--by")
    series = [("", result.monthly)] if wanted == ["month"] else list(result.by_location_month.items())
    rows = []
    for place, values in series:
        for i, month in enumerate(result.months):
            enough = bool(values.enough[i])
            numbers = {
                key: float(part[i]) if enough and part[i] == part[i] else None
                for key, part in (("value", values.value), ("low", values.low), ("high", values.high))
            }
            status = "ok" if enough else "not_enough_data" if values.n[i] else "unmeasured"
            where = {"location": place} if len(wanted) > 1 else {}
            head = {"measure": result.id, **where, "month": month.isoformat()[:7]}
            rows.append({**head, **numbers, "n": int(values.n[i]), "status": status, **money})
    return rows


def _value(value: Any) -> dict[str, Any]:
    return {"value": value.value, "low": value.low, "high": value.high, "n": value.n, "status": value.status}


def _print(rows: Sequence[dict[str, Any]], as_csv: bool, as_json: bool) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(list(rows), option=orjson.OPT_INDENT_2))
        return
    if not rows:
        say("No data.")
        return
    names = list(rows[0])
    if as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if row[k] is None else _safe(row[k]) for k in names] for row in rows])
        click.echo(text.getvalue(), nl=False)
        return
    shown = [
        [
            "–" if row[k] is None else _plain(row[k]) if isinstance(row[k], float) else str(row[k])
            for k in names
        ]
        for row in rows
    ]
    table([names, *shown], right=[i for i, k in enumerate(names) if k in ("value", "low", "high", "n")])


def _plain(x: float) -> str:
    """A number for people: thousands apart, two places from 100 on, else four figures.

    >>> _plain(76026.675), _plain(0.0857142)
    ('76,026.68', '0.08571')
    """
    return f"{x:,.2f}" if abs(x) >= 100 else f"{x:.4g}"


def _safe(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (places and labels come from sources)."""
    return "'" + cell if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _card(name: str) -> Any:
    from carewheel.catalog.measures import measures

    if name not in measures():
        import difflib

        near = difflib.get_close_matches(name, measures(), 3)
        hint = f" Did you mean {', '.join(near)}?" if near else " See `carewheel measures list`."
        raise click.BadParameter(f"there is no measure {name!r}.{hint}", param_hint="ID")
    return measures()[name]
