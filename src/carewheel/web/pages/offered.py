"""Visit types to choose from: those that a location has all for, then those of other locations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from carewheel.practice.offerings import Offering, is_offered
from carewheel.practice.resources import ResourceLine
from carewheel.web.shell import Shell


def type_choices(
    kinds: Sequence[Offering], there: Sequence[ResourceLine], frame: Shell
) -> list[tuple[Any, Any]]:
    """Choices of a field. Where there are other locations, what only those can offer stands apart, named so."""
    named = [(one, (one.id, f"{one.name}, {one.minutes} min")) for one in kinds]
    here = [choice for one, choice in named if is_offered(one, there)]
    elsewhere = [choice for one, choice in named if not is_offered(one, there)]
    if not elsewhere or len(frame.places) < 2:
        return here
    return [*here, ("Only at other locations", elsewhere)]
