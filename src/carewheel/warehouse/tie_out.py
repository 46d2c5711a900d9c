"""The tie-out: a source's own totals against the facts, with the reasons for any difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from carewheel.catalog.amounts import exact
from carewheel.catalog.facts import fact_tables
from carewheel.warehouse.current import latest_sql
from carewheel.warehouse.spool import CENTS, SpoolingSink
from carewheel.warehouse.workspace import quoted, readable

KEPT = "FILTER (status IN ('fulfilled', 'arrived', 'checked-in'))"
# One visit, however often a source tells of it: FHIR as an Appointment and its Encounter, HL7 v2 by one message a step.
VISIT = "CASE WHEN appointment_id <> '' THEN appointment_id ELSE source_id END"
# Where the facts hold what the tie-out compares, and what of them it takes.
TIE_OUT = {
    "visits": ("appointment", f"count(DISTINCT {VISIT}) {KEPT}", "''"),
    "charges": ("charge", "coalesce(sum(amount), 0)", "currency"),
    "collections": ("payment", "coalesce(sum(amount), 0)", "currency"),
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where an import's rows are: staged, in the ledgers, and in the current facts (paths relative to ``root``)."""

    staging: Path
    ledgers: Mapping[str, Sequence[Path]]
    root: Path
    current: Mapping[str, str]

    def staged(self, table: str) -> str:
        return f"read_parquet({readable(self.staging / f'{table}.staged.parquet')})"


def facts_of(
    connection: duckdb.DuckDBPyConnection, places: Places, number: int, tables: Sequence[str]
) -> dict[str, int]:
    """How many facts of each table source ``number`` of the import told of."""
    return {
        name: connection.execute(
            f"SELECT count(DISTINCT source_id) FROM {places.staged(name)} WHERE path_no = ?", [number]
        ).fetchall()[0][0]
        for name in tables
    }


def tie_out(
    connection: duckdb.DuckDBPyConnection, places: Places, number: int, sink: SpoolingSink
) -> list[dict[str, str]]:
    """Hold the totals that source ``number`` of the import states against its facts.

    Four sums, each by currency: as the source states them; as staged; the latest versions with the same keys; and of
    these the ones that count, since no better source tells the same thing. Each visit counts once in all four: what the
    source's own sum has of the same visit again is taken off it, and said.
    """
    tallies: dict[tuple[str, str], Decimal] = {}
    for file in sink.reports:
        for key, amount in file.tallies.items():
            tallies[key] = tallies.get(key, Decimal(0)) + amount
    table: list[dict[str, str]] = []
    for what, (name, total, currency) in TIE_OUT.items():
        sums: list[dict[str, Decimal]] = [{}, {}, {}]
        again = Decimal(0)
        if name in sink.spools:
            mine = f"source = {quoted(sink.setting.source)} AND path_no = {number}"
            keys = (
                f"(source, source_id) IN (SELECT (source, source_id) FROM {places.staged(name)} WHERE {mine})"
            )
            latest = f"({latest_sql(fact_tables()[name], places.ledgers[name])})"
            current = f"read_parquet({readable(places.root / places.current[name])})"
            relations = ((places.staged(name), mine), (latest, keys), (current, keys))
            for part, (relation, where) in zip(sums, relations, strict=True):
                rows = connection.execute(
                    f"SELECT {currency}, {total} FROM {relation} WHERE {where} GROUP BY 1"
                )
                part.update({code: Decimal(amount) for code, amount in rows.fetchall()})
            if what == "visits":
                told = f"SELECT count(*) {KEPT} FROM {places.staged(name)} WHERE {mine}"
                again = connection.execute(told).fetchall()[0][0] - sums[0].get("", Decimal(0))
        currencies = {code for key, code in tallies if key == what}.union(*sums)
        for code in sorted(currencies):
            row = [
                tallies.get((what, code), Decimal(0)) - again,
                *(part.get(code, Decimal(0)) for part in sums),
            ]
            if any(row):
                table.append(_tie_out_row(what, code, row, again))
    return table


def _tie_out_row(what: str, currency: str, row: Sequence[Decimal], again: Decimal) -> dict[str, str]:
    # Facts hold four places; a source may print binary noise beyond them.
    in_source, staged, in_facts, counted = (amount.quantize(CENTS) for amount in row)
    visits = what == "visits"
    reasons = [
        ("refused or not placed", in_source - staged),
        (
            "told later as not kept" if visits else "the same thing told again, or told later otherwise",
            staged - in_facts,
        ),
        (
            "taken from a better source" + (", or not kept by the booking's own word" if visits else ""),
            in_facts - counted,
        ),
        ("told again of the same visits (as a booking and an encounter, say), each counted once", again),
    ]
    return {
        "what": what,
        "currency": currency,
        "in_source": _plain(in_source),
        "in_facts": _plain(in_facts),
        "difference": _plain(in_source - in_facts),
        "counted": _plain(counted),
        "because": "; ".join(
            f"{exact(amount, currency, visits)} {reason}" for reason, amount in reasons if amount
        ),
    }


def _plain(amount: Decimal) -> str:
    """An amount without needless zeros, but with cents where it has any.

    >>> _plain(Decimal("12.3000")), _plain(Decimal("7.0000")), _plain(Decimal("0.1234"))
    ('12.30', '7', '0.1234')
    """
    text = format(amount.normalize(), "f")
    return text + "0" if "." in text and len(text.split(".")[1]) == 1 else text
