"""`carewheel wheel invest`: a purchase weighed before money is spent, and followed afterwards."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carewheel.cli.looking import answered, as_json_out, as_of_option, looked_at
from carewheel.cli.terminal import json_option, say, table, today, workspace_option

if TYPE_CHECKING:
    from carewheel.science.finance import Appraisal, FollowUp
    from carewheel.wheel.investments import Benefit, Case, Followed, Weighed

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
    followed = follow_a_purchase(looked, found) if actual else None
    if as_json:
        document = {
            "as_of": looked.as_of,
            "weighed_as_of": then.as_of,
            "note": note,
            **weighed_document(found),
        }
        as_json_out({**document, "actual": None if followed is None else followed_document(followed)})
        return
    if followed is None:
        _print_weighed(found)
    else:
        _print_followed(found, followed)
    say()
    if followed is not None:
        say(note or f"Planned with the practice as it was on {then.as_of}.")
    say(f"Assumed: {'; '.join(found.case.now.assumed)}.")
    say()
    if followed is None:
        say("Next: after the purchase, when months have passed, hold it against the plan.")
        say(f"carewheel wheel invest {file} --actual")
    else:
        say("Next: look again in a month; the plan itself is weighed without --actual.")


def _print_weighed(found: Weighed) -> None:
    from carewheel.wheel.numbers import about

    case, d = found.case, found.case.described
    where = (
        f"at {', '.join(d.places)}"
        if d.places
        else f"at all {case.places} places"
        if case.places > 1
        else "here"
    )
    say(f"{d.title}, {where}, used for {d.months} months: {found.answer}", bold=True)
    table([[f"  {MARKS[c.state]}", c.what, c.why] for c in found.gate])
    say()
    say("Money, over its life; in brackets where 90 % of cases lie")
    table(_appraisal_rows(found.appraisal, case))
    say()
    say("What patients have of it: the middle case, and where 90 % of cases lie")
    rows = [["", "after a year", "at the end"]]
    rows += [[f"  {b.title}", *_benefit_words(case, b)] for b in found.benefits]
    table(rows)
    say()
    say("What its worth hangs on most: one figure alone at its low and its high end")
    rows = [["", "from … to", "worth at low", "at high"]]
    from carewheel.wheel.investments import figure_words, range_words

    for swing in found.swings:
        ends = [about(x, case.now.currency) for x in (swing.low, swing.high)]
        rows.append([f"  {figure_words(case, swing.name)}", range_words(case, swing.name), *ends])
    table(rows, right=(2, 3))
    if found.swings:
        say(f"  with all as expected: {about(found.swings[0].middle, case.now.currency)}")
    if case.unmeasured:
        say(f"Not measured here, so taken to stand where it usually does: {', '.join(case.unmeasured)}.")
    halved = [p.measure for p in case.promises if p.vendor]
    if halved:
        say(f"Half of what the seller says is counted: {', '.join(halved)}.")


def _appraisal_rows(found: Appraisal, case: Case) -> list[list[str]]:
    from carewheel.wheel.numbers import about

    currency = case.now.currency
    value = [about(float(x), currency) for x in found.value]
    loss = [f"{float(x):.0%}" for x in found.loss]
    months = [f"{float(x):.0f}" if math.isfinite(float(x)) else "never" for x in found.payback_months]
    later = [
        f"{float(x):.0f}" if math.isfinite(float(x)) else "never" for x in found.discounted_payback_months
    ]
    rates = [f"{rate:.0%}" for rate in found.yearly_return]
    returns = "none: no rate brings it to nought" if not rates else f"{rates[0]} a year"
    if len(rates) > 1:
        returns = (
            f"{' and '.join(rates)} a year: more than one, so none is the return; look at the present value"
        )
    elif found.several_returns > 0.005:
        returns += f"; {found.several_returns:.0%} of cases have more than one"
    return [
        ["  Present value", value[0], f"({value[1]} to {value[2]}), at {case.described.rate:.1%} a year"],
        ["  Probability of loss", loss[0], f"({loss[1]} to {loss[2]})"],
        ["  Money back after", f"{months[0]} months" if months[0] != "never" else "never", f"({months[1]} to {months[2]}); discounted {later[0]} ({later[1]} to {later[2]})"],
        ["  Return", returns, ""],
    ]  # fmt: skip


def _benefit_words(case: Case, benefit: Benefit) -> list[str]:
    from carewheel.wheel.investments import noticeable
    from carewheel.wheel.plans import signed

    visits = benefit.measure.endswith("kept_visits")
    words = []
    for low, middle, high in (benefit.after_a_year, benefit.at_the_end):
        ends = [
            f"{x:+,.0f}".replace("-", "−") if visits else signed(x, benefit.unit) for x in (middle, low, high)
        ]
        text = f"{ends[0]} ({ends[1]} to {ends[2]})" + (" visits in all" if visits else "")
        least = noticeable(case, benefit)
        words.append("hardly any change" if max(abs(low), abs(high)) < least and not visits else text)
    return words


def _print_followed(found: Weighed, followed: Followed) -> None:
    from carewheel.wheel.numbers import about
    from carewheel.wheel.plans import signed

    case, d = found.case, found.case.described
    assert d.bought is not None
    say(
        f"{d.title}, bought in {d.bought:%Y-%m}: planned against actual after {followed.months} months",
        bold=True,
    )
    rows = [["", "planned", "actual", ""]]
    rows.append(["  Spent", *_against(followed.spending, case, -1.0)])
    rows.append(["  Spent and brought in", *_against(followed.money, case, 1.0)])
    table(rows, right=(1, 2))
    low, mean, high = (about(x, case.now.currency) for x in followed.brought_in)
    say(
        f"What is spent was counted. What it brought in, {mean} ({low} to {high}), is the model's answer to what the measures did."
    )
    say()
    say("What the measures did, on average over the months that are judged")
    rows = [["", "planned", "found", "evidence"]]
    for seen in followed.seen:
        unit = next((b.unit for b in found.benefits if b.measure == seen.measure), _unit(seen.measure))
        planned = [signed(x, unit) for x in (seen.planned[1], seen.planned[0], seen.planned[2])]
        if seen.found is None:
            said = ["cannot be told", seen.why]
        else:
            ends = [signed(x, unit) for x in (seen.found[1], seen.found[0], seen.found[2])]
            said = [
                f"{ends[0]} ({ends[1]} to {ends[2]})",
                f"{seen.quality}; {seen.belief.prior_weight:.0%} of what is thought is still the plan",
            ]
        rows.append([f"  {seen.measure}", f"{planned[0]} ({planned[1]} to {planned[2]})", *said])
    table(rows)
    say()
    say("What it looks to be worth now, over its whole life, as the books show it (without loan and tax)")
    table(_appraisal_rows(followed.now, case))


def _unit(measure: str) -> str:
    from carewheel.catalog.measures import measures

    return measures()[measure].unit if measure in measures() else "count"


def _against(found: FollowUp, case: Case, sign: float) -> list[str]:
    from carewheel.wheel.numbers import about

    currency = case.now.currency
    ends = sorted(sign * float(x[-1]) for x in (found.planned.low, found.planned.high))
    planned = f"{about(sign * float(found.planned.value[-1]), currency)} ({about(ends[0], currency)} to {about(ends[1], currency)})"
    standing = (
        {"below": "above", "above": "below"}.get(found.standing, "within") if sign < 0 else found.standing
    )
    words = {
        "within": "within what was planned",
        "above": "above what was planned",
        "below": "below what was planned",
    }[standing]
    return [planned, about(sign * float(found.actual[-1]), currency), words]
