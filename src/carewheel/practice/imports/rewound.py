"""An invented world as it stands at a moment, although it was lived through beyond it: what comes later has not happened yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

# The last step that has happened says how far a visit is.
_STEPS = (("done_at", "fulfilled"), ("roomed_at", "checked-in"), ("arrived_at", "arrived"))
_MOMENTS = ("arrived_at", "roomed_at", "with_clinician_at", "done_at", "cancelled_at")


def as_seen(values: dict[str, Any], at: datetime) -> bool:
    """Take out of a visit what comes after ``at``; False where it was not even booked.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> visit = {"status": "fulfilled", "starts_at": noon, "ends_at": noon.replace(hour=13), "booked_at": None, "late_cancel": False,
    ...          "arrived_at": noon, "roomed_at": noon.replace(hour=15), "with_clinician_at": None, "done_at": None, "cancelled_at": None}
    >>> as_seen(visit, noon.replace(hour=14)), visit["status"], visit["roomed_at"]
    (True, 'arrived', None)
    """
    if values["booked_at"] is not None and values["booked_at"] > at:
        return False
    later = [name for name in _MOMENTS if values[name] is not None and values[name] > at]
    values.update(dict.fromkeys(later))
    settled = values["done_at"] is not None or values["status"] in ("cancelled", "entered-in-error")
    if later or (values["ends_at"] > at and not settled):
        happened = next((status for name, status in _STEPS if values[name] is not None), "booked")
        values.update(status=happened, raw_status="", late_cancel=False)
    return True
