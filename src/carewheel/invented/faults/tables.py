"""Faults of tables: dates that stand for nothing, rows twice, months missing, treatments without a fee, odd ways of writing."""

from __future__ import annotations

from collections.abc import Callable

from carewheel.interop.tabular.opendental.writing import NO_DAY
from carewheel.invented.faults.sites import Planted, Row, Site

PATIENTS, PROCEDURES, LINES = (f"opendental/{name}.csv" for name in ("patient", "procedurelog", "claimproc"))
SURVEYS = "tables/surveys.csv"
# What databases and people write where there is no date: file, column, what stands there for none, what is put there.
SENTINELS = (
    (PATIENTS, "DateFirstVisit", NO_DAY, "1900-01-01"),
    (PROCEDURES, "DateTP", NO_DAY, "1900-01-01"),
    ("tables/staff.csv", "ended_date", "", "2999-12-31"),
    ("tables/training.csv", "completed_date", "", "0001-01-01"),
    ("tables/reviews.csv", "replied_at", "", "1900-01-01 00:00:00"),
)
# Tables in which every row has a key of its own.
KEYED = (
    SURVEYS, "tables/invitations.csv", "tables/expenses.csv", "tables/stock.csv", "opendental/procedurelog.csv",
    "opendental/paysplit.csv", "opendental/claimproc.csv", "ledger/payments.csv", "ledger/adjustments.csv",
)  # fmt: skip
# Small tables whose facts can be told by their keys.
SMALL = (
    "tables/reviews.csv",
    "tables/referrals.csv",
    "tables/spend.csv",
    "tables/expenses.csv",
    "tables/investments.csv",
)
FEWEST_ANSWERS = 10  # a month; with fewer nobody can tell that one is missing
BOM = "\ufeff"
STREET, ACCENTED = "Invented Street", "Inventé Street"


def sentinel_dates(site: Site, share: float) -> list[Planted]:
    """Where a date is not known, a date stands that is none."""
    planted = []
    for file, column, nothing, sentinel in SENTINELS:
        if not site.has(file):
            continue
        rows = site.rows(file)
        key = next(iter(rows[0]))
        chosen = site.choose(
            f"sentinel-dates {file}",
            [row for row in rows if row[column] == nothing and site.free(file, row[key])],
            share,
        )
        for row in chosen:
            row[column] = sentinel
        if chosen:
            site.put_rows(file, rows)
            planted.append(Planted(file, tuple(row[key] for row in chosen)))
    return planted


def undated_answers(site: Site, share: float) -> list[Planted]:
    """Answers to surveys lost their date."""
    rows = site.rows(SURVEYS)
    chosen = site.choose("undated-answers", rows, share)
    for row in chosen:
        row["answered_at"] = "1900-01-01 00:00:00"
    site.put_rows(SURVEYS, rows)
    keys = tuple(row["response_id"] for row in chosen)
    site.take(SURVEYS, keys)
    return [Planted(SURVEYS, keys)]


def missing_month(site: Site, share: float) -> list[Planted]:
    """The answers of a whole month are not in the export."""
    rows = site.rows(SURVEYS)
    months = sorted({_month(row) for row in rows})
    if len(rows) < 2 * FEWEST_ANSWERS * len(months):
        return []
    chosen = site.choose("missing-month", months[1:-1], share)
    site.put_rows(SURVEYS, [row for row in rows if _month(row) not in chosen])
    return [Planted(SURVEYS, tuple(f"{site.location_id} {month}" for month in chosen))] if chosen else []


def without_fee(site: Site, share: float) -> list[Planted]:
    """Treatments were set complete before their fee was entered (those that no insurer was asked for)."""
    rows = site.rows(PROCEDURES)
    insured = {row["ProcNum"] for row in site.rows(LINES)}
    ours = [
        row
        for row in rows
        if row["ProcStatus"] == "2" and row["ProcFee"] != "0.00" and row["ProcNum"] not in insured
    ]
    chosen = site.choose("without-fee", ours, share)
    for row in chosen:
        row["ProcFee"] = "0.00"
    site.put_rows(PROCEDURES, rows)
    return [Planted(PROCEDURES, tuple(row["ProcNum"] for row in chosen))] if chosen else []


def rows_twice(site: Site, share: float) -> list[Planted]:
    """Rows stand twice in their table, word for word."""
    planted = []
    for file in filter(site.has, KEYED):
        rows = site.rows(file)
        key = next(iter(rows[0]))
        free = [row[key] for row in rows if site.free(file, row[key])]
        chosen = set(site.choose(f"rows-twice {file}", free, share))
        site.put_rows(file, [row for one in rows for row in [one] * (1 + (one[key] in chosen))])
        planted.append(Planted(file, tuple(row[key] for row in rows if row[key] in chosen)))
    return planted


def byte_order_mark(site: Site, share: float) -> list[Planted]:
    """A spreadsheet put its mark before the first column's name."""
    return _written_otherwise(site, "byte-order-mark", share, lambda text: BOM + text)


def semicolons(site: Site, share: float) -> list[Planted]:
    """A spreadsheet of another country separates columns by semicolons."""
    return _written_otherwise(site, "semicolons", share, lambda text: text.replace(",", ";"))


def mixed_line_ends(site: Site, share: float) -> list[Planted]:
    """Pieces from several machines were put together: every other line ends otherwise."""

    def mixed(text: str) -> str:
        lines = text.split("\n")
        return "".join(line + ("\r\n" if number % 2 else "\n") for number, line in enumerate(lines[:-1]))

    return _written_otherwise(site, "mixed-line-ends", share, mixed)


def windows_1252(site: Site, share: float) -> list[Planted]:
    """A table with accents in it is not in UTF-8."""
    planted = []
    for file in site.choose("windows-1252", site.names(PATIENTS), share):
        site.put_text(file, site.text(file).replace(STREET, ACCENTED), "cp1252")
        planted.append(Planted(file, (file,)))
    return planted


def _written_otherwise(site: Site, kind: str, share: float, write: Callable[[str], str]) -> list[Planted]:
    plain = [
        file for file in SMALL if site.has(file) and site.free("file", file) and ";" not in site.text(file)
    ]
    planted = []
    for file in site.choose(kind, plain, share):
        keys = tuple(dict.fromkeys(next(iter(row.values())) for row in site.rows(file)))
        site.put_text(file, write(site.text(file)))
        site.take("file", (file,))
        planted.append(Planted(file, keys))
    return planted


def _month(row: Row) -> str:
    return row["answered_at"][:7]
