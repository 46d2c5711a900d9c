"""Names and contacts of OpenEMR's patients and users, for sinks that ask for them (`records.persons`)."""

from __future__ import annotations

from carewheel.interop.records.persons import PersonRecord
from carewheel.interop.tabular.cells import Cells

_TEXTING = {"yes": True, "no": False}


def patient(cells: Cells) -> PersonRecord:
    """The person of a row of patient_data; a preferred name goes before the given one, a mobile number before the others."""
    birth = cells.date("DOB")
    return PersonRecord(
        "patient",
        cells.key("pid"),
        cells.text("preferred_name") or cells.text("fname"),
        cells.text("lname"),
        birth if birth and birth.year > 1 else None,
        cells.text("phone_cell") or cells.text("phone_home") or cells.text("phone_contact"),
        cells.text("email"),
        cells.text("language"),
        texting=_TEXTING.get(cells.text("hipaa_allowsms").lower()),
    )


def user(cells: Cells) -> PersonRecord:
    """The person of a row of users."""
    return PersonRecord("provider", cells.key("id"), cells.text("fname"), cells.text("lname"))


PERSON_OF = {"patient_data": patient, "users": user}
