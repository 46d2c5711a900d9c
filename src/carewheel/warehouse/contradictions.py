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


# Each check: a SELECT of (source, key, wrong), one row a thing that was looked at.
_CHECKS = (
    (
        "past-still-booked",
        "Visits lie in the past but are still booked.",
        "Close them in the practice system as kept, missed or cancelled. Until then they count as neither.",
        f"SELECT source, appointment_id, status IN {OPEN} FROM appointment WHERE local_date < :as_of",
    ),
    (
        "kept-never-arrived",
        "Visits count as kept, but nobody recorded an arrival.",
        "Record arrivals, or the waits of these visits stay unknown.",
        """SELECT a.source, a.appointment_id, e.appointment_id IS NULL
           FROM (SELECT source, appointment_id FROM appointment
                 WHERE status = 'fulfilled' AND basis = 'appointment' AND appointment_id <> '' AND local_date <= :as_of
                   AND source IN (SELECT source FROM visit_event WHERE event = 'arrived')) AS a
           LEFT JOIN (SELECT DISTINCT source, appointment_id FROM visit_event WHERE event = 'arrived') AS e
             USING (source, appointment_id)""",
    ),
    (
        "done-before-begun",
        "Visits were marked as done before the patient had arrived or was in the room.",
        "Have visits closed when they are over, not before: their waits and lengths are wrong.",
        """SELECT source, appointment_id,
             max(happened_at) FILTER (event = 'done') < max(happened_at) FILTER (event <> 'done')
           FROM visit_event
           WHERE event IN ('arrived', 'roomed', 'done') AND appointment_id <> '' AND local_date <= :as_of
           GROUP BY ALL HAVING bool_or(event = 'done') AND bool_or(event <> 'done')""",
    ),
    (
        "paid-more-than-charged",
        "Claims were paid more than was charged for them.",
        "Look for a charge that was corrected or deleted after the claim was sent, or a payment posted twice.",
        """SELECT c.source, c.claim_id, p.amount > c.amount
           FROM (SELECT source, claim_id, currency, sum(amount) AS amount FROM charge
                 WHERE claim_id <> '' AND local_date <= :as_of GROUP BY ALL) AS c
           JOIN (SELECT claim_id, currency, sum(amount) AS amount FROM payment
                 WHERE claim_id <> '' AND local_date <= :as_of GROUP BY ALL) AS p USING (claim_id, currency)""",
    ),
    (
        "paid-unknown-claim",
        "Payers paid claims that no source knows, though it knows those of the same days.",
        "Load the claims of these days too; if they are loaded, ask the payer whose claims were paid.",
        """SELECT p.source, p.claim_id, k.claim_id IS NULL
           FROM (SELECT DISTINCT source, claim_id FROM payment
                 WHERE claim_id <> '' AND payer_kind = 'insurer' AND local_date <= :as_of
                   AND service_date BETWEEN (SELECT min(service_date) FROM claim) AND (SELECT max(service_date) FROM claim)) AS p
           LEFT JOIN (SELECT claim_id FROM claim UNION SELECT claim_id FROM charge) AS k USING (claim_id)""",
    ),
    (
        "done-without-fee",
        "Treatments were charged nothing, though the same treatment costs something elsewhere in the source.",
        "Enter the fee, unless it was meant to be free.",
        """SELECT c.source, c.source_id, c.amount = 0
           FROM charge AS c LEFT JOIN procedure AS p USING (source, source_id)
           WHERE coalesce(p.status, 'completed') = 'completed' AND c.local_date <= :as_of
             AND (c.source, c.code) IN (SELECT (source, code) FROM charge WHERE amount > 0 AND code <> '')""",
    ),
    (
        "month-without-answers",
        "Months lie between others in which patients answered surveys, and have no answer at all.",
        "Look whether surveys were sent in that month, or export its answers too.",
        """SELECT source, location_id || ' ' || strftime(m, '%Y-%m'), m NOT IN (SELECT unnest(months))
           FROM (SELECT source, location_id, list(DISTINCT local_month) AS months,
                   unnest(generate_series(min(local_month), max(local_month), INTERVAL 1 MONTH))::DATE AS m
                 FROM survey_response WHERE local_date <= :as_of GROUP BY 1, 2
                 -- A month of few answers may well have none.
                 HAVING count(*) >= 10 * count(DISTINCT local_month))""",
    ),
    (
        "ends-before-start",
        "Members of staff left before they came.",
        "Correct the dates in the staff list.",
        "SELECT source, source_id, coalesce(ended_date < started_date, false) FROM staff_spell",
    ),
)


def contradictions(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[Contradiction]:
    """All contradictions up to ``as_of`` among the facts that the connection's views show, the most frequent first."""
    found = [
        Contradiction(code, source, what, cases, of, remedy)
        for code, what, remedy, sql in _CHECKS
        for source, cases, of in connection.execute(
            f"SELECT source, count(*) FILTER (wrong), count(*) FROM ({_bound(sql, as_of)}) AS t(source, key, wrong) GROUP BY 1"
        ).fetchall()
        if cases
    ]
    return sorted(found, key=lambda c: (-c.cases, c.code, c.source))


def contradicting(connection: duckdb.DuckDBPyConnection, as_of: date, code: str) -> list[tuple[str, str]]:
    """The cases of one contradiction: source and the key there (a visit, a claim, a row; for months place and month)."""
    sql = next(sql for name, _, _, sql in _CHECKS if name == code)
    found: list[tuple[str, str]] = connection.execute(
        f"SELECT source, key FROM ({_bound(sql, as_of)}) AS t(source, key, wrong) WHERE wrong ORDER BY ALL"
    ).fetchall()
    return found


def _bound(sql: str, as_of: date) -> str:
    return sql.replace(":as_of", f"DATE '{as_of.isoformat()}'")
