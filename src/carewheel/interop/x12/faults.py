"""What is wrong with a transaction set, gathered: one finding for each kind, with its first position and its count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from carewheel.interop.files import Finding
from carewheel.interop.files.findings import Severity

# code -> (what, why, remedy). Words only; positions and codes are added where the fault is found.
TEXTS: dict[str, tuple[str, str, str]] = {
    "x12.no-interchange-header": ("The file begins without an ISA segment.", "Without it neither sender nor separators are known.", "Ask for the whole interchange, from ISA to IEA."),
    "x12.bad-interchange-header": ("The ISA segment does not have its fixed widths of 106 characters.", "Separators and control numbers cannot be trusted.", "Ask the sender for the file again; it may have been edited by hand."),
    "x12.text-before-interchange": ("Other text stands before the ISA segment.", "The file is not a plain interchange.", "Remove the text before ISA, or ask for the file again."),
    "x12.text-after-interchange": ("Other text stands after the interchange.", "It was not read.", "Remove it, or ask for the file again."),
    "x12.undecodable": ("A segment holds a character that cannot be read.", "A name or number in it may be wrong.", "Ask for the file as plain ASCII or UTF-8."),
    "x12.test-interchange": ("The sender marks the interchange as a test (ISA15=T).", "Its claims or payments may not be real.", "Take the file out if it was only a test."),
    "x12.truncated": ("The file ends, or another set begins, before the set's SE segment.", "The set is not complete: half of it would count as all.", "Transfer the file again."),
    "x12.missing-trailer": ("A GE or IEA segment is missing.", "The file may have been cut off after its last complete set.", "Compare it with the sender's, or transfer it again."),
    "x12.segment-count": ("SE01 does not say how many segments the set has.", "Segments may have been lost or added on the way.", "Ask the sender for the file again."),
    "x12.control-number": ("A control number at the end differs from the one at the beginning.", "Parts of different transmissions may be mixed.", "Ask the sender for the file again."),
    "x12.trailer-count": ("GE01 or IEA01 does not say how many sets or groups there are.", "A set or group may be missing.", "Compare with the sender's file."),
    "x12.duplicate-control": ("Two sets of one group carry the same control number.", "The same set may have been sent twice.", "Check that they are different sets."),
    "x12.misplaced-envelope": ("An envelope segment (ISA, GS, ST, SE, GE, IEA) stands where it cannot.", "The file has been cut or joined by hand.", "Ask the sender for the file again."),
    "x12.unsupported-version": ("The set is not of version 005010.", "Other versions place things elsewhere.", "Export it as 005010 (X221, X222, X223 or X224)."),
    "x12.unknown-segment": ("A segment's name is none of this guide.", "What it holds cannot be placed.", "Have the sender correct the set."),
    "x12.bad-code": ("A segment's code is none that the guide knows here.", "It cannot be told what the segment describes.", "Have the sender correct the code."),
    "x12.segment-order": ("A segment stands out of order, or the loop that it belongs to has not begun.", "It cannot be told what it belongs to.", "Have the sender correct the order."),
    "x12.too-many": ("A segment or loop occurs more often than the guide allows.", "It cannot be told which one counts.", "Have the sender correct the set."),
    "x12.missing-segment": ("A segment that the guide requires is missing.", "The claim or payment is not complete.", "Have the sender complete the set."),
    "x12.missing-loop": ("A loop that the guide requires is missing.", "The claim or payment is not complete.", "Have the sender complete the set."),
    "x12.missing-element": ("An element that the guide requires is missing.", "The claim or payment is not complete.", "Have the sender complete the set."),
    "x12.trailing-separators": ("A segment ends in empty elements.", "Some receivers refuse it.", "Have the sender correct its export."),
    "x12.bad-amount": ("An amount is not a number.", "A sum over it would be wrong.", "Have the sender correct it."),
    "x12.bad-date": ("A date is not one.", "What it dates cannot be placed in time.", "Have the sender correct it."),
    "x12.no-service-date": ("A claim or line has no date of service.", "It does not count in any month.", "Have the sender add the date."),
    "x12.future-date": ("A date of service lies in the future.", "It may be a typing error.", "Check the date in the practice system."),
    "x12.unbalanced": ("The remittance does not balance.", "Posting it would put wrong amounts on accounts.", "Hold it for a person, and ask the payer for a corrected 835."),
    "x12.delivered-twice": ("The file holds a remittance that another file (or the same) has brought before; it counts once.", "The same payment was delivered more than once.", "Nothing to do."),
    "x12.patient-share": ("The patient's share (CLP05) is not the sum of the PR adjustments.", "Patients may be billed a wrong amount.", "Compare with the explanation of benefits."),
    "x12.claim-total": ("A claim's total (CLM02) is not the sum of its lines.", "A payer will reject it.", "Correct the claim in the practice system."),
    "x12.duplicate-claim": ("The same claim number occurs twice in one set.", "The payer may deny it as a duplicate, or a number was used twice.", "Check the claim numbers in the practice system."),
    "x12.npi-check-digit": ("A provider's NPI has a wrong check digit.", "A payer will reject the claim.", "Correct the NPI in the practice system."),
    "x12.diagnosis-pointer": ("A line points to a diagnosis that the claim does not have.", "A payer will reject the line.", "Correct the claim in the practice system."),
    "x12.no-payer-reference": ("A correction or cancellation does not name the payer's claim number (REF*F8).", "The payer cannot tell which claim it replaces.", "Add the payer's claim number."),
}  # fmt: skip


# A file of random bytes has endless kinds of faults; the first few hundred tell enough.
MOST_KINDS = 200
# They say that something is wrong, not what: other findings of the same set name it better.
_VAGUE = frozenset({"x12.segment-count", "x12.control-number"})


class Faults:
    """Faults by severity; equal ones (code and place) are counted, not repeated. Holds at most `MOST_KINDS`."""

    def __init__(self) -> None:
        self._found: dict[tuple[Severity, str, str], list[int]] = {}

    def refuse(self, code: str, line: int, place: str = "") -> None:
        """Something for which the whole set is refused."""
        self._count("refused", code, line, place)

    def doubt(self, code: str, line: int, place: str = "") -> None:
        """Something doubtful; the set stays."""
        self._count("doubt", code, line, place)

    def _count(self, severity: Severity, code: str, line: int, place: str) -> None:
        known = self._found.get((severity, code, place))
        if known:
            known[1] += 1
        elif len(self._found) < MOST_KINDS:
            self._found[severity, code, place] = [line, 1]

    def drop(self, code: str) -> None:
        """Forget a fault that only follows from another."""
        self._found = {key: found for key, found in self._found.items() if key[1] != code}

    def add(self, other: Faults) -> None:
        """Take over what another has found (of one set into that of its file): counted, not repeated."""
        for key, (line, count) in other._found.items():
            known = self._found.get(key)
            if known:
                known[1] += count
            elif len(self._found) < MOST_KINDS:
                self._found[key] = [line, count]

    def take_worst(self) -> Finding | None:
        """Take out the finding for which the set is refused (the most telling one); None where nothing refuses it."""
        for severity, code, place in self._ordered():
            if severity != "refused":
                return None
            line, count = self._found.pop((severity, code, place))
            return finding(code, severity, line, place, count)
        return None

    def _ordered(self) -> list[tuple[Severity, str, str]]:
        return sorted(self._found, key=lambda key: (key[0] != "refused", key[1] in _VAGUE))

    def findings(self) -> Iterator[Finding]:
        """The findings, those that refuse first, and of these the most telling first; the line is the segment's number."""
        for key in self._ordered():
            severity, code, place = key
            line, count = self._found[key]
            yield finding(code, severity, line, place, count)


def finding(code: str, severity: Severity, line: int | None, place: str = "", count: int = 1) -> Finding:
    """One finding in the words of `TEXTS`; ``place`` is a segment, element or loop of the guide, never a value.

    >>> finding("x12.segment-count", "refused", 36, "SE01").what
    'SE01 does not say how many segments the set has. (SE01; segment 36)'
    """
    what, why, remedy = TEXTS[code]
    where = "; ".join(part for part in (place, f"segment {line}" if line else "") if part)
    made = Finding(code, severity, f"{what} ({where})" if where else what, "", line, why, remedy)
    return replace(made, count=count)
