"""`carewheel turn`: the main job."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carewheel.cli.terminal import bar, complain, json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.journeys.turn_the_wheel import TurnOutcome
    from carewheel.wheel.turn import EngineFor

MEASURED, NOTHING, STRICT = 0, 3, 4
SHOWN = 5
MARKS = {"met": "✓ met", "short": "▽ short", "measured": "  measured", "not_enough_data": "○ not enough data"}


@click.command("turn")
@click.argument("sources", nargs=-1, metavar="SOURCE…")
@click.option(
    "--source", "named", multiple=True, metavar="NAME=PATH", help="A source with a name of its own."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for wheel.json and report.html."
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Last day to look at (default: last activity)."
)
@click.option("--mapping", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Mapping file for a CSV or XLSX; may be given several times.")  # fmt: skip
@click.option("--zone", default="", help="Time zone where a source names none, e.g. America/New_York.")
@click.option("--currency", default="", help="Currency where a source names none, e.g. USD.")
@click.option("--date-format", "date_formats", multiple=True, metavar="FORMAT",
              help="How dates are written in exports that are not in ISO form, e.g. %d/%m/%Y; may be given several times.")  # fmt: skip
@click.option("--engine", default="", metavar="URL", help="spark://HOST:PORT (extra carewheel[spark]).")
@click.option("--strict", is_flag=True, help="Exit 4 if any row or file was refused.")
@workspace_option
@json_option
def turn_command(
    sources: tuple[str, ...],
    named: tuple[str, ...],
    out: Path | None,
    as_of: datetime | None,
    mapping: tuple[Path, ...],
    zone: str,
    currency: str,
    date_formats: tuple[str, ...],
    engine: str,
    strict: bool,
    workspace: Path,
    as_json: bool,
) -> int:
    """Read SOURCE… (files, folders, ZIPs) and show one turn of the wheel; without one, of what the workspace holds.

    Each file is recognised by its content: Open Dental and OpenEMR exports, FHIR NDJSON and Bundles, X12 837 and 835,
    HL7 v2, CSV and XLSX with a mapping. Reading the same files again changes nothing.

    Exit codes: 0 something was measured; 3 nothing could be; 2 wrong usage; 4 with --strict and any refusal; 130
    interrupted; 1 a bug.
    """
    from carewheel.interop.files import ReadSettings
    from carewheel.journeys.import_sources import Progress, check_zone
    from carewheel.journeys.turn_the_wheel import turn_the_wheel
    from carewheel.warehouse.workspace import Workspace

    check_zone(zone)
    if currency and (len(currency) != 3 or not currency.isascii() or not currency.isupper()):
        raise click.BadParameter("give a code of three capital letters, such as USD", param_hint="--currency")
    if not sources and not named and not Workspace(workspace).manifest()["current"]:
        raise click.UsageError("Give at least one SOURCE: a file, a folder or a ZIP.")
    given = given_sources(sources, named)
    for written in date_formats:
        if "%" not in written:
            raise click.BadParameter("write it with signs such as %d.%m.%Y", param_hint="--date-format")
    options = {"date_formats": ";".join(date_formats)} if date_formats else {}
    settings = ReadSettings(today=today(), zone=zone, currency=currency, mappings=mapping, options=options)
    with bar("Reading") as show:
        outcome = turn_the_wheel(
            Workspace(workspace),
            given,
            settings,
            as_of=as_of.date() if as_of else None,
            out=out,
            engine=_engine(engine),
            progress=Progress(show=show),
        )
    if as_json:
        _print_json(outcome)
    else:
        _print(outcome)
    if strict and outcome.refused:
        return STRICT
    if given and not any(report.rows_used for report in outcome.sources):
        earlier = "What is shown comes from what was loaded before." if outcome.measured else ""
        complain("Nothing was read from these sources.", earlier)
        return NOTHING
    return MEASURED if outcome.measured else NOTHING


def given_sources(sources: tuple[str, ...], named: tuple[str, ...]) -> list[Any]:
    """The SOURCE arguments and the ``--source NAME=PATH`` of a command."""
    from carewheel.journeys.import_sources import GivenSource

    given = [GivenSource(Path(path)) for path in sources]
    for pair in named:
        name, equals, path = pair.partition("=")
        if not equals or not name or not path:
            raise click.BadParameter("write NAME=PATH", param_hint="--source")
        given.append(GivenSource(Path(path), name))
    return given


def _engine(url: str) -> EngineFor | None:
    if not url:
        return None
    if not url.startswith("spark://"):
        raise click.BadParameter("only spark://HOST:PORT is known", param_hint="--engine")
    from carewheel.warehouse.spark import spark_engine

    return partial(spark_engine, url)


def _print_json(outcome: TurnOutcome) -> None:
    import orjson

    if outcome.json_path is not None:
        click.echo(outcome.json_path.read_bytes())
    else:
        sources = [vars(report) for report in outcome.sources]
        click.echo(
            orjson.dumps({"sources": sources, "why_nothing": outcome.why_nothing}, option=orjson.OPT_INDENT_2)
        )


def _print(outcome: TurnOutcome) -> None:
    rows = [["Source", "Kind", "Read", "Used", "Refused", "Ignored"]]
    for report in outcome.sources:
        fates = (report.rows_read, report.rows_used, report.rows_refused, report.rows_ignored)
        rows.append([report.source or "–", report.kind, *(f"{n:,}" for n in fates)])
    table(rows, right=(2, 3, 4, 5))
    _print_findings(outcome)
    if outcome.document is None:
        complain(f"Nothing could be measured. {outcome.why_nothing}", "See the findings above.")
        return
    document = outcome.document
    say()
    if document["invented"]:
        say("These data are invented.", bold=True)
    period = document["period"]
    say(f"The wheel on {document['as_of']} ({period['from']} to {period['to']})", bold=True)
    for sentence in document["headline"]:
        say(f"  {sentence}")
    say()
    table([_measure_row(m) for m in document["measures"] if m["wheel"]])
    say()
    say(_tie_out_words(outcome, document))
    if document["beside"]:
        many = len(document["beside"]) > 1
        say(
            f"{len(document['beside'])} further {'practices stand' if many else 'practice stands'} beside this one: other "
            "place names, or other months. If they belong together, name their places alike with [locations] in carewheel.toml."
        )
    say()
    say("Next: open the report.")
    say(str(outcome.report_path))


def _print_findings(outcome: TurnOutcome) -> None:
    counts: dict[str, int] = {}
    for report in outcome.sources:
        for finding in report.findings:
            counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
    words = {"refused": "refused", "doubt": "in doubt", "note": "to note"}
    if counts:
        say(
            "Findings: "
            + ", ".join(f"{counts[k]} {words[k]}" for k in words if k in counts)
            + ("; each with its remedy in the report." if outcome.document else ".")
        )
    _print_refusals(outcome)


def _print_refusals(outcome: TurnOutcome) -> None:
    """The refusals that cost most rows, one line a cause, with what to do."""
    causes: dict[tuple[str, str, str], list[Any]] = {}
    for report in outcome.sources:
        for finding in report.findings:
            if finding["severity"] == "refused":
                key = (finding["what"], finding["why"], finding["remedy"])
                cause = causes.setdefault(key, [0, finding["file"], finding["line"]])
                cause[0] += finding["count"]
    ranked = sorted(causes.items(), key=lambda item: -item[1][0])
    for (what, why, remedy), (count, file, line) in ranked[:SHOWN]:
        where = f"{file}, line {line}" if line else file
        times = f" ({count:,} times, first in {where})" if count > 1 else f" ({where})"
        say("  " + " ".join(filter(None, [what + times, why, remedy])))
    if len(ranked) > SHOWN:
        from carewheel.wheel.numbers import counted

        say(f"  … and {counted(len(ranked) - SHOWN, 'further cause')}.")


def _tie_out_words(outcome: TurnOutcome, document: dict[str, Any]) -> str:
    """What can honestly be said of the totals."""
    untied = sum(t["difference"] != "0" for t in document["tie_out"])
    lost = sum(report.rows_refused for report in outcome.sources)
    if untied:
        return (
            f"Tie-out: {untied} {'total differs' if untied == 1 else 'totals differ'}; the report says why."
        )
    if lost:
        return f"Tie-out: {lost:,} rows were refused; what they hold is not in the totals."
    if not document["tie_out"]:
        return "Tie-out: the sources hold no visits, charges or collections to compare."
    return "Tie-out: every total of the sources is in the facts."


def _measure_row(m: dict[str, Any]) -> list[str]:
    from carewheel.wheel.numbers import between, target_words, with_unit

    value = with_unit(m["value"], m["unit"], m["currency"])
    span = between(m["low"], m["high"], m["unit"], m["currency"])
    state = MARKS.get(m["status"], "○ not measured")
    return [f"  {m['title']}", value, span, f"n {m['n']:,}" if m["n"] else "", state, target_words(m)]
