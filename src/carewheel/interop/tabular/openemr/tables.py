"""Which table of OpenEMR a CSV is, by its columns alone."""

from __future__ import annotations

from carewheel.interop.files import ReadSettings, Sample

KIND = "openemr"

SIGNATURES: tuple[tuple[str, str], ...] = (
    ("openemr_postcalendar_events", "pc_eid pc_eventDate pc_apptstatus"),
    ("openemr_postcalendar_categories", "pc_catid pc_catname"),
    ("patient_tracker_element", "pt_tracker_id start_datetime status"),
    ("patient_tracker", "eid apptdate encounter"),
    ("ar_activity", "pid encounter sequence_no pay_amount"),
    ("ar_session", "session_id payer_id pay_total"),
    ("billing", "pid encounter code_type fee"),
    ("claims", "patient_id encounter_id version status"),
    ("form_encounter", "encounter pid date facility_id"),
    ("insurance_companies", "id name cms_id"),
    ("insurance_data", "pid provider type subscriber_relationship"),
    ("patient_data", "pid DOB sex"),
    ("facility", "id name facility_npi"),
    ("users", "id username authorized"),
)


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """The table's name, or "" for what is no table of OpenEMR."""
    header = {name.lower() for name in sample.header}
    for table, columns in SIGNATURES:
        if header and all(name in header for name in columns.lower().split()):
            return table
    return ""
