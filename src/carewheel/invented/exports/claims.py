"""The claims of an invented place and what payers answered: X12 837 and 835, as a clearing house would keep them.

One file a month; in it one interchange a day on which there was something, since a claim is dated by its interchange.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path
from typing import TextIO

from carewheel.interop.x12.writing import (
    Adjustment,
    Envelope,
    OutgoingClaim,
    PaidClaim,
    PaidLine,
    ProviderAdjustment,
    Remittance,
    ServiceLine,
    write_835,
    write_837d,
    write_837p,
)
from carewheel.invented.book import DECISION_KINDS, NONE, Book
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.names import claim_id
from carewheel.invented.exports.parties import clinicians_of, diagnoses_of, insured_of, payers_of, practice_of

# CLP02 by DECISION_KINDS. A correction is an ordinary payment after the reversal.
STATUS = {"paid": "1", "denied": "4", "reversal": "22", "corrected": "1"}
# CLP06, which knows no CI: 12 is a preferred provider organisation.
FILING = {"CI": "12"}
CONTRACT, DEDUCTIBLE, COINSURANCE = ("CO", "45"), ("PR", "1"), ("PR", "2")
HOUSE = "CLEARHOUSE"
WRITTEN = time(18)

Days = dict[date, list[OutgoingClaim]] | dict[date, list[Remittance]]


def write_claims(book: Book, folder: Path) -> None:
    """Write ``folder/claims/837p-YYYY-MM.edi`` (dental: ``837d-…``) and ``835-YYYY-MM.edi``, and a ``carewheel.toml``.

    A claim that was sent again is there twice: as the original (frequency 1), and with frequency 7 and the payer's number
    on the day of the second submission. Each decision of a payer is one CLP; a reversal mirrors the payment before it.
    Interest is a provider adjustment (PLB L6) of the whole remittance; which claim it is for stands beside (AMT*I).
    Files name no place: the ``carewheel.toml`` does.
    """
    target, place = folder / "claims", book.location
    write_beside(target, book, source=f"clearinghouse-{place.location_id}", locations={"": place.location_id})
    ours = place.location_id.upper()
    if place.kind == "dental":
        _write(target, "837d", write_837d, (ours, HOUSE), submissions(book))
    else:
        _write(target, "837p", write_837p, (ours, HOUSE), submissions(book))
    _write(target, "835", write_835, (HOUSE, ours), remittances(book))


def _write(
    target: Path,
    name: str,
    write: Callable[[TextIO, Envelope, Iterable[OutgoingClaim]], None]
    | Callable[[TextIO, Envelope, Iterable[Remittance]], None],
    ends: tuple[str, str],
    days: Days,
) -> None:
    control = 0
    for month, those in groupby(sorted(days), key=lambda day: f"{day:%Y-%m}"):
        with (target / f"{name}-{month}.edi").open("w", encoding="ascii", newline="") as stream:
            for day in those:
                control += 1
                at = datetime.combine(day, WRITTEN)
                write(stream, Envelope(*ends, control, at, "P"), days[day])  # type: ignore[arg-type]


def payer_claim_id(book: Book, claim: int) -> str:
    """The number that the payer gives to a claim (CLP07, and REF*F8 of a claim sent again)."""
    return f"PC{book.location.number:04}{claim + 1:07}"


def submissions(book: Book) -> dict[date, list[OutgoingClaim]]:
    """What was sent on each day."""
    practice, clinicians, people, payers = (
        practice_of(book),
        clinicians_of(book),
        insured_of(book),
        payers_of(book),
    )
    is_medical = book.location.kind != "dental"
    lines = _service_lines(book)
    days: dict[date, list[OutgoingClaim]] = defaultdict(list)
    claims: list[OutgoingClaim] = []
    for row, patient, payer, provider, submitted in rows(
        book["claim"], "claim patient payer provider submitted_day"
    ):
        claim = OutgoingClaim(
            claim_id(book, row), payers[payer], practice, clinicians[provider], people[patient], tuple(lines[row]),
            diagnoses_of(patient) if is_medical else (),
        )  # fmt: skip
        claims.append(claim)
        days[submitted].append(claim)
    for row, day in rows(book["resubmission"], "claim day"):
        days[day].append(claims[row]._replace(frequency="7", payer_claim_id=payer_claim_id(book, row)))
    return days


def _service_lines(book: Book) -> dict[int, list[ServiceLine]]:
    served = [starts.date() for (starts,) in rows(book["visit"], "starts")]
    codes = [one.code for one in book.location.codes]
    dental = book.location.kind == "dental"
    lines: dict[int, list[ServiceLine]] = defaultdict(list)
    for row, visit, code, cents, units, tooth, claim in rows(
        book["line"], "line visit code cents units tooth claim"
    ):
        if claim != NONE:
            lines[claim].append(
                ServiceLine(
                    codes[code], cents, units, served[visit], str(row + 1), tooth=str(tooth) if dental and tooth > 0 else ""
                )
            )  # fmt: skip
    return lines


def remittances(book: Book) -> dict[date, list[Remittance]]:
    """What payers paid on each day, with every decision."""
    practice, payers = practice_of(book), payers_of(book)
    decided = _paid_claims(book)
    days: dict[date, list[Remittance]] = defaultdict(list)
    for row, payer, day, cents, interest in rows(book["remittance"], "remittance payer day cents interest"):
        trace = f"EFT{book.location.number:04}{row + 1:07}"
        days[day].append(
            Remittance(
                payers[payer], practice, cents, "ACH" if cents else "NON", day, trace, tuple(decided[row]),
                (ProviderAdjustment("L6", trace, -interest),) if interest else (),
            )
        )  # fmt: skip
    return days


def _paid_claims(book: Book) -> dict[int, list[PaidClaim]]:
    """The decisions of each remittance, in their order."""
    people, clinicians = insured_of(book), clinicians_of(book)
    lines = _paid_lines(book)
    filings = [FILING.get(one.filing, one.filing) for one in book.words.payers]
    claims = list(rows(book["claim"], "patient payer provider submitted_day"))
    again: dict[int, date] = dict(rows(book["resubmission"], "claim day"))
    decided: dict[int, list[PaidClaim]] = defaultdict(list)
    for row, claim, remittance, day, kind, paid, interest in rows(
        book["decision"], "decision claim remittance day kind paid interest"
    ):
        patient, payer, provider, submitted = claims[claim]
        word, those = DECISION_KINDS[kind], tuple(lines[row])
        is_second = claim in again and again[claim] <= day
        # A reversal states no share of the patient: the guide has it only where it is above zero.
        share = 0 if word == "reversal" else _share(those)
        decided[remittance].append(
            PaidClaim(
                claim_id(book, claim), STATUS[word], sum(line.charge for line in those), paid, share, filings[payer],
                payer_claim_id(book, claim), people[patient], clinicians[provider].npi, those, (), interest,
                again[claim] if is_second else submitted, frequency="7" if is_second else "1",
            )
        )  # fmt: skip
    return decided


def _paid_lines(book: Book) -> dict[int, list[PaidLine]]:
    served = [starts.date() for (starts,) in rows(book["visit"], "starts")]
    codes = [one.code for one in book.location.codes]
    charged = list(rows(book["line"], "visit code units"))
    dental = book.location.kind == "dental"
    reasons = book.words.denial_reasons
    lines: dict[int, list[PaidLine]] = defaultdict(list)
    for decision, line, charge, paid, contractual, deductible, coinsurance, denied, reason in rows(
        book["decision_line"], "decision line charge paid contractual deductible coinsurance denied reason"
    ):
        visit, code, units = charged[line]
        parts = (
            (CONTRACT, contractual), (DEDUCTIBLE, deductible), (COINSURANCE, coinsurance),
            (reasons[reason], denied),
        )  # fmt: skip
        lines[decision].append(
            PaidLine(
                codes[code], charge, paid, units, served[visit], str(line + 1), (),
                tuple([Adjustment(why[0], why[1], cents) for why, cents in parts if cents]), (), dental,
            )
        )  # fmt: skip
    return lines


def _share(lines: Sequence[PaidLine]) -> int:
    return sum(one.amount for line in lines for one in line.adjustments if one.group == "PR")
