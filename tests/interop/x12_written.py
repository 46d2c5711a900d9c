"""For tests of X12 writing: samples in cents, and a second reader that does nothing but split."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.interop.collecting import Collected
from tests.interop.x12_reading import read_text

from carewheel.interop.x12 import writing as x12
from carewheel.interop.x12.writing import Adjustment, PaidLine, ServiceLine

ENVELOPE = x12.Envelope("SENDER", "RECEIVER", 7, datetime(2025, 3, 1, 9, 5), "P")
PAYER = x12.Payer(
    "PAY1", "SOME PAYER", "CI", "1 PAYER ST", "ANYTOWN", "FL", "32714", "999999999", "8005550101"
)
PRACTICE = x12.Organisation(
    "INVENTED PRACTICE", "1234567893", "000000001", "1 MAIN ST", "ANYTOWN", "FL", "327147244", "207Q00000X", "8005550100"
)  # fmt: skip
OTHER = PRACTICE._replace(name="OTHER PRACTICE", npi="1679576722")
DOCTOR = x12.Clinician("INVENTED", "DOCTOR", "1679576722", "207Q00000X")
PERSON = x12.Insured("INVENTED", "PERSON", date(1971, 1, 2), "F", "M1", "2 MAIN ST", "ANYTOWN", "FL", "32714")
DAY = date(2025, 2, 27)
CLAIM = x12.OutgoingClaim(
    "A1", PAYER, PRACTICE, DOCTOR, PERSON,
    (ServiceLine("99213", 10050, 1, DAY, "1", ("25",), (1, 2)), ServiceLine("87880", 5000, 2, DAY, "2")),
    ("J020", "R509"),
)  # fmt: skip
DENTAL = CLAIM._replace(
    lines=(
        ServiceLine("D2392", 24000, 1, DAY, "1", (), (1,), "3", "MO"),
        ServiceLine("D0120", 5005, 1, DAY, ""),
        ServiceLine("D7140", 1, 1, DAY, "3", (), (1,), "AS"),
    ),
    diagnoses=(),
)
PAID = x12.PaidClaim(
    "A1", "1", 20050, 9050, 2000, "12", "ICN1", PERSON, "1679576722",
    (
        PaidLine("99213", 10050, 8050, 1, DAY, "1", ("25",), (Adjustment("PR", "2", 2000),)),
        PaidLine("87880", 5000, 0, 0, DAY, "2", (), (Adjustment("CO", "97", 5000),), ("N19", "MA130")),
        PaidLine("D0120", 5000, 1000, 1, DAY, "", (), (Adjustment("CO", "45", 4000),), (), True),
    ),
    (), 7, date(2025, 2, 28),
)  # fmt: skip
REMITTANCE = x12.Remittance(
    PAYER, PRACTICE, 9000, "ACH", date(2025, 3, 3), "EFT1", (PAID,),
    (x12.ProviderAdjustment("L6", "EFT1", -7), x12.ProviderAdjustment("WO", "", 57)),
)  # fmt: skip


def written(write: Callable[..., None], *things: Any) -> str:
    stream = io.StringIO()
    write(stream, ENVELOPE, things)
    return stream.getvalue()


def segments(text: str) -> list[list[str]]:
    """A second reader: nothing but splitting."""
    assert text.count("~") == text.count("~\n")
    return [line.split("*") for line in text.replace("\n", "").split("~")[:-1]]


def read_back(text: str) -> Collected:
    with tempfile.TemporaryDirectory() as folder:
        return read_text(Path(folder), text)


def records(read: Collected, name: str) -> list[Any]:
    return [record for record in read.records if type(record).__name__ == name]


def cents(text: str) -> int:
    value = Decimal(text) * 100
    assert value == int(value)
    return int(value)


def assert_balanced(text: str) -> None:
    """The three levels of 005010X221A1 §1.10.2, by splitting."""
    paid = due = claim = line = 0
    in_line = False
    for row in segments(text):
        if row[0] in ("SVC", "CLP", "PLB", "SE"):
            assert line == 0
            in_line = row[0] == "SVC"
        if row[0] in ("CLP", "PLB", "SE"):
            assert claim == 0
        if row[0] == "BPR":
            paid, due = cents(row[2]), 0
        elif row[0] == "CLP":
            claim = cents(row[3]) - cents(row[4])
            due += cents(row[4])
        elif row[0] == "SVC":
            line = cents(row[2]) - cents(row[3])
        elif row[0] == "CAS":
            adjusted = sum(cents(amount) for amount in row[3::3])
            claim -= adjusted
            line -= adjusted if in_line else 0
        elif row[0] == "PLB":
            due -= sum(cents(amount) for amount in row[4::2])
        elif row[0] == "SE":
            assert paid == due
