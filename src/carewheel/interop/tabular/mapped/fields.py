"""What a mapping can fill: the fields of the neutral records with their types, and what a row cannot do without."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from carewheel.interop.records import APPOINTMENT_STATUS, TABLE_OF
from carewheel.interop.records.persons import PersonRecord

Kind = Literal["text", "money", "number", "int", "flag", "date", "moment"]

RECORD_OF: dict[str, Any] = {table: record for record, table in TABLE_OF.items()}
# No table of facts: who the patient of a row is, for the console alone.
PERSON = "person"
PERSON_FIELDS = ("given_name", "family_name", "birth_date", "phone", "email", "language", "preferred_channel", "texting")  # fmt: skip

_KINDS: dict[type, Kind] = {
    str: "text",
    Decimal: "money",
    float: "number",
    int: "int",
    bool: "flag",
    date: "date",
    datetime: "moment",
}

# A row without these says nothing that a measure could use, or cannot be placed in time: it is refused.
REQUIRED: dict[str, tuple[str, ...]] = {
    "location": ("location_id",),
    "resource": ("resource_id",),
    "provider": ("provider_key",),
    "availability": ("kind", "starts_at"),
    "patient": ("patient_key",),
    "coverage": ("patient_key", "starts_date"),
    "appointment": ("status", "starts_at"),
    "visit_event": ("appointment_id", "event", "happened_at"),
    "procedure": ("status",),
    "charge": ("amount", "service_date"),
    "payment": ("amount", "posted_date"),
    "adjustment": ("amount", "posted_date"),
    "claim": ("claim_id", "service_date"),
    "claim_event": ("claim_id", "event", "event_date"),
    "survey_invitation": ("sent_at",),
    "survey_response": ("question", "score", "scale_min", "scale_max", "answered_at"),
    "review": ("rating", "posted_at"),
    "referral": ("direction", "referred_date"),
    "contact": ("contact_key", "created_at"),
    "message": ("sent_at",),
    "marketing_spend": ("channel", "kind", "amount", "starts_date"),
    "expense": ("amount", "expense_date"),
    "staff_spell": ("staff_key", "started_date"),
    "staff_pulse": ("question", "score", "scale_min", "scale_max", "answered_date"),
    "training": ("staff_key",),
    "recognition": ("staff_key", "given_date"),
    "stock_move": ("item_id", "kind", "moved_at"),
    "investment": ("amount", "invested_date"),
    "change": ("component", "starts_date"),
}

# Closed lists. An unknown value of a required field refuses the row; of another field it is left out, with a doubt.
CODES: dict[tuple[str, str], frozenset[str]] = {
    ("appointment", "status"): APPOINTMENT_STATUS,
    ("appointment", "basis"): frozenset(("appointment", "encounter")),
    ("availability", "kind"): frozenset(["open", "closed", "blockout", "leave", "holiday"]),
    ("procedure", "status"): frozenset(
        ["planned", "completed", "referred", "existing", "inactive", "entered-in-error"]
    ),
    ("payment", "payer_kind"): frozenset(("patient", "insurer", "other")),
    ("adjustment", "kind"): frozenset(
        [
            "contractual",
            "patient_share",
            "denial",
            "writeoff",
            "discount",
            "interest",
            "provider_level",
            "other",
        ]
    ),
    ("claim_event", "event"): frozenset(
        [
            "created",
            "submitted",
            "accepted",
            "rejected",
            "adjudicated",
            "denied",
            "reversed",
            "corrected",
            "resubmitted",
            "closed",
        ]
    ),
    ("referral", "direction"): frozenset(("in", "out")),
    ("referral", "referrer_kind"): frozenset(["patient", "professional", "staff", "other"]),
    ("marketing_spend", "kind"): frozenset(("marketing", "sales")),
    ("staff_spell", "end_kind"): frozenset(("voluntary", "involuntary", "retirement", "other")),
    ("stock_move", "kind"): frozenset(["received", "used", "counted", "wasted", "stock_out"]),
    ("contact", "stage"): frozenset(("lead", "patient", "partner", "other")),
    ("message", "direction"): frozenset(("in", "out")),
    ("change", "component"): frozenset(("C1", "C2a", "C2b", "C3", "C4", "C5", "C6")),
    (PERSON, "preferred_channel"): frozenset(("email", "sms", "phone")),
    ("investment", "component"): frozenset(("C1", "C2a", "C2b", "C3", "C4", "C5", "C6")),
}


@cache
def fields_of(table: str) -> dict[str, Kind]:
    """The fields of a fact table in the order of its record, each with its kind.

    >>> list(fields_of("expense").items())[-3:]
    [('category', 'text'), ('amount', 'money'), ('expense_date', 'date')]
    """
    record = record_of(table)
    hints = get_type_hints(record)
    return {
        name: _KINDS[_plain(hints[name])] for name in (PERSON_FIELDS if table == PERSON else record._fields)
    }


def record_of(table: str) -> Any:
    """The record of a fact table, or of a person."""
    return PersonRecord if table == PERSON else RECORD_OF[table]


def _plain(hint: Any) -> type:
    options = [option for option in get_args(hint) if option is not type(None)]
    kind: type = options[0] if options else hint
    return kind
