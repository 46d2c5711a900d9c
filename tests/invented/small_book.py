"""A tiny invented location by hand: 20 patients, 40 visits, every case once; all totals worked out on paper.

Window 2025-01-01 to 2025-06-30, New York. Prices (USD): check 60, cleaning 110, filling 220, crown 1200, problem 80.
"H" is check + cleaning (170), "T" a filling or crown, "E" a problem visit. The medical place has the same prices and money.

Visits: 40 = 28 kept + 4 no-shows (v28 to v31) + 4 cancelled (v32, v33 late; v34, v35 in time, v35 by the practice)
+ 4 booked after the window (v36 to v39). v17 and v23 were moved, v21 walked in. New: v5, v6, v11, v12 (and v38, ahead).
Of the kept visits 12 are H (480 min), 11 T (660 min), 5 E (150 min): 1290 minutes. One session of 240 minutes a visit's
day and provider: 40 sessions, 36 (8640 minutes) in the window. Wait until the room: 15 minutes, but v21 25 and v24 10.
Of 8 H visits until May 31 of people who live, 2 led to the next appointment within 30 days (v0 to v36, v12 to v34).

Money (USD):                 Jan    Feb    Mar    Apr   May   Jun    all
  charges                   3040   1080   1500    470     0   730   6820     of these on 24 claims: 6130
  insurers paid              860   1420    870    320     0   140   3610     and 1.25 interest in March
  patients paid              250    288    850    -70     0     0   1318     refund of 220 in April taken off
  contractual                220    410    260     90     0    30   1010
  written off                  0      0      0      0    80    100    180
  discounts                    0     22      0      0     0     0     22
  owed on June 30: 6820 - 3610 - 1318 - 1010 - 180 - 22 = 680
    v24 170 (p5), v25 170 (p7), v26 220 (p11): claims open, 0 to 30 days old; v9 60 (p11): over 90; v23 60 (p10): 61 to 90
    by household, oldest charges first: p10 pays for p11 too, so their credits settle v9: 560 up to 30 days, 120 from 61 to 90
Patients' share: deductible 100, coinsurance 770. Denied: c7 1200 (then sent again and paid), c13 80 (given up), c22 220
(sent again, open): 1500. Claims still open: c20, c21 (undecided), c22; the other 21 are closed.
c12 was paid 140, reversed and corrected to 150. c15 came with 1.25 interest.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np

from carewheel.invented.book import (
    NONE,
    TABLES,
    Book,
    BookWriter,
    Code,
    LocationFacts,
    Payer,
    VisitKind,
    Words,
    day_number,
)

PRICES = (6000, 11000, 22000, 120000, 8000)
CHECK, CLEANING, FILLING, CROWN, PROBLEM = range(5)
CHARGES = {1: 304000, 2: 108000, 3: 150000, 4: 47000, 6: 73000}
INSURER_PAID = {1: 86000, 2: 142000, 3: 87000, 4: 32000, 6: 14000}
PATIENT_PAID = {1: 25000, 2: 28800, 3: 85000, 4: -7000}
CONTRACTUAL = {1: 22000, 2: 41000, 3: 26000, 4: 9000, 6: 3000}
INTEREST = 125
OWED = 68000
OWED_BY_AGE_AND_HOUSEHOLD = (56000, 0, 12000, 0)
OWED_BY_AGE_AND_PATIENT = (56000, 0, 6000, 6000)

# patient → (head of the household, payer, first visit, joined); sex alternates, birth years 1940, 1943 …
_HEADS = {1: 0, 2: 0, 4: 3, 5: 7, 11: 10}
_NEW = {5: "2025-01-14", 6: "2025-01-15", 16: "2025-01-23", 12: "2025-02-03"}
_JOINED = {
    5: "2025-01-04",
    6: "2025-01-05",
    16: "2025-01-20",
    12: "2025-01-26",
    18: "2025-06-18",
    19: "2025-06-20",
}

# patient, kind of visit, day, codes; rows v0 to v27 were kept
_H, _T, _E = (CHECK, CLEANING), (FILLING,), (PROBLEM,)
KEPT: tuple[tuple[int, str, str, tuple[int, ...]], ...] = (
    (0, "H", "2025-01-06", _H), (1, "H", "2025-01-07", _H), (2, "H", "2025-01-08", _H), (3, "T", "2025-01-09", _T),
    (4, "T", "2025-01-13", _T), (5, "H", "2025-01-14", _H), (6, "E", "2025-01-15", _E), (7, "T", "2025-01-16", (CROWN,)),
    (10, "H", "2025-01-20", _H), (11, "T", "2025-01-21", _T), (15, "H", "2025-01-22", _H), (16, "E", "2025-01-23", _E),
    (12, "H", "2025-02-03", _H), (8, "T", "2025-02-04", _T), (9, "H", "2025-02-05", _H), (13, "E", "2025-02-06", _E),
    (17, "T", "2025-02-10", _T), (0, "T", "2025-02-11", _T), (6, "T", "2025-03-04", (CROWN,)), (14, "E", "2025-03-05", _E),
    (16, "T", "2025-03-06", _T), (1, "E", "2025-04-08", _E), (3, "H", "2025-04-09", _H), (10, "T", "2025-04-10", _T),
    (5, "H", "2025-06-09", _H), (7, "H", "2025-06-10", _H), (11, "T", "2025-06-11", _T), (12, "H", "2025-06-12", _H),
)  # fmt: skip
# patient, kind, day, status, cancelled at, by the practice; rows v28 to v39
OTHERS: tuple[tuple[int, str, str, int, str, int], ...] = (
    (4, "H", "2025-03-11", 2, "", 0), (13, "T", "2025-03-12", 2, "", 0), (15, "H", "2025-04-15", 2, "", 0),
    (17, "T", "2025-05-06", 2, "", 0), (8, "H", "2025-03-13", 3, "2025-03-13 06:30", 0),
    (14, "T", "2025-04-16", 3, "2025-04-15 10:30", 0), (12, "H", "2025-05-07", 3, "2025-05-02 11:00", 0),
    (9, "T", "2025-05-20", 3, "2025-05-18 12:00", 1), (0, "H", "2025-07-07", 0, "", 0), (1, "H", "2025-07-08", 0, "", 0),
    (18, "T", "2025-07-09", 0, "", 0), (16, "H", "2025-07-10", 0, "", 0),
)  # fmt: skip
# Booked at the moment of coming (v21), or at the desk after the visit before; all others 14 days ahead, by June 27.
_BOOKED = {21: "2025-04-08 09:30", 34: "2025-02-03 10:20", 36: "2025-01-06 10:20"}
MINUTES = {"T": 60, "H": 40, "E": 30}
KINDS = ("T", "H", "E")
SELF_PAID = frozenset({10, 11, 16, 20})  # visits without a claim: of patients 15, 16 and 17
# A line's split by code: paid, contractual, deductible, coinsurance, denied
_PAID = {
    CHECK: (5000, 1000, 0, 0, 0), CLEANING: (9000, 2000, 0, 0, 0), FILLING: (12000, 4000, 0, 6000, 0), PROBLEM: (6000, 2000, 0, 0, 0),
}  # fmt: skip
_DEDUCTIBLE = {FILLING: (6000, 4000, 10000, 2000, 0)}
_AGAIN = {CROWN: (70000, 20000, 0, 30000, 0)}
_LATE = {CROWN: (80000, 25000, 0, 15000, 0)}
_MORE = {CHECK: (5500, 500, 0, 0, 0), CLEANING: (9500, 1500, 0, 0, 0)}
# visit, remittance, kind (0 paid 1 denied 2 reversal 3 corrected), splits, interest, reason of a denial
DECISIONS: tuple[tuple[int, int, int, dict[int, tuple[int, ...]], int, int], ...] = (
    (0, 0, 0, _PAID, 0, NONE), (1, 0, 0, _PAID, 0, NONE), (2, 0, 0, _PAID, 0, NONE), (3, 1, 0, _PAID, 0, NONE),
    (4, 1, 0, _PAID, 0, NONE), (5, 1, 0, _PAID, 0, NONE), (6, 1, 0, _PAID, 0, NONE), (7, 1, 1, {}, 0, 0),
    (8, 2, 0, _PAID, 0, NONE), (9, 2, 0, _PAID, 0, NONE), (7, 3, 0, _AGAIN, 0, NONE), (13, 3, 0, _DEDUCTIBLE, 0, NONE),
    (14, 3, 0, _PAID, 0, NONE), (17, 3, 0, _PAID, 0, NONE), (12, 4, 0, _PAID, 0, NONE), (15, 4, 1, {}, 0, 1),
    (14, 5, 2, _PAID, 0, NONE), (14, 5, 3, _MORE, 0, NONE), (18, 5, 0, _LATE, INTEREST, NONE), (19, 6, 0, _PAID, 0, NONE),
    (21, 7, 0, _PAID, 0, NONE), (22, 7, 0, _PAID, 0, NONE), (23, 8, 0, _PAID, 0, NONE), (26, 9, 1, {}, 0, 0),
    (27, 9, 0, _PAID, 0, NONE),
)  # fmt: skip
# payer, day, cents with interest
REMITTANCES = (
    (0, "2025-01-20", 42000), (0, "2025-01-30", 44000), (1, "2025-02-10", 26000), (0, "2025-02-24", 102000), (1, "2025-02-25", 14000),
    (0, "2025-03-24", 81125), (1, "2025-03-25", 6000), (0, "2025-04-28", 20000), (1, "2025-04-29", 12000), (1, "2025-06-20", 14000),
)  # fmt: skip
# visit, day, cents, method (0 card 1 cash 2 check)
RECEIPTS = (
    (10, "2025-01-22", 17000, 0), (11, "2025-01-23", 8000, 1), (3, "2025-02-05", 6000, 0), (16, "2025-02-10", 19800, 0),
    (4, "2025-02-20", 3000, 2), (20, "2025-03-06", 22000, 0), (17, "2025-03-10", 6000, 1), (7, "2025-03-15", 20000, 2),
    (4, "2025-03-20", 3000, 2), (13, "2025-03-20", 12000, 0), (20, "2025-03-20", 22000, 2), (20, "2025-04-02", -22000, 2),
    (18, "2025-04-10", 15000, 0),
)  # fmt: skip
# visit, code, visit whose first line did it: 6 are older than 90 days on June 30, 4 of them were done within 90 days
PROPOSALS = (
    (0, FILLING, 17), (6, CROWN, 18), (11, FILLING, 20), (5, FILLING, NONE), (8, FILLING, 23), (12, CROWN, NONE), (24, FILLING, NONE),
)  # fmt: skip


def day(text: str) -> int:
    return day_number(date.fromisoformat(text)) if text else NONE


def minute(text: str) -> int:
    if not text:
        return NONE
    moment = datetime.fromisoformat(text)
    return day_number(moment.date()) * 1440 + moment.hour * 60 + moment.minute


def small_book(kind: str = "dental", number: int = 1) -> Book:
    """The book of the little place; ``kind`` dental or medical (no hygiene, no proposals), ``number`` gives it its id."""
    dental = kind == "dental"
    writer = BookWriter()
    _people(writer, dental)
    claims = _visits(writer)
    _decisions(writer, claims)
    _patients_money(writer, claims)
    if dental:
        _proposals(writer)
    _voices(writer)
    _practice(writer)
    tables = writer.close()
    assert set(tables) == set(TABLES)
    return Book(_location(kind, number), _words(), 0, day("2025-01-01"), day("2025-06-30"), tables)


def _location(kind: str, number: int) -> LocationFacts:
    dental = kind == "dental"
    codes = (
        ("D0120", "D1110", "D2391", "D2740", "D0140")
        if dental
        else ("99211", "99395", "11042", "27447", "99213")
    )
    titles = (
        ("check", "cleaning", "filling", "crown", "problem")
        if dental
        else ("check", "physical", "wound", "joint", "visit")
    )
    system = "cdt" if dental else "cpt"
    kinds = ("treatment", "hygiene", "problem") if dental else ("procedure", "physical", "office visit")
    return LocationFacts(
        number=number,
        location_id=f"loc{number}",
        name=f"Invented {'Dental' if dental else 'Medical'} Exampleton {number}",
        kind=kind,
        zone="America/New_York",
        city="Exampleton",
        state="NY",
        zips=("10099", "10098"),
        rooms=2,
        npi="1234567893",
        tax_id="990000001",
        visit_kinds=(
            VisitKind(kinds[0], 60),
            VisitKind(kinds[1], 40, is_hygiene=dental),
            VisitKind(kinds[2], 30),
        ),
        codes=tuple(Code(c, system, t, p) for c, t, p in zip(codes, titles, PRICES, strict=True)),
    )


def _words() -> Words:
    return Words(
        payers=(Payer("INV01", "EXAMPLE HEALTH PLAN", "CI"), Payer("INV04", "INVENTED MEDICAID", "MC")),
        denial_reasons=(("CO", "16"), ("CO", "197")),
        partners=("Example Orthodontics", "Sample Cardiology"),
        expense_categories=("pay", "rent"),
        courses=("patient communication", "billing and coding"),
        items=("gloves", "masks"),
        investment_categories=("technology", "facility"),
        change_plays=("Q1",),
        change_titles=("reminders by text", "new opening hours"),
    )


def _people(writer: BookWriter, dental: bool) -> None:
    for p in range(20):
        joined = day(_JOINED.get(p, "2021-05-03"))
        first = day(_NEW[p]) if p in _NEW else NONE if p >= 18 else joined + 7
        writer.add(
            "patient",
            household=_HEADS.get(p, p),
            birth_day=day(f"{1940 + 3 * p}-06-15"),
            sex=p % 2,
            payer=0 if p < 10 else 1 if p < 15 else NONE,
            joined_day=joined,
            first_visit_day=first,
            left_day=day("2025-04-20") if p == 14 else NONE,
            deceased_day=day("2025-05-15") if p == 9 else NONE,
            channel={5: 0, 6: 2, 12: 4, 16: 5}.get(p, 3),
            referrer=0 if p == 5 else NONE,
            distance_km=2.5,
            need=3.0,
            expectation=0.0,
            digital=0.5,
            answers=0.0,
            talks=1.0,
            forgets=0.0,
        )
    roles = (0, 1, 4, 5, 5) if dental else (2, 2, 4, 5, 5)
    ended = (NONE, NONE, NONE, day("2025-03-14"), NONE)
    started = tuple(map(day, ("2019-02-01", "2020-03-02", "2021-06-01", "2022-09-05", "2025-04-01")))
    for k, role in enumerate(roles):
        writer.add(
            "staff",
            role=role,
            started_day=started[k],
            ended_day=ended[k],
            end_kind=1 if k == 3 else 0,
            fte=0.5 if k == 2 else 1.0,
            is_provider=int(k < 2),
        )


def _visits(writer: BookWriter) -> dict[int, int]:
    """Visits, their sessions, lines and claims; returns visit → claim."""
    rows: list[dict[str, Any]] = [{"patient": p, "name": k, "day": d, "status": 1} for p, k, d, _ in KEPT]
    rows += [
        {"patient": p, "name": k, "day": d, "status": s, "cancelled_at": minute(c), "by_practice": b, "late": int(v in (32, 33))}
        for v, (p, k, d, s, c, b) in enumerate(OTHERS, len(KEPT))
    ]  # fmt: skip
    claims: dict[int, int] = {}
    for v, row in enumerate(rows):
        starts = minute(f"{row['day']} 09:30")
        provider = 1 if row["name"] == "H" else 0
        came = row["status"] == 1
        late = {21: 0, 24: 3}.get(v, -10)
        waited = {21: 25, 24: 13}.get(v, 5)
        moved = {17: "2025-02-10 09:30", 23: "2025-04-08 09:30"}.get(v, "")
        writer.add(
            "visit",
            patient=row["patient"],
            provider=provider,
            room=provider,
            kind=KINDS.index(row["name"]),
            booked_at=minute(_BOOKED[v])
            if v in _BOOKED
            else min(starts - 14 * 1440 + 30, minute("2025-06-27 10:00")),
            first_starts=minute(moved) if moved else starts,
            moved_at={17: minute("2025-02-07 15:00"), 23: minute("2025-04-01 16:10")}.get(v, NONE),
            starts=starts,
            minutes=MINUTES[row["name"]],
            status=row["status"],
            late=row.get("late", 0),
            by_practice=row.get("by_practice", 0),
            cancelled_at=row.get("cancelled_at", NONE),
            arrived_at=starts + late if came else NONE,
            roomed_at=starts + waited if came else NONE,
            started_at=starts + waited + 2 if came else NONE,
            done_at=starts + MINUTES[row["name"]] if came else NONE,
            is_new=int(v in (5, 6, 11, 12, 38)),
            channel={5: 2, 6: 2, 21: 3, 36: 2}.get(v, 0),
            no_show_probability=0.1,
        )
        opens = minute(f"{row['day']} 08:00")
        writer.add("session", provider=provider, room=provider, starts=opens, ends=opens + 240)
    for v, (patient, _, when, codes) in enumerate(KEPT):
        if v not in SELF_PAID:
            claims[v] = len(claims)
            closed = {7: "2025-02-24", 14: "2025-03-24", 15: "2025-05-05", 24: "", 25: "", 26: ""}.get(v)
            if closed is None:
                closed = next(REMITTANCES[r][1] for dv, r, *_ in DECISIONS if dv == v)
            writer.add(
                "claim",
                visit=v,
                patient=patient,
                payer=0 if patient < 10 else 1,
                provider=1 if codes == _H else 0,
                submitted_day=day(when) + 2,
                cents=sum(PRICES[c] for c in codes),
                closed_day=day(closed),
            )
        for code in codes:
            tooth = {FILLING: 14, CROWN: 3}.get(code, 0)
            writer.add(
                "line",
                visit=v,
                code=code,
                cents=PRICES[code],
                units=1,
                tooth=tooth,
                claim=claims.get(v, NONE),
            )
    return claims


def _lines_of(visit: int) -> list[tuple[int, int]]:
    """(row of line, code) of a kept visit."""
    before = sum(len(codes) for *_, codes in KEPT[:visit])
    return [(before + k, code) for k, code in enumerate(KEPT[visit][3])]


def _decisions(writer: BookWriter, claims: dict[int, int]) -> None:
    for payer, when, cents in REMITTANCES:
        interest = INTEREST if cents % 100 else 0
        writer.add("remittance", payer=payer, day=day(when), cents=cents, interest=interest)
    for visit, remittance, kind, splits, interest, reason in DECISIONS:
        sign = -1 if kind == 2 else 1
        parts = {
            line: [sign * x for x in splits.get(code, (0, 0, 0, 0, PRICES[code]))]
            for line, code in _lines_of(visit)
        }
        (decision,) = writer.add(
            "decision",
            claim=claims[visit],
            remittance=remittance,
            day=day(REMITTANCES[remittance][1]),
            kind=kind,
            paid=sum(part[0] for part in parts.values()),
            interest=interest,
        )
        for (line, code), part in zip(_lines_of(visit), parts.values(), strict=True):
            writer.add(
                "decision_line",
                decision=decision,
                line=line,
                charge=sign * PRICES[code],
                paid=part[0],
                contractual=part[1],
                deductible=part[2],
                coinsurance=part[3],
                denied=part[4],
                reason=reason,
            )
    for visit, when in ((7, "2025-02-10"), (26, "2025-06-25")):
        writer.add("resubmission", claim=claims[visit], day=day(when))


def _patients_money(writer: BookWriter, claims: dict[int, int]) -> None:
    for visit, when, cents, method in RECEIPTS:
        writer.add("receipt", patient=KEPT[visit][0], visit=visit, day=day(when), cents=cents, method=method)
    for visit, when, cents, kind in (
        (16, "2025-02-10", 2200, 1),
        (15, "2025-05-05", 8000, 0),
        (7, "2025-06-15", 10000, 0),
    ):
        writer.add(
            "write_off",
            patient=KEPT[visit][0],
            visit=visit,
            claim=claims.get(visit, NONE),
            day=day(when),
            cents=cents,
            kind=kind,
        )


def _proposals(writer: BookWriter) -> None:
    for visit, code, done in PROPOSALS:
        writer.add(
            "proposal",
            visit=visit,
            code=code,
            cents=PRICES[code],
            tooth=14 if code == FILLING else 3,
            day=day(KEPT[visit][2]),
            done_line=NONE if done == NONE else _lines_of(done)[0][0],
        )


def _voices(writer: BookWriter) -> None:
    """6 invitations, 3 answered within 14 days: nps 9, 6, 10 (2 promoters, 1 detractor)."""
    for visit, channel in ((0, 0), (1, 1), (3, 0), (5, 0), (8, 1), (27, 0)):
        patient, _, when, _ = KEPT[visit]
        writer.add(
            "invitation", patient=patient, visit=visit, sent_at=minute(f"{when} 15:00"), channel=channel
        )
    for invitation, question, score, when in (
        (0, 0, 9, "2025-01-06 19:05"),
        (0, 1, 5, "2025-01-06 19:06"),
        (1, 0, 6, "2025-01-09 08:00"),
        (5, 0, 10, "2025-06-13 12:00"),
        (5, 2, 4, "2025-06-13 12:01"),
        (5, 3, 3, "2025-06-13 12:02"),
    ):
        writer.add("answer", invitation=invitation, question=question, score=score, answered_at=minute(when))
    writer.add(
        "review",
        site=np.array([0, 1]),
        rating=np.array([5, 3]),
        posted_at=np.array([minute("2025-02-01 20:00"), minute("2025-03-01 21:30")]),
        replied_at=np.array([minute("2025-02-03 09:00"), NONE]),
    )
    for kind, referrer, patient, when, booked, kept, paid in (
        (0, 0, 5, "2025-01-03", "2025-01-04", "2025-01-14", "2025-01-30"),
        (1, 0, 12, "2025-01-25", "2025-01-26", "2025-02-03", "2025-02-25"),
        (0, 1, NONE, "2025-02-15", "", "", ""),
        (1, 1, NONE, "2025-03-15", "", "", ""),
    ):
        writer.add(
            "referral",
            referrer_kind=kind,
            referrer=referrer,
            patient=patient,
            referred_day=day(when),
            booked_day=day(booked),
            kept_day=day(kept),
            paid_day=day(paid),
        )
    for patient, channel, when, became in (
        (5, 0, "2025-01-04 10:00", "2025-01-14"),
        (6, 2, "2025-01-05 11:00", "2025-01-15"),
        (16, 5, "2025-01-20 10:00", "2025-01-23"),
        (12, 4, "2025-01-26 12:00", "2025-02-03"),
        (NONE, 3, "2025-02-20 09:00", ""),
        (18, 2, "2025-06-18 09:00", ""),
        (19, 2, "2025-06-20 09:00", ""),
    ):
        writer.add(
            "contact", patient=patient, channel=channel, created_at=minute(when), became_day=day(became)
        )


def _practice(writer: BookWriter) -> None:
    for channel, kind, first, last, cents in (
        (2, 0, "2025-01-01", "2025-01-31", 30000),
        (2, 1, "2025-01-01", "2025-01-31", 10000),
        (3, 0, "2025-02-01", "2025-02-28", 9050),
    ):
        writer.add(
            "spend", channel=channel, kind=kind, starts_day=day(first), ends_day=day(last), cents=cents
        )
    for category, when, cents in ((0, "2025-01-31", 1250000), (1, "2025-02-01", 720099)):
        writer.add("expense", category=category, day=day(when), cents=cents)
    for question, score in ((0, 8), (0, 8), (1, 4), (2, 2)):
        writer.add("pulse", question=question, score=score, day=day("2025-03-31"))
    writer.add(
        "training",
        staff=2,
        course=0,
        hours=4.0,
        assigned_day=day("2025-02-03"),
        completed_day=day("2025-02-20"),
        cents=10000,
    )
    writer.add(
        "training",
        staff=4,
        course=1,
        hours=8.0,
        assigned_day=day("2025-06-02"),
        completed_day=NONE,
        cents=20000,
    )
    writer.add(
        "recognition",
        staff=np.array([1, 3]),
        kind=np.array([0, 1]),
        day=np.array([day("2025-01-31"), day("2025-02-28")]),
    )
    for kind, quantity, on_hand, cents, when in (
        (0, 100, 100, 1200, "2025-01-02 07:00"),
        (1, -98, 2, 0, "2025-01-31 17:00"),
        (3, -2, 0, 0, "2025-01-31 17:10"),
        (4, 0, 0, 0, "2025-01-31 17:20"),
        (2, 0, 0, 0, "2025-01-31 18:00"),
    ):
        writer.add(
            "stock_move",
            item=0,
            kind=kind,
            quantity=quantity,
            on_hand=on_hand,
            par=60,
            cents=cents,
            moved_at=minute(when),
        )
    writer.add("investment", component=6, category=0, day=day("2025-02-15"), cents=250000)
    writer.add("change", play=0, component=4, title=0, starts_day=day("2025-03-01"))
    writer.add("change", play=NONE, component=4, title=1, starts_day=day("2025-04-01"))
