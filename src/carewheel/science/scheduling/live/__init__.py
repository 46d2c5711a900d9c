"""The day itself: from what has happened, who will wait how long and where the day runs over, and moves that save minutes.

Who may call: spokes, journeys; it knows science.scheduling's distributions and science.queueing.clinic's luck and estimates.
"""

from carewheel.science.scheduling.live.moves import (
    EndOutlook,
    Move,
    Outlook,
    Proposal,
    Values,
    VisitOutlook,
    best_move,
    done_move,
    outlook,
)
from carewheel.science.scheduling.live.state import LiveDay, LiveVisit, OnDuty

__all__ = [
    "EndOutlook",
    "LiveDay",
    "LiveVisit",
    "Move",
    "OnDuty",
    "Outlook",
    "Proposal",
    "Values",
    "VisitOutlook",
    "best_move",
    "done_move",
    "outlook",
]
