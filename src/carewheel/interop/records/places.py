"""Neutral records: where care happens and who gives it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class LocationRecord(NamedTuple):
    """A place where patients are seen, with its zone and currency."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    zone: str = ""
    currency: str = ""
    name: str = ""
    kind: str = ""


class ResourceRecord(NamedTuple):
    """A room, chair or device that a visit needs."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    resource_id: str = ""
    kind: str = ""
    active: bool | None = None


class ProviderRecord(NamedTuple):
    """A person who treats patients."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    provider_key: str = ""
    role: str = ""
    active: bool | None = None


class AvailabilityRecord(NamedTuple):
    """Hours in which a provider or a resource could be booked (open) or could not (closed, blockout, leave, holiday)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    provider_key: str = ""
    resource_id: str = ""
    kind: str = ""
    raw_kind: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    minutes: float | None = None
