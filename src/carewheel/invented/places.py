"""What the invented places are: names, zones, payers, codes and prices. Names look invented; numbers are 555 numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from carewheel.catalog.plays import plays
from carewheel.invented.book import Code, LocationFacts, Payer, VisitKind, Words
from carewheel.invented.draws import Draws

PAYERS = {
    "dental": (0, 1, 3, 4),
    "medical": (0, 1, 2, 3),
}
WORDS_PAYERS = (
    Payer("INV01", "EXAMPLE HEALTH PLAN", "CI"),
    Payer("INV02", "SAMPLE MUTUAL", "CI"),
    Payer("INV03", "MADE-UP MEDICARE", "MB"),
    Payer("INV04", "INVENTED MEDICAID", "MC"),
    Payer("INV05", "FICTION DENTAL", "CI"),
)
# CARC: 16 lacks information, 197 no authorisation, 29 filed late, 50 not necessary, 97 included, 252 attachment needed.
DENIAL_REASONS = (("CO", "16"), ("CO", "197"), ("CO", "29"), ("CO", "50"), ("CO", "97"), ("CO", "252"))
DENIAL_SHARES = (0.34, 0.20, 0.08, 0.12, 0.14, 0.12)

# code, our own short title, USD, lines of which visit kind carry it and how often
DENTAL_CODES = (
    Code("D0120", "cdt", "check-up", 5800),
    Code("D1110", "cdt", "cleaning", 10800),
    Code("D0274", "cdt", "bitewing images", 7400),
    Code("D0140", "cdt", "problem visit", 8800),
    Code("D2392", "cdt", "filling, two surfaces", 23600),
    Code("D2740", "cdt", "crown", 124500),
    Code("D4341", "cdt", "root planing", 26500),
    Code("D0150", "cdt", "first examination", 9800),
    Code("D7140", "cdt", "extraction", 19200),
    Code("D9972", "cdt", "whitening", 25000),
)
MEDICAL_CODES = (
    Code("99213", "cpt", "visit, low", 16500),
    Code("99214", "cpt", "visit, moderate", 23800),
    Code("99203", "cpt", "first visit", 21500),
    Code("93000", "cpt", "electrocardiogram", 6200),
    Code("36415", "cpt", "blood draw", 1900),
    Code("87880", "cpt", "strep test", 4100),
    Code("96372", "cpt", "injection", 4800),
    Code("80053", "cpt", "blood panel", 4400),
    Code("99473", "cpt", "blood pressure taught", 3100),
    Code("95250", "cpt", "glucose monitoring", 25000),
)
# Visit kinds: 0 and 1 with a hygienist or nurse, 2 and 3 with the dentist or physician.
DENTAL_KINDS = (
    VisitKind("hygiene", 60, True),
    VisitKind("periodontal", 60, True),
    VisitKind("examination", 40),
    VisitKind("treatment", 40),
)
MEDICAL_KINDS = (
    VisitKind("nurse", 20),
    VisitKind("vaccination", 20),
    VisitKind("follow-up", 30),
    VisitKind("consultation", 30),
)
CITIES = (
    ("Exampleton", "NY", "America/New_York", "10099"),
    ("Sampleville", "IL", "America/Chicago", "60699"),
    ("Fictionburg", "CO", "America/Denver", "80299"),
    ("Inventoria", "CA", "America/Los_Angeles", "90099"),
)


class _Planned(Protocol):
    @property
    def play(self) -> str: ...


def make_words(planned: Iterable[_Planned]) -> Words:
    """The word lists of a group; the plays that it plans come first among the changes."""
    names = tuple(dict.fromkeys(p.play for p in planned))
    return Words(
        payers=WORDS_PAYERS,
        denial_reasons=DENIAL_REASONS,
        partners=("Example Orthodontics", "Sample Cardiology", "Fiction Physiotherapy"),
        expense_categories=("pay", "rent", "supplies", "other"),
        courses=("patient communication", "safety and hygiene", "billing and coding", "new systems"),
        items=("gloves", "masks", "kits", "cartridges"),
        investment_categories=("technology", "facility", "training"),
        change_plays=names,
        change_titles=(*(plays()[name].title for name in names), "new opening hours"),
    )


def luhn_npi(nine: str) -> str:
    """An NPI: nine digits and the check digit over 80840 and them.

    >>> luhn_npi("123456789")
    '1234567893'
    """
    total = 24
    for place, digit in enumerate(reversed(nine)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number // 10 + number % 10
    return nine + str(-total % 10)


def make_location(number: int, kind: str, draws: Draws) -> LocationFacts:
    """What place ``number`` is. Its zone and city go by turns."""
    city, state, zone, zip_code = CITIES[(number - 1) % len(CITIES)]
    dental = kind == "dental"
    prices = 0.88 + 0.24 * draws.uniform("prices", 0, 1, 1)[0, 0]
    codes = tuple(
        Code(c.code, c.system, c.title, round(c.cents * prices / 100) * 100)
        for c in (DENTAL_CODES if dental else MEDICAL_CODES)
    )
    return LocationFacts(
        number=number,
        location_id=f"loc{number}",
        name=f"Invented {'Dental' if dental else 'Medical'} {city} {number}",
        kind=kind,
        zone=zone,
        city=city,
        state=state,
        zips=tuple(f"{zip_code[:3]}{(int(zip_code[3:]) + i) % 100:02}" for i in range(4)),
        rooms=6,
        npi=luhn_npi(f"19{number:07}"),
        tax_id=f"99{number:07}",
        visit_kinds=DENTAL_KINDS if dental else MEDICAL_KINDS,
        codes=codes,
    )
