"""What a source calls its visit types in words: told only to who asks for it. Facts carry the codes; names are for people, who may change them."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable


class VisitTypeName(NamedTuple):
    """``code``: the visit_type of the source's visits; ``name``: what it is called."""

    code: str
    name: str


@runtime_checkable
class TakesTypeNames(Protocol):
    """A `FileSink` that wants the names of visit types too."""

    def add_type_name(self, named: VisitTypeName) -> None: ...
