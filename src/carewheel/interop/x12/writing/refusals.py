"""What cannot be written and why: the exceptions, and the shape that each element must have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from carewheel.interop.writing import NotWritable
from carewheel.interop.x12.values import npi_is_valid

# Data element 782 carries ten digits in the HIPAA guides, cents included.
LARGEST = 10**10 - 1
# Printable ASCII without the separators * : ^ ~; no blank at either end (X12 drops it, so it would not come back).
_CHARACTER = r"[ -)+-9;-\]_-}]"
_SPLIT = "\x1f"


class NotBalanced(NotWritable):
    """Amounts that do not add up. Money is never repaired here."""


class Element(NamedTuple):
    """An element: its field's name, the pattern of its text, and the pattern in words."""

    name: str
    pattern: str
    words: str


def text(name: str, most: int, least: int = 1) -> Element:
    """A text of ``least`` to ``most`` characters; empty allowed where ``least`` is 0.

    >>> bool(re.fullmatch(text("name", 5).pattern, "A-B C")), bool(re.fullmatch(text("name", 5).pattern, "A*B"))
    (True, False)
    """
    pattern = f"(?! ){_CHARACTER}{{{least},{most}}}(?<! )"
    return Element(
        name,
        pattern,
        f"{least} to {most} characters of ASCII without * : ~ ^ and without a blank at either end",
    )


def day_of(name: str) -> Element:
    """A day, already written CCYYMMDD: 1900 to 2199."""
    return Element(name, r"(?:19|20|21)\d{6}", "a day from 1900 to 2199")


class Shape:
    """The shape of several elements at once: one regular expression instead of one test for each.

    >>> shape = Shape(text("name", 60), Element("sex", "[FMU]", "F, M or U"))
    >>> shape.check("claim 1", ("INVENTED", "F"))
    >>> shape.check("claim 1", ("INVENTED", "X"))
    Traceback (most recent call last):
    ...
    carewheel.interop.writing.NotWritable: An element cannot be written (claim 1: sex). It must be F, M or U.
    """

    def __init__(self, *elements: Element) -> None:
        self.elements = elements
        self._fits = re.compile(_SPLIT.join(f"(?:{one.pattern})" for one in elements), re.ASCII).fullmatch

    def check(self, where: str, values: Sequence[str]) -> None:
        """Raise `NotWritable` naming the first element that does not have its shape."""
        if self._fits(_SPLIT.join(values)):
            return
        for element, value in zip(self.elements, values, strict=True):
            if not re.fullmatch(element.pattern, value, re.ASCII):
                break
        place, remedy = f"({where}: {element.name})", f"It must be {element.words}."
        if value == "":
            raise NotWritable("missing-element", f"A required element is empty {place}.", remedy)
        if any(mark in value for mark in "*~:^"):
            raise NotWritable("delimiter", f"An element holds a separator of X12 {place}.", remedy)
        raise NotWritable("bad-element", f"An element cannot be written {place}.", remedy)


def check_npi(where: str, npi: str) -> None:
    """Raise `NotWritable` unless the number is an NPI with its check digit."""
    if not npi_is_valid(npi):
        raise NotWritable(
            "npi-check-digit",
            f"An NPI is not ten digits with its check digit ({where}).",
            "Correct the NPI in the practice system.",
        )


def check_cents(where: str, amounts: Sequence[int]) -> None:
    """Raise `NotBalanced` unless all amounts are whole cents (int) of at most ten digits.

    >>> check_cents("claim 1", [100, -5])
    >>> check_cents("claim 1", [10.5])
    Traceback (most recent call last):
    ...
    carewheel.interop.x12.writing.refusals.NotBalanced: An amount is not a whole number of cents of at most ten digits (claim 1). Give exact cents as int.
    """
    for amount in amounts:
        if type(amount) is not int or not -LARGEST <= amount <= LARGEST:
            raise NotBalanced(
                "bad-amount",
                f"An amount is not a whole number of cents of at most ten digits ({where}).",
                "Give exact cents as int.",
            )


def unbalanced(where: str, rule: str) -> NotBalanced:
    """The refusal of amounts that break ``rule``."""
    return NotBalanced(
        "unbalanced",
        f"The amounts do not balance: {rule} ({where}).",
        "Correct the amounts where they come from.",
    )
