"""The practice system and its X12 files name a claim alike, so that a claim seen by both can be joined and counted once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.tables_on_disk import read_all, write_tables
from tests.interop.x12_reading import PROFESSIONAL, REMITTANCE, interchange, read_text

from carewheel.interop.tabular import opendental, openemr

OPEN_DENTAL = {
    "claim": "ClaimNum,PatNum,ClaimStatus,ClaimType,DateService,DateSent,DateReceived,ClaimFee,InsPayAmt,ClaimIdentifier\n"
    "7,101,R,P,2024-02-28,2024-03-01,2024-03-15,150.00,80.00,{id}",
    "claimproc": "ClaimProcNum,ProcNum,ClaimNum,PatNum,Status,InsPayAmt,WriteOff,DateCP\n"
    "1,501,7,101,1,80.00,50.00,2024-03-15\n2,502,7,101,1,0,0,2024-03-15",
    "procedurelog": "ProcNum,PatNum,ProcDate,ProcFee,ProcStatus\n501,101,2024-02-28,100.00,2\n502,101,2024-02-29,50.00,2",
}
OPENEMR = {
    "billing": "id,date,code_type,code,pid,encounter,fee,units,activity\n"
    "1,2024-02-28 10:00:00,CPT4,99213,101,901,100.00,1,1\n2,2024-02-28 10:00:00,CPT4,87880,101,901,50.00,1,1",
    "activity": "pid,encounter,sequence_no,payer_type,post_time,session_id,pay_amount,adj_amount,reason_code\n"
    "101,901,1,1,2024-03-15 10:00:00,0,80.00,50.00,CO 97",
    "claims": "patient_id,encounter_id,version,payer_id,status,bill_time\n101,901,1,21,2,2024-03-01 10:00:00",
}


@pytest.mark.parametrize(
    ("reader", "tables", "identifier"), [(opendental, OPEN_DENTAL, "EX-7/101"), (openemr, OPENEMR, "101-901")]
)
def test_charges_payments_and_claims_bear_the_claim_id_of_837_and_835(
    tmp_path: Path, reader: object, tables: dict[str, str], identifier: str
) -> None:
    filled = {name: text.format(id=identifier) for name, text in tables.items()}
    practice = read_all(reader, write_tables(tmp_path / "export", **filled))
    sent = read_text(
        tmp_path, interchange("005010X222A1", PROFESSIONAL.replace("CLM*A1", f"CLM*{identifier}"))
    )
    paid = read_text(tmp_path, interchange("005010X221A1", REMITTANCE.replace("CLP*A1", f"CLP*{identifier}")))
    elsewhere = sent.records + paid.records
    assert sent.findings == paid.findings == []
    for table in ("claim", "charge", "payment"):
        names = {type(r).__name__: r for r in practice.table(table)}
        ours = {r.claim_id for r in practice.table(table)}
        theirs = {r.claim_id for r in elsewhere if type(r).__name__ in names}
        assert ours == theirs == {identifier}
    # Each side alone states the same money: joined by the claim, it counts once.
    assert practice.tallies["charges"] == sent.tallies["charges"] == Decimal("150")
    assert practice.tallies["collections"] == paid.tallies["collections"] == Decimal("80")
