"""Large files of invented content, one writer a format; each writes about as many bytes as it is asked for."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.fhir_peers import BUNDLED
from benchmarks.x12_peers import claims_835, claims_837

Writer = Callable[[Path, int], int]
CLAIMS_A_SET = 2_000
MAPPING = """
name = "bench"
table = "appointment"
source = "bench"
source_id = ["Visit"]
zone = "America/New_York"

[recognise]
columns = ["Visit", "Person", "Doctor", "Office", "Begins", "Length", "State"]

[columns]
appointment_id = { from = "Visit" }
patient_key = { from = "Person" }
provider_key = { from = "Doctor" }
location_id = { from = "Office" }
starts_at = { from = "Begins", format = "%Y-%m-%d %H:%M:%S" }
minutes = { from = "Length" }
status = { from = "State", map = { done = "fulfilled", missed = "noshow", off = "cancelled" } }
raw_status = { from = "State" }

[constants]
basis = "appointment"
"""
HEADER = "Visit,Person,Doctor,Office,Begins,Length,State,Remarks that are not read"
# Exports of real systems hold dozens of further columns: rows of 300 to 500 bytes, most of which nobody reads.
REMARKS = "nothing of note; " * 18


def _rows() -> Iterator[tuple[int, str, str]]:
    """Row numbers with a day and a time that look spread out."""
    number = 0
    while True:
        yield (
            number,
            f"202{number % 4}-{number % 12 + 1:02}-{number % 28 + 1:02}",
            f"{8 + number % 9:02}:{number % 4 * 15:02}:00",
        )
        number += 1


def _lines(path: Path, size: int, head: str, line: Callable[[int, str, str], str]) -> int:
    """Lines until the file is as large as asked for; returns how many."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        written += stream.write(head)
        for number, day, time in _rows():
            if written >= size:
                return number
            written += stream.write(line(number, day, time))
    raise AssertionError


def csv_appointments(path: Path, size: int) -> int:
    states = ("done", "done", "done", "missed", "off")
    return _lines(
        path,
        size,
        HEADER + "\n",
        lambda n, day, time: (
            f"V{n},P{n % 400_000},D{n % 40},Office {n % 12},{day} {time},30,{states[n % 5]},{REMARKS}\n"
        ),
    )


def ndjson_encounters(path: Path, size: int) -> int:
    lines = gzip.decompress((BUNDLED / "Encounter.ndjson.gz").read_bytes()).splitlines()
    written = number = 0
    with path.open("wb") as stream:
        while written < size:
            around, which = divmod(number, len(lines))
            written += stream.write(lines[which].replace(b'"id":"', b'"id":"%d-' % around, 1) + b"\n")
            number += 1
    return number


def _interchanges(path: Path, size: int, claims: Callable[[int], str]) -> int:
    """Interchanges of 2,000 claims each, with control and claim numbers of their own."""
    pattern = claims(CLAIMS_A_SET)
    control = pattern[:106].split("*")[13]
    written = number = 0
    with path.open("w", encoding="ascii", newline="") as stream:
        while written < size:
            text = pattern.replace(f"*{control}*", f"*{number:09}*", 1).replace(
                f"*{control}~", f"*{number:09}~"
            )
            text = text.replace("CLM*C", f"CLM*C{number}-").replace("CLP*C", f"CLP*C{number}-")
            written += stream.write(text)
            number += 1
    return number * CLAIMS_A_SET


def x12_claims(path: Path, size: int) -> int:
    return _interchanges(path, size, claims_837)


def x12_remittances(path: Path, size: int) -> int:
    return _interchanges(path, size, claims_835)


def hl7_bookings(path: Path, size: int) -> int:
    """Bookings; every third of them is told twice, the second time as moved, thousands of messages later."""

    def message(n: int, day: str, time: str) -> str:
        begins = day.replace("-", "") + time.replace(":", "")
        trigger, visit = ("S13", n - 30_001) if n % 4 == 3 and n > 30_001 else ("S12", n)
        return (
            f"MSH|^~\\&|APP|FAC|X|Y|{begins}-0500||SIU^{trigger}^SIU_S12|M{n}|P|2.5\r"
            f"SCH|P{visit}|F{visit}|||||CHECKUP^Check-up|Normal|30|min|^^30^{begins}-0500^{begins}-0500||||||||||||||Booked\r"
            f"PID|1||MRN{n % 400_000}^^^FAC^MR||Invented^Person||19710203|F\r"
            f"AIL|1||CLINIC^R1^^SITE A\rAIP|1||D{n % 40}^Doctor\r"
        )

    return _lines(path, size, "", message)


def opendental_procedures(path: Path, size: int) -> int:
    head = "ProcNum,PatNum,AptNum,PlannedAptNum,ProcDate,ProcFee,ProcStatus,ProvNum,ClinicNum,CodeNum,UnitQty,BaseUnits,Discount,DateTP,DateComplete,DateTStamp,BillingNote\n"
    return _lines(
        path,
        size,
        head,
        lambda n, day, time: (
            f"{n + 1},{n % 400_000 + 1},{n // 2 + 1},0,{day},{n % 300}.50,{1 + n % 2},{n % 7},{n % 3},{n % 200},1,0,0,{day},{day},{day} {time},{REMARKS}\n"
        ),
    )


def xlsx_appointments(path: Path, size: int) -> int:
    """One sheet with a row for each 2,000 bytes of ``size`` (2 GiB: all that it can hold), at most the 1,048,575 that a sheet can hold below its heading."""
    rows = min(size // 2_000, 1_048_575)

    def row(cells: tuple[object, ...]) -> str:
        return "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells) + "</row>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="visits" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{main}"><sheetData>{row(tuple(HEADER.split(",")))}'.encode())
            for number, day, time in _rows():
                if number == rows:
                    break
                sheet.write(
                    row(
                        (
                            f"V{number}",
                            f"P{number % 400_000}",
                            "D1",
                            "Office 1",
                            f"{day} {time}",
                            30,
                            "done",
                            "",
                        )
                    ).encode()
                )
            sheet.write(b"</sheetData></worksheet>")
    return rows


def json_bundle(path: Path, size: int) -> int:
    """One Bundle as a single JSON document."""
    line = gzip.decompress((BUNDLED / "Encounter.ndjson.gz").read_bytes()).splitlines()[0]
    entry = b'{"resource":' + line + b"}"
    count = size // len(entry) + 1
    with path.open("wb") as stream:
        stream.write(b'{"resourceType":"Bundle","type":"collection","entry":[\n' + entry)
        for _ in range(count - 1):
            stream.write(b",\n" + entry)
        stream.write(b"]}")
    return count


# Name of the file, what it is, who writes it.
WRITERS: dict[str, tuple[str, Writer]] = {
    "visits.csv": ("CSV of appointments, by a mapping", csv_appointments),
    "Encounter.ndjson": ("FHIR NDJSON, Encounter", ndjson_encounters),
    "claims.edi": ("X12 837P", x12_claims),
    "remittances.edi": ("X12 835", x12_remittances),
    "bookings.hl7": ("HL7 v2 SIU batch", hl7_bookings),
    "procedurelog.csv": ("Open Dental procedurelog", opendental_procedures),
    "visits.xlsx": ("XLSX of appointments, by a mapping (a full sheet)", xlsx_appointments),
}
