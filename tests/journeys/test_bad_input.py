"""Bad input through the whole job: each bad file is a finding with its remedy, nothing of it is half-loaded, the rest is read.

Most of it lies in one folder and is turned once. The good rows of every file carry the file's name as their category, so
that the facts tell which file they came from.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from openpyxl import Workbook
from tests.journeys.turns import Turned, turn

from carewheel.warehouse.sources import list_sources
from carewheel.warehouse.workspace import Workspace

HEADER = "expense_id,expense_date,category,amount\n"
ISA = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *240101*0000*^*00501*000000001*0*P*:~"
GROUP = "GS*HP*A*B*20240101*0000*1*X*005010X221A1~"


class Case(NamedTuple):
    """A file's content, the codes of its findings, and how many of its rows become facts."""

    content: bytes
    codes: tuple[str, ...]
    facts: int = 0


def rows(name: str, count: int = 3) -> str:
    return "".join(f"{name}-{i},2025-01-{i % 28 + 1:02d},{name},10.00\n" for i in range(count))


def table(name: str, count: int = 3) -> str:
    return HEADER + rows(name, count)


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def workbook(name: str, count: int = 3) -> bytes:
    book = Workbook()
    page = book.active
    assert page is not None
    for line in table(name, count).splitlines():
        page.append(line.split(","))
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def flipped(content: bytes, *places: int) -> bytes:
    changed = bytearray(content)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)


