"""`carewheel wheel invest`: a purchase weighed before money is spent, and followed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

import click

from carewheel.cli.looking import answered, as_json_out, as_of_option, looked_at
from carewheel.cli.terminal import here, json_option, say, table, today, workspace_option

MARKS = {"met": "✓", "open": "○", "not met": "▽"}


@click.command("invest")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--actual", is_flag=True, help="After the purchase: planned against actual, from the facts.")
@as_of_option
@workspace_option
@json_option
@answered
def invest_command(file: Path, actual: bool, as_of: datetime | None, workspace: Path, as_json: bool) -> None:
    """Weigh the purchase that FILE (TOML) describes: its worth, its risk, what it hangs on, and what patients have of it.

    What it shall do runs through the stock-and-flow model of your practice. An empty FILE: carewheel template purchase
    """
    from carewheel.journeys.weigh_a_purchase import (
        before_the_purchase,
        follow_a_purchase,
        read_purchase,
        weigh_a_purchase,
    )
    from carewheel.wheel.investments import followed_document, weighed_document

    what = read_purchase(file)
    looked = looked_at(workspace, as_of, learn=not actual)
    then, note = before_the_purchase(looked, what, today()) if actual else (looked, "")
    found = weigh_a_purchase(then, what)
    weighed = weighed_document(found)
    followed = followed_document(follow_a_purchase(looked, found)) if actual else None
    if as_json:
        document = {"as_of": looked.as_of, "weighed_as_of": then.as_of, "note": note, **weighed}
        as_json_out({**document, "actual": followed})
        return
    if followed is None:
        _print_weighed(weighed)
    else:
        assert what.bought is not None
        _print_followed(weighed, followed, f"{what.bought:%Y-%m}")
    say()
    if followed is not None:
        say(note or f"Planned with the practice as it was on {then.as_of}.")
    say(f"Assumed: {'; '.join(weighed['assumed'])}.")
    say()
    if followed is None:
        absent = [] if what.bought else ['bought = "YEAR-MONTH"']
        absent += [] if what.component or what.investment or what.expense else ["[facts]"]
        first = f"once it is bought, write {' and '.join(absent)} into the file; " if absent else ""
        say(f"Next: {first}when months have passed, hold it against the plan.")
        say(here(f"carewheel wheel invest {quote(str(file))} --actual"))
    else:
        say("Next: look again in a month; the plan itself is weighed without --actual.")


def _print_weighed(d: Mapping[str, Any]) -> None:
    from carewheel.wheel.investments import appraisal_rows, patient_words, where_words
    from carewheel.wheel.numbers import about

    say(f"{d['title']}, {where_words(d)}, used for {d['months']} months: {d['answer']}", bold=True)
    table([[f"  {MARKS[c['state']]}", c["what"], c["why"]] for c in d["gate"]])
    say()
    say("Money, over its life; in brackets where 90 % of cases lie")
    table(_indented(appraisal_rows(d, d["currency"], d["yearly_rate"])))
    say()
    say("What patients have of it: the middle case, and where 90 % of cases lie")
    rows = [["", "after a year", "at the end"]]
    rows += [
        [f"  {b['title']}", patient_words(b, "after_a_year"), patient_words(b, "at_the_end")]
        for b in d["patients"]
    ]
    table(rows)
    say()
    say("What its worth hangs on most: one figure alone at its low and its high end")
    rows = [["", "from … to", "worth at low", "at high"]]
    for swing in d["tornado"]:
        ends = [about(swing[end], d["currency"]) for end in ("at_low", "at_high")]
        rows.append([f"  {swing['title']}", swing["range"], *ends])
    table(rows, right=(2, 3))
    if d["tornado"]:
        say(f"  with all as expected: {about(d['tornado'][0]['as_expected'], d['currency'])}")
    if d["unmeasured"]:
        say(f"Not measured here, so taken to stand where it usually does: {', '.join(d['unmeasured'])}.")
    halved = [p["measure"] for p in d["promises"] if p["vendor"]]
    if halved:
        say(f"Half of what the seller says is counted: {', '.join(halved)}.")


def _print_followed(d: Mapping[str, Any], actual: Mapping[str, Any], bought: str) -> None:
    from carewheel.wheel.investments import against_words, appraisal_rows, measure_rows
    from carewheel.wheel.numbers import about

    currency = d["currency"]
    say(
        f"{d['title']}, bought in {bought}: planned against actual after {actual['months']} months", bold=True
    )
    rows = [["", "planned", "actual", ""]]
    rows.append(["  Spent", *against_words(actual["spending"], currency, spending=True)])
    rows.append(["  Spent and brought in", *against_words(actual["money"], currency, spending=False)])
    table(rows, right=(1, 2))
    low, mean, high = (about(actual["brought_in"][end], currency) for end in ("low", "middle", "high"))
    say(
        f"What is spent was counted. What it brought in, {mean} ({low} to {high}), is the model's answer to what the measures did."
    )
    say()
    say("What the measures did, on average over the months that are judged")
    table([["", "planned", "found", "evidence"], *_indented(measure_rows(actual))])
    say()
    say("What it looks to be worth now, over its whole life, as the books show it (without loan and tax)")
    table(_indented(appraisal_rows(actual["now"], currency, d["yearly_rate"])))


def _indented(rows: list[Any]) -> list[list[str]]:
    return [[f"  {row[0]}", *row[1:]] for row in rows]
