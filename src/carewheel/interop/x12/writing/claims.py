"""837 professional and dental claims, written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from carewheel.interop.writing import NotWritable
from carewheel.interop.x12.writing.outgoing import (
    Clinician,
    Envelope,
    Organisation,
    OutgoingClaim,
    Payer,
    ServiceLine,
)
from carewheel.interop.x12.writing.refusals import (
    Element,
    NotBalanced,
    Shape,
    check_cents,
    check_npi,
    day_of,
    text,
)
from carewheel.interop.x12.writing.segments import (
    ADDRESS,
    PROCEDURE,
    TAXONOMY,
    check_envelope,
    check_organisation,
    day,
    interchange,
    money,
    transaction_set,
    with_modifiers,
)

# The guides allow 5,000 claims between ST and SE.
MOST_CLAIMS = 5_000
MOST_LINES = 50
PROFESSIONAL, DENTAL = "005010X222A1", "005010X224A2"
_MOST_DIAGNOSES = {PROFESSIONAL: 12, DENTAL: 4}
_FILINGS = "11 12 13 14 15 16 17 AM BL CH CI DS FI HM LM MA MB MC OF TV VA WC ZZ"
_PAYER = Shape(
    text("payer_id", 80, 2),
    text("name", 60),
    Element("filing", _FILINGS.replace(" ", "|"), f"one of {_FILINGS}"),
)
_CLINICIAN = Shape(
    text("family", 60), text("given", 35, 0), Element("npi", r"\d{10}", "ten digits"), TAXONOMY
)
_DIAGNOSIS = Shape(
    Element("diagnosis", "[A-Z][0-9][A-Z0-9]{1,5}", "an ICD-10-CM code in capitals, without the point")
)
_CLAIM = Shape(
    # 38 would fit, but a payer need return only 20: a longer number could not be matched to its payment.
    text("claim_id", 20),
    text("insured family", 60),
    text("insured given", 35, 0),
    day_of("insured birth_date"),
    Element("insured sex", "[FMU]", "F, M or U"),
    text("insured member_id", 80, 2),
    *(element._replace(name=f"insured {element.name}") for element in ADDRESS),
    Element("place", r"\d{2}", "two digits"),
    Element("frequency", "[1678]", "1, 6, 7 or 8"),
    text("payer_claim_id", 50, 0),
)
_LINE = Shape(PROCEDURE, day_of("service_date"), text("control", 30, 0))
_TOOTH = Shape(
    # 1–32 and A–T, and the supernumerary beside each of them: 51–82 and AS–TS.
    Element("tooth", "[1-9]|[12][0-9]|3[0-2]|5[1-9]|[67][0-9]|8[0-2]|[A-T]S?", "1–32, 51–82, A–T or AS–TS"),
    Element("surfaces", r"(?!.*(.).*\1)[BDFILMO]{0,5}", "at most five different letters of BDFILMO"),
)


def write_837p(stream: TextIO, envelope: Envelope, claims: Iterable[OutgoingClaim]) -> None:
    """Write professional claims (005010X222A1) as one interchange, a segment a line.

    One 2000A for each billing organisation and one 2000B for each claim (the patient is the subscriber); CLM02 is the
    sum of the lines; at most 5,000 claims a set. The submitter (1000A) is the first claim's billing organisation.
    The text of all claims is held until all of them are found good. Raises `NotWritable` or `NotBalanced`.

    >>> import io
    >>> from datetime import date, datetime
    >>> from carewheel.interop.x12.writing.outgoing import Insured
    >>> practice = Organisation("INVENTED PRACTICE", "1234567893", "000000001", "1 MAIN ST", "ANYTOWN", "FL",
    ...                         "327147244", "207Q00000X", "8005550100")
    >>> claim = OutgoingClaim("A1", Payer("PAY1", "SOME PAYER", "CI"), practice,
    ...     Clinician("INVENTED", "DOCTOR", "1234567893", "207Q00000X"),
    ...     Insured("INVENTED", "PERSON", date(1971, 1, 1), "F", "M1", "2 MAIN ST", "ANYTOWN", "FL", "32714"),
    ...     (ServiceLine("99213", 10050, 1, date(2024, 2, 28), "1"),), ("J020",))
    >>> file = io.StringIO()
    >>> write_837p(file, Envelope("SENDER", "RECEIVER", 1, datetime(2024, 3, 1, 12)), [claim])
    >>> [line for line in file.getvalue().splitlines() if line[:3] in ("CLM", "SV1")]
    ['CLM*A1*100.50***11:B:1*Y*A*Y*Y~', 'SV1*HC:99213*100.50*UN*1***1~']
    """
    _write(stream, envelope, claims, PROFESSIONAL)


def write_837d(stream: TextIO, envelope: Envelope, claims: Iterable[OutgoingClaim]) -> None:
    """Write dental claims (005010X224A2): as `write_837p`, with SV3, and TOO where a line has a tooth.

    Diagnoses are optional; without them pointers are not written. The area of the oral cavity is left empty.

    >>> import io
    >>> from datetime import datetime
    >>> write_837d(io.StringIO(), Envelope("SENDER", "RECEIVER", 1, datetime(2024, 3, 1, 12)), [])
    Traceback (most recent call last):
    ...
    carewheel.interop.writing.NotWritable: There is nothing to write. Give at least one.
    """
    _write(stream, envelope, claims, DENTAL)


def _write(stream: TextIO, envelope: Envelope, claims: Iterable[OutgoingClaim], version: str) -> None:
    check_envelope(envelope)
    groups: dict[Organisation, list[tuple[int, OutgoingClaim]]] = {}
    seen: set[tuple[str, str]] = set()
    for number, claim in enumerate(claims, 1):
        key = (claim.billing.npi, claim.claim_id)
        if key in seen:
            raise NotWritable(
                "duplicate-claim",
                f"A claim number occurs twice (claim {number}).",
                "Give each claim its own number, and a correction in a later file.",
            )
        seen.add(key)
        groups.setdefault(claim.billing, []).append((number, claim))
    for billing, those in groups.items():
        check_organisation(f"claim {those[0][0]}: billing", billing)
    queue = [one for those in groups.values() for one in those]
    texts = _Texts(version)
    sets = [
        transaction_set(
            "837",
            number,
            version,
            _head(envelope, number, queue[0][1].billing) + texts.levels(queue[start : start + MOST_CLAIMS]),
        )
        for number, start in enumerate(range(0, len(queue), MOST_CLAIMS), 1)
    ]
    stream.writelines(interchange(envelope, "HC", version, sets))


def _head(envelope: Envelope, number: int, submitter: Organisation) -> str:
    at = envelope.written_at
    return (
        f"BHT*0019*00*{envelope.control:09d}-{number:04d}*{day(at.date())}*{at.hour:02d}{at.minute:02d}*CH~\n"
        f"NM1*41*2*{submitter.name}*****46*{envelope.sender}~\nPER*IC*{submitter.name}*TE*{submitter.phone}~\n"
        f"NM1*40*2*{envelope.receiver}*****46*{envelope.receiver}~\n"
    )


class _Texts:
    """The text of claims. What repeats (payers, clinicians, diagnoses) is checked and worded once."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.is_dental = version == DENTAL
        self.payers: dict[Payer, tuple[str, str]] = {}
        self.clinicians: dict[Clinician, str] = {}
        self.diagnoses: dict[tuple[str, ...], str] = {}

    def levels(self, claims: list[tuple[int, OutgoingClaim]]) -> str:
        """The levels (HL) of one set, numbered from 1; ``claims`` of one organisation stand together."""
        parts: list[str] = []
        billing: Organisation | None = None
        level = parent = 0
        for number, claim in claims:
            level += 1
            if claim.billing != billing:
                billing = claim.billing
                parts.append(_billing(level, billing))
                parent, level = level, level + 1
            parts.append(f"HL*{level}*{parent}*22*0~\n{self._claim(number, claim)}")
        return "".join(parts)

    def _claim(self, number: int, claim: OutgoingClaim) -> str:
        (
            claim_id,
            payer,
            billing,
            rendering,
            insured,
            lines,
            diagnoses,
            place,
            frequency,
            payer_claim_id,
        ) = claim
        family, given, birth_date, sex, member_id, address, city, state, zip_code = insured
        born = day(birth_date)
        _CLAIM.check(
            f"claim {number}",
            (
                claim_id,
                family,
                given,
                born,
                sex,
                member_id,
                address,
                city,
                state,
                zip_code,
                place,
                frequency,
                payer_claim_id,
            ),
        )
        if frequency in "78" and not payer_claim_id:
            raise NotWritable(
                "no-payer-reference",
                f"A replacement or void does not name the payer's claim (claim {number}: payer_claim_id).",
                "Give the number that the payer gave to the claim (CLP07 of its remittance).",
            )
        total = self._total(number, lines)
        filing, payer_text = self.payers.get(payer) or self._payer(number, payer)
        hi = self.diagnoses.get(diagnoses)
        if hi is None:
            hi = self._diagnoses(number, diagnoses)
        clinician = ""
        if rendering.npi != billing.npi:
            clinician = self.clinicians.get(rendering) or self._clinician(number, rendering)
        reference = f"REF*F8*{payer_claim_id}~\n" if payer_claim_id else ""
        most, line_text = len(diagnoses), self._dental if self.is_dental else self._professional
        services = "".join([line_text(number, at, line, most) for at, line in enumerate(lines, 1)])
        return (
            f"SBR*P*18*******{filing}~\nNM1*IL*1*{family}*{given}****MI*{member_id}~\n"
            f"N3*{address}~\nN4*{city}*{state}*{zip_code}~\nDMG*D8*{born}*{sex}~\n{payer_text}"
            f"CLM*{claim_id}*{money(total)}***{place}:B:{frequency}*Y*A*Y*Y~\n{reference}{hi}{clinician}{services}"
        )

    def _total(self, number: int, lines: tuple[ServiceLine, ...]) -> int:
        if not 1 <= len(lines) <= MOST_LINES:
            raise NotWritable(
                "number-of-lines",
                f"A claim has {len(lines)} lines (claim {number}).",
                f"A claim has 1 to {MOST_LINES} lines: split it, or do not send it.",
            )
        amounts = [line.amount for line in lines]
        total = sum(amounts)
        check_cents(f"claim {number}", (*amounts, total))
        if min(amounts) < 0:
            raise NotBalanced(
                "bad-amount",
                f"A line's amount is negative (claim {number}).",
                "A charge is taken back by a replacement or a void (frequency 7 or 8).",
            )
        return total

    def _payer(self, number: int, payer: Payer) -> tuple[str, str]:
        _PAYER.check(f"claim {number}: payer", payer[:3])
        known = payer.filing, f"NM1*PR*2*{payer.name}*****PI*{payer.payer_id}~\n"
        self.payers[payer] = known
        return known

    def _clinician(self, number: int, one: Clinician) -> str:
        _CLINICIAN.check(f"claim {number}: rendering", one)
        check_npi(f"claim {number}: rendering", one.npi)
        known = f"NM1*82*1*{one.family}*{one.given}****XX*{one.npi}~\nPRV*PE*PXC*{one.taxonomy}~\n"
        self.clinicians[one] = known
        return known

    def _diagnoses(self, number: int, codes: tuple[str, ...]) -> str:
        most = _MOST_DIAGNOSES[self.version]
        if len(codes) > most or not (codes or self.is_dental):
            raise NotWritable(
                "diagnoses",
                f"A claim has {len(codes)} diagnoses (claim {number}).",
                f"Give {'0' if self.is_dental else '1'} to {most}, the main one first.",
            )
        for code in codes:
            _DIAGNOSIS.check(f"claim {number}", (code,))
        known = "*".join(["HI", *(f"AB{'F' if at else 'K'}:{code}" for at, code in enumerate(codes))]) + "~\n"
        self.diagnoses[codes] = known if codes else ""
        return self.diagnoses[codes]

    def _professional(self, number: int, at: int, line: ServiceLine, diagnoses: int) -> str:
        procedure, served, pointed = self._line(number, at, line, diagnoses)
        if line.tooth or line.surfaces or not line.pointers:
            raise NotWritable(
                "bad-element",
                f"A professional line has a tooth or no diagnosis (claim {number}, line {at}).",
                "Write teeth as a dental claim, and point to a diagnosis.",
            )
        return (
            f"LX*{at}~\nSV1*HC:{procedure}*{money(line.amount)}*UN*{line.units}***{pointed}~\nDTP*472*D8*{served}~\n"
            + (f"REF*6R*{line.control}~\n" if line.control else "")
        )

    def _dental(self, number: int, at: int, line: ServiceLine, diagnoses: int) -> str:
        procedure, served, pointed = self._line(number, at, line, diagnoses)
        tooth, surfaces, control = line.tooth, line.surfaces, line.control
        teeth = ""
        if tooth or surfaces:
            _TOOTH.check(f"claim {number}, line {at}", (tooth, surfaces))
            teeth = f"TOO*JP*{tooth}{'*' if surfaces else ''}{':'.join(surfaces)}~\n"
        return (
            f"LX*{at}~\nSV3*AD:{procedure}*{money(line.amount)}****{line.units}"
            + (f"*****{pointed}~\n" if diagnoses and pointed else "~\n")
            + teeth
            + f"DTP*472*D8*{served}~\n"
            + (f"REF*6R*{control}~\n" if control else "")
        )

    def _line(self, number: int, at: int, line: ServiceLine, diagnoses: int) -> tuple[str, str, str]:
        """A line's procedure with its modifiers, its day and its pointers, checked."""
        code, _, units, service_date, control, modifiers, pointers, _, _ = line
        served = day(service_date)
        _LINE.check(f"claim {number}, line {at}", (code, served, control))
        if type(units) is not int or not 1 <= units <= 9_999:
            raise NotWritable(
                "bad-element",
                f"Units are not 1 to 9999 (claim {number}, line {at}).",
                "Give whole units.",
            )
        # A dental claim may have no diagnosis; its pointers then say nothing and are not written.
        has_diagnoses = diagnoses or not self.is_dental
        if has_diagnoses and (len(pointers) > 4 or any(not 1 <= one <= diagnoses for one in pointers)):
            raise NotWritable(
                "diagnosis-pointer",
                f"A line points to a diagnosis that the claim does not have, or to over four (claim {number}, line {at}).",
                "Point to at most four of the claim's diagnoses, counted from 1.",
            )
        procedure = with_modifiers(f"claim {number}, line {at}", code, modifiers)
        return procedure, served, ":".join(map(str, pointers))


def _billing(level: int, one: Organisation) -> str:
    return (
        f"HL*{level}**20*1~\nPRV*BI*PXC*{one.taxonomy}~\nNM1*85*2*{one.name}*****XX*{one.npi}~\nN3*{one.address}~\n"
        f"N4*{one.city}*{one.state}*{one.zip}~\nREF*EI*{one.tax_id}~\nPER*IC*{one.name}*TE*{one.phone}~\n"
    )
