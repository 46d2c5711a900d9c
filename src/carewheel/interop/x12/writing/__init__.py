"""X12 005010 files, written: 837 claims (professional, dental) and 835 remittances.

Plain values in (`outgoing`, int cents), one interchange out. Everything is checked first: what does not balance, is not
complete or holds a separator is refused (`NotWritable`, `NotBalanced`) before a byte is written; money is never
repaired. What is written, `carewheel.interop.x12` reads back. Who may call: `invented`, `gateway` and above.
"""

from carewheel.interop.writing import NotWritable
from carewheel.interop.x12.writing.claims import write_837d, write_837p
from carewheel.interop.x12.writing.outgoing import (
    Adjustment,
    Clinician,
    Envelope,
    Insured,
    Organisation,
    OutgoingClaim,
    PaidClaim,
    PaidLine,
    Payer,
    ProviderAdjustment,
    Remittance,
    ServiceLine,
)
from carewheel.interop.x12.writing.refusals import NotBalanced
from carewheel.interop.x12.writing.remittances import write_835

__all__ = [
    "Adjustment",
    "Clinician",
    "Envelope",
    "Insured",
    "NotBalanced",
    "NotWritable",
    "Organisation",
    "OutgoingClaim",
    "PaidClaim",
    "PaidLine",
    "Payer",
    "ProviderAdjustment",
    "Remittance",
    "ServiceLine",
    "write_835",
    "write_837d",
    "write_837p",
]
