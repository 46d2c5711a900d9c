"""All 837 and 835 of the shared data: our verdict on each file, and counts and sums held to a plain count of the raw text.

Validators' verdicts stand in ``x12_third_party_validators.csv``. A file is used unless they say that it is broken; where they
differ, the table below says why we side with whom. Every other 837 and 835 is used.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.x12_reading import read_file, read_files

pytestmark = pytest.mark.needs_data

# file -> the code of the first finding. Of imsweb's files all carry a wrong SE01, which pyx12 counts and the other two
# never look at: where only "x12.segment-count" is named, we side with pyx12 against a "valid" of stupidedi or LinuxForHealth.
REFUSED = {
    "imsweb-x12-parser__837_5010_x12_ambiguous_loop.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_bad_first_line.txt": "x12.bad-interchange-header",  # LinuxForHealth only splits
    "imsweb-x12-parser__837_5010_x12_bad_segment_identifier.txt": "x12.unknown-segment",
    "imsweb-x12-parser__837_5010_x12_bad_valid_code.txt": "x12.bad-code",
    "imsweb-x12-parser__837_5010_x12_complex.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_loop_errors1_exceeds_max_1_parent.txt": "x12.too-many",
    "imsweb-x12-parser__837_5010_x12_loop_errors2_exceeds_max_repeats_multiple_parents.txt": "x12.too-many",
    "imsweb-x12-parser__837_5010_x12_loop_errors3_missing_loops.txt": "x12.missing-loop",
    "imsweb-x12-parser__837_5010_x12_many_claims.txt.gz": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_missing_elements.txt": "x12.missing-element",
    "imsweb-x12-parser__837_5010_x12_missing_required_loop_in_one_repeat.txt": "x12.missing-loop",
    "imsweb-x12-parser__837_5010_x12_missing_required_loops_mult_repeats.txt": "x12.segment-order",
    "imsweb-x12-parser__837_5010_x12_multiple_gs.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_multiple_isa.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_multiple_st.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_no_errors.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_no_isa_line.txt": "x12.no-interchange-header",  # stupidedi takes fragments
    "imsweb-x12-parser__837_5010_x12_segment_errors.txt": "x12.missing-segment",
    "imsweb-x12-parser__837_5010_x12_segments_out_of_order.txt": "x12.segment-order",
    "imsweb-x12-parser__837_5010_x12_valid.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_valid_different_separators.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x12_writer_test.txt": "x12.segment-count",
    "imsweb-x12-parser__837_5010_x223-test.txt": "x12.unknown-segment",  # segments begin with a blank
    # No ISA: pyx12 and LinuxForHealth refuse it; stupidedi takes fragments. Its SVC is broken too.
    "edi-835-parser__test_edi_835_files_blue_cross_nc_sample.txt": "x12.no-interchange-header",
    # LinuxForHealth accepts these four; pyx12 and stupidedi do not: BPR16 is missing (the date stands one element too
    # early) or is no date, so that the payment cannot be placed in time.
    "linuxforhealth-x12__835_005010X221A1_cob-contractural-adjustment.835": "x12.missing-element",
    "linuxforhealth-x12__835_005010X221A1_managed-care.835": "x12.bad-date",
    "linuxforhealth-x12__835_005010X221A1_secondary-payment.835": "x12.missing-element",
    "linuxforhealth-x12__835_005010X221A1_tertiary-payment.835": "x12.missing-element",
    # All three refuse them: prose stands before the ISA (and 3a does not balance).
    "stupidedi__005010_X221_HP835_Health_Care_Claim_Payment_Advice_case_1.edi": "x12.text-before-interchange",
    "stupidedi__005010_X221_HP835_Health_Care_Claim_Payment_Advice_case_2.edi": "x12.text-before-interchange",
    "stupidedi__005010_X221_HP835_Health_Care_Claim_Payment_Advice_case_3a.edi": "x12.text-before-interchange",
    "stupidedi__005010_X222_HC837_Health_Care_Claim_Professional_case_1.edi": "x12.text-before-interchange",
}
# Used although a validator refuses them: what it refuses touches no fact.
OVERRULED = {
    "edi-835-parser__test_edi_835_files_emedny_sample.txt": "LinuxForHealth refuses a single payer PER, which is valid",
    "edi-835-parser__test_edi_835_files_united_healthcare_legacy_sample.txt": "pyx12: masked state code in N402",
    "linuxforhealth-x12__demo-file_demo.835": "pyx12, stupidedi: no payer technical contact (PER)",
    "linuxforhealth-x12__demo-file_demo.837i": "stupidedi: CLM06 present",
    "linuxforhealth-x12__837_005010X223A3_two-claims-single-provider.837i": "stupidedi: CLM06 present",
    "linuxforhealth-x12__837_005010X223A3_ppo-repriced-claim.837i": "stupidedi: component separator is not ISA16's",
    "linuxforhealth-x12__837_005010X223A3_out-of-network-repriced-claim.837i": "the same; amounts and dates are whole",
    "pyx12__pyx12_835_mult_loops.txt": "LinuxForHealth refuses a single payer PER",
    "stupidedi__005010_X222A1_HC837_Health_Care_Claim_Professional_pass_oxygen.edi": "pyx12: PWK02 AD is valid at a line",
    "stupidedi__005010_X222A1_HC837_Health_Care_Claim_Professional_pass_wheelchair.edi": "pyx12: the same",
    "stupidedi__005010_X223A2_HC837_Health_Care_Claim_Institutional_pass_837-institutional-claim.edi": "pyx12: 5-digit ZIP",
    "stupidedi__005010_X223A2_HC837_Health_Care_Claim_Institutional_pass_automobile-accident.edi": "pyx12: 5-digit ZIP",
    "stupidedi__005010_X223A2_HC837_Health_Care_Claim_Institutional_pass_two-claims-for-the-same-provider.edi": "pyx12: ZIP",
}


def raw_segments(path: Path) -> list[list[str]]:
    """Plain splitting by what stands at the ISA's fixed places (or the commonest characters where it has none)."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("latin-1")
    at = re.search(r"ISA[^A-Za-z0-9\s]", text)
    if at:
        text = text[at.start() :]
        head = text.split(text[3], 16)
        element, terminator = text[3], head[16][1]
    else:
        element, terminator = "*", "~"
    return [part.strip().split(element) for part in text.split(terminator) if part.strip()]


