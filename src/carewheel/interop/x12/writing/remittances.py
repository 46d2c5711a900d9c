"""835 remittances, written: balanced at three levels or refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from carewheel.interop.writing import NotWritable
from carewheel.interop.x12.writing.outgoing import (
    Adjustment,
    Envelope,
    PaidClaim,
    PaidLine,
    Remittance,
)
from carewheel.interop.x12.writing.refusals import (
    Element,
    NotBalanced,
    Shape,
    check_cents,
    check_npi,
    day_of,
    text,
    unbalanced,
)
from carewheel.interop.x12.writing.segments import (
    ADDRESS,
    NINE_DIGITS,
    PROCEDURE,
    check_envelope,
    check_organisation,
    day,
    interchange,
    money,
    transaction_set,
    with_modifiers,
)

VERSION = "005010X221A1"
# Loop 2110 may occur 999 times.
MOST_LINES = 999
_PREDETERMINATION, _REVERSAL = "25", "22"
_GROUPS = ("CO", "OA", "PI", "PR")
_METHODS = "ACH BOP CHK FWT NON"
_STATUSES = "1 2 3 4 19 20 21 22 23 25"
_FILINGS = "12 13 14 15 16 17 AM CH DS HM LM MA MB MC OF TV VA WC ZZ"


def _one_of(name: str, codes: str) -> Element:
    return Element(name, codes.replace(" ", "|"), f"one of {codes}")


_PAYMENT = Shape(
    _one_of("method", _METHODS),
    day_of("paid_date"),
    text("trace", 50),
    text("payer payer_id", 50),
    text("payer name", 60),
    *(element._replace(name=f"payer {element.name}") for element in (*ADDRESS, NINE_DIGITS)),
    Element("payer phone", r"(?:\d{10})?", "ten digits, or empty"),
)
_CLAIM = Shape(
    text("claim_id", 38),
    _one_of("status", _STATUSES),
    _one_of("filing", _FILINGS),
    text("payer_claim_id", 50),
    Element("facility", r"\d{2}", "two digits"),
    Element("frequency", "[1678]", "1, 6, 7 or 8"),
    text("insured family", 60),
    text("insured given", 35, 0),
    text("insured member_id", 80, 2),
    Element("received_date", r"(?:(?:19|20|21)\d{6})?", "a day from 1900 to 2199, or None"),
)
_LINE = Shape(PROCEDURE, day_of("service_date"), text("control", 50, 0))
_REASON = Shape(
    _one_of("adjustment group", " ".join(_GROUPS)),
    Element("adjustment reason", "[A-Z0-9]{1,5}", "one to five letters or digits"),
)
_REMARK = Shape(Element("remark", "[A-Z0-9]{1,30}", "letters and digits"))
_PROVIDER = Shape(
    Element("provider adjustment code", "[A-Z0-9]{2}", "two letters or digits"),
    text("provider adjustment reference", 50, 0),
)


def write_835(stream: TextIO, envelope: Envelope, remittances: Iterable[Remittance]) -> None:
    """Write remittances (005010X221A1) as one interchange, one set (ST to SE) for each, a segment a line.

    Balanced before anything is written: each line's and claim's charge less its adjustments is its payment, the
    claim's charge is the sum of its lines', its patient share the sum of its PR adjustments (not in a reversal or a
    predetermination), and the remittance's amount the claims' payments less the provider adjustments.
    AMT*B6 (allowed) is payment and PR adjustments; bank accounts (BPR06–BPR15) are not written.
    Raises `NotWritable` or `NotBalanced`. Source: the rules of 005010X221A1, section 1.10.2.

    >>> import io
    >>> from datetime import date, datetime
    >>> from carewheel.interop.x12.writing.outgoing import Insured, Organisation, Payer
    >>> payer = Payer("PAY1", "SOME PAYER", "CI", "1 PAYER ST", "ANYTOWN", "FL", "32714", "999999999")
    >>> practice = Organisation("INVENTED PRACTICE", "1234567893", "000000001", "1 MAIN ST", "ANYTOWN", "FL",
    ...                         "327147244", "207Q00000X", "8005550100")
    >>> person = Insured("INVENTED", "PERSON", date(1971, 1, 1), "F", "M1", "2 MAIN ST", "ANYTOWN", "FL", "32714")
    >>> line = PaidLine("99213", 10000, 8000, 1, date(2024, 2, 28), "1", (), (Adjustment("PR", "2", 2000),))
    >>> claim = PaidClaim("A1", "1", 10000, 8000, 2000, "12", "ICN1", person, "", (line,))
    >>> file = io.StringIO()
    >>> envelope = Envelope("SENDER", "RECEIVER", 1, datetime(2024, 3, 1, 12))
    >>> write_835(file, envelope, [Remittance(payer, practice, 8000, "CHK", date(2024, 3, 1), "77", (claim,))])
    >>> [row for row in file.getvalue().splitlines() if row[:3] in ("BPR", "CLP", "CAS")]
    ['BPR*I*80*C*CHK************20240301~', 'CLP*A1*1*100*80*20*12*ICN1*11*1~', 'CAS*PR*2*20~']
    >>> write_835(file, envelope, [Remittance(payer, practice, 7999, "CHK", date(2024, 3, 1), "77", (claim,))])
    Traceback (most recent call last):
    ...
    carewheel.interop.x12.writing.refusals.NotBalanced: The amounts do not balance: the payment is the claims' payments less provider adjustments (remittance 1). Correct the amounts where they come from.
    """
    check_envelope(envelope)
    sets: list[str] = []
    seen: set[tuple[str, str]] = set()
    for number, remittance in enumerate(remittances, 1):
        key = (remittance.payer.payer_id, remittance.trace)
        if key in seen:
            raise NotWritable(
                "duplicate-trace",
                f"A payment's trace number occurs twice (remittance {number}).",
                "Give each payment of a payer its own number, or it is posted only once.",
            )
        seen.add(key)
        sets.append(transaction_set("835", number, "", _remittance(number, remittance, envelope)))
    stream.writelines(interchange(envelope, "HP", VERSION, sets))


def _remittance(number: int, one: Remittance, envelope: Envelope) -> str:
    where = f"remittance {number}"
    payer, payee = one.payer, one.payee
    paid = day(one.paid_date)
    address = (payer.address, payer.city, payer.state, payer.zip, payer.tax_id, payer.phone)
    _PAYMENT.check(where, (one.method, paid, one.trace, payer.payer_id, payer.name, *address))
    check_organisation(f"{where}: payee", payee)
    claims = "".join(
        [_claim(f"{where}, claim {at}", claim, payee.npi) for at, claim in enumerate(one.claims, 1)]
    )
    withheld = sum(adjustment.amount for adjustment in one.provider_adjustments)
    check_cents(where, (one.amount, *(adjustment.amount for adjustment in one.provider_adjustments)))
    if one.amount != sum(claim.paid for claim in one.claims) - withheld:
        raise unbalanced(where, "the payment is the claims' payments less provider adjustments")
    if one.amount < 0:
        raise NotBalanced(
            "negative-payment",
            f"A payment is negative ({where}).",
            "Carry what is owed into the next payment by a provider adjustment FB.",
        )
    # H: for information, no money moves.
    handling, form = "H" if one.method == "NON" else "I", "CCP" if one.method == "ACH" else ""
    phone = f"*TE*{payer.phone}" if payer.phone else ""
    return (
        f"BPR*{handling}*{money(one.amount)}*C*{one.method}*{form}***********{paid}~\n"
        f"TRN*1*{one.trace}*1{payer.tax_id}~\nREF*EV*{envelope.receiver}~\nDTM*405*{day(envelope.written_at.date())}~\n"
        f"N1*PR*{payer.name}~\nN3*{payer.address}~\nN4*{payer.city}*{payer.state}*{payer.zip}~\n"
        f"REF*2U*{payer.payer_id}~\nPER*BL*{payer.name}{phone}~\n"
        f"N1*PE*{payee.name}*XX*{payee.npi}~\nN3*{payee.address}~\nN4*{payee.city}*{payee.state}*{payee.zip}~\n"
        f"REF*TJ*{payee.tax_id}~\n"
        + (f"LX*1~\n{claims}" if claims else "")
        + _provider_adjustments(where, one)
    )


def _claim(where: str, one: PaidClaim, payee_npi: str) -> str:
    insured = one.insured
    received = day(one.received_date) if one.received_date else ""
    _CLAIM.check(
        where,
        (
            one.claim_id,
            one.status,
            one.filing,
            one.payer_claim_id,
            one.facility,
            one.frequency,
            insured.family,
            insured.given,
            insured.member_id,
            received,
        ),
    )
    if not 1 <= len(one.lines) <= MOST_LINES:
        raise NotWritable(
            "number-of-lines",
            f"A claim has {len(one.lines)} lines ({where}).",
            f"A paid claim has 1 to {MOST_LINES} lines.",
        )
    lines = "".join([_line(f"{where}, line {at}", line) for at, line in enumerate(one.lines, 1)])
    _balance(where, one)
    rendering = ""
    if one.rendering_npi and one.rendering_npi != payee_npi:
        check_npi(f"{where}: rendering_npi", one.rendering_npi)
        rendering = f"NM1*82*1******XX*{one.rendering_npi}~\n"
    return (
        # CLP05 is written even when it is 0, so that nothing owed and nothing said stay apart.
        f"CLP*{one.claim_id}*{one.status}*{money(one.charge)}*{money(one.paid)}*{money(one.patient_share)}*{one.filing}"
        f"*{one.payer_claim_id}*{one.facility}*{one.frequency}~\n{_adjustments(where, one.adjustments)}"
        f"NM1*QC*1*{insured.family}*{insured.given}****MI*{insured.member_id}~\n{rendering}"
        + (f"DTM*050*{received}~\n" if received else "")
        + (f"AMT*I*{money(one.interest)}~\n" if one.interest else "")
        + lines
    )


def _balance(where: str, one: PaidClaim) -> None:
    """The claim against its lines, whose own balance has been checked."""
    check_cents(where, (one.charge, one.paid, one.patient_share, one.interest))
    everything = [*one.adjustments, *(adjustment for line in one.lines for adjustment in line.adjustments)]
    if one.charge - sum(adjustment.amount for adjustment in everything) != one.paid:
        raise unbalanced(where, "the claim's charge less its and its lines' adjustments is its payment")
    if one.charge != sum(line.charge for line in one.lines):
        raise unbalanced(where, "the claim's charge is the sum of its lines'")
    if one.status == _PREDETERMINATION:
        if one.paid:
            raise unbalanced(where, "a predetermination pays nothing")
    elif one.status != _REVERSAL:
        share = sum(adjustment.amount for adjustment in everything if adjustment.group == "PR")
        if one.patient_share != share:
            raise unbalanced(where, "the patient's share is the sum of the PR adjustments")


def _line(where: str, one: PaidLine) -> str:
    code, charge, paid, units, service_date, control, modifiers, adjustments, remarks, dental = one
    served = day(service_date)
    _LINE.check(where, (code, served, control))
    procedure = with_modifiers(where, code, modifiers)
    check_cents(where, (charge, paid))
    if type(units) is not int or abs(units) > 9_999:
        raise NotWritable("bad-element", f"Units are not whole, or over 9999 ({where}).", "Give whole units.")
    if charge - sum(adjustment.amount for adjustment in adjustments) != paid:
        raise unbalanced(where, "the line's charge less its adjustments is its payment")
    allowed = paid + sum(adjustment.amount for adjustment in adjustments if adjustment.group == "PR")
    for remark in remarks:
        _REMARK.check(where, (remark,))
    return (
        f"SVC*{'AD' if dental else 'HC'}:{procedure}*{money(charge)}*{money(paid)}**{units}~\n"
        f"DTM*472*{served}~\n{_adjustments(where, adjustments)}"
        + (f"REF*6R*{control}~\n" if control else "")
        + (f"AMT*B6*{money(allowed)}~\n" if allowed else "")
        + "".join([f"LQ*HE*{remark}~\n" for remark in remarks])
    )


def _adjustments(where: str, adjustments: tuple[Adjustment, ...]) -> str:
    """CAS: the adjustments of one group together, in their order, at most six a segment."""
    if not adjustments:
        return ""
    for group, reason, _ in adjustments:
        _REASON.check(where, (group, reason))
    check_cents(where, [adjustment.amount for adjustment in adjustments])
    parts = []
    for group in dict.fromkeys(adjustment.group for adjustment in adjustments):
        triples = [f"{one.reason}*{money(one.amount)}" for one in adjustments if one.group == group]
        parts += [f"CAS*{group}*{'**'.join(triples[at : at + 6])}~\n" for at in range(0, len(triples), 6)]
    return "".join(parts)


def _provider_adjustments(where: str, one: Remittance) -> str:
    """PLB: at most six adjustments a segment; the fiscal year ends on 31 December, as the guide has it if not known."""
    pairs = []
    for code, reference, amount in one.provider_adjustments:
        _PROVIDER.check(where, (code, reference))
        pairs.append(f"{code}{':' + reference if reference else ''}*{money(amount)}")
    head = f"PLB*{one.payee.npi}*{one.paid_date.year:04d}1231"
    return "".join([f"{head}*{'*'.join(pairs[at : at + 6])}~\n" for at in range(0, len(pairs), 6)])
