"""How an organisation writes times of the day: by the 24-hour clock, or by twelve hours."""

from __future__ import annotations

from datetime import datetime, time

from carewheel.practice.models import Organisation

TWELVE = Organisation.Clock.HOURS_12.value


def clock_time(at: datetime | time, clock: str) -> str:
    """A time of the day in words; ``clock``: that of the organisation, anything but "12" is the 24-hour one.

    >>> [clock_time(time(h, 5), "12") for h in (0, 9, 12, 14)], clock_time(time(14, 5), "24")
    (['12:05 am', '9:05 am', '12:05 pm', '2:05 pm'], '14:05')
    """
    if clock != TWELVE:
        return f"{at.hour:02}:{at.minute:02}"
    return f"{at.hour % 12 or 12}:{at.minute:02} {'am' if at.hour < 12 else 'pm'}"


def clock_of(organisation_id: int) -> str:
    """The clock of an organisation."""
    return Organisation.objects.filter(pk=organisation_id).values_list("clock", flat=True).get()
