"""From a practice's export to its console: the readers' records into the operational tables, as often as there is a new export."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction

from carewheel.interop.files import ReadSettings
from carewheel.interop.records import LocationRecord
from carewheel.journeys.foresee_the_book import FORESEE
from carewheel.journeys.import_sources import FoundSource, GivenSource, Progress, SourceRefused, gather
from carewheel.practice.access import Actor
from carewheel.practice.audit import record
from carewheel.practice.imports.book import Book
from carewheel.practice.imports.ground import Ground, elsewhere, lay, newest
from carewheel.practice.imports.hours import HoursSeen, take_hours
from carewheel.practice.imports.people import take_patients
from carewheel.practice.imports.spool import Spool
from carewheel.practice.jobs import enqueue
from carewheel.practice.models import Closure, Location, Organisation
from carewheel.practice.places import hours_moved
from carewheel.spokes.operations.commands_missing import ToldBook, compare_book, known_visits
from carewheel.spokes.operations.commands_outbound import SeenVisit, reconcile
from carewheel.spokes.operations.queries_waitlist import outbound
from carewheel.warehouse.workspace import Workspace

# The best book first. Claims and payments tell of visits only after the fact: they make none.
RANKS = ("practice", "fhir", "hl7v2")
FEED = "hl7v2"
# The kind of source that a person has described: any table.
LIST = "mapped"
# Tables and resources that tell of money or of care given, which the console takes from the facts: read once is enough.
LEFT_TO_THE_FACTS = {
    "fhir": frozenset(
        ("Coverage", "Procedure", "Claim", "ClaimResponse", "ExplanationOfBenefit", "ChargeItem", "Invoice", "QuestionnaireResponse")
    ),
    "opendental": frozenset(
        ("claim", "claimproc", "claimpayment", "paysplit", "payment", "adjustment", "insplan", "inssub", "patplan", "carrier", "recall", "refattach")
    ),
}  # fmt: skip
# How far back what the source says is compared with what it was asked.
COMPARED = timedelta(days=30)


@dataclass
class Filled:
    """What an import left: counts, and what is to be said of it."""

    organisation: str
    locations: int = 0
    patients_made: int = 0
    patients_changed: int = 0
    visits_made: int = 0
    visits_changed: int = 0
    held_here: int = 0
    missing: int = 0
    notes: list[str] = field(default_factory=list)


def fill_the_practice(
    workspace: Workspace,
    given: Sequence[GivenSource],
    settings: ReadSettings,
    at: datetime,
    *,
    organisation: str = "",
    holidays: Mapping[date, str] | None = None,
    progress: Progress | None = None,
) -> Filled:
    """Bring locations, people, hours and visits of the sources into the operational tables; the same sources again change nothing.

    A batch of rows is one transaction: who is interrupted runs it again. ``organisation``: its name; by default the one that there is.
    ``holidays``: days on which an invented world is closed, by their names; its exports tell of them only by what does not happen.
    First the changes that the practice system was asked to take over are held against what it says now; visits for which it has not
    answered yet stay as they are.
    Raises `SourceRefused` where no source tells of visits or people, or where invented and real data would be mixed.
    """
    found = gather(given, settings, workspace)
    sources = sorted(
        (_of_the_book(one) for one in found.sources if one.setting.source_kind in RANKS),
        key=lambda one: RANKS.index(one.setting.source_kind),
    )
    progress = progress or Progress()
    progress.total_bytes = sum(item.file.size for source in sources for item in source.items)
    with tempfile.TemporaryDirectory(prefix="carewheel-import-") as folder:
        spool = Spool(Path(folder))
        try:
            places = _read(spool, sources, settings, progress)
            owner = _organisation(organisation, found.invented, at)
            filled = Filled(owner.name)
            actor = Actor(owner.pk, at, system="import")
            for number, source in enumerate(sources):
                progress.show("", number, len(sources))
                _fill(spool, number, source, owner, places, actor, found.invented, filled)
            if found.invented:
                _close(owner, holidays or {})
        finally:
            spool.close()
    if not filled.visits_made + filled.visits_changed + filled.patients_made + filled.locations:
        filled.notes.append("No source tells of visits or patients that were not here already.")
    with transaction.atomic():
        record(
            actor, "practice-imported", patients_made=filled.patients_made, patients_changed=filled.patients_changed,
            visits_made=filled.visits_made, visits_changed=filled.visits_changed,
        )  # fmt: skip
        # Not now: an import is awaited by somebody, and learning who may not come can take a minute.
        enqueue(FORESEE, run_at=at, key=f"{FORESEE}-after-import:{owner.pk}", organisation_id=owner.pk)
    return filled


def _of_the_book(source: FoundSource) -> FoundSource:
    """The files of a source that tell of places, people and visits."""
    out = LEFT_TO_THE_FACTS.get(source.kind, frozenset())
    kept = [item for item in source.items if item.part not in out]
    return replace(source, items=kept or source.items)


def _read(
    spool: Spool, sources: Sequence[FoundSource], settings: ReadSettings, progress: Progress
) -> dict[str, LocationRecord]:
    """All sources into the spool; what they say of locations, the best source first."""
    places: dict[str, LocationRecord] = {}
    for number, source in enumerate(sources):
        source.read(spool.sink(number, source.setting.locations, progress), settings)
        newest(spool.of_kind(number, "location"), places)
    return places


def _fill(
    spool: Spool, number: int, source: FoundSource, owner: Organisation, places: dict[str, LocationRecord], actor: Actor,
    invented: bool, filled: Filled,
) -> None:  # fmt: skip
    setting = source.setting
    ground = lay(owner, setting.source, number, spool, places, setting.zone)
    people_of = setting.people_of or setting.source
    if not ground.locations:
        # It keeps no book. A list of people still says who those of a system are; another system's people would be here twice.
        if source.kind == LIST:
            _take_people(spool, number, elsewhere(ground), people_of, actor, filled)
        return
    if ground.zone_unknown:
        filled.notes.append(
            f"{setting.source} names no time zone: its clocks were read as UTC. Give --zone and look at the settings."
        )
    filled.locations += len(ground.locations)
    _take_people(spool, number, ground, people_of, actor, filled)
    book = Book(ground, people_of, actor.at, invented, HoursSeen(actor.at))
    book.contested = _compare(spool, number, replace(book, hours=HoursSeen(actor.at)), actor)
    places_here = [place.pk for place in ground.locations.values()]
    known = known_visits(actor, places_here, ground.source, actor.at - COMPARED)
    for visits in spool.visits(number):
        book.take(visits)
    # A feed of messages tells of what changed; whatever it does not tell of stands. So does what an invented world has not lived yet.
    if setting.source_kind != FEED and not invented:
        _look_for_missing(book, known, actor, filled)
    filled.visits_made += book.made
    filled.visits_changed += book.changed
    filled.held_here += book.held_here
    if take_hours(ground, spool.of_kind(number, "availability"), book.hours):
        filled.notes.append(
            f"Hours of {setting.source} were worked out from the last weeks. Look at them in the settings."
        )


def _close(owner: Organisation, holidays: Mapping[date, str]) -> None:
    """Days on which nobody works, as closed days of every location. One that somebody opened again comes back with the next import of an invented world."""
    places = Location.objects.filter(organisation=owner).values_list("pk", flat=True)
    known = set(Closure.objects.filter(location__in=places).values_list("location", "date"))
    asked = [
        Closure(location_id=place, date=day, name=name) for place in places for day, name in holidays.items()
    ]
    new = [one for one in asked if (one.location_id, one.date) not in known]
    if new:
        with transaction.atomic():
            Closure.objects.bulk_create(new)
            hours_moved({one.location_id for one in new})


def _take_people(
    spool: Spool, number: int, ground: Ground, people_of: str, actor: Actor, filled: Filled
) -> None:
    for people in spool.people(number):
        made, changed = take_patients(ground, people_of, people, actor.at)
        filled.patients_made += made
        filled.patients_changed += changed


def _look_for_missing(book: Book, known: dict[str, datetime], actor: Actor, filled: Filled) -> None:
    """Mark visits to come that this export does not have any more; the front desk decides."""
    if book.first is None or book.last is None:
        return
    found = compare_book(
        actor, known, ToldBook(book.ground.source, book.numbers, book.first, book.last), book.contested
    )
    filled.missing += found.missing
    if found.part:
        filled.notes.append(
            f"{book.ground.source} tells of so few of the visits known before that it was taken for a part of the book: none was marked as missing."
        )


def _compare(spool: Spool, number: int, book: Book, actor: Actor) -> frozenset[int]:
    """Hold what the practice system was asked to take over against what it says; the visits on which it still owes an answer."""
    if not _awaited(actor):
        return frozenset()
    seen: dict[int, list[SeenVisit]] = {place.pk: [] for place in book.ground.locations.values()}
    for visits in spool.visits(number):
        for one in book.told(visits, actor.at - COMPARED):
            seen[one.location_id].append(
                SeenVisit(one.source, one.source_id, one.patient_id, one.starts_at, one.ends_at, one.status, one.resource_ids)
            )  # fmt: skip
    for location_id, told in seen.items():
        reconcile(actor, location_id, told)
    return _awaited(actor)


def _awaited(actor: Actor) -> frozenset[int]:
    return frozenset(line.visit.id for line in outbound(actor) if line.state == "open")


def _organisation(name: str, invented: bool, at: datetime) -> Organisation:
    """The organisation of that name, or the one that there is, or a new one."""
    there = Organisation.objects.filter(name=name) if name else Organisation.objects.all()
    held = list(there.order_by("id")[:2])
    if len(held) > 1:
        raise SourceRefused(
            "import.organisation", "There are several organisations.", "Name one with --organisation."
        )
    if not held:
        title = name or ("Invented group" if invented else "My practice")
        return Organisation.objects.create(name=title, invented=invented, created_at=at)
    if held[0].invented != invented:
        raise SourceRefused(
            "source.mixed",
            "The organisation holds "
            + ("invented" if held[0].invented else "real")
            + " data; these are not.",
            "Import them in a workspace of their own: invented and real data are never mixed.",
        )
    return held[0]
