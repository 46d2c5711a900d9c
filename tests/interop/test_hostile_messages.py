"""X12 and HL7 v2 files with random damage: a finding or a refusal, never a crash, and every row reported once."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.collecting import CollectingSink

from carewheel.interop import hl7v2, x12
from carewheel.interop.files import Reader, ReadSettings, SourceFile

EXCERPTS = Path(__file__).parent / "excerpts"
SETTINGS = ReadSettings(today=date(2026, 1, 31))
MARKS = b"*~:^|\r\n\x00\x0b\x1cA0-.\xff&\\"


def damaged(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(data) or 1), chance.randint(1, 60)
        kind = chance.randrange(4)
        if kind == 0 and data:
            data[at] = chance.choice(MARKS)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        else:
            data[at:at] = bytes(chance.choice(MARKS) for _ in range(length))
    return bytes(data) or b"x"


@pytest.mark.parametrize(("reader", "folder"), [(x12, "x12"), (hl7v2, "hl7v2")])
def test_damage_never_crashes_a_reader(tmp_path: Path, reader: Reader, folder: str) -> None:
    chance = random.Random(20240301)
    samples = [path.read_bytes() for path in sorted((EXCERPTS / folder).iterdir()) if path.suffix != ".md"]
    path = tmp_path / "damaged"
    for _ in range(400):
        path.write_bytes(damaged(chance.choice(samples), chance))
        file, sink = SourceFile(path, "damaged"), CollectingSink()
        part = reader.recognise(file.sample(), SETTINGS)
        reader.source_name(file, part, SETTINGS)
        reader.read([(file, part)], sink, SETTINGS)
        got = sink.files[0]
        assert got.rows_used or not got.records
        assert got.rows_refused == 0 or any(finding.severity == "refused" for finding in got.findings)
        assert all(finding.code.startswith(("x12.", "hl7.")) for finding in got.findings)
        paid = [record.amount for record in got.records if type(record).__name__ == "PaymentRecord"]
        if folder == "x12" and not got.rows_refused and not got.rows_ignored:
            assert sum(paid, Decimal(0)) == got.tallies.get("collections", Decimal(0)) or not paid
