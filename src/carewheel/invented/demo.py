"""Making a demo: places simulated and exported one by one, side by side, with progress and resume; then the truth.

Layout of a demo with exports: ``exports/locN/…`` (what the group could really export), ``truth.json``, ``truth/``.
With facts: ``facts/<table>/locN.parquet``, which a workspace can adopt, and the same truth.
``.progress/`` stands until all is done: settings, one summary a finished place, and a lock, so that two never write at once.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from carewheel.catalog.links import links
from carewheel.invented.book import to_date
from carewheel.invented.exports.facts import write_facts
from carewheel.invented.exports.place import export_place
from carewheel.invented.group import DemoRefused, Group
from carewheel.invented.individuals import write_individuals
from carewheel.invented.location import Place
from carewheel.invented.ports import Ports
from carewheel.invented.truth import change_truth, link_truth, worth_truth
from carewheel.invented.workers import spread

Faults = Literal["none", "real", "harsh"]
Truth = Literal["none", "links", "full"]
Writes = Literal["exports", "facts"]
TRUTH_VERSION = 1
PROGRESS = ".progress"
LOCK = "lock"
NOTE = """# Invented data

Everything in this folder is invented: no such practice, patient, member of staff or payer exists.
`carewheel demo` made it. `truth.json` says what is true in this world; {what}
"""
WHAT = {
    "exports": "`exports/` is what its systems would export.",
    "facts": "the folder is a workspace with its facts.",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: a group, where, and how."""

    group: Group
    folder: Path
    faults: Faults = "none"
    truth: Truth = "none"
    writes: Writes = "exports"
    workers: int = 1


def make_demo(
    order: Order,
    on_place: Callable[[int], None] = lambda done: None,
    adopt: Callable[[Path], None] | None = None,
) -> Path:
    """Write the demo and its ``truth.json``; returns the path of the latter. ``on_place`` hears how many places are done.
    ``adopt`` is given the folder when all stands in it, and may take ``facts/`` away.

    A demo that was interrupted goes on where it stood; a folder that holds anything else, or that another process is
    filling, is refused.
    """
    with _alone(order.folder):
        return _make(order, on_place, adopt)