def encrypted(content: bytes) -> bytes:
    """The archive with the flags of its first member set to encrypted, in both of its headers."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def oddly_packed(content: bytes) -> bytes:
    """The archive with a method of packing that nobody knows."""
    changed = bytearray(content)
    changed[8] = 99
    changed[content.index(b"PK\x01\x02") + 10] = 99
    return bytes(changed)


def patient(number: int) -> bytes:
    return b'{"resourceType":"Patient","id":"%d","gender":"male"}\n' % number


def cases() -> dict[str, Case]:
    whole = gzip.compress(table("gz", 20_000).encode())
    archive = zipped(("a.csv", table("zip", 20_000)))
    book = workbook("xlsx")
    damaged, unknown = ("file.damaged",), ("file.not-recognised",)
    found = {
        # Cut off.
        **{f"cut-{k}.csv.gz": Case(whole[:k], damaged) for k in (5, 10, 18, len(whole) // 2, len(whole) - 1)},
        **{
            f"cut-{k}.zip": Case(archive[:k], ("zip.damaged",))
            for k in (4, 30, len(archive) // 2, len(archive) - 22, len(archive) - 1)
        },
        **{f"cut-{k}.xlsx": Case(book[:k], ("xlsx.damaged",)) for k in (200, len(book) // 2, len(book) - 1)},
        "flipped.zip": Case(flipped(archive, 200, len(archive) // 2), damaged),
        "flipped.xlsx": Case(flipped(book, len(book) // 2), ("xlsx.damaged",)),
        "cut.csv": Case((table("cut.csv") + "9,2025-01-").encode(), ("csv.truncated-row",), 3),
        "cut.ndjson": Case(patient(1) + b'{"resourceType":"Patient","id', ("fhir.not-json",)),
        "cut.json": Case(b'{"resourceType":"Bundle","entry":[{"resource":', ("fhir.not-json",)),
        "cut.x12": Case(f"{ISA}{GROUP}ST*835*0001~BPR*I*10".encode(), ("x12.truncated",)),
        # Encodings.
        "utf16.csv": Case(table("utf16.csv").encode("utf-16"), (), 3),
        "utf16-cut.csv": Case(table("utf16-cut.csv").encode("utf-16")[:-1], ("csv.bad-amount", "csv.undecodable"), 2),
        "cp1252.csv": Case((table("cp1252.csv") + "m1,2025-01-01,Môle,1\n").encode("cp1252"), ("csv.encoding",), 3),
        "hole.csv": Case((table("hole.csv") + "m2,2025-01-01,M\x81,1\n").encode("latin-1"),
                         ("csv.encoding", "csv.undecodable"), 3),
        "mark-then-bad.csv": Case(b"\xef\xbb\xbf" + (table("mark-then-bad.csv") + "m3,2025-01-01,M\xe9,1\n").encode("latin-1"),
                                  ("csv.undecodable",), 3),
        "mark.ndjson": Case(b"\xef\xbb\xbf" + patient(2) + patient(3), ()),
        "utf16.ndjson": Case(patient(4).decode().encode("utf-16"), ("fhir.not-json",)),
        # Delimiters and ends of lines.
        "tilde.csv": Case(table("tilde.csv").replace(",", "~").encode(), unknown),
        "semicolon.csv": Case(table("semicolon.csv").replace(",", ";").encode(), (), 3),
        "two-delimiters.csv": Case((table("two-delimiters.csv") + "9;2025-01-01;x;1\n").encode(),
                                   ("csv.wrong-delimiter",), 3),
        "ends.csv": Case((HEADER + "e1,2025-01-01,ends.csv,1\r\ne2,2025-01-02,ends.csv,1\re3,2025-01-03,ends.csv,1\n"
                          "e4,2025-01-04,ends.csv,1").encode(), (), 4),
        # Archives that are not what they seem.
        "nested.zip": Case(zipped(("in.zip", zipped(("a.csv", table("deep")))), ("b.csv", table("nested.zip"))),
                           ("zip.nested",), 3),
        "nested-unnamed.zip": Case(zipped(("in.dat", zipped(("a.csv", table("deep"))))), ("zip.nested",)),
        "book-inside.zip": Case(zipped(("one.xlsx", workbook("book-inside.zip")), ("two.xlsx", book[:-1])),
                                ("zip.nested",), 3),
        "book.xlsx.gz": Case(gzip.compress(workbook("book.xlsx.gz")), (), 3),
        "odd-names.zip": Case(zipped(("/etc/a.csv", table("odd-names.zip")), ("../../b.csv", HEADER)),
                              ("csv.header-only",), 3),
        "encrypted.zip": Case(encrypted(zipped(("a.csv", table("secret")))), ("zip.encrypted",)),
        "method.zip": Case(oddly_packed(zipped(("a.csv", table("odd")))), ("zip.unsupported",)),
        "empty.zip": Case(zipped(), ("zip.empty",)),
        "empty-member.zip": Case(zipped(("a.csv", "")), ("file.empty",)),
        "letter.docx": Case(zipped(("[Content_Types].xml", "<x/>"), ("word/document.xml", "<x/>")),
                            ("file.office-document",)),
        "old.xls": Case(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, ("file.old-office",)),
        # Values and structure.
        "days.csv": Case((table("days.csv") + "8,0001-01-01,x,1\n9,2999-12-31,x,1\n").encode(), ("csv.missing-value",), 3),
        "keys.csv": Case((table("keys.csv", 1) + "keys.csv-0,2025-01-01,keys.csv,11.00\n").encode(),
                         ("csv.duplicate-key",), 1),
        "amount.csv": Case((table("amount.csv") + "9,2025-01-01,x,99999999999999999999\n").encode(),
                           ("money.impossible",), 3),
        "amount.ndjson": Case(b'{"resourceType":"Claim","id":"1","created":"2025-01-01","total":{"value":1e300}}\n',
                              ("money.impossible",)),
        "empty.csv": Case(b"", ("file.empty",)),
        "blank.csv": Case(b"\n \n", unknown),
        "deep.json": Case(b'{"resourceType":"Bundle","entry":' + b"[" * 200_000 + b"]" * 200_000 + b"}", ("fhir.not-json",)),
        "segment.x12": Case(f"{ISA}{GROUP}ST*835*0001~BPR*{'A' * (10 << 20)}~".encode(), ("x12.segment-too-long",)),
        "header-cut.x12": Case(ISA[:60].encode(), ("x12.bad-interchange-header",)),
        "types.json": Case(b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":["x"]}}]}', ("fhir.bad-shape",)),
        "bad-first-line.ndjson": Case(b'{"resourceType":"Patient","id":NaN}\n' + patient(5), ("fhir.not-json",)),
        "good.csv": Case(table("good.csv").encode(), (), 3),
    }  # fmt: skip
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(("a.csv", table("lost")), ("a.csv", table("two-of-a-name.zip")))
    found["two-of-a-name.zip"] = Case(twice, ("zip.duplicate-name",), 3)
    return found


class Folder(NamedTuple):
    made: Turned
    cases: dict[str, Case]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("bad")
    given = root / "given"
    given.mkdir()
    found = cases()
    for name, case in found.items():
        (given / name).write_bytes(case.content)
    (given / "folder.csv").mkdir()
    (given / "nowhere.csv").symlink_to(root / "missing")
    (given / "circle").symlink_to(given)
    os.mkfifo(given / "pipe.csv")
    return Folder(turn(root / "space", given, mappings=(), zone="America/Chicago", currency="USD"), found)


def test_every_bad_file_has_its_findings_and_no_good_one_has_any(folder: Folder) -> None:
    codes: dict[str, set[str]] = {name: set() for name in folder.cases}
    for finding in folder.made.findings:
        codes.setdefault(finding["file"].split("/")[1], set()).add(finding["code"])
    for name, case in folder.cases.items():
        if name == "cut.x12":
            assert set(case.codes) <= codes[name]
        else:
            assert codes[name] == set(case.codes), name
    assert codes["nowhere.csv"] == {"file.unreadable"}
    assert codes["pipe.csv"] == {"file.special"}
    assert set(codes) == set(folder.cases) | {"nowhere.csv", "pipe.csv"}


def test_a_file_of_which_nothing_could_be_read_is_refused_not_doubted(folder: Folder) -> None:
    refused = {file for file, _ in folder.made.refusals()}
    assert {"header-cut.x12", "cut.x12", "segment.x12", "tilde.csv", "utf16.ndjson"} <= refused


def test_of_every_file_all_good_rows_are_facts_or_none(folder: Folder) -> None:
    facts = dict(folder.made.ask("SELECT category, count(*) FROM expense GROUP BY 1"))
    assert {name: facts.get(name, 0) for name in folder.cases} == {
        name: case.facts for name, case in folder.cases.items()
    }
    strays = set(facts) - set(folder.cases)
    assert strays == {"Môle", "M\ufffd"}
    # Patients 1, 2, 3 and 5; the fourth was written in UTF-16.
    assert folder.made.count("patient") == 4


def test_every_refusal_says_what_to_do(folder: Folder) -> None:
    for finding in folder.made.findings:
        if finding["severity"] == "refused":
            assert finding["file"], finding
            assert finding["what"], finding
            assert finding["remedy"], finding


def test_read_is_used_and_refused_and_ignored(folder: Folder) -> None:
    for report in folder.made.outcome.sources:
        assert report.rows_read == report.rows_used + report.rows_refused + report.rows_ignored


def bomb_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        member.write(HEADER.encode())
        for _ in range(210):
            member.write(b"0" * (1 << 20))


def bomb_gz(path: Path) -> None:
    with gzip.open(path, "wb") as packed:
        packed.write(HEADER.encode())
        for _ in range(210):
            packed.write(b"1,2025-01-01,rent,1\n" * 52_429)


def bomb_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(50_000):
            archive.writestr(f"{number}.csv", "x")


def bomb_of_parts(path: Path) -> None:
    zeros = bytes(150 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(14):
            archive.writestr(f"{number}.csv", zeros)


def bomb_xlsx(path: Path) -> None:
    with (
        zipfile.ZipFile(io.BytesIO(workbook("bomb"))) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("xl/media/zeros", bytes(150 << 20))


# On Linux ru_maxrss survives exec: it would tell the peak of the test process that started this one. VmHWM does not.
MEASURED_RUN = """
import platform, re, resource, sys
from pathlib import Path
from carewheel.cli import main
try:
    main()
