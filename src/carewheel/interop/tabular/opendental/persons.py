"""Names and contacts of Open Dental's patients and providers, for sinks that ask for them (`records.persons`)."""

from __future__ import annotations

from carewheel.interop.records.persons import PersonRecord
from carewheel.interop.tabular.cells import Cells

# ContactMethod of Open Dental: home phone, work phone, wireless, e-mail, text message.
_CHANNELS = {"2": "phone", "3": "phone", "4": "phone", "5": "email", "8": "sms"}
# YN of Open Dental: 0 unknown.
_TEXTING = {"1": True, "2": False}


def patient(cells: Cells) -> PersonRecord:
    """The person of a row of the patient table; a preferred name goes before the given one."""
    birth = cells.date("Birthdate")
    return PersonRecord(
        "patient",
        cells.key("PatNum"),
        cells.text("Preferred") or cells.text("FName"),
        cells.text("LName"),
        birth if birth and birth.year > 1 else None,
        cells.text("WirelessPhone") or cells.text("HmPhone"),
        cells.text("Email"),
        cells.text("Language"),
        _CHANNELS.get(cells.text("PreferContactMethod"), ""),
        _TEXTING.get(cells.text("TxtMsgOk")),
    )


def provider(cells: Cells) -> PersonRecord:
    """The person of a row of the provider table."""
    return PersonRecord(
        "provider", cells.key("ProvNum"), cells.text("FName"), cells.text("LName") or cells.text("Abbr")
    )


PERSON_OF = {"patient": patient, "provider": provider}
