"""For tests of X12: excerpts, small sets written by hand, and reading them into memory."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.interop.collecting import Collected, CollectingSink

from carewheel.interop import x12
from carewheel.interop.files import ReadSettings, SourceFile

EXCERPTS = Path(__file__).parent / "excerpts" / "x12"
SETTINGS = ReadSettings(today=date(2026, 1, 31))
ISA = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240301*1200*^*00501*000000001*0*P*:"


def read_file(path: Path) -> Collected:
    return read_files([path]).files[0]


def read_files(paths: list[Path]) -> CollectingSink:
    sink = CollectingSink()
    files = [SourceFile(path, path.name) for path in paths]
    x12.read([(file, x12.recognise(file.sample(), SETTINGS)) for file in files], sink, SETTINGS)
    return sink


def read_text(folder: Path, text: str, name: str = "it.edi") -> Collected:
    path = folder / name
    path.write_bytes(text.encode())
    return read_file(path)


def interchange(version: str, *sets: str, control: str = "1") -> str:
    """Sets in one group and interchange; each set's segments one a line, from ST to the one before SE."""
    group = {"005010X221A1": "HP"}.get(version, "HC")
    parts = [
        ISA.replace("000000001", control.zfill(9)),
        f"GS*{group}*A*B*20240301*1200*{control}*X*{version}",
    ]
    for text in sets:
        segments = [line.strip() for line in text.splitlines() if line.strip()]
        parts += [*segments, f"SE*{len(segments) + 1}*{segments[0].split('*')[2]}"]
    parts += [f"GE*{len(sets)}*{control}", f"IEA*1*{control.zfill(9)}"]
    return "~\n".join(parts) + "~\n"


PROFESSIONAL = """
    ST*837*0001*005010X222A1
    BHT*0019*00*1*20240301*1200*CH
    NM1*41*2*BILLING OFFICE*****46*123
    PER*IC*OFFICE*TE*8005550100
    NM1*40*2*SOME PAYER*****46*456
    HL*1**20*1
    NM1*85*2*INVENTED PRACTICE*****XX*1234567893
    N3*1 MAIN ST
    N4*ANYTOWN*FL*327147244
    REF*EI*000000001
    HL*2*1*22*0
    SBR*P*18*******CI
    NM1*IL*1*INVENTED*PERSON****MI*M1
    N3*2 MAIN ST
    N4*ANYTOWN*FL*32714
    DMG*D8*19710101*F
    NM1*PR*2*SOME PAYER*****PI*PAY1
    CLM*A1*150***11:B:1*Y*A*Y*Y
    HI*ABK:J020*ABF:R509
    LX*1
    SV1*HC:99213*100*UN*1***1:2
    DTP*472*D8*20240228
    LX*2
    SV1*HC:87880*50*UN*1***1
    DTP*472*D8*20240229
"""

REMITTANCE = """
    ST*835*0001
    BPR*I*80*C*ACH*CCP*01*999*DA*1*1999999999**01*999*DA*2*20240315
    TRN*1*EFT1*1999999999
    DTM*405*20240314
    N1*PR*SOME PAYER*XV*PAY1
    N3*1 PAYER ST
    N4*ANYTOWN*FL*32714
    PER*BL*HELP*TE*8005550101
    N1*PE*INVENTED PRACTICE*XX*1234567893
    LX*1
    CLP*A1*1*150*80*20*12*ICN1*11*1
    NM1*QC*1*INVENTED*PERSON****MI*M1
    SVC*HC:99213*100*80**1
    DTM*472*20240228
    CAS*PR*2*20
    SVC*HC:87880*50*0**0
    DTM*472*20240229
    CAS*CO*97*50
    LQ*HE*N19
"""
