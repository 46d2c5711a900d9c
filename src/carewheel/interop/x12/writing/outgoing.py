"""What is written: claims on their way to a payer, and remittances as a payer would send them. All money is int cents."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple


class Payer(NamedTuple):
    """A payer. ``filing``: claim filing indicator (SBR09: CI, BL, MB, MC …).

    Address and tax number are used (and required) only in a remittance, where the payer is the sender.
    """

    payer_id: str
    name: str
    filing: str
    address: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    tax_id: str = ""
    phone: str = ""


class Organisation(NamedTuple):
    """A billing provider or payee. ``zip``: nine digits; ``tax_id``: nine digits; ``phone``: ten digits."""

    name: str
    npi: str
    tax_id: str
    address: str
    city: str
    state: str
    zip: str
    taxonomy: str
    phone: str


class Clinician(NamedTuple):
    """A rendering provider."""

    family: str
    given: str
    npi: str
    taxonomy: str


class Insured(NamedTuple):
    """A patient who is the subscriber. ``sex``: F, M or U; ``zip``: five or nine digits."""

    family: str
    given: str
    birth_date: date
    sex: str
    member_id: str
    address: str
    city: str
    state: str
    zip: str


class ServiceLine(NamedTuple):
    """One charged service. ``amount``: cents for all units; ``control``: comes back in the remittance (REF*6R).

    ``pointers``: numbers, from 1, of the claim's diagnoses; ``tooth`` and ``surfaces`` (such as ``MOD``): dental only.
    """

    code: str
    amount: int
    units: int
    service_date: date
    control: str
    modifiers: tuple[str, ...] = ()
    pointers: tuple[int, ...] = (1,)
    tooth: str = ""
    surfaces: str = ""


class OutgoingClaim(NamedTuple):
    """One claim. ``diagnoses``: ICD-10-CM without the point; ``payer_claim_id``: of the claim that is replaced or voided."""

    claim_id: str
    payer: Payer
    billing: Organisation
    rendering: Clinician
    insured: Insured
    lines: tuple[ServiceLine, ...]
    diagnoses: tuple[str, ...] = ()
    place: str = "11"
    frequency: str = "1"
    payer_claim_id: str = ""


class Envelope(NamedTuple):
    """An interchange (ISA, GS). ``control``: 1 to 999,999,999; ``usage``: T test data, P production.

    ``written_at`` is written as it stands, the sender's wall clock.
    """

    sender: str
    receiver: str
    control: int
    written_at: datetime
    usage: str = "T"


class Adjustment(NamedTuple):
    """Why charge and payment differ: ``group`` (CO, OA, PI, PR), ``reason`` (CARC), cents."""

    group: str
    reason: str
    amount: int


class PaidLine(NamedTuple):
    """One adjudicated service. ``remarks``: RARC; ``dental``: the code is CDT (SVC01 AD instead of HC)."""

    code: str
    charge: int
    paid: int
    units: int
    service_date: date
    control: str
    modifiers: tuple[str, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    remarks: tuple[str, ...] = ()
    dental: bool = False


class PaidClaim(NamedTuple):
    """One adjudicated claim. ``status``: CLP02; ``filing``: CLP06, which knows neither CI nor BL (12 PPO, 15 indemnity).

    ``adjustments``: those of the whole claim, beside those of its lines. ``interest`` only informs (AMT*I); the money
    comes as a provider adjustment L6 of the remittance.
    """

    claim_id: str
    status: str
    charge: int
    paid: int
    patient_share: int
    filing: str
    payer_claim_id: str
    insured: Insured
    rendering_npi: str
    lines: tuple[PaidLine, ...]
    adjustments: tuple[Adjustment, ...] = ()
    interest: int = 0
    received_date: date | None = None
    facility: str = "11"
    frequency: str = "1"


class ProviderAdjustment(NamedTuple):
    """Money beside the claims (PLB): L6 interest, WO recovery, FB balance forward, 72 refund. Negative raises the payment."""

    code: str
    reference: str
    amount: int


class Remittance(NamedTuple):
    """One payment and what it pays. ``method``: ACH, BOP, CHK, FWT or NON; ``trace``: number of the cheque or transfer."""

    payer: Payer
    payee: Organisation
    amount: int
    method: str
    paid_date: date
    trace: str
    claims: tuple[PaidClaim, ...]
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()