finally:
    if platform.system() == "Darwin":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    else:
        peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
    print(peak, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("build", "name", "code"),
    [
        (bomb_zip, "a.zip", "file.bomb"),
        (bomb_gz, "a.csv.gz", "file.bomb"),
        (bomb_of_many, "a.zip", "zip.too-many"),
        (bomb_of_parts, "a.zip", "file.bomb"),
        (bomb_xlsx, "a.xlsx", "file.bomb"),
    ],
)
def test_case_22_a_bomb_is_refused_in_little_memory_and_its_neighbour_is_read(
    tmp_path: Path, build: Callable[[Path], None], name: str, code: str
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    build(given / name)
    (given / "neighbour.csv").write_text(table("neighbour"))
    command = [sys.executable, "-c", MEASURED_RUN, "turn", str(given), "--currency", "USD", "--strict"]
    done = subprocess.run(
        [*command, "--workspace", str(tmp_path / "space")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 4, done.stderr
    assert int(done.stderr.split()[-1]) < 400 * 1024, "kB of memory at most"
    (report,) = [r for r in list_sources(Workspace(tmp_path / "space")) if r["rows_used"]]
    assert report["rows_used"] == 3
    made = turn(tmp_path / "space", given, mappings=(), currency="USD")
    assert {found for _, found in made.refusals()} == {code}
    assert made.ask("SELECT count(*), sum(amount) FROM expense") == [(3, 30)]


def test_names_with_odd_signs_are_shown_without_them_and_harm_nothing(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    names = [
        "line\nbreak.csv",
        "bell\x07\x1b[31m.csv",
        "😀.csv",
        "<script>alert(1)</script>".replace("/", "") + ".csv",
    ]
    for number, name in enumerate(names):
        (given / name).write_text(table(f"n{number}") + "9,soon,x,1\n")
    folder = os.fsencode(given) + b"/bytes-\xff"
    os.mkdir(folder)
    with open(folder + b"/\xfe.csv", "w") as stream:
        stream.write(table("bytes") + "9,soon,x,1\n")
    made = turn(tmp_path / "space", given, mappings=(), currency="USD")
    assert made.count("expense") == 3 * 5
    assert all(finding["file"].isprintable() for finding in made.findings)
    assert len(made.findings) == 5
    assert made.outcome.report_path is not None
    page = made.outcome.report_path.read_text("utf-8")
    assert "<script" not in page
    assert "\x1b" not in page


def test_the_workspace_among_the_sources_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table("a"))
    for _ in range(2):
        made = turn(tmp_path / "carewheel-workspace", tmp_path, mappings=(), currency="USD")
        assert made.findings == []
        assert made.count("expense") == 3


def test_a_file_that_vanishes_after_it_was_found_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carewheel.journeys import import_sources

    given = tmp_path / "given"
    given.mkdir()
    (given / "a.csv").write_text(table("a"))
    (given / "b.csv").write_text(table("b"))
    recognise = import_sources.recognise

    def vanishing(file: object, settings: object) -> object:
        found = recognise(file, settings)  # type: ignore[arg-type]
        (given / "a.csv").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(import_sources, "recognise", vanishing)
    made = turn(tmp_path / "space", given, mappings=(), currency="USD")
    assert made.refusals() == {("a.csv", "file.unreadable")}
    assert made.ask("SELECT DISTINCT category FROM expense") == [("b",)]
