"""What is told of visits that the practice system's export no longer has: frozen, without Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from carewheel.spokes.operations.contracts_booking import VisitDetail


@dataclass(frozen=True, slots=True)
class MissingLine:
    """A visit to come that the practice system's last whole export does not have, and since when."""

    id: int
    visit: VisitDetail
    since: datetime
