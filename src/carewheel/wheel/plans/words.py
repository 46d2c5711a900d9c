"""What people write into a plan: owners and notes, of a fair length and without what belongs to patients."""

from __future__ import annotations

import re
from collections.abc import Mapping

from carewheel.wheel.plans.refusals import PlanRefused

# Plan, do, study, act: what was foreseen, what was done, what was seen, what follows.
NOTES = ("plan", "do", "study", "act")
LONGEST_OWNER, LONGEST_NOTE = 80, 2_000
# An address, or digits enough for a telephone or record number: neither is needed to say what a plan found.
_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.\w+|(?:\d[\s().-]?){7,}")


def checked_owner(owner: str) -> str:
    """A role or name. Raises `PlanRefused`: ``plan.owner`` without one, ``plan.text`` and ``plan.personal`` as notes do.

    >>> checked_owner("  Front desk lead ")
    'Front desk lead'
    """
    name = _checked(owner, "The owner", LONGEST_OWNER)
    if not name:
        raise PlanRefused(
            "plan.owner",
            "A plan needs an owner.",
            "Name a role or a person with --owner; nobody's plan is not done.",
        )
    return name


def checked_notes(notes: Mapping[str, str]) -> dict[str, str]:
    """The notes that say something. Raises `PlanRefused` (``plan.text``, ``plan.personal``).

    >>> checked_notes({"study": "fewer calls at noon", "act": " "})
    {'study': 'fewer calls at noon'}
    """
    if unknown := sorted(set(notes) - set(NOTES)):
        raise PlanRefused("plan.text", f"There is no note {unknown[0]!r}.", f"Notes are: {', '.join(NOTES)}.")
    found = {
        name: _checked(notes[name], f"The note {name!r}", LONGEST_NOTE) for name in NOTES if name in notes
    }
    return {name: text for name, text in found.items() if text}


def _checked(text: str, what: str, longest: int) -> str:
    plain = " ".join(text.split())
    if len(plain) > longest or not plain.isprintable():
        raise PlanRefused(
            "plan.text",
            f"{what} is too long or has signs that cannot be shown.",
            f"Write at most {longest} letters.",
        )
    # A date is no number of a person.
    if _PERSONAL.search(re.sub(r"\b\d{4}-\d{2}(-\d{2})?\b", "", plain)):
        raise PlanRefused(
            "plan.personal",
            f"{what} holds an address or a long number.",
            "Leave out what names a patient or reaches a person; a role is enough.",
        )
    return plain
