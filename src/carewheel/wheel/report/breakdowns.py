"""Where money and visits went: the cards with a dimension, as tables with bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from carewheel.interop.x12.reasons import reason_text
from carewheel.wheel.numbers import number

TOP = 8
AGES = ("0-30", "31-60", "61-90", "90+", "credit")
# What the report shows, in this order: card, title, head of the first column, what to say where there is none.
SHOWN = (
    (
        "finance.open_receivables_by_age",
        "Cash stuck, by age: all open balances",
        "Age in days",
        "No open balance is on record.",
    ),
    ("finance.stated_receivables_by_age", "Balances as the practice system states them", "Age in days", ""),
    (
        "finance.open_receivables_by_payer",
        "Cash stuck, by payer: open claims only",
        "Payer",
        "No open claim is on record.",
    ),
    (
        "finance.denied_amount_by_reason",
        "Denials that cost most",
        "Reason",
        "No denial is on record in these 12 months.",
    ),
    (
        "growth.new_patients_by_channel",
        "Where new patients came from",
        "Channel",
        "No new patient can be told yet.",
    ),
)


def breakdowns(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tables of the report's section on money and visits; those without data say so, or are left out."""
    by_id = {m["id"]: m for m in document["measures"]}
    found = []
    for card, title, head, empty in SHOWN:
        m = by_id[card]
        rows = [row for row in m["rows"] if row["value"]]
        if rows or (empty and m["n"] == 0 and _touched(by_id, card)):
            found.append(_table(m, title, head, empty, rows))
    missed = _missed(by_id["operations.no_shows"])
    if missed:
        found.insert(min(len(found), 3), missed)
    return found


def _touched(by_id: Mapping[str, Any], card: str) -> bool:
    """Whether the practice has the facts at all, so that an empty table means none rather than unknown."""
    basis = {"finance": "finance.charges", "growth": "operations.kept_visits"}[card.partition(".")[0]]
    return by_id[basis]["value"] is not None


def _table(
    m: Mapping[str, Any], title: str, head: str, empty: str, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    ages = {label: i for i, label in enumerate(AGES)}
    ordered = sorted(rows, key=lambda row: (ages.get(row["label"], len(AGES)), -row["value"]))
    top, rest = list(ordered[:TOP]), ordered[TOP:]
    if rest:
        top.append({"label": f"{len(rest)} others", "value": sum(row["value"] for row in rest)})
    largest = max((abs(row["value"]) for row in top), default=1) or 1
    shown = [
        {
            "label": label_words(row["label"], m["dimension"]),
            "text": number(row["value"], m["unit"], m["currency"]),
            "width": f"{100 * max(row['value'], 0) / largest:.1f}",
        }
        for row in top
    ]
    return {
        "title": title,
        "head": head,
        "empty": empty,
        "rows": shown,
        "unit_word": "Amount"
        if m["unit"] == "money"
        else "Patients"
        if m["id"].startswith("growth")
        else "Number",
        "caption": f"{m['title']}: {number(m['value'], m['unit'], m['currency'])} in all, n {m['n']:,}",
    }


def label_words(label: str, dimension: str) -> str:
    """A label of a dimension; a reason of denial (CARC) with its text (CMS, CC0).

    >>> label_words("loc1", "location"), label_words("no such code", "reason")
    ('loc1', 'no such code')
    """
    text = reason_text(label) if dimension == "reason" else ""
    return f"{label} {text}" if text else label


def _missed(m: Mapping[str, Any]) -> dict[str, Any] | None:
    """No-shows month by month, the last month first."""
    months = [row for row in m["monthly"] if row["value"] is not None][-6:]
    if not months:
        return None
    largest = max(row["value"] for row in months) or 1
    return {
        "title": f"No-shows: {number(months[-1]['value'], 'count')} in {months[-1]['month']}",
        "head": "Month",
        "empty": "",
        "rows": [
            {
                "label": row["month"],
                "text": number(row["value"], "count"),
                "width": f"{100 * row['value'] / largest:.1f}",
            }
            for row in reversed(months)
        ],
        "unit_word": "No-shows",
        "caption": f"{m['title']} by month; {number(m['value'], m['unit'])} in 12 months",
    }
