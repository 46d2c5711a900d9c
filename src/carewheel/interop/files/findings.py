"""Findings: what a reader has to say about bad or doubtful input. Never a value of a person's record, only positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["refused", "doubt", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, where, why it matters and what to do.

    ``code`` is ``area.what`` (``csv.wrong-delimiter``); ``what`` is one sentence without patient data; ``severity``
    is ``refused`` (rows or a file left out), ``doubt`` (kept, but look) or ``note`` (for your information). ``count``
    says how often it occurred; the position is that of the first.

    >>> Finding("csv.bad-date", "refused", "The date is not a date.", "a.csv", 7, "It cannot be placed.", "Mend it.").line
    7
    """

    code: str
    severity: Severity
    what: str
    file: str = ""
    line: int | None = None
    why: str = ""
    remedy: str = ""
    count: int = 1


class FileRefused(Exception):
    """A whole file cannot be read. Raised inside ``with sink.file(...)``: its rows are dropped, the finding is kept."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


def refused(code: str, what: str, *, line: int | None = None, why: str = "", remedy: str = "") -> Finding:
    """A finding for rows that were left out; the sink fills in the file."""
    return Finding(code, "refused", what, "", line, why, remedy)


def doubt(code: str, what: str, *, line: int | None = None, why: str = "", remedy: str = "") -> Finding:
    """A finding for rows that were kept although something about them is doubtful."""
    return Finding(code, "doubt", what, "", line, why, remedy)


def note(code: str, what: str, *, line: int | None = None, why: str = "", remedy: str = "") -> Finding:
    """A finding for the reader's information: nothing was left out and nothing is in doubt."""
    return Finding(code, "note", what, "", line, why, remedy)
