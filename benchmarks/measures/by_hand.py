"""Queries written by hand from the definitions of the cards: what a good analyst would ask DuckDB for the same result.

Each gives the statistics by place and month; `RESULT` rolls them up to the value by place and month, by month, by place
over the window, and in total. Where a card's question has one obvious query (one filter, one GROUP BY), the card's own
is much the same. The others are asked in another way: separate aggregates joined instead of stacked rows, running
sums of arrivals and departures instead of spans, days unrolled instead of overlaps computed.
"""

from __future__ import annotations

AS_OF = "DATE '2025-12-31'"
KEPT = f"status IN ('fulfilled', 'arrived', 'checked-in') AND local_date <= {AS_OF}"
REAL = "ANTI JOIN (SELECT patient_key FROM patient WHERE is_test) USING (patient_key)"
ALIVE = "ANTI JOIN (SELECT patient_key FROM patient WHERE is_test OR deceased) USING (patient_key)"
OWED = "charge ANTI JOIN (SELECT claim_id FROM claim WHERE is_predetermination AND claim_id <> '') USING (claim_id)"
SETTLES = "kind IN ('contractual', 'writeoff', 'discount', 'other')"
LOWERS = f"{SETTLES} AND local_date <= {AS_OF}"
NPS = "question = '{}' AND score BETWEEN 0 AND 10 AND scale_min = 0 AND scale_max = 10"
ASKED = "question = '{}' AND scale_max > scale_min AND score BETWEEN scale_min AND scale_max"
CELL = "GROUP BY location_id, local_month"
MONEY_CELL = "GROUP BY location_id, local_month, currency"
PUT = "100 * (score - scale_min) / (scale_max - scale_min)"
MONTH = "date_trunc('month', {})::DATE"


def _mean(table: str, value: str, where: str) -> str:
    return (
        f"SELECT location_id, local_month, count({value}) AS n, sum({value}) AS total, sum(({value}) ** 2) AS total_sq "
        f"FROM {table} WHERE {where} AND local_date <= {AS_OF} {CELL}"
    )


def _share(table: str, success: str, where: str) -> str:
    return (
        f"SELECT location_id, local_month, count(*) FILTER ({success}) AS k, count(*) AS n "
        f"FROM {table} WHERE {where} AND local_date <= {AS_OF} {CELL}"
    )


