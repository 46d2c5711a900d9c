"""Ids and names of an invented place, the same in all of its systems. Names, numbers and addresses look invented.

A dental place runs Open Dental: whole numbers from 1, row + 1. A medical place runs a FHIR server: ids with the place in
front. Claims are named alike in the practice system, in the 837 (CLM01) and in the 835 (CLP01).
"""

from __future__ import annotations

from carewheel.invented.book import Book

_FRONT = ("Sample", "Example", "Invented", "Fiction", "Madeup", "Pretend", "Mock", "Demo", "Trial", "Figment")
_BACK = (
    "Adler", "Baker", "Carter", "Dyer", "Elder", "Fisher", "Glover", "Hunter", "Ivory", "Joiner", "Keeper", "Lister", "Miller",
    "Naylor", "Oliver", "Potter", "Quiller", "Reeve", "Sawyer", "Tanner", "Usher", "Vintner", "Weaver", "Yeoman",
)  # fmt: skip
_GIVEN = (
    ("Ada", "Bea", "Cleo", "Dora", "Edna", "Flora", "Greta", "Hilda", "Ida", "June", "Kara", "Lena", "Mona", "Nora", "Olga", "Petra"),
    ("Abel", "Boris", "Cyril", "Duncan", "Egon", "Felix", "Gus", "Hugo", "Ivo", "Jasper", "Kurt", "Leo", "Milo", "Ned", "Otto", "Piet"),
)  # fmt: skip


def _is_dental(book: Book) -> bool:
    return book.location.kind == "dental"


def patient_id(book: Book, row: int) -> str:
    """The practice system's id of a patient (row of ``patient``): PatNum, or the id of the FHIR Patient."""
    return str(row + 1) if _is_dental(book) else f"{book.location.location_id}-p{row + 1}"


def visit_id(book: Book, row: int) -> str:
    """The id of a visit (row of ``visit``): AptNum, or the id of the FHIR Appointment."""
    return str(row + 1) if _is_dental(book) else f"{book.location.location_id}-v{row + 1}"


def provider_id(book: Book, row: int) -> str:
    """The id of anybody who works there (row of ``staff``): ProvNum, or the id of the FHIR Practitioner."""
    return str(row + 1) if _is_dental(book) else f"{book.location.location_id}-s{row + 1}"


def claim_id(book: Book, row: int) -> str:
    """What the place and the payers call a claim (row of ``claim``): ClaimIdentifier, CLM01 and CLP01."""
    return f"{book.location.location_id}-{row + 1}"


def partner_id(book: Book, row: int) -> str:
    """The id of a professional who refers (index in ``Words.partners``): as our reader of Open Dental names a ReferralNum."""
    return f"referral:{row + 1}" if _is_dental(book) else f"partner-{row + 1}"


def member_id(book: Book, row: int) -> str:
    """The number on a patient's insurance card.

    >>> from types import SimpleNamespace as S
    >>> member_id(S(location=S(number=3)), 41)
    'INV0300000042'
    """
    return f"INV{book.location.number:02}{row + 1:08}"


def invented_person(book: Book, row: int) -> tuple[str, str]:
    """Family and given name of a patient; a household shares its family name. Letters and hyphens only.

    >>> from types import SimpleNamespace as S
    >>> class Two(S):
    ...     def __getitem__(self, table):
    ...         return {"household": [0, 0], "sex": [0, 1]}
    >>> book = Two(location=S(number=1))
    >>> invented_person(book, 0), invented_person(book, 1)
    (('Example-Keeper', 'Ada'), ('Example-Keeper', 'Boris'))
    """
    people = book["patient"]
    return _family(book, int(people["household"][row])), _GIVEN[int(people["sex"][row]) % 2][row % 16]


def invented_provider(book: Book, row: int) -> tuple[str, str]:
    """Family and given name of somebody who works there (row of ``staff``)."""
    return _family(book, 7919 * (row + 1)), _GIVEN[row % 2][(5 * row + book.location.number) % 16]


def _family(book: Book, number: int) -> str:
    # 37 is prime to 240, so that 240 households in a row have 240 names.
    place = (37 * number + 101 * book.location.number) % 240
    return f"{_FRONT[place % 10]}-{_BACK[place // 10]}"


def invented_phone(row: int) -> str:
    """A telephone number out of the range that is kept for fiction.

    >>> invented_phone(107)
    '555-0107'
    """
    return f"555-01{row % 100:02}"


def invented_email(book: Book, row: int) -> str:
    """An address of a patient at example.com."""
    return f"{book.location.location_id}.patient{row + 1}@example.com"


def invented_address(book: Book, row: int) -> tuple[str, str, str, str]:
    """Street, city, state and zip of a patient; a household lives at one address."""
    home = int(book["patient"]["household"][row])
    place = book.location
    return f"{home % 900 + 100} Invented Street", place.city, place.state, place.zips[home % len(place.zips)]
