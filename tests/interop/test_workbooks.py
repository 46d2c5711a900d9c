"""Workbooks hold their strings apart and may claim any number of rows: read in little memory, and as openpyxl reads them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from openpyxl import Workbook, load_workbook
from tests.interop.tables_on_disk import files_under

from carewheel.interop.files import FileRefused
from carewheel.interop.tabular.workbooks import workbook_rows

TEXTS = [
    "",
    "plain",
    "Ünïcode ✓ 😀",
    " spaces ",
    "two\nlines",
    "_x005F_x0041_ escaped",
    "a & b < c",
    "again",
    "again",
    "=1+1",
]


def save(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    book.save(path)
    return path


def changed(path: Path, **changes: tuple[bytes, bytes]) -> Path:
    """The workbook with parts rewritten: by the part's name without folder and ending, (old, new)."""
    other = path.with_name("other.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            old, new = changes.pop(Path(name).name.split(".")[0].strip("[]_"), (b"", b""))
            assert old in content
            target.writestr(name, content.replace(old, new) if old else content)
        for part, (_, content) in changes.items():
            target.writestr(f"xl/{part}.xml", content)
    return other


def shared(folder: Path, *items: str) -> Path:
    """A workbook as Excel writes it: one cell a row, its string the item of that number in a part of their own."""
    plain = save(folder / "book.xlsx", [["cell"]])
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    rows = "".join(f'<row r="{n + 1}"><c r="A{n + 1}" t="s"><v>{n}</v></c></row>' for n in range(len(items)))
    return changed(
        plain,
        sheet1=(b'<row r="1"><c r="A1" t="inlineStr"><is><t>cell</t></is></c></row>', rows.encode()),
        Content_Types=(
            b"</Types>",
            f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode(),
        ),
        sharedStrings=(b"", f'<sst xmlns="{main}">{"".join(f"<si>{i}</si>" for i in items)}</sst>'.encode()),
    )


def rows_of(path: Path) -> list[list[str]]:
    (file,) = files_under(path)
    return list(workbook_rows(file))


def test_strings_are_those_that_openpyxl_reads(tmp_path: Path) -> None:
    path = shared(
        tmp_path,
        *(f'<t xml:space="preserve">{escape(text)}</t>' for text in TEXTS),
        "<r><rPr><b/></rPr><t>half bold</t></r><r><t> and not</t></r>",
        '<t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>',
        "",
        "<t/>",
    )
    page = load_workbook(path, read_only=True, data_only=True).worksheets[0]
    page.reset_dimensions()
    read = [["" if cell is None else str(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    assert rows_of(path) == read
    assert [cell for (cell,) in read[len(TEXTS) :]] == ["half bold and not", "東京", "", ""]
    assert [cell for (cell,) in read[: len(TEXTS)]] == [text.replace("_x005F_", "_") for text in TEXTS]


def test_a_cell_that_names_a_string_which_is_not_there_refuses_the_workbook(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", [["one"]])
    inline = b't="inlineStr"><is><t>one</t></is>'
    with pytest.raises(FileRefused, match="damaged"):
        rows_of(changed(path, sheet1=(inline, b't="s"><v>7</v>')))


@pytest.mark.parametrize("stated", [b"A1", b"A1:XFD1048576"])
def test_what_a_sheet_says_of_its_own_size_loses_no_row_and_adds_no_column(
    tmp_path: Path, stated: bytes
) -> None:
    path = save(tmp_path / "book.xlsx", [["one", "two"], ["three", "four"]])
    found = rows_of(changed(path, sheet1=(b'ref="A1:B2"', b'ref="%s"' % stated)))
    assert found == [["one", "two"], ["three", "four"]]


def test_a_sheet_that_claims_more_rows_than_a_sheet_can_have_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", [["one"], ["two"]])
    with pytest.raises(FileRefused, match="damaged"):
        rows_of(changed(path, sheet1=(b'<row r="2"', b'<row r="2000000000"')))
