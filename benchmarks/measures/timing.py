"""Times every computed card against the query written by hand, and compares the answers row by row; runs in a process of its own.

python -m benchmarks.measures.timing WORKSPACE ANSWER.json SECONDS_A_CARD [CARD …]
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from benchmarks.measures.by_hand import CELLS
from benchmarks.measures.facts import AS_OF
from benchmarks.tables import peak_mebibytes

from carewheel.catalog.measures import MODELLED, MeasureCard, measures
from carewheel.warehouse.measures import DuckDbEngine, MeasureResult, evaluate, latest_dates
from carewheel.warehouse.workspace import Workspace

LAST, OPENS = "DATE '2025-12-01'", "DATE '2025-01-01'"
ALLOWED, MOST_ROUNDS = 1.3, 20
VALUE = {
    "wilson": "sum(k) / nullif(sum(n), 0)",
    "t_mean": "sum(total) / nullif(sum(n), 0)",
    "nps": "100 * (sum(promoters) - sum(detractors)) / nullif(sum(n), 0)",
    "poisson_count": "sum(n)",
    "poisson_rate": "sum(events) / nullif(sum(exposure), 0)",
    "cost_per_count": "sum(cost) / nullif(sum(n), 0)",
    "ratio_months": "sum(numerator) / nullif(sum(denominator), 0)",
    "none": "sum(total)",
}
# (place, month, label) → (value, n); "" and None stand for all.
Rows = dict[tuple[str, Any, str], tuple[float | None, float]]


def result_sql(card: MeasureCard) -> str:
    """The hand-written cells rolled up: by place and month, by month, by place, in total, by label."""
    cells = CELLS[card.id]
    if card.interval == "lifetime":
        yearly = (
            "sum(revenue) OVER {0} / (sum(active) OVER {0} / 12) * 1.1 / (1.1 - k / nullif(n, 0)) AS value, n"
        )
        return f"""
            WITH cells AS ({cells}), months AS (
              SELECT local_month, sum(revenue) AS revenue, sum(active) AS active, sum(k) AS k, sum(n) AS n FROM cells GROUP BY 1
            ), rolled AS (
              SELECT location_id, local_month, {yearly.format("a")} FROM cells
              WINDOW a AS (PARTITION BY location_id ORDER BY local_month ROWS 11 PRECEDING)
              UNION ALL SELECT NULL, local_month, {yearly.format("b")} FROM months
              WINDOW b AS (ORDER BY local_month ROWS 11 PRECEDING)
            )
            SELECT location_id, local_month, NULL, value, n FROM rolled
            UNION ALL SELECT location_id, NULL, NULL, value, n FROM rolled WHERE local_month = {LAST}"""
    sums = f"{VALUE[card.interval]} AS value, sum(n) AS n"
    label, sets = ("dimension", ", (dimension)") if card.dimension else ("NULL", "")
    opens = OPENS if card.window == "sum12" else LAST
    return f"""
        WITH cells AS ({cells})
        SELECT location_id, local_month, NULL, {sums} FROM cells WHERE local_month <= {LAST}
        GROUP BY GROUPING SETS ((location_id, local_month), (local_month))
        UNION ALL
        SELECT location_id, NULL, {label}, {sums} FROM cells WHERE local_month BETWEEN {opens} AND {LAST}
        GROUP BY GROUPING SETS ((location_id), (){sets})"""


def by_hand(connection: duckdb.DuckDBPyConnection, card: MeasureCard) -> list[tuple[Any, ...]]:
    return connection.execute(result_sql(card)).fetchall()


def rows_by_hand(answer: list[tuple[Any, ...]]) -> Rows:
    return {
        (place or "", month, label or ""): (None if value is None else float(value), float(n or 0))
        for place, month, label, value, n in answer
    }


def rows_of(result: MeasureResult) -> Iterator[tuple[tuple[str, Any, str], float | None, float, bool]]:
    """Every row that the product gives: key, value, n, and whether a missing value only means too small an n."""
    for place, series in (("", result.monthly), *result.by_location_month.items()):
        for month, value, n in zip(result.months, series.value.tolist(), series.n.tolist(), strict=True):
            yield (place, month, ""), None if math.isnan(value) else value, n, False
    for place, total in (("", result.total), *result.by_location.items()):
        yield (place, None, ""), total.value, total.n, total.status == "not_enough_data"
    for row in result.dimension:
        yield ("", None, row.label), row.value.value, row.value.n, row.value.status == "not_enough_data"


def compared(result: MeasureResult, hand: Rows) -> tuple[int, list[str]]:
    """How many rows are equal, and which are not (the first few)."""
    equal, unequal, seen = 0, [], set()
    for key, value, n, hidden in rows_of(result):
        other, other_n = hand.get(key, (None, 0.0))
        seen.add(key)
        same = hidden or (
            (value is None) == (other is None)
            and (value is None or other is None or math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9))
        )
        if same and n == other_n:
            equal += 1
        else:
            unequal.append(f"{key}: {value} n {n}, by hand {other} n {other_n}")
    unequal += [
        f"{key}: only by hand {hand[key]}" for key in hand if key not in seen and hand[key][0] is not None
    ]
    return equal, unequal[:5]


def time_card(
    connection: duckdb.DuckDBPyConnection, engine: DuckDbEngine, card: MeasureCard, latest: Any, budget: float
) -> dict[str, Any]:
    """Ours and the hand-written query in turns until ``budget`` seconds are spent; where ours seems slow, three times at least."""
    ours: list[float] = []
    theirs: list[float] = []
    ratio, warm = math.inf, False
    while len(ours) < MOST_ROUNDS and (
        not ours or sum(ours) + sum(theirs) < budget or (ratio > ALLOWED and len(ours) < 3 and budget > 1)
    ):
        # Who goes first changes: the second finds warmer caches.
        for mine in (True, False) if len(ours) % 2 == 0 else (False, True):
            start = time.perf_counter()
            if mine:
                result = evaluate(card, engine, AS_OF, latest=latest)
                ours.append(time.perf_counter() - start)
            else:
                answer = by_hand(connection, card)
                theirs.append(time.perf_counter() - start)
        if not warm and ours[0] + theirs[0] < budget:
            # Whoever reads a file first pays for it: a first round that costs little is not counted.
            ours.clear()
            theirs.clear()
            warm = True
            continue
        ratio = statistics.median(ours) / statistics.median(theirs)
    equal, unequal = compared(result, rows_by_hand(answer))
    return {
        "id": card.id,
        "ours": statistics.median(ours),
        "theirs": statistics.median(theirs),
        "ratio": ratio,
        "rounds": len(ours),
        "equal": equal,
        "unequal": unequal,
        "peak": peak_mebibytes(),
    }


def main() -> None:
    workspace, out, budget = Workspace(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3])
    connection = workspace.connect()
    engine = DuckDbEngine(connection)
    cards = [
        card
        for card in measures().values()
        if card.status == "computed"
        and card.interval not in MODELLED
        and card.id in (sys.argv[4:] or measures())
    ]
    latest = latest_dates(engine, {fact for card in cards for fact in card.facts}, AS_OF)
    timed = []
    for card in cards:
        if card.id in CELLS:
            timed.append(time_card(connection, engine, card, latest, budget))
            print(
                {k: round(v, 3) if isinstance(v, float) else v for k, v in timed[-1].items()},
                file=sys.stderr,
                flush=True,
            )
    out.write_text(
        json.dumps(
            {
                "cards": timed,
                "lacking": [card.id for card in cards if card.id not in CELLS],
                "peak": peak_mebibytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
