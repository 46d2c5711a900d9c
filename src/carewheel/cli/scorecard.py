"""`carewheel scorecard`: twelve questions about what is hard at this practice, and what its measures say to the answers."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from carewheel.cli.terminal import here, json_option, say, table, today, workspace_option


@click.group("scorecard")
def scorecard_command() -> None:
    """Score what is hard at your practice, 0 (easy) to 5 (hard)."""


@scorecard_command.command("ask")
@workspace_option
def ask_command(workspace: Path) -> None:
    """Go through the questions one by one. Enter keeps the answer, a minus takes it back."""
    from carewheel.catalog.scorecard import scorecard
    from carewheel.warehouse.workspace import Workspace
    from carewheel.wheel.scorecard import keep_scores, own_scores

    space = Workspace(workspace)
    before = own_scores(space)
    for number, attribute in enumerate(scorecard().values(), 1):
        say(f"{number} of {len(scorecard())}: {attribute.subject}")
        say(f"  {attribute.question}")
        now = before.get(attribute.code, {}).get("score")
        while True:
            answer = click.prompt(
                "  0 to 5", default="" if now is None else str(now), show_default=now is not None
            ).strip()
            if answer in ("", "-") or (answer.isdigit() and int(answer) <= 5):
                break
            say("  A whole number from 0 to 5, or nothing.")
        # Each answer is kept at once: whoever is interrupted goes on from here.
        if answer and answer != str(now):
            keep_scores(space, {attribute.code: None if answer == "-" else int(answer)}, today())
    say()
    say("Next: see what your measures say to that.")
    say(here("carewheel scorecard show"))


@scorecard_command.command("set")
@click.argument("scores", nargs=-1, required=True, metavar="CODE=SCORE…")
@workspace_option
@json_option
def set_command(scores: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Keep scores without being asked, for example MD04=3 FR04=5; "MD04=" takes one back."""
    from carewheel.warehouse.workspace import Workspace
    from carewheel.wheel.scorecard import keep_scores

    given: dict[str, int | None] = {}
    for text in scores:
        code, equals, score = text.partition("=")
        if not equals or not (score == "" or score.isdigit()):
            raise click.BadParameter(
                "write CODE=SCORE with a whole number from 0 to 5, e.g. MD04=3", param_hint="CODE=SCORE"
            )
        given[code] = int(score) if score else None
    kept = keep_scores(Workspace(workspace), given, today())
    if as_json:
        click.echo(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    else:
        say(f"{len(kept)} codes have your own score.")


@scorecard_command.command("show")
@workspace_option
@json_option
def show_command(workspace: Path, as_json: bool) -> None:
    """Show industry scores, your own, and where your measures disagree."""
    from carewheel.catalog.measures import measures
    from carewheel.warehouse.workspace import Workspace
    from carewheel.wheel.measured import Measured
    from carewheel.wheel.numbers import level
    from carewheel.wheel.scorecard import own_scores, scorecard_document
    from carewheel.wheel.turn import measured_now

    space = Workspace(workspace)
    found = measured_now(space, today())
    by_id = (
        found[0] if found else {name: Measured(card, None, "unmeasured") for name, card in measures().items()}
    )
    rows = scorecard_document(own_scores(space), by_id)
    if as_json:
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    lines = [["code", "subject", "industry", "yours", "measured", "", "what the measures say"]]
    for row in rows:
        mark = {"disagrees": "▲", "agrees": "✓", "unknown": "○"}[row["data"]]
        measured = "–" if row["level"] is None else level(row["level"])
        scores = ["–" if row[name] is None else str(row[name]) for name in ("industry", "own")]
        lines.append([row["code"], row["subject"], *scores, measured, mark, row["why"]])
    table(lines, right=(2, 3, 4))
    if not any(row["own"] is not None for row in rows):
        say()
        say("Next: give your own scores.")
        say(here("carewheel scorecard ask"))
