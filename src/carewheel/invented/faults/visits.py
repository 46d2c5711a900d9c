"""Faults of visits: never closed, never checked in, closed too early, told three times, lost but for their history."""

from __future__ import annotations

from datetime import datetime, timedelta

from carewheel.interop.tabular.opendental.writing import NO_DAY, NO_MOMENT
from carewheel.invented.draws import Draws
from carewheel.invented.faults.sites import Planted, Row, Site, highest

APPOINTMENTS, HISTORY = "opendental/appointment.csv", "opendental/histappointment.csv"
PROCEDURES, CODES = "opendental/procedurelog.csv", "opendental/procedurecode.csv"
ENCOUNTERS, BOOKINGS = "fhir/Encounter.ndjson", "fhir/Appointment.ndjson"
STAMPS = ("DateTimeArrived", "DateTimeSeated", "DateTimeDismissed")
# Action in the history → the code by which a practice marks that somebody did not come.
MISSED_CODES = {"2": ("D9986", "missed appointment"), "3": ("D9987", "cancelled appointment")}


def past_still_scheduled(site: Site, share: float) -> list[Planted]:
    """Visits that took place stay as they were booked: nobody closed them."""
    name = "past-still-scheduled"
    if not site.has(APPOINTMENTS):
        visits = site.resources("Appointment")
        kept = [one for one in visits if one["status"] == "fulfilled"]
        last = max((one["start"][:10] for one in kept), default="")
        chosen = site.choose(name, [one for one in kept if one["start"][:10] < last], share)
        keys = {one["id"] for one in chosen}
        for one in chosen:
            one["status"] = "booked"
        site.put_resources("Appointment", visits)
        site.put_resources("Encounter", [one for one in site.resources("Encounter") if one["id"] not in keys])
        return _took(site, BOOKINGS, [one["id"] for one in chosen])
    rows = site.rows(APPOINTMENTS)
    kept_rows = [row for row in rows if row["AptStatus"] == "2"]
    last = max((row["AptDateTime"][:10] for row in kept_rows), default="")
    picked = site.choose(name, [row for row in kept_rows if row["AptDateTime"][:10] < last], share)
    for row in picked:
        row.update(dict.fromkeys(STAMPS, NO_MOMENT), AptStatus="1", DateTStamp=row["SecDateTEntry"])
    site.put_rows(APPOINTMENTS, rows)
    return _took(site, APPOINTMENTS, [row["AptNum"] for row in picked])


def never_checked_in(site: Site, share: float) -> list[Planted]:
    """Visits were kept and closed, but none of their steps was stamped."""
    name = "never-checked-in"
    if not site.has(APPOINTMENTS):
        encounters = site.resources("Encounter")
        chosen = site.choose(name, [one for one in encounters if site.free("visit", one["id"])], share)
        for one in chosen:
            del one["statusHistory"]
        site.put_resources("Encounter", encounters)
        return _took(site, ENCOUNTERS, [one["id"] for one in chosen])
    rows = site.rows(APPOINTMENTS)
    picked = site.choose(name, _free(site, rows, "2"), share)
    for row in picked:
        row.update(dict.fromkeys(STAMPS, NO_MOMENT))
    site.put_rows(APPOINTMENTS, rows)
    return _took(site, APPOINTMENTS, [row["AptNum"] for row in picked])


def completed_early(site: Site, share: float) -> list[Planted]:
    """Visits were set complete one to five minutes before they were to begin."""
    name = "completed-early"
    rows = site.rows(APPOINTMENTS)
    waited = [row for row in _free(site, rows, "2") if row["DateTimeSeated"] >= row["AptDateTime"]]
    picked = site.choose(name, waited, share)
    early = Draws(site.seed, site.location_id).stream(f"fault {name} minutes").integers(1, 6, len(picked))
    for row, minutes in zip(picked, early.tolist(), strict=True):
        closed = datetime.fromisoformat(row["AptDateTime"]) - timedelta(minutes=minutes)
        row.update(DateTimeDismissed=closed.isoformat(" "), DateTStamp=closed.isoformat(" "))
    site.put_rows(APPOINTMENTS, rows)
    return _took(site, APPOINTMENTS, [row["AptNum"] for row in picked])


