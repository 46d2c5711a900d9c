"""Who comes: cancellations and missed visits by lead time and person, and the day in practice for those who come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import NONE, VISIT_STATUS
from carewheel.invented.draws import Floats, normal
from carewheel.invented.parameters import parameters
from carewheel.science.queueing import simulate_day

Ints = npt.NDArray[np.int64]
DAY = 1440
BOOKED, KEPT, NOSHOW, CANCELLED = range(len(VISIT_STATUS))


@dataclass(slots=True)
class Fate:
    """What became of booked visits, as columns of their length."""

    status: Ints
    late: Ints
    by_practice: Ints
    cancelled_at: Ints
    no_show_probability: Floats


def decide(
    starts: Ints,
    booked_at: Ints,
    forgets: Floats,
    u: Floats,
    missing: Floats,
    no_show_factor: float,
    cancel_factor: float,
    closed_share: float,
) -> Fate:
    """Cancelled by the practice (``closed_share`` of all), by the patient, missed or kept.

    ``missing``: points added by the links to the no-show probability of a visit with the usual one; ``u`` has five columns.
    """
    p = parameters()
    lead = (starts - booked_at) / DAY

    def person(base: Floats) -> Floats:
        odds = np.log(base / (1 - base)) + forgets
        return np.asarray(1 / (1 + np.exp(-odds)))

    # Normal log odds raise the mean; the knots are means, so the spread is taken off again.
    shrink = 1 / np.sqrt(1 + 0.346 * p["missed.forget_spread"] ** 2)
    usual = np.interp(lead, p["missed.lead_days"], p["missed.no_show"])
    # What the links add falls where people miss visits anyway: little on visits booked for the same day.
    missing = missing * usual / p["calibration.usual_no_show"]
    no_show = np.clip(person(usual * shrink) * no_show_factor + missing, 0.002, 0.9)
    cancel = np.clip(np.interp(lead, p["missed.lead_days"], p["missed.cancel"]) * cancel_factor, 0, 0.9)
    by_practice = u[:, 0] < closed_share
    cancelled = by_practice | (u[:, 1] < cancel)
    status = np.where(cancelled, CANCELLED, np.where(u[:, 2] < no_show, NOSHOW, KEPT))
    room = starts - booked_at
    late = cancelled & ((u[:, 3] < p["missed.late_share"]) | (room <= DAY + 60)) & ~by_practice
    in_good_time = booked_at + (u[:, 4] * np.maximum(room - DAY - 1, 1)).astype(np.int64)
    at_last = starts - 30 - (u[:, 4] * np.clip(room - 31, 0, DAY - 60)).astype(np.int64)
    cancelled_at = np.where(cancelled, np.where(late, np.maximum(at_last, booked_at), in_good_time), NONE)
    late = cancelled & (starts - cancelled_at < DAY)
    return Fate(
        status.astype(np.int64),
        late.astype(np.int64),
        by_practice.astype(np.int64),
        cancelled_at.astype(np.int64),
        no_show,
    )


def the_day(
    starts: Ints,
    provider: Ints,
    slot_minutes: Ints,
    walk_in: npt.NDArray[np.bool_],
    u: Floats,
    clerks: int,
    service_factor: float,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Arrival, room, start and end (minutes) of kept visits, out of the queues at the desk and before each clinician.

    ``u`` has five columns. A patient is taken to the room when the clinician is free for the visit.
    """
    p = parameters()
    day = starts // DAY
    arrival = (
        starts + p["access.unpunctuality_mean"] + p["access.unpunctuality_sd"] * normal(u[:, 0])
    ).astype(np.int64)
    arrival = np.where(walk_in, starts, np.maximum(arrival, day * DAY + 7 * 60 + 30))
    cv = p["access.service_cv"]
    sigma = np.sqrt(np.log1p(cv**2))
    mean = p["access.service_share"] * slot_minutes * service_factor
    service = np.maximum(mean * np.exp(sigma * normal(u[:, 1]) - sigma**2 / 2), 3.0)
    check_in = -p["access.check_in_minutes"] * np.log1p(-u[:, 2] * 0.9999)
    days, day_id = np.unique(day, return_inverse=True)
    servers, server_id = np.unique(day * 64 + provider, return_inverse=True)
    # The clinician's delay of the day is the draw of the first visit in the list.
    _, first = np.unique(server_id, return_index=True)
    late = -p["access.provider_late_minutes"] * np.log1p(-u[first, 3] * 0.9999)
    opens = (servers // 64) * DAY + 8 * 60 + late
    _, started, done = simulate_day(
        day=day_id,
        server=server_id,
        scheduled=starts.astype(float),
        arrival=arrival.astype(float),
        check_in_minutes=check_in,
        service_minutes=service,
        clerks=np.full(len(days), clerks),
        opens=opens,
    )
    started_at = np.floor(started).astype(np.int64)
    done_at = np.maximum(np.floor(done).astype(np.int64), started_at + 2)
    # Taken to the room a minute or two before the clinician comes in.
    roomed = np.maximum(arrival + 1, started_at - (1 + 2 * u[:, 4]).astype(np.int64))
    started_at = np.maximum(started_at, roomed)
    return arrival, roomed, started_at, np.maximum(done_at, started_at + 2)
