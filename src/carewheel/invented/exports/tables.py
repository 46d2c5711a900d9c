"""What an invented place keeps in tables of its own (CSV in the shape of our templates): surveys, staff, costs, changes.

Ids carry the place in front, so that the tables of several places can be read together. Patients, visits and staff are
those of the practice system, named as it names them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from carewheel.interop.tabular.opendental.writing import amount
from carewheel.invented.book import (
    ACQUISITION_CHANNELS,
    COMPONENTS,
    END_KINDS,
    NONE,
    PULSE_QUESTIONS,
    PULSE_SCALES,
    QUESTIONS,
    REFERRER_KINDS,
    ROLES,
    SCALES,
    SITES,
    STOCK_KINDS,
    Book,
)
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.names import partner_id, patient_id, provider_id, visit_id
from carewheel.invented.exports.opendental import in_opendental

SPEND_KINDS = ("marketing", "sales")
RECOGNISED_FOR = ("patient care", "efficiency")
INVITED_BY = ("sms", "email")
Cells = Iterable[tuple[Any, ...]]

# One name for the lists of all places: they are kept for the group, and so they say that the places belong together.
LISTS = "invented-group"


def write_tables(book: Book, folder: Path, people_of: str) -> None:
    """Write ``folder/tables/*.csv`` and its ``carewheel.toml``; a table without rows is not written.

    ``people_of``: the source whose ids of people these are, as its own ``carewheel.toml`` names it.
    """
    target = folder / "tables"
    write_beside(target, book, source=LISTS, people_of=people_of)
    for name, (header, make) in TABLES.items():
        cells = list(make(book))
        if cells:
            with (target / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(header.split())
                writer.writerows(cells)


def _id(book: Book, letter: str, row: int) -> str:
    return f"{book.location.location_id}-{letter}{row + 1}"


def _patient(book: Book, row: int) -> str:
    return "" if row == NONE else patient_id(book, row)


def _locations(book: Book) -> Cells:
    place = book.location
    yield place.location_id, place.name, place.zone, "USD", place.kind


def _surveys(book: Book) -> Cells:
    invitations = list(rows(book["invitation"], "patient visit channel"))
    visits = list(rows(book["visit"], "provider kind"))
    for row, invitation, question, score, answered in rows(
        book["answer"], "answer invitation question score answered_at"
    ):
        patient, visit, channel = invitations[invitation]
        provider, kind = visits[visit]
        yield (
            _id(book, "a", row), answered, QUESTIONS[question], score, *SCALES[question], book.location.location_id,
            patient_id(book, patient), visit_id(book, visit), provider_id(book, provider), _id(book, "i", invitation),
            INVITED_BY[channel], book.location.visit_kinds[kind].name,
        )  # fmt: skip


def _invitations(book: Book) -> Cells:
    for row, patient, visit, sent, channel in rows(
        book["invitation"], "invitation patient visit sent_at channel"
    ):
        yield (
            _id(book, "i", row), sent, patient_id(book, patient), visit_id(book, visit), INVITED_BY[channel],
            book.location.location_id,
        )  # fmt: skip


def _reviews(book: Book) -> Cells:
    for row, site, rating, posted, replied in rows(book["review"], "review site rating posted_at replied_at"):
        yield _id(book, "o", row), posted, SITES[site], rating, replied, book.location.location_id


def _referrals(book: Book) -> Cells:
    """Those that the practice system does not hold: each referral stands in one place only."""
    elsewhere = in_opendental(book)
    columns = "referral referrer_kind referrer patient referred_day booked_day kept_day paid_day"
    for row, kind, referrer, patient, referred, booked, kept, paid in rows(book["referral"], columns):
        if not elsewhere[row]:
            word = REFERRER_KINDS[kind]
            who = _patient(book, referrer) if word == "patient" else partner_id(book, referrer)
            status = "came" if kept else "booked" if booked else "asked"
            yield (
                _id(book, "r", row), referred, "in", word, who, _patient(book, patient), status, booked, kept, paid,
                book.location.location_id,
            )  # fmt: skip


def _contacts(book: Book) -> Cells:
    for row, patient, channel, created, became in rows(
        book["contact"], "contact patient channel created_at became_day"
    ):
        yield (
            _id(book, "k", row), created, "patient" if became else "lead", ACQUISITION_CHANNELS[channel], _patient(book, patient),
            became, book.location.location_id,
        )  # fmt: skip


def _spend(book: Book) -> Cells:
    for row, channel, kind, first, last, cents in rows(
        book["spend"], "spend channel kind starts_day ends_day cents"
    ):
        yield (
            _id(book, "m", row), first, last, ACQUISITION_CHANNELS[channel], SPEND_KINDS[kind], amount(cents),
            book.location.location_id,
        )  # fmt: skip


def _expenses(book: Book) -> Cells:
    for row, category, day, cents in rows(book["expense"], "expense category day cents"):
        word = book.words.expense_categories[category]
        yield _id(book, "e", row), day, word, amount(cents), book.location.location_id


def _staff(book: Book) -> Cells:
    for row, role, started, ended, end_kind, fte in rows(
        book["staff"], "staff role started_day ended_day end_kind fte"
    ):
        yield (
            _id(book, "s", row), provider_id(book, row), ROLES[role], started, ended, END_KINDS[end_kind] if ended else "", fte,
            book.location.location_id,
        )  # fmt: skip


def _pulses(book: Book) -> Cells:
    for question, score, day in rows(book["pulse"], "question score day"):
        low, high = PULSE_SCALES[question]
        yield day, PULSE_QUESTIONS[question], score, low, high, "", book.location.location_id


def _training(book: Book) -> Cells:
    columns = "training staff course hours assigned_day completed_day cents"
    for row, staff, course, hours, assigned, completed, cents in rows(book["training"], columns):
        yield (
            _id(book, "t", row), provider_id(book, staff), book.words.courses[course], hours, assigned, completed, amount(cents),
            book.location.location_id,
        )  # fmt: skip


def _recognition(book: Book) -> Cells:
    for row, staff, kind, day in rows(book["recognition"], "recognition staff kind day"):
        yield (
            _id(book, "g", row),
            provider_id(book, staff),
            RECOGNISED_FOR[kind],
            day,
            book.location.location_id,
        )


def _stock(book: Book) -> Cells:
    columns = "stock_move item kind quantity on_hand par cents moved_at"
    for row, item, kind, quantity, on_hand, par, cents, moved in rows(book["stock_move"], columns):
        yield (
            _id(book, "x", row), moved, book.words.items[item], STOCK_KINDS[kind], quantity, on_hand, par,
            amount(cents) if cents else "", book.location.location_id,
        )  # fmt: skip


def _changes(book: Book) -> Cells:
    words = book.words
    for row, play, component, title, starts in rows(book["change"], "change play component title starts_day"):
        name = words.change_plays[play] if play != NONE else ""
        yield (
            _id(book, "c", row), starts, COMPONENTS[component], name, words.change_titles[title], book.location.location_id
        )  # fmt: skip


def _investments(book: Book) -> Cells:
    columns = "investment component category day cents"
    for row, component, category, day, cents in rows(book["investment"], columns):
        yield (
            _id(book, "n", row), day, COMPONENTS[component], book.words.investment_categories[category], amount(cents),
            book.location.location_id,
        )  # fmt: skip


# Name of the file → its header and what fills it.
TABLES: dict[str, tuple[str, Callable[[Book], Cells]]] = {
    "locations": ("location_id location_name zone currency kind", _locations),
    "surveys": (
        "response_id answered_at question score scale_min scale_max location_id patient_id appointment_id provider_id "
        "invitation_id channel visit_type",
        _surveys,
    ),
    "invitations": ("invitation_id sent_at patient_id appointment_id channel location_id", _invitations),
    "reviews": ("review_id posted_at site rating replied_at location_id", _reviews),
    "referrals": (
        "referral_id referred_date direction referrer_kind referrer_id patient_id status booked_date kept_date paid_date "
        "location_id",
        _referrals,
    ),
    "contacts": (
        "contact_id created_at stage channel patient_id became_patient_date location_id",
        _contacts,
    ),
    "spend": ("spend_id starts_date ends_date channel kind amount location_id", _spend),
    "expenses": ("expense_id expense_date category amount location_id", _expenses),
    "staff": ("spell_id staff_id role started_date ended_date end_kind fte location_id", _staff),
    "pulses": ("answered_date question score scale_min scale_max team location_id", _pulses),
    "training": (
        "training_id staff_id course hours assigned_date completed_date cost location_id",
        _training,
    ),
    "recognition": ("recognition_id staff_id kind given_date location_id", _recognition),
    "stock": ("move_id moved_at item_id kind quantity on_hand par_level amount location_id", _stock),
    "changes": ("change_id starts_date component play title location_id", _changes),
    "investments": ("investment_id invested_date component category amount location_id", _investments),
}