def missed_in_three_places(site: Site, share: float) -> list[Planted]:
    """Missed visits stand as broken appointments and in the history already; now also as procedures."""
    appointments, procedures, codes = site.rows(APPOINTMENTS), site.rows(PROCEDURES), site.rows(CODES)
    why = {
        row["AptNum"]: row["HistApptAction"] for row in site.rows(HISTORY) if row["HistApptAction"] in "23"
    }
    picked = site.choose("missed-in-three-places", _free(site, appointments, "5"), share)
    numbers = {}
    for action, (code, title) in MISSED_CODES.items():
        numbers[action] = str(highest(codes, "CodeNum") + 1)
        codes.append(
            {
                "CodeNum": numbers[action],
                "ProcCode": code,
                "Descript": title,
                "AbbrDesc": title,
                "IsHygiene": "0",
            }
        )
    first = highest(procedures, "ProcNum") + 1
    for number, row in enumerate(picked, first):
        day = row["AptDateTime"][:10]
        procedures.append(
            procedures[0]
            | {
                "ProcNum": str(number), "PatNum": row["PatNum"], "AptNum": row["AptNum"], "PlannedAptNum": "0", "ProcDate": day,
                "ProcFee": "0.00", "Surf": "", "ToothNum": "", "ProcStatus": "2", "ProvNum": row["ProvNum"],
                "CodeNum": numbers[why[row["AptNum"]]], "UnitQty": "1", "BaseUnits": "0", "Discount": "0.00", "DateTP": NO_DAY,
                "DateComplete": day,
            }
        )  # fmt: skip
    site.put_rows(CODES, codes)
    site.put_rows(PROCEDURES, procedures)
    site.take(PROCEDURES, [row["ProcNum"] for row in procedures[-len(picked) :]] if picked else [])
    return _took(site, PROCEDURES, [row["AptNum"] for row in picked])


def only_in_history(site: Site, share: float) -> list[Planted]:
    """Missed and cancelled visits lost their appointment; what became of them stands in the history alone."""
    rows = site.rows(APPOINTMENTS)
    picked = site.choose("only-in-history", _free(site, rows, "5"), share)
    gone = {row["AptNum"] for row in picked}
    site.put_rows(APPOINTMENTS, [row for row in rows if row["AptNum"] not in gone])
    return _took(site, HISTORY, [row["AptNum"] for row in picked])


def wrong_offset(site: Site, share: float) -> list[Planted]:
    """The scheduling system's messages call the wall clock UTC."""
    names = site.names("hl7/*.hl7")
    texts = {name: site.text(name).split("\rSCH|") for name in names}
    visits = sorted({part.split("|", 2)[1] for parts in texts.values() for part in parts[1:]})
    chosen = set(site.choose("wrong-offset", visits, share))
    planted = []
    for name, parts in texts.items():
        keys = []
        for index, part in enumerate(parts[1:], 1):
            fields = part.split("|", 11)
            if fields[1] in chosen:
                start = fields[10].split("^")
                start[3] = f"{start[3][:14]}+0000"
                fields[10] = "^".join(start)
                parts[index] = "|".join(fields)
                keys.append(fields[1])
        if keys:
            site.put_text(name, "\rSCH|".join(parts))
            planted.append(Planted(name, tuple(dict.fromkeys(keys))))
    return planted


def _free(site: Site, rows: list[Row], status: str) -> list[Row]:
    return [row for row in rows if row["AptStatus"] == status and site.free("visit", row["AptNum"])]


def _took(site: Site, file: str, keys: list[str]) -> list[Planted]:
    site.take("visit", keys)
    return [Planted(file, tuple(keys))] if keys else []