SURVEY = "survey_response"
FIRST_VISIT = f"""
visits AS (
  SELECT
    patient_key, count(is_new_patient) > 0 AS flagged,
    min(local_date) FILTER (is_new_patient) AS flag_date, arg_min(location_id, starts_at) FILTER (is_new_patient) AS flag_place,
    min(local_date) AS first_date, arg_min(location_id, starts_at) AS first_place
  FROM appointment WHERE {KEPT} AND patient_key <> '' GROUP BY patient_key
),
people AS (
  SELECT patient_key, min(first_visit_date) AS stated, bool_or(is_test) AS is_test, min(location_id) AS place
  FROM patient WHERE patient_key <> '' GROUP BY patient_key
),
start AS (SELECT (date_trunc('month', min(first_date)) + INTERVAL 1 YEAR)::DATE AS trusted FROM visits),
newcomers AS (
  SELECT patient_key, place AS location_id, {MONTH.format("day")} AS local_month
  FROM (
    SELECT
      patient_key,
      CASE WHEN flagged THEN flag_date ELSE coalesce(stated, CASE WHEN first_date >= trusted THEN first_date END) END AS day,
      CASE WHEN flagged THEN flag_place ELSE coalesce(first_place, people.place) END AS place
    FROM visits FULL JOIN people USING (patient_key) CROSS JOIN start
    WHERE is_test IS DISTINCT FROM TRUE
  )
  WHERE day <= {AS_OF}
)"""
CHANNEL = f"""{FIRST_VISIT},
told AS (SELECT patient_key, min(lower(trim(channel))) AS channel FROM contact WHERE channel <> '' GROUP BY patient_key),
sent AS (
  SELECT patient_key, min(coalesce(nullif(lower(trim(channel)), ''), referrer_kind || ' referral')) AS channel
  FROM referral WHERE direction = 'in' AND patient_key <> '' GROUP BY patient_key
),
came AS (
  SELECT location_id, local_month, coalesce(told.channel, sent.channel, 'unknown') AS channel
  FROM newcomers LEFT JOIN told USING (patient_key) LEFT JOIN sent USING (patient_key)
)"""
# Each day of each spell of spending, by month.
COST = f"""
daily AS (
  SELECT location_id, currency, lower(trim(channel)) AS channel, amount::DOUBLE / (ends_date - starts_date + 1) AS cost,
    unnest(generate_series(starts_date, ends_date, INTERVAL 1 DAY)) AS day
  FROM marketing_spend
),
spent AS (
  SELECT location_id, {MONTH.format("day")} AS local_month, currency, channel, sum(cost) AS cost
  FROM daily WHERE day <= {AS_OF} GROUP BY ALL
)"""
MONTHS_SEEN = f"""
seen AS (
  SELECT patient_key, local_month, arg_max(location_id, starts_at) AS location_id
  FROM appointment {ALIVE} WHERE {KEPT} AND patient_key <> '' GROUP BY patient_key, local_month
),
gone AS (
  SELECT location_id, local_month AS came, lead(local_month) OVER (PARTITION BY patient_key ORDER BY local_month) AS again FROM seen
),
spans AS (
  SELECT location_id, came, again, count(*) AS people, least(came + INTERVAL 24 MONTH, again + INTERVAL 12 MONTH) AS forgotten
  FROM gone GROUP BY ALL
),
opened AS (SELECT location_id, min(came) AS opened FROM spans GROUP BY location_id),
grid AS (
  SELECT location_id, opened, unnest(generate_series((SELECT min(opened) FROM opened), {AS_OF}, INTERVAL 1 MONTH))::DATE AS local_month FROM opened
)"""
# Who is active, and who of the earlier year came again, as running sums of people who begin and cease to count.
ACTIVE = """
active AS (
  SELECT location_id, opened, local_month, sum(coalesce(change, 0)) OVER (PARTITION BY location_id ORDER BY local_month) AS active
  FROM grid LEFT JOIN (
    SELECT location_id, local_month, sum(change) AS change FROM (
      SELECT location_id, came AS local_month, people AS change FROM spans
      UNION ALL SELECT location_id, least(came + INTERVAL 12 MONTH, again)::DATE, -people FROM spans
    ) GROUP BY ALL) USING (location_id, local_month)
)"""
RETAINED = """
retained AS (
  SELECT location_id, opened, local_month,
    sum(coalesce(k, 0)) OVER (PARTITION BY location_id ORDER BY local_month) AS k,
    sum(coalesce(n, 0)) OVER (PARTITION BY location_id ORDER BY local_month) AS n
  FROM grid LEFT JOIN (
    SELECT location_id, local_month, sum(k) AS k, sum(n) AS n FROM (
      SELECT location_id, (came + INTERVAL 12 MONTH)::DATE AS local_month, 0 AS k, people AS n FROM spans
      UNION ALL SELECT location_id, forgotten::DATE, 0, -people FROM spans
      UNION ALL SELECT location_id, greatest(came + INTERVAL 12 MONTH, again)::DATE, people, 0 FROM spans WHERE again < came + INTERVAL 24 MONTH
      UNION ALL SELECT location_id, forgotten::DATE, -people, 0 FROM spans WHERE again < came + INTERVAL 24 MONTH
    ) GROUP BY ALL) USING (location_id, local_month)
)"""
DECIDED = f"""
SELECT min(location_id) AS location_id, {MONTH.format("min(event_date) FILTER (event IN ('adjudicated', 'denied'))")} AS local_month,
  min(event_date) FILTER (event IN ('adjudicated', 'denied')) AS first,
  min(event_date) FILTER (event = 'denied' OR (event = 'adjudicated' AND is_denial)) AS denied,
  min(event_date) FILTER (event IN ('rejected', 'resubmitted', 'corrected')) AS mended
FROM claim_event WHERE claim_id <> '' AND event_date <= {AS_OF} AND is_predetermination IS DISTINCT FROM TRUE
GROUP BY claim_id"""
LATE = "status = 'cancelled' AND coalesce(late_cancel, cancelled_at > starts_at - INTERVAL 24 HOUR, FALSE)"
BOOKED = f"FROM appointment {REAL} WHERE basis <> 'encounter' AND local_date <= {AS_OF}"
EMPLOYED = f"""
days AS (
  SELECT location_id, staff_key, ended_date, end_kind, greatest(started_date, month) AS a, least(coalesce(ended_date, DATE '9999-01-01'), last_day(month)) AS b, month
  FROM staff_spell, (SELECT unnest(generate_series(DATE '2023-01-01', {AS_OF}, INTERVAL 1 MONTH))::DATE AS month)
  WHERE started_date <= last_day(month) AND coalesce(ended_date, DATE '9999-01-01') >= month
),
employed AS (
  SELECT location_id, month AS local_month, count(*) AS people, sum(b - a + 1) / 365.25 AS years,
    count(*) FILTER (ended_date = b AND end_kind <> 'transfer') AS leavers
  FROM days GROUP BY ALL
)"""
RECEIVED = f"SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS got FROM payment WHERE local_date <= {AS_OF} {MONEY_CELL}"
CHARGED = f"SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS total, count(*) AS n FROM {OWED} WHERE local_date <= {AS_OF} {MONEY_CELL}"
ACCOUNT = "CASE WHEN source_kind = 'x12' OR patient_key = '' THEN claim_id ELSE patient_key END"
AGES = ("over_90", "over_60", "over_30", "recent")