def claim_files(shared_data: Path) -> dict[str, Path]:
    with (shared_data / "interop" / "INVENTORY.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"].startswith("x12/")]
    files = {}
    for row in rows:
        path = shared_data / "interop" / row["file"]
        if any(segment[0] == "ST" and segment[1] in ("837", "835") for segment in raw_segments(path)):
            files[path.name] = path
    return files


def test_every_file_is_used_or_refused_with_its_fault_named(shared_data: Path) -> None:
    files = claim_files(shared_data)
    assert len(files) == 93
    assert set(REFUSED) | set(OVERRULED) <= set(files)
    for name, path in files.items():
        read = read_file(path)
        claims = sum(segment[0] in ("CLM", "CLP") for segment in raw_segments(path))
        if name in REFUSED:
            named = next(finding for finding in read.findings if finding.severity == "refused")
            assert (named.code, read.rows_used, read.rows_refused) == (REFUSED[name], 0, claims), name
            assert read.records == []
        else:
            assert (read.rows_used, read.rows_refused) == (claims, 0), name
            assert not [finding for finding in read.findings if finding.severity == "refused"], name


def test_no_file_that_validators_agree_to_be_broken_is_used(shared_data: Path) -> None:
    with (shared_data / "interop" / "x12_third_party_validators.csv").open() as stream:
        rows = {row["file"].removeprefix("x12/"): row for row in csv.DictReader(stream)}
    for name in claim_files(shared_data):
        # LinuxForHealth's KeyError and stupidedi's "unknown transaction set" say that it has no guide, not a verdict.
        verdicts = [
            verdict
            for tool, verdict in rows[name].items()
            if tool != "file"
            and verdict not in ("no-map", "not-parsed", "invalid:KeyError")
            and "unknown transaction set" not in verdict
        ]
        if verdicts and all(verdict.startswith("invalid") for verdict in verdicts):
            assert name in REFUSED, (name, verdicts)
        elif "valid" in verdicts and len(set(verdicts)) > 1:
            assert (
                name in REFUSED or name in OVERRULED or any("PER" in v or "Validation" in v for v in verdicts)
            ), name


def test_counts_and_sums_agree_with_a_plain_count(shared_data: Path) -> None:
    used = {name: path for name, path in claim_files(shared_data).items() if name not in REFUSED}
    for name, path in used.items():
        sink = read_files([path])
        expected: Counter[str] = Counter()
        charged, collected, adjusted, paid = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
        claim: list[str] = []
        is_remittance = False
        for segment in raw_segments(path):
            if segment[0] == "ST":
                is_remittance = segment[1] == "835"
            elif segment[0] == "CLM":
                claim = segment + [""] * 20
                expected["claim"] += 1
                expected["claim_event"] += 1
                if claim[19] != "PB":
                    charged += Decimal(claim[2])
            elif segment[0] in ("SV1", "SV2", "SV3") and claim[19] != "PB":
                expected["charge"] += 1
            elif segment[0] == "CLP":
                expected["claim_event"] += 1
                expected["payment"] += 1
                paid += Decimal(segment[4])
            elif segment[0] == "CAS" and is_remittance:
                amounts = [amount for amount in segment[3::3] if amount]
                expected["adjustment"] += len(amounts)
                adjusted += sum(map(Decimal, amounts))
            elif segment[0] == "PLB":
                amounts = [amount for amount in segment[4::2] if amount]
                expected["payment"] += len(amounts)
                paid -= sum(map(Decimal, amounts))
            elif segment[0] == "BPR":
                collected += Decimal(segment[2])
        tables = ("claim", "claim_event", "charge", "payment", "adjustment")
        assert {table: len(sink.table(table)) for table in tables} == {t: expected[t] for t in tables}, name
        assert sink.tallies["charges"] == charged, name
        assert sink.tallies["collections"] == collected == paid, name
        assert sum(record.amount for record in sink.table("payment")) == collected, name
        assert sum(record.amount for record in sink.table("adjustment")) == adjusted, name
        assert sum(record.amount for record in sink.table("claim")) == charged or any(
            record.is_predetermination for record in sink.table("claim")
        )


def test_all_other_sets_are_not_used_yet(shared_data: Path) -> None:
    claims = claim_files(shared_data)
    for path in sorted((shared_data / "interop" / "x12").iterdir()):
        if path.name in claims:
            continue
        read = read_file(path)
        sets = sum(segment[0] == "ST" for segment in raw_segments(path))
        assert (read.rows_used, read.rows_refused, read.rows_ignored) == (0, 0, sets), path.name
        assert [finding.code for finding in read.findings].count("x12.not-used-yet") == 1, path.name
        assert read.records == []