def _make(order: Order, on_place: Callable[[int], None], adopt: Callable[[Path], None] | None) -> Path:
    folder = order.folder
    progress = folder / PROGRESS
    _begin(order, progress)
    numbers = range(1, order.group.locations + 1)
    # Facts that are gone were taken by an adoption that may not have come to its end: they are made again.
    kept = (folder / order.writes).is_dir()
    missing = [n for n in numbers if not kept or not (progress / f"loc{n}.json").exists()]
    done = order.group.locations - len(missing)
    on_place(done)
    for _ in spread(_make_place, [(replace(order, workers=1), n) for n in missing], order.workers):
        done += 1
        on_place(done)
    places = [orjson.loads((progress / f"loc{n}.json").read_bytes()) for n in numbers]
    path = folder / "truth.json"
    path.write_bytes(
        orjson.dumps(_truth(order, places), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    )
    if adopt is not None:
        adopt(folder)
    # The settings go last: whoever is interrupted here finds a demo that can be asked for again.
    for number in numbers:
        (progress / f"loc{number}.json").unlink()
    (progress / "settings.json").unlink()
    shutil.rmtree(progress)
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The right to fill the folder, for one process at a time; what is not ours is refused, and left as it is."""
    progress = folder / PROGRESS
    try:
        _refuse_what_is_not_ours(folder)
        progress.mkdir(parents=True, exist_ok=True)
        handle = os.open(progress / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise DemoRefused(
                "demo.busy",
                "Another carewheel demo is filling this folder.",
                "Wait for it to end, or give another folder.",
            ) from error
        yield
    finally:
        os.close(handle)


def _refuse_what_is_not_ours(folder: Path) -> None:
    progress = folder / PROGRESS
    if (progress / "settings.json").is_file() or not folder.exists():
        return
    ours = {PROGRESS, "README.md"} if progress.is_dir() else set()
    if not folder.is_dir() or any(path.name not in ours for path in folder.iterdir()):
        raise DemoRefused("demo.folder", "The folder is not empty.", "Give a new or an empty folder.")


def _unwritable(error: OSError) -> DemoRefused:
    return DemoRefused(
        "demo.unwritable", f"The folder cannot be written ({error.strerror}).", "Give another folder."
    )


def _begin(order: Order, progress: Path) -> None:
    folder = order.folder
    asked = orjson.dumps(_settings(order), option=orjson.OPT_INDENT_2)
    if progress.is_dir() and (progress / "settings.json").is_file():
        if (progress / "settings.json").read_bytes() != asked:
            raise DemoRefused(
                "demo.other",
                "The folder holds an unfinished demo that was asked for otherwise.",
                "Ask for it as before, or give another folder.",
            )
        return
    _refuse_what_is_not_ours(folder)  # once more: another process may have ended just before we were alone
    try:
        (folder / "README.md").write_text(NOTE.format(what=WHAT[order.writes]), encoding="utf-8")
        (progress / "settings.new").write_bytes(asked)
        (progress / "settings.new").rename(progress / "settings.json")
    except OSError as error:
        raise _unwritable(error) from error


def _settings(order: Order) -> dict[str, Any]:
    group = order.group
    return {
        "seed": group.seed, "locations": group.locations, "months": group.months, "dental_share": group.dental_share,
        "weaken": group.weaken, "plays": [asdict(p) for p in group.plays], "until": group.until.isoformat(),
        "faults": order.faults, "writes": order.writes, "truth": order.truth,
    }  # fmt: skip


def _make_place(task: tuple[Order, int]) -> int:
    """Live through one place and write what it exports; its summary appears last, in one rename."""
    order, number = task
    group, folder = order.group, order.folder
    lived = Place(group, number, Ports(group.strengths, dict(group.weaken))).live()
    name = lived.book.location.location_id
    planted: list[dict[str, Any]] = []
    if order.writes == "facts":
        write_facts(lived.book, folder / "facts", name)
    else:
        target = folder / "exports" / name
        shutil.rmtree(target, ignore_errors=True)
        planted = export_place(lived.book, target, order.faults)
    if order.truth == "full":
        write_individuals(lived, folder / "truth", name)
    place = lived.book.location
    summary = {
        "location": name, "name": place.name, "kind": place.kind, "zone": place.zone,
        "tally": lived.tally.as_lists(), "net_cash_cents": lived.net_cash[: group.months],
        "measures": {k: [_plain(x) for x in v[: group.months]] for k, v in lived.measures.items()},
        "ends_with": _ends(lived.book.tables), "faults": planted,
    }  # fmt: skip
    temporary = folder / PROGRESS / f"loc{number}.json.new"
    temporary.write_bytes(orjson.dumps(summary, option=orjson.OPT_SERIALIZE_NUMPY))
    temporary.rename(folder / PROGRESS / f"loc{number}.json")
    return number


def _ends(tables: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Rows of the book by table."""
    return {name: len(table[name]) for name, table in tables.items()}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def _truth(order: Order, places: list[dict[str, Any]]) -> dict[str, Any]:
    group = order.group
    payer, begins, ends = group.slow_payer
    found: dict[str, Any] = {
        "schema_version": TRUTH_VERSION,
        "invented": True,
        "settings": _settings(order),
        "seed": group.seed,
        "months": group.months,
        "first_date": group.first_date.isoformat(),
        "last_date": group.last_date.isoformat(),
        "currency": "USD",
        "shocks": {
            "slow_payer": {
                "payer": payer, "first_day": to_date(begins).isoformat(), "last_day": to_date(ends - 1).isoformat(),
            },
            "flu_months": sorted(m for m in group.flu_months if m < group.months),
        },
        "links": {
            link.id: {
                "kind": link.kind, "from": link.from_measure, "to": link.to_measure,
                "drawn": round(group.strengths[link.id], 5), "weakened_to": group.weaken.get(link.id, 1.0), "strength": None,
            }
            for link in links().values()
        },
        "drag": None,
        "plays": None,
        "changes": None,
        "locations": [{k: v for k, v in place.items() if k != "faults"} for place in places],
        "faults": [fault for place in places for fault in place["faults"]],
    }  # fmt: skip
    if order.truth == "none":
        return found
    for name, estimate in link_truth(group, order.workers).items():
        found["links"][name]["strength"] = estimate.as_json()
    worth = worth_truth(group, order.workers)
    laws = {name: e for name, e in worth.items() if not name.startswith("play ")}
    best = max(laws, key=lambda name: laws[name].value)
    found["drag"] = {
        "link": best,
        "what": "net cash in USD of 24 months and one place when the link is stronger by 0.1 from the second year on",
        "worth": {name: e.as_json() for name, e in laws.items()},
    }
    found["plays"] = {
        "what": "net cash in USD of 24 months and one place with the play from the second year on; its cost is not taken off",
        "worth": {
            name.removeprefix("play "): e.as_json() for name, e in worth.items() if name.startswith("play ")
        },
    }
    found["changes"] = change_truth(group, order.workers)
    return found
