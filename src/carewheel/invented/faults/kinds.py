"""The kinds of faults, as ``data/faults.toml`` describes them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

LEVELS = ("none", "real", "harsh")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    ``systems``: whose files have it (opendental, fhir, hl7, claims, tables, ledger). ``real`` and ``harsh``: the share of
    ``of`` that gets it at that level; where it is above zero, one at least. ``harmless``: no measure may change by it.
    ``noticed_by``: "finding CODE", "contradiction CODE", "ignored REASON", or "facts TABLE" where the product needs to say
    nothing, because the facts of the planted rows come out as if nothing were wrong. ``source`` says where shares are from.
    """

    id: str
    what: str
    systems: tuple[str, ...]
    of: str
    real: float
    harsh: float
    harmless: bool
    noticed_by: tuple[str, ...]
    source: str

    def share(self, level: str) -> float:
        """The share at a level of `LEVELS`."""
        return {"none": 0.0, "real": self.real, "harsh": self.harsh}[level]


@lru_cache(maxsize=1)
def fault_kinds() -> dict[str, FaultKind]:
    """All kinds by id, in the order in which they are planted.

    >>> fault_kinds()["past-still-scheduled"].noticed_by
    ('contradiction past-still-booked',)
    """
    text = files("carewheel.invented").joinpath("data", "faults.toml").read_text("utf-8")
    kinds = {}
    for name, row in tomllib.loads(text).items():
        row["systems"], row["noticed_by"] = tuple(row["systems"]), tuple(row["noticed_by"])
        kinds[name] = FaultKind(id=name, **row)
    return kinds
