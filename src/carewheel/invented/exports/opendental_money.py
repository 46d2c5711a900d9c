"""The money of an invented dental place as Open Dental holds it: procedures, claims, what insurers and patients paid.

One claimproc a line until the payer decides; its first decision fills it in (received), each later one is a row of its
own (supplemental, negative if money was taken back). So the account alone carries every cent that was paid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from carewheel.interop.tabular.opendental.writing import OpenDentalWriter
from carewheel.invented.book import NONE, Book, Column
from carewheel.invented.exports.beside import rows
from carewheel.invented.exports.names import claim_id

Ints = npt.NDArray[np.int64]
WRITE_OFF, DISCOUNT, OFFSET, FIRST_METHOD = 1, 2, 3, 11
# Numbers of the practice's own words. The reader tells what an adjustment is by these names. An "interest" would be read
# as charged to the patient, so the offset of what payers add is not called that.
DEFINITIONS: dict[int, tuple[str, str]] = {
    WRITE_OFF: ("adjustment type", "Bad Debt Write-off"),
    DISCOUNT: ("adjustment type", "Courtesy Discount"),
    OFFSET: ("adjustment type", "Payer Penalty Offset"),
    FIRST_METHOD: ("payment type", "Card"),
    FIRST_METHOD + 1: ("payment type", "Cash"),
    FIRST_METHOD + 2: ("payment type", "Check"),
    21: ("recall status", "Reminded"),
    31: ("confirmed", "Unconfirmed"),
}
CONTRACT, DEDUCTIBLE, COINSURANCE = "45", "1", "2"  # adjustment reason codes


def write_money(writer: OpenDentalWriter, book: Book, clinic: int, *, interest: bool) -> None:
    """Write all tables of money. ``interest``: post what payers added as money too, with an offset, so that balances stay."""
    numbers = procedure_numbers(book)
    _procedures(writer, book, clinic, numbers)
    _claims(writer, book, clinic)
    _decisions(writer, book, clinic, numbers)
    _checks(writer, book, clinic, interest)
    _patients_money(writer, book, clinic)
    _write_offs(writer, book, clinic, numbers)
    if interest:
        _interest(writer, book, clinic)


def procedure_numbers(book: Book) -> Ints:
    """ProcNum of each line: what was proposed keeps its number when it is done."""
    numbers = 2 * np.arange(len(book["line"]["line"]), dtype=np.int64) + 1
    done = book["proposal"]["done_line"]
    here = np.flatnonzero(done != NONE)
    numbers[done[here]] = 2 * here + 2
    return numbers


def _procedures(writer: OpenDentalWriter, book: Book, clinic: int, numbers: Ints) -> None:
    visits = list(rows(book["visit"], "patient provider starts"))
    planned = {line: day for line, day in rows(book["proposal"], "done_line day") if line != NONE}
    for row, visit, code, cents, units, tooth in rows(book["line"], "line visit code cents units tooth"):
        patient, provider, starts = visits[visit]
        fee, rest = divmod(cents, units)
        if rest:
            raise ValueError("The amount of a line is no multiple of its units.")
        writer.procedure(
            int(numbers[row]), patient=patient + 1, code=code + 1, status="completed", day=starts.date(), fee=fee, units=units,
            provider=provider + 1, clinic=clinic, appointment=visit + 1, tooth=max(tooth, 0), planned_date=planned.get(row),
        )  # fmt: skip
    for row, visit, code, cents, tooth, day, done in rows(
        book["proposal"], "proposal visit code cents tooth day done_line"
    ):
        if done == NONE:
            patient, provider, _ = visits[visit]
            writer.procedure(
                2 * row + 2, patient=patient + 1, code=code + 1, status="planned", day=day, fee=cents, provider=provider + 1,
                clinic=clinic, tooth=max(tooth, 0), planned_date=day,
            )  # fmt: skip


def _claims(writer: OpenDentalWriter, book: Book, clinic: int) -> None:
    claims = len(book["claim"]["claim"])
    decided, decision = book["decision_line"], book["decision"]
    of_claim = decision["claim"][decided["decision"]]
    paid, deductible, contractual = (
        _sums(of_claim, decided[name], claims).tolist() for name in ("paid", "deductible", "contractual")
    )
    again = dict(rows(book["resubmission"], "claim day"))
    visits = list(rows(book["visit"], "starts"))
    columns = "claim visit patient payer provider submitted_day cents closed_day"
    for row, visit, patient, payer, provider, submitted, cents, closed in rows(book["claim"], columns):
        served = visits[visit][0].date()
        writer.claim(
            row + 1, claim_id=claim_id(book, row), patient=patient + 1, plan=payer + 1,
            status="adjudicated" if closed else "submitted" if submitted else "created", service_date=served, fee=cents,
            provider=provider + 1, clinic=clinic, subscription=patient + 1, created_date=served, sent_date=submitted,
            resent_date=again.get(row), received_date=closed, paid=paid[row], deductible=deductible[row], write_off=contractual[row],
        )  # fmt: skip


def _decisions(writer: OpenDentalWriter, book: Book, clinic: int, numbers: Ints) -> None:
    """What payers decided for each line, and the lines that they have not decided on yet."""
    claims = list(rows(book["claim"], "patient payer provider"))
    visits = list(rows(book["visit"], "starts"))
    lines = list(rows(book["line"], "visit code cents claim"))
    decisions = list(rows(book["decision"], "day remittance"))
    reasons = [reason for _, reason in book.words.denial_reasons]
    received: set[int] = set()
    columns = "decision_line decision line paid contractual deductible coinsurance reason"
    undecided = np.setdiff1d(np.flatnonzero(book["line"]["claim"] != NONE), book["decision_line"]["line"])

    def put(number: int, line: int, status: str, **decided: Any) -> None:
        visit, code, cents, claim = lines[line]
        patient, payer, provider = claims[claim]
        writer.claim_procedure(
            number, procedure=int(numbers[line]), claim=claim + 1, patient=patient + 1, status=status, provider=provider + 1,
            clinic=clinic, plan=payer + 1, fee=cents, subscription=patient + 1, code=book.location.codes[code].code,
            service_date=visits[visit][0].date(), **decided,
        )  # fmt: skip

    for row, decision, line, paid, contractual, deductible, coinsurance, reason in rows(
        book["decision_line"], columns
    ):
        first = line not in received
        received.add(line)
        day, remittance = decisions[decision]
        why = (
            [CONTRACT] * bool(contractual)
            + [DEDUCTIBLE] * bool(deductible)
            + [COINSURANCE] * bool(coinsurance)
        )
        why += [reasons[reason]] * (reason != NONE)
        put(
            3 * line + 1 if first else 3 * row + 2, line, "received" if first else "supplemental", posted_date=day, paid=paid,
            write_off=contractual, deductible=deductible, reasons=",".join(why), check=remittance + 1,
        )  # fmt: skip
    for line in undecided.tolist():
        put(3 * line + 1, line, "expected")


def _checks(writer: OpenDentalWriter, book: Book, clinic: int, interest: bool) -> None:
    for row, payer, day, cents, added in rows(book["remittance"], "remittance payer day cents interest"):
        writer.claim_payment(
            row + 1, paid_date=day, cents=cents if interest else cents - added, clinic=clinic,
            payer_name=book.words.payers[payer].name,
        )  # fmt: skip


def _patients_money(writer: OpenDentalWriter, book: Book, clinic: int) -> None:
    visits = list(rows(book["visit"], "provider starts"))
    household = book["patient"]["household"].tolist()
    for row, patient, visit, day, cents, method in rows(
        book["receipt"], "receipt patient visit day cents method"
    ):
        provider, starts = visits[visit]
        writer.payment(
            row + 1, patient=household[patient] + 1, kind=FIRST_METHOD + method, paid_date=day, cents=cents, clinic=clinic
        )  # fmt: skip
        writer.paysplit(
            row + 1, patient=patient + 1, payment=row + 1, cents=cents, paid_date=day, provider=provider + 1, clinic=clinic,
            service_date=starts.date(),
        )  # fmt: skip


def _write_offs(writer: OpenDentalWriter, book: Book, clinic: int, numbers: Ints) -> None:
    visits = list(rows(book["visit"], "provider starts"))
    line_claim = book["line"]["claim"]
    insured = np.flatnonzero(line_claim != NONE)
    first_line = dict(zip(line_claim[insured][::-1].tolist(), insured[::-1].tolist(), strict=True))
    for row, patient, visit, claim, day, cents, kind in rows(
        book["write_off"], "write_off patient visit claim day cents kind"
    ):
        provider, starts = visits[visit]
        # By its procedure the reader knows the claim.
        procedure = int(numbers[first_line[claim]]) if claim != NONE else 0
        writer.adjustment(
            2 * row + 1, patient=patient + 1, kind=DISCOUNT if kind else WRITE_OFF, day=day, cents=-cents, provider=provider + 1,
            clinic=clinic, procedure=procedure, service_date=starts.date(),
        )  # fmt: skip


def _interest(writer: OpenDentalWriter, book: Book, clinic: int) -> None:
    """A payment on the claim as a whole, and the same amount put back, because nobody owed it."""
    claims = list(rows(book["claim"], "visit patient payer provider"))
    visits = list(rows(book["visit"], "starts"))
    for row, claim, remittance, day, cents in rows(
        book["decision"], "decision claim remittance day interest"
    ):
        if cents:
            visit, patient, payer, provider = claims[claim]
            served = visits[visit][0].date()
            writer.claim_procedure(
                3 * row + 3, procedure=0, claim=claim + 1, patient=patient + 1, status="supplemental", provider=provider + 1,
                clinic=clinic, plan=payer + 1, fee=0, subscription=patient + 1, service_date=served, posted_date=day, paid=cents,
                check=remittance + 1,
            )  # fmt: skip
            writer.adjustment(
                2 * row + 2, patient=patient + 1, kind=OFFSET, day=day, cents=cents, provider=provider + 1, clinic=clinic,
                service_date=served,
            )  # fmt: skip


def _sums(who: Column, cents: Column, size: int) -> Ints:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, np.asarray(who, dtype=np.int64), np.asarray(cents, dtype=np.int64))
    return total