CELLS: dict[str, str] = {
    "experience.nps": f"SELECT location_id, local_month, count(*) AS n, count(*) FILTER (score >= 9) AS promoters, count(*) FILTER (score <= 6) AS detractors FROM {SURVEY} WHERE {NPS.format('nps')} AND local_date <= {AS_OF} {CELL}",
    "experience.detractor_share": _share(SURVEY, "score <= 6", NPS.format("nps")),
    "experience.csat": _share(
        SURVEY, "(score - scale_min) / (scale_max - scale_min) >= 0.75", ASKED.format("csat")
    ),
    "experience.five_point_share": _share(
        SURVEY, "score >= scale_min + 3", ASKED.format("five_point") + " AND scale_max - scale_min = 4"
    ),
    "experience.ease": _mean(SURVEY, PUT, ASKED.format("ease")),
    "experience.wait_score": _mean(SURVEY, PUT, ASKED.format("wait")),
    "experience.response_rate": f"""
        SELECT i.location_id, i.local_month, count(*) FILTER (a.answered BETWEEN i.sent AND i.sent + 14) AS k, count(*) AS n
        FROM (
          SELECT invitation_id, min(location_id) AS location_id, min(local_month) AS local_month, min(local_date) AS sent
          FROM survey_invitation WHERE local_date <= {AS_OF} - 14 AND invitation_id <> '' GROUP BY 1
        ) i
        LEFT JOIN (SELECT invitation_id, min(local_date) AS answered FROM survey_response WHERE local_date <= {AS_OF} GROUP BY 1) a USING (invitation_id)
        GROUP BY ALL""",
    "growth.referrals": f"SELECT location_id, local_month, count(*) FILTER (referrer_kind = 'patient') AS n FROM referral WHERE direction = 'in' AND local_date <= {AS_OF} {CELL}",
    "growth.referral_reproduction": f"""
        WITH {FIRST_VISIT},
        sent AS (
          SELECT location_id, {MONTH.format("kept_date")} AS local_month, count(*) AS events FROM referral
          WHERE direction = 'in' AND referrer_kind = 'patient' AND kept_date <= {AS_OF} GROUP BY ALL
        ),
        found AS (
          SELECT location_id, local_month, count(*) AS n FROM newcomers
          WHERE local_month >= (SELECT {MONTH.format("min(referred_date)")} FROM referral WHERE direction = 'in') GROUP BY ALL
        )
        SELECT location_id, local_month, coalesce(events, 0) AS events, coalesce(n, 0) AS exposure, coalesce(n, 0) AS n
        FROM sent FULL JOIN found USING (location_id, local_month)""",
    "growth.review_rating": _mean(
        "review", "5 * rating / scale_max", "rating BETWEEN 0 AND scale_max AND scale_max > 0"
    ),
    "growth.retention": f"WITH {MONTHS_SEEN}, {RETAINED} SELECT location_id, local_month, k, n FROM retained WHERE local_month >= opened + INTERVAL 23 MONTH AND n > 0",
    "growth.active_patients": f"WITH {MONTHS_SEEN}, {ACTIVE} SELECT location_id, local_month, active AS total, active AS n FROM active WHERE local_month >= opened + INTERVAL 11 MONTH",
    "growth.treatment_acceptance": f"""
        SELECT location_id, {MONTH.format("planned_date")} AS local_month, count(*) FILTER (status = 'completed' AND performed_date - planned_date BETWEEN 0 AND 90) AS k, count(*) AS n
        FROM procedure {REAL} WHERE planned_date <= {AS_OF} - 90 AND fee > 0 AND status NOT IN ('referred', 'existing') GROUP BY 1, 2""",
    "growth.hygiene_reappointment": f"""
        SELECT location_id, local_month,
          count(*) FILTER (coalesce(booked <= local_date + 30, next <= local_date + INTERVAL 1 YEAR)) AS k, count(*) AS n
        FROM (
          SELECT location_id, local_month, local_date, status, lead(local_date) OVER w AS next, lead(booked_at::DATE) OVER w AS booked
          FROM appointment {ALIVE} WHERE is_hygiene AND patient_key <> '' AND status <> 'entered-in-error'
          WINDOW w AS (PARTITION BY patient_key ORDER BY local_date, starts_at, source_id)
        )
        WHERE {KEPT} AND local_date <= {AS_OF} - 30 {CELL}""",
    "growth.new_patients": f"WITH {FIRST_VISIT} SELECT location_id, local_month, count(*) AS n FROM newcomers {CELL}",
    "growth.new_patients_by_channel": f"WITH {CHANNEL} SELECT location_id, local_month, channel AS dimension, count(*) AS n FROM came GROUP BY ALL",
    "growth.organic_share": f"""
        WITH {CHANNEL} SELECT location_id, local_month,
          count(*) FILTER (channel NOT IN (SELECT lower(trim(channel)) FROM marketing_spend WHERE amount > 0)) AS k, count(*) AS n
        FROM came WHERE channel <> 'unknown' GROUP BY 1, 2""",
    "growth.acquisition_cost": f"""
        WITH {FIRST_VISIT}, {COST},
        c AS (SELECT location_id, local_month, currency, sum(cost) AS cost FROM spent GROUP BY ALL),
        f AS (SELECT location_id, local_month, count(*) AS n FROM newcomers WHERE local_month IN (SELECT local_month FROM spent) GROUP BY ALL)
        SELECT location_id, local_month, coalesce(currency, 'USD') AS currency, cost, coalesce(n, 0) AS n FROM c FULL JOIN f USING (location_id, local_month)""",
    "growth.acquisition_cost_by_channel": f"""
        WITH {CHANNEL}, {COST},
        f AS (SELECT location_id, local_month, channel, count(*) AS n FROM came SEMI JOIN spent USING (local_month, channel) GROUP BY ALL)
        SELECT location_id, local_month, coalesce(currency, 'USD') AS currency, channel AS dimension, cost, coalesce(n, 0) AS n
        FROM spent FULL JOIN f USING (location_id, local_month, channel)""",
    "growth.marketing_spend": f"WITH {COST} SELECT location_id, local_month, currency, sum(cost) AS total, count(*) AS n FROM spent GROUP BY 1, 2, 3",
    "growth.marketing_share": f"""
        WITH {COST}, c AS (SELECT location_id, local_month, currency, sum(cost) AS cost FROM spent GROUP BY 1, 2, 3), r AS ({RECEIVED})
        SELECT location_id, local_month, currency, cost AS numerator, got AS denominator, (cost IS NOT NULL)::INT + (got IS NOT NULL)::INT AS n
        FROM c FULL JOIN r USING (location_id, local_month, currency)
        WHERE local_month IN (SELECT local_month FROM c) AND local_month IN (SELECT local_month FROM r)""",
    "finance.lifetime_value": f"""
        WITH {MONTHS_SEEN}, {ACTIVE}, {RETAINED}, r AS ({RECEIVED})
        SELECT location_id, local_month, 'USD' AS currency, got AS revenue, active,
          CASE WHEN local_month >= retained.opened + INTERVAL 23 MONTH AND n > 0 THEN k END AS k,
          CASE WHEN local_month >= retained.opened + INTERVAL 23 MONTH AND n > 0 THEN n END AS n
        FROM r FULL JOIN active USING (location_id, local_month) LEFT JOIN retained USING (location_id, local_month)""",
    "finance.charges": CHARGED,
    "finance.expenses_by_category": f"""
        SELECT location_id, local_month, currency, coalesce(nullif(lower(category), ''), 'unknown') AS dimension, sum(amount)::DOUBLE AS total, count(*) AS n
        FROM expense WHERE local_date <= {AS_OF} GROUP BY ALL""",
    "finance.collections": f"SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS total, count(*) AS n FROM payment WHERE local_date <= {AS_OF} {MONEY_CELL}",
    "finance.revenue_per_visit": f"""
        WITH r AS ({RECEIVED}), v AS (SELECT location_id, local_month, count(*) AS visits FROM appointment {REAL} WHERE {KEPT} {CELL})
        SELECT location_id, local_month, currency, got AS numerator, visits AS denominator, coalesce(visits, 0) AS n
        FROM r FULL JOIN v USING (location_id, local_month)
        WHERE local_month IN (SELECT local_month FROM r) AND local_month IN (SELECT local_month FROM v)""",
    "finance.net_collection": f"""
        WITH r AS ({RECEIVED}), c AS ({CHARGED}),
        a AS (SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS less FROM adjustment WHERE kind = 'contractual' AND local_date <= {AS_OF} {MONEY_CELL})
        SELECT location_id, local_month, currency, got AS numerator, coalesce(total, 0) - coalesce(less, 0) AS denominator, coalesce(n, 0) AS n
        FROM r FULL JOIN c USING (location_id, local_month, currency) FULL JOIN a USING (location_id, local_month, currency)""",
    "finance.denial_rate": f"SELECT location_id, local_month, count(*) FILTER (denied = first) AS k, count(*) AS n FROM ({DECIDED}) WHERE first IS NOT NULL {CELL}",
    "finance.clean_claim_rate": f"SELECT location_id, local_month, count(*) FILTER (denied IS DISTINCT FROM first AND (mended IS NULL OR mended > first)) AS k, count(*) AS n FROM ({DECIDED}) WHERE first IS NOT NULL {CELL}",
    "finance.denied_amount_by_reason": f"""
        SELECT location_id, local_month, currency, CASE WHEN reason_code = '' THEN 'unknown' ELSE reason_code END AS dimension, sum(amount)::DOUBLE AS total, count(*) AS n
        FROM adjustment WHERE kind = 'denial' AND local_date <= {AS_OF} GROUP BY ALL""",
    "finance.investment_by_component": f"""
        SELECT location_id, local_month, currency, coalesce(nullif(component, ''), 'unknown') AS dimension, sum(amount)::DOUBLE AS total, count(*) AS n
        FROM investment WHERE local_date <= {AS_OF} GROUP BY ALL""",
    "technology.investment_share": f"""
        WITH r AS ({RECEIVED}), i AS (SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS put, count(*) AS n FROM investment WHERE local_date <= {AS_OF} {MONEY_CELL})
        SELECT location_id, local_month, currency, put AS numerator, got AS denominator, coalesce(n, 0) + (got IS NOT NULL)::INT AS n
        FROM r FULL JOIN i USING (location_id, local_month, currency)""",
    "finance.days_in_ar": f"""
        WITH c AS ({CHARGED}), r AS ({RECEIVED}),
        a AS (SELECT location_id, local_month, currency, sum(amount)::DOUBLE AS less FROM adjustment WHERE {LOWERS} {MONEY_CELL}),
        months AS (SELECT unnest(generate_series(DATE '2023-01-01', {AS_OF}, INTERVAL 1 MONTH))::DATE AS local_month),
        flow AS (
          SELECT location_id, local_month, currency, coalesce(total, 0) AS total, coalesce(total, 0) - coalesce(got, 0) - coalesce(less, 0) AS rise, coalesce(n, 0) AS n
          FROM (SELECT DISTINCT location_id, currency FROM c) CROSS JOIN months
          LEFT JOIN c USING (location_id, local_month, currency) LEFT JOIN r USING (location_id, local_month, currency) LEFT JOIN a USING (location_id, local_month, currency)
        )
        SELECT * FROM (
          SELECT location_id, local_month, currency, sum(rise) OVER (w ROWS UNBOUNDED PRECEDING) AS numerator,
            sum(total) OVER (w ROWS 2 PRECEDING) / (last_day(local_month) - (local_month - INTERVAL 2 MONTH)::DATE + 1) AS denominator,
            sum(n) OVER (w ROWS 2 PRECEDING) AS n
          FROM flow WINDOW w AS (PARTITION BY location_id, currency ORDER BY local_month)
        ) WHERE local_month >= DATE '2023-03-01'""",
    "finance.open_receivables_by_age": f"""
        WITH c AS (
          SELECT location_id, currency, {ACCOUNT} AS account,
            sum(amount) FILTER (local_date < {AS_OF} - 90) AS a, sum(amount) FILTER (local_date BETWEEN {AS_OF} - 90 AND {AS_OF} - 61) AS b,
            sum(amount) FILTER (local_date BETWEEN {AS_OF} - 60 AND {AS_OF} - 31) AS c, sum(amount) FILTER (local_date >= {AS_OF} - 30) AS d
          FROM {OWED} WHERE local_date <= {AS_OF} GROUP BY 1, 2, 3
        ),
        p AS (
          SELECT location_id, currency, account, sum(amount) AS s FROM (
            SELECT location_id, currency, {ACCOUNT} AS account, amount FROM payment WHERE local_date <= {AS_OF}
            UNION ALL SELECT location_id, currency, {ACCOUNT}, amount FROM adjustment WHERE {LOWERS}
          ) GROUP BY 1, 2, 3
        ),
        books AS (
          SELECT location_id, currency, coalesce(a, 0) AS a, coalesce(b, 0) AS b, coalesce(c, 0) AS c, coalesce(d, 0) AS d, coalesce(s, 0) AS s
          FROM c FULL JOIN p USING (location_id, currency, account)
        ),
        aged AS (
          SELECT location_id, currency, greatest(least(a, a - s), 0) AS a, greatest(least(b, a + b - s), 0) AS b,
            greatest(least(c, a + b + c - s), 0) AS c, greatest(least(d, a + b + c + d - s), 0) AS d, a + b + c + d - s AS balance
          FROM books
        ),
        sums AS (SELECT location_id, currency, sum(a) AS a, sum(b) AS b, sum(c) AS c, sum(d) AS d, sum(balance - a - b - c - d) AS e,
          count(*) FILTER (a > 0) AS na, count(*) FILTER (b > 0) AS nb, count(*) FILTER (c > 0) AS nc, count(*) FILTER (d > 0) AS nd, count(*) FILTER (balance <> a + b + c + d) AS ne FROM aged GROUP BY 1, 2)
        SELECT location_id, DATE '2025-12-01' AS local_month, currency, unnest(['90+', '61-90', '31-60', '0-30', 'credit']) AS dimension,
          unnest([a, b, c, d, e])::DOUBLE AS total, unnest([na, nb, nc, nd, ne]) AS n FROM sums""",
    "finance.stated_receivables_by_age": """
        SELECT location_id, DATE '2025-12-01' AS local_month, currency, age AS dimension, sum(owed)::DOUBLE AS total, count(*) FILTER (owed <> 0) AS n
        FROM (
          SELECT location_id, currency, unnest(['0-30', '31-60', '61-90', '90+']) AS age, unnest([balance_0_30, balance_31_60, balance_61_90, balance_over_90]) AS owed
          FROM patient WHERE is_test IS DISTINCT FROM TRUE
        ) GROUP BY ALL""",
    "finance.open_receivables_by_payer": f"""
        WITH p AS (SELECT claim_id, currency, sum(amount) AS paid FROM payment WHERE claim_id <> '' AND local_date <= {AS_OF} GROUP BY 1, 2),
        a AS (SELECT claim_id, currency, sum(amount) AS less FROM adjustment WHERE claim_id <> '' AND ({SETTLES} OR kind = 'patient_share') AND local_date <= {AS_OF} GROUP BY 1, 2)
        SELECT location_id, DATE '2025-12-01' AS local_month, currency, coalesce(nullif(payer_name, ''), nullif(payer_id, ''), 'unknown') AS dimension,
          sum(amount - coalesce(paid, 0) - coalesce(less, 0))::DOUBLE AS total, count(*) AS n
        FROM claim LEFT JOIN p USING (claim_id, currency) LEFT JOIN a USING (claim_id, currency)
        WHERE claim_id <> '' AND local_date <= {AS_OF} AND is_predetermination IS DISTINCT FROM TRUE AND (closed_date IS NULL OR closed_date > {AS_OF})
          AND amount > coalesce(paid, 0) + coalesce(less, 0) GROUP BY ALL""",
    "operations.kept_visits": f"SELECT location_id, local_month, count(*) AS total, count(*) AS n FROM appointment {REAL} WHERE {KEPT} {CELL}",
    "operations.no_show_rate": f"SELECT location_id, local_month, count(*) FILTER (status = 'noshow') AS k, count(*) AS n {BOOKED} AND (status IN ('fulfilled', 'arrived', 'checked-in', 'noshow') OR {LATE}) {CELL}",
    "operations.late_cancel_rate": f"SELECT location_id, local_month, count(*) FILTER (status = 'cancelled') AS k, count(*) AS n {BOOKED} AND (status IN ('fulfilled', 'arrived', 'checked-in', 'noshow') OR {LATE}) {CELL}",
    "operations.no_shows": f"SELECT location_id, local_month, count(*) FILTER (status = 'noshow') AS n {BOOKED} AND status IN ('fulfilled', 'arrived', 'checked-in', 'noshow') {CELL}",
    "operations.wait_minutes": f"""
        SELECT location_id, local_month, count(*) AS n, sum(wait) AS total, sum(wait * wait) AS total_sq FROM (
          SELECT min(location_id) AS location_id, {MONTH.format("min(local_date) FILTER (event = 'arrived')")} AS local_month,
            min(local_date) FILTER (event = 'arrived') = min(local_date) FILTER (event = 'roomed') AS same_day,
            min(happened_at) FILTER (event = 'roomed') AS roomed, min(happened_at) FILTER (event = 'done') AS done,
            (epoch(min(happened_at) FILTER (event = 'roomed')) - epoch(min(happened_at) FILTER (event = 'arrived'))) / 60 AS wait
          FROM visit_event {REAL} WHERE appointment_id <> '' AND local_date <= {AS_OF} AND event IN ('arrived', 'roomed', 'done') GROUP BY source, appointment_id
        ) WHERE same_day AND wait BETWEEN 0 AND 240 AND (done IS NULL OR done > roomed) {CELL}""",
    "operations.third_next_available": f"""
        WITH o AS (SELECT location_id, provider_key, local_date, sum(coalesce(minutes, epoch(ends_at - starts_at) / 60)) AS minutes FROM availability WHERE kind = 'open' AND provider_key <> '' AND local_date > {AS_OF} GROUP BY 1, 2, 3),
        b AS (SELECT provider_key, local_date, sum(coalesce(minutes, epoch(ends_at - starts_at) / 60, 30)) AS busy FROM appointment
          WHERE local_date > {AS_OF} AND provider_key <> '' AND status IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled') GROUP BY 1, 2),
        free AS (SELECT location_id, provider_key, local_date,
          sum(greatest(minutes - coalesce(busy, 0), 0) // 30) OVER (PARTITION BY location_id, provider_key ORDER BY local_date) AS halves FROM o LEFT JOIN b USING (provider_key, local_date)),
        third AS (SELECT location_id, min(local_date) - {AS_OF} AS days FROM free WHERE halves >= 3 GROUP BY location_id, provider_key)
        SELECT location_id, DATE '2025-12-01' AS local_month, count(*) AS n, sum(days) AS total, sum(days * days) AS total_sq FROM third GROUP BY 1""",
    "operations.utilisation": f"""
        WITH o AS (SELECT location_id, local_month, sum(coalesce(minutes, epoch(ends_at - starts_at) / 60)) AS open FROM availability WHERE kind = 'open' AND provider_key <> '' AND local_date <= {AS_OF} {CELL}),
        u AS (SELECT location_id, local_month, sum(coalesce(minutes, epoch(ends_at - starts_at) / 60)) AS used, count(*) AS n
          FROM appointment {REAL} WHERE {KEPT} AND coalesce(minutes, epoch(ends_at)) IS NOT NULL {CELL})
        SELECT location_id, local_month, coalesce(used, 0) AS numerator, open AS denominator, coalesce(n, 0) AS n FROM o LEFT JOIN u USING (location_id, local_month) WHERE open > 0""",
    "operations.stock_outs": f"SELECT location_id, local_month, count(*) FILTER (kind = 'stock_out') AS n FROM stock_move WHERE local_date <= {AS_OF} {CELL}",
    "technology.online_booking": f"SELECT location_id, local_month, count(*) FILTER (lower(channel) IN ('online', 'portal', 'web', 'app')) AS k, count(*) AS n {BOOKED} AND channel <> '' AND status <> 'entered-in-error' {CELL}",
    "people.turnover": f"WITH {EMPLOYED} SELECT location_id, local_month, leavers AS events, years AS exposure, people AS n FROM employed",
    "people.leavers": f"WITH {EMPLOYED} SELECT location_id, local_month, leavers AS n FROM employed",
    "people.headcount": f"WITH {EMPLOYED} SELECT location_id, local_month, people AS total, people AS n FROM employed",
    "people.enps": f"SELECT location_id, local_month, count(*) AS n, count(*) FILTER (score >= 9) AS promoters, count(*) FILTER (score <= 6) AS detractors FROM staff_pulse WHERE {NPS.format('enps')} AND local_date <= {AS_OF} {CELL}",
    "people.engagement": _mean("staff_pulse", PUT, ASKED.format("engagement")),
    "people.burnout": _mean("staff_pulse", PUT, ASKED.format("burnout")),
    "people.training_hours": f"""
        WITH {EMPLOYED}, t AS (SELECT location_id, {MONTH.format("completed_date")} AS local_month, sum(hours) AS hours FROM training WHERE completed_date <= {AS_OF} GROUP BY ALL)
        SELECT location_id, local_month, hours AS numerator, years AS denominator, coalesce(people, 0) AS n FROM employed FULL JOIN t USING (location_id, local_month)
        WHERE local_month IN (SELECT local_month FROM employed)""",
}
