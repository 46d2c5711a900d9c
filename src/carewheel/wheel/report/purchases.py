"""Pictures of a purchase from the documents of its weighing and of what became of it: money so far, and what its worth hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from carewheel.wheel.numbers import about
from carewheel.wheel.report.pictures import bars, course

Document = Mapping[str, Any]


def cash(weighed: Document) -> dict[str, Any]:
    """The money of a purchase so far, month by month: the mean and the band of nine cases of ten; its table year by year."""
    so_far, currency = weighed["cash_by_month"], weighed["currency"]
    months = len(so_far) - 1
    end = so_far[-1]
    title = f"After {months} months {about(abs(end['value']), currency)} {'ahead' if end['value'] >= 0 else 'behind'}"
    drawn = _course([r["value"] for r in so_far], so_far, [], currency)
    told = sorted({0, *range(12, months, 12), months})
    rows = [[str(m), about(so_far[m]["value"], currency), _range(so_far[m], currency)] for m in told]
    return {**drawn, "title": title, "head": ["Month", "Money so far", "Nine cases of ten"], "rows": rows}


def actual_money(followed: Document, currency: str) -> dict[str, Any]:
    """What was spent and brought in so far against the plan; its table every three months."""
    rows = followed["money"]["by_month"]
    drawn = _course([r["planned"] for r in rows], rows, [r["actual"] for r in rows], currency)
    last = len(rows) - 1
    told = [
        [str(m), about(rows[m]["planned"], currency), _range(rows[m], currency), about(rows[m]["actual"], currency)]
        for m in sorted({*range(0, last, 3), last})
    ]  # fmt: skip
    standing = followed["money"]["standing"]
    return {**drawn, "title": f"Spent and brought in so far: {standing} what was planned",
            "head": ["Month", "Planned", "Nine cases of ten", "As it was"], "rows": told}  # fmt: skip


def worth_hangs_on(weighed: Document) -> dict[str, Any] | None:
    """The tornado of a purchase; None where no figure alone moves its worth noticeably."""
    found, currency = weighed["tornado"], weighed["currency"]
    if not found:
        return None

    def money(value: float) -> dict[str, Any]:
        return {"amount": value, "currency": currency}

    rows = [
        {"what": s["title"], "range": s["range"], "at_low": money(s["at_low"]), "at_high": money(s["at_high"])}
        for s in found
    ]  # fmt: skip
    return bars({"bars": rows, "as_expected": money(found[0]["as_expected"])})


def _course(
    middle: Sequence[float], band: Sequence[Document], actual: Sequence[float], currency: str
) -> dict[str, Any]:
    ends = [r["low"] for r in band], [r["high"] for r in band]
    return course(
        lambda value: about(value, currency), middle, ends, actual, said=("as it was", "planned"), begin="at once", nought=True,
    )  # fmt: skip


def _range(row: Document, currency: str) -> str:
    return f"{about(row['low'], currency)} to {about(row['high'], currency)}"
