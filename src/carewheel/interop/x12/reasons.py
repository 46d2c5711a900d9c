"""Why an adjustment was made: claim adjustment reason codes (CARC) and what kind of adjustment each is."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources


@cache
def _kinds() -> dict[str, str]:
    text = resources.files("carewheel.interop.x12").joinpath("carc.csv").read_text("utf-8")
    return {row["code"]: row["kind"] for row in csv.DictReader(text.splitlines())}


@cache
def adjustment_kind(group: str, reason: str) -> str:
    """The kind of an adjustment: contractual, patient_share, denial, interest or other.

    The reason decides; a deductible (PR-1) is the patient's share, a service not covered is a denial whoever has to
    bear it. An unknown reason is told by its group: CO is contractual, PR the patient's share, else other.

    >>> adjustment_kind("CO", "45"), adjustment_kind("PR", "2"), adjustment_kind("PR", "96"), adjustment_kind("OA", "23")
    ('contractual', 'patient_share', 'denial', 'other')
    """
    known = _kinds().get(reason)
    if known is not None:
        return known
    return {"CO": "contractual", "PR": "patient_share"}.get(group, "other")


@cache
def _texts() -> dict[str, str]:
    text = resources.files("carewheel.interop.x12").joinpath("carc.csv").read_text("utf-8")
    return {row["code"]: row["text"] for row in csv.DictReader(text.splitlines())}


def reason_text(reason: str) -> str:
    """The short text of an adjustment reason (CMS, CC0), "" if it has none.

    >>> reason_text("no such code")
    ''
    """
    return _texts().get(reason, "")
