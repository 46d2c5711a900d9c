"""Free slots of weeks ahead, by bits: the first, those of a day, the best for a patient, and who on the waitlist fits a gap.

Who may call: spokes, journeys; it knows the needs and bits of allocation and science.refusal.
"""

from carewheel.science.scheduling.slots.calendar import Bookable, Calendar, Span
from carewheel.science.scheduling.slots.finding import (
    Preference,
    Search,
    Slot,
    day_slots,
    first_slots,
    ranked_slots,
)
from carewheel.science.scheduling.slots.waitlist import Fit, Waiting, waitlist_fit

__all__ = [
    "Bookable",
    "Calendar",
    "Fit",
    "Preference",
    "Search",
    "Slot",
    "Span",
    "Waiting",
    "day_slots",
    "first_slots",
    "ranked_slots",
    "waitlist_fit",
]
