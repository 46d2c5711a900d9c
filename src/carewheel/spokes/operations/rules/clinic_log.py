"""What the log of a place tells of the stages around a visit: the desk, the way to the room, how late a practitioner begins.

Only visits that waited for nobody else tell how long a stage itself takes: who came to a free practitioner after the appointed minute.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.spokes.operations.contracts import Ints
from carewheel.spokes.operations.contracts_template import SessionFacts

Floats = NDArray[np.float64]
LEAST = 30
# Minutes before the opening by which a first patient has to be there to tell when the practitioner began; and what is no stage but a slip of the log.
IN_TIME, LONGEST = 10, 60.0


@dataclass(frozen=True, slots=True)
class Log:
    """Minutes, each None where fewer than thirty visits tell: ``desk`` (arrival to room or visit), ``room`` (taken to the room until the visit), ``late`` (opening to
    the first visit, of sessions whose first patient was there in time)."""

    desk: Floats | None
    room: Floats | None
    late: Floats | None

    @property
    def late_start(self) -> float | None:
        """Mean minutes from the opening to the practitioner's first visit."""
        return None if self.late is None else float(self.late.mean())


def clinic_log(facts: SessionFacts, location: str, rows: Ints) -> Log:
    """The stages by the visits ``rows`` of a place that came and whose log is whole."""
    whole = rows[
        (facts.location[rows] == location)
        & (facts.began[rows] > 0)
        & (facts.done[rows] > 0)
        & (facts.arrived[rows] > 0)
    ]
    order = whole[np.lexsort((facts.began[whole], facts.session[whole]))]
    if order.size < 2:
        return Log(None, None, None)
    same = np.append(False, facts.session[order][1:] == facts.session[order][:-1])
    before = np.where(same, np.append(0, facts.done[order][:-1]), -1)
    arrived, roomed, began, starts = (
        getattr(facts, name)[order] for name in ("arrived", "roomed", "began", "starts")
    )
    ready = np.where(roomed > 0, roomed, began)
    free = same & (before <= arrived) & (arrived >= starts)
    desk = (ready - arrived)[free] / 60
    at_once = same & (roomed > 0) & ~facts.in_room[order] & (before <= roomed)
    room = (began - roomed)[at_once] / 60
    opens = facts.opens[facts.session[order]]
    first = ~same & (starts <= opens) & (arrived <= opens - IN_TIME * 60)
    late = (began - opens)[first] / 60
    return Log(_enough(desk), _enough(room), _enough(np.maximum(late, 0.0)))


def _enough(minutes: Floats) -> Floats | None:
    kept = minutes[(minutes >= 0) & (minutes <= LONGEST)]
    return kept if kept.size >= LEAST else None
