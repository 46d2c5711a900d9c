"""X12 005010: 837 claims (professional, dental, institutional) and 835 remittances as neutral records.

Own tokeniser (`interchange`), guides as data (`guides/`, `walker`), one reader for claims and one for remittances.
A set (ST to SE) is taken whole or refused whole. A pure `interop` reader, called through the contract of
`carewheel.interop.files`. What is refused and what is only doubted is written down in README.md beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from carewheel.interop.files import ReadSettings, Sample, Sink, SourceFile
from carewheel.interop.x12.envelope import FileReader
from carewheel.interop.x12.interchange import is_x12

KIND = "x12"
PRECEDENCE = "x12"

__all__ = ["KIND", "PRECEDENCE", "read", "recognise", "source_name"]


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """``interchange``, ``fragment`` (its ISA is missing: a finding will say so) or "" for anything but X12."""
    return is_x12(sample.text)


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """One name for all X12: the claims of an 837 and their remittances must meet whoever sent them."""
    return "x12"


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Read the files into the sink; a row is a claim (CLM, CLP), or a set of a kind that is not used yet."""
    delivered: set[int] = set()
    for file, _ in files:
        with sink.file(file) as into:
            FileReader(file, into, settings.today, delivered).read()
