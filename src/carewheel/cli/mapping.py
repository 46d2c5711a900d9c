"""`carewheel map` and `carewheel template`: from an unknown table to one that can be read."""

from __future__ import annotations

from pathlib import Path

import click

from carewheel.cli.terminal import complain, json_option, say, table

PURCHASE = "purchase"


@click.command("map")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it (default: FILE.toml)."
)
@click.option("--force", is_flag=True, help="Replace a mapping file that is there already.")
@json_option
def map_command(file: Path, out: Path | None, force: bool, as_json: bool) -> int:
    """Propose a mapping for FILE (CSV or XLSX) by its names and values, show it, and write it.

    Look the file over before you use it:  carewheel turn FILE --mapping FILE.toml
    """
    from carewheel.interop.files import SourceFile
    from carewheel.interop.tabular.mapped import propose

    if not file.is_file():
        raise click.BadParameter("give a regular file", param_hint="FILE")
    proposal = propose(SourceFile(file, file.name).sample())
    target = out or file.with_name(file.name + ".toml")
    written = bool(proposal.toml)
    if written:
        if target.exists() and not force:
            raise click.ClickException(
                f"{target} is there already. Give --force to replace it, or --out for another."
            )
        target.write_text(proposal.toml, "utf-8")
    if as_json:
        import orjson

        columns = [
            {
                "column": c.column,
                "field": c.field,
                "confidence": c.confidence,
                "why": c.why,
                "samples": c.samples,
            }
            for c in proposal.columns
        ]
        found = {"table": proposal.table, "columns": columns, "questions": proposal.questions}
        click.echo(
            orjson.dumps({**found, "written": str(target) if written else None}, option=orjson.OPT_INDENT_2)
        )
        return 0 if written else 3
    rows = [["column", "becomes", "sure", "why", "samples"]]
    for column in proposal.columns:
        sure = f"{column.confidence:.0%}" if column.field else ""
        samples = ", ".join(column.samples[:3])
        rows.append([column.column, column.field or "–", sure, column.why, samples[:40]])
    table(rows, right=(2,))
    say()
    for question in proposal.questions:
        say(f"To decide: {question}")
    if not written:
        complain(
            "No fact table fits this file.", "Write a mapping by hand: see docs/guides/mapping-files.md."
        )
        return 3
    say(f"Wrote {target} for the table {proposal.table}.")
    say(f"Next: look it over, then  carewheel turn {file} --mapping {target}")
    return 0


@click.command("template")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it (default: NAME with .csv or .toml; - = print).",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def template_command(name: str, out: Path | None, force: bool) -> None:
    """Write an empty CSV to fill in: NAME is surveys, invitations, reviews, referrals, contacts, spend, staff, pulses,
    training, recognition, stock, patients, payments, adjustments, changes, investments, expenses or locations. Or a TOML
    to fill in: purchase.
    """
    from carewheel.interop.tabular.mapped import TEMPLATES, template
    from carewheel.journeys.weigh_a_purchase import purchase_template

    if name not in (*TEMPLATES, PURCHASE):
        raise click.BadParameter(
            f"{name!r} is none of {', '.join((*TEMPLATES, PURCHASE))}", param_hint="NAME"
        )
    purchase = name == PURCHASE
    target = out or Path(f"{name}.toml" if purchase else f"{name}.csv")
    text = purchase_template() if purchase else template(name)
    if str(target) == "-":
        click.echo(text, nl=False)
        return
    if target.exists() and not force:
        raise click.ClickException(
            f"{target} is there already. Give --force to replace it, or --out for another."
        )
    target.write_text(text, "utf-8")
    if purchase:
        say(f"Wrote {target}, filled in with an example.")
        say(f"Next: put in your own figures, then  carewheel wheel invest {target}")
        return
    say(f"Wrote {target}. The line that begins with # explains the columns; it is not read.")
    say(f"Next: fill it in, then  carewheel turn {target}")
