"""People who are none: patients that were deleted and patients that were made to try the system out."""

from __future__ import annotations

from carewheel.interop.tabular.opendental.writing import NO_DAY
from carewheel.invented.faults.sites import Planted, Site, highest

PATIENTS = "opendental/patient.csv"
BALANCES = ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90", "InsEst", "BalTotal")
DELETED = "4"
TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def deleted_patients(site: Site, share: float) -> list[Planted]:
    """Patients who were entered twice and deleted are still in the table."""
    rows = site.rows(PATIENTS)
    first = highest(rows, "PatNum") + 1
    twins = site.choose("deleted-patients", rows, share)
    for number, twin in enumerate(twins, first):
        nothing = dict.fromkeys(BALANCES, "0.00") | {"DateFirstVisit": NO_DAY, "PatStatus": DELETED}
        rows.append(twin | nothing | {"PatNum": str(number), "Guarantor": str(number)})
    site.put_rows(PATIENTS, rows)
    keys = tuple(str(first + i) for i in range(len(twins)))
    site.take(PATIENTS, keys)
    return [Planted(PATIENTS, keys)] if twins else []


def test_patients(site: Site, share: float) -> list[Planted]:
    """Patients that somebody made to try the system out, each with a booking that was kept; the server labels them so."""
    patients, visits, encounters = (site.resources(kind) for kind in ("Patient", "Appointment", "Encounter"))
    held = {one["id"]: one for one in encounters}
    kept = [one for one in visits if one["id"] in held and site.free("visit", one["id"])]
    keys = []
    for number, visit in enumerate(site.choose("test-patients", kept, share), 1):
        key = f"{site.location_id}-test{number}"
        keys.append(key)
        patients.append(patients[0] | {"id": key, "meta": {"security": [TEST]}})
        # Beside the visit of a real patient at the same time.
        subject = {"reference": f"Patient/{key}"}
        others = [one for one in visit["participant"] if not one["actor"]["reference"].startswith("Patient/")]
        visits.append(
            visit | {"id": f"{key}-visit", "participant": [{"actor": subject, "status": "accepted"}, *others]}
        )
        again = {
            "id": f"{key}-visit",
            "subject": subject,
            "appointment": [{"reference": f"Appointment/{key}-visit"}],
        }
        encounters.append(held[visit["id"]] | again)
    for kind, resources in (("Patient", patients), ("Appointment", visits), ("Encounter", encounters)):
        site.put_resources(kind, resources)
    return [Planted("fhir/Patient.ndjson", tuple(keys))] if keys else []
