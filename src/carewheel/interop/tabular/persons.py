"""Rows of a practice system's tables that name somebody: facts for every sink, the person for those that ask."""

from __future__ import annotations

from collections.abc import Callable

from carewheel.interop.records.persons import PersonRecord, TakesPersons
from carewheel.interop.tabular.cells import Cells, Outcome


def with_person(
    take: Callable[[Cells], Outcome], person_of: Callable[[Cells], PersonRecord] | None, sink: object
) -> Callable[[Cells], Outcome]:
    """``take``, and the person of each row that it was given, where the table names people and the sink takes them."""
    if person_of is None or not isinstance(sink, TakesPersons):
        return take

    def both(cells: Cells) -> Outcome:
        outcome = take(cells)
        sink.add_person(person_of(cells))
        return outcome

    return both
