"""Who a patient or provider is by name and how to reach them: told only to who asks for it, never to the warehouse.

Facts carry pseudonyms; names and contacts live in the operational database alone. So this record is no fact and has no table: a reader
gives it to a sink that `TakesPersons`, and to no other.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple, Protocol, runtime_checkable


class PersonRecord(NamedTuple):
    """A person as the source has it. ``kind``: patient or provider; ``source_id``: the patient_key or provider_key of the other records.

    ``preferred_channel``: email, sms, phone or "". ``texting``: whether the person agreed to text messages, None where nobody asked.
    ``recorded_at``: when the source said so, for sources that tell of a person again and again.
    """

    kind: str = "patient"
    source_id: str = ""
    given_name: str = ""
    family_name: str = ""
    birth_date: date | None = None
    phone: str = ""
    email: str = ""
    language: str = ""
    preferred_channel: str = ""
    texting: bool | None = None
    recorded_at: datetime | None = None


@runtime_checkable
class TakesPersons(Protocol):
    """A `FileSink` that wants names and contacts too."""

    def add_person(self, person: PersonRecord) -> None: ...
