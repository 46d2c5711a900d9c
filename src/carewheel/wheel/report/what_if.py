"""Pictures and words of a simulation, from its document: what goes on, what would be with the plays, and the difference that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from carewheel.catalog.play_guesses import play_guesses
from carewheel.wheel.numbers import AFTER, about, foreseen
from carewheel.wheel.plans import signed
from carewheel.wheel.report.pictures import Band, course

Document = Mapping[str, Any]
# What is drawn of every answer, beside what the plays move.
DRAWN = ("cash", "active_patients", "operations.kept_visits", "finance.collections")

# A smaller part of a line is no change to speak of.
HARDLY = 0.001


def futures(answer: Document) -> list[dict[str, Any]]:
    """A chart for each of the main lines: as it goes on and, where something is asked, with it; each with its table."""
    moved = [move.what for play in answer["plays"] for move in play_guesses()[play].moves]
    drawn = dict.fromkeys([*DRAWN, *moved])
    known = {line["name"]: line for line in answer["lines"]}
    return [_future(known[name], _months(answer, name), answer) for name in drawn if name in known]


def lines_table(answer: Document) -> list[dict[str, Any]]:
    """Every line in words: ``now``; at the end ``without``, ``with_it`` and their ``change``, each (median, interval)."""
    shown = []
    for line in answer["lines"]:
        rows, unit, currency = _months(answer, line["name"]), line["unit"], answer["currency"]
        end = rows[-1]
        shown.append({
            "title": line["title"], "unit": unit_words(unit), "now": foreseen(rows[0]["without_median"], unit, currency),
            "without": _worded(end, "without", unit, currency), "with_it": _worded(end, "with", unit, currency), "change": _change(end, unit, currency),
        })  # fmt: skip
    return shown


def net_cash_words(answer: Document) -> dict[str, str]:
    """What is asked adds to net cash over the whole run: ``middle`` with its direction, ``low`` and ``high``.

    >>> net_cash_words({"net_cash": {"low": -1200.0, "median": 8000.0, "high": 20000.0}, "currency": "USD"})
    {'middle': '$8,000 more', 'low': '−$1,200', 'high': '+$20,000'}
    """
    net, currency = answer["net_cash"], answer["currency"]
    middle = f"{about(abs(net['median']), currency)} {'more' if net['median'] >= 0 else 'less'}"
    return {"middle": middle, "low": _signed(net["low"], "money", currency), "high": _signed(net["high"], "money", currency)}  # fmt: skip


def asked_words(answer: Document, titles: Mapping[str, str]) -> list[str]:
    """What was asked, one by one: plays by their ``titles``, in the order of these, and the policy in percent.

    >>> asked_words({"plays": ["Q2"], "policy": {"staff": -0.1}}, {"F1": "Advocates", "Q2": "Reminders"})
    ['Reminders', '−10 % of free cash into staff']
    """
    shares = [f"{100 * share:+.3g} % of free cash into {part}".replace("-", "−") for part, share in answer["policy"].items()]  # fmt: skip
    return [*(title for play, title in titles.items() if play in answer["plays"]), *shares]


def unit_words(unit: str) -> str:
    """What stands behind the title of a line; "" where its numbers say it.

    >>> unit_words("minutes"), unit_words("money per visit"), unit_words("share")
    ('min', 'per visit', '')
    """
    if unit.startswith("money"):
        return unit.partition("money ")[2]
    return AFTER.get(unit, unit)


def _future(line: Document, rows: Sequence[Document], answer: Document) -> dict[str, Any]:
    unit, currency, months = line["unit"], answer["currency"], answer["months"]
    asked = bool(answer["plays"] or answer["policy"])

    def words(value: float) -> str:
        return foreseen(value, unit, currency)

    def band(what: str) -> Band:
        return [r[f"{what}_low"] for r in rows], [r[f"{what}_high"] for r in rows]

    goes_on = [r["without_median"] for r in rows]
    told = sorted({*range(0, months, 1 if months <= 12 else 3 if months <= 36 else 12), months})
    head, end = ["Month", "As it goes on", "Nine cases of ten"], words(goes_on[-1])
    if not asked:
        return {
            **course(words, goes_on, band("without")), "title": f"{line['title']}: {end} in month {months}, {words(goes_on[0])} now", "head": head,
            "rows": [[str(m), *_worded(rows[m], "without", unit, currency)] for m in told],
        }  # fmt: skip
    with_it = [r["with_median"] for r in rows]
    drawn = course(words, goes_on, band("with"), with_it, band("without"), said=("with it", "as it goes on"))
    same = words(with_it[-1]) == end or abs(with_it[-1] - goes_on[-1]) <= HARDLY * abs(goes_on[-1])
    finding = "hardly any change" if same else f"{words(with_it[-1])} instead of {end} in month {months}"
    middle, between = _change(rows[-1], unit, currency)
    return {
        **drawn, "title": f"{line['title']}: {finding}", "note": f"Difference in month {months}: {middle} ({between}).",
        "head": [*head, "With it", "Nine cases of ten", "Difference", "Nine cases of ten"],
        "rows": [[str(m), *_worded(rows[m], "without", unit, currency), *_worded(rows[m], "with", unit, currency), *_change(rows[m], unit, currency)] for m in told],
    }  # fmt: skip


def _months(answer: Document, name: str) -> list[Document]:
    return [row for row in answer["rows"] if row["name"] == name]


def _worded(row: Document, what: str, unit: str, currency: str) -> tuple[str, str]:
    low, middle, high = (foreseen(row[f"{what}_{end}"], unit, currency) for end in ("low", "median", "high"))
    return middle, f"{low} to {high}"


def _change(row: Document, unit: str, currency: str) -> tuple[str, str]:
    low, middle, high = (
        _signed(row[f"difference_{end}"], unit, currency) for end in ("low", "median", "high")
    )
    return middle, f"{low} to {high}"


def _signed(value: float, unit: str, currency: str) -> str:
    """A change with its sign, in two figures: a model knows no more.

    >>> _signed(-1234.0, "money", "USD"), _signed(0.021, "share", ""), _signed(147.3, "count", ""), _signed(0.0002, "share", "")
    ('−$1,200', '+2.1 points', '+150', '0')
    """
    if unit.startswith("money"):
        text = f"{'−' if value < 0 else '+'}{foreseen(abs(value), unit, currency)}"
    else:
        text = signed(float(f"{value:.2g}"), unit)
    return text if any(digit in text for digit in "123456789") else "0"
