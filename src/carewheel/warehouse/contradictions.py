"""Facts that contradict one another or the calendar: counted by source, kept, and shown to whoever can mend them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

OPEN = "('booked', 'pending', 'proposed', 'arrived', 'checked-in')"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """``cases`` of ``of`` rows of a source contradict something: ``what``, and what to do about it."""

    code: str
    source: str
    what: str
    cases: int
    of: int
    remedy: str


_CHECKS = (
    (
        "past-still-booked",
        "Visits lie in the past but are still booked.",
        "Close them in the practice system as kept, missed or cancelled. Until then they count as neither.",
        f"""SELECT source, count(*) FILTER (status IN {OPEN}), count(*) FROM appointment
            WHERE local_date < :as_of GROUP BY 1""",
    ),
    (
        "kept-never-arrived",
        "Visits count as kept, but nobody recorded an arrival.",
        "Record arrivals, or the waits of these visits stay unknown.",
        """SELECT a.source, count(*) FILTER (e.appointment_id IS NULL), count(*)
           FROM (SELECT source, appointment_id FROM appointment
                 WHERE status = 'fulfilled' AND basis = 'appointment' AND appointment_id <> '' AND local_date <= :as_of
                   AND source IN (SELECT source FROM visit_event WHERE event = 'arrived')) AS a
           LEFT JOIN (SELECT DISTINCT source, appointment_id FROM visit_event WHERE event = 'arrived') AS e
             USING (source, appointment_id) GROUP BY 1""",
    ),
    (
        "paid-more-than-charged",
        "Claims were paid more than was charged for them.",
        "Look for a charge that was corrected or deleted after the claim was sent, or a payment posted twice.",
        """SELECT c.source, count(*) FILTER (p.amount > c.amount), count(*)
           FROM (SELECT source, claim_id, currency, sum(amount) AS amount FROM charge
                 WHERE claim_id <> '' AND local_date <= :as_of GROUP BY ALL) AS c
           JOIN (SELECT claim_id, currency, sum(amount) AS amount FROM payment
                 WHERE claim_id <> '' AND local_date <= :as_of GROUP BY ALL) AS p USING (claim_id, currency)
           GROUP BY 1""",
    ),
    (
        "ends-before-start",
        "Members of staff left before they came.",
        "Correct the dates in the staff list.",
        "SELECT source, count(*) FILTER (ended_date < started_date), count(*) FROM staff_spell GROUP BY 1",
    ),
)


def contradictions(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[Contradiction]:
    """All contradictions up to ``as_of`` among the facts that the connection's views show, the most frequent first."""
    found = [
        Contradiction(code, source, what, cases, of, remedy)
        for code, what, remedy, sql in _CHECKS
        for source, cases, of in connection.execute(
            sql.replace(":as_of", f"DATE '{as_of.isoformat()}'")
        ).fetchall()
        if cases
    ]
    return sorted(found, key=lambda c: (-c.cases, c.code, c.source))
