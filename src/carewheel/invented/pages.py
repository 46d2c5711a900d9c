"""Closing an invented place's book at the end of the window: what lies after it had not happened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from carewheel.catalog.plays import plays
from carewheel.invented.book import (
    COMPONENTS,
    NONE,
    TABLES,
    VISIT_STATUS,
    Book,
    BookWriter,
    LocationFacts,
    Table,
)
from carewheel.invented.draws import Draws
from carewheel.invented.population import Population
from carewheel.invented.team import Team
from carewheel.invented.treatment import propose

if TYPE_CHECKING:
    from carewheel.invented.group import Group

DAY = 1440
# Column -> the table whose rows it numbers. A row that loses a needed one is dropped; `claim` and `remittance` may be none.
REFERS = {
    "patient": "patient",
    "visit": "visit",
    "line": "line",
    "claim": "claim",
    "decision": "decision",
    "invitation": "invitation",
    "staff": "staff",
    "provider": "staff",
}
# The day of a row, in days or minutes; rows after the last day are dropped.
DATED = {
    "visit": ("booked_at", DAY), "decision": ("day", 1), "resubmission": ("day", 1), "receipt": ("day", 1),
    "write_off": ("day", 1), "claim": ("submitted_day", 1), "invitation": ("sent_at", DAY), "answer": ("answered_at", DAY),
    "review": ("posted_at", DAY), "referral": ("referred_day", 1), "contact": ("created_at", DAY), "spend": ("starts_day", 1),
    "expense": ("day", 1), "pulse": ("day", 1), "training": ("assigned_day", 1), "recognition": ("day", 1),
    "stock_move": ("moved_at", DAY), "investment": ("day", 1), "change": ("starts_day", 1), "staff": ("started_day", 1),
    "patient": ("joined_day", 1),
}  # fmt: skip
# A later day in these columns is not known yet.
LATER = (
    ("claim", "closed_day"), ("training", "completed_day"), ("staff", "ended_day"), ("patient", "left_day"),
    ("patient", "deceased_day"), ("patient", "first_visit_day"), ("contact", "became_day"), ("referral", "kept_day"),
    ("referral", "booked_day"), ("referral", "paid_day"),
)  # fmt: skip
ORDER = (
    "patient", "staff", "session", "visit", "claim", "line", "proposal", "decision", "decision_line", "resubmission", "receipt",
    "write_off", "invitation", "answer", "review", "referral", "contact", "spend", "expense", "pulse", "training",
    "recognition", "stock_move", "investment", "change",
)  # fmt: skip


def close_book(
    group: Group, location: LocationFacts, writer: BookWriter, population: Population, team: Team
) -> Book:
    """The book as it stood at the end of the last day."""
    last = int(group.month_starts[group.months]) - 1
    _changes(group, location, writer)
    writer.add("patient", **population.table())
    tables = writer.close()
    # What lies ahead is booked with whoever holds the seat now; whoever will follow is not known yet.
    known = team.known_on(last)
    for name in ("session", "visit", "claim"):
        tables[name]["provider"] = known[tables[name]["provider"]].astype(TABLES[name]["provider"])
    visit = tables["visit"]
    _first_visits(tables)
    ahead = visit["starts"] // DAY > last
    known_cancel = (visit["cancelled_at"] != NONE) & (visit["cancelled_at"] // DAY <= last)
    still = ahead & ~known_cancel
    visit["status"][still] = VISIT_STATUS.index("booked")
    for name in ("cancelled_at", "arrived_at", "roomed_at", "started_at", "done_at"):
        visit[name][still] = NONE
    visit["late"][still] = visit["by_practice"][still] = 0
    # A move that had not happened yet: the visit still stands where it was first put.
    not_yet = visit["moved_at"] // DAY > last
    visit["starts"][not_yet] = visit["first_starts"][not_yet]
    visit["moved_at"][not_yet] = NONE
    seen = visit["starts"] // DAY <= last
    kept: dict[str, npt.NDArray[np.int64]] = {}
    closed: dict[str, Table] = {}
    for name in ORDER:
        table = tables[name]
        keep = np.ones(len(table[name]), dtype=bool)
        if name in DATED:
            column, unit = DATED[name]
            keep &= table[column] // unit <= last
        if name in ("claim", "line", "proposal"):
            keep &= seen[table["visit"]]
        for column, target in REFERS.items():
            if column in table and column != name and target in kept:
                to = (
                    kept[target][np.maximum(table[column], 0)] if len(kept[target]) else np.empty(0, np.int64)
                )
                gone = (table[column] != NONE) & (to == NONE) if len(to) else np.zeros(len(keep), dtype=bool)
                optional = (column == "claim" and name in ("line", "write_off")) or name in (
                    "contact",
                    "referral",
                )
                if not optional:
                    keep &= ~gone
                if len(to):
                    table[column] = np.where(table[column] == NONE, NONE, to).astype(TABLES[name][column])
        closed[name] = {column: values[keep] for column, values in table.items()}
        numbers = np.full(len(keep), NONE)
        numbers[keep] = np.arange(int(keep.sum()))
        kept[name] = numbers
        closed[name][name] = np.arange(int(keep.sum())).astype(TABLES[name][name])
    for name, column in LATER:
        values = closed[name][column]
        values[values > last] = NONE
    closed["staff"]["end_kind"][closed["staff"]["ended_day"] == NONE] = 0
    replied = closed["review"]["replied_at"]
    replied[replied // DAY > last] = NONE
    training = closed["training"]
    left = closed["staff"]["ended_day"][training["staff"]]
    training["completed_day"][(left != NONE) & (training["completed_day"] > left)] = NONE
    closed["remittance"] = _remittances(closed)
    if location.kind == "dental":
        prices = np.array([code.cents for code in location.codes])
        closed["proposal"] = propose(closed, Draws(group.seed, location.location_id), prices)
    return Book(
        location,
        group.words,
        group.seed,
        int(group.month_starts[0]),
        last,
        {name: closed[name] for name in TABLES},
    )


def _changes(group: Group, location: LocationFacts, writer: BookWriter) -> None:
    words = group.words
    for planned in group.plays:
        if location.number in planned.locations:
            at = words.change_plays.index(planned.play)
            writer.add(
                "change", play=at, component=COMPONENTS.index(plays()[planned.play].components[0]), title=at,
                starts_day=int(group.month_starts[planned.month]),
            )  # fmt: skip


def _first_visits(tables: dict[str, Table]) -> None:
    """Contacts and referrals learn when the person first came, and when that visit was paid."""
    first = tables["patient"]["first_visit_day"]
    for name, column in (("contact", "became_day"), ("referral", "kept_day")):
        patient = tables[name]["patient"]
        tables[name][column] = np.where(patient == NONE, NONE, first[np.maximum(patient, 0)])
    referral = tables["referral"]
    paid = np.full(len(first), np.iinfo(np.int32).max)
    receipt = tables["receipt"]
    np.minimum.at(paid, receipt["patient"], receipt["day"])
    claim = tables["claim"]["patient"][tables["decision"]["claim"]]
    money = tables["decision"]["paid"] > 0
    np.minimum.at(paid, claim[money], tables["decision"]["day"][money])
    person = np.maximum(referral["patient"], 0)
    known = (referral["patient"] != NONE) & (paid[person] < np.iinfo(np.int32).max)
    referral["paid_day"] = np.where(known, np.maximum(paid[person], referral["kept_day"]), NONE).astype(
        np.int32
    )


def _remittances(closed: dict[str, Table]) -> Table:
    """One remittance a payer and day; the decisions learn their remittance."""
    decision = closed["decision"]
    payer = closed["claim"]["payer"][decision["claim"]].astype(np.int64)
    key = decision["day"].astype(np.int64) * 100 + payer
    keys, number = np.unique(key, return_inverse=True)
    decision["remittance"] = number.astype(np.int32)
    interest = np.bincount(number, weights=decision["interest"], minlength=len(keys)).astype(np.int64)
    paid = np.bincount(number, weights=decision["paid"], minlength=len(keys)).astype(np.int64)
    return {
        "remittance": np.arange(len(keys)).astype(np.int32),
        "payer": (keys % 100).astype(np.int32),
        "day": (keys // 100).astype(np.int32),
        "cents": paid + interest,
        "interest": interest,
    }
