"""Truths about single people and visits, for scoring what learns: Parquet files under ``truth/``."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from carewheel.invented.exports.fragments import Keys, copied
from carewheel.invented.exports.names import patient_id, visit_id
from carewheel.invented.location import Lived

DISCOUNT = 0.10


def write_individuals(lived: Lived, folder: Path, name: str) -> None:
    """``visits/NAME.parquet``: no-show probability at booking. ``patients/NAME.parquet``: chance to stay a year and the
    lifetime value, in USD: what is collected a year from such a person, discounted by 10 % a year, with the person's
    own chance to stay as it is on the last day. Both keys stand there: that of the exports and the pseudonym of `--write facts`.
    """
    book = lived.book
    keys = Keys(book.seed, book.location.location_id)
    visit, patient = book["visit"], book["patient"]
    stays = lived.people["stays_a_year"][: len(patient["patient"])]
    kept = max(int((visit["status"] == 1).sum()), 1)
    money = float(book["decision"]["paid"].sum() + book["receipt"]["cents"].sum()) / 100
    seen = visit["status"][visit["status"] > 0]
    a_year = patient["need"] * float((seen == 1).mean() if len(seen) else 1.0) * money / kept
    value = a_year * (1 + DISCOUNT) / (1 + DISCOUNT - stays)
    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        for table, columns, key in (
            ("visits", {
                "row": visit["visit"], "id": np.array([visit_id(book, int(v)) for v in visit["visit"]], dtype=object),
                "no_show_probability": visit["no_show_probability"], "status": visit["status"],
            }, keys.visit("row")),
            ("patients", {
                "row": patient["patient"],
                "id": np.array([patient_id(book, int(p)) for p in patient["patient"]], dtype=object),
                "stays_a_year": stays, "lifetime_value_usd": value,
                "visits_wanted_a_year": patient["need"], "left": patient["left_day"] >= 0,
            }, keys.person("p", "row")),
        ):  # fmt: skip
            to = folder / table
            to.mkdir(parents=True, exist_ok=True)
            connection.register("given", columns)
            query = f"SELECT {key} AS fact_key, * EXCLUDE (row) FROM given"
            connection.execute(copied(query, to / f"{name}.parquet"))
            connection.unregister("given")
    finally:
        connection.close()
